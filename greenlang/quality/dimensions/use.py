"""The dimensions of an agent in use: exit criteria, integration, business impact, operations, improvement.

Belongs here: declarations. Does not belong here: measuring (`greenlang.quality.measures`).
"""

from __future__ import annotations

from greenlang.quality.dimensions.model import LATENCY_MS, MEMORY_MB, Dimension, Measure

EXIT = Dimension(
    "exit_criteria",
    "Exit criteria",
    (
        Measure(
            "latency",
            "95th percentile of one call of run",
            "50 calls timed in the sandbox on the vectors; document 000 asks for less than 3 s, an agent that only "
            f"calculates must do it in {LATENCY_MS:g} ms",
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

INTEGRATION = Dimension(
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

BUSINESS = Dimension(
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
            "outputs in CO2e whose figures say their global warming potentials; an output whose CO2e comes from the "
            "caller's figures alone is not counted: its basis is the caller's, and no spec can state it",
            "units of the outputs, GWP set of the spec or of the rows behind them",
            "outputs whose rows state none",
            must=False,
        ),
    ),
    threshold=80,
    weight=2,
    required=False,
)

OPERATIONS = Dimension(
    "operations",
    "Operations",
    (
        Measure(
            "health",
            "GET /health answers 200 and says ok, for this agent and version; and health does not say ok over a pinned "
            "row that was changed",
            "demos/api.py served in the sandbox's process and asked; the agent asked again over a damaged factors.json",
            "status and body",
        ),
        Measure(
            "one answer",
            "doors that answer what the agent answers: each POST of demos/api.py, python -m, the demo of the command "
            "line, the log",
            "data, provenance, citations and refusals of each door against the evaluation of the same input; every "
            "citation against the pinned rows",
            "door and what differs",
        ),
        Measure(
            "metrics",
            "GET /metrics counts the runs that were made, and no others",
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

IMPROVEMENT = Dimension(
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
