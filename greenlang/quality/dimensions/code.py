"""The dimensions of what is calculated: specification, implementation, tests, determinism.

Belongs here: declarations. Does not belong here: measuring (`greenlang.quality.measures`).
"""

from __future__ import annotations

from greenlang.quality.dimensions.model import (
    CATEGORIES,
    COMPLEXITY,
    COVERAGE_PERCENT,
    MINIMUM_TESTS,
    MUTATION_PERCENT,
    Dimension,
    Measure,
)

SPECIFICATION = Dimension(
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
            "one GWP set",
            "outputs in CO2e that rest on rows of another GWP set than the spec asks for, or of several sets",
            "the set that the spec asks for, and the sets that the rows and potentials behind each output state",
            "output and sets",
            True,
            "outputs",
            "0",
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

IMPLEMENTATION = Dimension(
    "implementation",
    "Implementation",
    (
        Measure("syntax", "Python files that parse", "Python's own parser", "file, line, message"),
        Measure(
            "lint", "findings in the whole pack", "ruff with the rules below", "every finding", True, "findings", "0"
        ),
        Measure(
            "types",
            "findings in the agent's package",
            "mypy --strict; of packages that differ in docstrings, id and version alone, the first",
            "every finding",
            True,
            "findings",
            "0",
        ),
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
            "says what the plan says",
            "contradictions between the plan and what the agent says of itself: id and version; output, unit, formula, "
            "source and digits of each calculation; every field with its description and unit",
            "the running agent is asked, and the API for its schema; the agent's tests have no say in it",
            "tool or field, both texts",
            True,
            "contradictions",
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

TESTS = Dimension(
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
            "expected values",
            "contradictions between the plan and what the tests are driven by: values, refusals, units, formulas, "
            "sources, figures; worked cases that are left out",
            "tests/vectors.json against what the factory makes of the resolution; a case that it does not make is "
            "asked of the reference evaluator",
            "file, case, both values",
            True,
            "contradictions",
            "0",
        ),
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

DETERMINISM = Dimension(
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
            "inputs that were not shown before, on which agent, Decimal and DuckDB agree",
            "the three run on the same inputs: agent and Decimal to the last digit, DuckDB by exact SQL to the last "
            "digit or, where that is too long or impossible, on DOUBLE to the digits that it tells (12 at most)",
            "input, output, the values; for every output how many figures were compared in which way",
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
            "decisions",
            "conditions, loops, calls and steps of arithmetic in the calculation that the plan has not",
            "syntax trees of the modules that the package's own import reaches (tools.py, agent.py, factors.py, "
            "models.py and what they import) against what the factory renders of the plan, function by function: what "
            "is wrong for few inputs only gives itself away by asking for them",
            "file, line, what it decides",
            True,
            "decisions",
            "0",
        ),
        Measure(
            "pinned rows",
            "rows, fields, look-ups and gaps of factors.json that are not as pinned, are left out or are too many",
            "factors.json against the rows that the resolution took from the factor table, with source, table, place, "
            "vintage, licence and digest",
            "row and field",
            True,
            "differences",
            "0",
        ),
        Measure(
            "statements",
            "figures, units, sources and GWP sets in the documents that come from nowhere, or that contradict what "
            "they are stated of; rows and gaps that are left out",
            "every word with a digit in the Markdown files traced to spec, plan, pinned row or the template's prose; a "
            "line that the factory would not write is held to the row, input or output that it names",
            "file, line, statement",
            True,
            "statements",
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
