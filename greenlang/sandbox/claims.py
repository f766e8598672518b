"""What may be believed of a child's report: parsing it, and checking it against the syntax tree of the tests.

Belongs here: reading of untrusted bytes, pure functions. Does not belong here: processes.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from greenlang.sandbox.verdict import CoverageResult, TestResult

MAX_TESTS = 20_000
_MAX_ATTEMPTS = 50
_MAX_PARTS = 10_000
_MAX_DIGITS = 18
_MAX_DEPTH = 50
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

    for number, line in enumerate(_lines(report)):
        try:
            record = loads(line)
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
            if len(attempts) < _MAX_ATTEMPTS:
                attempts.append(str(record["attempt"])[:500])
        elif len(parts) > _MAX_PARTS:
            return wrong("its report has too many parts")
        elif "part" in record:
            parts.append((str(record["part"]), record.get("value")))
        elif isinstance(record.get("result"), dict):
            result = record["result"]
        else:
            return wrong(str(record.get("crashed", "a line of its report has no meaning")))
    return Claims(confined, "", tuple(attempts), tuple(parts), result or {}, ended=result is not None)


def loads(text: bytes | str) -> Any:
    """JSON from foreign hands. Raises ValueError, RecursionError.

    What Python's own reader lets through and others trip over is refused: numbers that are not finite or of more than
    18 digits before the point, halves of characters, nesting deeper than 50.
    """
    data = text if isinstance(text, bytes) else text.encode()
    value = json.loads(data, parse_constant=_no_number, parse_int=_whole, parse_float=_finite)
    if b"\\ud" in data or b"\\uD" in data:
        json.dumps(value, ensure_ascii=False).encode()
    if data.count(b"[") + data.count(b"{") > _MAX_DEPTH and _deeper(value, _MAX_DEPTH):
        raise ValueError("it is nested too deeply")
    return value


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS + 1:
        raise ValueError("a number of too many digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that is too large")
    return value


def _deeper(value: object, levels: int) -> bool:
    """Whether lists and objects lie in one another deeper than that; looked at level by level."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        inside = [part.values() if isinstance(part, dict) else part for part in level]
        level = [item for items in inside for item in items if item.__class__ is dict or item.__class__ is list]
    return bool(level)


def _lines(report: bytes) -> Iterator[bytes]:
    """The lines one by one: a list of all of them may take many times the report's memory."""
    start = 0
    while start < len(report):
        end = report.find(b"\n", start)
        end = len(report) if end < 0 else end
        yield report[start:end]
        start = end + 1


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
    for record in [*listed, *({**mapping(e), "outcome": "error"} for e in errors)]:
        values = mapping(record)
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
    values = mapping(result.get("coverage"))
    lines, branches = values.get("lines"), values.get("branches")
    for pair in (lines, branches):
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)):
            return None
        if not 0 <= pair[0] <= pair[1]:
            return None
    missing = mapping(values.get("missing"))
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


def mapping(value: object) -> dict[str, Any]:
    """A foreign value as an object; {} where it is none."""
    return value if isinstance(value, dict) else {}


def _some(names: set[str]) -> str:
    first = sorted(names)[:3]
    return ", ".join(first) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
