"""Known vulnerabilities from a local file of advisories in OSV form (https://ossf.github.io/osv-schema/, version 1).

Belongs here: reading the file, and which advisories concern a version. Does not belong here: fetching it, judging.

What the schema says and this follows: a version is affected if it is listed or lies in a range; ranges of the type GIT
tell nothing about versions; of two entries with one id the one that was modified later holds; a withdrawn entry counts
for nothing; ids that are aliases are one vulnerability, whoever says so.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from greenlang.errors import SettingsError

_RANGES = ("ECOSYSTEM", "SEMVER")  # for PyPI both are read as versions of Python distributions


@dataclass(frozen=True, slots=True)
class Advisory:
    """An advisory that concerns a version. ``fixed``: the first version without it, "" if none is known."""

    id: str
    summary: str
    fixed: str = ""
    aliases: tuple[str, ...] = ()
    severity: str = ""  # as it is stated: a word, or a CVSS vector
    unclear: str = ""  # why it cannot be told whether the version is affected; it is taken to be


@dataclass(frozen=True, slots=True)
class Advisories:
    """Advisories for distributions of PyPI, by name in normal form.

    ``count`` of them were read, withdrawn ones and those of other ecosystems too; ``newest`` is the day on which the
    last of them was modified, "" if none says so.
    """

    count: int
    affected: Mapping[str, tuple[tuple[Advisory, Mapping[str, Any]], ...]] = field(default_factory=dict)
    newest: str = ""

    def of(self, name: str, version: str) -> tuple[Advisory, ...]:
        """The vulnerabilities of this version of a distribution. Raises InvalidVersion for what is no version."""
        wanted = Version(version)
        found: dict[str, Advisory] = {}
        for advisory, affected in self.affected.get(canonicalize_name(name), ()):
            hit = _concerns(advisory, affected, wanted)
            if hit is not None:
                found[hit.id] = _merged(found[hit.id], hit) if hit.id in found else hit
        return _once(found.values())


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


def age(advisories: Advisories, today: date) -> int | None:
    """How many days ago the newest advisory was modified; None if none says when."""
    try:
        return (today - date.fromisoformat(advisories.newest)).days
    except ValueError:
        return None


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.json")) if path.is_dir() else [path]


@lru_cache(maxsize=4)
def _load(state: tuple[tuple[str, int, int], ...]) -> Advisories:
    latest: dict[str, Mapping[str, Any]] = {}
    for name, _, _ in state:
        for entry in _entries(Path(name)):
            _check(entry, name)
            known = latest.get(entry["id"])
            if known is None or str(entry.get("modified", "")) >= str(known.get("modified", "")):
                latest[entry["id"]] = entry
    affected: dict[str, list[tuple[Advisory, Mapping[str, Any]]]] = {}
    for entry in latest.values():
        for place, record in _concerning(entry):
            affected.setdefault(place, []).append(record)
    newest = max((str(entry.get("modified", ""))[:10] for entry in latest.values()), default="")
    return Advisories(len(latest), {name: tuple(found) for name, found in affected.items()}, newest)


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


def _check(entry: Any, file: str) -> None:
    """Raise SettingsError for what is no advisory of version 1 of the schema."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise SettingsError(f"advisories {file}: an entry without `id` is no advisory in OSV form")
    if "affects" in entry and "affected" not in entry:
        raise SettingsError(f"advisories {file}: {entry['id']} is in OSV's form before 1.0, with `affects`")
    for affected in entry.get("affected") or []:
        if not _shaped(affected):
            raise SettingsError(f"advisories {file}: {entry['id']}: its `affected` is not in OSV form")


def _shaped(affected: Any) -> bool:
    if not isinstance(affected, dict) or not isinstance(affected.get("package") or {}, dict):
        return False
    spans = affected.get("ranges") or []
    return all(isinstance(s, dict) and all(isinstance(e, dict) for e in s.get("events") or []) for s in spans)


def _concerning(entry: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Advisory, Mapping[str, Any]]]]:
    """Each distribution that an advisory names."""
    if entry.get("withdrawn"):
        return
    aliases = tuple(sorted(map(str, entry.get("aliases") or [])))
    summary = str(entry.get("summary") or entry.get("details") or "")[:200]
    for affected in entry.get("affected") or []:
        package = affected.get("package") or {}
        if package.get("ecosystem") == "PyPI":
            advisory = Advisory(entry["id"], summary, aliases=aliases, severity=_severity(entry, affected))
            yield canonicalize_name(str(package.get("name", ""))), (advisory, affected)


def _severity(entry: Mapping[str, Any], affected: Mapping[str, Any]) -> str:
    """The word of the database if it has one, else the newest CVSS vector, of the package before that of the entry."""
    for place in (affected, entry):
        word = (place.get("database_specific") or {}).get("severity")
        if isinstance(word, str) and word:
            return word.lower()
        scores = {str(s.get("type")): str(s.get("score")) for s in place.get("severity") or []}
        if scores:
            return scores[max(scores)]
    return ""


def _concerns(advisory: Advisory, affected: Mapping[str, Any], wanted: Version) -> Advisory | None:
    """The advisory, with the first version above that is not affected, if it concerns this one."""
    listed = affected.get("versions") or []
    if any(_same(str(version), wanted) for version in listed):
        return replace(advisory, fixed=_fixed(affected, wanted))
    spans = [span for span in affected.get("ranges") or [] if span.get("type") in _RANGES]
    if not spans and not listed:
        return replace(advisory, unclear="it names no versions")
    try:
        if any(_inside(span.get("events") or [], wanted) for span in spans):
            return replace(advisory, fixed=_fixed(affected, wanted))
    except InvalidVersion as error:
        if not listed:  # else the list holds: it is what the ranges stand for
            return replace(advisory, unclear=f"its range cannot be compared ({error})")
    return None


def _same(listed: str, wanted: Version) -> bool:
    try:
        return Version(listed) == wanted
    except InvalidVersion:
        return False  # spellings from before PEP 440: no version of today is one of them


def _inside(events: list[Mapping[str, Any]], wanted: Version) -> bool:
    """Whether a version lies in a range, by the events in the order of their versions (OSV: Evaluation).

    A range without `introduced`, which the schema forbids, is taken to begin at the beginning.
    """
    limits = [str(e["limit"]) for e in events if "limit" in e]
    if limits and not any("*" in limit or wanted < Version(limit) for limit in limits):
        return False
    marks: list[tuple[Version | None, int]] = []
    for event in events:
        for kind, word in enumerate(("introduced", "fixed", "last_affected")):
            if word in event:
                text = str(event[word])
                marks.append((None if text == "0" else Version(text), kind))
    inside = all(kind for _, kind in marks)
    for version, kind in sorted(marks, key=lambda m: (m[0] is not None, m[0] or Version("0"), m[1])):
        if version is None or (wanted > version if kind == 2 else wanted >= version):
            inside = kind == 0
    return inside


def _fixed(affected: Mapping[str, Any], wanted: Version) -> str:
    """The first version above that ends a range."""
    above = []
    for span in affected.get("ranges") or []:
        for event in span.get("events") or []:
            if span.get("type") in _RANGES and "fixed" in event:
                try:
                    above.append(Version(str(event["fixed"])))
                except InvalidVersion:
                    continue
    return str(min((version for version in above if version > wanted), default=""))


def _merged(one: Advisory, other: Advisory) -> Advisory:
    """Two that say the same: the later of the versions without it, and a doubt only where both have one."""
    fixed = max(one.fixed, other.fixed, key=lambda text: Version(text or "0")) if one.fixed and other.fixed else ""
    aliases = {*one.aliases, *other.aliases, other.id} - {one.id}
    return replace(
        one,
        fixed=fixed or one.fixed or other.fixed,
        aliases=tuple(sorted(aliases)),
        severity=one.severity or other.severity,
        unclear=one.unclear if other.unclear else "",
    )


def _once(found: Iterable[Advisory]) -> tuple[Advisory, ...]:
    """Each vulnerability once. To be an alias goes both ways, and on from one to the next."""
    groups: list[tuple[set[str], Advisory]] = []
    for advisory in sorted(found, key=lambda a: (not a.id.startswith("PYSEC"), a.id)):
        names, merged = {advisory.id, *advisory.aliases}, advisory
        apart = []
        for known, other in groups:
            if known & names:
                names |= known
                merged = _merged(other, merged)
            else:
                apart.append((known, other))
        groups = [*apart, (names, merged)]
    return tuple(sorted((advisory for _, advisory in groups), key=lambda a: a.id))
