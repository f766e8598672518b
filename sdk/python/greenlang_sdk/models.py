"""Base classes and field types of an agent's input, output, rows and state.

Numbers come in as int, float, text or Decimal and are Decimal from then on. A table input is a tuple of records:

    class Fuel(Record):
        mass: Number = Field(ge=0)

    class Input(AgentInput):
        fuels: Rows[Fuel]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictStr

from greenlang_sdk.canonical import canonical
from greenlang_sdk.decimals import normal_text, to_decimal, to_whole

Number = Annotated[Decimal, BeforeValidator(to_decimal)]
Whole = Annotated[Decimal, BeforeValidator(to_whole)]
Text = StrictStr
Truth = StrictBool

_PLAIN = {str, Decimal, bool, int, float, type(None)}  # most values: asked for first
_CONFIG = ConfigDict(
    extra="forbid",
    frozen=True,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=True,
    validate_default=True,
    revalidate_instances="always",  # a copy with changed fields is checked like everything else
    protected_namespaces=(),
)


class Record(BaseModel):
    """A row of a table input, a state, a part of an output. Unknown fields are refused; nothing changes later."""

    model_config = _CONFIG

    def as_dict(self) -> dict[str, object]:
        """The fields by the names of the spec; numbers stay Decimal."""
        return self.model_dump(mode="python", by_alias=True)

    def canonical(self) -> bytes:
        """RFC 8785 JSON; numbers are texts in normal form."""
        return canonical(plain(self))


class AgentInput(Record):
    """Base of an agent's input."""


class AgentOutput(Record):
    """Base of an agent's output."""


RowT = TypeVar("RowT", bound=Record)
Rows: TypeAlias = tuple[RowT, ...]


def plain(value: object) -> object:
    """What JSON has a form for, at any depth; numbers stay Decimal, and everything else stays as it is.

    Records, other models and dataclasses become mappings, tuples lists, members of an Enum their values, and dates and
    times their ISO 8601 text.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:  # as most of what is left
        return {name: part if type(part) in _PLAIN else plain(part) for name, part in value.items()}  # type: ignore[attr-defined]
    match value:
        case BaseModel():
            return plain(value.model_dump(by_alias=True))
        case Enum():
            return plain(value.value)
        case date() | time():
            return value.isoformat()
        case Mapping():
            return {name: plain(part) for name, part in value.items()}
        case list() | tuple():
            return [plain(part) for part in value]
        case _:
            return plain(asdict(value)) if is_dataclass(value) and not isinstance(value, type) else value


def one_of(*allowed: Decimal) -> AfterValidator:
    """A number that must be one of those given."""
    return AfterValidator(_choice(allowed))


def _choice(allowed: tuple[Decimal, ...]) -> Callable[[Decimal], Decimal]:
    def check(value: Decimal) -> Decimal:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(map(normal_text, allowed))}")
        return value

    return check
