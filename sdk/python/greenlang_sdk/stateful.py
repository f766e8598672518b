"""The stateful pattern: work in steps, each kept on disk before the next begins, so that a killed run goes on.

Belongs here: checkpoints on SQLite. Does not belong here: state in memory; what is to outlive a run stands in the state
model.
"""

from __future__ import annotations

import json
import sqlite3
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ValidationError

from greenlang_sdk.canonical import canonical
from greenlang_sdk.errors import StateConflict, StateMismatch, Unavailable
from greenlang_sdk.factors import PinnedFactor
from greenlang_sdk.lifecycle import AgentSpecV2Base, ExecutionContext, InT, OutT
from greenlang_sdk.models import Record, plain
from greenlang_sdk.results import Step

StateT = TypeVar("StateT", bound=Record)
FILE_VERSION = 1
_TABLES = (
    "CREATE TABLE checkpoint (agent TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL,"
    " state_version INTEGER NOT NULL, state TEXT NOT NULL, cited TEXT NOT NULL, PRIMARY KEY (agent, key))",
    "CREATE TABLE link (agent TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, content TEXT NOT NULL,"
    " PRIMARY KEY (agent, key, number))",
    f"PRAGMA user_version = {FILE_VERSION}",
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state after ``position`` steps, what was cited and the chain of the calculation until then; all as JSON."""

    position: int
    state_version: int
    state: str
    cited: str
    links: tuple[str, ...]


class CheckpointStore:
    """Checkpoints of any number of agents in one SQLite file, which may be used by several processes at once.

    Raises StateMismatch for a file of another form, Unavailable for one that stays locked for ``timeout`` seconds, and
    what sqlite3 raises for a file that cannot be read or written.
    """

    def __init__(self, path: Path | str, *, timeout: float = 10.0) -> None:
        if str(path) == ":memory:":
            raise ValueError("checkpoints outlive the process: they need a file")
        self.path = Path(path)
        self.timeout = timeout

    def load(self, agent: str, key: str) -> Checkpoint | None:
        """The last checkpoint, None if there is none."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT position, state_version, state, cited FROM checkpoint WHERE agent = ? AND key = ?", (agent, key)
            ).fetchone()
            links = connection.execute(
                "SELECT content FROM link WHERE agent = ? AND key = ? ORDER BY number", (agent, key)
            ).fetchall()
        if row is None:
            return None
        position, state_version, state, cited = row
        return Checkpoint(position, state_version, state, cited, tuple(content for (content,) in links))

    def save(self, agent: str, key: str, after: Checkpoint) -> None:
        """Keep the checkpoint that follows the one at ``position - 1``: all of it or nothing.

        Its ``links`` are those that are new. Raises StateConflict if another run has gone on without us.
        """
        with self._transaction() as connection:
            found = connection.execute(
                "SELECT position FROM checkpoint WHERE agent = ? AND key = ?", (agent, key)
            ).fetchone()
            stands = found[0] if found else 0
            if stands != after.position - 1:
                raise StateConflict(f"step {after.position} of {agent} was done by another run, which is at {stands}")
            connection.execute(
                "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?, ?, ?)",
                (agent, key, after.position, after.state_version, after.state, after.cited),
            )
            connection.executemany(
                "INSERT INTO link SELECT ?, ?, COUNT(*), ? FROM link WHERE agent = ? AND key = ?",
                [(agent, key, content, agent, key) for content in after.links],
            )

    def forget(self, agent: str, key: str) -> None:
        """Begin anew at the next run."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM checkpoint WHERE agent = ? AND key = ?", (agent, key))
            connection.execute("DELETE FROM link WHERE agent = ? AND key = ?", (agent, key))

    def positions(self, agent: str) -> dict[str, int]:
        """How many steps are done, by key."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT key, position FROM checkpoint WHERE agent = ? ORDER BY key", (agent,))
            return dict(rows.fetchall())

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: what is not committed is rolled back when the connection closes or the process dies."""
        with closing(sqlite3.connect(self.path, timeout=self.timeout, isolation_level=None)) as connection:
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                raise Unavailable(f"{self.path.name} stayed locked for {self.timeout:g} seconds") from error
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0 and not connection.execute("SELECT name FROM sqlite_master").fetchall():
                for statement in _TABLES:
                    connection.execute(statement)
            elif version != FILE_VERSION:
                raise StateMismatch(f"{self.path.name} is no file of checkpoints in form {FILE_VERSION}, but {version}")
            yield connection
            connection.execute("COMMIT")


class StatefulAgent(AgentSpecV2Base[InT, OutT], Generic[InT, OutT, StateT]):
    """An agent that works in steps and goes on from the last one after a crash, with the same answer and provenance.

    A subclass declares ``state_model`` and writes `start`, `advance` and `answer`, and raises ``state_version`` when
    the meaning of the state changes. A step may be done twice (its process died before the checkpoint), so what it
    does outside of the state must bear that.
    """

    state_model: type[StateT]
    state_version: ClassVar[int] = 1
    declared = (*AgentSpecV2Base.declared, "state_model")

    def __init__(self, store: CheckpointStore) -> None:
        super().__init__()
        self.store = store

    @abstractmethod
    def start(self, given: InT) -> StateT:
        """The state before the first step."""

    @abstractmethod
    def advance(self, given: InT, state: StateT, context: ExecutionContext) -> StateT | None:
        """The state after the next step, None if there is nothing left to do."""

    @abstractmethod
    def answer(self, given: InT, state: StateT, context: ExecutionContext) -> OutT:
        """The output, from the last state."""

    def state_key(self, given: InT) -> str:
        """Runs with the same key share a state: by default those of the same agent, version and input.

        An agent that goes on where an earlier input ended returns what the inputs have in common, such as a meter.
        """
        return self.idempotency_key(given)

    def execute(self, given: InT, context: ExecutionContext) -> OutT:
        """Every step that is left, then the answer."""
        key = self.state_key(given)
        kept = self.store.load(self.agent_id, key)
        state, position = (self.start(given), 0) if kept is None else (self._restore(kept, context), kept.position)
        saved = len(context.steps)
        while (following := self.advance(given, state, context)) is not None:
            state, position = following, position + 1
            self.store.save(self.agent_id, key, self._checkpoint(position, state, context, saved))
            saved = len(context.steps)
        return self.answer(given, state, context)

    def forget(self, payload: InT | Mapping[str, object]) -> None:
        """Begin anew at the next run with this input."""
        self.store.forget(self.agent_id, self.state_key(self.input_model.model_validate(payload)))

    def _checkpoint(self, position: int, state: StateT, context: ExecutionContext, saved: int) -> Checkpoint:
        text = state.canonical().decode("utf-8")
        if self.state_model.model_validate_json(text) != state:
            raise TypeError(f"{type(state).__name__} does not come back from JSON as it was; declare its fields' types")
        cited = [astuple(citation) for citation in context.cited.values()]
        links = tuple(_link_text(step, context) for step in context.steps[saved:])
        return Checkpoint(position, self.state_version, text, canonical(cited).decode("utf-8"), links)

    def _restore(self, kept: Checkpoint, context: ExecutionContext) -> StateT:
        mismatch = f"the checkpoint of {self.agent_id} holds a state of version {kept.state_version}, "
        if kept.state_version != self.state_version:
            raise StateMismatch(f"{mismatch}this agent reads version {self.state_version}; forget it to begin anew")
        try:
            state = self.state_model.model_validate_json(kept.state)
        except ValidationError as error:
            told = f"{mismatch}which does not fit {self.state_model.__name__}; raise state_version, or forget it"
            raise StateMismatch(told) from error
        for text in kept.links:
            _read_link(text, context)
        for citation in json.loads(kept.cited):
            context.cite(*citation)
        return state


def _link_text(step: Step, context: ExecutionContext) -> str:
    """One link of the chain, with the rows that it used."""
    content = {
        "tool": step.tool,
        "arguments": _tagged(plain(step.arguments)),
        "rows": [_tagged(astuple(context.factors[key])) for key, _ in step.factors],
        "result": _tagged(plain(step.result)),
    }
    return canonical(content).decode("utf-8")


def _read_link(text: str, context: ExecutionContext) -> None:
    content = json.loads(text)
    rows = [PinnedFactor(*_untagged(row)) for row in content["rows"]]
    context.factors.update((row.key, row) for row in rows)
    used = tuple((row.key, row.digest) for row in rows)
    context.steps.append(Step(content["tool"], _untagged(content["arguments"]), used, _untagged(content["result"])))


def _tagged(value: object) -> object:
    """A value whose types JSON keeps: numbers and mappings are marked."""
    match value:
        case Decimal():
            return {"number": str(value)}
        case dict():
            return {"mapping": {name: _tagged(part) for name, part in value.items()}}
        case list() | tuple():  # a row's fields are a tuple
            return [_tagged(part) for part in value]
        case _:
            return value


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "number" in value:
        return Decimal(value["number"])
    return {name: _untagged(part) for name, part in value["mapping"].items()}
