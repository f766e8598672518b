"""The one definition of the twelve dimensions, after appendix C of document 000.

Belongs here: declarations. Does not belong here: measuring (`greenlang.quality.measures`), the page made of them
(`greenlang.quality.page`).
"""

from __future__ import annotations

from dataclasses import dataclass

COVERAGE_PERCENT = 85.0
MINIMUM_TESTS = 40
MUTATION_PERCENT = 95.0
COMPLEXITY = 10
LATENCY_MS = 50.0
MEMORY_MB = 64.0
CATEGORIES = ("unit", "golden", "boundary", "property", "determinism", "integration")
README_HEADINGS = ("Install and run", "Inputs", "Outputs", "Emission factors", "Not covered", "Tests", "Licence")


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured.

    ``what`` and ``how`` are said in the page; the figure is in ``unit`` and is met at ``threshold``. With ``must`` the
    dimension fails unless it is met; without, it costs score only. ``evidence`` is what is kept of it.
    """

    name: str
    what: str
    how: str
    evidence: str
    must: bool = True
    unit: str = "percent"
    threshold: str = "100"


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension. Its score is the mean of its applicable measures, 0 to 100; it passes at ``threshold`` with every
    must that applies met. Without an applicable measure it is not applicable.
    """

    name: str
    title: str
    measures: tuple[Measure, ...]
    threshold: float
    weight: float
    required: bool
    unit: str = "percent"

    def measure(self, name: str) -> Measure:
        """The measure of that name. Raises KeyError."""
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise KeyError(name)


_SPECIFICATION = Dimension(
    "specification",
    "Specification",
    (
        Measure("outputs planned", "outputs that have a calculation plan", "resolution of the spec", "names without"),
        Measure(
            "no contradiction",
            "findings of severity error",
            "reader and resolution, run on the spec",
            "the findings",
            unit="findings",
            threshold="0",
        ),
        Measure(
            "factors cited",
            "pinned factor rows that name document and place",
            "every row that the plans can read",
            "keys of rows that do not",
        ),
        Measure(
            "ledger",
            "keys of the author's file that are used, or ignored for a stated reason",
            "the reader's ledger of the file",
            "keys that are neither",
        ),
        Measure(
            "standards",
            "outputs resting on a library formula or a pinned figure whose source is cited",
            "the citations of each plan; an output that rests on the author's own words alone is not counted",
            "names of outputs without a source",
            must=False,
        ),
        Measure(
            "fields",
            "present of: name, summary, licence, owners, tags, worked cases, descriptions of every input and of "
            "every output",
            "the spec as read",
            "names of what is missing",
            must=False,
        ),
    ),
    threshold=80,
    weight=10,
    required=True,
)

_IMPLEMENTATION = Dimension(
    "implementation",
    "Implementation",
    (
        Measure("syntax", "Python files that parse", "Python's own parser", "file, line, message"),
        Measure(
            "lint", "findings in the whole pack", "ruff with the rules below", "every finding", True, "findings", "0"
        ),
        Measure("types", "findings in the agent's package", "mypy --strict", "every finding", True, "findings", "0"),
        Measure(
            "imports",
            "imports beside the standard library, pydantic and greenlang_sdk",
            "syntax trees of the package",
            "file, line, module",
            True,
            "imports",
            "0",
        ),
        Measure(
            "error handling",
            "handlers that catch everything, or that drop what they caught",
            "syntax trees of package and demos",
            "file and line",
            True,
            "handlers",
            "0",
        ),
        Measure(
            "complexity",
            f"functions with {COMPLEXITY} branches or fewer (document 001: complexity_max per method)",
            "branches counted in the syntax trees of the package: if, loop, except, case, conditional expression",
            "function and count",
            must=False,
        ),
    ),
    threshold=90,
    weight=12,
    required=True,
)

_TESTS = Dimension(
    "tests",
    "Tests",
    (
        Measure("passed", "tests that passed in the sandbox", "pytest, ids checked against the files", "test table"),
        Measure(
            "stable",
            "tests that end the same way in a second run",
            "all tests again under another hash seed, time zone, locale, clock and working directory",
            "ids of flaky tests",
        ),
        Measure(
            "coverage",
            "lines and branches of the package together",
            "coverage.py with branches, while the tests run",
            "lines that were not run",
            threshold=f"{COVERAGE_PERCENT:g}",
        ),
        Measure("count", "tests", "test ids", "the number", True, "tests", f"{MINIMUM_TESTS}"),
        Measure("categories", f"present of: {', '.join(CATEGORIES)}", "names of the test files", "missing categories"),
        Measure(
            "mutation score",
            "mutants that the tests kill (a mutant that cannot be imported or does not end counts as killed)",
            "one domain mistake put into the pack at a time (list below), and the tests run again",
            "survivors with file and line",
            threshold=f"{MUTATION_PERCENT:g}",
        ),
        Measure(
            "mutation control",
            "controls that survive, with one mutant killed at least",
            "changes that change nothing, hidden among the mutants: tests that fail whatever happens kill them, too",
            "killed controls",
        ),
    ),
    threshold=85,
    weight=15,
    required=True,
)

_DETERMINISM = Dimension(
    "determinism",
    "Determinism and zero hallucination",
    (
        Measure(
            "identical",
            "evaluations that give the same bytes",
            "every input asked again in a process with another hash seed, clock, locale, time zone, working directory "
            "and number of threads",
            "conditions of each evaluation, first line that differs",
        ),
        Measure(
            "as expected",
            "vectors that the agent answers as the spec or the reference evaluator does",
            "comparison by the supervisor; the agent never sees what is expected",
            "vector, output, both values",
        ),
        Measure(
            "differential",
            "inputs that were not shown before, on which agent, Decimal and DuckDB agree to the last digit",
            "the three run on the same inputs",
            "input, output, the values",
        ),
        Measure(
            "literal audit",
            "numbers in the code that trace to nothing",
            "every number of the package traced to spec, factor row, formula, unit constant or declared tolerance",
            "file, line, number",
            True,
            "numbers",
            "0",
        ),
        Measure(
            "no model, no chance",
            "imports of clock, chance, network or model clients in what calculates",
            "syntax trees of all modules that the package's own import reaches",
            "file, line, module",
            True,
            "imports",
            "0",
        ),
        Measure(
            "provenance",
            "answers that carry the digest of their calculation chain; no two different answers share one",
            "the answers of the evaluations, whose digests are among the bytes that must be identical",
            "number of the answer",
        ),
    ),
    threshold=100,
    weight=15,
    required=True,
)

_DOCUMENTATION = Dimension(
    "documentation",
    "Documentation",
    (
        Measure(
            "docstrings",
            "public modules, classes and functions with a docstring",
            "syntax trees of the package",
            "names without",
            must=False,
        ),
        Measure("readme", f"headings present of: {', '.join(README_HEADINGS)}", "README.md, parsed", "missing", False),
        Measure("api page", "tools that docs/api.md names", "docs/api.md against tools.py", "missing", must=False),
        Measure(
            "build",
            "faults of the documents: a fence that is not closed, a table that is none, a row with too many cells, a "
            "relative link or anchor that leads nowhere",
            "every Markdown file parsed with markdown-it-py",
            "file and line",
            True,
            "faults",
            "0",
        ),
        Measure(
            "code blocks",
            "code blocks that run, with calls that the agent answers; a line that installs or serves is skipped",
            "each block of README.md and docs/ run in the sandbox",
            "file, line, message",
        ),
    ),
    threshold=90,
    weight=8,
    required=False,
)

_COMPLIANCE = Dimension(
    "compliance_security",
    "Compliance and security",
    (
        Measure(
            "security rules",
            "findings in the agent's package",
            "ruff's S rules (bandit)",
            "each",
            True,
            "findings",
            "0",
        ),
        Measure(
            "secrets",
            "texts that look like a key, a token or a password",
            "patterns and entropy of our own over every text of the pack",
            "file, line, kind; never the text",
            True,
            "findings",
            "0",
        ),
        Measure(
            "sbom schema",
            "faults of form in sbom.cdx.json",
            "validated against CycloneDX's own JSON schema, offline",
            "first fault",
            True,
            "faults",
            "0",
        ),
        Measure(
            "sbom true",
            "differences between the bill and what is there",
            "components against the declared and imported distributions and all that they need, with the versions "
            "installed here; purls parsed; every reference resolved",
            "component and difference",
            True,
            "differences",
            "0",
        ),
        Measure(
            "licence",
            "faults: licence not stated in the spec, not carried in LICENSE, not the same in pyproject.toml",
            "spec, LICENSE, pyproject.toml",
            "the fault",
            True,
            "faults",
            "0",
        ),
        Measure(
            "component licences",
            "components whose licence is on the list of allowed ones (below)",
            "licence expression of each installed distribution that the bill names",
            "component and licence",
        ),
        Measure(
            "dependency audit",
            "components with a known vulnerability",
            "a local file of advisories in OSV form (GREENLANG_ADVISORIES), version ranges by packaging",
            "advisory, component, version in which it is mended",
            True,
            "vulnerabilities",
            "0",
        ),
        Measure(
            "input validation",
            "inputs beyond type or limits that are refused, with the field named",
            "every input given a value of another type, values just outside each limit, and left out where it is "
            "needed; made from the spec, asked in the sandbox",
            "input and answer",
        ),
    ),
    threshold=100,
    weight=12,
    required=True,
)

_DEPLOYMENT = Dimension(
    "deployment_readiness",
    "Deployment readiness",
    (
        Measure(
            "image file",
            "faults of the Dockerfile: base without tag, runs as root, no health check, secret in ENV or ARG, ADD from "
            "an address, CMD through a shell",
            "Dockerfile, parsed",
            "line and rule",
            True,
            "faults",
            "0",
        ),
        Measure(
            "manifests",
            "faults of form in deploy/k8s",
            "each document validated by our own declaration of the fields of its kind, unknown fields refused; that "
            "declaration is tested against the published schemas of Kubernetes, the manifests themselves are not",
            "file, field, fault",
            True,
            "faults",
            "0",
        ),
        Measure(
            "one story",
            "contradictions between manifests, image and API (selectors, ports, versions, user), and between pack.yaml "
            "and the plan (identity, licence, limits, units, formulas, figures, citations)",
            "the parsed manifests, Dockerfile, demos/api.py and pack.yaml, compared with each other and with the plan",
            "file and contradiction",
            True,
            "contradictions",
            "0",
        ),
        Measure(
            "probes",
            "faults of startup, readiness and liveness probes",
            "path and port of each probe against the routes and the port that demos/api.py and the image serve",
            "probe and fault",
            True,
            "faults",
            "0",
        ),
        Measure(
            "confinement",
            "rights that a container has and does not need; limits that it lacks",
            "securityContext and resources of every container",
            "container and field",
            True,
            "faults",
            "0",
        ),
        Measure(
            "wheel",
            "faults of the wheel that pyproject.toml builds",
            "built with flit, opened; names, version, requirements, record and package checked",
            "fault",
            True,
            "faults",
            "0",
        ),
    ),
    threshold=100,
    weight=6,
    required=True,
)

_EXIT = Dimension(
    "exit_criteria",
    "Exit criteria",
    (
        Measure(
            "latency",
            "95th percentile of one call of run",
            "timed in the sandbox on the vectors; document 000 asks for less than 3 s, an agent that only calculates "
            f"must do it in {LATENCY_MS:g} ms",
            "percentiles",
            True,
            "milliseconds",
            f"{LATENCY_MS:g}",
        ),
        Measure(
            "memory",
            "what the agent adds to the peak of a warmed process",
            "resident memory in the sandbox, over the same calls; the manifest grants the whole process 256 MB",
            "megabytes",
            True,
            "megabytes",
            f"{MEMORY_MB:g}",
        ),
        Measure(
            "cost of a call",
            "paid services that a call can reach",
            "no module of the package imports a network, model or process module, and nothing of the kind was tried "
            "while tests and evaluations ran; document 000 allows 2.00 USD",
            "module, attempt",
            True,
            "services (each call 0 USD)",
            "0",
        ),
    ),
    threshold=100,
    weight=6,
    required=True,
)

_INTEGRATION = Dimension(
    "integration",
    "Integration",
    (
        Measure("integration tests", "integration tests that passed; one at least", "pytest in the sandbox", "ids"),
        Measure(
            "dependencies declared",
            "imported distributions that pyproject.toml declares",
            "syntax trees against pyproject.toml",
            "names",
        ),
        Measure(
            "dependencies used",
            "declared distributions that the package imports",
            "pyproject.toml against syntax trees",
            "names",
        ),
        Measure(
            "refusals typed",
            "refused answers with a code of the API and a message, as a value and no crash",
            "the answers to vectors and inputs that must be refused",
            "number of the answer",
        ),
        Measure(
            "tools callable",
            "agents whose tools a passed test calls through the SDK",
            "tests whose syntax tree calls call_tool or greenlang_sdk.testing.calculate, and their outcome",
            "ids",
        ),
    ),
    threshold=100,
    weight=6,
    required=True,
)

_BUSINESS = Dimension(
    "business_impact",
    "Business impact",
    (
        Measure(
            "inputs that matter",
            "inputs that move an output",
            "each input changed alone, the others held, and the plans evaluated; the differential runs hold the agent "
            "to the same figures",
            "inputs that move nothing; relative change of the first output by input",
            must=False,
        ),
        Measure(
            "basis of CO2e",
            "outputs in CO2e whose figures say their global warming potentials",
            "units of the outputs, GWP set of the spec or of the rows behind them",
            "outputs without",
            must=False,
        ),
    ),
    threshold=80,
    weight=2,
    required=False,
)

_OPERATIONS = Dimension(
    "operations",
    "Operations",
    (
        Measure(
            "health",
            "GET /health answers 200 and says ok, for this agent and version",
            "demos/api.py served in the sandbox's process and asked",
            "status and body",
        ),
        Measure(
            "metrics",
            "GET /metrics counts the runs that were made",
            "demos/api.py asked after its runs",
            "names of the counts",
        ),
        Measure(
            "logs",
            "lines that are one JSON object with time, level, message and run id",
            "what an answered and a refused run wrote",
            "line and what it lacks",
        ),
        Measure(
            "logs keep still",
            "log lines that hold no input and no output",
            "the same lines; only known keys, no number but the duration, no digit in a message, of an error its code "
            "and field alone",
            "line and key",
        ),
    ),
    threshold=100,
    weight=5,
    required=True,
)

_IMPROVEMENT = Dimension(
    "continuous_improvement",
    "Continuous improvement",
    (
        Measure("changelog", "the first entry is this version, with text", "CHANGELOG.md, parsed", "first heading"),
        Measure("version", "the version is a semantic one", "the grammar of semver.org 2.0.0", "the version"),
        Measure(
            "one version",
            "places that state this version",
            "spec, pyproject.toml, pack.yaml, CHANGELOG.md, the agent's class",
            "places that state another",
        ),
        Measure("review", "owners are declared, who review and answer for it", "the spec as read", "owners", False),
        Measure(
            "history",
            "the version is above every one that was registered before",
            "the registry; shown and never scored, since a certificate must not depend on what was registered before",
            "earlier versions",
            must=False,
        ),
    ),
    threshold=70,
    weight=3,
    required=False,
)

DIMENSIONS: tuple[Dimension, ...] = (
    _SPECIFICATION,
    _IMPLEMENTATION,
    _TESTS,
    _DETERMINISM,
    _DOCUMENTATION,
    _COMPLIANCE,
    _DEPLOYMENT,
    _EXIT,
    _INTEGRATION,
    _BUSINESS,
    _OPERATIONS,
    _IMPROVEMENT,
)
