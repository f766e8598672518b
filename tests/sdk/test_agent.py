from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from greenlang_sdk.agent import CalculatorAgent, ExecutionContext, Tool, Value, need
from greenlang_sdk.canonical import digest
from greenlang_sdk.command import main, usage
from greenlang_sdk.errors import InvalidInput, NotCovered, PackDamaged, UnknownTool
from greenlang_sdk.factors import PinnedTable, read_tables
from greenlang_sdk.models import AgentInput, Number, one_of

from tests.sdk.agents import TABLE, Share, ShareOutput


def test_run_gives_data_citations_and_the_digest_of_the_chain() -> None:
    result = Share().run({"amount": "10"})
    assert result.success
    assert result.error is None
    assert result.data == ShareOutput(share=Decimal("1.667"))
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
    result = Share().run(payload)  # type: ignore[arg-type]
    assert not result.success
    assert result.data is None
    assert result.error is not None
    assert (result.error.code, result.error.field) == (code, field)
    assert message in result.error.message


def test_a_bug_is_not_swallowed() -> None:
    with pytest.raises(KeyError, match="a bug"):
        Share().run({"amount": 1, "fuel": "bug"})


def test_all_mistakes_come_at_once() -> None:
    assert [e.field for e in Share().run({"amount": "x", "parts": None}).errors] == ["amount", "parts"]


def test_call_tool_takes_any_spelling_of_a_number() -> None:
    value: Value = Share().call_tool("share", amount=6, parts=1.5, fuel="gas")
    assert value == 2
    with pytest.raises(UnknownTool, match="there are: share"):
        Share().call_tool("nothing")
    with pytest.raises(UnknownTool, match="takes amount, parts, fuel"):
        Share().call_tool("share", amount=1)
    with pytest.raises(NotCovered):
        Share().call_tool("share", amount=1, parts=1, fuel="coal")


def test_a_tool_may_take_arguments_of_any_name() -> None:
    def scaled(*, name: Decimal, tool: Decimal) -> Decimal:
        return name * tool

    class Named(Share):
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


def test_a_changed_row_is_damage(tmp_path: Path) -> None:
    row = {"key": "k", "value": "1", "unit": "1", "document": "d", "table": "", "cell": ""}
    gap = {"selectors": [{"input": "year", "value": "*"}], "reason": "no year", "candidates": ["2024"]}
    table = {"name": "t", "inputs": [], "unit": "1", "label": "", "rows": [{"when": [], "factor": "k"}], "gaps": [gap]}
    path = tmp_path / "factors.json"
    path.write_text(json.dumps({"tables": [table], "factors": [row | {"digest": digest(row)}]}))
    (read,) = read_tables(path).values()
    assert read.value() == 1
    assert read.gaps[0].candidates == ("2024",)
    path.write_text(json.dumps({"tables": [table], "factors": [row | {"value": "2", "digest": digest(row)}]}))
    with pytest.raises(PackDamaged, match="the row k was changed"):
        read_tables(path)


def test_keys_of_a_look_up_have_one_text() -> None:
    table = PinnedTable("t", ("on", "year"), "1", {("true", "2024"): TABLE.row("gas", "US")})
    assert table.value(True, Decimal("2024.0")) == Decimal("0.5")


def test_a_number_of_a_list_is_one_of_it() -> None:
    class Choice(AgentInput):
        size: Annotated[Number, one_of(Decimal(1), Decimal("2.5"))]

    assert Choice(size="2.50").size == Decimal("2.5")
    with pytest.raises(ValueError, match=r"must be one of 1, 2\.5"):
        Choice(size=Decimal(2))


def test_an_agent_without_tables_has_no_rows_to_prove() -> None:
    class Bare(Share):
        factor_tables = CalculatorAgent.factor_tables

    assert Bare().health()["factor_rows"] == 0


def test_a_tool_without_arguments_says_so() -> None:
    def one() -> Decimal:
        return Decimal(1)

    assert Tool(one, "one", "1", "1").parameters == ()
    with pytest.raises(UnknownTool, match="one takes no arguments"):
        Tool(one, "one", "1", "1")(two=2)


def test_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(Share(), ['{"amount": 0.30}']) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {"share": "0.05"}
    monkeypatch.setattr(sys, "stdin", io.StringIO("{"))
    assert main(Share(), []) == 2
    assert main(Share(), ['{"amount": NaN}']) == 2
    assert main(Share(), ["{}"]) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_command_line_says_what_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(Share(), ["--help"]) == 0
    out = capsys.readouterr().out
    assert out == usage(Share())
    assert out.startswith("usage: python -m tests '{...}'")
    for line in ("inputs of test/share 1.0.0:", "  amount", "  parts (optional)", "outputs of test/share 1.0.0:"):
        assert line in out.splitlines()
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert main(Share(), []) == 2
    assert capsys.readouterr().out == out


def test_the_command_line_reads_the_process_s_arguments(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["share", "[1]"])
    assert main(Share()) == 2
    assert "a JSON object is needed" in capsys.readouterr().err
