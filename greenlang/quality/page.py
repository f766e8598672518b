"""The page docs/quality.md, made from the declarations.

Belongs here: words around the declarations, and how the documents' lists were reconciled. Does not belong here: what is
measured (`greenlang.quality.dimensions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from greenlang.quality.dimensions import DIMENSIONS, Dimension

_HEAD = """# The twelve quality dimensions

<!-- Generated from greenlang/quality/dimensions. Do not edit. -->

Each dimension is measured by running something; no figure stands in for another. What cannot be measured for an agent
is *not applicable*, says why, and never scores.

- **Measure**: met or not met in full, with a share of 0 to 100 %, what was found with file and line, and figures. A
  count of findings costs a tenth each.
- **Score of a dimension**: the mean of its applicable measures. It passes if the score reaches its threshold and every
  measure marked *must* that applies is met in full. Without an applicable measure it is not applicable.
- **Score of an agent**: the mean of the applicable dimensions, weighted.
- **Pass of an agent**: every required dimension passed. Score and pass are separate: a failed required dimension never
  averages away.
- **What goes wrong on our side** (a sandbox that fails, a run that was left out where all must be run) is told apart:
  the measures that rest on it are not applicable, and the agent neither fails nor passes.
- A share is of what is counted; of the mutation score it is of the threshold, so that a certificate does not depend on
  whether 20 mutants were run or all.
- **Figures that vary** (milliseconds, megabytes) stand beside the words and never in a certificate: the same pack is
  judged in the same words.
"""

# What appendix C of document 000 lists and we do not measure as it stands there: item, what instead.
LEFT_OUT: tuple[tuple[str, str, str], ...] = (
    ("1", "11/11 sections present", "the dialects have other sections; the ledger accounts for every key instead"),
    ("1", "7-10 tools defined", "the number of tools says nothing about quality: a spec has as many as it needs"),
    ("2", "1,300-2,200 lines", "the number of lines says nothing about quality"),
    ("2", "tool-first architecture", "what it is for is measured: tools callable, numbers traced, no model"),
    ("4", "temperature: 0.0; seed: 42", "an agent calls no model, which is measured; there is nothing to set"),
    ("6", "4+ standards", "a count of names can be met by names; the share of outputs that cite is measured"),
    ("7", "container image", "the image file is checked; building an image needs a registry and is not done here"),
    ("8", "test coverage", "it is a must of Tests; a second time it would only weigh twice"),
    ("8", "zero CVEs", "it is a must of Compliance and security (dependency audit), for the same reason"),
    (
        "9",
        "graceful degradation",
        "an agent has nobody to fall back from; that it refuses with a typed value is measured",
    ),
    ("10", "market analysis; ROI metrics; success KPIs", "no run of an agent can show them, and we print no estimate"),
    ("11", "alerting defined", "packs carry no alert rules; /metrics is JSON for a scraper of the operator's choice"),
    ("12", "feedback mechanism; roadmap defined", "nothing that runs shows them; no feedback is recorded yet"),
)

# The documents' lists against this one: where, what is said there, what holds here.
RECONCILED: tuple[tuple[str, str, str], ...] = (
    ("000, appendix C", "twelve dimensions, four items each", "the base of this page; left out by name below"),
    ("000, 1 and 2", "85 % coverage, 40 tests, six categories", "musts of Tests"),
    ("000, 10", "90 % coverage", "said of the factory's own code, not of agents"),
    ("001, 3.3", "six weighted dimensions under the name of twelve", "mapped: see the next rows"),
    ("001, 3.3", "code_quality 0.25; complexity at most 10", "Implementation 12; complexity counted, costs score"),
    ("001, 3.3", "test_coverage 0.30; 85 %", "Tests 15 and Determinism 15"),
    ("001, 3.3", "documentation 0.15; docstrings 80 %", "Documentation 8, threshold 90 over all its measures"),
    ("001, 3.3", "type hints 90 %", "all: mypy --strict without a finding"),
    ("001, 3.3", "performance 0.10", "Exit criteria 6: latency and memory measured, no pattern guessed"),
    ("001, 3.3", "security 0.10", "Compliance and security 12, required"),
    ("001, 3.3", "standards 0.10", "Specification 10 (standards cited) and Determinism (zero hallucination)"),
    ("001, 3.3", "70 % overall is enough", "no: a failed required dimension never averages away"),
)


def page() -> str:
    """The text of docs/quality.md, from the declarations alone."""
    return "\n".join([_HEAD, *_table(), *_dimensions(), *_lists(), *_rest()]) + "\n"


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _table() -> Iterator[str]:
    total = sum(d.weight for d in DIMENSIONS)
    yield from _rows(
        ("", "dimension", "threshold", "weight", "required", "measures"),
        (
            (
                str(number),
                d.title,
                f"{d.threshold:g} %",
                f"{d.weight:g} of {total:g}",
                "yes" if d.required else "no",
                str(len(d.measures)),
            )
            for number, d in enumerate(DIMENSIONS, 1)
        ),
    )


def _dimensions() -> Iterator[str]:
    for number, d in enumerate(DIMENSIONS, 1):
        yield from ("", f"## {number}. {d.title}", "", _about(d), "")
        yield from _rows(
            ("measure", "what", "how", "unit", "met at", "must", "evidence kept"),
            (
                (m.name, m.what, m.how, m.unit, _met_at(m.unit, m.threshold), "yes" if m.must else "no", m.evidence)
                for m in d.measures
            ),
        )


def _about(d: Dimension) -> str:
    needed = "required" if d.required else "not required"
    return f"Name in tables: `{d.name}`. Weight {d.weight:g}, threshold {d.threshold:g} %, {needed}."


def _met_at(unit: str, threshold: str) -> str:
    if unit in {"milliseconds", "megabytes"}:
        return f"{threshold} or less"
    return threshold if threshold in {"0", "100"} else f"{threshold} or more"


def _lists() -> Iterator[str]:
    from greenlang.quality.licences import ALLOWED
    from greenlang.quality.mutation.operators import OPERATORS
    from greenlang.quality.secrets import SHAPES
    from greenlang.quality.tools import LINT_RULES, SECURITY_RULES

    yield from ("", "## Operators of mutation", "")
    yield from _rows(("operator", "imitates", "how"), ((o.name, o.imitates, o.how) for o in OPERATORS))
    kinds = "; ".join(dict.fromkeys(shape.kind for shape in SHAPES))
    yield from (
        "",
        "## Rules of ruff",
        "",
        f"Over the whole pack: `{'`, `'.join(LINT_RULES)}`. Over the agent's package also: "
        f"`{'`, `'.join(SECURITY_RULES)}`.",
        "",
        "## Licences of components",
        "",
        f"Allowed: {', '.join(f'`{name}`' for name in sorted(ALLOWED))}.",
        "Of an expression all that AND joins and one that OR joins.",
        "",
        "## Shapes of secrets",
        "",
        f"{kinds}; a value beside a name such as password, token or api_key; a quoted text of high entropy.",
        "Hexadecimal words are not counted as random: packs are full of digests.",
    )


def _rest() -> Iterator[str]:
    yield from ("", "## Left out of appendix C", "")
    yield from _rows(("dimension", "item", "why, and what instead"), LEFT_OUT)
    yield from ("", "## The documents' lists and this one", "")
    yield from _rows(("document", "says", "here"), RECONCILED)
    yield from (
        "",
        "## What is not measured",
        "",
        "- Manifests are not validated against the published schemas at every pack, and no cluster sees them. Each",
        "  field is declared in `greenlang/quality/manifests.py`; that declaration is tested against those schemas.",
        "- No image is built, and the bill of materials is about Python distributions only, not about the base image.",
        "- Advisories are as good as [the file that is given](operations.md#known-vulnerabilities); without one the",
        "  audit is not applicable.",
        "- Business impact is what a run can show: which inputs move the figures, and whether CO2e says its basis.",
    )
