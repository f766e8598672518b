"""Mutants as values: an operator, the place it changes, the text before and after.

Belongs here: the types, and one file as bytes with places. Does not belong here: which places there are (``code``,
``declared``, ``tables``), which of them are taken (``choose``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from greenlang.quality.judgement import MutantLine
from greenlang.sandbox.trial import MutantResult, MutatedFile


@dataclass(frozen=True, slots=True)
class Operator:
    """A kind of mistake. ``imitates`` says whose slip it is, ``how`` what is changed in a file."""

    name: str
    imitates: str
    how: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file: the bytes from ``start`` to ``end`` become ``after``."""

    operator: str
    path: str  # relative to the pack
    start: int
    end: int
    after: str
    said: tuple[str, str] = ("", "")  # before and after in words, where the texts themselves say little
    declared: bool = False  # what a pack says of itself: no answer shows it, and a test of its own is to


@dataclass(frozen=True, slots=True)
class Mutant:
    """A pack's file with one change in it. A ``control`` changes nothing that counts."""

    id: str
    operator: str
    path: str
    line: int
    before: str
    after: str
    file: MutatedFile

    def told(self, result: MutantResult | None = None) -> MutantLine:
        """The line of the report; without a result it was not run."""
        outcome, by = (result.outcome, result.by) if result else ("not run", "")
        return MutantLine(self.id, self.operator, self.path, self.line, self.before, self.after, outcome, by)


class Source:
    """A Python file: its tree, and where each node stands in its bytes. Raises SyntaxError for what is no Python."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.tree = ast.parse(data)

    @cached_property
    def _lines(self) -> list[int]:
        starts = [0]
        for line in self.data.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    def start(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> int:
        """The first byte of a node."""
        return self._lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> int:
        """The byte behind a node."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """The source of a node."""
        return self.data[self.start(node) : self.end(node)].decode()

    def edit(self, operator: str, node: ast.expr | ast.stmt | ast.keyword, after: str) -> Edit:
        """A change of a whole node."""
        return Edit(operator, self.path, self.start(node), self.end(node), after)

    def sign(self, left: ast.expr, right: ast.expr) -> tuple[int, int] | None:
        """Where the operator between two operands stands; None where a comment stands between them."""
        at = self.end(left)
        match = _SIGN.match(self.data[at : self.start(right)].decode())
        return (at + match.start(1), at + match.end(1)) if match else None

    @cached_property
    def has_decimal(self) -> bool:
        """Whether the file imports Decimal."""
        return any(
            isinstance(node, ast.ImportFrom) and any(a.name == "Decimal" and a.asname is None for a in node.names)
            for node in self.tree.body
        )

    def changed(self, edit: Edit) -> ast.Module:
        """The module with a change in it. Only the function or class around the change is parsed anew.

        Raises SyntaxError where the change makes no Python.
        """
        for place, node in enumerate(self.tree.body):
            whole = self._around(node, edit)
            if whole is not None:
                first, last = self._lines[whole.lineno - 1], self.end(whole)
                text = self.data[first : edit.start] + edit.after.encode() + self.data[edit.end : last]
                tree = ast.parse(b"if 1:\n" + text if whole.col_offset else text)
                new = tree.body[0].body if whole.col_offset else tree.body  # type: ignore[attr-defined]
                body = [*self.tree.body[:place], *new, *self.tree.body[place + 1 :]]
                return ast.Module(body, [])
        return ast.parse(self.data[: edit.start] + edit.after.encode() + self.data[edit.end :])

    def _around(self, node: ast.stmt, edit: Edit) -> ast.stmt | None:
        """The function that holds a change, a method too; None where it is elsewhere."""
        if not (self.start(node) <= edit.start and edit.end <= self.end(node)):
            return None
        if isinstance(node, ast.ClassDef):
            return next((found for inner in node.body if (found := self._around(inner, edit)) is not None), None)
        return node if isinstance(node, (ast.FunctionDef, ast.Assign)) else None

    def functions(self) -> Iterator[ast.FunctionDef]:
        """The functions of the module."""
        return (node for node in self.tree.body if isinstance(node, ast.FunctionDef))


_SIGN = re.compile(r"[\s)\\]*(==|!=|<=|>=|<|>|\*\*|//|[-+*/])")


def line_of(data: bytes, offset: int) -> int:
    """The line of a byte, from 1."""
    return data.count(b"\n", 0, offset) + 1
