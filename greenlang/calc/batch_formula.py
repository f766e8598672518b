"""The formula of a batch: of the library, out of the mapping, or out of the certificate of an earlier run.

A certificate keeps the formula's own text and its parameter tables, so an old result can be computed again after the
library has moved on.

Belongs here: getting the formula. Does not belong here: which columns feed it (``batch_binding``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenlang_sdk.decimals import NotANumber, to_decimal

from greenlang.calc.batch_mapping import BatchMapping, MappingMistake
from greenlang.calc.certificate import ExpressionRecord, FormulaRecord
from greenlang.calc.mistakes import near
from greenlang.errors import FormulaError
from greenlang.formulas.declare import FormulaOutput, FormulaSymbol, LibraryFormula
from greenlang.formulas.library import FormulaLibrary, load
from greenlang.formulas.prove import CompiledFormula, compiled
from greenlang.formulas.ranges import unsaid
from greenlang.formulas.reading import Citation

OWN_ID = "mapping/expression"
_OWN_CITATION = Citation("the mapping of this batch", "expression")


@dataclass(frozen=True, slots=True)
class BatchFormula:
    """A formula whose units were checked, and the text that it was read from (of an expression: none)."""

    compiled: CompiledFormula
    text: str
    tables: dict[str, str]  # name of a parameter table -> its file's text

    @property
    def formula(self) -> LibraryFormula:
        """The declaration."""
        return self.compiled.formula

    @property
    def record(self) -> FormulaRecord:
        """What a certificate says of it."""
        formula = self.formula
        return FormulaRecord(
            id=formula.id,
            name=formula.name,
            digest=formula.digest,
            citation=str(formula.citation),
            expressions=tuple(
                ExpressionRecord(output=name, expression=output.expression, unit=output.unit)
                for name, output in formula.outputs.items()
            ),
        )


def formula_of(mapping: BatchMapping, formulas: FormulaLibrary) -> tuple[BatchFormula | None, list[MappingMistake]]:
    """The formula that a mapping names or holds, or what is wrong with it."""
    if mapping.expression is not None:
        return _own(mapping, formulas)
    try:
        found = library_formula(mapping.formula, formulas)
    except FormulaError as error:
        return None, [MappingMistake("formula", str(error))]
    if found is None:
        hint = near(mapping.formula, formulas.pieces)
        return None, [MappingMistake("formula", f"there is no formula `{mapping.formula}`", hint)]
    return found, []


def library_formula(formula_id: str, formulas: FormulaLibrary) -> BatchFormula | None:
    """A formula of the library, with its text. Raises FormulaError if it does not hold."""
    formula = formulas.get(formula_id)
    if formula is None:
        return None
    tables = {name: (formulas.tables.folder / f"{name}.yaml").read_text(encoding="utf-8") for name in formula.reads}
    return BatchFormula(compiled(formula), formulas.pieces[formula_id].text, tables)


def formula_from_text(formula_id: str, text: str, tables: Mapping[str, str]) -> BatchFormula:
    """The formula that a certificate holds. Raises FormulaError if the text is none, or another formula's."""
    with tempfile.TemporaryDirectory(prefix="greenlang-formula-") as name:
        folder = Path(name)
        files = {folder / formula_id.partition("/")[0] / "formula.yaml": f"formulas:\n{text}"}
        files |= {folder / "tables" / f"{Path(table).name}.yaml": content for table, content in tables.items()}
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        found = library_formula(formula_id, load(folder))  # its tables are read while it is compiled
        if found is None:
            raise FormulaError(f"the certificate's text is not that of {formula_id}")
        assert found.formula.digest
        return found


def _own(mapping: BatchMapping, formulas: FormulaLibrary) -> tuple[BatchFormula | None, list[MappingMistake]]:
    """The expression of a mapping as a formula."""
    entry = mapping.expression
    assert entry is not None
    mistakes: list[MappingMistake] = []
    symbols: dict[str, FormulaSymbol] = {}
    for name, symbol in entry.symbols.items():
        fields: dict[str, Any] = symbol.model_dump()
        try:
            fields["default"] = None if symbol.default is None else to_decimal(symbol.default)
            bounds = None if symbol.range is None else [b if b is None else to_decimal(b) for b in symbol.range]
        except NotANumber as error:
            mistakes.append(MappingMistake(f"expression.symbols.{name}", str(error)))
            continue
        if symbol.type == "number" and not symbol.unit:
            mistakes.append(MappingMistake(f"expression.symbols.{name}", "`unit` is missing", "a pure number has 1"))
        own = unsaid(symbol.origin, symbol.type, symbol.unit or "1") if bounds is None else tuple(bounds)
        fields |= {"meaning": symbol.meaning or name, "range": own, "enum": tuple(symbol.enum)}
        symbols[name] = FormulaSymbol(**fields)
    outputs = {
        name: FormulaOutput(output.unit, str(output.expression), output.meaning or name)
        for name, output in entry.outputs.items()
    }
    if mistakes:
        return None, mistakes
    formula = LibraryFormula(
        OWN_ID, entry.name, "carbon", _OWN_CITATION, symbols, outputs, vectors=(), tables=formulas.tables
    )
    try:
        return BatchFormula(compiled(formula), "", {}), []
    except FormulaError as error:
        return None, [MappingMistake("expression", str(error).removeprefix(f"{OWN_ID}: "))]
