"""What tests of agents share."""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from greenlang_sdk.testing import (
    Case,
    agrees,
    answers,
    calculate,
    command_line,
    fields_of,
    read_cases,
    reading_as,
    taken,
    text_of,
)

from tests.sdk.agents import Share, Tip


def case(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "input": {"amount": 1}, "expect": {}, "tolerances": {}} | more


def write(path: Path, vectors: list[dict[str, Any]]) -> Path:
    content = {
        "base": {"amount": 1},
        "vectors": vectors,
        "refused": [case("bad", code="invalid_input", field="amount")],
    }
    path.write_text(json.dumps(content | {"accepted": [case("good")], "bounds": [], "scaling": []}))
    return path


@pytest.mark.parametrize(("count", "sampled"), [(0, 0), (1, 1), (8, 8), (9, 5), (40, 8)])
def test_a_sample_is_spread_evenly_and_small(tmp_path: Path, count: int, sampled: int) -> None:
    vectors = [case(f"v{n}") for n in range(count)] + [case("refused", code="calculation")]
    cases = read_cases(write(tmp_path / "vectors.json", vectors))
    assert len(cases.answered) == count
    assert len(cases.sample) == sampled
    assert set(cases.sample) <= set(cases.answered) if count == 0 else cases.sample[0] is cases.answered[0]
    assert [str(c) for c in (*cases.refused, *cases.accepted)] == ["bad", "good"]
    assert isinstance(cases.refused[0], Case)


@pytest.mark.parametrize(
    ("actual", "expected", "tolerance", "agreed"),
    [
        (Decimal("1.50"), "1.5", None, True),
        (Decimal("1.51"), "1.5", None, False),
        (Decimal("1.51"), "1.5", "0.01", True),
        (Decimal("1.52"), "1.5", "0.01", False),
        (Decimal("0.005"), "0", "0.01", True),  # beside zero a tolerance is absolute
        (True, "true", "0.01", True),
        (False, "true", None, False),
        ("gas", "gas", "0.5", True),
    ],
)
def test_outputs_agree_to_the_digit_or_within_the_tolerance(
    actual: object, expected: str, tolerance: str | None, agreed: bool
) -> None:
    assert agrees(actual, expected, tolerance) is agreed


def test_text_of_each_kind() -> None:
    assert [text_of(v) for v in (True, False, Decimal("1.0"), "x", 3)] == ["true", "false", "1", "x", "3"]


def test_tools_are_called_one_after_the_other() -> None:
    assert calculate(Share(), {"amount": 6})["share"] == 1
    assert calculate(Tip(), {"loads": [{"mass": 6}]})["total"] == 6


def test_answers_are_one_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("gl_share")
    module.Agent = Share  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gl_share", module)
    first, second = answers("gl_share", [{"amount": 6}, {"amount": 6, "parts": 0}]).splitlines()
    assert json.loads(first) == {
        "ok": True,
        "data": {"share": "1"},
        "provenance": Share().run({"amount": 6}).provenance,
    }
    assert json.loads(second) == {
        "ok": False,
        "error": {"code": "calculation", "field": "share", "message": "division by zero"},
    }


def test_files_of_one_content_are_read_once_and_another_content_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "vectors.json", [case("a")])
    first = read_cases(path)
    assert read_cases(path) is first
    write(path, [case("b")])
    assert [c.name for c in read_cases(path).vectors] == ["b"]


def test_a_value_is_taken_as_text_from_the_input_or_from_the_first_row() -> None:
    rows: dict[str, Any] = {"loads": [{"mass": "1.50"}]}
    assert taken(Tip.input_model, Case("row", rows, {"loads": "1.5"}, {}, field="mass")) == {"loads": "1.5"}
    assert taken(Tip.input_model, Case("default", rows, {"loads": "1"}, {}, field="parts")) == {"loads": "1"}


def test_fields_are_those_of_both_models_and_of_the_rows() -> None:
    found = [(field["model"], field["name"]) for field in fields_of(Tip())]
    rows = [("Load", "mass"), ("Load", "parts"), ("Load", "site")]
    assert found == [("Input", "loads"), ("Output", "total"), *rows]


def test_a_block_runs_as_a_program_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_LOGS", "")
    words, streams = list(sys.argv), (sys.stdin, sys.stdout, sys.stderr)
    with command_line("tool", "--quick", stdin="asked", logs="json") as program:
        sys.stdout.write(f"{sys.argv} {sys.stdin.read()} {os.environ['AGENT_LOGS']}")
        sys.stderr.write("note")
        raise SystemExit(3)
    assert (program.out, program.err, program.code) == ("['tool', '--quick'] asked json", "note", 3)
    assert (sys.argv, (sys.stdin, sys.stdout, sys.stderr)) == (words, streams)
    assert os.environ["AGENT_LOGS"] == ""
    with command_line("tool") as ended:
        pass
    assert (ended.out, ended.code) == ("", None)
    with pytest.raises(ZeroDivisionError), command_line("tool"):
        raise ZeroDivisionError
    assert (sys.argv, (sys.stdin, sys.stdout, sys.stderr)) == (words, streams)


def test_one_file_is_read_as_another_text_inside_the_block(tmp_path: Path) -> None:
    changed, other = tmp_path / "a.json", tmp_path / "b.json"
    for path in (changed, other):
        path.write_text("as it is")
    with reading_as(changed, "something else"):
        assert (changed.read_text(), other.read_text()) == ("something else", "as it is")
    assert changed.read_text() == "as it is"
