"""Known vulnerabilities from a local file of advisories in OSV form (https://ossf.github.io/osv-schema/).

Belongs here: reading the file, and which advisories concern a version. Does not belong here: fetching it, judging.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from greenlang.errors import SettingsError

_INFINITY = "infinity"


@dataclass(frozen=True, slots=True)
class Advisory:
    """An advisory that concerns a version. ``fixed``: the first version without it, "" if none is known."""

    id: str
    summary: str
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Advisories:
    """Advisories for distributions of PyPI, by name in normal form. ``count`` of them were read."""

    count: int
    affected: Mapping[str, tuple[tuple[Advisory, Mapping[str, Any]], ...]] = field(default_factory=dict)

    def of(self, name: str, version: str) -> tuple[Advisory, ...]:
        """The advisories that concern this version of a distribution. Raises InvalidVersion for what is none."""
        wanted = Version(version)
        found = {}
        for advisory, affected in self.affected.get(canonicalize_name(name), ()):
            hit, fixed = _concerns(affected, wanted)
            if hit:
                found[advisory.id] = Advisory(advisory.id, advisory.summary, fixed)
        return tuple(found[key] for key in sorted(found))


def load(path: Path) -> Advisories:
    """Read a JSON file (one advisory, a list, or ``{"vulns": [...]}``), a folder of them, or OSV's zip of PyPI.

    Raises SettingsError for what is not there or is none: an audit that silently audits nothing is worse than none.
    """
    try:
        state = tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in _files(path))
    except OSError as error:
        raise SettingsError(f"advisories {path}: {error}") from error
    if not state:
        raise SettingsError(f"advisories {path}: there is no JSON file")
    return _load(state)


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.json")) if path.is_dir() else [path]


@lru_cache(maxsize=4)
def _load(state: tuple[tuple[str, int, int], ...]) -> Advisories:
    affected: dict[str, list[tuple[Advisory, Mapping[str, Any]]]] = {}
    count = 0
    for name, _, _ in state:
        for entry in _entries(Path(name)):
            count += 1
            for place, record in _concerning(entry, name):
                affected.setdefault(place, []).append(record)
    return Advisories(count, {name: tuple(found) for name, found in affected.items()})


def _entries(path: Path) -> Iterator[Any]:
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    if member.endswith(".json"):
                        yield json.loads(archive.read(member))
            return
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SettingsError(f"advisories {path}: {error}") from error
    if isinstance(content, dict) and isinstance(content.get("vulns"), list):
        content = content["vulns"]
    yield from content if isinstance(content, list) else [content]


def _concerning(entry: Any, file: str) -> Iterator[tuple[str, tuple[Advisory, Mapping[str, Any]]]]:
    """Each distribution that an advisory names. Raises SettingsError for what is no advisory."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise SettingsError(f"advisories {file}: an entry without `id` is no advisory in OSV form")
    if entry.get("withdrawn"):
        return
    advisory = Advisory(entry["id"], str(entry.get("summary") or entry.get("details") or "")[:200])
    for affected in entry.get("affected") or []:
        package = affected.get("package") or {}
        if str(package.get("ecosystem", "")).partition(":")[0] != "PyPI":
            continue
        _check(affected, advisory.id, file)
        yield canonicalize_name(str(package.get("name", ""))), (advisory, affected)


def _check(affected: Mapping[str, Any], name: str, file: str) -> None:
    """Raise SettingsError for a version that is none in a range; in the list of versions old spellings are common."""
    for version in _bounds(affected):
        try:
            Version(version)
        except InvalidVersion as error:
            raise SettingsError(f"advisories {file}: {name}: {error}") from error


def _bounds(affected: Mapping[str, Any]) -> Iterator[str]:
    for span in affected.get("ranges") or []:
        if span.get("type") == "ECOSYSTEM":
            for event in span.get("events") or []:
                yield from (str(v) for v in event.values() if str(v) not in {"0", "*", _INFINITY})


def _concerns(affected: Mapping[str, Any], wanted: Version) -> tuple[bool, str]:
    """Whether a version is affected, and the first one above it that is not."""
    if any(_same(str(listed), wanted) for listed in affected.get("versions") or []):
        return True, _fixed(affected, wanted)
    for span in affected.get("ranges") or []:
        if span.get("type") == "ECOSYSTEM" and _inside(span.get("events") or [], wanted):
            return True, _fixed(affected, wanted)
    return False, ""


def _same(listed: str, wanted: Version) -> bool:
    try:
        return Version(listed) == wanted
    except InvalidVersion:
        return False


def _inside(events: list[Mapping[str, Any]], wanted: Version) -> bool:
    """Whether a version lies in a range, by the events in the order of their versions (OSV: Evaluation)."""
    limits = [str(e["limit"]) for e in events if "limit" in e]
    if limits and not any(limit in {"*", _INFINITY} or wanted < Version(limit) for limit in limits):
        return False
    marks = []
    for event in events:
        if "introduced" in event:
            text = str(event["introduced"])
            marks.append((None if text == "0" else Version(text), 0, True))
        elif "fixed" in event:
            marks.append((Version(str(event["fixed"])), 1, False))
        elif "last_affected" in event:
            marks.append((Version(str(event["last_affected"])), 2, False))
    inside = False
    for version, kind, opens in sorted(marks, key=lambda m: (m[0] is not None, m[0] or Version("0"), m[1])):
        if version is None or (wanted > version if kind == 2 else wanted >= version):
            inside = opens
    return inside


def _fixed(affected: Mapping[str, Any], wanted: Version) -> str:
    spans = affected.get("ranges") or []
    fixes = [
        str(e["fixed"]) for s in spans if s.get("type") == "ECOSYSTEM" for e in s.get("events") or [] if "fixed" in e
    ]
    above = [text for text in fixes if Version(text) > wanted]
    return min(above, key=Version, default="")
