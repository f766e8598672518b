"""Accounts: what models may cost and did cost, how often they may be asked; one SQLite file for all processes.

Belongs here: budgets and rounds of agents, windows of a minute of providers, the journal of calls. Does not belong
here: prices, calls, Parquet (``greenlang.llm.usage``). Money is kept in whole billionths of a US dollar, rounded up.
Each method opens the file anew, so an `Accounts` may be kept across a fork and shared between threads.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

_NANO = Decimal(1_000_000_000)
_MINUTE = 60.0
_WAIT = 30.0  # seconds that a process waits for another's transaction
_TABLES = """
CREATE TABLE IF NOT EXISTS spent (agent TEXT PRIMARY KEY, nano INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reserved (id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, nano INTEGER NOT NULL);
ALTER TABLE reserved ADD COLUMN until REAL;  -- since version 2, as the next
ALTER TABLE reserved ADD COLUMN call TEXT;
CREATE TABLE IF NOT EXISTS rounds (agent TEXT, stage TEXT, question TEXT, PRIMARY KEY (agent, stage, question))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS admitted (id INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT, at REAL, tokens INTEGER);
CREATE INDEX IF NOT EXISTS admitted_at ON admitted (provider, at);
CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY AUTOINCREMENT, row TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money that a call may cost at most. It stands until it is settled, or until `Accounts.overdue` finds it."""

    id: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Short:
    """A reservation that the budget does not allow."""

    left: Decimal
    needed: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """An agent's account in US dollars."""

    agent: str
    spent: Decimal
    reserved: Decimal
    rounds: Mapping[str, int]  # stage -> rounds taken


class Accounts:
    """The accounts in ``folder``. Raises OSError where the folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "accounts.sqlite"

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(self.file, timeout=_WAIT, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                if connection.execute("PRAGMA user_version").fetchone() != (2,):
                    for statement in _TABLES.split(";"):  # a script of sqlite3's own would end the transaction
                        connection.execute(statement)
                    connection.execute("PRAGMA user_version = 2")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OSError(f"{self.file}: {error}") from error

    # --- budget and rounds ----------------------------------------------------------------------------------------

    def reserve(
        self,
        agent: str,
        usd: Decimal,
        limit: Decimal,
        *,
        until: float | None = None,
        call: Mapping[str, Any] | None = None,
    ) -> Reservation | Short:
        """Set money aside for one call, if spent, reserved and this together stay within ``limit``.

        ``until``, in seconds of the wall clock, is when the call has ended however it went, and ``call`` what the
        journal is told then if nobody has settled it: see `overdue`.
        """
        wanted = _nano(usd)
        with self._transaction() as db:
            taken = _taken(db, agent)
            if taken + wanted > _nano(limit):
                return Short(_usd(max(0, _nano(limit) - taken)), usd)
            row = (agent, wanted, until, None if call is None else _text(call))
            number = db.execute("INSERT INTO reserved (agent, nano, until, call) VALUES (?, ?, ?, ?)", row).lastrowid
            assert number is not None
            return Reservation(number, usd)

    def settle(self, reservation: Reservation, usd: Decimal, call: Mapping[str, Any] | None = None) -> None:
        """Replace a reservation by what the call cost (0 gives it back) and tell the journal, both or neither."""
        with self._transaction() as db:
            row = db.execute("DELETE FROM reserved WHERE id = ? RETURNING agent", (reservation.id,)).fetchone()
            if row is None:
                return  # settled before
            _spend(db, row[0], _nano(usd))
            if call is not None:
                db.execute("INSERT INTO calls (row) VALUES (?)", (_text(call),))

    def overdue(self, now: float) -> int:
        """Settle what a killed process reserved, and return how many calls that were.

        Nobody knows whether they were billed, so the whole reservation counts as spent, and the journal tells them.
        """
        with self._transaction() as db:
            found = db.execute("DELETE FROM reserved WHERE until <= ? RETURNING agent, nano, call", (now,)).fetchall()
            for agent, nano, call in found:
                _spend(db, agent, nano)
                if call is not None:
                    db.execute("INSERT INTO calls (row) VALUES (?)", (call,))
            return len(found)

    def begin_round(self, agent: str, stage: str, question: str, limit: int) -> bool:
        """Count a question as a round of a stage, once; False if no round is left."""
        with self._transaction() as db:
            asked = db.execute("SELECT question FROM rounds WHERE agent = ? AND stage = ?", (agent, stage)).fetchall()
            if (question,) in asked:
                return True
            if len(asked) >= limit:
                return False
            db.execute("INSERT INTO rounds VALUES (?, ?, ?)", (agent, stage, question))
            return True

    def account(self, agent: str) -> Account:
        """What an agent has spent."""
        with self._transaction() as db:
            spent = db.execute("SELECT coalesce(sum(nano), 0) FROM spent WHERE agent = ?", (agent,)).fetchone()[0]
            rounds = db.execute("SELECT stage, count(*) FROM rounds WHERE agent = ? GROUP BY stage", (agent,))
            return Account(agent, _usd(spent), _usd(_taken(db, agent) - spent), dict(rounds.fetchall()))

    # --- limits per minute ----------------------------------------------------------------------------------------

    def admit(self, provider: str, tokens: int, *, requests: int, per_minute: int, now: float) -> tuple[int, float]:
        """Enter a call into its provider's minute: (number, 0.0), or (0, seconds to wait) if the minute is full.

        ``now`` is in seconds of the wall clock, which all processes share. A call larger than the whole limit counts as
        the limit.
        """
        tokens = min(tokens, per_minute)
        with self._transaction() as db:
            db.execute(
                "DELETE FROM admitted WHERE provider = ? AND (at <= ? OR at > ?)", (provider, now - _MINUTE, now)
            )
            rows = db.execute("SELECT at, tokens FROM admitted WHERE provider = ? ORDER BY at", (provider,)).fetchall()
            count, used = len(rows), sum(row[1] for row in rows)
            until = now
            for at, freed in rows:  # the oldest leave first
                if count < requests and used + tokens <= per_minute:
                    break
                count, used, until = count - 1, used - freed, at + _MINUTE
            if until > now:
                return 0, until - now
            number = db.execute(
                "INSERT INTO admitted (provider, at, tokens) VALUES (?, ?, ?)", (provider, now, tokens)
            ).lastrowid
            assert number is not None
            return number, 0.0

    def used(self, number: int, tokens: int) -> None:
        """Correct the tokens of an admitted call to what it really took."""
        with self._transaction() as db:
            db.execute("UPDATE admitted SET tokens = ? WHERE id = ?", (tokens, number))

    # --- the journal of calls -------------------------------------------------------------------------------------

    def note(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add calls to the journal."""
        with self._transaction() as db:
            db.executemany("INSERT INTO calls (row) VALUES (?)", [(_text(row),) for row in rows])

    def journal(self) -> list[tuple[int, dict[str, Any]]]:
        """The calls that wait, with their numbers."""
        if not self.file.is_file():
            return []
        with self._transaction() as db:
            return [(n, json.loads(row)) for n, row in db.execute("SELECT id, row FROM calls ORDER BY id").fetchall()]

    def written(self, last: int) -> None:
        """Take the calls up to a number out of the journal."""
        with self._transaction() as db:
            db.execute("DELETE FROM calls WHERE id <= ?", (last,))


def _taken(db: sqlite3.Connection, agent: str) -> int:
    found = db.execute(
        "SELECT coalesce(sum(nano), 0) FROM (SELECT nano FROM spent WHERE agent = :agent"
        " UNION ALL SELECT nano FROM reserved WHERE agent = :agent)",
        {"agent": agent},
    ).fetchone()
    return int(found[0])


def _spend(db: sqlite3.Connection, agent: str, nano: int) -> None:
    db.execute(
        "INSERT INTO spent VALUES (?, ?) ON CONFLICT (agent) DO UPDATE SET nano = nano + excluded.nano", (agent, nano)
    )


def _text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, sort_keys=True)


def _nano(usd: Decimal) -> int:
    return int((usd * _NANO).to_integral_value(ROUND_CEILING))


def _usd(nano: int) -> Decimal:
    return Decimal(nano) / _NANO
