"""The form of a template file as declared types. Meaning is checked elsewhere (``reading``, ``proof``)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ANY = "any"
OTHERS = "*"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Choice(_Part):
    """An alias that becomes a look-up: the agent asks for a place, whose row of ``table`` is taken."""

    table: str
    input: str
    values: list[str] = Field(min_length=2)
    example: str
    description: str


class Change(_Part):
    """What a region or a sector changes in the spec, or why it is refused."""

    factors: dict[str, str] = Field(default_factory=dict)
    choose: dict[str, Choice] = Field(default_factory=dict)
    gwp_set: str | None = None
    inputs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    note: str = ""
    source: str = ""
    refuse: str = ""


class SharedSet(_Part):
    """A set of changes by region that templates share."""

    about: str
    regions: dict[str, Change]


def _regions(value: object) -> object:
    """``any`` and the name of a shared set are short for mappings."""
    if isinstance(value, str):
        return {OTHERS: {}} if value == ANY else {"use": value}
    return value


class Body(BaseModel):
    """The spec of a template: dialect B without schema version, id, name and version. Read by ``greenlang.specs``."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    summary: str
    tags: list[str] = Field(default_factory=list)
    compute: dict[str, Any]
    provenance: dict[str, Any] = Field(default_factory=dict)
    tests: dict[str, Any]


class TemplateFile(_Part):
    """A whole template file."""

    template: Literal[1]
    name: str
    version: str
    title: str
    for_whom: str
    domain: str
    subdomains: list[str] = Field(min_length=1)
    serves: dict[str, str] = Field(min_length=1)
    regions: Annotated[dict[str, Any], BeforeValidator(_regions)]
    sectors: dict[str, Change] = Field(default_factory=dict)
    spec: Body
    sources: list[str] = Field(min_length=1)
