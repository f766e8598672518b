"""The calculation engine: a factor by the written rule, a formula with given inputs, a formula checked.

No language model, no chance and no clock: the same table, library, inputs and context give the same bytes.

Belongs here: the three calls of the engine, and how a result is put together. Does not belong here: files, settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Context, Decimal, localcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

from greenlang_sdk.decimals import calculation, round_output

from greenlang import __version__
from greenlang.calc import paper
from greenlang.calc.basis import ANY, Evaluator, Shares, Tagged, TaggedValues, shares_of, untagged
from greenlang.calc.binding import Bound, bind
from greenlang.calc.certificate import (
    ContextRecord,
    EngineRecord,
    ExpressionRecord,
    FormulaRecord,
    ReleaseRecord,
    ResultCertificate,
    seal,
)
from greenlang.calc.context import CalculationContext, check_context
from greenlang.calc.expression import validate_expression
from greenlang.calc.mistakes import Mistake, Refused, near
from greenlang.calc.quantity import BIOGENIC_CO2, power_of
from greenlang.calc.records import Citation, OutputRecord, Share, TableRecord, WorkedStep
from greenlang.calc.remarks import remarks
from greenlang.calc.result import CalculationResult, ValidationResult
from greenlang.calc.sourcing import Sources
from greenlang.errors import FormulaError
from greenlang.factors.table import FactorTable
from greenlang.formulas.declare import DOMAINS
from greenlang.formulas.library import FormulaLibrary, library
from greenlang.formulas.prove import CompiledFormula, compiled
from greenlang.formulas.tree import Name, Node, Sum, walk

if TYPE_CHECKING:
    from greenlang.factors.select import Selection, Selector

ENGINE = EngineRecord(
    name="greenlang.calc",
    version=__version__,
    arithmetic="decimal, 34 significant digits, half-even; outputs rounded once, half-even",
)
_WIDE = Context(prec=20_000)  # shares add up to the last digit, however large the value


class CalculationEngine:
    """Computes over one factor table and one formula library; both stay as they are."""

    def __init__(
        self,
        table: FactorTable | None = None,
        formulas: FormulaLibrary | None = None,
        *,
        selector: Selector | None = None,
    ) -> None:
        self.table = table if table is not None else FactorTable.load()
        self.formulas = formulas if formulas is not None else library()
        self._given_selector = selector
        self.sources = Sources(self.table, lambda: self.selector)

    @cached_property
    def selector(self) -> Selector:
        """The selection rule over the table; its indexes are built when it is first asked."""
        from greenlang.factors.select import Selector

        return self._given_selector or Selector(self.table)

    def get_emission_factor(
        self,
        activity: str = "",
        region: str | None = None,
        year: int | None = None,
        source: str | None = None,
        *,
        fuel_type: str = "",
        **said: Any,
    ) -> Selection:
        """The one factor that the selection rule gives for an activity (or ``fuel_type``), with every step of it.

        ``said`` are further fields of `greenlang.factors.select.Request`: gas, per, gwp_set, boundary,
        scope2_method, ... Raises SelectionRefused, which carries candidates, steps and what was rejected, and
        TypeError for a field that a request does not have or if the activity is named not once.
        """
        from greenlang.factors.select import Request

        if bool(activity) == bool(fuel_type):
            raise TypeError("name the activity once: activity or fuel_type")
        return self.selector.select(
            Request(activity=activity or fuel_type, region=region, year=year, source=source, **said)
        )

    def calculate(
        self, formula_id: str, inputs: Mapping[str, Any], context: CalculationContext | None = None
    ) -> CalculationResult:
        """Compute a formula of the library. Mistakes come back as ``errors``, all of them, and nothing is computed.

        ``inputs`` maps symbols to numbers (Decimal, int, text; a float counts as the shortest text that names it), with
        a unit where it is not the declared one ("12.5 kWh", `Quantity`), to texts, truth values, rows of a table,
        ``ef://`` references, requests to the selection rule, or `Override`.
        """
        with calculation():  # whatever the caller's decimal context is
            return self._calculate(formula_id, inputs, context or CalculationContext())

    def _calculate(self, formula_id: str, inputs: Mapping[str, Any], context: CalculationContext) -> CalculationResult:
        formula, mistakes = self._formula(formula_id)
        mistakes += check_context(context, self.table.release, self.sources.gwp_sets)
        if formula is None or mistakes:
            return _failed(formula_id, mistakes)
        bound = bind(formula.formula, inputs, context, self.sources)
        if bound.mistakes:
            return _failed(formula_id, bound.mistakes, bound.warnings)
        return _Work(self.table, formula, bound, context).result()

    def validate_formula(
        self, formula: str, inputs: Mapping[str, Any] | None = None, context: CalculationContext | None = None
    ) -> ValidationResult:
        """Whether a formula holds and the inputs suit it, with every mistake as a value.

        ``formula`` is the id of one in the library, or the text of an expression; then ``inputs`` maps its names to
        quantities, units or texts. Without inputs only the formula is checked, and without a context nothing is said
        about what a context would have to name.
        """
        named = formula.partition("/")[0]
        if formula not in self.formulas and (named not in DOMAINS or named in (inputs or {})):
            return validate_expression(formula, inputs or {}, self.formulas.tables)
        found, mistakes = self._formula(formula)
        if context is not None:
            mistakes += check_context(context, self.table.release, self.sources.gwp_sets)
        if found is None:
            return ValidationResult(valid=False, mistakes=tuple(mistakes))
        units = {name: output.unit for name, output in found.formula.outputs.items()}
        warnings: list[str] = []
        if inputs is not None:
            with calculation():
                bound = bind(found.formula, inputs, context or CalculationContext(), self.sources)
            warnings = bound.warnings
            mistakes += [m for m in bound.mistakes if context is not None or not m.place.startswith("context.")]
        return ValidationResult(valid=not mistakes, mistakes=tuple(mistakes), outputs=units, warnings=tuple(warnings))

    def _formula(self, formula_id: str) -> tuple[CompiledFormula | None, list[Mistake]]:
        try:
            formula = self.formulas.get(formula_id)
            if formula is not None:
                return compiled(formula), []
        except FormulaError as error:
            return None, [Mistake("broken_formula", "formula", str(error))]
        hint = near(formula_id, self.formulas.pieces)
        return None, [Mistake("unknown_formula", "formula", f"there is no formula `{formula_id}`", hint)]


class _Work:
    """One calculation, from bound symbols to the sealed certificate."""

    def __init__(self, table: FactorTable, formula: CompiledFormula, bound: Bound, context: CalculationContext) -> None:
        self.table = table
        self.whole = formula
        self.formula = formula.formula
        self.trees = formula.trees
        self.given = {name: untagged(value) for name, value in bound.values.items()}
        self.bound = bound
        self.context = context
        self.evaluator = Evaluator(bound.values, policy=context.policy, owner=formula.formula.id)
        self.outputs: dict[str, OutputRecord] = {}

    def result(self) -> CalculationResult:
        errors: list[Mistake] = []
        failed: set[str] = set()
        for name, tree in self.trees.items():
            if _names(tree) & failed:
                failed.add(name)
                continue
            try:
                self.output(name, tree)
            except Refused as error:
                failed.add(name)
                errors.append(error.at(f"outputs.{name}"))
        if errors:
            return _failed(self.formula.id, errors, self.bound.warnings)
        self.disclose()
        certificate = self.certificate()
        return CalculationResult(
            formula_id=self.formula.id,
            success=True,
            outputs=certificate.outputs,
            steps=certificate.steps,
            warnings=certificate.warnings,
            citations=self.citations(certificate),
            certificate=certificate,
        )

    def output(self, name: str, tree: Node) -> None:
        from greenlang import units

        declared = self.formula.outputs[name]
        tagged = self.evaluator.evaluate(tree, f"outputs.{name}")
        assert isinstance(tagged.value, Decimal)
        self.evaluator.values[name] = tagged
        decimals = units.output_decimals(declared.unit)
        if self.context.precision is not None:
            decimals = min(decimals, self.context.precision)
        # from the exact fraction, as a batch does it in SQL: 34 digits could fall on the other side of a tie
        value = round_output(self.whole.answer(name, self.given, decimals=decimals), decimals)
        self.outputs[name] = OutputRecord(
            name=name,
            meaning=declared.meaning,
            unit=declared.unit,
            value=value,
            exact=tagged.value,
            decimals=decimals,
            shares=_shares(value, tagged.shares, decimals),
            outside_totals=power_of(BIOGENIC_CO2, declared.unit) != 0,
        )

    def disclose(self) -> None:
        """Warnings about what was computed."""
        asked = self.context.gwp_set
        for name, record in self.outputs.items():
            others = [share.basis for share in record.shares if share.basis not in {asked, ANY}]
            if asked and others:
                self.bound.warnings.append(f"{name} stands on {' and '.join(others)}, the context asks for {asked}")
            if len(record.shares) > 1:
                self.bound.warnings.append(f"{name} adds CO2e on unlike bases ({self.context.policy}): see its shares")
            if self.context.precision is not None and self.context.precision > record.decimals:
                self.bound.warnings.append(f"{name} has {record.decimals} digits after the point; no more are given")
        self.bound.warnings += remarks(self.bound.factors, self.formula.id)

    def steps(self, tables: tuple[TableRecord, ...]) -> tuple[WorkedStep, ...]:
        bound = self.bound
        out = [
            paper.input_step(record, bound.conversions)
            for record in bound.inputs
            if record.value is not None or record.rows
        ]
        out += [paper.parameter_step(record) for record in bound.parameters]
        out += [paper.table_step(record) for record in tables]
        out += [paper.factor_step(record, bound.conversions) for record in bound.factors]
        out += [paper.override_step(record, bound.conversions) for record in bound.overrides]
        units = {name: symbol.unit for name, symbol in self.formula.symbols.items()}
        for name, symbol in self.formula.symbols.items():
            units |= {f"{name}.{column}": declared.unit for column, declared in symbol.columns.items()}
        units |= {name: output.unit for name, output in self.formula.outputs.items()}
        values = _bare(self.evaluator.values)
        for name, tree in self.trees.items():
            record = self.outputs[name]
            out.append(paper.output_step(name, tree, values, units, record.exact, record.value, record.unit))
        return tuple(out)

    def tables(self) -> tuple[TableRecord, ...]:
        out = []
        for use in self.evaluator.tables:
            assert self.formula.tables is not None
            table = self.formula.tables.get(use.table)
            place = table.locators.get(tuple(text for _, text in use.key), "")
            out.append(
                TableRecord(
                    table=use.table,
                    column=use.column,
                    key=dict(use.key),
                    value=use.value,
                    unit=use.unit,
                    citation=f"{table.citation}{f', {place}' if place else ''}",
                    digest=table.digest,
                )
            )
        return tuple(out)

    def certificate(self) -> ResultCertificate:
        formula, bound, tables = self.formula, self.bound, self.tables()
        return seal(
            engine=ENGINE,
            release=ReleaseRecord(name=self.table.release, digest=self.table.digest),
            context=ContextRecord(**self.context.as_dict()),  # type: ignore[arg-type]
            formula=FormulaRecord(
                id=formula.id,
                name=formula.name,
                digest=formula.digest,
                citation=str(formula.citation),
                expressions=tuple(
                    ExpressionRecord(output=name, expression=output.expression, unit=output.unit)
                    for name, output in formula.outputs.items()
                ),
            ),
            inputs=tuple(bound.inputs),
            parameters=tuple(bound.parameters),
            tables=tables,
            factors=tuple(bound.factors),
            overrides=tuple(bound.overrides),
            conversions=tuple(bound.conversions),
            steps=self.steps(tables),
            mixings=tuple(self.evaluator.mixings),
            outputs=tuple(self.outputs.values()),
            warnings=tuple(dict.fromkeys(bound.warnings)),
            uncertainty=None,
        )

    def citations(self, certificate: ResultCertificate) -> tuple[Citation, ...]:
        formula = self.formula
        out = [Citation(what="formula", text=str(formula.citation), ref=formula.id, digest=formula.digest)]
        out += [
            Citation(what=record.symbol, text=record.citation, ref=f"ef://{record.key}", digest=record.row_digest)
            for record in certificate.factors
        ]
        out += [Citation(what=record.name, text=record.source) for record in certificate.parameters]
        out += [
            Citation(what=record.table, text=record.citation, ref=record.table, digest=record.digest)
            for record in certificate.tables
        ]
        out += [Citation(what=record.symbol, text=record.citation or record.reason) for record in certificate.overrides]
        return tuple(dict.fromkeys(out))


def with_uncertainty(result: CalculationResult, statement: Mapping[str, Any]) -> CalculationResult:
    """The same result with its uncertainty stated, sealed again. ``statement`` holds texts, decimals, whole numbers."""
    assert result.certificate is not None
    names = (field for field in ResultCertificate.__dataclass_fields__ if field not in {"format", "chain", "digest"})
    content = {name: getattr(result.certificate, name) for name in names}
    return replace(result, certificate=seal(**{**content, "uncertainty": dict(statement)}))


def _failed(formula_id: str, errors: list[Mistake], warnings: list[str] | None = None) -> CalculationResult:
    return CalculationResult(
        formula_id=formula_id, success=False, errors=tuple(errors), warnings=tuple(dict.fromkeys(warnings or ()))
    )


def _shares(value: Decimal, shares: Shares, decimals: int) -> tuple[Share, ...]:
    """The shares of an output, rounded like it and adding up to it; CO2's own joins the one other basis there is."""
    if not shares:
        return ()
    named = [basis for basis in shares if basis != ANY]
    if len(named) == 1:
        shares = {named[0]: value}
    rounded = {basis: round_output(share, decimals) for basis, share in sorted(shares.items())}
    with localcontext(_WIDE):
        whole = shares_of(value, rounded)
    return tuple(Share(basis=basis, value=whole[basis]) for basis in sorted(whole))


def _bare(values: TaggedValues) -> dict[str, Any]:
    return {
        name: found.value
        if isinstance(found, Tagged)
        else [{column: cell.value for column, cell in row.items()} for row in found]
        for name, found in values.items()
    }


def _names(tree: Node) -> set[str]:
    return {part.name if isinstance(part, Name) else part.table for part in walk(tree) if isinstance(part, (Name, Sum))}
