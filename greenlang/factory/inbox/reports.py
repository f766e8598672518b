"""What people are told about their files: findings that only the inbox makes, and the reports in the bucket.

Belongs here: wording. Does not belong here: deciding (``desk``).
"""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from greenlang.bucket import Entry
from greenlang.factory.inbox.results import Refused
from greenlang.factory.inbox.shelf import Release
from greenlang.specs.diagnostics import Diagnostic

_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf")  # zip, gzip, 7-Zip


# --- findings ---------------------------------------------------------------------------------------------------------


def is_archive(data: bytes) -> bool:
    """Whether the bytes are those of an archive, whatever the file is called."""
    return data.startswith(_ARCHIVES)


def no_spec_file(entry: Entry, data: bytes = b"") -> Diagnostic:
    """A file that is no YAML by its name, or an archive by its bytes."""
    if is_archive(data):
        message = f"{entry.name} is an archive, not a spec file"
        return Diagnostic("GLS070", "error", message, "unpack it and drop the specs that are in it")
    return Diagnostic(
        "GLS070",
        "error",
        f"{entry.name} is not a spec file: specs are YAML files whose names end in .yaml or .yml",
        "give it the ending .yaml if it is a spec; other files do not belong in the inbox",
    )


def too_large(entry: Entry, limit: int) -> Diagnostic:
    """A file that is larger than a spec may be; it is not read."""
    return Diagnostic(
        "GLS004",  # the reader's own finding, without reading
        "error",
        f"the file has {entry.size:,} bytes; a spec may have {limit:,}",
        "a spec holds declarations, not data: move tables into factor files",
    )


def conflict(release: Release, mine: tuple[str, str], rival: tuple[str, str], standing: str) -> Diagnostic:
    """Two specs of one id and version; ``mine`` and ``rival`` are name and digest."""
    return Diagnostic(
        "GLS071",
        "error",
        f"{' '.join(release)} has two contents: {mine[0]} (SHA-256 {mine[1]}) and {rival[0]} "
        f"(SHA-256 {rival[1]}), which was {standing}",
        "a version means one content for ever: give the one that shall be built a version of its own",
    )


def overlay_conflict(release: Release, mine: tuple[str, str], rival: tuple[str, str]) -> Diagnostic:
    """Two overlays for one id and version at the same time."""
    return Diagnostic(
        "GLS071",
        "error",
        f"{' '.join(release)} has two overlays in the inbox at the same time: {mine[0]} (SHA-256 {mine[1]}) and "
        f"{rival[0]} (SHA-256 {rival[1]}); neither was taken",
        "drop the one that shall be in force; a later one takes the place of an earlier one",
    )


def replaced(release: Release, mine: str, by: tuple[str, str], outcome: str) -> Diagnostic:
    """A spec that never was registered, and that a corrected file of its version has followed."""
    return Diagnostic(
        "GLS071",
        "error",
        f"{' '.join(release)} was {outcome}, and {by[0]} (SHA-256 {by[1]}) has taken the place of {mine}",
        "nothing to do; to keep both, give one of them a version of its own",
    )


def our_fault(error: Exception) -> Diagnostic:
    """The reader raised."""
    first = (str(error) or "no message").splitlines()[0][:300]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Diagnostic(
        "GLS079",
        "error",
        f"the reader itself failed: {type(error).__name__}: {first} ({Path(place.filename).name}:{place.lineno})",
        "this is a fault of GreenLang, not of the file: please report it with the file",
    )


# --- reports ----------------------------------------------------------------------------------------------------------

_NEXT_SPEC = (
    "Nothing, until you act: mend the file and drop it in `inbox/` again, under this name or another. "
    "It is then read as if it were new. This report is replaced if the same file is refused again."
)
_NEXT_RESOLVED = (
    "Nothing, until you act: mend the file and drop it in `inbox/` again; or drop it as it is, with a reviewed overlay "
    "that mends it (`<spec>.overlay.yaml`). This report is replaced if the same file is refused again."
)
_NEXT_OVERLAY = (
    "Nothing, until you act: mend the overlay and drop it in `inbox/` again. Its spec need not be dropped again. "
    "Until then the spec is built as if this overlay were not there; one that was in force before stays in force."
)
_NEXT_REPLACED = "Nothing. The file that has taken its place has an outcome of its own."


def refusal_markdown(refused: Refused, *, outcome: str, key: str = "", overlay: bool = False) -> str:
    """The report for a person: what is wrong, where, how to mend it, and what happens next."""
    errors = [d for d in refused.diagnostics if d.severity == "error"]
    notes = [d for d in refused.diagnostics if d.severity != "error"]
    what = f" (agent {key})" if key else ""
    bytes_ = f"SHA-256 {refused.digest}" if refused.digest else "too large to be read"
    effect = "The overlay is not used" if overlay else f"No agent was built from it{what}"
    lines = [
        f"# {refused.name} was {outcome}",
        "",
        f"{effect}. The file is kept as it arrived, in `rejected/{refused.stored}` ({bytes_}).",
        "",
        "## What is wrong" if outcome != "replaced" else "## Why",
        "",
    ]
    lines += [line for number, d in enumerate(errors, 1) for line in _item(f"{number}.", d)]
    if notes:
        lines += ["", "## Also noticed", ""]
        lines += [line for d in notes for line in _item("-", d)]
    return "\n".join([*lines, "", "## What happens next", "", _next(outcome, resolved=bool(key), overlay=overlay), ""])


def _next(outcome: str, *, resolved: bool, overlay: bool) -> str:
    if overlay:
        return _NEXT_OVERLAY
    if outcome == "replaced":
        return _NEXT_REPLACED
    return _NEXT_RESOLVED if resolved else _NEXT_SPEC


def refusal_json(refused: Refused, *, outcome: str, key: str = "") -> str:
    """The report for a program."""
    body = {
        "file": refused.name,
        "stored_as": refused.stored,
        "sha256": refused.digest,
        "key": key,
        "outcome": outcome,
        "diagnostics": [d.as_dict() for d in refused.diagnostics],
    }
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def overlay_markdown(name: str, digest: str, release: Release, key: str, waits: str) -> str:
    """Where an accepted overlay stands: in force, or waiting for its spec."""
    lines = [f"# {name}: {'in force' if key else 'waiting for its spec'}", ""]
    lines += [f"Overlay for `{release[0]}` {release[1]}, SHA-256 {digest}.", ""]
    if key:
        lines += [f"It is in force for the spec `{key}`, which is built with it.", ""]
    else:
        lines += [f"It {waits}.", ""]
    return "\n".join(lines)


def _item(mark: str, d: Diagnostic) -> Iterator[str]:
    place = f"line {d.line}, column {d.column}" if d.line else "the file as a whole"
    where = f"{d.file}, {place}" if d.file else place
    path = f", `{d.path}`" if d.path else ""
    pad = " " * (len(mark) + 1)
    yield f"{mark} **{where}**{path} ({d.code}): {_one_line(d.message)}"
    if d.hint:
        yield f"{pad}How to mend it: {_one_line(d.hint)}"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
