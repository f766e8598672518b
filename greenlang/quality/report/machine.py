"""The report for programs: canonical JSON, its schema, and reading it back.

Belongs here: the JSON form. Does not belong here: SARIF, which tells of findings only.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from greenlang.errors import ReportError
from greenlang.provenance import canonical
from greenlang.quality.report.model import FORM, QualityReport


def as_json(report: QualityReport) -> str:
    """The report as canonical JSON (RFC 8785): the same report gives the same bytes. Decimals are texts."""
    return canonical(_plain(report)).decode()


def from_json(text: str | bytes) -> QualityReport:
    """A report read back. Raises `ReportError` where the text is no report of this form."""
    try:
        value = json.loads(text)
        if not isinstance(value, dict) or value.get("form") != FORM:
            raise ReportError(f"this is no report of the form {FORM}")
        return _adapter().validate_python(value, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ReportError(f"this is no quality report: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"this is no JSON: {error}") from error


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `as_json` writes, made from the types: every field is always there."""
    made = _adapter().json_schema(mode="serialization")
    for part in (made, *made.get("$defs", {}).values()):
        if "properties" in part:
            part["required"] = sorted(part["properties"])
            part["additionalProperties"] = False
            for value in part["properties"].values():
                value.pop("default", None)
    made["properties"]["form"] = {"const": FORM}
    made |= {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Quality report of an agent",
    }
    return made


@cache
def _adapter() -> TypeAdapter[QualityReport]:
    return TypeAdapter(QualityReport)


def _plain(value: Any) -> Any:
    """JSON values; a lone surrogate in a foreign message, which no UTF-8 can hold, becomes a question mark."""
    kind = type(value)  # what most values are is asked for first: a report has twenty thousand of them
    if kind is str:
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if kind in _AS_THEY_ARE:
        return value
    if names := _names(kind):  # type: ignore[arg-type]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return str(value) if isinstance(value, Decimal) else value


_AS_THEY_ARE = frozenset({bool, float, int, type(None)})


@cache
def _names(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass; none of any other type."""
    return tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()
