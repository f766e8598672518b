"""Checking files of formulas, parameter tables and families: every mistake of every file, in one pass.

A mistake hides only what depends on it: an expression that uses a mistaken symbol is not checked for units, and the
worked cases of a formula are calculated when all of it is in order. Everything else is still checked.

Belongs here: which file is what, and the order of the checks. Does not belong here: any single check (``declare``,
``prove``, ``tables``, ``families``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from greenlang import _paths
from greenlang.formulas.families import read_families
from greenlang.formulas.library import FormulaLibrary, Piece, cut, draft_piece, formula_files
from greenlang.formulas.prove import findings, unit_findings, unit_problem
from greenlang.formulas.reading import Problem
from greenlang.formulas.tables import TableSet, draft_table

FAMILIES = "families.yaml"
_FAMILIES = re.compile(r"^families[ \t]*:", re.MULTILINE)


@dataclass
class Checked:
    """What was checked, and every mistake."""

    formulas: int = 0
    vectors: int = 0
    published: int = 0
    tables: int = 0
    families: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass
class _Files:
    formulas: list[Path] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    families: list[Path] = field(default_factory=list)


def check_files(given: Iterable[Path] = ()) -> Checked:
    """Check files, or whole folders of the library; the installed library where nothing is given."""
    installed = _paths.data() / "emission_factors" / "formulas"
    files = _sorted(list(given) or [installed])
    out = Checked()
    for path in files.tables:
        _table(path, out)
    seen: dict[str, Path] = {}
    sets: dict[Path, TableSet] = {}
    for path in files.formulas:
        above = path.parent.parent
        folder = (above if (above / "tables").is_dir() else installed) / "tables"
        _formulas(path, sets.setdefault(folder, TableSet(folder)), seen, out)
    for path in files.families:
        _families(path, path.parent if formula_files(path.parent) else installed, out)
    return out


def _sorted(given: Iterable[Path]) -> _Files:
    files = _Files()
    for path in given:
        if not path.is_dir():
            _listed(path, files)
        elif path.name == "tables":
            files.tables += sorted(path.glob("*.yaml"))
        else:
            within = formula_files(path)
            files.formulas += within
            files.tables += sorted((path / "tables").glob("*.yaml"))
            for found in sorted(path.glob(FAMILIES if within else "*.yaml")):
                _listed(found, files)
    return files


def _listed(path: Path, files: _Files) -> None:
    if path.parent.name == "tables":
        files.tables.append(path)
    elif path.name == FAMILIES or _FAMILIES.search(path.read_text(encoding="utf-8", errors="replace")):
        files.families.append(path)
    else:
        files.formulas.append(path)


def _table(path: Path, out: Checked) -> None:
    table, wrong = draft_table(path)
    out.tables += 1
    out.problems += wrong
    for name, column in table.columns.items() if table else ():
        if why := unit_problem(column.unit):
            out.problems.append(Problem(why, path, 0, path.stem, f"columns.{name}.unit"))


def _formulas(path: Path, tables: TableSet, seen: dict[str, Path], out: Checked) -> None:
    try:
        pieces, wrong = cut(path)
    except (OSError, UnicodeDecodeError) as error:
        out.problems.append(Problem(str(error), path))
        return
    if wrong:
        out.problems.append(Problem(wrong, path))
    for piece in pieces:
        if piece.id in seen:
            out.problems.append(Problem(f"stands in {seen[piece.id]} as well", path, piece.line + 1, piece.id))
        seen[piece.id] = path
        _piece(piece, tables, out)


def _piece(piece: Piece, tables: TableSet, out: Checked) -> None:
    drafts, wrong = draft_piece(piece, tables)
    out.problems += wrong
    for draft in drafts:
        formula = draft.formula
        if not wrong:
            out.formulas += 1
            out.vectors += len(formula.vectors)
            out.published += sum(v.published for v in formula.vectors)
        if formula.id.split("/")[0] == formula.domain != piece.path.parent.name:
            where = f"lies in the folder {piece.path.parent.name}"
            out.problems.append(Problem(where, piece.path, piece.line + 1, formula.id))
        found = unit_findings(draft) if wrong else findings(formula)
        out.problems += [replace(p, path=piece.path, line=piece.line + 1) for p in found]


def _families(path: Path, folder: Path, out: Checked) -> None:
    found, wrong = read_families(path, _opened(folder))
    out.families += len(found)
    out.problems += wrong


def _opened(folder: Path) -> FormulaLibrary:
    """The library in a folder, whatever is wrong with some of its files."""
    pieces: dict[str, Piece] = {}
    for path in formula_files(folder):
        try:
            found, _ = cut(path)
        except (OSError, UnicodeDecodeError):
            continue  # told where its formulas are checked
        pieces |= {piece.id: piece for piece in found}
    return FormulaLibrary(pieces, TableSet(folder / "tables"))
