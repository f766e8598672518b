"""The fields of an agent's models: names, types, limits, defaults and descriptions as Python and as words.

Belongs here: what ``models.py`` and the tables of inputs show. Does not belong here: calculations (``functions``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from greenlang_sdk.decimals import normal_text

from greenlang.factory import text
from greenlang.factory.identifiers import identifier
from greenlang.specs.model import InputSpec, OutputSpec

_MODEL_TYPES = {
    "float64": "Number",
    "int32": "Whole",
    "string": "Text",
    "bool": "Truth",
    "list": "list[Any]",
    "object": "dict[str, Any]",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the input or output model, laid out."""

    name: str  # as in the spec
    python: str
    declaration: str
    spec: InputSpec | OutputSpec
    limits: str = ""


@dataclass(frozen=True, slots=True)
class RowClass:
    """The class of a table input's rows."""

    name: str
    table: str
    fields: tuple[Field, ...]


def row_class(given: InputSpec) -> RowClass:
    """``fuel_uses`` has rows of the class ``FuelUsesRow``."""
    columns = tuple(input_field(column, identifier(column.name)) for column in given.columns)
    return RowClass(row_name(given), given.name, columns)


def row_name(given: InputSpec) -> str:
    """What the rows of a table input are called."""
    return "".join(word.capitalize() for word in given.name.split("_")) + "Row"


def model_names(
    inputs: tuple[Field, ...], outputs: tuple[Field, ...], rows: tuple[RowClass, ...] = ()
) -> dict[str, tuple[str, ...]]:
    """What models.py imports, by module."""
    source = " ".join(f.declaration for f in (*inputs, *outputs, *(f for row in rows for f in row.fields)))
    bare = re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', "", source)

    def used(*candidates: str) -> tuple[str, ...]:
        return tuple(c for c in candidates if re.search(rf"\b{c}\b", bare))

    types = used("Number", "Rows", "Text", "Truth", "Whole", "one_of")
    types += ("Record",) if rows else ()
    return {
        "decimal": used("Decimal"),
        "typing": used("Annotated", "Any", "Literal"),
        "pydantic": used("Field"),
        "sdk": tuple(sorted(("AgentInput", "AgentOutput", *types), key=text.import_order)),
    }


def described(description: str, unit: str, numeric: bool) -> str:
    """What a field means, with its unit in brackets at the end."""
    line = text.one_line(description)
    if not numeric or unit in {"", "1"} or line.endswith(f"[{unit}]"):
        return line
    return f"{line} [{unit}]" if line else f"[{unit}]"


def input_field(given: InputSpec, python: str) -> Field:
    """A field of the input model."""
    kind = "Rows" if given.columns else _MODEL_TYPES[given.dtype]
    parts: list[str] = [row_name(given)] if given.columns else []
    if given.enum and given.numeric:
        choices = [text.py_value(Decimal(v)) for v in given.enum if isinstance(v, (Decimal, int))]
        kind, parts = "Annotated", [kind, f"one_of({', '.join(choices)})"]
    elif given.enum:
        kind, parts = "Literal", [text.py_value(v) for v in given.enum]
    optional = not given.required and given.default is None
    arguments: list[str] = []
    if optional:
        arguments.append("default=None")
    elif given.default is not None:
        default = given.default
        arguments.append(f"default={text.py_value(Decimal(default) if given.numeric else default)}")
    if python != given.name:
        arguments += [
            f"validation_alias={text.py_text(given.name)}",
            f"serialization_alias={text.py_text(given.name)}",
        ]
    limits = [(k, v) for k in ("ge", "gt", "le", "lt") if (v := getattr(given, k)) is not None and given.numeric]
    arguments += [f"{key}={_limit(value)}" for key, value in limits]
    if given.pattern and not given.enum and given.dtype == "string":
        arguments.append(f"pattern={text.py_text(given.pattern)}")
    description = described(given.description, given.unit, given.numeric)
    if description:
        arguments.append(text.py_keyword("description", description, indent=8))
    declaration = _declaration(python, kind, parts, arguments, optional=optional)
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    said = [f"{signs[key]} {normal_text(value)}" for key, value in limits]
    said += [", ".join(str(v) for v in given.enum)] if given.enum else []
    said += [f"matches {given.pattern}"] if given.pattern else []
    said += [f"rows of {', '.join(_column(c) for c in given.columns)}"] if given.columns else []
    return Field(given.name, python, declaration, given, "; ".join(said))


def _column(column: InputSpec) -> str:
    return f"{column.name} [{column.unit}]" if column.numeric and column.unit not in {"", "1"} else column.name


def _limit(value: Decimal) -> str:
    part = text.py_decimal(value)
    return part if '"' in part else part.removeprefix("Decimal(").removesuffix(")")


def _declaration(
    python: str, kind: str, parts: Sequence[str], arguments: Sequence[str], *, optional: bool = False
) -> str:
    """A field as a formatter lays it out: what does not fit goes into brackets, the default before the type."""
    union = " | None" if optional else ""
    plain = f"{kind}[{', '.join(parts)}]" if parts else kind
    head = f"{python}: {plain}{union}"
    if not arguments:
        return (
            head if _fits(head) or not parts else f"{python}: " + text.py_call(f"{kind}[", parts, indent=4, wide=True)
        )
    if not _fits(f"{head} = Field("):
        if _fits(f"{head} = (") or not parts:
            return f"{head} = (\n        " + text.py_call("Field(", arguments, indent=8) + "\n    )"
        head = f"{python}: " + _split(kind, parts, union)
    return text.py_call(f"{head} = Field(", arguments, indent=4)


def _fits(line: str) -> bool:
    return 4 + text.width(line) <= text.WIDTH


def _split(kind: str, parts: Sequence[str], union: str) -> str:
    """A type that does not fit on the line of its field."""
    if not union:
        return text.py_call(f"{kind}[", parts, indent=4, wide=True)
    inner = text.py_call(f"{kind}[", parts, indent=8, tail=union)
    if "\n" in inner:
        inner = text.py_call(f"{kind}[", parts, indent=8, wide=True) + "\n        | None"
    return f"(\n        {inner}\n    )"


def output_field(given: OutputSpec, python: str) -> Field:
    """A field of the output model."""
    arguments = []
    if python != given.name:
        arguments += [
            f"validation_alias={text.py_text(given.name)}",
            f"serialization_alias={text.py_text(given.name)}",
        ]
    description = described(given.description, given.unit, given.numeric)
    if description:
        arguments.append(text.py_keyword("description", description, indent=8))
    return Field(given.name, python, _declaration(python, _MODEL_TYPES[given.dtype], (), arguments), given)
