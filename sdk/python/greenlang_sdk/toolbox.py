"""The dispatcher: one agent made of several, each called by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field

from greenlang_sdk.agent import CalculatorAgent
from greenlang_sdk.errors import Several, UnknownTool
from greenlang_sdk.lifecycle import AgentSpecV2Base, ExecutionContext
from greenlang_sdk.models import AgentInput, AgentOutput, Text
from greenlang_sdk.results import AgentResult


class ToolCall(AgentInput):
    """Which tool, and what it is given."""

    tool: Text = Field(description="the name of a tool")
    arguments: dict[str, Any] = Field(default_factory=dict, description="the inputs of that tool")


class ToolboxAgent(AgentSpecV2Base[ToolCall, AgentOutput]):
    """An agent of several tools, each a whole agent with a model of its own.

    A result is the tool's: its data, errors, citations and chain, under the name and version of the whole. An error's
    ``field`` is the tool's own. Only the provenance is calculated anew, over the whole's name, the tool and its input.
    """

    input_model = ToolCall
    output_model = AgentOutput

    def __init__(self, parts: Mapping[str, AgentSpecV2Base[Any, Any]]) -> None:
        super().__init__()
        self.parts = dict(parts)

    def call(self, name: str, payload: AgentInput | Mapping[str, object]) -> AgentResult[AgentOutput]:
        """As ``run({"tool": name, "arguments": payload})``."""
        arguments = payload.as_dict() if isinstance(payload, AgentInput) else payload
        return self.run({"tool": name, "arguments": arguments})

    def prepare(self) -> None:
        """Prepare every part."""
        for part in self.parts.values():
            part.initialize()

    def execute(self, given: ToolCall, context: ExecutionContext) -> AgentOutput:
        """Run the part that is named."""
        part = self.parts.get(given.tool)
        if part is None:
            raise UnknownTool.named(given.tool, self.parts, field="tool")
        inner = ExecutionContext(part.agent_id, part.version)
        result: AgentResult[Any] = part.run(given.arguments, inner)
        context.given = {"tool": given.tool, "arguments": inner.given}
        context.metadata["tool"] = given.tool
        context.steps += inner.steps
        context.factors |= inner.factors
        context.cited |= inner.cited
        context.partial = inner.partial
        if not result.success:
            raise Several(result.errors)
        return cast(AgentOutput, result.data)

    def validate_output(self, output: AgentOutput, context: ExecutionContext) -> AgentOutput:
        """The output as it is: its part has checked it against the part's own model."""
        self._fire("pre_validate_output", context)
        self._fire("post_validate_output", context)
        return output

    def health(self) -> dict[str, object]:
        """Whether every part can work. Raises PackDamaged if a pinned row was changed."""
        parts = {name: part.health() for name, part in self.parts.items()}
        return super().health() | {"tools": list(parts), "factor_rows": len(self.pinned_keys()), "parts": parts}

    def pinned_keys(self) -> set[str]:
        """The keys of the pinned rows of all parts."""
        keys: set[str] = set()
        for part in self.parts.values():
            if isinstance(part, ToolboxAgent):
                keys |= part.pinned_keys()
            elif isinstance(part, CalculatorAgent):
                keys |= {row.key for table in part.factor_tables().values() for row in table.rows.values()}
        return keys
