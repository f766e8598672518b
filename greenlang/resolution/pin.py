"""From ``factor("alias", activity = fuel_type, gas = "CO2", per = "mmBtu")`` to pinned rows.

Literal selections narrow the rows of the reference; inputs select among what is left. For every value of a selecting
input there is one row, or a gap with its reason: nothing is chosen where two rows remain.

``per = unit`` lets an input name the unit that an amount is counted in. The amount is then a bare number, and the
factor is the emission of one such unit: its unit is what stands above the line (kgCO2e), whichever is selected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import product

from greenlang import units
from greenlang.errors import FactorNotFound, FormulaError, UnitError
from greenlang.factors import foreign
from greenlang.factors.foreign import Foreign, Target
from greenlang.factors.model import Factor
from greenlang.factors.table import FactorTable
from greenlang.formulas.tree import FactorCall, Lookup, Name, Node, Number, Text
from greenlang.resolution.plan import FactorLookup, Gap
from greenlang.specs.model import AgentSpec, InputSpec
from greenlang.specs.patterns import matches
from greenlang.specs.unit_words import read_unit

COLUMNS = frozenset(
    {
        "activity",
        "category",
        "gas",
        "per",
        "region",
        "vintage",
        "dataset",
        "boundary",
        "scope2_method",
        "calorific_basis",
        "quantity",
        "data_year",
        "publication_year",
    }
)
_ANY = "*"


def quantity(row: Factor) -> str:
    """Last segment of the key: ``co2-per-mmbtu``."""
    return row.key.rsplit("/", 1)[-1]


def cell(row: Factor, column: str) -> str:
    """A row's value in a selectable column, as text."""
    return quantity(row) if column == "quantity" else str(getattr(row, column))


class Pinner:
    """Pins the factor calls of one spec and collects the look-up tables."""

    def __init__(self, spec: AgentSpec, table: FactorTable) -> None:
        self.spec = spec
        self.table = table
        self.lookups: dict[str, FactorLookup] = {}
        self.rows: dict[str, tuple[Factor, ...]] = {}
        self.unresolved: dict[str, FactorNotFound] = {}
        self.foreign: dict[str, tuple[Foreign, Target | None]] = {}  # alias -> the reviewed entry, and what was taken
        for alias, ref in spec.factors.items():
            try:
                self.rows[alias] = table.resolve(ref.ref)
            except FactorNotFound as error:
                self._foreign(alias, ref.ref, error)

    def _foreign(self, alias: str, ref: str, error: FactorNotFound) -> None:
        """A reference of another store: what a reviewer found it to be, else unresolved."""
        found, respelt = foreign.find(ref), foreign.respelt(ref)
        meant = [(found[0], target) for target in found[1]] if found is not None else []
        for entry, target in [*meant, *([respelt] if respelt is not None else [])]:
            rows = self._meant(target)
            if rows:
                self.rows[alias] = rows
                self.foreign[alias] = (entry, target)
                return
        self.unresolved[alias] = error
        if found is not None:
            self.foreign[alias] = (found[0], None)

    def _meant(self, target: Target) -> tuple[Factor, ...]:
        """The rows of a reviewed meaning; none where the release does not hold them for certain."""
        try:
            rows = self.table.resolve(target.ref)
        except FactorNotFound:
            return ()
        if target.activity:
            wanted = self.table.match_activity(rows, target.activity)
            rows = tuple(r for r in rows if len(wanted) == 1 and r.activity in wanted)
        if target.region:
            wanted = self.table.match_region(rows, target.region)
            rows = tuple(r for r in rows if len(wanted) == 1 and r.region in wanted)
        return tuple(r for r in rows if all(cell(r, c).lower() == v.lower() for c, v in target.select))

    def factor(self, call: FactorCall) -> Lookup:
        """Pin one call. Raises FormulaError that says which column would decide."""
        if call.alias not in self.rows:
            if call.alias in self.unresolved:
                raise FormulaError(f"the reference of `{call.alias}` names no factor", offset=call.offset)
            known = ", ".join(f"`{a}`" for a in self.spec.factors) or "none"
            raise FormulaError(
                f"`{call.alias}` is no alias under `compute.factors` (there: {known})", offset=call.offset
            )
        literal: dict[str, str] = {}
        by_input: dict[str, str] = {}
        for column, node in call.select:
            self._selection(call, column, node, literal, by_input)
        rows = self.rows[call.alias]
        if "per" in by_input and "calorific_basis" in literal:  # a factor per litre has no heating value
            basis = literal.pop("calorific_basis").lower()
            rows = tuple(r for r in rows if r.calorific_basis.lower() in {basis, ""})
        rows = self._narrow(call, rows, literal)
        return self.pin(_name(call.alias, literal), rows, by_input, offset=call.offset)

    def _selection(
        self, call: FactorCall, column: str, node: Node, literal: dict[str, str], by_input: dict[str, str]
    ) -> None:
        if column not in COLUMNS:
            raise FormulaError(f"`{column}` is no column; there are {', '.join(sorted(COLUMNS))}", offset=call.offset)
        if isinstance(node, Text):
            literal[column] = node.value
        elif isinstance(node, Number):
            literal[column] = str(node.value)
        elif isinstance(node, Name):
            name = node.name.removeprefix("input.")
            item = self.spec.inputs.get(name)
            if item is None:
                raise FormulaError(f"`{node.name}` is no input, so it cannot select a row", offset=node.offset)
            if item.dtype not in {"string", "int32"}:
                raise FormulaError(
                    f"`{name}` is a {item.dtype}; a row is selected by a text or a whole number",
                    offset=node.offset,
                )
            by_input[column] = name
        else:
            raise FormulaError("a row is selected by a text or by an input", offset=node.offset)

    def _narrow(self, call: FactorCall, rows: tuple[Factor, ...], literal: dict[str, str]) -> tuple[Factor, ...]:
        for column, value in literal.items():
            if column == "activity":
                wanted = self.table.match_activity(rows, value)
                if len(wanted) > 1:
                    raise FormulaError(
                        f'activity "{value}" fits {len(wanted)} rows of `{call.alias}`: {", ".join(wanted[:6])}',
                        offset=call.offset,
                    )
                left = tuple(r for r in rows if r.activity in wanted)
            else:
                left = tuple(r for r in rows if cell(r, column).lower() == value.lower())
            if not left:
                there = ", ".join(sorted({cell(r, column) for r in rows})[:8])
                raise FormulaError(
                    f'`{call.alias}` has no row with {column} = "{value}" (there: {there})',
                    offset=call.offset,
                )
            rows = left
        return rows

    def pin(self, name: str, rows: Iterable[Factor], by_input: dict[str, str], *, offset: int = 0) -> Lookup:
        """Pin rows under a name, selected by inputs (column -> input). Returns the node that reads them."""
        rows = tuple(rows)
        kinds = sorted({_above(r.unit) if "per" in by_input else r.unit for r in rows})
        if len(kinds) > 1:
            shown = ", ".join(kinds[:6])
            raise FormulaError(f"`{name}` mixes rows in {shown}: {_differ(list(rows))}", offset=offset)
        inputs = tuple(by_input.values())
        picked, gaps = self._pick(name, rows, by_input, offset)
        if not picked:
            raise FormulaError(f"`{name}`: {gaps[0].reason}" if gaps else f"`{name}` has no row", offset=offset)
        unit = kinds[0]
        units.parse_unit(unit)
        free, number = name, 1
        while True:
            made = FactorLookup(free, inputs, unit, picked, tuple(gaps), _label(free))
            if self.lookups.setdefault(free, made) == made:
                return Lookup(free, inputs, offset=offset, unit=unit)
            number += 1  # other rows have that name
            free = f"{name}_{number}"

    def _pick(
        self, name: str, rows: tuple[Factor, ...], by_input: dict[str, str], offset: int
    ) -> tuple[dict[tuple[str, ...], Factor], list[Gap]]:
        if not by_input:
            if len(rows) > 1:
                shown = ", ".join(r.key.split("/", 3)[-1] for r in rows[:6])
                raise FormulaError(
                    f"`{name}` fits {len(rows)} rows ({shown}{', ...' if len(rows) > 6 else ''}): select one",
                    offset=offset,
                )
            return {(): rows[0]}, []
        choices: list[dict[str, tuple[str, ...]]] = []
        gaps: list[Gap] = []
        for column, input_name in by_input.items():
            found = self._values(rows, column, self.spec.inputs[input_name])
            good: dict[str, tuple[str, ...]] = {value: cells for value, cells in found.items() if len(cells) == 1}
            gaps.extend(
                self._gap(rows, column, input_name, value, cells) for value, cells in found.items() if len(cells) != 1
            )
            if not self.spec.inputs[input_name].enum:
                only = ", ".join(sorted(good)[:6])
                gaps.append(
                    Gap(
                        ((input_name, _ANY),),
                        f"the references hold {only} only" if only else "nothing is covered",
                    )
                )
            choices.append(good)
        picked: dict[tuple[str, ...], Factor] = {}
        for key in product(*choices):
            cells = [choices[i][value][0] for i, value in enumerate(key)]
            left = [r for r in rows if all(cell(r, c) == v for c, v in zip(by_input, cells, strict=True))]
            where = tuple(zip(by_input.values(), key, strict=True))
            if len(left) == 1:
                picked[key] = left[0]
            elif left:
                gaps.append(Gap(where, f"{len(left)} rows remain: {_differ(left)}", tuple(r.key for r in left)))
            else:
                gaps.append(Gap(where, "the references hold no such row"))
        return picked, gaps

    def _values(self, rows: tuple[Factor, ...], column: str, item: InputSpec) -> dict[str, tuple[str, ...]]:
        """Value of the input -> the cells it means."""
        cells = tuple(dict.fromkeys(cell(r, column) for r in rows))
        if not item.enum:
            allowed = [c for c in cells if not item.pattern or matches(item.pattern, c)]
            return {c: (c,) for c in allowed}
        if column == "activity":
            return {str(v): self.table.match_activity(rows, str(v)) for v in item.enum}
        if column == "region":
            return {str(v): self.table.match_region(rows, str(v)) for v in item.enum}
        if column == "per":
            return {str(v): tuple(c for c in cells if _same_unit(c, str(v))) for v in item.enum}
        return {str(v): tuple(c for c in cells if c.lower() == str(v).lower()) for v in item.enum}

    def _gap(self, rows: tuple[Factor, ...], column: str, input_name: str, value: str, cells: tuple[str, ...]) -> Gap:
        tables = ", ".join(sorted({"ef://" + "/".join(r.key.split("/")[:3]) for r in rows}))
        if cells:
            reason = f"`{value}` fits {len(cells)} rows of {tables}: {', '.join(cells)}"
            return Gap(((input_name, value),), reason, cells)
        there = sorted({cell(r, column) for r in rows})
        near = get_close_matches(value.lower().replace("_", "-"), there, n=3, cutoff=0.5)
        hint = f"nearest: {', '.join(near)}" if near else f"there: {some(there)}"
        return Gap(((input_name, value),), f"`{value}` stands in none of the references ({tables}; {hint})")


def some(values: Sequence[str]) -> str:
    """The first few of many, and that there are more."""
    return ", ".join([*values[:6], *(["..."] if len(values) > 6 else [])])


def _above(unit: str) -> str:
    """What stands above the line: ``kgCO2e/litre`` -> kgCO2e."""
    return unit.split("/", 1)[0]


def _same_unit(cell_: str, value: str) -> bool:
    """Whether a value of an input is the very unit that a row is per, however either is spelt."""
    unit = read_unit(value).unit
    try:
        return bool(unit) and bool(units.parse_unit(unit) == units.parse_unit(cell_))
    except UnitError:
        return False


def _differ(rows: list[Factor]) -> str:
    """What tells rows apart, as a person would select it."""
    parts = []
    for column in ("gas", "per", "boundary", "region", "activity", "calorific_basis", "scope2_method", "quantity"):
        found = sorted({cell(r, column) for r in rows})
        if len(found) > 1:
            parts.append(f"{column} is {', '.join(found[:6])}")
    first = parts[0].split(" is ") if parts else ["", ""]
    hint = f'; add {first[0]} = "{first[1].split(", ")[0]}"' if parts else ""
    return "; ".join(parts[:2]) + hint


def _name(alias: str, literal: dict[str, str]) -> str:
    words = [
        alias,
        *(literal[c] for c in ("gas", "activity", "boundary", "quantity", "region") if c in literal),
    ]
    return re.sub(r"[^a-z0-9]+", "_", "_".join(words).lower()).strip("_")


def _label(name: str) -> str:
    return name.replace("_", " ")
