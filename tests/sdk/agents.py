"""Agents that several tests use."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from greenlang_sdk.agent import CalculatorAgent, ExecutionContext, Tool, need
from greenlang_sdk.decimals import round_output, sum_over
from greenlang_sdk.factors import PinnedFactor, PinnedGap, PinnedTable
from greenlang_sdk.models import AgentInput, AgentOutput, Number, Record, Rows, Text
from greenlang_sdk.stateful import CheckpointStore, StatefulAgent
from pydantic import Field

TABLE = PinnedTable(
    name="factor",
    inputs=("fuel", "country"),
    unit="kg/MJ",
    rows={("gas", "US"): PinnedFactor("epa/x", Decimal("0.5"), "kg/MJ", "Table 1", "aa")},
    gaps=(
        PinnedGap((("country", "*"),), "only US is known"),
        PinnedGap((("fuel", "coal"),), "coal is ambiguous: anthracite, bituminous", ("anthracite", "bituminous")),
    ),
)


def share(*, amount: Decimal, parts: Decimal, fuel: str) -> Decimal:
    """Amount per part."""
    return amount * TABLE.value(fuel, "US") / parts


class ShareInput(AgentInput):
    amount: Number = Field(ge=0)
    parts: Number = Decimal(3)
    fuel: Text = "gas"
    limit: Number | None = None


class ShareOutput(AgentOutput):
    share: Number


class Share(CalculatorAgent[ShareInput, ShareOutput]):
    """Amount × factor ÷ parts; some fuels are mistakes or bugs."""

    agent_id = "test/share"
    version = "1.0.0"
    input_model = ShareInput
    output_model = ShareOutput
    tools: ClassVar[Mapping[str, Tool]] = {"share": Tool(share, "share", "kg", "amount ÷ parts", decimals=3)}

    def execute(self, given: ShareInput, context: ExecutionContext) -> ShareOutput:
        if given.fuel == "limited":
            need(given.limit, "limit")
        if given.fuel == "bug":
            raise KeyError("a bug")
        value = context.step(share, amount=given.amount, parts=given.parts, fuel=given.fuel)
        return ShareOutput(share=round_output(value, 3))

    def factor_tables(self) -> Mapping[str, PinnedTable]:
        return {"factor": TABLE}


METHANE = PinnedTable(
    name="correction.mcf",
    inputs=("site",),
    unit="1",
    rows={
        ("managed",): PinnedFactor("table://correction/managed/mcf", Decimal(1), "1", "an example, Table 1", "bb"),
        ("open",): PinnedFactor("table://correction/open/mcf", Decimal("0.4"), "1", "an example, Table 1", "cc"),
    },
    label="methane correction factor",
)


class Load(Record):
    mass: Number = Field(ge=0)
    parts: Number = Decimal(1)
    site: Text = "managed"


def tip(*, loads: Rows[Load]) -> Decimal:
    """Corrected mass of all loads."""
    return sum_over(loads, lambda load: load.mass * METHANE.value(load.site) / load.parts)


class TipInput(AgentInput):
    loads: Rows[Load]


class TipOutput(AgentOutput):
    total: Number


class Tip(CalculatorAgent[TipInput, TipOutput]):
    """A sum over the rows of a table input, with a parameter table."""

    agent_id = "test/tip"
    version = "1.0.0"
    input_model = TipInput
    output_model = TipOutput
    tools: ClassVar[Mapping[str, Tool]] = {"tip": Tool(tip, "total", "t", "sum(loads, mass × mcf ÷ parts)")}

    def execute(self, given: TipInput, context: ExecutionContext) -> TipOutput:
        return TipOutput(total=context.step(tip, loads=given.loads))

    def factor_tables(self) -> Mapping[str, PinnedTable]:
        return {"correction.mcf": METHANE}


class Readings(AgentInput):
    readings: tuple[Number, ...]


class TallyState(Record):
    done: int
    total: Number


def add(*, total: Decimal, reading: Decimal) -> Decimal:
    """One reading more, as energy."""
    return total + reading * TABLE.value("gas", "US")


class Total(AgentOutput):
    total: Number


class Tally(StatefulAgent[Readings, Total, TallyState]):
    """Adds up readings, one a step, and notes in a file which it did."""

    agent_id = "test/tally"
    version = "1.0.0"
    input_model = Readings
    output_model = Total
    state_model = TallyState

    def __init__(self, store: CheckpointStore, notes: Path | None = None, die_at: int = -1) -> None:
        super().__init__(store)
        self.notes = notes
        self.die_at = die_at

    def start(self, given: Readings) -> TallyState:
        return TallyState(done=0, total=Decimal(0))

    def advance(self, given: Readings, state: TallyState, context: ExecutionContext) -> TallyState | None:
        if state.done == len(given.readings):
            return None
        total = context.step(add, total=state.total, reading=given.readings[state.done])
        context.cite(f"note://{state.done}", "the reading's note")
        if self.notes is not None:
            with self.notes.open("a") as file:
                file.write(f"{state.done}\n")
        if state.done == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return TallyState(done=state.done + 1, total=total)

    def answer(self, given: Readings, state: TallyState, context: ExecutionContext) -> Total:
        return Total(total=state.total)


def _die_in_transaction(nth: int) -> None:
    """Kill this process in the nth transaction that writes, before it is committed."""
    connect, seen = sqlite3.connect, 0

    def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)

        def look(statement: str) -> None:
            nonlocal seen
            seen += statement.startswith("INSERT OR REPLACE")
            if seen == nth and statement == "COMMIT":
                os.kill(os.getpid(), signal.SIGKILL)

        connection.set_trace_callback(look)
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]


if __name__ == "__main__":
    folder, where, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if where == "commit":
        _die_in_transaction(number)
    agent = Tally(CheckpointStore(folder / "state.sqlite"), folder / "notes", number if where == "step" else -1)
    sys.stdout.buffer.write(agent.run({"readings": [1, "2.5", 3, 4]}).canonical())
