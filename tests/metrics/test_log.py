"""How the specs stand, and the log of outcomes, page by page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greenlang.metrics import MetricsStore, log
from greenlang.settings import Settings
from tests.metrics.conftest import outcome, run_info


def filled(settings: Settings) -> None:
    store = MetricsStore(settings)
    store.write([outcome(), outcome("grid/power", outcome="refused", reason="no factor")], run_info("run-1"))
    again = [outcome("grid/power", outcome="incomplete", reason="no plan"), outcome("air/flight", outcome="refused")]
    store.write(again, run_info("run-2"))


def test_the_last_outcome_of_each_spec_counts(settings: Settings) -> None:
    filled(settings)
    stands = log.status(settings)
    assert stands.outcomes == {"registered": 1, "incomplete": 1, "refused": 1}
    assert stands.last_run is not None
    failed = log.failed(settings)
    assert [(one["spec"], one["outcome"]) for one in failed] == [
        ("grid/power 1.0.0", "incomplete"),
        ("air/flight 1.0.0", "refused"),
    ]
    first = failed[0]
    assert log.failed(settings, after=(first["outcome"], first["spec"])) == failed[1:]


def test_the_log_goes_on_behind_the_last_line_that_was_seen(settings: Settings) -> None:
    filled(settings)
    whole = log.log(settings)
    assert len(whole) == 4
    lines: list[dict[str, Any]] = []
    place = None
    while page := log.log(settings, before=place, limit=1):
        lines += page
        place = (page[0]["place"], page[0]["spec"], page[0]["run_id"])
    assert lines == whole
    assert {line["outcome"] for line in log.log(settings, outcome="refused")} == {"refused"}
    assert {line["run_id"] for line in log.log(settings, run="run-2")} == {"run-2"}


def test_a_factory_that_nobody_used_has_nothing_to_tell(tmp_path: Path) -> None:
    unused = Settings(var=tmp_path / "nowhere")
    assert (log.status(unused), log.failed(unused), log.log(unused)) == (log.FactoryStatus({}, None), [], [])
