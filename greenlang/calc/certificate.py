"""The certificate of one result: everything that it was computed from, chained link by link, with one digest.

Each link is a section of the certificate. Its digest covers its name, its content and the digest of the link before,
so the last one covers all: that is the certificate's digest. Canonical JSON (RFC 8785), SHA-256, decimals as texts in
their normal form, no times and no places: the same calculation gives the same bytes anywhere.

Belongs here: the shape, the chain, reading and writing. Does not belong here: recomputing (``verify``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import Any

from greenlang_sdk.canonical import canonical, digest
from greenlang_sdk.decimals import normal_text
from greenlang_sdk.errors import CanonicalError

from greenlang.calc.basis import Mixing
from greenlang.calc.quantity import Conversion
from greenlang.calc.records import (
    FactorRecord,
    InputRecord,
    OutputRecord,
    OverrideRecord,
    ParameterRecord,
    TableRecord,
    WorkedStep,
)
from greenlang.errors import GreenlangError

FORMAT = "greenlang-result-certificate/1"
NORMAL = r"^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$"  # a decimal in normal form
LINKS = (
    "format",
    "engine",
    "release",
    "context",
    "formula",
    "inputs",
    "parameters",
    "tables",
    "factors",
    "overrides",
    "conversions",
    "steps",
    "mixings",
    "outputs",
    "warnings",
    "uncertainty",
)


class CertificateUnreadable(GreenlangError, ValueError):
    """Bytes that are no certificate of a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRecord:
    """What computed: the engine, its version, and its arithmetic."""

    name: str
    version: str
    arithmetic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """The factor release and the digest over all its rows."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRecord:
    """The context, as `greenlang.calc.context.CalculationContext` has it."""

    release: str
    gwp_set: str
    precision: int | None
    as_of: str
    tenant: str
    inventory_boundary: str
    consolidation_approach: str
    policy: str
    permitted_use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionRecord:
    """An output's expression, in the order in which outputs are computed."""

    output: str
    expression: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaRecord:
    """The formula: its id, the digest of its declaration and of the tables it reads, where it is published."""

    id: str
    name: str
    digest: str
    citation: str
    expressions: tuple[ExpressionRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One link of the chain: the digest of its content, and of all links up to it."""

    link: str
    content: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultCertificate:
    """The certificate. `seal` makes one; ``uncertainty`` is a slot for what a named method says of the outputs."""

    format: str
    engine: EngineRecord
    release: ReleaseRecord
    context: ContextRecord
    formula: FormulaRecord
    inputs: tuple[InputRecord, ...]
    parameters: tuple[ParameterRecord, ...]
    tables: tuple[TableRecord, ...]
    factors: tuple[FactorRecord, ...]
    overrides: tuple[OverrideRecord, ...]
    conversions: tuple[Conversion, ...]
    steps: tuple[WorkedStep, ...]
    mixings: tuple[Mixing, ...]
    outputs: tuple[OutputRecord, ...]
    warnings: tuple[str, ...]
    uncertainty: dict[str, Any] | None
    chain: tuple[ChainLink, ...]
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; decimals are texts in normal form."""
        content = plain_values(self)
        assert isinstance(content, dict)
        return content

    def canonical(self) -> bytes:
        """RFC 8785 JSON."""
        return canonical(self.as_dict())

    def json(self) -> str:
        """The same content, indented, for people and files."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2) + "\n"


def seal(**content: Any) -> ResultCertificate:
    """The certificate of that content, by the names of `LINKS` (``format`` aside), with chain and digest."""
    sections = {"format": FORMAT, **content}
    links = chain({name: plain_values(sections[name]) for name in LINKS})
    return ResultCertificate(**sections, chain=links, digest=links[-1].digest)


def chain(content: Mapping[str, Any]) -> tuple[ChainLink, ...]:
    """The chain over plain content. A link that is missing counts as null. Raises CanonicalError."""
    before = ""
    links = []
    for name in LINKS:
        link = ChainLink(**follow(name, digest(content.get(name)), before))
        links.append(link)
        before = link.digest
    return tuple(links)


def follow(link: str, content: object, before: object) -> dict[str, Any]:
    """The link of that name and content digest, after the one with the digest ``before``."""
    return {"link": link, "content": content, "digest": digest({"link": link, "content": content, "before": before})}


def plain_values(value: object) -> Any:
    """Dataclasses, tuples and decimals as plain JSON values."""
    if isinstance(value, Decimal):
        return normal_text(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_values(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return value


def read_certificate(data: bytes | str) -> dict[str, Any]:
    """The content of a certificate file, as plain JSON values. Raises CertificateUnreadable.

    Only what makes it no certificate at all is refused here; `greenlang.calc.verify` says what differs.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        content = json.loads(text, object_pairs_hook=once, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise CertificateUnreadable(f"this is no JSON that a certificate can be: {error}") from None
    if not isinstance(content, dict) or not str(content.get("format", "")).startswith("greenlang-result-certificate/"):
        raise CertificateUnreadable("this is no certificate of a result: its `format` says something else")
    try:
        canonical(content)
    except (CanonicalError, RecursionError) as error:
        raise CertificateUnreadable(f"this certificate has no canonical form: {error}") from None
    return content


def schema() -> dict[str, Any]:
    """The JSON Schema of a certificate, made from these classes (docs/result-certificate.schema.json)."""
    from pydantic import TypeAdapter

    made = TypeAdapter(ResultCertificate).json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_closed(made),
        "title": "Certificate of a GreenLang calculation",
    }


def _closed(value: Any) -> Any:
    """Objects hold the declared entries and no others; decimals are texts in normal form."""
    if isinstance(value, list):
        return [_closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {key: _closed(item) for key, item in value.items()}
    if "properties" in out:
        out["required"] = sorted(out["properties"])
        out["additionalProperties"] = False
        for entry in out["properties"].values():
            entry.pop("default", None)
    kinds = [choice.get("type") for choice in out.get("anyOf", ())]
    if "number" in kinds and "boolean" not in kinds:
        del out["anyOf"]
        out |= {"type": "string", "pattern": NORMAL}
    elif "number" in kinds:  # a number, a text or a truth: a number cannot be told from a text there
        others = [choice for choice in out["anyOf"] if choice["type"] not in {"number", "string"}]
        out["anyOf"] = [{"type": "string"}, *others]
    return out


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a JSON text, for ``json.loads``. Raises ValueError where a name stands twice in it."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return out


def no_number(text: str) -> Any:
    """For ``json.loads``: infinity and NaN are no numbers. Raises ValueError."""
    raise ValueError(f"{text} is no number")
