"""The journal of calls becomes rows, each once, whatever is killed or merged in between."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from greenlang.llm.accounts import Accounts
from greenlang.llm.gateway import Gateway
from greenlang.llm.usage import flush
from greenlang.llm.wire import Trouble
from greenlang.metrics import MetricsStore, query
from tests.llm.ground import GOOD, Script, gateway, question, settings


def rows(folder: Path, columns: str = "call, sample, cost_usd > 0") -> list[tuple[object, ...]]:
    return query(settings(folder), f"select {columns} from llm_usage order by all").rows


def test_a_kill_between_writing_and_clearing_counts_no_call_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = gateway(tmp_path)
    model.ask(question())
    with monkeypatch.context() as patch:
        patch.setattr(Accounts, "written", lambda self, last: None)  # killed before it cleared the journal
        assert model.flush() == 1
    model.ask(question(sample=1))
    assert model.flush() == 2  # the first one again
    assert rows(tmp_path) == [("answered", 0, True), ("answered", 1, True)]
    assert model.flush() == 0


def test_merged_parts_tell_the_same(tmp_path: Path) -> None:
    for sample in range(4):
        with gateway(tmp_path) as model:
            model.ask(question(sample=sample))
    before = rows(tmp_path, "*")
    store = MetricsStore(settings(tmp_path))
    assert store.compact(grace=0, at_least=2) == 4
    assert rows(tmp_path, "*") == before
    store.compact(grace=0, at_least=2)
    assert len(list((tmp_path / "var" / "tables" / "llm_usage").glob("calls-*.parquet"))) == 0
    assert rows(tmp_path, "*") == before


def test_failed_calls_are_rows_too(tmp_path: Path) -> None:
    with gateway(tmp_path, Script([Trouble("busy", "429"), Trouble("failed", "cut", billed=True), GOOD])) as model:
        model.ask(question())
    assert rows(tmp_path, "call, model, cost_usd > 0, temperature, seed") == [
        ("answered", "gpt-4.1-real", True, 0.0, 42),
        ("busy", "gpt-4.1", False, 0.0, 42),
        ("failed", "gpt-4.1", True, 0.0, 42),
    ]


def test_a_journal_survives_its_process(tmp_path: Path) -> None:
    gateway(tmp_path).ask(question())  # and it is never closed
    assert flush(settings(tmp_path)) == 1
    assert rows(tmp_path) == [("answered", 0, True)]


def _flushed(model: Gateway) -> int:
    return model.flush()


def test_a_fork_does_not_write_what_its_parent_counted(tmp_path: Path) -> None:
    with gateway(tmp_path) as model:
        model.ask(question())
    model.ask(question())  # a replay, waiting in memory
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(_flushed(model)))
    child.start()
    assert queue.get() == 0
    child.join()
    assert model.flush() == 1
    assert rows(tmp_path, "call") == [("answered",), ("replayed",)]
