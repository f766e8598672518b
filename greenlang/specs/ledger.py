"""The ledger: what became of every leaf of an author's file, so that nothing is dropped in silence.

Belongs here: used, ignored for a reason, refused; leaf by leaf, by the declared types. Does not belong here: the types
and their check (``form``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.form import Open, because, fields_of, inside, model_of
from greenlang.specs.model import LedgerLine
from greenlang.specs.source import Path, dotted


@dataclass(slots=True)
class Ledger:
    """What became of each leaf of a file, by path; kept while it is read."""

    lines: dict[Path, LedgerLine] = field(default_factory=dict)
    unknown: list[tuple[Path, type[BaseModel]]] = field(default_factory=list)  # keys that no type declares

    def enter(self, model: type[BaseModel], value: Any, path: Path) -> None:
        """A line for each leaf below the path, by the declared types."""
        _walk(model, value, path, "", self)

    def ignore(self, path: Path, value: Any, reason: str) -> None:
        """Nothing below the path has an effect, for this reason."""
        for leaf in leaves(value, path):
            self.lines[leaf] = LedgerLine(dotted(leaf), "ignored", reason)

    def refuse(self, findings: Iterable[Diagnostic]) -> None:
        """What an error points at is refused, with all that stands below it."""
        wrong = {d.path: d.message for d in findings if d.severity == "error" and d.path}
        for path, line in self.lines.items() if wrong else ():
            above = (dotted(path[:end]) for end in range(len(path), 0, -1))
            reason = next((wrong[place] for place in above if place in wrong), None)
            if reason is not None:
                self.lines[path] = LedgerLine(line.path, "refused", reason)

    def all(self) -> tuple[LedgerLine, ...]:
        """Every line, in the order of the file."""
        return tuple(self.lines.values())


def ledger_of(model: type[BaseModel], value: Any) -> Ledger:
    """One line a leaf, by the declared types."""
    out = Ledger()
    out.enter(model, value, ())
    return out


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every scalar and every empty list or mapping."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            yield from leaves(inner, (*path, i))
    else:
        yield path


def _walk(annotation: Any, value: Any, path: Path, reason: str, out: Ledger) -> None:
    if reason or not isinstance(value, dict | list) or not value:
        fate: Literal["used", "ignored"] = "ignored" if reason else "used"
        for leaf in leaves(value, path):
            out.lines[leaf] = LedgerLine(dotted(leaf), fate, reason)
        return
    if isinstance(value, list):
        inner = inside(annotation, list, value)
        for i, item in enumerate(value):
            _walk(inner, item, (*path, i), "", out)
        return
    owner = model_of(annotation, value)
    if owner is None:
        inner = inside(annotation, dict, value)
        for key, item in value.items():
            _walk(inner, item, (*path, key), "", out)
        return
    for key, item in value.items():
        info, declared = fields_of(owner).get(key, (None, None))
        if info is not None:
            _walk(declared, item, (*path, key), because(info), out)
        else:
            out.unknown.append(((*path, key), owner))
            _walk(None, item, (*path, key), owner.rest if issubclass(owner, Open) else "an unknown key", out)
