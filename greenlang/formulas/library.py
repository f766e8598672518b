"""The formula library: cited formulas as YAML under ``emission_factors/formulas/<domain>/<subject>.yaml``.

A formula declares its symbols (where each comes from, in which unit), its outputs (unit, expression over symbols and
earlier outputs), a citation, and worked vectors. Opening the library only finds where each formula stands; one is
read when it is asked for, and proved (units, worked vectors) by ``prove``, the asset check and ``python -m
greenlang.formulas``.

So that finding needs no parsing, the files keep to one form: ``formulas:`` at the left margin, and every formula a
list entry that starts with ``- id:``. A file that does not is refused when it is read or proved.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from greenlang import _paths, units
from greenlang.errors import FormulaError, UnitError
from greenlang.formulas.declare import (
    Draft,
    FormulaOutput,
    FormulaSymbol,
    LibraryFormula,
    WorkedVector,
    read_formula,
)
from greenlang.formulas.prove import prove
from greenlang.formulas.reading import Citation, Problem, Reader
from greenlang.formulas.show import show
from greenlang.formulas.tables import TableSet
from greenlang.formulas.tree import substitute
from greenlang.provenance import file_digest
from greenlang.specs.source import parse as parse_yaml

__all__ = [
    "Citation",
    "FormulaLibrary",
    "FormulaOutput",
    "FormulaSymbol",
    "LibraryFormula",
    "WorkedVector",
    "library",
    "load",
    "prove",
    "substitute",
]

_START = re.compile(r"^( *)- +id: *(\S+)[ \t]*(?:#.*)?$", re.MULTILINE)
_HEAD = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*formulas:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*")
_UNIT = re.compile(r"\bunit: *\"?([^\",}\n]+)")
_TAKEN = re.compile(r"origin: *input,?\s+unit: *\"?([^\",}\n]+)")
_COMMENT = re.compile(r"^[ \t]*(?:#.*)?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one formula, where it stands, and the lines before it."""

    id: str
    path: Path
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class _Outline:
    """What the text of a formula tells without being parsed: its outputs' words, and the dimensions of both sides."""

    outputs: str
    given: frozenset[str]
    taken: frozenset[str]


def _outline(text: str) -> _Outline:
    before, _, after = text.partition("outputs:")
    outputs = after.partition("vectors:")[0]
    return _Outline(outputs.lower(), _dimensions(_UNIT.findall(outputs)), _dimensions(_TAKEN.findall(before)))


def _dimensions(found: Iterable[str]) -> frozenset[str]:
    """The dimensions of unit texts; what is no unit is told when the formula is read."""
    dimensions = set()
    for unit in found:
        with suppress(UnitError):
            dimensions.add(units.dimension(unit.strip()))
    return frozenset(dimensions)


class FormulaLibrary:
    """All formulas, by id; each is read when it is first asked for. ``digest`` covers the texts and the tables."""

    def __init__(self, pieces: dict[str, Piece], tables: TableSet) -> None:
        self.pieces = dict(sorted(pieces.items()))
        self.tables = tables
        self._read: dict[str, LibraryFormula] = {}
        lines = [f"{k}:{hashlib.sha256(_bare(p.text)).hexdigest()}\n" for k, p in self.pieces.items()]
        lines += [f"{n}:{file_digest(tables.folder / f'{n}.yaml')}\n" for n in tables.names()]
        self.digest = hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def formulas(self) -> dict[str, LibraryFormula]:
        """Every formula by id. Raises FormulaError for one that cannot be read."""
        return {formula.id: formula for formula in self}

    def __iter__(self) -> Iterator[LibraryFormula]:
        return (self._formula(key) for key in self.pieces)

    def __len__(self) -> int:
        return len(self.pieces)

    def __contains__(self, formula_id: object) -> bool:
        return formula_id in self.pieces

    def get(self, formula_id: str) -> LibraryFormula | None:
        """The formula with that id. Raises FormulaError if it cannot be read."""
        return self._formula(formula_id) if formula_id in self.pieces else None

    def _formula(self, key: str) -> LibraryFormula:
        found = self._read.get(key)
        if found is None:
            formula, problems = read_piece(self.pieces[key], self.tables)
            if formula is None:
                raise FormulaError(str(problems[0]))
            found = self._read[key] = formula
        return found

    def matched(self) -> Iterator[LibraryFormula]:
        """The formulas that may be matched to outputs of specs: those with an output that has ``names``.

        Only pieces in whose text the word stands are read, so that a first spec does not wait for the whole library.
        """
        return iter(self._matched)

    @cached_property
    def _matched(self) -> list[LibraryFormula]:
        found = (self._formula(key) for key, piece in self.pieces.items() if "names" in piece.text)
        return [formula for formula in found if any(out.names for out in formula.outputs.values())]

    def alike(self, words: Iterable[str], unit: str, takes: Iterable[str]) -> Iterator[LibraryFormula]:
        """The formulas that say one of the words of their outputs, give that unit, and take no other units than these.

        Told by their texts, so that only these are read; one of them may still be another.
        """
        said, taken = tuple(words), {units.dimension(u) for u in takes}
        for key, outline in self._by_dimension.get(units.dimension(unit), ()):
            if outline.taken <= taken and any(word in outline.outputs for word in said):
                yield self._formula(key)

    @cached_property
    def _by_dimension(self) -> dict[str, list[tuple[str, _Outline]]]:
        """Dimension of an output -> the formulas that give one of it."""
        found: dict[str, list[tuple[str, _Outline]]] = {}
        for key, piece in self.pieces.items():
            outline = _outline(piece.text)
            for dimension in outline.given:
                found.setdefault(dimension, []).append((key, outline))
        return found

    def rows(self) -> list[dict[str, str]]:
        """One row an output, for the `formulas` table."""
        return [
            {
                "id": f.id,
                "domain": f.domain,
                "name": f.name,
                "outputs": name,
                "unit": out.unit,
                "expression": show(f.trees()[name]),
                "citation": str(f.citation),
                "digest": f.digest,
            }
            for f in self
            for name, out in f.outputs.items()
        ]


@cache
def library() -> FormulaLibrary:
    """The embedded library, opened once a process."""
    return load(_paths.data() / "emission_factors" / "formulas")


def load(folder: Path) -> FormulaLibrary:
    """Open the formulas below a folder, ``<domain>/*.yaml``, with the tables in ``tables/``. Raises FormulaError."""
    pieces: dict[str, Piece] = {}
    for path in formula_files(folder):
        for piece in split(path):
            if piece.id in pieces:
                raise FormulaError(f"{path}: {piece.id} stands twice, in {pieces[piece.id].path} as well")
            pieces[piece.id] = piece
    return FormulaLibrary(pieces, TableSet(folder / "tables"))


def formula_files(folder: Path) -> list[Path]:
    """The files of formulas below a folder, sorted."""
    return sorted(path for path in folder.glob("*/*.yaml") if path.parent.name != "tables")


def split(path: Path) -> list[Piece]:
    """The formulas of a file, each as its text. Raises FormulaError for a file that is not in the one form."""
    pieces, wrong = cut(path)
    if wrong:
        raise FormulaError(f"{path}: {wrong}")
    return pieces


def cut(path: Path) -> tuple[list[Piece], str]:
    """The formulas of a file as far as they can be told apart, and why it is not in the one form; empty if it is.

    Raises OSError and UnicodeDecodeError for a file that is no text.
    """
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    first = _START.search(text)
    starts = [m for m in _START.finditer(text) if first is not None and m[1] == first[1]]
    good = bool(starts) and _HEAD.fullmatch(text[: starts[0].start()])
    ends = [*(m.start() for m in starts[1:]), len(text)]
    pieces = [
        Piece(m[2].strip("\"'"), path, text[m.start() : end], text.count("\n", 0, m.start()))
        for m, end in zip(starts, ends if starts else (), strict=True)
    ]
    return pieces, "" if good else "a file holds `formulas:` and below it entries that start with `- id:`"


def read_piece(piece: Piece, tables: TableSet | None) -> tuple[LibraryFormula | None, list[Problem]]:
    """The formula in a piece of text, or None; and everything that is wrong with its declaration."""
    drafts, problems = draft_piece(piece, tables)
    return (drafts[0].formula if drafts and not problems else None), problems


def draft_piece(piece: Piece, tables: TableSet | None) -> tuple[list[Draft], list[Problem]]:
    """What can be read of a piece, and everything that is wrong with its declaration.

    One formula; more where entries follow that do not start with ``- id:``, which is a mistake of its own.
    """
    document = parse_yaml(f"formulas:\n{piece.text}".encode())
    reader = Reader(document, piece.path, subject=piece.id, start=piece.line - 1)
    value = reader.value if isinstance(reader.value, dict) else {}
    listed = value.get("formulas")
    entries = listed if isinstance(listed, list) else []
    if value and (len(value) != 1 or len(entries) != 1):
        reader.fail((), "an entry that does not start with `- id:` follows this formula")
    drafts = [read_formula(reader, ("formulas", i), tables) for i in range(len(entries))]
    return [draft for draft in drafts if draft is not None], reader.problems


def _bare(text: str) -> bytes:
    """The text without comments of their own line and blank lines: they change nothing."""
    return _COMMENT.sub("", text).rstrip().encode()
