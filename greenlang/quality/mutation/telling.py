"""Whether any input tells a mutant from the pack: equivalent mutants are left out, not counted as survivors.

Tried are the vectors of the resolution, the inputs that were searched for to tell near misses apart, and the hidden
inputs that are drawn from the spec; not the tests of the pack, so a weak test still shows. Belongs here: which inputs,
and the comparison. Does not belong here: values of code (``interpret``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from greenlang.factory.cases import searched
from greenlang.quality.differential_inputs import drawn
from greenlang.quality.mutation.code import number_of
from greenlang.quality.mutation.interpret import Reading, Unreadable
from greenlang.quality.mutation.model import Edit, Source
from greenlang.quality.mutation.tables import content_of
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import Given

Tables = Mapping[str, Mapping[tuple[str, ...], Decimal]]


class Telling:
    """One agent or part, asked mutant by mutant."""

    def __init__(
        self,
        part: Resolution,
        folder: PurePosixPath,
        sources: Mapping[str, Source],
        tables: Tables,
    ) -> None:
        self.part = part
        self.paths = {name: (folder / name).as_posix() for name in ("tools.py", "agent.py", "models.py")}
        self.sources = sources
        self.tables = tables
        self.known: list[tuple[dict[str, Any], dict[str, str] | str]] = []

    @cached_property
    def _waiting(self) -> Iterator[dict[str, Any]]:
        """The inputs that are tried, by the names of the fields in Python. Most mutants show on the first."""
        fields = _fields(self.sources[self.paths["models.py"]].tree)
        answered = [v.input for v in self.part.vectors if not v.error]
        for given in answered[:3]:
            yield _typed(fields, "Input", given)
        for given in drawn(self.part):
            yield _typed(fields, "Input", given)
        for vector in self.part.vectors:
            yield _typed(fields, "Input", vector.input)
        for vector in searched(self.part) if answered else ():  # a search: last, since it costs most
            yield _typed(fields, "Input", vector.input)

    def _asked(self) -> Iterator[tuple[dict[str, Any], dict[str, str] | str]]:
        """Each input with the answer of the pack as it is; asked once."""
        yield from self.known
        for given in self._waiting:
            self.known.append((given, self.reading.answer(given)))
            yield self.known[-1]

    @cached_property
    def reading(self) -> Reading:
        """The pack as it is."""
        tools, agent = (self.sources[self.paths[name]].tree for name in ("tools.py", "agent.py"))
        return Reading(tools, agent, self.tables)

    def answer(self, given: Mapping[str, Given]) -> dict[str, str] | str:
        """What the pack answers, outputs by their names in Python. Raises Unreadable."""
        fields = _fields(self.sources[self.paths["models.py"]].tree)
        return self.reading.answer(_typed(fields, "Input", given))

    def shows(self, edit: Edit) -> bool:
        """Whether some input is answered otherwise; True as well where the code cannot be read."""
        if any(path not in self.sources for path in self.paths.values()):
            return True
        tree = self.sources[edit.path].changed(edit)
        reading = self.reading
        if edit.path == self.paths["tools.py"]:
            reading = Reading(tree, reading.agent, self.tables)
        elif edit.path == self.paths["agent.py"]:
            reading = Reading(reading.tools, tree, self.tables)
        try:
            return any(reading.answer(given) != own for given, own in self._asked())
        except Unreadable:
            return True


def tables_of(data: bytes | None) -> Tables:
    """The figures of a ``factors.json``."""
    if data is None:
        return {}
    content = content_of(data)
    value = {row["key"]: Decimal(row["value"]) for row in content["factors"]}
    return {t["name"]: {tuple(r["when"]): value[r["factor"]] for r in t["rows"]} for t in content["tables"]}


def checked(edit: Edit) -> bool:
    """Whether a change shows in answers alone. What is declared and pinned is tested by itself."""
    name = PurePosixPath(edit.path).name
    return name in {"tools.py", "agent.py"} and not edit.declared


Fields = Mapping[str, list[tuple[str, str, Any, str]]]


def _fields(tree: ast.Module) -> Fields:
    """Model -> (name in Python, name in the spec, default, annotation) of its fields."""
    found: dict[str, list[tuple[str, str, Any, str]]] = {}
    for model in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        fields = found.setdefault(model.name, [])
        for node in model.body:
            if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
                continue
            keywords = {k.arg: k.value for k in node.value.keywords} if isinstance(node.value, ast.Call) else {}
            alias, default = keywords.get("validation_alias"), keywords.get("default")
            name = alias.value if isinstance(alias, ast.Constant) else node.target.id
            value = None if default is None else number_of(default)
            if value is None and isinstance(default, ast.Constant):
                value = default.value  # type: ignore[assignment]
            fields.append((node.target.id, str(name), value, ast.unparse(node.annotation)))
    return found


def _typed(fields: Fields, model: str, given: Mapping[str, Given]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for python, name, default, kind in fields.get(model, []):
        value = given.get(name, default)
        row = kind.partition("Rows[")[2].partition("]")[0]
        if isinstance(value, tuple) and row:
            value = tuple(_typed(fields, row, cells) for cells in value)
        elif isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value)
        values[python] = value
    return values
