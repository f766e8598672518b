"""The formula library: cited formulas as YAML under ``emission_factors/formulas/<domain>/*.yaml``.

A formula declares its symbols (where each comes from, in which unit), its outputs (unit, expression over symbols and
earlier outputs, words a matching output's name may hold), a citation, and worked vectors. Everything is parsed,
unit-checked and run against its vectors when the library is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from greenlang import _paths
from greenlang.errors import FormulaError, UnitError
from greenlang.formulas.check import Scope, Symbol, check, fit
from greenlang.formulas.evaluate import Value, evaluate
from greenlang.formulas.parse import parse
from greenlang.formulas.show import show
from greenlang.formulas.tree import Arithmetic, Call, Compare, FactorCall, If, Logic, Name, Negate, Node, Not
from greenlang.specs.source import parse as parse_yaml

_Decimal = Annotated[Decimal, BeforeValidator(lambda v: Decimal(v) if isinstance(v, int) else v)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Citation(_Part):
    """Where a formula is published."""

    document: str
    locator: str


class FormulaSymbol(_Part):
    """A symbol. ``origin``: an input of the agent, a factor row of its references, or a GWP of its GWP set."""

    origin: Literal["input", "factor", "gwp"]
    unit: str
    meaning: str
    gas: str = ""
    activity: str = ""
    names: tuple[str, ...] = ()


class FormulaOutput(_Part):
    """An output: its unit, its expression, and the words that name it in specs."""

    unit: str
    expression: str
    names: tuple[str, ...]


class WorkedVector(_Part):
    """A worked case with its source. ``tol`` is relative."""

    source: str
    given: dict[str, _Decimal]
    expect: dict[str, _Decimal]
    tol: _Decimal = Decimal("1e-9")


class LibraryFormula(_Part):
    """One formula of the library."""

    id: str
    name: str
    domain: str
    citation: Citation
    note: str = ""
    symbols: dict[str, FormulaSymbol]
    outputs: dict[str, FormulaOutput]
    vectors: tuple[WorkedVector, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the declaration."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def trees(self) -> dict[str, Node]:
        """The unchecked tree of each output."""
        return {name: parse(out.expression) for name, out in self.outputs.items()}


class FormulaLibrary:
    """All formulas, by id. ``digest`` covers them all."""

    def __init__(self, formulas: dict[str, LibraryFormula]) -> None:
        self.formulas = dict(sorted(formulas.items()))
        lines = "".join(f"{k}:{f.digest}\n" for k, f in self.formulas.items())
        self.digest = hashlib.sha256(lines.encode()).hexdigest()

    def __iter__(self) -> Iterator[LibraryFormula]:
        return iter(self.formulas.values())

    def __len__(self) -> int:
        return len(self.formulas)

    def get(self, formula_id: str) -> LibraryFormula | None:
        """The formula with that id."""
        return self.formulas.get(formula_id)

    def rows(self) -> list[dict[str, str]]:
        """One row an output, for the `formulas` table."""
        return [
            {
                "id": f.id,
                "domain": f.domain,
                "name": f.name,
                "outputs": name,
                "unit": out.unit,
                "expression": show(parse(out.expression)),
                "citation": f"{f.citation.document}, {f.citation.locator}",
                "digest": f.digest,
            }
            for f in self
            for name, out in f.outputs.items()
        ]


@cache
def library() -> FormulaLibrary:
    """The embedded library, checked; loaded once a process."""
    return load(_paths.data() / "emission_factors" / "formulas")


def load(folder: Path) -> FormulaLibrary:
    """Read and prove every formula below a folder. Raises FormulaError with file and formula."""
    out: dict[str, LibraryFormula] = {}
    for path in sorted(folder.glob("*/*.yaml")):
        document = parse_yaml(path.read_bytes())
        if document.diagnostics:
            raise FormulaError(f"{path.name}: {document.diagnostics[0].message}")
        for raw in document.value.get("formulas", []):
            formula = _formula(raw, path)
            if formula.id in out:
                raise FormulaError(f"{path.name}: {formula.id} stands twice")
            prove(formula)
            out[formula.id] = formula
    return FormulaLibrary(out)


def _formula(raw: Any, path: Path) -> LibraryFormula:
    try:
        return LibraryFormula.model_validate(_tuples(raw))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise FormulaError(f"{path.name}: {raw.get('id', '?')}: {where}: {first['msg']}") from None


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _tuples(v) for k, v in value.items()}
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def prove(formula: LibraryFormula) -> None:
    """Check the units of every output and reproduce every worked vector. Raises FormulaError with both numbers."""
    symbols = {n: Symbol(n, "symbol", "number", s.unit) for n, s in formula.symbols.items()}
    trees: dict[str, Node] = {}
    for name, out in formula.outputs.items():
        try:
            trees[name] = fit(check(parse(out.expression), Scope(symbols)), out.unit)
        except (FormulaError, UnitError) as error:
            raise FormulaError(f"{formula.id}: {name}: {error}") from None
        symbols[name] = Symbol(name, "symbol", "number", out.unit)
    if not formula.vectors:
        raise FormulaError(f"{formula.id} has no worked vector")
    for vector in formula.vectors:
        values: dict[str, Value] = dict(vector.given)
        for name, tree in trees.items():
            got = evaluate(tree, values, {})
            values[name] = got
            wanted = vector.expect.get(name)
            assert isinstance(got, Decimal)
            if wanted is not None and abs(got - wanted) > vector.tol * abs(wanted):
                raise FormulaError(f"{formula.id}: {vector.source}: {name} is {got}, published {wanted}")


def substitute(node: Node, mapping: dict[str, Node]) -> Node:
    """A tree with names replaced by trees."""
    match node:
        case Name(name=name):
            return mapping.get(name, node)
        case Negate(operand=x) | Not(operand=x):
            return replace(node, operand=substitute(x, mapping))
        case Arithmetic(left=a, right=b) | Compare(left=a, right=b) | Logic(left=a, right=b):
            return replace(node, left=substitute(a, mapping), right=substitute(b, mapping))
        case Call(arguments=args):
            return replace(node, arguments=tuple(substitute(a, mapping) for a in args))
        case If(condition=c, then=a, otherwise=b):
            return replace(
                node,
                condition=substitute(c, mapping),
                then=substitute(a, mapping),
                otherwise=substitute(b, mapping),
            )
        case FactorCall(select=select):
            return replace(node, select=tuple((k, substitute(v, mapping)) for k, v in select))
        case _:
            return node
