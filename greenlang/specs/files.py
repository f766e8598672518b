"""A spec file and the overlay beside it, as one spec; and a spec's bytes again.

Belongs here: files on disk. Does not belong here: reading what stands in them (``reader``), the inbox.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from greenlang.errors import SpecError
from greenlang.specs.model import AgentSpec
from greenlang.specs.overlay import overlay_name
from greenlang.specs.reader import read

_BOM = b"\xef\xbb\xbf"


def spec_of(path: Path, overlay: Path | None = None) -> AgentSpec:
    """The spec of a file, merged with the overlay that is named or lies beside it.

    Raises SpecError with every finding if any is an error; OSError where a file cannot be read.
    """
    beside = path.with_name(overlay_name(path.name))
    overlay = overlay or (beside if beside.is_file() else None)
    name = overlay.name if overlay is not None else ""
    spec, findings = read(
        path.read_bytes(), path.name, overlay=overlay.read_bytes() if overlay else None, overlay_name=name
    )
    if spec is None:
        errors = [finding for finding in findings if finding.severity == "error"]
        more = f" (and {len(errors) - 1} more; `diagnostics` has all)" if len(errors) > 1 else ""
        raise SpecError(f"{errors[0].text(path.name)}{more}", findings)
    return spec


def contents(spec: AgentSpec) -> tuple[bytes, bytes | None]:
    """The bytes that a spec was read from, and those of its overlay. Raises SpecError for a spec made by hand."""
    overlay = spec.overlay
    return (
        _bytes(spec.raw, spec.digest, spec.partition),
        _bytes(overlay.raw, overlay.digest, overlay.name) if overlay is not None else None,
    )


def _bytes(text: str, digest: str, name: str) -> bytes:
    for data in (text.encode(), _BOM + text.encode()):
        if hashlib.sha256(data).hexdigest() == digest:
            return data
    raise SpecError(f"{name} is not as it was read from a file: use AgentSpec.from_yaml, or read a text")
