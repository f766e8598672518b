"""Base classes and field types of an agent's input and output.

Numbers come in as int, float, text or Decimal and are Decimal from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

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


class _Record(BaseModel):
    model_config = _CONFIG

    def as_dict(self) -> dict[str, object]:
        """The fields by the names of the spec; numbers stay Decimal."""
        return self.model_dump(mode="python", by_alias=True)

    def canonical(self) -> bytes:
        """RFC 8785 JSON; numbers are texts in normal form."""
        return canonical(self.as_dict())


class AgentInput(_Record):
    """Base of an agent's input. Unknown fields are refused."""


class AgentOutput(_Record):
    """Base of an agent's output."""


def one_of(*allowed: Decimal) -> AfterValidator:
    """A number that must be one of those given."""
    return AfterValidator(_choice(allowed))


def _choice(allowed: tuple[Decimal, ...]) -> Callable[[Decimal], Decimal]:
    def check(value: Decimal) -> Decimal:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(map(normal_text, allowed))}")
        return value

    return check
