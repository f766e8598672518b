"""Implementation: what parsers, ruff, mypy and the syntax trees find in the code."""

from __future__ import annotations

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality import source
from greenlang.quality.dimensions import COMPLEXITY
from greenlang.quality.measures import declared
from greenlang.quality.measures.results import inapplicable, none, of_findings, place, share
from greenlang.quality.measures.subject import Subject


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    found = subject.case.findings
    files = len(found.trees) + len(found.syntax)
    syntax = of_findings(found.syntax)
    types = (
        MeasureResult("types", 0.0, False, "not checked: a file does not parse", tuple(syntax))
        if found.syntax
        else none("types", of_findings(found.types), "findings")
    )
    return [
        share("syntax", len(found.trees), files, "files", [place(d) for d in syntax], syntax),
        none("lint", of_findings(found.lint, "ruff check --fix mends most of these"), "findings"),
        types,
        none("imports", _foreign(subject), "foreign imports"),
        declared.said(subject),
        none("error handling", _handlers(subject), "handlers"),
        _complexity(subject),
    ]


def _foreign(subject: Subject) -> list[Detail]:
    found = []
    for name, where in subject.imported.items():
        if name not in source.ALLOWED_IMPORTS:
            path, _, line = where.rpartition(":")
            found.append(Detail(f"imports {name}", path, int(line), "import", "use the standard library or the SDK"))
    return found


def _handlers(subject: Subject) -> list[Detail]:
    watched = {n: t for n, t in subject.case.findings.trees.items() if not n.startswith("tests/")}
    return [
        Detail(what, path, line, "handler", "name the exception that is meant, and say what came of it")
        for path, line, what in source.blanket_handlers(watched)
    ]


def _complexity(subject: Subject) -> MeasureResult:
    counted = list(source.branches(subject.own))
    if not counted:
        return inapplicable("complexity", "the package has no function")
    large = [
        Detail(f"{name} has {count} branches, more than {COMPLEXITY}", path, line, "complexity", level="warning")
        for path, line, name, count in counted
        if count > COMPLEXITY
    ]
    return share("complexity", len(counted) - len(large), len(counted), "functions", [place(d) for d in large], large)
