"""Base classes and field types of an agent's input, output, rows and state.

Numbers come in as int, float, text or Decimal and are Decimal from then on. A table input is a tuple of records:

    class Fuel(Record):
        mass: Number = Field(ge=0)

    class Input(AgentInput):
        fuels: Rows[Fuel]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictStr

from greenlang_sdk.canonical import canonical
from greenlang_sdk.decimals import normal_text, to_decimal, to_whole

Number = Annotated[Decimal, BeforeValidator(to_decimal)]
Whole = Annotated[Decimal, BeforeValidator(to_whole)]
Text = StrictStr
Truth = StrictBool

_CONFIG = ConfigDict(
    extra="forbid",
    frozen=True,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=True,
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
        return canonical(self.as_dict())


class AgentInput(Record):
    """Base of an agent's input."""


class AgentOutput(Record):
    """Base of an agent's output."""


RowT = TypeVar("RowT", bound=Record)
Rows: TypeAlias = tuple[RowT, ...]


def plain(value: object) -> object:
    """Records as mappings, tuples as lists, at any depth; everything else stays."""
    if isinstance(value, Record):
        return plain(value.as_dict())
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value


def one_of(*allowed: Decimal) -> AfterValidator:
    """A number that must be one of those given."""
    return AfterValidator(_choice(allowed))


def _choice(allowed: tuple[Decimal, ...]) -> Callable[[Decimal], Decimal]:
    def check(value: Decimal) -> Decimal:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(map(normal_text, allowed))}")
        return value

    return check
