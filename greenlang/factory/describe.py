"""What became of an agent, as Markdown for people: plan, tests, pack.

Belongs here: wording, and that no word of a spec becomes markup where it is shown (the Dagster UI, a report in the
bucket). Does not belong here: measuring, deciding.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from greenlang.factory import whole
from greenlang.factory.outcome import AgentOutcome
from greenlang.factory.pack import PackInfo
from greenlang.llm.disclosing import named
from greenlang.pages import clean
from greenlang.quality.repair import RepairOutcome
from greenlang.quality.secrets import in_text
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.verdict import Verdict
from greenlang.specs.diagnostics import Diagnostic

_MEANS = {
    "given": "given in the spec",
    "property": "stated by a property",
    "prose": "described in words",
    "library": "formula library",
    "overlay": "reviewed overlay",
    "system": "supplied by the runtime",
}


_MOST = 2_000  # characters of one foreign text
_CODE = re.compile(r"(`[^`\n]*`)")
_MARKUP = re.compile(r"([\\\[\]])")


def said(text: str) -> str:
    """A foreign text without HTML, links, pictures and characters that steer; what stands in backticks is inert.

    A text that holds a secret is not repeated: reports go to more people than the spec does.
    """
    if secret := next(in_text(text), None):
        return f"(not repeated here: looks like a secret: {secret[1]})"
    parts = _CODE.split(clean(text if len(text) <= _MOST else text[: _MOST - 1] + "…"))
    outside = (_MARKUP.sub(r"\\\1", part).replace("<", "&lt;") for part in parts[::2])
    inside = iter(parts[1::2])
    return "".join(part + next(inside, "") for part in outside)


def _cell(text: str) -> str:
    return said(text).replace("|", "\\|").replace("\n", " ")


def _line(text: str) -> str:
    return " ".join(said(text).split())


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(str(c)) for c in row)} |" for row in rows]
    return "\n".join(lines)


def plan(resolution: Resolution) -> str:
    """Each output with its formula, means and source; the pinned factors; what is not covered or missing."""
    spec = resolution.spec
    plans, units = whole.plans(resolution), whole.units(resolution)
    parts = [f"**{_line(spec.name)}** {_line(spec.version)}: {_line(spec.summary)}".rstrip(": ")]
    if spec.overlay is not None:
        on = f", {spec.overlay.reviewed_on}" if spec.overlay.reviewed_on else ""
        parts.append(
            f"With the overlay {_line(spec.overlay.name)}, reviewed by {_line(spec.overlay.reviewer)}{on} "
            f"(SHA-256 `{spec.overlay.digest}`)." + "".join(f" Drafted by {named(d)}." for d in spec.overlay.proposed)
        )
    rows = [(f"`{name}`", units[name], p.text, _MEANS[p.means], p.citation) for name, p in plans.items()]
    if rows:
        parts.append(_table(("tool", "unit", "formula", "found by", "source"), rows))
    if resolution.pinned:
        factors = [(f"`{f.key}`", f"{f.value} {f.unit}", f.citation) for f in resolution.pinned[:40]]
        more = len(resolution.pinned) - len(factors)
        parts.append(_table(("factor", "value", "citation"), factors) + (f"\n\n… and {more} more" if more > 0 else ""))
    if resolution.gaps:
        gaps = [(", ".join(f"{n} = {v}" for n, v in g.selectors), g.reason) for g in resolution.gaps]
        parts.append("Not covered:\n\n" + _table(("input", "why"), gaps))
    for missing in resolution.missing:
        lines = [f"- **no plan for `{missing.output}`**: {_line(missing.reason)}"]
        lines += [f"    - {_line(c)}" for c in missing.candidates]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def tests(verdict: Verdict) -> str:
    """The test table by category, coverage, and what failed."""
    count: dict[str, Counter[str]] = {}
    for test in verdict.tests:
        count.setdefault(test.category, Counter())[test.outcome] += 1
    rows = [(c, str(n["passed"]), str(n["failed"] + n["error"])) for c, n in count.items()]
    parts = [
        f"**{verdict.status}**: {verdict.passed} of {len(verdict.tests)} tests, "
        f"sandbox profile {verdict.profile.name} ({', '.join(verdict.profile.primitives)})",
        _table(("category", "passed", "failed"), rows),
    ]
    if verdict.coverage:
        c = verdict.coverage
        parts.append(
            f"Coverage {c.percent:.1f} %: {c.lines_covered} of {c.lines_total} lines, "
            f"{c.branches_covered} of {c.branches_total} branches."
        )
    bad = [t for t in verdict.tests if t.outcome not in {"passed", "skipped"}]
    for test in bad[:10]:
        last = test.message.strip().splitlines()[-1] if test.message.strip() else test.outcome
        parts.append(f"- {_line(test.id)}: {_line(last)}")
    if verdict.detail:
        parts.append(_line(verdict.detail))
    return "\n\n".join(parts) + "\n"


def repair(found: RepairOutcome) -> str:
    """What the repair ladder tried, rung by rung, and what it came to."""
    rows = [
        (a.rung, str(a.round), a.status.replace("_", " "), a.reason, f"{a.seconds:.1f}", f"{a.usd:.4f}")
        for a in found.attempts
    ]
    parts = [
        f"Repair: **{found.status.replace('_', ' ')}**. {_line(found.reason)}",
        _table(("rung", "round", "result", "why", "seconds", "USD"), rows),
    ]
    if found.rates is not None:
        parts.append(found.rates.text)
    if found.explanation:
        parts.append(said(found.explanation))
    if found.dossier is not None:
        parts.append(f"Dossier: `dossiers/{found.dossier.name}`")
    return "\n\n".join(parts) + "\n"


def pack(info: PackInfo, folder: str) -> str:
    """The pack's digests and files."""
    files = "\n".join(f"- `{name}`" for name in sorted(info.files))
    return (
        f"Folder `packs/{folder}`\n\nPack digest `{info.digest}`\n\n"
        f"Certificate digest `{info.certificate_digest}`\n\n{files}\n"
    )


def findings(diagnostics: Iterable[Diagnostic], name: str) -> str:
    """Findings as a list with place and mend."""
    lines = []
    for d in diagnostics:
        file = _line(d.file or name)
        where = f"{file}:{d.line}:{d.column}" if d.line else file
        lines.append(
            f"- **{d.severity} {d.code}** at {where}: {_line(d.message)}"
            + (f"\n  Mend: {_line(d.hint)}" if d.hint else "")
        )
    return "\n".join(lines) + "\n" if lines else ""


_INCOMPLETE = (
    "The agent was not generated: a number without a proven plan is worse than none. Give the formula {where}in a "
    "reviewed overlay for this id and version (`<spec>.overlay.yaml`, dropped in `inbox/`); or refer to factors that "
    "fit one of the candidates below."
)
_IN_SPEC = "under `compute.formulas` of the spec, or "  # the other dialects have no such key
_WAITS = (
    "It waits for a language model, too, which may propose a formula for a person to review: `greenlang llm status` "
    "says which are set up."
)
_NEXT = {
    "incomplete": "It is tried again by itself when factors, formulas or aliases change.",
    "quarantined": "It is tried again by itself when factors, formulas, templates or the factory's code change.",
}


def report(outcome: AgentOutcome) -> str:
    """The report of an agent whose spec stands in ``specs/``: why it is not registered, or that it is by now."""
    parts = [
        f"# {_line(outcome.name or outcome.file)}: {outcome.outcome}",
        f"Spec `{outcome.key}`, file `{outcome.file}`.",
        _line(f"{outcome.reason[:1].upper()}{outcome.reason[1:]}.".removeprefix(".")),
    ]
    if outcome.outcome == "incomplete":
        parts.append(_INCOMPLETE.format(where=_IN_SPEC if outcome.dialect == "B" else ""))
    if outcome.outcome in _NEXT:
        stands = "A corrected file needs a version of its own: this one is registered."
        mend = "A corrected file of this id and version, dropped in `inbox/`, takes its place."
        parts.append(f"{_NEXT[outcome.outcome]} {stands if outcome.pack_digest else mend}")
    if outcome.waits_for.startswith("model"):
        parts.append(_WAITS)
    parts += [findings(outcome.diagnostics, outcome.file), *outcome.summary.values()]
    return "\n\n".join(p.strip() for p in parts if p.strip()) + "\n"
