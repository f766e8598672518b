"""One row proved: its canonical text, its digest, and the path from there to the certificate's root.

The proof stands alone: whoever has it, the certificate's digest and SHA-256 can check it without the other rows, and
sees of them only digests.

Belongs here: making and checking the proof of a row. Does not belong here: trees (``proof``), all rows
(``batch_verify``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlang.calc.batch import MEMORY, workshop
from greenlang.calc.batch_certificate import BatchCertificate, own_digest
from greenlang.calc.batch_plan import DIGEST
from greenlang.calc.batch_results import Results, open_results
from greenlang.calc.batch_rows import row_text
from greenlang.calc.certificate import plain_values
from greenlang.calc.proof import ProofImpossible, Step, check, path_of, read_path
from greenlang.sql import quoted

FORMAT = "greenlang-row-proof/1"


@dataclass(frozen=True, slots=True)
class RowProof:
    """The proof of a row. ``row`` are its columns, ``combination`` the certificate's entry that its text names."""

    row: dict[str, Any]
    text: str
    digest: str
    path: tuple[Step, ...]
    root: str
    combination: dict[str, Any]
    certificate: str
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the row is the one that was certified."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, to be kept or handed on."""
        return {
            "format": FORMAT,
            "row": plain_values(self.row),
            "text": self.text,
            "digest": self.digest,
            "combination": self.combination,
            "path": [step.as_dict() for step in self.path],
            "root": self.root,
            "certificate": self.certificate,
        }


def prove_row(certificate: BatchCertificate, results: Path, wanted: Sequence[str], memory: str = MEMORY) -> RowProof:
    """The proof of the row with that id (a text for each column of the id).

    Raises ProofImpossible if there is no such row, or several, or if the results are not the certificate's.
    """
    if len(wanted) != len(certificate.ids):
        raise ProofImpossible(f"the id of a row is {', '.join(certificate.ids)}: give {len(certificate.ids)} texts")
    with workshop(results, 1, memory) as (connection, folder):
        found = open_results(connection, results, certificate, folder)
        if isinstance(found, str):
            raise ProofImpossible(found)
        row, text, stored = _row(connection, found, certificate, wanted)
    digest = hashlib.sha256(text.encode()).hexdigest()
    faults = []
    if stored != digest:
        faults.append("the row was changed after it was sealed: its text has another digest than the row states")
    if own_digest(certificate) != certificate.digest:
        faults.append("the certificate was changed after it was sealed")
    try:
        path = path_of(results, digest if stored == digest else stored, certificate.tree)
    except ProofImpossible as error:
        raise ProofImpossible(f"{error}; `greenlang calc check` names what differs") from None
    if stored == digest and not check(digest, path, certificate.root):
        faults.append("the path does not lead to the certificate's root")
    number = row["combination"]
    entries = [entry for entry in certificate.content["combinations"] if entry["number"] == number]
    combination = entries[0] if entries else {}
    return RowProof(row, text, digest, path, certificate.root, combination, certificate.digest, tuple(faults))


def check_proof(content: dict[str, Any], root: str) -> bool:
    """Whether a proof that was handed on leads from its text to the root of a certificate."""
    text = str(content.get("text"))
    own = hashlib.sha256(text.encode()).hexdigest()
    return own == content.get("digest") and check(own, read_path(content["path"]), root)


def _row(
    connection: Any, results: Results, certificate: BatchCertificate, wanted: Sequence[str]
) -> tuple[dict[str, Any], str, str]:
    """The row's columns, its canonical text and the digest that it states."""
    names = [column["name"] for column in results.columns]
    where = " AND ".join(f"CAST({quoted(name)} AS VARCHAR) = ?" for name in certificate.ids)
    text = row_text(certificate.fields, "gl_digest")
    rows = connection.execute(
        f"SELECT {', '.join(map(quoted, names))}, {text}, lower(hex({DIGEST})) FROM ({results.joined()}) "  # noqa: S608
        f"WHERE {where} LIMIT 2",
        list(wanted),
    ).fetchall()
    shown = " / ".join(wanted)
    if not rows:
        raise ProofImpossible(f"the results have no row {shown}")
    if len(rows) > 1:
        raise ProofImpossible(f"row {shown} stands more than once: `greenlang calc check` says whether it was added")
    *cells, made, stored = rows[0]
    return dict(zip(names, cells, strict=True)), str(made), str(stored)
