"""The GWP set behind outputs in CO2e.

An output in CO2e rests on pinned rows (which state a set, or do not), or on figures of the caller alone: then its basis
is the caller's too, and no spec could state it. A row that states none leaves the output without a basis, whatever set
the spec asks for: that costs score, and is the publisher's to mend. What the spec asks for (`gwp_set`) binds: a row of
another set, or rows of several sets behind one output, is a fault, whatever else is right.

Belongs here: which output rests on what. Does not belong here: choosing rows (`greenlang.resolution`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.factory.parameters import parameter_tables
from greenlang.formulas.tree import Lookup, Name, walk
from greenlang.quality.measures.results import inapplicable, none, share
from greenlang.quality.measures.subject import Subject
from greenlang.resolution.plan import Resolution

ONE_SET, STATED = "one GWP set", "basis of CO2e"
_UNSTATED = frozenset({"", "unstated"})
_SETS = ("sar", "ar4", "ar5", "ar6")


@dataclass(frozen=True, slots=True)
class _Output:
    """An output in CO2e: what the spec asks for, and what the rows and potentials behind it state."""

    name: str
    asked: str
    rows: tuple[str, ...]

    @property
    def sets(self) -> set[str]:
        """The sets that are stated, the horizon only where both name it."""
        return {row for row in self.rows if row not in _UNSTATED}


def one_set(subject: Subject) -> MeasureResult:
    """Outputs on rows of one set, which is the spec's where it asks for one."""
    outputs = [output for output in _outputs(subject) if output.sets]
    if not outputs:
        return inapplicable(ONE_SET, "no output in CO2e rests on a row that states its set")
    wrong = []
    for output in outputs:
        sets = sorted(output.sets)
        if not all(_alike(sets[0], other) for other in sets[1:]):
            wrong.append(Detail(f"{output.name} rests on {', '.join(sets)}", rule="basis"))
        elif output.asked and not all(_alike(output.asked, one) for one in sets):
            wrong.append(Detail(f"{output.name} rests on {sets[0]}, the spec asks for {output.asked}", rule="basis"))
    return none(ONE_SET, wrong, "outputs on unlike sets")


def stated(subject: Subject) -> MeasureResult:
    """Outputs whose set is stated, of those that rest on rows or on a set that the spec asks for."""
    every = list(_outputs(subject))
    if not every:
        return inapplicable(STATED, "no output is in CO2e")
    counted = [output for output in every if output.rows or output.asked]
    if not counted:
        said = "every figure in CO2e is made of figures that the caller gives, and its potentials are the caller's"
        return inapplicable(STATED, said)
    silent = [output.name for output in counted if _UNSTATED & set(output.rows)]
    details = [
        Detail(f"{name}: no global warming potentials are stated behind it", rule="basis", level="warning")
        for name in silent
    ]
    return share(STATED, len(counted) - len(silent), len(counted), "outputs in CO2e", silent, details)


def _outputs(subject: Subject) -> Iterator[_Output]:
    for part in subject.case.resolution.flat:
        for name, port in part.spec.outputs.items():
            if name in part.plans and port.numeric and "co2e" in port.unit.lower():
                yield _Output(name, part.spec.gwp_set or "", _rows(part, name))


def _rows(part: Resolution, output: str) -> tuple[str, ...]:
    """The set of every CO2e row and of every potential that an output, and those that it uses, can read."""
    tables = _tables(part, output, set())
    found = [
        row.gwp_set or _potential(row.key)
        for table in sorted(tables)
        for row in part.lookups[table].rows.values()
        if "co2e" in row.unit.lower()
    ]
    return tuple(found or ([""] if parameter_tables(part) else []))


def _tables(part: Resolution, output: str, seen: set[str]) -> set[str]:
    """The look-ups of an output, and of the outputs that it uses."""
    seen.add(output)
    found: set[str] = set()
    for node in walk(part.plans[output].expression):
        if isinstance(node, Lookup):
            found.add(node.table)
        elif isinstance(node, Name) and node.kind == "output" and node.name not in seen and node.name in part.plans:
            found |= _tables(part, node.name, seen)
    return found


def _potential(key: str) -> str:
    """The set that a row of potentials names in its key: ``ipcc/ar5/gwp/ch4``."""
    return next((word.upper() for word in key.lower().split("/") if word in _SETS), "")


def _alike(one: str, other: str) -> bool:
    """Whether two names mean one set; a name without horizon fits every horizon."""
    short, long = sorted((one.upper(), other.upper()), key=len)
    return long.startswith(short)
