"""Checkpoints: a killed run goes on, two writers cannot mix, other forms are refused."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from greenlang_sdk.agent import ExecutionContext
from greenlang_sdk.errors import StateConflict, StateMismatch
from greenlang_sdk.models import AgentInput, AgentOutput, Number, Record, Text
from greenlang_sdk.results import AgentError, AgentResult
from greenlang_sdk.stateful import Checkpoint, CheckpointStore, StatefulAgent

from tests.sdk.agents import Readings, Tally, TallyState, Total

ROOT = Path(__file__).resolve().parents[2]
GIVEN = {"readings": [1, "2.5", 3, 4]}


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "state.sqlite")


@pytest.fixture
def whole(tmp_path: Path) -> AgentResult[Total]:
    """The result of a run that nothing interrupts."""
    result = Tally(CheckpointStore(tmp_path / "whole.sqlite")).run(GIVEN)
    assert result.data == Total(total=Decimal("5.25"))
    return result


def process(folder: Path, where: str, number: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tests.sdk.agents", str(folder), where, str(number)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("where", "number", "kept", "notes"),
    [
        ("step", 0, 0, [0, 0, 1, 2, 3]),  # the step that died is done again
        ("step", 2, 2, [0, 1, 2, 2, 3]),
        ("commit", 1, 0, [0, 0, 1, 2, 3]),
        ("commit", 3, 2, [0, 1, 2, 2, 3]),
    ],
)
def test_a_killed_run_goes_on_where_it_was(
    tmp_path: Path, whole: AgentResult[Total], where: str, number: int, kept: int, notes: list[int]
) -> None:
    died = process(tmp_path, where, number)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert sum(CheckpointStore(tmp_path / "state.sqlite").positions("test/tally").values()) == kept
    done = process(tmp_path, "nowhere", 0)
    assert done.returncode == 0, done.stderr
    assert done.stdout == whole.canonical()
    assert [int(line) for line in (tmp_path / "notes").read_text().split()] == notes


def test_a_recovered_result_has_the_same_chain_and_citations(store: CheckpointStore, whole: AgentResult[Total]) -> None:
    class Broken(Tally):
        def advance(self, given: Readings, state: TallyState, context: ExecutionContext) -> TallyState | None:
            if state.done == 3:
                raise KeyError("a bug")
            return super().advance(given, state, context)

    with pytest.raises(KeyError):
        Broken(store).run(GIVEN)
    result = Tally(store).run(GIVEN)
    assert result.chain == whole.chain
    assert result.citations == whole.citations
    assert len(result.citations) == 5
    assert result.provenance == whole.provenance


def test_a_finished_run_answers_again_without_working(store: CheckpointStore, tmp_path: Path) -> None:
    agent = Tally(store, tmp_path / "notes")
    first = agent.run(GIVEN)
    assert agent.run({"readings": ["1.0", "2.5", "3", "4"]}).canonical() == first.canonical()
    assert (tmp_path / "notes").read_text().split() == ["0", "1", "2", "3"]
    agent.forget(Readings.model_validate(GIVEN))
    assert store.positions("test/tally") == {}
    assert agent.run(GIVEN).canonical() == first.canonical()
    assert len((tmp_path / "notes").read_text().split()) == 8


def test_other_inputs_and_agents_have_states_of_their_own(store: CheckpointStore) -> None:
    class Other(Tally):
        agent_id = "test/other"

    Tally(store).run({"readings": [1]})
    Tally(store).run({"readings": [2, 2]})
    Other(store).run({"readings": [1]})
    assert sorted(store.positions("test/tally").values()) == [1, 2]
    assert list(store.positions("test/other").values()) == [1]


def test_the_slower_of_two_writers_is_refused_and_writes_nothing(store: CheckpointStore) -> None:
    class Overtaken(Tally):
        def advance(self, given: Readings, state: TallyState, context: ExecutionContext) -> TallyState | None:
            if state.done == 1:
                assert Tally(store).run(given).success  # another run goes by
            return super().advance(given, state, context)

    agent = Overtaken(store)
    result = agent.run(GIVEN)
    assert result.error is not None
    assert result.error.code == "conflict"
    assert result.error.message == "step 2 of test/tally was done by another run, which is at 4"
    assert list(store.positions("test/tally").values()) == [4]
    assert agent.run(GIVEN).success


def test_many_writers_leave_one_whole_history(tmp_path: Path, whole: AgentResult[Total]) -> None:
    results: list[AgentResult[Total]] = []

    def work() -> None:
        agent = Tally(CheckpointStore(tmp_path / "state.sqlite", timeout=60))
        while True:
            results.append(agent.run(GIVEN))
            if results[-1].success:
                return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answered = [r for r in results if r.success]
    assert len(answered) == 4
    assert {r.canonical() for r in answered} == {whole.canonical()}
    assert {r.error.code for r in results if r.error} <= {"conflict"}


def test_a_checkpoint_that_does_not_follow_is_refused(store: CheckpointStore) -> None:
    store.save("a", "k", Checkpoint(1, 1, "{}", "[]", ("x",)))
    for position in (1, 3):
        with pytest.raises(StateConflict):
            store.save("a", "k", Checkpoint(position, 1, "{}", "[]", ("y",)))
    store.save("a", "k", Checkpoint(2, 1, "{}", "[]", ("z", "z")))
    assert store.load("a", "k") == Checkpoint(2, 1, "{}", "[]", ("x", "z", "z"))
    assert store.load("a", "other") is None


def test_a_state_of_another_version_is_refused_until_it_is_forgotten(store: CheckpointStore) -> None:
    class Next(Tally):
        state_version = 2

    assert Tally(store).run(GIVEN).success
    result = Next(store).run(GIVEN)
    assert result.error is not None
    assert result.error.code == "state_version"
    assert "holds a state of version 1, this agent reads version 2" in result.error.message
    Next(store).forget(GIVEN)
    assert Next(store).run(GIVEN).success


def test_a_state_that_does_not_fit_its_model_is_refused(store: CheckpointStore) -> None:
    class Counted(TallyState):
        counted: int

    class Changed(Tally):
        state_model = Counted

    assert Tally(store).run(GIVEN).success
    result = Changed(store).run(GIVEN)
    assert result.error is not None
    assert result.error.code == "state_version"
    assert "which does not fit Counted; raise state_version" in result.error.message


def test_a_file_that_stays_locked_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = Tally(CheckpointStore(path, timeout=0)).run(GIVEN)
    assert result.error == AgentError("unavailable", "", "state.sqlite stayed locked for 0 seconds")


def test_memory_is_no_place_for_checkpoints() -> None:
    with pytest.raises(ValueError, match="they need a file"):
        CheckpointStore(":memory:")


def database(*statements: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return make


@pytest.mark.parametrize(
    ("make", "version"), [(database("PRAGMA user_version = 7"), 7), (database("CREATE TABLE mine (x)"), 0)]
)
def test_a_file_of_another_form_is_left_alone(tmp_path: Path, make: Callable[[Path], None], version: int) -> None:
    path = tmp_path / "state.sqlite"
    make(path)
    before = path.read_bytes()
    with pytest.raises(StateMismatch, match=rf"state\.sqlite is no file of checkpoints in form 1, but {version}"):
        CheckpointStore(path).positions("a")
    assert path.read_bytes() == before


def test_what_is_no_database_is_a_fault_of_the_place_and_propagates(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        Tally(CheckpointStore(tmp_path / "state.sqlite")).run(GIVEN)


class Meter(AgentInput):
    meter: Text
    number: int
    reading: Number


class Memory(Record):
    last: int
    seen: tuple[Number, ...]


class Highest(AgentOutput):
    highest: Number


class Meters(StatefulAgent[Meter, Highest, Memory]):
    """Remembers over inputs: the state is the meter's."""

    agent_id = "test/meters"
    version = "1.0.0"
    input_model = Meter
    output_model = Highest
    state_model = Memory

    def state_key(self, given: Meter) -> str:
        return given.meter

    def start(self, given: Meter) -> Memory:
        return Memory(last=0, seen=())

    def advance(self, given: Meter, state: Memory, context: ExecutionContext) -> Memory | None:
        if given.number <= state.last:
            return None
        with context.link("read", {"row": {"reading": given.reading, "all": [1, None, "x", True, given]}}) as link:
            link.result = given
        return Memory(last=given.number, seen=(*state.seen, given.reading))

    def answer(self, given: Meter, state: Memory, context: ExecutionContext) -> Highest:
        return Highest(highest=max(state.seen))


def test_an_agent_may_go_on_where_an_earlier_input_ended(store: CheckpointStore) -> None:
    def run(meter: str, number: int, reading: str) -> Any:
        result = Meters(store).run({"meter": meter, "number": number, "reading": reading})
        assert result.data is not None
        return result

    assert run("a", 1, "7").data.highest == 7
    assert run("b", 1, "2").data.highest == 2
    later = run("a", 2, "5")
    assert later.data.highest == 7
    assert [step.tool for step in later.chain] == ["read", "read"]
    assert run("a", 2, "5").provenance == later.provenance  # the same reading twice counts once
    assert run("a", 2, "5").chain[0].arguments["row"]["reading"] == Decimal(7)


def test_a_state_that_json_changes_is_a_bug_at_the_first_checkpoint(store: CheckpointStore) -> None:
    class Loose(Record):
        value: Any

    class Careless(Tally):
        state_model = Loose  # type: ignore[assignment]

        def start(self, given: Readings) -> Any:
            return Loose(value=0)

        def advance(self, given: Readings, state: Any, context: ExecutionContext) -> Any:
            return Loose(value=Decimal(1))

    with pytest.raises(TypeError, match="Loose does not come back from JSON as it was"):
        Careless(store).run(GIVEN)
    assert store.positions("test/tally") == {}
