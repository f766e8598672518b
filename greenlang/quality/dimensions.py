"""The one definition of the twelve dimensions, after appendix C of document 000, and the page made from it.

Belongs here: declarations. Does not belong here: measuring (`greenlang.quality.judge`).

Left out of appendix C on purpose, because they measure nothing that matters: the number of lines of an agent, and the
number of its tools.
"""

from __future__ import annotations

from dataclasses import dataclass

COVERAGE_PERCENT = 85.0
MINIMUM_TESTS = 40
CATEGORIES = ("unit", "golden", "boundary", "property", "determinism", "integration")
README_HEADINGS = ("Install and run", "Inputs", "Outputs", "Emission factors", "Not covered", "Tests", "Licence")


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured. With ``must`` the dimension fails unless it is met in full."""

    name: str
    text: str
    how: str
    must: bool = True


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension. Its score is the mean of its measures, 0 to 100; it passes at ``threshold`` with every must met.

    ``not_yet`` says why nothing is measured so far; such a dimension is not applicable and never scores.
    """

    name: str
    title: str
    measures: tuple[Measure, ...]
    threshold: float
    weight: float
    required: bool
    evidence: str
    not_yet: str = ""
    unit: str = "percent"

    def measure(self, name: str) -> Measure:
        """The measure of that name. Raises KeyError."""
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise KeyError(name)


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(
        "specification",
        "Specification",
        (
            Measure("outputs planned", "share of outputs that have a calculation plan", "resolution of the spec"),
            Measure("no contradiction", "the spec has no finding of severity error", "reader and resolution"),
            Measure("factors cited", "share of pinned factor rows that name document and place", "the rows themselves"),
            Measure(
                "ledger",
                "share of the file's keys that are used, or ignored for a stated reason",
                "the reader's ledger",
            ),
            Measure(
                "fields",
                "share present of: name, summary, licence, owners, tags, worked cases, descriptions of every input "
                "and of every output",
                "the spec as read",
                must=False,
            ),
        ),
        threshold=80,
        weight=10,
        required=True,
        evidence="counts, and the names of what is missing",
    ),
    Dimension(
        "implementation",
        "Implementation",
        (
            Measure("syntax", "share of Python files that parse", "Python's own parser"),
            Measure("lint", "no finding in the whole pack", "ruff with the rules listed below"),
            Measure("types", "no finding in the agent's package", "mypy --strict"),
            Measure(
                "imports",
                "the package imports the standard library, pydantic and greenlang_sdk only",
                "syntax tree",
            ),
        ),
        threshold=100,
        weight=15,
        required=True,
        evidence="number of findings, the first of them with file and line",
    ),
    Dimension(
        "tests",
        "Tests",
        (
            Measure("passed", "share of tests that passed in the sandbox; one that did not is a fail", "pytest"),
            Measure(
                "coverage",
                f"lines and branches of the package together; {COVERAGE_PERCENT:g} % or more",
                "coverage.py with branches",
            ),
            Measure("count", f"{MINIMUM_TESTS} tests or more", "test ids, checked against the files"),
            Measure("categories", f"the six categories: {', '.join(CATEGORIES)}", "names of the test files"),
        ),
        threshold=85,
        weight=15,
        required=True,
        evidence="test table, coverage, the verdict of the sandbox",
    ),
    Dimension(
        "determinism",
        "Determinism and zero hallucination",
        (
            Measure(
                "identical",
                "two processes with other hash seed, random state, time zone and locale give the same bytes",
                "two evaluations of every vector",
            ),
            Measure(
                "as expected",
                "share of vectors that the agent answers as the spec or the reference evaluator does",
                "comparison by the supervisor, which the agent never sees",
            ),
        ),
        threshold=100,
        weight=15,
        required=True,
        evidence="number of vectors, the first that differs",
    ),
    Dimension(
        "documentation",
        "Documentation",
        (
            Measure(
                "docstrings", "share of public modules, classes and functions with a docstring", "syntax tree", False
            ),
            Measure("readme", f"share of the headings: {', '.join(README_HEADINGS)}", "README.md", False),
            Measure("api page", "share of tools that docs/api.md names", "docs/api.md against tools.py", False),
        ),
        threshold=90,
        weight=8,
        required=False,
        evidence="names of what is undocumented",
    ),
    Dimension(
        "compliance_security",
        "Compliance and security",
        (
            Measure("security rules", "no finding in the agent's package", "ruff's S rules (bandit)"),
            Measure("secrets", "no text that looks like a key, a token or a password", "patterns of our own"),
            Measure("sbom", "CycloneDX bill of materials that names the agent and what it needs", "sbom.cdx.json"),
            Measure("licence", "licence stated in the spec and carried in the pack", "spec, LICENSE"),
        ),
        threshold=100,
        weight=10,
        required=True,
        evidence="findings with file and line",
    ),
    Dimension(
        "deployment_readiness",
        "Deployment readiness",
        (),
        threshold=80,
        weight=5,
        required=False,
        evidence="none yet",
        not_yet="a pack carries a Dockerfile and Kubernetes manifests, and the factory's own tests validate what its "
        "templates make of them; those of the single pack are neither validated nor run yet, so nothing is scored",
    ),
    Dimension(
        "exit_criteria",
        "Exit criteria",
        (),
        threshold=100,
        weight=5,
        required=False,
        evidence="none yet",
        not_yet="latency, memory and known vulnerabilities are not measured yet",
    ),
    Dimension(
        "integration",
        "Integration",
        (
            Measure("integration tests", "share of the integration tests that passed; at least one", "pytest"),
            Measure(
                "dependencies", "share of imported distributions that pyproject.toml declares", "syntax tree, pyproject"
            ),
        ),
        threshold=100,
        weight=7,
        required=True,
        evidence="number of tests, names of what is undeclared",
    ),
    Dimension(
        "business_impact",
        "Business impact",
        (),
        threshold=80,
        weight=2,
        required=False,
        evidence="none yet",
        not_yet="market and carbon impact cannot be found by running the agent, and no document of them is read yet",
    ),
    Dimension(
        "operations",
        "Operations",
        (),
        threshold=80,
        weight=5,
        required=False,
        evidence="none yet",
        not_yet="a pack carries structured logs and an HTTP demo with health and metrics, and its own tests run the "
        "logs and the health; no served agent is watched yet, so nothing is scored",
    ),
    Dimension(
        "continuous_improvement",
        "Continuous improvement",
        (),
        threshold=80,
        weight=3,
        required=False,
        evidence="none yet",
        not_yet="a first version has no history; feedback and reviews are not recorded yet",
    ),
)


def page() -> str:
    """The text of docs/quality.md, from the declarations alone."""
    from greenlang.quality.tools import LINT_RULES, SECURITY_RULES

    total = sum(d.weight for d in DIMENSIONS)
    lines = [
        "# The twelve quality dimensions",
        "",
        "<!-- Generated from greenlang/quality/dimensions.py. Do not edit. -->",
        "",
        "Each dimension is measured by running something; no figure stands in for another. A dimension that cannot be",
        "measured is *not applicable*, says why, and never scores.",
        "",
        "- **Score** of a dimension: the mean of its measures, in percent. It passes if the score reaches the",
        "  threshold and every measure marked *must* is met in full.",
        "- **Score of an agent**: the mean of the applicable dimensions, weighted.",
        "- **Pass of an agent**: every required dimension passed. Score and pass are separate: a failed",
        "  required dimension never averages away.",
        "",
        "| | dimension | threshold | weight | required | measured |",
        "|---|---|---|---|---|---|",
    ]
    for number, d in enumerate(DIMENSIONS, 1):
        measured = "not yet" if d.not_yet else "yes"
        required = "yes" if d.required else "no"
        lines.append(
            f"| {number} | {d.title} | {d.threshold:g} % | {d.weight:g} of {total:g} | {required} | {measured} |"
        )
    for number, d in enumerate(DIMENSIONS, 1):
        lines += ["", f"## {number}. {d.title}", "", f"Name in tables: `{d.name}`.", ""]
        if d.not_yet:
            lines.append(f"Not applicable so far: {d.not_yet}.")
            continue
        lines += ["| measure | what | how | must |", "|---|---|---|---|"]
        lines += [f"| {m.name} | {m.text} | {m.how} | {'yes' if m.must else 'no'} |" for m in d.measures]
        lines += ["", f"Evidence kept: {d.evidence}."]
    lines += [
        "",
        "## Rules of ruff",
        "",
        f"Over the whole pack: `{'`, `'.join(LINT_RULES)}`. Over the agent's package also: "
        f"`{'`, `'.join(SECURITY_RULES)}`.",
        "",
        "## Left out",
        "",
        "Appendix C of document 000 also counts lines (1,300 to 2,200) and tools (7 to 10) of an agent. Neither says",
        "anything about quality, so neither is measured.",
        "",
    ]
    return "\n".join(lines)
