"""`make bench` on quality: nothing is charged twice, and nothing is left out."""

from __future__ import annotations

import pytest

from greenlang.quality.dimensions import DIMENSIONS
from tools.bench_quality import by_dimension


def test_what_is_charged_to_the_dimensions_is_all_that_was_spent() -> None:
    spent = {"generation": 9.0, "ruff": 0.5, "mutants": 2.0, "measures": 1.5, "report": 0.25, "rest": 0.125}
    measured = {"tests": 0.25, "specification": 1.0}
    found = by_dimension(spent, measured)
    assert set(found) - {d.name for d in DIMENSIONS} == {"none of its own"}
    assert sum(found.values()) == pytest.approx(sum(spent.values()) - spent["generation"])
    assert found["tests"] == 2.25
    assert (found["specification"], found["implementation"], found["operations"]) == (1.0, 0.5, 0.0)
    assert found["none of its own"] == pytest.approx(0.25 + 0.125 + 0.25), "report, rest, and the judge itself"
