"""A night whose money is spent: repairs that ask models wait and say so, builds without models go on."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from line_tools import drop, run

from greenlang.factory import line
from greenlang.settings import Settings
from tests.line.test_models import SPEC

pytestmark = pytest.mark.slow
PLAIN = SPEC.replace(b"buildings/pump", b"buildings/plain") + b"  formulas:\n    energy: power * hours\n"


def test_repairs_wait_for_the_next_night_and_builds_go_on(tmp_path: Path) -> None:
    providers = tmp_path / "llm.yaml"
    providers.write_text(
        "providers: [{name: ours, models: [m-1], base_url: 'http://127.0.0.1:9/v1', api_key_env: null,"
        " prices: {m-1: {input_usd_per_million: 3, output_usd_per_million: 15}}}]\n"
    )  # nobody listens there: whoever asks is told so, and not of a budget
    night = Settings(
        var=tmp_path / "var",
        workers=2,
        mutants=2,
        llm="record",
        llm_config=providers,
        night="n1",
        nightly_budget_usd=Decimal(0),
    )
    drop(night, pump__yaml=SPEC, plain__yaml=PLAIN)
    made = {one.agent_id: one for one in run(night).values()}
    assert made["buildings/plain"].outcome == "registered"
    pump = made["buildings/pump"]
    assert (pump.outcome, pump.waits_for) == ("incomplete", "night n1")
    assert "USD of the night's 0 are left" in str(pump.summary), "its report says why"
    assert line.stale_keys(night) == [], "nothing of this night will pay for it"
    assert line.stale_keys(night.model_copy(update={"night": "n2"})) == [pump.key]
