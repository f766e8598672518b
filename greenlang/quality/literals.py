"""The literal audit: every number of an agent's package traces to something that a person or a publisher wrote.

A number is allowed where it stands, not anywhere: a number in a calculation must be one of the plan of that very
output, and as often as there; a conversion constant must be what ``greenlang.units`` gives for the two units; a limit,
a default, a choice or a pattern must be the spec's for that very field; digits of a rounding those that are declared;
a row of ``factors.json`` must be the pinned row, field by field. What is left must stand in STRUCTURAL.

Belongs here: tracing. Does not belong here: finding numbers (``literals_places``), what follows from an untraced one.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from greenlang_sdk.canonical import digest

from greenlang import units
from greenlang.errors import UnitError
from greenlang.factors.model import plain_row
from greenlang.factory import whole
from greenlang.factory.identifiers import identifier
from greenlang.factory.naming import package_name, part_modules
from greenlang.factory.outcome import Detail
from greenlang.formulas.conversion import terms
from greenlang.formulas.tree import Call, Convert, Number, walk
from greenlang.quality.literals_places import Place, hidden, numbers
from greenlang.quality.source import nodes
from greenlang.resolution.plan import OutputPlan, Resolution
from greenlang.specs.model import InputSpec

__all__ = ["STRUCTURAL", "Traced", "audit", "trace", "untraced"]

RULE = "untraced-number"
STRUCTURAL = {
    ("logs.py", "6"): "digits of the seconds in a log line: they stand in no result",
}
"""Numbers that mean nothing in a calculation, by file and text, each with the reason."""

_LIMITS = ("ge", "gt", "le", "lt")
_CERTAIN = 27  # digits to which a written conversion constant must be the recomputed one


@dataclass(frozen=True, slots=True)
class Traced:
    """One number. ``origin`` is empty where it comes from nowhere."""

    number: str
    path: str  # relative to the pack
    line: int
    origin: str


def audit(resolution: Resolution, package: Path | Mapping[str, bytes]) -> tuple[Detail, ...]:
    """What is untraced, one Detail a number; empty for a good pack.

    ``package``: the folder of the agent's package, or files by path relative to the pack. A file that does not parse is
    a Detail too.
    """
    return untraced(trace(resolution, package))


def untraced(found: Iterable[Traced]) -> tuple[Detail, ...]:
    """The numbers of a trace that come from nowhere."""
    return tuple(
        Detail(
            f"{one.number} comes from no spec, factor, formula, unit or declared tolerance",
            one.path,
            one.line,
            RULE,
            "take it from the spec or a table, or leave it out",
        )
        for one in found
        if not one.origin
    )


def trace(
    resolution: Resolution, package: Path | Mapping[str, bytes], trees: Mapping[str, ast.Module] | None = None
) -> tuple[Traced, ...]:
    """Every number of the package with where it comes from, file by file.

    ``trees`` (name relative to the pack -> tree) saves parsing files again; they must be those of the files.
    """
    ready = trees or {}
    found: list[Traced] = []
    modules = part_modules([p.spec.part for p in resolution.flat]) if resolution.parts else [""]
    parts = dict(zip(modules, resolution.flat, strict=True))
    for path, data in sorted(_files(resolution, package, ready).items()):
        name, folder = PurePosixPath(path).name, PurePosixPath(path).parent
        if name == "factors.json":
            found += _pinned(resolution, path, data)
            continue
        try:
            tree = ready[path] if path in ready else ast.parse(data)
        except (SyntaxError, ValueError):
            found.append(Traced("a file that is no Python", path, 0, ""))
            continue
        part = parts.get(folder.name if "parts" in folder.parts else "")
        found += _Tracer(path, tree, part).traced()
    return tuple(found)


def _files(
    resolution: Resolution, package: Path | Mapping[str, bytes], ready: Mapping[str, ast.Module]
) -> dict[str, bytes]:
    """What is audited, by path relative to the pack. Of a file whose tree is ready nothing is read."""
    if isinstance(package, Path):
        found = {}
        for folder, _, names in os.walk(package):
            head = f"{package.name}{folder.removeprefix(str(package))}"
            for name in names:
                path, place = f"{head}/{name}", f"{folder}/{name}"
                if (name.endswith(".py") or name == "factors.json") and Path(place).is_file():
                    found[path] = b"" if path in ready else Path(place).read_bytes()
        return found
    head = f"{package_name(resolution.spec)}/"
    wanted = (path for path in package if path.startswith(head))
    return {path: package[path] for path in wanted if path.endswith((".py", "/factors.json"))}


class _Tracer:
    """One Python file. A number that no rule of its place takes up is untraced, or structural."""

    def __init__(self, path: str, tree: ast.Module, part: Resolution | None) -> None:
        self.path = path
        self.name = PurePosixPath(path).name
        self.tree = tree
        self.part = part
        self.origins: dict[int, str] = {}  # id of a node -> where its number comes from
        self.more: list[Traced] = []

    def traced(self) -> list[Traced]:
        """Every number of the file."""
        if self.part is not None:
            rules = {"tools.py": self._tools, "agent.py": self._agent, "models.py": self._models}
            rules.get(self.name, lambda: None)()
        found = [self._of(place) for place in (*numbers(self.tree), *hidden(self.tree))]
        return [*found, *self.more]

    def _of(self, place: Place) -> Traced:
        origin = self.origins.get(id(place.node)) or STRUCTURAL.get((self.name, place.text), "")
        return Traced(place.text, self.path, place.line, origin)

    # tools.py

    def _tools(self) -> None:
        assert self.part is not None
        outputs = self._entries()
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                self._constant(node)
            elif isinstance(node, ast.FunctionDef) and (plan := self.part.plans.get(outputs.get(node.name, ""))):
                self._function(node, plan)

    def _entries(self) -> dict[str, str]:
        """Function -> output; the digits of each entry are traced on the way."""
        assert self.part is not None
        found: dict[str, str] = {}
        for node in nodes(self.tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Tool"):
                continue
            keywords = {k.arg: k.value for k in node.keywords}
            output = keywords.get("output")
            if not (isinstance(output, ast.Constant) and node.args and isinstance(node.args[0], ast.Name)):
                continue
            found[node.args[0].id] = str(output.value)
            plan = self.part.plans.get(str(output.value))
            digits = keywords.get("decimals")
            if plan is not None and isinstance(digits, ast.Constant) and digits.value == plan.decimals:
                self.origins[id(digits)] = _declared(plan)
        return found

    def _constant(self, node: ast.Assign) -> None:
        assert self.part is not None
        for place in numbers(node.value):
            if place.value is not None and (found := _conversion(self.part, place.value)):
                self.origins[id(place.node)] = found

    def _function(self, function: ast.FunctionDef, plan: OutputPlan) -> None:
        """The numbers of a calculation are those of its plan, each as often as there."""
        left = Counter(_written(plan))
        for statement in function.body:
            for place in numbers(statement):
                for value in (place.value, None if place.value is None else -place.value):
                    if value is not None and left[value] > 0:
                        left[value] -= 1
                        self.origins[id(place.node)] = _formula(plan, abs(value))
                        break

    # agent.py

    def _agent(self) -> None:
        assert self.part is not None
        for node in nodes(self.tree):
            match node:
                case ast.keyword(
                    arg=str() as python,
                    value=ast.Call(
                        func=ast.Name(id="round_output"),
                        args=[ast.Name(), ast.Constant(value=int() as digits) as place],
                    ),
                ):
                    for plan in self.part.plans.values():
                        if _python(self.part, plan.output) == python and plan.decimals == digits:
                            self.origins[id(place)] = _declared(plan)

    # models.py

    def _models(self) -> None:
        assert self.part is not None
        spec = self.part.spec
        models = {"Input": dict(spec.inputs)}
        models |= {_row_class(i): {c.name: c for c in i.columns} for i in spec.inputs.values() if i.columns}
        for node in self.tree.body:
            if not isinstance(node, ast.ClassDef) or node.name not in models:
                continue
            for statement in node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    declared = models[node.name].get(_name(statement, models[node.name]))
                    if declared is not None:
                        self._field(statement, declared)

    def _field(self, node: ast.AnnAssign, declared: InputSpec) -> None:
        for place in numbers(node.annotation):
            if place.value in {Decimal(c) for c in declared.enum if isinstance(c, (int, Decimal))}:
                self.origins[id(place.node)] = f"spec: a choice of `{declared.name}`"
        for keyword in node.value.keywords if isinstance(node.value, ast.Call) else ():
            wanted = getattr(declared, keyword.arg) if keyword.arg in (*_LIMITS, "default") else None
            for place in numbers(keyword.value):
                if wanted is not None and not isinstance(wanted, str) and place.value == wanted:
                    self.origins[id(place.node)] = f"spec: `{keyword.arg}` of `{declared.name}`"
            if keyword.arg == "pattern" and isinstance(keyword.value, ast.Constant):
                self._pattern(keyword.value, declared)

    def _pattern(self, node: ast.Constant, declared: InputSpec) -> None:
        """The numbers of a pattern decide what is taken: the pattern must be the spec's."""
        origin = f"spec: the pattern of `{declared.name}`" if node.value == declared.pattern else ""
        for digits in re.findall(r"\d+", str(node.value)) or ([] if origin else ["a pattern"]):
            self.more.append(Traced(digits, self.path, node.lineno, origin))


def _name(node: ast.AnnAssign, known: Mapping[str, Any]) -> str:
    """The name in the spec of a field."""
    for keyword in node.value.keywords if isinstance(node.value, ast.Call) else ():
        if keyword.arg == "validation_alias" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    assert isinstance(node.target, ast.Name)
    return node.target.id


def _row_class(given: InputSpec) -> str:
    from greenlang.factory.fields import row_name

    return row_name(given)


def _python(part: Resolution, output: str) -> str:
    """The name of an output in the answer."""
    names: list[str] = []
    for name in part.spec.inputs:
        names.append(identifier(name, names))
    for name in part.order:
        taken = identifier(name) in names
        names.append(identifier(f"{name}_output" if taken else name, names))
        if name == output:
            return names[-1]
    return ""


# --- origins --------------------------------------------------------------------------------------------------------


def _declared(plan: OutputPlan) -> str:
    return f"declared digits of `{plan.output}`"


def _written(plan: OutputPlan) -> Iterator[Decimal]:
    """The numbers that stand in a plan; conversions are constants of their own."""
    return (node.value for node in walk(plan.expression) if isinstance(node, Number))


def _formula(plan: OutputPlan, value: Decimal) -> str:
    if plan.formula_id:
        return f"formula {plan.formula_id}: {_of_library(plan.formula_id, value) or 'a value that the spec binds'}"
    if any(isinstance(n, Call) and n.function == "round" and value in _numbers_of(n) for n in walk(plan.expression)):
        return f"declared rounding in the formula of `{plan.output}`"
    return f"spec: the formula of `{plan.output}` ({plan.means})"


def _numbers_of(call: Call) -> set[Decimal]:
    return {a.value for a in call.arguments if isinstance(a, Number)}


@cache
def _of_library(formula_id: str, value: Decimal) -> str:
    """What a number is in a formula of the library; empty if it stands nowhere in it."""
    from greenlang.formulas.library import library

    formula = library().get(formula_id)
    if formula is None:
        return ""
    for name, symbol in formula.symbols.items():
        if isinstance(symbol.default, Decimal) and abs(symbol.default) == value:
            return f"{'constant' if symbol.origin == 'constant' else 'default of'} {name}"
    written = {abs(n.value) for tree in formula.trees().values() for n in walk(tree) if isinstance(n, Number)}
    return "a number of the expression" if value in written else ""


def _conversion(part: Resolution, value: Decimal) -> str:
    """Which conversion of the plans a constant is, recomputed from the units; empty if it is none."""
    if value == 1:  # a term of many conversions, and written in none
        return ""
    for plan in part.plans.values():
        for node in walk(plan.expression):
            if isinstance(node, Convert) and value in (written := (*terms(node.factor), node.shift)):
                target = node.unit or "1"
                try:
                    factor, shift = units.conversion(node.source_unit, target)
                except UnitError:
                    continue
                if _same(value, (*terms(factor), shift)[written.index(value)]):
                    return f"units: {node.source_unit} in {target}"
    return ""


def _same(value: Decimal, recomputed: Decimal) -> bool:
    """Whether a written constant is the recomputed one, to the digits that are written (27 at least, or all)."""
    digits = len(value.as_tuple().digits)
    return value == recomputed or (digits >= _CERTAIN and value == Context(prec=digits).plus(recomputed))


# --- factors.json ---------------------------------------------------------------------------------------------------


def _pinned(resolution: Resolution, path: str, data: bytes) -> Iterator[Traced]:
    """Every number of every row: the row must be the pinned one, field by field, and each key must give its row."""
    try:
        content = json.loads(data)
        rows, tables = content["factors"], content["tables"]
    except (ValueError, KeyError, TypeError):
        yield Traced("a file that is no table of factors", path, 0, "")
        return
    plain = {factor.key: plain_row(factor) for factor in resolution.pinned}
    wanted = {key: row | {"digest": digest(row)} for key, row in plain.items()}
    wanted |= {row.key: row.as_row() | {"digest": row.digest} for row in whole.parameters(resolution)}
    lines = {key: line for line, text in enumerate(data.splitlines(), 1) for key in _KEY.findall(text)}
    for row in rows:
        key = str(row.get("key", ""))
        line = lines.get(key.encode(), 0)
        known = wanted.get(key, {})
        origin = f"{'table' if '://' in key else 'factor'} {key}"
        for name, value in row.items():
            if known.get(name) != value:
                yield Traced(f"{name} {value}", path, line, "")
            elif name == "value" or (isinstance(value, int) and not isinstance(value, bool)):
                yield Traced(f"{name} {value}", path, line, origin)
    yield from _selected(resolution, path, tables)


_KEY = re.compile(rb'^\s*\{"key": "([^"]*)"')


def _selected(resolution: Resolution, path: str, tables: Iterable[Mapping[str, Any]]) -> Iterator[Traced]:
    """Which row each key gives."""
    from greenlang.factory.parameters import parameter_tables
    from greenlang.factory.views import table_names

    names = table_names(resolution.flat)
    wanted: dict[tuple[str, tuple[str, ...]], str] = {}
    for part in resolution.flat:
        for lookup, found in part.lookups.items():
            wanted |= {(names[part.spec.part, lookup], when): row.key for when, row in found.rows.items()}
        for pinned in parameter_tables(part):
            wanted |= {(pinned.name, row.when): row.key for row in pinned.rows}
    for table in tables:
        for row in table["rows"]:
            when = tuple(map(str, row["when"]))
            if wanted.get((table["name"], when)) != row["factor"]:
                yield Traced(f"{table['name']} {', '.join(when)}: {row['factor']}", path, 0, "")
