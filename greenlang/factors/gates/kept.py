"""What the gates found, kept beside the candidate and read again where nothing has changed that they look at.

A kept report counts for the very bytes of the candidate's rows, the release before it, the code that judges, and what
people declared and decided. Where any of these is another, or the report is not as it was written, the gates run again.

Belongs here: what a report is bound to, writing, reading. Does not belong here: any check, when the gates run
(`greenlang.sync`).
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from greenlang._paths import data
from greenlang.factors.editions import file_digest
from greenlang.factors.gates.report import Finding, Report
from greenlang.factors.storage import read_arrow, replace_file

if TYPE_CHECKING:
    from greenlang.factors.release import Candidate, Release

FILE_NAME = "gates.parquet"
_REPORT = b"greenlang.report"
_DIGEST = b"greenlang.digest"
_APART = frozenset({"formulas", "findings"})  # no gate reads formulas; findings are digested for every run


@dataclass(frozen=True, slots=True)
class Bound:
    """What a report is about: it holds for nothing else."""

    candidate: str  # digest of the rows
    file: str  # SHA-256 of the file that holds them
    before: str  # name and digest of the release before; empty where there is none
    rules: str  # SHA-256 of code, declarations, limits and reviewed findings


def bind(candidate: Candidate, before: Release | None) -> Bound:
    """What a report of this candidate is about, as things are now."""
    return Bound(
        candidate=candidate.digest,
        file=file_digest(candidate.parquet),
        before=f"{before.name} {before.digest}" if before else "",
        rules=rules_digest(data() / "emission_factors" / "findings"),
    )


def rules_digest(findings: Path) -> str:
    """SHA-256 of everything beside the rows that decides what gates find: their code and that under it, the versions of
    what it stands on, limits and declarations, and the reviewed ``findings``."""
    return hashlib.sha256(f"{_own_digest()}\n{_digest(sorted(findings.glob('*.yaml')))}".encode()).hexdigest()


@cache
def _own_digest() -> str:
    """Once a process: its code and its limits are read once, too."""
    return code_digest(Path(__file__).resolve().parents[2], data() / "emission_factors")


def code_digest(package: Path, tables: Path) -> str:
    """SHA-256 of the code of the factors and of units below ``package``, of what they stand on, and of what ``tables``
    declares. Raises FileNotFoundError where the code is not there as text."""
    files = [*(package / "factors").rglob("*.py"), package / "units.py"]
    files += [p for p in tables.rglob("*") if p.is_file() and p.relative_to(tables).parts[0] not in _APART]
    stands_on = " ".join((platform.python_version(), version("pint"), version("pyarrow")))
    return hashlib.sha256(f"{stands_on}\n{_digest(sorted(files))}".encode()).hexdigest()


def keep(folder: Path, bound: Bound, report: Report) -> None:
    """Write a report beside the candidate's rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = {
        "bound": asdict(bound),
        "findings": [finding.as_dict() for finding in report.findings],
        "vanished": list(report.vanished),
        "examined": dict(report.examined),
    }
    text = json.dumps(content, ensure_ascii=False)
    keys = sorted(report.compared)
    metadata = {_REPORT: text.encode(), _DIGEST: _content_digest(text, keys).encode()}
    table = pa.table({"key": pa.array(keys, pa.string())}).replace_schema_metadata(metadata)
    replace_file(folder / FILE_NAME, lambda path: pq.write_table(table, path))


def kept(folder: Path, bound: Bound) -> Report | None:
    """The report that was kept about just this; None where there is none, or it is not as it was written."""
    import pyarrow as pa

    try:
        table = read_arrow(folder / FILE_NAME)
        text = (table.schema.metadata or {})[_REPORT].decode()
        keys: list[str] = table.column("key").to_pylist()
        stated = table.schema.metadata[_DIGEST].decode()
    except (OSError, KeyError, UnicodeDecodeError, pa.ArrowException):
        return None
    if stated != _content_digest(text, keys):
        return None
    content = json.loads(text)
    if content["bound"] != asdict(bound):
        return None
    findings = tuple(Finding(**finding) for finding in content["findings"])
    found = Report(findings, frozenset(keys), tuple(content["vanished"]), content["examined"])
    return replace(found, kept=True)


def _content_digest(text: str, keys: list[str]) -> str:
    return hashlib.sha256("\n".join((text, *keys)).encode()).hexdigest()


def _digest(files: list[Path]) -> str:
    """Of names and contents. Raises FileNotFoundError for a file that is not there."""
    return hashlib.sha256("".join(f"{path.name} {file_digest(path)}\n" for path in files).encode()).hexdigest()
