"""Findings as SARIF 2.1.0, for code hosts and editors.

Belongs here: the shape of the report. Does not belong here: findings (the readers make them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greenlang import __version__
from greenlang.specs.codes import CODES
from greenlang.specs.diagnostics import Diagnostic

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(findings: Mapping[str, Sequence[Diagnostic]]) -> dict[str, Any]:
    """One run over files: address -> its findings. Only the rules that were met are listed."""
    met = sorted({d.code for found in findings.values() for d in found})
    place = {code: i for i, code in enumerate(met)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "greenlang",
                        "version": __version__,
                        "rules": [_rule(code) for code in met],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "artifacts": [{"location": {"uri": name}} for name in findings],
                "results": [_result(name, d, place[d.code]) for name, found in findings.items() for d in found],
            }
        ],
    }


def _beside(address: str, file: str) -> str:
    """The address of an overlay, which lies beside its spec."""
    if not file:
        return address
    quoted = "".join(c if c.isascii() and (c.isalnum() or c in "-._~") else _percent(c) for c in file)
    return f"{address.rpartition('/')[0]}/{quoted}".lstrip("/")


def _percent(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode())


def _rule(code: str) -> dict[str, Any]:
    known = CODES.get(code)
    if known is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": known.title},
        "help": {"text": f"{known.title}. Example: {known.example}"},
    }


def _result(name: str, finding: Diagnostic, rule: int) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": _beside(name, finding.file)}}
    if finding.line:
        location["region"] = {"startLine": finding.line, "startColumn": max(finding.column, 1)}
    text = f"{finding.message}. {finding.hint}" if finding.hint else finding.message
    out: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
    }
    if finding.path:
        out["locations"][0]["logicalLocations"] = [{"fullyQualifiedName": finding.path}]
    return out
