"""Agents: the lifecycle of document 001 section 2.1, and the calculator pattern.

`run()` returns a user's mistake (a value that does not fit, a row that no reference covers, a division by zero) as a
failed `AgentResult`. Anything else is a bug and propagates.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import ValidationError

from greenlang_sdk.canonical import digest
from greenlang_sdk.decimals import calculation, to_decimal
from greenlang_sdk.errors import InvalidInput, UnknownTool, UserMistake
from greenlang_sdk.factors import PinnedFactor, PinnedTable, recording
from greenlang_sdk.models import AgentInput, AgentOutput
from greenlang_sdk.results import AgentError, AgentResult, Citation, Step

InT = TypeVar("InT", bound=AgentInput)
OutT = TypeVar("OutT", bound=AgentOutput)
T = TypeVar("T")

Event = Literal[
    "pre_initialize",
    "post_initialize",
    "pre_validate",
    "post_validate",
    "pre_execute",
    "post_execute",
    "pre_finalize",
    "post_finalize",
]
EVENTS: tuple[Event, ...] = (
    "pre_initialize",
    "post_initialize",
    "pre_validate",
    "post_validate",
    "pre_execute",
    "post_execute",
    "pre_finalize",
    "post_finalize",
)
Value = Decimal | str | bool


@dataclass(slots=True)
class ExecutionContext:
    """What one run gathers: the steps of the calculation and the factor rows that they used."""

    agent_id: str
    version: str
    steps: list[Step] = field(default_factory=list)
    factors: dict[str, PinnedFactor] = field(default_factory=dict)
    given: dict[str, object] = field(default_factory=dict)

    def step(self, tool: Callable[..., T], /, **arguments: object) -> T:
        """Call a tool and record it in the chain: arguments, result, and the factor rows it read.

        A mistake that the tool reports is told with the tool's name.
        """
        name = tool.__name__
        try:
            with recording() as rows, calculation():
                result = tool(**arguments)
        except UserMistake as mistake:
            mistake.field = mistake.field or name
            raise
        self.factors.update((row.key, row) for row in rows)
        self.steps.append(Step(name, dict(arguments), tuple((row.key, row.digest) for row in rows), result))
        return result

    def provenance(self) -> str:
        """SHA-256 over agent, version, inputs and the steps so far, in RFC 8785 form."""
        return digest(
            {
                "agent": self.agent_id,
                "version": self.version,
                "inputs": self.given,
                "steps": [step.as_dict() for step in self.steps],
            }
        )


class AgentSpecV2Base(ABC, Generic[InT, OutT]):
    """Base of all agents: initialize, validate_input, execute, validate_output, finalize, and hooks around them.

    A subclass declares ``agent_id``, ``version``, ``input_model`` and ``output_model``, and writes `execute`.
    """

    agent_id: ClassVar[str]
    version: ClassVar[str]
    input_model: type[InT]
    output_model: type[OutT]

    def __init__(self) -> None:
        self._hooks: dict[Event, list[Callable[[], None]]] = {event: [] for event in EVENTS}
        self._initialized = False

    def initialize(self) -> None:
        """Prepare once; later calls do nothing."""
        if not self._initialized:
            self._fire("pre_initialize")
            self._initialized = True
            self._fire("post_initialize")

    def validate_input(self, payload: InT | Mapping[str, object], context: ExecutionContext) -> InT:
        """The typed input. Raises pydantic.ValidationError for values that do not fit."""
        self._fire("pre_validate")
        given = payload if isinstance(payload, self.input_model) else self.input_model.model_validate(payload)
        context.given = given.as_dict()
        self._fire("post_validate")
        return given

    @abstractmethod
    def execute(self, given: InT, context: ExecutionContext) -> OutT:
        """The agent's work."""

    def validate_output(self, output: OutT, context: ExecutionContext) -> OutT:
        """The output, checked against its own model once more: a misfit is a bug and propagates."""
        return self.output_model.model_validate(output.model_dump())

    def finalize(self, output: OutT, context: ExecutionContext) -> AgentResult[OutT]:
        """The result with its citations and provenance."""
        self._fire("pre_finalize")
        result = AgentResult(
            success=True,
            data=output,
            citations=tuple(Citation(row.ref, row.citation, row.digest) for _, row in sorted(context.factors.items())),
            provenance=context.provenance(),
            chain=tuple(context.steps),
            metadata=self._metadata(),
        )
        self._fire("post_finalize")
        return result

    def run(self, payload: InT | Mapping[str, object]) -> AgentResult[OutT]:
        """The whole lifecycle. A user's mistake is a failed result; a bug propagates."""
        context = ExecutionContext(self.agent_id, self.version)
        self.initialize()
        try:
            given = self.validate_input(payload, context)
        except ValidationError as error:
            return self._failed(*_mistakes(error))
        try:
            self._fire("pre_execute")
            output = self.execute(given, context)
            self._fire("post_execute")
        except UserMistake as mistake:
            return self._failed(AgentError(mistake.code, mistake.field, mistake.message))
        return self.finalize(self.validate_output(output, context), context)

    def add_lifecycle_hook(self, event: Event, callback: Callable[[], None]) -> None:
        """Call ``callback`` at an event. Raises ValueError for an event that does not exist."""
        if event not in self._hooks:
            raise ValueError(f"{event!r} is no lifecycle event; there are: {', '.join(EVENTS)}")
        self._hooks[event].append(callback)

    def _fire(self, event: Event) -> None:
        for callback in self._hooks[event]:
            callback()

    def _metadata(self) -> dict[str, str]:
        return {"agent": self.agent_id, "version": self.version}

    def _failed(self, *errors: AgentError) -> AgentResult[OutT]:
        return AgentResult(success=False, errors=errors, metadata=self._metadata())


@dataclass(frozen=True, slots=True)
class Tool:
    """One calculation of an agent, for one output of its spec.

    ``decimals`` is the final rounding of a number, None for text and truth values.
    """

    function: Callable[..., Value]
    output: str
    unit: str
    formula: str
    citation: str = ""
    decimals: int | None = None

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.function.__name__

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the arguments."""
        return tuple(inspect.signature(self.function).parameters)

    def __call__(self, /, **arguments: object) -> Value:
        """Calculate, exact and unrounded. Raises UnknownTool for wrong argument names, UserMistake otherwise."""
        takes = inspect.signature(self.function).parameters
        if set(arguments) != set(takes):
            raise UnknownTool(f"{self.name} takes {', '.join(takes) or 'no arguments'}", field=self.name)
        exact = {
            name: to_decimal(value) if takes[name].annotation in (Decimal, "Decimal") else value
            for name, value in arguments.items()
        }
        with calculation():
            return self.function(**exact)


class CalculatorAgent(AgentSpecV2Base[InT, OutT]):
    """An agent that calculates: every figure is a tool's, under the declared Decimal context, and in the chain."""

    tools: ClassVar[Mapping[str, Tool]] = {}

    def call_tool(self, name: str, /, **arguments: object) -> Value:
        """Call one tool by name; numbers may be int, float, text or Decimal. The result is not rounded.

        Raises UnknownTool for a name or arguments that do not exist, NotCovered and CalculationError.
        """
        if name not in self.tools:
            raise UnknownTool(f"{name!r} is no tool; there are: {', '.join(self.tools)}", field=name)
        return self.tools[name](**arguments)

    def factor_tables(self) -> Mapping[str, PinnedTable]:
        """The pinned tables of the agent."""
        return {}

    def health(self) -> dict[str, object]:
        """Whether the agent can work: its pinned rows are read and proved against their digests.

        Raises PackDamaged if a row was changed.
        """
        tables = self.factor_tables()
        return {
            "status": "ok",
            "agent": self.agent_id,
            "version": self.version,
            "tools": list(self.tools),
            "factor_rows": len({row.key for table in tables.values() for row in table.rows.values()}),
        }


def need(value: T | None, name: str) -> T:
    """An optional input that a calculation cannot do without. Raises InvalidInput if it was not given."""
    if value is None:
        raise InvalidInput(f"{name} is needed for this calculation", field=name)
    return value


def _mistakes(error: ValidationError) -> tuple[AgentError, ...]:
    return tuple(
        AgentError("invalid_input", ".".join(map(str, found["loc"])), _sentence(found))
        for found in error.errors(include_url=False, include_context=False)
    )


def _sentence(found: Any) -> str:
    message: str = found["msg"]
    return message.removeprefix("Value error, ")
