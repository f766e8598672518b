"""What may be believed of a child's report: parsing it, and checking it against the syntax tree of the tests.

Belongs here: reading of untrusted bytes, pure functions. Does not belong here: processes.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from greenlang.sandbox.verdict import CoverageResult, TestResult

MAX_TESTS = 20_000
_OUTCOMES = ("passed", "failed", "error", "skipped")


@dataclass(frozen=True, slots=True)
class Claims:
    """A report, parsed. ``problem`` says what is wrong with it; then nothing else in it counts."""

    confined: tuple[str, ...] = ()
    unconfined: str = ""
    attempts: tuple[str, ...] = ()
    parts: tuple[tuple[str, Any], ...] = ()  # pieces of the result by name, in the order of their coming
    result: dict[str, Any] = field(default_factory=dict)
    ended: bool = False
    problem: str = ""

    def part(self, name: str) -> dict[str, Any] | None:
        """The first part by that name if it is an object."""
        found = next((value for part, value in self.parts if part == name), None)
        return found if isinstance(found, dict) else None


def parse(report: bytes) -> Claims:
    """Read a child's lines. The first line says which confinement is in force: it is older than any foreign code."""
    confined: tuple[str, ...] = ()
    attempts: list[str] = []
    parts: list[tuple[str, Any]] = []
    result: dict[str, Any] | None = None

    def wrong(problem: str) -> Claims:
        return Claims(confined, attempts=tuple(attempts), parts=tuple(parts), problem=problem)

    for number, line in enumerate(report.splitlines()):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return wrong("a line of its report is not JSON")
        if not isinstance(record, dict):
            return wrong("a line of its report is no object")
        if number == 0:
            if "confined" not in record:
                return Claims(unconfined=str(record.get("unconfined", record.get("crashed", "no word of it"))))
            confined = tuple(str(p) for p in record["confined"])
        elif result is not None:
            return wrong("its report goes on after the result")
        elif "attempt" in record:
            attempts.append(str(record["attempt"]))
        elif "part" in record:
            parts.append((str(record["part"]), record.get("value")))
        elif isinstance(record.get("result"), dict):
            result = record["result"]
        else:
            return wrong(str(record.get("crashed", "a line of its report has no meaning")))
    return Claims(confined, "", tuple(attempts), tuple(parts), result or {}, ended=result is not None)


def test_trees(pack: Path) -> dict[str, ast.Module]:
    """The syntax trees of ``tests/test_*.py`` by name. Raises SyntaxError, ValueError."""
    trees: dict[str, ast.Module] = {}
    for path in sorted((pack / "tests").glob("test_*.py")):
        if path.is_symlink():
            raise ValueError(f"tests/{path.name} is a symbolic link")
        trees[f"tests/{path.name}"] = ast.parse(path.read_bytes(), filename=f"tests/{path.name}")
    return trees


def declared_tests(trees: Mapping[str, ast.Module]) -> set[str]:
    """Ids (without parameters) of the test functions in these files."""
    return {f"{file}::{name}" for file, tree in trees.items() for name in _test_names(tree.body)}


def _test_names(body: Iterable[ast.stmt], prefix: str = "") -> Iterable[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield prefix + node.name
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _test_names(node.body, f"{prefix}{node.name}::")


def tests(result: dict[str, Any], declared: set[str]) -> tuple[tuple[TestResult, ...], str]:
    """The tests of a result, and what is wrong with them ("" where they are the declared ones, each present)."""
    listed = result.get("tests")
    errors = result.get("errors")
    if not isinstance(listed, list) or not isinstance(errors, list) or len(listed) > MAX_TESTS:
        return (), "its result is malformed"
    found: list[TestResult] = []
    for record in [*listed, *({**_object(e), "outcome": "error"} for e in errors)]:
        values = _object(record)
        name, outcome, seconds = values.get("id"), values.get("outcome"), values.get("seconds", 0.0)
        if not isinstance(name, str) or outcome not in _OUTCOMES or not isinstance(seconds, int | float):
            return tuple(found), "its result is malformed"
        found.append(
            TestResult(
                id=name,
                category=_category(name),
                outcome=cast(Any, outcome),
                seconds=round(float(seconds), 6),
                message=str(values.get("message", "")),
            )
        )
    ids = [t.id for t in found[: len(listed)]]
    bare = {i.partition("[")[0] for i in ids}
    problem = ""
    if len(set(ids)) != len(ids):
        problem = "it reports a test twice"
    elif bare - declared:
        problem = f"it reports tests that are not in the files: {_some(bare - declared)}"
    elif declared - bare and not errors:
        problem = f"tests in the files did not run: {_some(declared - bare)}"
    return tuple(found), problem


def coverage(result: dict[str, Any]) -> CoverageResult | None:
    """The coverage of a result, None where it is malformed or impossible."""
    values = _object(result.get("coverage"))
    lines, branches = values.get("lines"), values.get("branches")
    for pair in (lines, branches):
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)):
            return None
        if not 0 <= pair[0] <= pair[1]:
            return None
    missing = _object(values.get("missing"))
    return CoverageResult(
        *cast("tuple[int, int]", lines),
        *cast("tuple[int, int]", branches),
        missing=tuple(
            (str(name), tuple(n for n in uncovered if type(n) is int))
            for name, uncovered in sorted(missing.items())
            if isinstance(uncovered, list)
        ),
    )


def _category(test_id: str) -> str:
    return Path(test_id.partition("::")[0]).stem.removeprefix("test_") if ".py" in test_id else "import"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _some(names: set[str]) -> str:
    first = sorted(names)[:3]
    return ", ".join(first) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
