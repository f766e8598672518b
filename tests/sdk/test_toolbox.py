"""Agents of several tools."""

from __future__ import annotations

import io
import json
import sys
from decimal import Decimal

import pytest
from greenlang_sdk.agent import ExecutionContext
from greenlang_sdk.canonical import digest
from greenlang_sdk.command import main, usage
from greenlang_sdk.models import AgentInput, AgentOutput, Number
from greenlang_sdk.results import AgentError
from greenlang_sdk.stateless import StatelessAgent
from greenlang_sdk.toolbox import ToolboxAgent, ToolCall

from tests.sdk.agents import Share, ShareInput, ShareOutput, Tip


class Empty(AgentInput):
    pass


class One(AgentOutput):
    one: Number


class Constant(StatelessAgent[Empty, One]):
    agent_id = "test/one"
    version = "1.0.0"
    input_model = Empty
    output_model = One

    def execute(self, given: Empty, context: ExecutionContext) -> One:
        context.cite("doc://one", "one is one")
        return One(one=Decimal(1))


class Toolbox(ToolboxAgent):
    agent_id = "test/toolbox"
    version = "2.0.0"

    def __init__(self) -> None:
        super().__init__({"share": Share(), "tip": Tip(), "one": Constant()})


class Outer(ToolboxAgent):
    agent_id = "test/outer"
    version = "1.0.0"


def test_a_call_gives_the_tool_s_answer_under_the_name_of_the_whole() -> None:
    result = Toolbox().run({"tool": "share", "arguments": {"amount": "10"}})
    alone = Share().run({"amount": "10"})
    assert result.data == ShareOutput(share=Decimal("1.667"))
    assert result.chain == alone.chain
    assert result.citations == alone.citations
    assert result.metadata == {"agent": "test/toolbox", "version": "2.0.0", "tool": "share"}


def test_provenance_is_the_digest_of_the_tool_its_typed_input_and_its_chain() -> None:
    result = Toolbox().run({"tool": "share", "arguments": {"amount": 10.0}})
    arguments = {"amount": "10", "parts": "3", "fuel": "gas", "limit": None}
    content = {
        "agent": "test/toolbox",
        "version": "2.0.0",
        "inputs": {"tool": "share", "arguments": arguments},
        "steps": [step.as_dict() for step in result.chain],
    }
    assert result.provenance == digest(content)


@pytest.mark.parametrize("payload", [{"amount": 10}, {"amount": "10.0"}, ShareInput(amount=Decimal(10))], ids=repr)
def test_call_and_run_agree_to_the_byte(payload: ShareInput | dict[str, object]) -> None:
    expected = Toolbox().run(ToolCall(tool="share", arguments={"amount": "1e1"})).canonical()
    assert Toolbox().call("share", payload).canonical() == expected


def test_rows_pass_through() -> None:
    result = Toolbox().call("tip", {"loads": [{"mass": 2}, {"mass": 3, "site": "open"}]})
    assert result.as_dict()["data"] == {"total": Decimal("3.2")}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shre", "'shre' is no tool; did you mean 'share'? there are: share, tip, one"),
        ("", "'' is no tool; there are: share, tip, one"),
    ],
)
def test_an_unknown_tool_is_told_with_the_list_and_the_nearest(name: str, message: str) -> None:
    assert Toolbox().call(name, {}).errors == (AgentError("unknown_tool", "tool", message),)


@pytest.mark.parametrize(
    ("payload", "errors"),
    [
        ({"tool": "share", "arguments": {"amount": "x", "parts": None}}, ["amount", "parts"]),
        ({"tool": "share", "arguments": {"amount": 1, "parts": 0}}, ["share"]),
        ({"tool": "one", "arguments": {"two": 2}}, ["two"]),
        ({"arguments": {}}, ["tool"]),
        ({"tool": 7}, ["tool"]),
        ({"tool": "share", "arguments": []}, ["arguments"]),
        ({"tool": "one", "other": 1}, ["other"]),
        ([], [""]),
    ],
)
def test_mistakes_are_results_with_the_tool_s_own_fields(payload: object, errors: list[str]) -> None:
    result = Toolbox().run(payload)  # type: ignore[arg-type]
    assert not result.success
    assert result.data is None
    assert [error.field for error in result.errors] == errors


def test_a_tool_that_needs_nothing_is_called_by_its_name_alone() -> None:
    result = Toolbox().run({"tool": "one"})
    assert result.data == One(one=Decimal(1))
    assert [c.ref for c in result.citations] == ["doc://one"]


def test_a_bug_in_a_tool_is_not_swallowed() -> None:
    toolbox = Toolbox()
    with pytest.raises(KeyError):
        toolbox.call("share", {"amount": 1, "fuel": "bug"})
    assert toolbox.metrics.broken == toolbox.parts["share"].metrics.broken == 1


def test_parts_prepare_with_the_whole() -> None:
    toolbox, seen = Toolbox(), list[str]()
    for part in toolbox.parts.values():
        part.add_lifecycle_hook("post_initialize", lambda context: seen.append(context.agent_id))
    toolbox.initialize()
    toolbox.initialize()
    assert seen == ["test/share", "test/tip", "test/one"]


def test_hooks_of_the_whole_and_of_the_part_are_called() -> None:
    toolbox, seen = Toolbox(), list[str]()
    toolbox.add_lifecycle_hook("pre_validate_output", lambda context: seen.append("whole"))
    toolbox.add_lifecycle_hook("post_validate_output", lambda context: seen.append("whole"))
    toolbox.parts["one"].add_lifecycle_hook("post_finalize", lambda context: seen.append("part"))
    toolbox.call("one", {})
    assert seen == ["part", "whole", "whole"]


def test_health_proves_every_part() -> None:
    health = Toolbox().health()
    assert health["tools"] == ["share", "tip", "one"]
    assert health["factor_rows"] == 3
    assert health["parts"] == {name: part.health() for name, part in Toolbox().parts.items()}


def test_a_toolbox_may_hold_another() -> None:
    outer = Outer({"inner": Toolbox()})
    result = outer.call("inner", {"tool": "share", "arguments": {"amount": 10}})
    assert result.data == ShareOutput(share=Decimal("1.667"))
    assert result.metadata["tool"] == "inner"
    assert outer.health()["factor_rows"] == 3


def test_the_command_line_takes_the_name_of_a_tool(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(Toolbox(), ["share", '{"amount": 10}']) == 0
    named = capsys.readouterr().out
    assert main(Toolbox(), ['{"tool": "share", "arguments": {"amount": 10}}']) == 0
    assert capsys.readouterr().out == named
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"amount": 10}'))
    assert main(Toolbox(), ["share"]) == 0
    assert capsys.readouterr().out == named
    assert main(Toolbox(), ["shar", "{}"]) == 1
    assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "unknown_tool"


def test_usage_lists_the_tools_with_their_fields() -> None:
    lines = usage(Toolbox()).splitlines()
    assert lines[0].startswith("usage: python -m tests TOOL '{...}'")
    assert [line for line in lines if line.startswith("inputs of")] == [
        "inputs of share:",
        "inputs of tip:",
        "inputs of one:",
    ]
