"""``python -m greenlang.formulas FILE...``: check files of formulas and parameter tables, and print every mistake.

For authors: shape, units of every sub-expression, worked vectors, ids that stand twice. Without files, the library
that is installed is checked.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from greenlang import _paths
from greenlang.errors import FormulaError
from greenlang.formulas.families import read_families
from greenlang.formulas.library import formula_files, library, read_piece, split
from greenlang.formulas.prove import findings, unit_problem
from greenlang.formulas.reading import Problem
from greenlang.formulas.tables import TableSet, read_table


def main(arguments: list[str] | None = None) -> int:
    """Check, print, and return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m greenlang.formulas", description=__doc__.split("\n\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a YAML file or a folder of the library")
    given = parser.parse_args(arguments)
    root = _paths.data() / "emission_factors" / "formulas"
    formulas, tables = _files(given.files or [root])
    problems: list[Problem] = []
    for path in tables:
        table, wrong = read_table(path)
        problems += wrong
        for name, column in table.columns.items() if table else ():
            if why := unit_problem(column.unit):
                problems.append(Problem(why, path, 0, path.stem, f"columns.{name}.unit"))
    seen: dict[str, Path] = {}
    counts = [0, 0, 0]  # formulas, vectors, published vectors
    for path in formulas:
        folder = path.parent.parent
        problems += check_file(
            path, TableSet((folder if (folder / "tables").is_dir() else root) / "tables"), seen, counts
        )
    if not given.files:
        problems += read_families(root / "families.yaml", library())[1]
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - a command for the terminal
    verdict = f"; {len(problems)} problem{'s' * (len(problems) != 1)}" if problems else ": all in order"
    print(  # noqa: T201
        f"{counts[0]} formulas, {counts[1]} vectors ({counts[2]} published), {len(tables)} tables{verdict}"
    )
    return 1 if problems else 0


def _files(given: list[Path]) -> tuple[list[Path], list[Path]]:
    """(files of formulas, files of tables)."""
    formulas: list[Path] = []
    tables: list[Path] = []
    for path in given:
        if not path.is_dir():
            (tables if path.parent.name == "tables" else formulas).append(path)
        elif path.name == "tables":
            tables += sorted(path.glob("*.yaml"))
        else:
            formulas += formula_files(path) or sorted(path.glob("*.yaml"))
            tables += sorted((path / "tables").glob("*.yaml"))
    return formulas, tables


def check_file(path: Path, tables: TableSet, seen: dict[str, Path], counts: list[int]) -> list[Problem]:
    """Everything that is wrong with one file of formulas."""
    try:
        pieces = split(path)
    except (FormulaError, OSError, UnicodeDecodeError) as error:
        return [Problem(str(error))]
    problems: list[Problem] = []
    for piece in pieces:
        if piece.id in seen:
            problems.append(Problem(f"stands in {seen[piece.id]} as well", path, piece.line + 1, piece.id))
        seen[piece.id] = path
        formula, wrong = read_piece(piece, tables)
        problems += wrong
        if formula is None:
            continue
        counts[0] += 1
        counts[1] += len(formula.vectors)
        counts[2] += sum(v.published for v in formula.vectors)
        if formula.domain != path.parent.name:
            problems.append(Problem(f"lies in the folder {path.parent.name}", path, piece.line + 1, piece.id))
        problems += [replace(p, path=path, line=piece.line + 1) for p in findings(formula)]
    return problems


if __name__ == "__main__":
    sys.exit(main())
