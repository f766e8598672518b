"""References that other factor stores write, and what they are in ours: reviewed, with evidence, or none.

Belongs here: reading ``emission_factors/aliases/foreign.yaml`` and finding the entry of a reference. Does not belong
here: references of our own, likeness (``nearest``): what no entry covers is not foreign but unknown.

An entry never puts another edition, place or quantity for what was asked without a ``warning`` that says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from greenlang._paths import data
from greenlang.errors import FactorTableError
from greenlang.factors._yaml import read_yaml

SCHEME = "ef://"
_KEYS = {"pattern", "means", "none", "evidence"}
_TARGET = {"ref", "activity", "region", "select", "warning"}
_HOLE = re.compile(r"\{([a-z]+)\}")
_KINDS = {"edition": r"\d{4}", "set": r"[a-z]*ar\d?"}  # what a hole of that name catches; any other, one segment


@dataclass(frozen=True, slots=True)
class Target:
    """A reference of ours, its rows narrowed by ``activity`` and ``region`` (any name people use) and ``select``."""

    ref: str
    activity: str = ""
    region: str = ""
    select: tuple[tuple[str, str], ...] = ()
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A reviewed entry: ``means`` in the order of preference (the first that is held counts), or ``none``: why not."""

    pattern: str
    means: tuple[Target, ...]
    none: str
    evidence: str

    def match(self, ref: str) -> tuple[Target, ...] | None:
        """The targets with what the pattern caught put in; None where the pattern is of another reference."""
        found = _compiled(self.pattern).fullmatch(_plain(ref))
        if found is None:
            return None
        caught = found.groupdict()
        return tuple(
            Target(
                _filled(t.ref, caught),
                _filled(t.activity, caught),
                _filled(t.region, caught),
                tuple((column, _filled(value, caught)) for column, value in t.select),
                _filled(t.warning, caught),
            )
            for t in self.means
        )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """``(a|b)/*/{fuel}/**``: either of two, one segment, one that is kept by its name, any rest."""
    out = re.sub(r"\\([{}()|])", r"\1", re.escape(_plain(pattern))).replace("(", "(?:")
    out = out.replace(r"/\*\*", r"(?:/.*)?").replace(r"\*", r"[^/]+")
    return re.compile(_HOLE.sub(lambda m: f"(?P<{m[1]}>{_KINDS.get(m[1], '[^/]+')})", out))


def _plain(ref: str) -> str:
    """A reference as ours are written: without scheme and release, in small letters, hyphens for underscores."""
    return ref.strip().removeprefix(SCHEME).partition("@")[0].strip("/").lower().replace("_", "-").replace(" ", "-")


def _filled(text: str, caught: dict[str, str]) -> str:
    return _HOLE.sub(lambda m: caught.get(m[1], m[0]), text)


def find(ref: str, entries: tuple[Foreign, ...] | None = None) -> tuple[Foreign, tuple[Target, ...]] | None:
    """The first reviewed entry that covers a reference, with its targets."""
    for entry in declared_foreign() if entries is None else entries:
        targets = entry.match(ref)
        if targets is not None:
            return entry, targets
    return None


def respelt(ref: str) -> tuple[Foreign, Target] | None:
    """The same reference in the one spelling of ours; None where it is in it already."""
    release = ref.strip().partition("@")
    ours = f"{SCHEME}{_plain(ref)}{release[1]}{release[2]}"
    if ours == ref.strip():
        return None
    target = Target(ours)
    return Foreign(ref, (target,), "", "References are written in small letters, with hyphens between words."), target


@cache
def declared_foreign() -> tuple[Foreign, ...]:
    """The entries of this installation."""
    return read_foreign(data() / "emission_factors" / "aliases" / "foreign.yaml")


def read_foreign(path: Path) -> tuple[Foreign, ...]:
    """The entries of a file. Raises FactorTableError where one is not in the one form."""
    content: Any = read_yaml(path)
    if not isinstance(content, list):
        raise FactorTableError(f"{path.name}: must be a list of entries")
    entries = tuple(_entry(path.name, raw) for raw in content)
    patterns = [e.pattern for e in entries]
    if twice := next((p for i, p in enumerate(patterns) if p in patterns[:i]), None):
        raise FactorTableError(f"{path.name}: `{twice}` stands twice")
    return entries


def _entry(file: str, raw: Any) -> Foreign:
    if not isinstance(raw, dict) or not set(raw) <= _KEYS or not {"pattern", "evidence"} <= set(raw):
        raise FactorTableError(f"{file}: an entry has `pattern`, `evidence`, and `means` or `none`: {raw!r}")
    pattern = str(raw["pattern"])
    if ("means" in raw) == ("none" in raw):
        raise FactorTableError(f"{file}: `{pattern}` needs either `means` or `none`")
    if not str(raw["evidence"]).strip():
        raise FactorTableError(f"{file}: `{pattern}` lacks its evidence")
    holes = set(_HOLE.findall(pattern))
    targets = tuple(_target(file, pattern, holes, t) for t in raw.get("means", ()))
    return Foreign(pattern, targets, " ".join(str(raw.get("none", "")).split()), " ".join(str(raw["evidence"]).split()))


def _target(file: str, pattern: str, holes: set[str], raw: Any) -> Target:
    if not isinstance(raw, dict) or not set(raw) <= _TARGET or not str(raw.get("ref", "")).startswith(SCHEME):
        raise FactorTableError(
            f"{file}: `{pattern}`: a meaning has `ref` (ef://...), and may have others of {', '.join(sorted(_TARGET))}"
        )
    select = tuple((str(k), str(v)) for k, v in (raw.get("select") or {}).items())
    texts = [str(raw.get(k, "")) for k in ("ref", "activity", "region", "warning")] + [value for _, value in select]
    if unknown := {h for t in texts for h in _HOLE.findall(t)} - holes:
        raise FactorTableError(f"{file}: `{pattern}` catches no {', '.join(sorted(unknown))}")
    return Target(texts[0], texts[1], texts[2], select, " ".join(texts[3].split()))
