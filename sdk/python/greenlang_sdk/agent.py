"""The calculator pattern: an agent whose every figure is a tool's.

Generated code takes the lifecycle from here too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import ClassVar, get_args, get_origin, get_type_hints

from pydantic import ValidationError

from greenlang_sdk.decimals import calculation, to_decimal
from greenlang_sdk.errors import InvalidInput, Several, UnknownTool
from greenlang_sdk.factors import PinnedTable
from greenlang_sdk.lifecycle import (
    EVENTS,
    AgentMetrics,
    AgentSpecV2Base,
    Event,
    ExecutionContext,
    Hook,
    InT,
    OutT,
    T,
    mistakes,
)
from greenlang_sdk.models import Record

__all__ = [
    "EVENTS",
    "AgentMetrics",
    "AgentSpecV2Base",
    "CalculatorAgent",
    "Event",
    "ExecutionContext",
    "Hook",
    "InT",
    "OutT",
    "Tool",
    "Value",
    "need",
]

Value = Decimal | str | bool


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
        return tuple(_types(self.function))

    def __call__(self, /, **arguments: object) -> Value:
        """Calculate, exact and unrounded. Raises UnknownTool for wrong argument names, UserMistake otherwise."""
        takes = _types(self.function)
        if set(arguments) != set(takes):
            raise UnknownTool(f"{self.name} takes {', '.join(takes) or 'no arguments'}", field=self.name)
        exact = {name: _exact(value, takes[name]) for name, value in arguments.items()}
        with calculation():
            return self.function(**exact)


class CalculatorAgent(AgentSpecV2Base[InT, OutT]):
    """An agent that calculates: every figure is a tool's, under the declared Decimal context, and in the chain."""

    tools: ClassVar[Mapping[str, Tool]] = {}

    def call_tool(self, name: str, /, **arguments: object) -> Value:
        """Call one tool by name; numbers may be int, float, text or Decimal, rows mappings. The result is not rounded.

        Raises UnknownTool for a name or arguments that do not exist, NotCovered and CalculationError.
        """
        if name not in self.tools:
            raise UnknownTool.named(name, self.tools, field=name)
        return self.tools[name](**arguments)

    def factor_tables(self) -> Mapping[str, PinnedTable]:
        """The pinned tables of the agent."""
        return {}

    def health(self) -> dict[str, object]:
        """Whether the agent can work: its pinned rows are read and proved against their digests.

        Raises PackDamaged if a row was changed.
        """
        tables = self.factor_tables()
        rows = {row.key for table in tables.values() for row in table.rows.values()}
        return super().health() | {"tools": list(self.tools), "factor_rows": len(rows)}


def need(value: T | None, name: str) -> T:
    """An optional input that a calculation cannot do without. Raises InvalidInput if it was not given."""
    if value is None:
        raise InvalidInput(f"{name} is needed for this calculation", field=name)
    return value


@lru_cache(maxsize=1024)
def _types(function: Callable[..., object]) -> dict[str, object]:
    """The parameters of a tool and their types."""
    hints = get_type_hints(function)
    return {name: hints.get(name) for name in inspect.signature(function).parameters}


def _exact(value: object, annotation: object) -> object:
    """A number as Decimal, mappings as the records of a table input; everything else as it is."""
    if annotation is Decimal:
        return to_decimal(value)
    model = next(iter(get_args(annotation)), None) if get_origin(annotation) is tuple else None
    if not (isinstance(model, type) and issubclass(model, Record) and isinstance(value, (list, tuple))):
        return value
    try:
        return tuple(model.model_validate(row) for row in value)
    except ValidationError as error:
        raise Several(mistakes(error)) from error
