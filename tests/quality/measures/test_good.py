"""The good pack passes every measure that can be taken, within its time."""

from __future__ import annotations

from pathlib import Path

from greenlang.quality import DIMENSIONS, judge
from tests.quality.good import case, measures, unmet


def test_a_good_pack_meets_every_measure(pack: Path) -> None:
    judgement = judge(case(pack))
    assert unmet(judgement) == set()
    assert judgement.passed
    assert judgement.mishap == ""
    assert judgement.score > 98
    inapplicable = {name for name, m in measures(judgement).items() if m.share is None}
    assert inapplicable == {"continuous_improvement.history"}
    assert [d.name for d in judgement.dimensions] == [d.name for d in DIMENSIONS]
