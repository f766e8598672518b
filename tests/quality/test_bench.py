"""`make bench` on quality: nothing is charged twice, and nothing is left out."""

from __future__ import annotations

import argparse
import gc
from collections import Counter

import pytest

from greenlang.quality.dimensions import DIMENSIONS
from tools import bench_quality
from tools.bench_quality import NOT_COUNTED, by_dimension


def test_what_is_charged_to_the_dimensions_is_all_that_was_spent() -> None:
    counted = {"ruff": 0.5, "mutants": 2.0, "judge": 0.25, "report": 0.25, "rest": 0.125}
    measured = {"measures: tests": 0.25, "measures: specification": 1.0}
    found = by_dimension({"generation": 9.0, "packaging": 4.0, **counted, **measured})
    assert set(found) - {d.name for d in DIMENSIONS} == {"none of its own"}
    assert sum(found.values()) == pytest.approx(sum(counted.values()) + sum(measured.values()))
    assert found["tests"] == 2.25
    assert (found["specification"], found["implementation"], found["operations"]) == (1.0, 0.5, 0.0)
    assert found["none of its own"] == pytest.approx(0.25 + 0.125 + 0.25), "report, rest, and the judge itself"
    assert NOT_COUNTED == ("generation", "packaging")


def test_each_dimension_stands_beside_one_process_for_each_tool(capsys: pytest.CaptureFixture[str]) -> None:
    spent = {"mutants": 0.2, "second run": 0.1, "mypy": 0.04, "measures: tests": 0.02}
    hand = {"mutants": 40.0, "second run": 2.0, "mypy": 4.0}
    given = argparse.Namespace(packs=2, slow=2, mutants="20", json=False)
    bench_quality.show(bench_quality.Found(spent, 1.0, Counter({"passed": 2})), hand, 1.0, given)
    table = capsys.readouterr().out.partition("by dimension")[2]
    cells = {words[0]: words[1:] for words in map(str.split, table.splitlines()[1:])}
    assert cells["tests"] == ["110.0", "20000", "182x"]
    assert cells["determinism"] == ["50.0", "1000", "20x"]
    assert cells["implementation"] == ["20.0", "2000", "100x"]
    assert cells["operations"] == ["0.0"], "what no tool does by hand stands alone"
    assert set(cells) == {d.name for d in DIMENSIONS} | {"none"}


def test_a_part_within_a_part_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter((0.0, 1.0, 4.0, 6.0))
    monkeypatch.setattr(bench_quality, "own", lambda: next(now))
    meter = bench_quality.Meter()
    with meter.part("outer"), meter.part("inner"):
        pass
    assert dict(meter.spent) == {"inner": 3.0, "outer": 3.0}


def test_looking_for_garbage_is_a_part_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter((0.0, 1.0, 5.0, 6.0))
    monkeypatch.setattr(bench_quality, "own", lambda: next(now))
    monkeypatch.setattr(gc, "callbacks", [])
    meter = bench_quality.Meter()
    meter.watch_collector()
    collecting = gc.callbacks[0]
    with meter.part("outer"):
        collecting("start", {})
        collecting("stop", {})
    assert dict(meter.spent) == {"garbage collection": 4.0, "outer": 2.0}


def test_every_part_that_is_counted_is_there() -> None:
    for owner, function, _ in bench_quality.PARTS:
        assert callable(getattr(owner, function))
