"""Bytes -> AgentSpec and findings, all of them in one pass.

``read`` is the one entrance for every dialect; ``report`` also tells what became of each key of a file that was
refused. An AgentSpec is returned only if nothing is wrong with its form; whether its references exist and its formulas
fit is resolution's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypedDict, Unpack

from greenlang.specs import dialects, related
from greenlang.specs.base import VERSION, violates
from greenlang.specs.diagnostics import Diagnostic, has_errors
from greenlang.specs.dialect_a import ReaderA
from greenlang.specs.dialect_b import ReaderB
from greenlang.specs.dialect_c import ReaderC
from greenlang.specs.dialect_d import ReaderD
from greenlang.specs.ledger import Ledger, leaves
from greenlang.specs.model import AgentSpec, LedgerLine
from greenlang.specs.overlay import apply
from greenlang.specs.source import MAX_BYTES, Document, dotted, parse

__all__ = ["VERSION", "Report", "read", "report", "violates"]


class _Reader(Protocol):
    findings: list[Diagnostic]
    ledger: Ledger

    def read(self, data: bytes) -> AgentSpec | None: ...


_READERS: dict[str, Callable[[Document], _Reader]] = {"A": ReaderA, "B": ReaderB, "C": ReaderC, "D": ReaderD}


@dataclass(frozen=True, slots=True)
class Report:
    """All that reading a file gives. ``ledger`` has one line for each leaf of it, also where it was refused.

    ``draft``: a refused spec as far as it could be read, to look for further mistakes in; nothing is built from it.
    """

    spec: AgentSpec | None
    diagnostics: tuple[Diagnostic, ...]
    ledger: tuple[LedgerLine, ...]
    dialect: str = ""
    draft: AgentSpec | None = None


class Options(TypedDict, total=False):
    """How to read a file: ``dialect`` (A, B, C or D) whatever its keys say; a reviewed overlay's content and name."""

    dialect: str | None
    overlay: bytes | None
    overlay_name: str
    max_bytes: int


def read(
    data: bytes, name: str = "spec", **options: Unpack[Options]
) -> tuple[AgentSpec | None, tuple[Diagnostic, ...]]:
    """Read one spec file.

    Returns the spec and its findings; the spec is None if any finding is an error. ``name`` is for messages only.
    """
    done = report(data, name, **options)
    return done.spec, done.diagnostics


def report(data: bytes, name: str = "spec", **options: Unpack[Options]) -> Report:
    """``read``, with the ledger of a file that was refused as well. Raises ValueError for an unknown dialect."""
    dialect, overlay = options.get("dialect"), options.get("overlay")
    if dialect is not None and dialect.upper() not in _READERS:
        raise ValueError(f"`{dialect}` is no dialect that is read; A, B, C or D")
    document = parse(data, max_bytes=options.get("max_bytes", MAX_BYTES))
    if not isinstance(document.value, dict):
        return Report(None, document.diagnostics, ())
    letter, wrong = dialects.chosen(document, dialect)
    if letter is None:
        return Report(None, (*wrong, *document.diagnostics), _refused(document.value, wrong))
    reader = _READERS[letter](document)
    reader.findings.extend((*document.diagnostics, *wrong))
    spec = reader.read(data)
    if spec is not None:
        reader.findings.extend(related.too_many(spec))
    reader.findings[:] = [_without_effect(d, reader.ledger) for d in reader.findings]
    reader.ledger.refuse(reader.findings)
    findings = _sorted(reader.findings)
    ledger = reader.ledger.all()
    if spec is None or has_errors(findings):
        if not any(line.fate == "refused" for line in ledger):  # the file as a whole is wrong
            ledger = _refused(document.value, tuple(d for d in findings if d.severity == "error"))
        return Report(None, findings, ledger, letter, draft=spec)
    spec = replace(spec, ledger=ledger)
    if overlay is not None:
        spec, told = apply(spec, overlay, options.get("overlay_name") or f"{name}.overlay.yaml")
        findings = (*findings, *told)
    return Report(None if has_errors(findings) else spec, findings, ledger, letter)


def _without_effect(finding: Diagnostic, ledger: Ledger) -> Diagnostic:
    """A key that stands twice is no error where neither of the two is read."""
    if finding.code != "GLS003" or finding.severity != "error":
        return finding
    below = [
        x
        for x in ledger.lines.values()
        if x.path == finding.path or x.path.startswith((f"{finding.path}.", f"{finding.path}["))
    ]
    if not below or any(line.fate != "ignored" for line in below):
        return finding
    return replace(finding, severity="warning", message=f"{finding.message}; neither is read")


def _sorted(findings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(set(findings), key=lambda d: (d.line, d.column, d.code, d.message)))


def _refused(value: Any, wrong: tuple[Diagnostic, ...]) -> tuple[LedgerLine, ...]:
    reason = wrong[0].message if wrong else "the file is refused"
    return tuple(LedgerLine(dotted(leaf), "refused", reason) for leaf in leaves(value))
