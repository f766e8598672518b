"""Dialect B as declared types: ``pack.yaml`` 2.0.0, and our superset's ``compute.formulas``.

The JSON Schema, the unknown-key check, the type check and the ledger all come from these classes. Meaning is checked
elsewhere (``greenlang.specs.dialect_b`` and ``greenlang.resolution``).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from greenlang.specs.form import AnyText, Because, Closed, DomainId, Number, Positive, Scalar, Spelled, Version, Words
from greenlang.specs.shapes import AI, CODE, KEPT, Expected, ListedReference, Provenance, Reference, Tests

__all__ = ["Compute", "Expected", "GivenFormula", "Input", "ListedReference", "Output", "Pack", "Reference"]

DTYPES = ("float64", "float32", "int32", "int64", "string", "bool", "list", "object")
DTYPES_ELSEWHERE = {  # in lower case
    **dict.fromkeys(("number", "float", "double", "decimal"), "float64"),
    **dict.fromkeys(("integer", "int"), "int32"),
    **dict.fromkeys(("str", "text"), "string"),
    "boolean": "bool",
    "array": "list",
    "dict": "object",
    **{word: word for word in DTYPES},
}
DType = Annotated[
    Literal["float64", "float32", "int32", "int64", "string", "bool", "list", "object"], Spelled(DTYPES_ELSEWHERE)
]
_LIMITS = Because("every agent runs under the limits of the sandbox")


def _form_of_factors(value: object) -> str | None:
    """Which form the author means, so that only that form's mistakes are reported."""
    if isinstance(value, list):
        return "<list>"
    return "<none>" if value is None else "<mapping>" if isinstance(value, dict) else None


def _form_of_formula(value: object) -> str:
    return "<long>" if isinstance(value, dict | GivenFormula) else "<text>"


_SPELLED = {
    "minimum": "ge",
    "min": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "max": "le",
    "exclusiveMaximum": "lt",
    "units": "unit",
    "type": "dtype",
    "allowed_values": "enum",
    "regex": "pattern",
}


class Column(Closed):
    """A column of a table input: every row has a value in it."""

    spelled: ClassVar[dict[str, str]] = _SPELLED

    dtype: DType
    unit: str = "1"
    ge: Number | None = None
    gt: Number | None = None
    le: Number | None = None
    lt: Number | None = None
    enum: list[Scalar] | None = None
    pattern: str | None = None
    description: str = ""


class Input(Closed):
    """One entry of ``compute.inputs``; a list with ``columns`` is a table."""

    spelled: ClassVar[dict[str, str]] = _SPELLED
    flat: ClassVar[frozenset[str]] = frozenset(("constraints", "validation"))

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
    columns: dict[str, Column] | None = None


class Output(Closed):
    """One entry of ``compute.outputs``."""

    spelled: ClassVar[dict[str, str]] = {"units": "unit", "type": "dtype", "allowed_values": "enum"}

    dtype: DType
    unit: str = "1"
    description: str = ""
    enum: list[Scalar] | None = None
    required: Annotated[bool | None, Because("an agent gives every output")] = None


class GivenFormula(Closed):
    """One entry of ``compute.formulas`` in its long form: an expression, or a library formula with bindings."""

    expression: str | None = None
    formula: str | None = None
    output: str = ""
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


class Compute(Closed):
    """``compute``."""

    entrypoint: Annotated[str, CODE] = ""
    deterministic: Annotated[bool, Because("every generated agent is deterministic")] = True
    dependencies: Annotated[list[str], Because("a generated agent needs pydantic and the GreenLang SDK only")] = Field(
        default_factory=list
    )
    python_version: Annotated[str | None, Because("generated agents run on Python 3.11 and newer")] = None
    timeout_s: Annotated[Positive | None, _LIMITS] = None
    memory_limit_mb: Annotated[Positive | None, _LIMITS] = None
    inputs: dict[str, Input]
    outputs: dict[str, Output]
    factors: Factors = None
    formulas: dict[str, Formula] = Field(default_factory=dict)


class Pack(Closed):
    """A whole ``pack.yaml`` of schema version 2.0.0."""

    schema_version: Literal["2.0.0"]
    id: DomainId
    name: str
    version: Version
    summary: str = ""
    tags: Words = Field(default_factory=list)
    owners: Words = Field(default_factory=list)
    license: str = "Apache-2.0"
    needs: dict[str, AnyText] = Field(default_factory=dict)
    regulations: Words = Field(default_factory=list)
    compute: Compute
    ai: Annotated[dict[str, Any] | None, AI] = None
    realtime: Annotated[dict[str, Any] | None, Because("live connectors are not part of a generated pack")] = None
    provenance: Provenance = Field(default_factory=Provenance)
    security: Annotated[
        dict[str, Any] | None, Because("a generated agent opens no connection, so there is nothing to allow")
    ] = None
    tests: Tests = Field(default_factory=Tests)
    metadata: Annotated[dict[str, Any] | None, KEPT] = None
