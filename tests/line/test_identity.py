"""The same spec gives the same bytes: pack, certificate, entry and row, wherever and however the batch ran."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from line_tools import drop, end_state, example, run

from greenlang.settings import Settings

pytestmark = pytest.mark.slow
_ELSEWHERE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from line_tools import drop, end_state, example, run
from greenlang.settings import Settings
if __name__ == "__main__":
    settings = Settings(var=sys.argv[2], workers=3)
    drop(settings, more__yaml=example("waste"), boiler__yaml=example("boiler"))
    run(settings)
    print(json.dumps(end_state(settings)))
"""


def of_boiler(state: dict[str, Any]) -> dict[str, Any]:
    """What belongs to one agent, of an end state."""
    name = "buildings.gas_boiler_uk_v1"
    return {
        "packs": {k: v for k, v in state["packs"].items() if k.startswith(name)},
        "signed": {k: v for k, v in state["signed"].items() if k.startswith(name)},
        "entries": [e for e in state["registry"] if e["agent_id"] == "buildings/gas_boiler_uk_v1"],
        "rows": [r for r in state["outcomes"] if r["agent_id"] == "buildings/gas_boiler_uk_v1"],
    }


def test_another_folder_zone_locale_hash_seed_and_neighbour_change_no_byte(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var", workers=1)
    drop(settings, boiler__yaml=example("boiler"))
    run(settings)
    here = of_boiler(json.loads(json.dumps(end_state(settings))))
    elsewhere = tmp_path / "anderswo, größer" / "var"
    elsewhere.parent.mkdir()
    # All that the caller's environment says stays: where this test runs with settings of its own, both have them.
    others = {"PYTHONHASHSEED": "77", "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    command = [sys.executable, "-c", _ELSEWHERE, str(Path(__file__).parent), str(elsewhere)]
    environment = {**os.environ, **others}
    told = subprocess.run(command, capture_output=True, cwd=elsewhere.parent, env=environment, timeout=300, check=True)
    assert of_boiler(json.loads(told.stdout)) == here
    assert [row["outcome"] for row in here["rows"]] == ["registered"]
    assert len(here["packs"]) > 30
    assert len(here["entries"]) == 1
