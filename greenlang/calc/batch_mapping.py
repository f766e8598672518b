"""mapping.yaml: which column of the activities feeds which symbol of a formula.

Strict: an entry that nobody knows is a mistake with its line, never ignored. docs/batch.md shows every entry.

Belongs here: the shape of a mapping and reading it. Does not belong here: whether it suits a formula
(``batch_binding``), files of activities (``batch_source``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

from greenlang_sdk.canonical import digest
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from greenlang.calc.context import CalculationContext
from greenlang.calc.mistakes import near
from greenlang.specs.source import Document, dotted, parse

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class MappingMistake:
    """One mistake in a mapping, with its place in the file and what to write instead."""

    place: str
    message: str
    mend: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{where}{self.place}: {self.message}" + (f"; {self.mend}" if self.mend else "")

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _named(value: Any) -> Any:
    """A list of outputs, or a mapping of output -> column."""
    return {name: name for name in value} if isinstance(value, list) else value


def _text_of_one(value: Any) -> Any:
    return "1" if value == 1 and not isinstance(value, bool) else value


Words = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed)]
Unit = Annotated[str, BeforeValidator(_text_of_one)]  # a bare 1 is the pure number
Amount = Decimal | int | str


class InputEntry(_Strict):
    """An input or a parameter: a column, or a figure, text or truth value that is the same in every row."""

    column: str = ""
    value: Amount | None = None
    text: str | None = None
    truth: bool | None = None
    unit: Unit = ""
    unit_column: str = ""
    basis: str = ""
    basis_column: str = ""

    @model_validator(mode="after")
    def _once(self) -> InputEntry:
        said = [name for name in ("column", "value", "text", "truth") if getattr(self, name) not in {None, ""}]
        if len(said) != 1:
            raise ValueError(f"name one of column, value, text, truth; here is {' and '.join(said) or 'none of them'}")
        if self.unit and self.unit_column:
            raise ValueError("the unit is fixed or stands in a column, not both")
        if self.unit_column and not self.column:
            raise ValueError("a unit column belongs to a column of numbers")
        return self


class FromColumn(_Strict):
    """A word of a request that is read from a column."""

    column: Annotated[str, Field(min_length=1)]


def _scalar(value: Any) -> Any:
    if not isinstance(value, (str, int, bool)):
        raise ValueError(f"a word, a number or `column:` is needed here, not `{value}`")
    return value


Word = Annotated[
    Annotated[FromColumn, Tag("<column>")] | Annotated[str | int | bool, BeforeValidator(_scalar), Tag("<word>")],
    Discriminator(lambda value: "<column>" if isinstance(value, (dict, FromColumn)) else "<word>"),
]


class OverrideEntry(_Strict):
    """A figure in place of a factor, in every row, with who approved it and why."""

    value: Amount
    unit: Unit
    reason: Annotated[str, Field(min_length=1)]
    approver: Annotated[str, Field(min_length=1)]
    basis: str = ""
    citation: str = ""


def _referenced(value: Any) -> Any:
    return {"ref": value} if isinstance(value, str) else value


class FactorEntry(_Strict):
    """A factor or a GWP: a reference, a column of references (for GWPs: of gases), a request, or an override."""

    ref: str = ""
    column: str = ""
    select: dict[str, Word] = Field(default_factory=dict)
    override: OverrideEntry | None = None

    @model_validator(mode="after")
    def _once(self) -> FactorEntry:
        said = [name for name in ("ref", "column", "select", "override") if getattr(self, name)]
        if len(said) != 1:
            raise ValueError(f"name one of ref, column, select, override; here is {' and '.join(said) or 'none'}")
        if self.ref and not self.ref.startswith("ef://"):
            raise ValueError(f"`{self.ref}` is no reference: it starts with ef://")
        return self


class SymbolEntry(_Strict):
    """A symbol of an expression that stands in the mapping itself, declared as in the formula library."""

    origin: Literal["input", "factor", "gwp", "parameter"] = "input"
    type: Literal["number", "text", "truth"] = "number"
    unit: Unit = ""
    meaning: str = ""
    gas: str = ""
    activity: str = ""
    default: Amount | None = None
    source: str = ""
    range: Annotated[list[Decimal | int | None], Field(min_length=2, max_length=2)] | None = None
    enum: list[str] = Field(default_factory=list)


class OutputEntry(_Strict):
    """An output of an expression that stands in the mapping itself."""

    unit: Unit
    expression: Amount
    meaning: str = ""


class ExpressionEntry(_Strict):
    """An expression in place of a formula of the library."""

    symbols: Annotated[dict[str, SymbolEntry], Field(min_length=1)]
    outputs: Annotated[dict[str, OutputEntry], Field(min_length=1)]
    name: str = "Expression of the mapping"


class ContextEntry(_Strict):
    """`greenlang.calc.CalculationContext`, as text and numbers."""

    release: str = ""
    gwp_set: str = ""
    precision: int | None = None
    as_of: str = ""
    tenant: str = ""
    inventory_boundary: str = ""
    consolidation_approach: str = ""
    policy: str = ""
    permitted_use: str = "inventory"


class BatchMapping(_Strict):
    """A mapping. ``outputs`` maps outputs to names of columns; empty means every output under its own name."""

    formula: str = ""
    expression: ExpressionEntry | None = None
    id: Annotated[Words, Field(min_length=1)]
    inputs: dict[str, InputEntry] = Field(default_factory=dict)
    factors: dict[str, Annotated[FactorEntry, BeforeValidator(_referenced)]] = Field(default_factory=dict)
    context: ContextEntry = ContextEntry()
    carry: Words = Field(default_factory=list)
    outputs: Annotated[dict[str, str], BeforeValidator(_named)] = Field(default_factory=dict)
    sheet: str = ""
    delimiter: Annotated[str, Field(max_length=1)] = ""

    @model_validator(mode="after")
    def _once(self) -> BatchMapping:
        if bool(self.formula) == (self.expression is not None):
            raise ValueError("name a formula of the library or give an expression, one of the two")
        return self

    @cached_property
    def content(self) -> dict[str, Any]:
        """The mapping as plain JSON values, without what was left at its default."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content in canonical JSON: comments and the order of entries change nothing."""
        return digest(self.content)

    def calculation_context(self) -> CalculationContext:
        """The context of every row."""
        return CalculationContext(**self.context.model_dump())

    @cached_property
    def class_columns(self) -> tuple[str, ...]:
        """Columns on which factors, units and bases depend: each distinct combination is worked out once."""
        found: dict[str, None] = {}
        for entry in self.inputs.values():
            found |= dict.fromkeys(name for name in (entry.unit_column, entry.basis_column) if name)
        for factor in self.factors.values():
            if factor.column:
                found[factor.column] = None
            found |= {word.column: None for word in factor.select.values() if isinstance(word, FromColumn)}
        return tuple(found)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column of the activities that is read, in the order in which it stands in the results."""
        found = dict.fromkeys(self.id)
        found |= {entry.column: None for entry in self.inputs.values() if entry.column}
        found |= dict.fromkeys(self.class_columns)
        return tuple(found | dict.fromkeys(self.carry))


def read_mapping(data: bytes) -> tuple[BatchMapping | None, list[MappingMistake]]:
    """The mapping in a YAML file, or None and every mistake in it."""
    document = parse(data)
    if document.diagnostics:
        return None, [
            MappingMistake(d.path or "mapping", d.message.replace("spec", "mapping"), "", d.line, d.column)
            for d in document.diagnostics
        ]
    try:
        return BatchMapping.model_validate(document.value), []
    except ValidationError as error:
        wrong = dict.fromkeys(_mistake(document, found) for found in error.errors())
        return None, sorted(wrong, key=lambda mistake: (mistake.line, mistake.column))


def stored_mapping(content: Mapping[str, Any]) -> BatchMapping:
    """The mapping that a certificate holds. Raises ValueError."""
    return BatchMapping.model_validate(dict(content), strict=False)


def _mistake(document: Document, found: Any) -> MappingMistake:
    place = tuple(part for part in found["loc"] if part not in _BRANCHES)
    line, column = document.place(place)
    message, mend = _sentence(found, place)
    return MappingMistake(dotted(place) or "mapping", message, mend, line, column)


_BRANCHES = frozenset({"<column>", "<word>", "str", "int", "bool", "decimal"})
_KNOWN: dict[str, type[BaseModel]] = {
    "inputs": InputEntry,
    "context": ContextEntry,
    "factors": FactorEntry,
    "override": OverrideEntry,
    "select": FromColumn,
    "symbols": SymbolEntry,
    "outputs": OutputEntry,
    "expression": ExpressionEntry,
}
_DEPTH = {"context": 1, "expression": 1, "override": 1}


def _sentence(found: Any, place: Place) -> tuple[str, str]:
    kind, given = found["type"], found.get("input")
    if kind == "extra_forbidden":
        return f"there is no entry `{place[-1]}` here", near(str(place[-1]), _entries(place))
    if kind == "missing":
        return f"`{place[-1]}` is missing", ""
    if kind == "value_error":
        return str(found["ctx"]["error"]), ""
    if kind == "too_short":
        return "at least one entry is needed here", ""
    if kind.endswith("_type"):
        wanted = {"string": "a text", "list": "a list", "bool": "true or false", "int": "a whole number"}
        what = wanted.get(kind.removesuffix("_type"), "a mapping of entries")
        hint = "put it in quotes" if kind == "string_type" and isinstance(given, (int, Decimal)) else ""
        return f"{what} is needed here, not `{given}`", hint
    return str(found["msg"])[:1].lower() + str(found["msg"])[1:], ""


def _entries(place: Place) -> list[str]:
    """The entries that there may be beside the last part of a place."""
    for at in range(len(place) - 2, -1, -1):
        model = _KNOWN.get(str(place[at]))
        if model is not None and len(place) - 1 - at == _DEPTH.get(str(place[at]), 2):
            return sorted(model.model_fields)
    return sorted(BatchMapping.model_fields)
