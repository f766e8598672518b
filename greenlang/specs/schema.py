"""Dialect B as declared types: ``pack.yaml`` 2.0.0, and our superset's ``compute.formulas``.

The JSON Schema, the unknown-key check and the type check all come from these classes. Meaning is checked elsewhere
(``greenlang.specs.reader`` and ``greenlang.resolution``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")
    return Decimal(value)


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def _list(value: object) -> object:
    """A single word where a list is expected is a list of one."""
    return [value] if isinstance(value, str) else value


def _form_of_factors(value: object) -> str | None:
    """Which form the author means, so that only that form's mistakes are reported."""
    if isinstance(value, list):
        return "<list>"
    return "<none>" if value is None else "<mapping>" if isinstance(value, dict) else None


def _form_of_formula(value: object) -> str:
    return "<long>" if isinstance(value, dict | GivenFormula) else "<text>"


Number = Annotated[Decimal, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Positive = Annotated[int, BeforeValidator(_whole), Field(gt=0)]
Words = Annotated[list[str], BeforeValidator(_list)]
Scalar = Any  # checked against the dtype by the reader
DType = Literal["float64", "float32", "int32", "int64", "string", "bool", "list", "object"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Input(_Part):
    """One entry of ``compute.inputs``."""

    dtype: DType
    unit: str = "1"
    required: bool = True
    default: Scalar = None
    ge: Number | None = None
    gt: Number | None = None
    le: Number | None = None
    lt: Number | None = None
    enum: list[Scalar] | None = None
    pattern: str | None = None
    description: str = ""


class Output(_Part):
    """One entry of ``compute.outputs``."""

    dtype: DType
    unit: str = "1"
    description: str = ""


class Reference(_Part):
    """One entry of ``compute.factors``."""

    ref: str
    gwp_set: str | None = None
    description: str = ""


class ListedReference(Reference):
    """An entry of ``compute.factors`` written as a list; ``name`` is the alias that formulas use."""

    name: str | None = None


class GivenFormula(_Part):
    """One entry of ``compute.formulas`` in its long form: an expression, or a library formula with bindings."""

    expression: str | None = None
    formula: str | None = None
    bind: dict[str, str] = Field(default_factory=dict)


# The tags stand between < and > so that no key of an author's file can be taken for one in an error's location.
Factors = Annotated[
    Annotated[dict[str, Reference], Tag("<mapping>")]
    | Annotated[list[ListedReference], Tag("<list>")]
    | Annotated[None, Tag("<none>")],
    Discriminator(
        _form_of_factors,
        custom_error_type="form_of_factors",
        custom_error_message="must map names to references, or list references",
    ),
]
Formula = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[GivenFormula, Tag("<long>")], Discriminator(_form_of_formula)
]


class Compute(_Part):
    """``compute``."""

    entrypoint: str = ""
    deterministic: bool = True
    dependencies: list[str] = Field(default_factory=list)
    python_version: str | None = None
    timeout_s: Positive | None = None
    memory_limit_mb: Positive | None = None
    inputs: dict[str, Input]
    outputs: dict[str, Output]
    factors: Factors = None
    formulas: dict[str, Formula] = Field(default_factory=dict)


class Expected(_Part):
    """What a golden case expects of one output, in its long form."""

    value: Scalar
    tol: Number | None = None


class Golden(_Part):
    """One entry of ``tests.golden``."""

    name: str
    description: str = ""
    input: dict[str, Scalar]
    expect: dict[str, Scalar]


class PropertyRule(_Part):
    """One entry of ``tests.properties``."""

    name: str
    rule: str
    description: str = ""
    tolerance: Number | None = None


class Tests(_Part):
    """``tests``."""

    golden: list[Golden] = Field(default_factory=list)
    properties: list[PropertyRule] = Field(default_factory=list)


class Provenance(_Part):
    """``provenance``."""

    pin_ef: bool = True
    gwp_set: str | None = None
    record: list[str] = Field(default_factory=list)
    ef_version_pin: str | None = None
    enable_audit: bool = True
    citation_required: bool = True


class Pack(_Part):
    """A whole ``pack.yaml`` of schema version 2.0.0."""

    schema_version: Literal["2.0.0"]
    id: str
    name: str
    version: str
    summary: str = ""
    tags: Words = Field(default_factory=list)
    owners: Words = Field(default_factory=list)
    license: str = "Apache-2.0"
    compute: Compute
    ai: dict[str, Any] | None = None
    realtime: dict[str, Any] | None = None
    provenance: Provenance = Field(default_factory=Provenance)
    security: dict[str, Any] | None = None
    tests: Tests = Field(default_factory=Tests)
    metadata: dict[str, Any] | None = None
