"""The certificate of a batch: what it was computed with, the roots over its rows, one digest over all.

It lies beside the results: ``results.parquet`` has ``results.batch-certificate.json``. Whoever holds its digest can
tell whether a row of the results, or the certificate, is another than it was.

Belongs here: its content, reading and writing. Does not belong here: checking it (``batch_verify``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang_sdk.canonical import canonical, digest
from greenlang_sdk.errors import CanonicalError

from greenlang import __version__
from greenlang.calc.batch_combinations import constants_record
from greenlang.calc.batch_mapping import BatchMapping, stored_mapping
from greenlang.calc.batch_rows import VERSION, Field, read_fields
from greenlang.calc.certificate import CertificateUnreadable, ContextRecord, EngineRecord, ReleaseRecord, plain_values
from greenlang.calc.proof import METHOD, Chunk, Tree
from greenlang.calc.remarks import remarks
from greenlang.factors.table import FactorTable

if TYPE_CHECKING:
    from greenlang.calc.batch_plan import Plan

FORMAT = "greenlang-batch-certificate/1"
ENGINE = EngineRecord(
    name="greenlang.calc.batch",
    version=__version__,
    arithmetic="exact fractions on DECIMAL and HUGEINT in DuckDB; outputs rounded once, half-even",
)
SECTIONS = (
    "format",
    "engine",
    "release",
    "context",
    "formula",
    "mapping",
    "activities",
    "constants",
    "combinations",
    "columns",
    "row_text",
    "counts",
    "totals",
    "warnings",
    "proof",
)


@dataclass(frozen=True, slots=True)
class BatchCertificate:
    """A certificate: its content without the digest, and the digest."""

    content: dict[str, Any]
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**self.content, "digest": self.digest}

    @property
    def tree(self) -> Tree:
        """The chunks and their root, as they are stated."""
        proof = self.content["proof"]
        chunks = tuple(Chunk(str(c["prefix"]), int(c["rows"]), str(c["root"])) for c in proof["chunks"])
        return Tree(int(proof["rows"]), int(proof["digits"]), chunks)

    @property
    def root(self) -> str:
        """The root over all rows, as it is stated."""
        return str(self.content["proof"]["root"])

    @property
    def mapping(self) -> BatchMapping:
        """The mapping. Raises ValueError if the content is none."""
        return stored_mapping(self.content["mapping"]["content"])

    @property
    def fields(self) -> list[Field]:
        """The fields of the canonical text of a row."""
        return read_fields(self.content["row_text"]["fields"])

    @property
    def ids(self) -> list[str]:
        """The columns of the id."""
        return self.mapping.id

    def write(self, path: Path) -> None:
        """Write it in one rename."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        text = json.dumps(self.as_dict(), ensure_ascii=False, indent=1) + "\n"
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def beside(results: Path) -> Path:
    """Where the certificate of these results lies."""
    return results.with_name(f"{results.stem}.batch-certificate.json")


def make(
    plan: Plan, table: FactorTable, counts: Mapping[str, int], totals: list[dict[str, Any]], tree: Tree
) -> BatchCertificate:
    """The certificate of a run."""
    binding, source = plan.binding, plan.source
    constants = binding.constants
    content = {
        "format": FORMAT,
        "engine": plain_values(ENGINE),
        "release": plain_values(ReleaseRecord(name=table.release, digest=table.digest)),
        "context": plain_values(ContextRecord(**binding.context.as_dict())),  # type: ignore[arg-type]
        "formula": {
            **plain_values(binding.formula.record),
            "text": binding.formula.text,
            "tables": binding.formula.tables,
        },
        "mapping": {"digest": plan.mapping.digest, "content": plan.mapping.content},
        "activities": {"name": source.name, "digest": source.digest, "bytes": source.size, "rows": source.rows},
        "constants": constants_record(constants),
        "combinations": [row.record() for row in plan.made.rows],
        "columns": [column.as_dict() for column in plan.columns],
        "row_text": {"version": VERSION, "fields": [field.as_dict() for field in plan.fields]},
        "counts": dict(sorted(counts.items())),
        "totals": totals,
        "warnings": _warnings(plan),
        "proof": tree.as_dict(),
    }
    return BatchCertificate(content, digest(content))


def _warnings(plan: Plan) -> list[str]:
    constants, rows = plan.binding.constants, plan.made.rows
    used = (*constants.factors, *(record for row in rows for record in row.factors))
    told = (*constants.warnings, *(text for row in rows for text in row.warnings))
    return list(dict.fromkeys((*told, *remarks(used, plan.binding.formula.formula.id))))


def read_batch_certificate(data: bytes | str) -> BatchCertificate:
    """The certificate in a file's bytes. Raises CertificateUnreadable for what is none.

    Only what makes it no certificate at all is refused here; `greenlang.calc.batch_verify` says what differs.
    """
    try:
        content = json.loads(data, object_pairs_hook=_once)
        if not isinstance(content, dict) or not str(content.get("format", "")).startswith("greenlang-batch-certific"):
            raise CertificateUnreadable("this is no certificate of a batch: its `format` says something else")
        canonical(content)
        stated = str(content.pop("digest", ""))
        certificate = BatchCertificate(content, stated)
        missing = [name for name in SECTIONS if name not in content]
        if missing:
            raise CertificateUnreadable(f"this certificate has no `{missing[0]}`")
        if content["proof"].get("method") != METHOD or content["row_text"].get("version") != VERSION:
            raise CertificateUnreadable("this certificate was made by another version: its proof is of another form")
        assert certificate.tree.chunks
        assert certificate.fields
        assert certificate.ids
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError, CanonicalError) as error:
        if isinstance(error, CertificateUnreadable):
            raise
        raise CertificateUnreadable(f"this is nothing that a certificate can be: {error}") from None
    return certificate


def own_digest(certificate: BatchCertificate) -> str:
    """The digest that follows from the content."""
    return digest(certificate.content)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return out
