"""Matching outputs to formulas of the library: by units, factors and names; never by liking.

A formula applies if every one of its symbols binds: an input symbol to exactly one numeric input of its dimension, a
factor symbol to rows of the spec's own references (one row for each value of the selecting inputs), a GWP symbol to
the spec's GWP set, a parameter to the input of its name or else to its declared default, a constant to its cited value.
What is left open is said in `Candidate.reason`.

Outputs with `names` are meant to be matched by them. Any other output of the library is matched by its key and meaning,
which proves nothing: such a match counts only where a golden case tells its number (`by_meaning`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from greenlang import units
from greenlang.errors import FactorNotFound, FormulaError
from greenlang.factors.model import Factor
from greenlang.formulas.library import FormulaLibrary, FormulaSymbol, LibraryFormula
from greenlang.formulas.tree import Lookup, Name, Node
from greenlang.resolution.held import own_value, tree_of, used_symbols
from greenlang.resolution.pin import Pinner, some
from greenlang.resolution.prose_words import CARRIERS
from greenlang.specs.model import AgentSpec, InputSpec, OutputSpec

_ONE_OF = {
    "vintage": "the vintages",
    "calorific_basis": "heating values",
    "boundary": "the boundaries",
    "scope2_method": "the methods",
    "gwp_set": "the GWP sets",
}
NO_INPUT = "no input is"
_NET = frozenset({"lhv", "net", "lower", "ncv"})
_GROSS = frozenset({"hhv", "gross", "higher", "gcv"})
_REGION_WORDS = frozenset({"country", "region", "state", "subregion", "grid", "location"})
_SCOPE = re.compile(r"(?<![a-z])scope[ _-]?([123])(?![0-9])")
_GWP = re.compile(r"(SAR|TAR|AR[456])(?:AR)?GWP(20|100|500)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A formula that fits an output, or nearly. ``reason`` is empty if everything binds."""

    formula: LibraryFormula
    output: str  # the formula's output
    bound: dict[str, Node] = field(default_factory=dict)
    inputs: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()  # symbols that keep the value that the formula itself declares
    reason: str = ""
    by_meaning: bool = False  # no reviewer gave names to the output

    @property
    def label(self) -> str:
        """One line for reports."""
        tail = f": {self.reason}" if self.reason else ""
        return f"{self.formula.id} ({self.formula.outputs[self.output].expression}){tail}"


def words(name: str) -> frozenset[str]:
    """The words of a name: ``co2e_emissions_kg`` -> co2e, emissions, kg; plurals without their s."""
    parts = re.findall(r"[a-z]+[0-9]*[a-z]*|[0-9]+", name.lower())
    return frozenset(p[:-1] if len(p) > 3 and p.endswith("s") else p for p in parts)


_SMALL = words("a an and as at by for from into is it its of on one or over per that the to which with")
# units, and words that change no number
_PLAIN = words(
    "kg g t tonne lb kwh mwh mj gj mmbtu litre liter l gallon m3 km mile tkm pkm vkm usd eur gbp "
    "total used result amount scope scope1 scope2 scope3"
)


def candidates(spec: AgentSpec, output: OutputSpec, library: FormulaLibrary, pinner: Pinner) -> list[Candidate]:
    """Every formula output of the right dimension and name, bound as far as it goes."""
    out: list[Candidate] = []
    for formula in library.matched():
        for name, declared in formula.outputs.items():
            if not units.same_dimension(declared.unit, output.unit):
                continue
            if not words(output.name) & frozenset().union(*(words(n) for n in declared.names)):
                continue
            out.append(_bind(spec, formula, name, pinner))
    return [*out, *_meant(spec, output, library, pinner)]


def _meant(spec: AgentSpec, output: OutputSpec, library: FormulaLibrary, pinner: Pinner) -> Iterator[Candidate]:
    """The outputs without names that bind whole, by what they and their symbols mean."""
    asked = words(output.name) - _PLAIN
    takes = {i.unit for i in spec.inputs.values() if i.numeric and i.unit}
    if not asked or not takes:
        return
    for formula in library.alike(asked, output.unit, takes):
        alike = Counter((s.gas, units.dimension(s.unit)) for s in formula.symbols.values() if s.origin == "factor")
        if any(count > 1 for count in alike.values()):
            continue  # one reference would be taken for two different factors
        for name, declared in formula.outputs.items():
            if declared.names or not units.same_dimension(declared.unit, output.unit):
                continue
            if asked & _said(name, declared.meaning):
                found = _bind(spec, formula, name, pinner, by_meaning=True)
                if not found.reason:
                    yield found


def _said(name: str, meaning: str) -> frozenset[str]:
    """The words of a key and of what it means."""
    return (words(name) | words(meaning)) - _SMALL


def _bind(
    spec: AgentSpec, formula: LibraryFormula, output: str, pinner: Pinner, *, by_meaning: bool = False
) -> Candidate:
    bound: dict[str, Node] = {}
    used: set[str] = set()
    notes: list[str] = []
    kept: list[str] = []
    try:
        needed = used_symbols(formula, tree_of(formula, output))
        needs_factors = any(s.origin == "factor" for s in needed.values())
        # a parameter may take any input of its name, so the inputs proper choose before it
        for name, symbol in sorted(needed.items(), key=lambda item: item[1].origin == "parameter"):
            own = own_value(symbol)
            if symbol.type == "table":
                raise FormulaError(f"it sums over the table {name} ({symbol.meaning}): name it by its id")
            if symbol.type != "number":
                item = _chosen(spec, name, symbol, taken=used)
                bound[name] = Name(item.name)
                used.add(item.name)
            elif symbol.origin == "input":
                by_name = by_meaning or not needs_factors
                item = _input(spec, name, symbol, by_name=by_name, taken=used, by_meaning=by_meaning)
                bound[name] = Name(item.name)
                used.add(item.name)
            elif symbol.origin == "factor":
                bound[name] = _factor(spec, name, symbol, pinner, notes)
            elif symbol.origin == "gwp":
                bound[name] = _gwp(spec, name, symbol, pinner, notes)
            elif symbol.origin == "parameter" and (items := _fitting(spec, name, symbol, by_name=True, taken=used)):
                bound[name] = Name(_one(items, symbol).name)
                used |= {i.name for i in items}
            elif own is not None:
                bound[name] = own
                kept.append(name)
            else:
                raise FormulaError(f"{NO_INPUT} its {symbol.meaning} ({symbol.unit})")
    except FormulaError as error:
        return Candidate(formula, output, reason=str(error))
    noted = tuple(dict.fromkeys(notes))
    return Candidate(formula, output, bound, frozenset(used), noted, tuple(kept), by_meaning=by_meaning)


def heating_value(spec: AgentSpec, candidate: Candidate, rows: list[Factor]) -> str:
    """Why an input that says "net" cannot meet factors per gross heating value, or the other way; empty if it can."""
    for name in sorted(candidate.inputs):
        item = spec.inputs[name]
        told = words(item.name) | words(item.description)
        for basis, against in (("HHV", _NET), ("LHV", _GROSS)):
            if told & against and any(r.calorific_basis == basis for r in rows):
                other = "gross" if basis == "HHV" else "net"
                said = ", ".join(sorted(told & against))
                return f"`{name}` is said to be {said}, the factors are per {other} heating value"
    return ""


def of_another(spec: AgentSpec, output: OutputSpec, candidate: Candidate, rows: list[Factor], pinner: Pinner) -> str:
    """Why the factors are of another fuel than the input, or of another scope than the output; empty if of the same."""
    rows = [r for r in rows if r.dataset != "gwp"]
    scopes = sorted({r.scope for r in rows} - {""})
    said = _SCOPE.search(f"{output.name} {output.description}".lower())
    if said and scopes and said[1] not in scopes:
        return f"`{output.name}` is of scope {said[1]}, the factors are of scope {' and '.join(scopes)}"
    there = frozenset().union(*(words(r.key) for r in rows))
    for name in sorted(candidate.inputs):
        kinds = [kind for kind in CARRIERS if words(name) & kind]
        told = any(kind & there or any(pinner.table.match_activity(rows, w) for w in kind) for kind in kinds)
        if rows and kinds and not told:
            return f"`{name}` is not said to be of {', '.join(sorted({r.activity for r in rows}))}"
    return ""


def unknown_words(spec: AgentSpec, output: str, candidate: Candidate) -> frozenset[str]:
    """Words of the matched names that the formula does not know: ``annual`` where it computes no year.

    A word of the output is known by the formula's own output, or by an input that it takes (``fuel_co2e`` of ``fuel``).
    """
    formula, declared = candidate.formula, candidate.formula.outputs[candidate.output]
    own = frozenset().union(words(candidate.output), *(words(n) for n in declared.names))
    symbols = frozenset().union(*(words(n) for key, s in formula.symbols.items() for n in (key, *s.names)))
    selecting = {n for node in candidate.bound.values() if isinstance(node, Lookup) for n in node.inputs}
    taken = frozenset().union(*(words(n) for n in candidate.inputs | selecting))
    # a text is known by its values
    numbers = [words(n) for n in candidate.inputs if not spec.inputs[n].enum]
    named = frozenset().union(*numbers)
    if len(numbers) == 1:
        named -= words(output)  # the annual emissions of an annual consumption
    return (words(output) - own - taken - _PLAIN) | (named - symbols - own - _PLAIN)


def _input(
    spec: AgentSpec, name: str, symbol: FormulaSymbol, *, by_name: bool, taken: set[str], by_meaning: bool = False
) -> InputSpec:
    fits = _fitting(spec, name, symbol, by_name=by_name, taken=taken, by_meaning=by_meaning)
    if not fits:
        raise FormulaError(f"{NO_INPUT} its {symbol.meaning} ({symbol.unit})")
    return _one(fits, symbol)


def _chosen(spec: AgentSpec, name: str, symbol: FormulaSymbol, *, taken: set[str]) -> InputSpec:
    """The input that is a text or truth value: every value that it allows is one that the symbol knows."""
    dtype = "bool" if symbol.type == "truth" else "string"
    known = frozenset().union(*(words(n) for n in (*symbol.names, name)))
    fits = [
        i
        for i in spec.inputs.values()
        if i.dtype == dtype
        and i.name not in taken
        and (i.enum and set(map(str, i.enum)) <= set(symbol.enum) if symbol.enum else words(i.name) & known)
    ]
    if not fits:
        one_of = f" (one of {', '.join(symbol.enum)})" if symbol.enum else ""
        raise FormulaError(f"{NO_INPUT} its {symbol.meaning}{one_of}")
    near = [i for i in fits if words(i.name) & known]
    return _one(near if len(near) == 1 else fits, symbol)


def _one(fits: list[InputSpec], symbol: FormulaSymbol) -> InputSpec:
    if len(fits) > 1:
        raise FormulaError(f"{' and '.join(i.name for i in fits)} both fit its {symbol.meaning}")
    return fits[0]


def _fitting(
    spec: AgentSpec, name: str, symbol: FormulaSymbol, *, by_name: bool, taken: set[str], by_meaning: bool = False
) -> list[InputSpec]:
    """The free inputs of a symbol's dimension; where several are, or it is asked, those that share a word with it.

    Of several, the one that has all the words of one of its names; by meaning, the one whose words all stand in it.
    """
    fits = [
        i
        for i in spec.inputs.values()
        if i.numeric and i.unit and i.name not in taken and units.same_dimension(i.unit, symbol.unit)
    ]
    if not by_name and len(fits) <= 1:
        return fits
    if by_meaning:
        said = _said(name, symbol.meaning).union(*(words(n) for n in symbol.names))
        near = [i for i in fits if words(i.name) & said]
        whole = [i for i in near if words(i.name) - _PLAIN <= said]
        return whole or near
    near = [i for i in fits if words(i.name) & frozenset().union(*(words(n) for n in (*symbol.names, name)))]
    whole = [i for i in near if any(words(n) <= words(i.name) for n in (*symbol.names, name))]
    return whole if len(whole) == 1 else near


def _factor(spec: AgentSpec, name: str, symbol: FormulaSymbol, pinner: Pinner, notes: list[str]) -> Lookup:
    rows = [
        r
        for alias in spec.factors
        for r in pinner.rows.get(alias, ())
        if r.gas == symbol.gas and r.dataset != "gwp" and units.same_dimension(r.unit, symbol.unit) and not r.biogenic
    ]
    if not rows:
        raise FormulaError(f"none of the references holds its {symbol.meaning} ({symbol.unit})")
    for column, what in _ONE_OF.items():
        found = sorted({str(getattr(r, column)) for r in rows if getattr(r, column)})
        if len(found) > 1:
            raise FormulaError(f"its {symbol.meaning} would mix {what} {' and '.join(found)}")
    exact = (
        [r for r in rows if units.parse_unit(r.per) == units.parse_unit(symbol.unit.split("/", 1)[-1])]
        if "/" in symbol.unit
        else []
    )
    rows = exact or rows
    by_input: dict[str, str] = {}
    if len({r.activity for r in rows}) > 1:
        by_input["activity"] = _selector(spec, rows, pinner)
    region = [i.name for i in spec.inputs.values() if i.dtype == "string" and words(i.name) & _REGION_WORDS]
    if len(region) == 1:
        by_input["region"] = region[0]
    elif len({r.region for r in rows}) > 1:
        raise FormulaError(f"rows of several regions fit its {symbol.meaning}, and no input selects one")
    where = sorted({f"ef://{'/'.join(r.key.split('/')[:3])}" for r in rows})
    notes.append(
        f"{symbol.meaning}: {', '.join(where)}" + (f", selected by {', '.join(by_input.values())}" if by_input else "")
    )
    notes.extend(
        f"the factors are per {'gross (higher)' if b == 'HHV' else 'net (lower)'} heating value: so must the energy be"
        for b in sorted({r.calorific_basis for r in rows} - {""})
    )
    return pinner.pin(name, rows, by_input)


def _selector(spec: AgentSpec, rows: list[Factor], pinner: Pinner) -> str:
    """The one string input whose enum names activities of the rows."""
    fits = [
        i.name
        for i in spec.inputs.values()
        if i.dtype == "string" and any(pinner.table.match_activity(tuple(rows), str(v)) for v in i.enum)
    ]
    if len(fits) > 1:
        raise FormulaError(f"{' and '.join(fits)} could both select the row")
    if not fits:
        among = [a for a in spec.factors if any(r in rows for r in pinner.rows.get(a, ()))]
        if len(among) > 1:
            raise FormulaError(
                f"the references {' and '.join(f'`{a}`' for a in among)} fit alike: write which in a formula"
            )
        raise FormulaError(f"no input's enum names the rows of the table ({some(sorted({r.activity for r in rows}))})")
    return fits[0]


def _gwp(spec: AgentSpec, name: str, symbol: FormulaSymbol, pinner: Pinner, notes: list[str]) -> Lookup:
    own = [r for a in spec.factors for r in pinner.rows.get(a, ()) if r.dataset == "gwp"]
    rows = [r for r in own if r.activity == symbol.activity and r.gas == symbol.gas]
    if rows:
        notes.append(f"{symbol.meaning}: the spec's own reference {rows[0].ref}")
    elif own:
        raise FormulaError(f"the GWP reference of the spec does not hold its {symbol.meaning}")
    elif spec.gwp_set is None or not (match := _GWP.fullmatch(spec.gwp_set)) or match[2] != "100":
        raise FormulaError(f"neither a reference nor `provenance.gwp_set` states its {symbol.meaning}")
    else:
        try:
            rows = list(pinner.table.resolve(f"ef://ipcc/gwp/{match[1].lower()}/{symbol.activity}"))
        except FactorNotFound as error:
            raise FormulaError(str(error)) from None
        notes.append(f"{symbol.meaning}: {rows[0].ref}, because provenance.gwp_set is {spec.gwp_set}")
    wanted = f"{spec.gwp_set}" if spec.gwp_set else ""
    rows = [r for r in rows if not wanted or r.gwp_set == wanted] or rows
    return pinner.pin(name, rows, {})
