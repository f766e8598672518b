"""Types that several dialects share: a parameter in the manner of JSON Schema, golden cases, properties, references.

Belongs here: which keys there are, and which of them have no effect for which reason. Does not belong here: what the
values mean (``greenlang.specs.base``).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Discriminator, Field, Tag, WithJsonSchema

from greenlang.specs.diagnostics import Severity
from greenlang.specs.form import AnyText, Because, Closed, FactorUri, Number, Open, Scalar

KEPT = Because("free text of the author; kept in the pack, not interpreted")
AI = Because("text for a language model; numbers never come from one")
INSIDE = Because("the inside of a list or an object; an agent computes with numbers, texts and truth values")
REMARK = Because("a remark for readers")
CLAIM = Because("a claim about the author's own implementation; what is generated is measured anew")
FIGURES = Because("figures come from the release of the factor table, with their citation")
CODE = Because("names code that is not part of the spec; the factory generates the code")
RUNS = Because("how the author means to run it; a generated agent brings its own deployment files")
CHAIN = Because("a generated agent records its whole calculation chain, whatever is said")
PINNED = Because("every factor is pinned, whatever is said")

_BOUND = {"type": ["number", "null"]}
_FLAG_OR_BOUND = {"type": ["number", "boolean", "null"]}
Bound = Annotated[Any, WithJsonSchema(_BOUND)]  # the reader says what is wrong with it
Type = Annotated[
    Any,
    WithJsonSchema(
        {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
Required = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": ["boolean", "null"]}, {"type": "array", "items": {"type": "string"}}]})
]
Enum = Annotated[list[Scalar] | None, WithJsonSchema({"type": ["array", "null"]})]


class Bounds(Open):
    """Bounds and choices, in all the spellings of JSON Schema and of Pydantic."""

    rest: ClassVar[str] = "no key of a parameter"
    told: ClassVar[Severity | None] = "warning"

    minimum: Bound = None
    maximum: Bound = None
    min: Bound = None
    max: Bound = None
    min_value: Bound = None
    max_value: Bound = None
    exclusiveMinimum: Annotated[Any, WithJsonSchema(_FLAG_OR_BOUND)] = None  # noqa: N815 - JSON Schema's own names
    exclusiveMaximum: Annotated[Any, WithJsonSchema(_FLAG_OR_BOUND)] = None  # noqa: N815
    ge: Bound = None
    gt: Bound = None
    le: Bound = None
    lt: Bound = None
    enum: Enum = None
    allowed_values: Enum = None
    pattern: str | None = None
    regex: str | None = None
    minLength: Annotated[Any, Because("the length of a text; a pattern is checked instead")] = None  # noqa: N815
    maxLength: Annotated[Any, Because("the length of a text; a pattern is checked instead")] = None  # noqa: N815
    min_length: Annotated[Any, Because("the length of a text; a pattern is checked instead")] = None
    max_length: Annotated[Any, Because("the length of a text; a pattern is checked instead")] = None
    minItems: Annotated[Any, INSIDE] = None  # noqa: N815
    maxItems: Annotated[Any, INSIDE] = None  # noqa: N815
    uniqueItems: Annotated[Any, INSIDE] = None  # noqa: N815
    min_items: Annotated[Any, INSIDE] = None
    max_items: Annotated[Any, INSIDE] = None


class Parameter(Bounds):
    """One input or output, in the manner of JSON Schema."""

    ref: AnyText | None = Field(None, alias="$ref")
    oneOf: list[dict[str, Any]] | None = None  # noqa: N815
    anyOf: list[dict[str, Any]] | None = None  # noqa: N815
    allOf: list[dict[str, Any]] | None = None  # noqa: N815
    type: Type = None
    dtype: Type = None
    unit: AnyText | None = None
    units: AnyText | None = None
    description: AnyText = ""
    required: Required = None
    optional: bool | None = None
    default: Any = None
    value: Any = None
    const: Any = None
    formula: AnyText | None = None
    calculation: AnyText | None = None
    calculation_method: AnyText | None = None
    equation: AnyText | None = None
    nullable: Annotated[Any, Because("an output always has a value, and an input that is left out is absent")] = None
    items: Annotated[Any, INSIDE] = None
    properties: Annotated[Any, INSIDE] = None
    additionalProperties: Annotated[Any, INSIDE] = None  # noqa: N815
    item_type: Annotated[Any, INSIDE] = None
    fields: Annotated[Any, INSIDE] = None
    schema_: Annotated[Any, INSIDE] = Field(None, alias="schema")
    format: Annotated[Any, REMARK] = None
    title: Annotated[Any, REMARK] = None
    label: Annotated[Any, REMARK] = None
    note: Annotated[Any, REMARK] = None
    notes: Annotated[Any, REMARK] = None
    example: Annotated[Any, REMARK] = None
    examples: Annotated[Any, REMARK] = None
    source: Annotated[Any, REMARK] = None
    reference: Annotated[Any, REMARK] = None
    precision: Annotated[Any, Because("results are rounded by one declared rule, whatever is said")] = None
    decimals: Annotated[Any, Because("results are rounded by one declared rule, whatever is said")] = None
    multipleOf: Annotated[Any, REMARK] = None  # noqa: N815
    typical: Annotated[Any, REMARK] = None
    typical_value: Annotated[Any, REMARK] = None
    typical_range: Annotated[Any, REMARK] = None


def _form(value: object) -> str:
    return "<long>" if isinstance(value, dict | Parameter) else "<type>"


# `operating_hours: "number"` is short for `operating_hours: {type: number}`. The tags stand between < and > so that no
# key of an author's file can be taken for one in an error's location.
AnyParameter = Annotated[Annotated[str, Tag("<type>")] | Annotated[Parameter, Tag("<long>")], Discriminator(_form)]


class ObjectSchema(Open):
    """The parameters or the returns of a tool: a JSON Schema of an object."""

    rest: ClassVar[str] = "no key of the schema of an object"
    told: ClassVar[Severity | None] = "warning"

    type: Annotated[Any, Because("parameters and returns are objects")] = None
    title: Annotated[Any, REMARK] = None
    description: Annotated[Any, REMARK] = None
    properties: dict[str, AnyParameter] = Field(default_factory=dict)
    required: Required = None
    additionalProperties: Annotated[Any, Because("a generated agent refuses what it does not know")] = None  # noqa: N815
    note: Annotated[Any, REMARK] = None
    notes: Annotated[Any, REMARK] = None
    example: Annotated[Any, REMARK] = None
    examples: Annotated[Any, REMARK] = None


class Whole(Open):
    """A whole file of the dialects A, C and D."""

    rest: ClassVar[str] = "a section of the author's own"

    definitions: Annotated[Any, Because("only what a `$ref` names is read")] = None
    defs: Annotated[Any, Because("only what a `$ref` names is read")] = Field(None, alias="$defs")


class NamedParameter(Parameter):
    """An input or output in a list, with its bounds beside it or under ``validation``."""

    name: str
    validation: Bounds | None = None
    constraints: Bounds | None = None


def _form_of_ports(value: object) -> str | None:
    if isinstance(value, list):
        return "<list>"
    if value is None:
        return "<none>"
    if isinstance(value, ObjectSchema):
        return "<schema>"
    if not isinstance(value, dict):
        return None
    schema = not value or "properties" in value or value.get("type") == "object"
    return "<schema>" if schema else "<mapping>"


# What a tool or an agent takes or gives: a JSON Schema of an object, a list of named parameters, or a mapping from
# names to parameters.
Ports = Annotated[
    Annotated[ObjectSchema, Tag("<schema>")]
    | Annotated[list[NamedParameter], Tag("<list>")]
    | Annotated[dict[str, AnyParameter], Tag("<mapping>")]
    | Annotated[None, Tag("<none>")],
    Discriminator(
        _form_of_ports,
        custom_error_type="form_of_ports",
        custom_error_message="must be a JSON Schema of an object, a list of parameters, or map names to them",
    ),
]

Texts = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "null"]},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]


class Reference(Closed):
    """One entry of the references to factors."""

    ref: FactorUri
    gwp_set: str | None = None
    description: str = ""


class ListedReference(Reference):
    """An entry of the references written as a list; ``name`` is the alias that formulas use."""

    name: str | None = None


class ClaimedReference(Open):
    """A reference with what the author believes it holds (dialects A, C and D)."""

    rest: ClassVar[str] = "no key of a reference"
    told: ClassVar[Severity | None] = "warning"

    ref: FactorUri
    name: str | None = None
    gwp_set: str | None = None
    description: AnyText = ""
    value: Number | None = None
    unit: AnyText | None = None
    region: AnyText | None = None
    year: Annotated[Any, REMARK] = None
    vintage: Annotated[Any, REMARK] = None
    source: Annotated[Any, REMARK] = None
    uncertainty: Annotated[Any, FIGURES] = None


class Provenance(Open):
    """``provenance``."""

    rest: ClassVar[str] = "a generated agent records its whole calculation chain, whatever is said"

    gwp_set: str | None = None
    pin_ef: Annotated[Any, PINNED] = None
    record: Annotated[Any, CHAIN] = None
    ef_version: Annotated[Any, PINNED] = None
    ef_version_pin: Annotated[Any, PINNED] = None
    enable_audit: Annotated[Any, CHAIN] = None
    retention_days: Annotated[Any, RUNS] = None
    citation_required: Annotated[Any, Because("every factor carries its citation, whatever is said")] = None
    sbom: Annotated[Any, Because("every pack has a bill of materials, whatever is said")] = None
    signing: Annotated[Any, Because("a pack is signed with the factory's key")] = None


class Expected(Closed):
    """What a golden case expects of one output, in its long form."""

    value: Scalar
    tol: Number | None = None


class Golden(Closed):
    """One entry of ``tests.golden``."""

    name: str
    description: str = ""
    input: dict[str, Scalar]
    expect: dict[str, Scalar]


class LooseGolden(Open):
    """One entry of ``tests.golden`` in the dialects A, C and D."""

    rest: ClassVar[str] = "no key of a golden case"
    told: ClassVar[Severity | None] = "warning"

    name: AnyText
    description: AnyText = ""
    agent: str | None = None
    tool: str | None = None
    input: dict[str, Scalar]
    expect: dict[str, Scalar]
    tolerance: Any = None
    tags: Annotated[Any, REMARK] = None
    category: Annotated[Any, REMARK] = None
    source: Annotated[Any, REMARK] = None
    reference: Annotated[Any, REMARK] = None


class PropertyRule(Closed):
    """One entry of ``tests.properties``."""

    name: str
    rule: str
    description: str = ""
    tolerance: Number | None = None


class LooseProperty(Open):
    """The same in the dialects A, C and D."""

    rest: ClassVar[str] = "no key of a property"
    told: ClassVar[Severity | None] = "warning"

    name: AnyText
    rule: AnyText
    description: AnyText = ""
    tolerance: Number | None = None
    agent: str | None = None
    tool: str | None = None
    iterations: Annotated[Any, Because("how often the author would try it; every property is tried on samples")] = None
    samples: Annotated[Any, Because("how often the author would try it; every property is tried on samples")] = None


class Tests(Closed):
    """``tests``."""

    golden: list[Golden] = Field(default_factory=list)
    properties: list[PropertyRule] = Field(default_factory=list)


def _form_of_references(value: object) -> str | None:
    if isinstance(value, list):
        return "<list>"
    return "<none>" if value is None else "<mapping>" if isinstance(value, dict) else None


ClaimedReferences = Annotated[
    Annotated[dict[str, ClaimedReference], Tag("<mapping>")]
    | Annotated[list[ClaimedReference], Tag("<list>")]
    | Annotated[None, Tag("<none>")],
    Discriminator(
        _form_of_references,
        custom_error_type="form_of_factors",
        custom_error_message="must map names to references, or list references",
    ),
]


class LooseTests(Open):
    """``tests`` of the dialects A, C and D."""

    rest: ClassVar[str] = "tests of the author's own; a generated agent brings its test suite"

    golden: list[LooseGolden] = Field(default_factory=list)
    properties: list[LooseProperty] = Field(default_factory=list)
