from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import pytest
from greenlang_sdk.agent import EVENTS, CalculatorAgent, ExecutionContext, Tool, Value, need
from greenlang_sdk.canonical import digest
from greenlang_sdk.command import main
from greenlang_sdk.decimals import round_output
from greenlang_sdk.errors import InvalidInput, NotCovered, PackDamaged, UnknownTool
from greenlang_sdk.factors import PinnedFactor, PinnedGap, PinnedTable, read_tables
from greenlang_sdk.models import AgentInput, AgentOutput, Number, Text
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


class Input(AgentInput):
    amount: Number = Field(ge=0)
    parts: Number = Decimal(3)
    fuel: Text = "gas"
    limit: Number | None = None


class Output(AgentOutput):
    share: Number


class Agent(CalculatorAgent[Input, Output]):
    agent_id = "test/share"
    version = "1.0.0"
    input_model = Input
    output_model = Output
    tools: ClassVar[Mapping[str, Tool]] = {"share": Tool(share, "share", "kg", "amount ÷ parts", decimals=3)}

    def execute(self, given: Input, context: ExecutionContext) -> Output:
        if given.fuel == "limited":
            need(given.limit, "limit")
        if given.fuel == "bug":
            raise KeyError("a bug")
        value = context.step(share, amount=given.amount, parts=given.parts, fuel=given.fuel)
        return Output(share=round_output(value, 3))

    def factor_tables(self) -> Mapping[str, PinnedTable]:
        return {"factor": TABLE}


def test_run_gives_data_citations_and_the_digest_of_the_chain() -> None:
    result = Agent().run({"amount": "10"})
    assert result.success
    assert result.error is None
    assert result.data == Output(share=Decimal("1.667"))
    assert [c.ref for c in result.citations] == ["ef://epa/x"]
    (step,) = result.chain
    assert step.result == Decimal("1.666666666666666666666666666666667")
    inputs = {"amount": "10", "parts": "3", "fuel": "gas", "limit": None}
    chain = {"agent": "test/share", "version": "1.0.0", "inputs": inputs, "steps": [step.as_dict()]}
    assert result.provenance == digest(chain)


@pytest.mark.parametrize(
    ("payload", "code", "field", "message"),
    [
        ({}, "invalid_input", "amount", "Field required"),
        ({"amount": -1}, "invalid_input", "amount", "greater than or equal to 0"),
        ({"amount": "x"}, "invalid_input", "amount", "no plain number"),
        ({"amount": 1, "other": 2}, "invalid_input", "other", "not permitted"),
        ({"amount": 1, "parts": 0}, "calculation", "share", "division by zero"),
        ({"amount": 1, "fuel": "coal"}, "not_covered", "fuel", "coal is ambiguous: anthracite, bituminous"),
        ({"amount": 1, "fuel": "wood"}, "not_covered", "country", "only US is known"),
        ({"amount": 1, "fuel": "limited"}, "invalid_input", "limit", "needed"),
        ([], "invalid_input", "", "dictionary"),
    ],
)
def test_a_user_s_mistake_is_a_result(payload: object, code: str, field: str, message: str) -> None:
    result = Agent().run(payload)  # type: ignore[arg-type]
    assert not result.success
    assert result.data is None
    assert result.error is not None
    assert (result.error.code, result.error.field) == (code, field)
    assert message in result.error.message


def test_a_bug_is_not_swallowed() -> None:
    with pytest.raises(KeyError, match="a bug"):
        Agent().run({"amount": 1, "fuel": "bug"})


def test_all_mistakes_come_at_once() -> None:
    assert [e.field for e in Agent().run({"amount": "x", "parts": None}).errors] == ["amount", "parts"]


def test_hooks_fire_in_order_and_initialize_once() -> None:
    agent, seen = Agent(), []
    for event in EVENTS:
        agent.add_lifecycle_hook(event, lambda event=event: seen.append(event))  # type: ignore[misc]
    agent.run({"amount": 1})
    agent.run({"amount": 1})
    assert seen == [*EVENTS, *EVENTS[2:]]
    with pytest.raises(ValueError, match="no lifecycle event"):
        agent.add_lifecycle_hook("midnight", print)  # type: ignore[arg-type]


def test_call_tool_takes_any_spelling_of_a_number() -> None:
    value: Value = Agent().call_tool("share", amount=6, parts=1.5, fuel="gas")
    assert value == 2
    with pytest.raises(UnknownTool, match="there are: share"):
        Agent().call_tool("nothing")
    with pytest.raises(UnknownTool, match="takes amount, parts, fuel"):
        Agent().call_tool("share", amount=1)
    with pytest.raises(NotCovered):
        Agent().call_tool("share", amount=1, parts=1, fuel="coal")


def test_a_tool_may_take_arguments_of_any_name() -> None:
    def scaled(*, name: Decimal, tool: Decimal) -> Decimal:
        return name * tool

    class Named(Agent):
        tools: ClassVar[Mapping[str, Tool]] = {"scaled": Tool(scaled, output="share", unit="1", formula="name × tool")}

    assert Named().call_tool("scaled", name=2, tool=3) == 6
    context = ExecutionContext("test/share", "1.0.0")
    assert context.step(scaled, name=Decimal(2), tool=Decimal(3)) == 6


def test_need_names_what_is_missing() -> None:
    assert need(0, "x") == 0
    with pytest.raises(InvalidInput, match="x is needed"):
        need(None, "x")


def test_the_more_precise_gap_speaks() -> None:
    with pytest.raises(NotCovered, match="ambiguous") as told:
        TABLE.value("coal", "DE")
    assert told.value.candidates == ("anthracite", "bituminous")
    with pytest.raises(NotCovered, match="only US"):
        TABLE.value("gas", "DE")


def test_a_table_without_gaps_names_the_values() -> None:
    table = PinnedTable("t", ("year",), "1", {})
    with pytest.raises(NotCovered, match="no row for year = 2024"):
        table.value(Decimal("2024.0"))


def test_a_changed_row_is_damage(tmp_path) -> None:  # type: ignore[no-untyped-def]
    row = {"key": "k", "value": "1", "unit": "1", "document": "d", "table": "", "cell": ""}
    table = {"name": "t", "inputs": [], "unit": "1", "label": "", "rows": [{"when": [], "factor": "k"}], "gaps": []}
    path = tmp_path / "factors.json"
    path.write_text(json.dumps({"tables": [table], "factors": [row | {"digest": digest(row)}]}))
    assert read_tables(path)["t"].value() == 1
    path.write_text(json.dumps({"tables": [table], "factors": [row | {"value": "2", "digest": digest(row)}]}))
    with pytest.raises(PackDamaged, match="the row k was changed"):
        read_tables(path)


def test_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(Agent(), ['{"amount": 0.30}']) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {"share": "0.05"}
    monkeypatch.setattr(sys, "stdin", io.StringIO("{"))
    assert main(Agent(), []) == 2
    assert main(Agent(), ["{}"]) == 1


def test_import_needs_nothing_but_pydantic() -> None:
    code = (
        "import sys; import greenlang_sdk.testing;"
        "heavy = {'greenlang', 'pandas', 'polars', 'duckdb', 'jinja2', 'yaml'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_command_line_says_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    from greenlang_sdk.command import main

    assert main(Agent(), ["--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: python -m ")
    for name in Agent().input_model.model_fields:
        assert f"  {name}" in out
