"""One Python file under the eyes of the gate: its nodes by kind, what its names stand for, what was found.

Belongs here: what every part of the gate needs of a file. Does not belong here: what is refused (`gate_file`,
`gate_calls`, `gate_sets`), the lists (`gate_rules`).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from greenlang.sandbox import gate_rules as rules
from greenlang.sandbox.gate_names import Bindings, arguments, is_local

MAX_FINDINGS = 50
BUILTINS = frozenset(dir(builtins))
_MAX_DOUBTS = 20  # each costs walks through the file; good files have none
_KINDS = (
    *(ast.Import, ast.ImportFrom, ast.Assign, ast.Attribute, ast.Name, ast.Call, ast.Constant),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.AnnAssign, ast.Subscript, ast.Delete),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Compare, ast.FormattedValue),
    *(ast.ClassDef, ast.ExceptHandler, ast.MatchClass, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_SKIPPED = frozenset({"ctx", "op", "ops", "type_ignores", "kind", "type_comment"})
# Fields that can hold nodes, by kind. Of the commonest kinds they are named, of others all are asked but `_SKIPPED`.
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Name: (),
    ast.Constant: (),
    ast.alias: (),
    ast.Attribute: ("value",),
    ast.keyword: ("value",),
    ast.arg: ("annotation",),
}
_MADE = frozenset({"__init__", "__post_init__"})
Nodes = dict[type[ast.AST], list[ast.AST]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that the gate found: where, which rule, what exactly, and what to do."""

    path: str
    line: int
    rule: str
    what: str

    @property
    def attempt(self) -> bool:
        """Whether no mistake leads there."""
        return rules.RULES[self.rule].attempt

    @property
    def text(self) -> str:
        """``path:line: what (rule). What to do.``"""
        return f"{self.path}:{self.line}: {self.what} ({self.rule}). {rules.RULES[self.rule].mend}"


def gather(tree: ast.Module) -> Nodes:
    """The nodes that matter, by kind; a node comes before what is inside it."""
    found: Nodes = {kind: [] for kind in _KINDS}
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        kind = node.__class__
        kept = found.get(kind)
        if kept is not None:
            kept.append(node)
        if _FIELDS.get(kind) != ():
            stack += children(node)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right inside a node, but for those that only say how it is meant (load or store, which operator)."""
    kind = node.__class__
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(f for f in kind._fields if f not in _SKIPPED)
    found: list[ast.AST] = []
    for name in fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def leads_in(name: str) -> bool:
    """Whether an attribute of this name leads into the interpreter, to the judges or to a class's own plan."""
    hidden = name.startswith("__") and name not in rules.UNDERSCORED
    return hidden or name in rules.LEADING or name.startswith("pytest_")


def is_reach(name: str) -> bool:
    """Whether a name may not be asked for by its text: by getattr, a pattern, an alias of a field."""
    return name.startswith("_") or name in rules.BY_NO_NAME or leads_in(name)


class Look:
    """What the parts of the gate share while they look at one file. ``consumed``: ids of nodes already judged."""

    def __init__(self, name: str, package: str, place: str, tree: ast.Module, nodes: Nodes, known: Bindings) -> None:
        self.name = name
        self.package = package
        self.place = place
        self.tree = tree
        self.nodes = nodes
        self.known = known
        self.found: list[Refusal] = []
        self.consumed: set[int] = set()
        self._doubts = 0

    def refuse(self, node: ast.AST, rule: str, what: str) -> None:
        """Add a finding, unless there are many."""
        if len(self.found) <= MAX_FINDINGS:
            self.found.append(Refusal(self.name, getattr(node, "lineno", 0), rule, what))

    def local(self, node: ast.Name) -> bool:
        """Whether a name is certainly the file's own."""
        return self.doubted() and is_local(node, self.nodes, self.tree)

    def doubted(self) -> bool:
        """Count one more look at the whole file; False when there were too many."""
        self._doubts += 1
        return self._doubts <= _MAX_DOUBTS

    def functions(self) -> Sequence[ast.AST]:
        """Every ``def``."""
        return (*self.nodes[ast.FunctionDef], *self.nodes[ast.AsyncFunctionDef])

    @cached_property
    def annotations(self) -> frozenset[int]:
        """Ids of the nodes inside annotations: what is named there is not called."""
        roots: list[ast.AST | None] = [node.annotation for node in self.nodes[ast.AnnAssign]]  # type: ignore[attr-defined]
        for function in self.functions():
            roots.append(function.returns)  # type: ignore[attr-defined]
            roots += [argument.annotation for argument in arguments(function)]
        inside: set[int] = set()
        stack: list[ast.AST] = [root for root in roots if root is not None]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Call):
                continue  # what is called in an annotation is called
            inside.add(id(node))
            stack += children(node)
        return frozenset(inside)

    @cached_property
    def beginnings(self) -> frozenset[int]:
        """Ids of the nodes ``self.x`` that are set where an object of a class of this file begins.

        In ``__init__`` without a decorator, in no function inside it: nobody else can call it with another ``self``.
        """
        inside: set[int] = set()
        for made in self.nodes[ast.ClassDef]:
            for function in made.body:  # type: ignore[attr-defined]
                if not isinstance(function, ast.FunctionDef) or function.name not in _MADE or function.decorator_list:
                    continue
                first = [*function.args.posonlyargs, *function.args.args][:1]
                if [a.arg for a in first] == ["self"]:
                    inside |= {id(node) for node in _directly(function.body)}
        return frozenset(inside)

    def outside_functions(self) -> Iterator[ast.AST]:
        """Everything that runs when the file is loaded: functions are not entered, classes are."""
        return _directly(self.tree.body, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def _directly(body: Sequence[ast.AST], closed: tuple[type[ast.AST], ...] = _SCOPES) -> Iterator[ast.AST]:
    stack = list(body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, closed):
            stack += children(node)
