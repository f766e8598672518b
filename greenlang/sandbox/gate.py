"""The gate: an allow-list over files and syntax trees of a pack, asked before any of its code runs.

Belongs here: looking. Does not belong here: running, the lists themselves (`greenlang.sandbox.gate_rules`), opinions on
quality. The gate is no wall: who passes it still runs confined. It is what the jail cannot be: it stops code that
forges its own results, because such code has to reach for names that no agent needs.
"""

from __future__ import annotations

import ast
import builtins
import os
import re
import stat
import string
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from greenlang.sandbox import gate_rules as rules
from greenlang.sandbox.gate_names import Bindings, arguments, foreign_names, is_local, text_runs, words
from greenlang.sandbox.verdict import Status

MAX_FINDINGS = 50
MAX_SOURCE = 1_000_000  # bytes of one Python file; the largest of a good pack has some 20,000
_MAX_DOUBTS = 20  # each costs walks through the file; good files have none
MAX_PACK = 32_000_000
MAX_FILES = 4_000
_BUILTINS = frozenset(dir(builtins))
_FOREIGN = re.compile(rf"^(?:/(?:{'|'.join(rules.FOREIGN_ROOTS)})(?:/|$)|~[/\w]*/|~$)|(?:^|[\\/])\.\.(?:[\\/]|$)")
_KINDS = (
    *(ast.Import, ast.ImportFrom, ast.Assign, ast.Attribute, ast.Name, ast.Call, ast.Constant),
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.AnnAssign, ast.Subscript, ast.Delete),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
    *(ast.ClassDef, ast.ExceptHandler, ast.MatchClass, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
)
_WRAPS = ("object", "functools.wraps")
_BY_NO_NAME = (rules.WRITES - {"open"}) | {"format", "format_map"}
_SKIPPED = frozenset({"ctx", "op", "ops", "type_ignores", "kind", "type_comment"})
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}
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


def check(pack: Path, package: str, trees: Mapping[str, ast.Module] | None = None) -> tuple[Refusal, ...]:
    """What is refused in a pack, in order of place; () where everything is on the lists.

    ``trees`` (name relative to the pack -> tree) saves parsing files again; they must be those of the files.
    """
    found: list[Refusal] = []
    if package in sys.stdlib_module_names or package in rules.TOOLS:
        found.append(Refusal(package, 0, "shadow", f"a package called {package}"))
    sources = list(_files(pack, package, found))
    ready = trees or {}
    parsed: dict[str, ast.Module] = {}
    for name in sources:
        tree = ready.get(name)
        try:
            parsed[name] = tree if tree is not None else ast.parse((pack / name).read_bytes(), filename=name)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            what = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
            found.append(Refusal(name, getattr(error, "lineno", 0) or 0, "syntax", what))
    nodes = {name: _gather(tree) for name, tree in parsed.items()}
    own = {_module(name): name for name in parsed if name.startswith(f"{package}/")}
    bound = {module: _bound(nodes[name]) for module, name in own.items()}
    taken = (foreign_names(nodes[name][ast.ImportFrom], package) for name in own.values())
    foreign = frozenset().union(*taken, *bound.values()) - {package}
    for name, tree in parsed.items():
        found += _File(name, package, tree, nodes[name], bound, foreign).refusals()
        if len(found) > MAX_FINDINGS:
            break
    return tuple(sorted(found, key=lambda r: (r.path, r.line, r.rule))[:MAX_FINDINGS])


def _files(pack: Path, package: str, found: list[Refusal]) -> Iterator[str]:
    """Names of the Python files of a pack; what is wrong with any file is added to ``found``."""
    size = count = 0
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(pack / folder) as entries:
            listed = sorted(entries, key=lambda e: e.name)
        for entry in listed:
            name = f"{folder}/{entry.name}" if folder else entry.name
            status = entry.stat(follow_symlinks=False)
            count += 1
            if count > MAX_FILES:
                found.append(Refusal(name, 0, "size", f"more than {MAX_FILES} files"))
                return
            if stat.S_ISDIR(status.st_mode):
                folders.append(name)
                continue
            if not stat.S_ISREG(status.st_mode):
                found.append(Refusal(name, 0, "link", "it is no plain file"))
                continue
            size += status.st_size
            rule = _file_rule(name, package, status.st_size)
            if rule is not None:
                found.append(Refusal(name, 0, rule, rules.RULES[rule].refuses))
            elif name.endswith(".py"):
                yield name
    if size > MAX_PACK:
        found.append(Refusal(".", 0, "size", f"{size:,} bytes in all"))


def _file_rule(name: str, package: str, size: int) -> str | None:
    """The rule that one file breaks."""
    top, _, rest = name.partition("/")
    base, suffix = os.path.basename(name), os.path.splitext(name)[1].lower()  # noqa: PTH119, PTH122 - thousands of them
    if base.lower() in rules.HIJACKS:
        return "hijack"
    if suffix in (".pyc", ".pyo"):
        return "bytecode"
    if suffix in rules.NATIVE or base.endswith((".tar.gz", ".tar.xz", ".tar.bz2")):
        return "native"
    place = "package" if top == package else top
    if place in rules.SUFFIXES and rest:
        if suffix not in rules.SUFFIXES[place]:
            return "layout"
        if suffix == ".py":
            return _source_rule(place, rest, size)
    elif suffix in (".py", ".pyw", ".pyx", ".pyi"):
        stem = base.partition(".")[0]
        return "shadow" if stem in sys.stdlib_module_names or stem in rules.TOOLS else "layout"
    return None


def _source_rule(place: str, rest: str, size: int) -> str | None:
    stem = rest.rpartition("/")[2][:-3]
    if size > MAX_SOURCE:
        return "size"
    if place == "tests" and ("/" in rest or not rest.startswith("test_")):
        return "layout"
    if place == "demos" and (stem in sys.stdlib_module_names or stem in rules.TOOLS):
        return "shadow"
    return None


def _module(name: str) -> str:
    return name[:-3].replace("/", ".").removesuffix(".__init__")


def _gather(tree: ast.Module) -> Nodes:
    """The nodes that matter, by kind; a node comes before what is inside it."""
    found: Nodes = {kind: [] for kind in _KINDS}
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        kind = node.__class__
        kept = found.get(kind)
        if kept is not None:
            kept.append(node)
        fields = _FIELDS.get(kind)
        if fields is None:
            fields = _FIELDS[kind] = tuple(f for f in kind._fields if f not in _SKIPPED)
        for name in fields:
            value = getattr(node, name, None)
            if value.__class__ is list:
                stack += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                stack.append(value)
    return found


def _bound(nodes: Nodes) -> frozenset[str]:
    """Names under which a file holds modules."""
    names = {a.asname or a.name.partition(".")[0] for n in nodes[ast.Import] for a in n.names}  # type: ignore[attr-defined]
    return frozenset(names)


class _File:
    """One Python file, looked at."""

    def __init__(
        self,
        name: str,
        package: str,
        tree: ast.Module,
        nodes: Nodes,
        bound: Mapping[str, frozenset[str]],
        foreign: frozenset[str],
    ) -> None:
        self._name = name
        self._tree = tree
        self._package = package
        self._nodes = nodes
        self._place = self._placed()
        self._found: list[Refusal] = []
        is_package, allowed = name.endswith("/__init__.py"), rules.PLACES[self._place]
        self._known = Bindings(_module(name), is_package, package, allowed, bound, foreign)
        self._consumed: set[int] = set()
        self._doubts = 0

    def _placed(self) -> str:
        special = {f"{self._package}/logs.py": "logs", f"{self._package}/__main__.py": "main"}
        top = self._name.partition("/")[0]
        return special.get(self._name, "package" if top == self._package else top)

    def refusals(self) -> list[Refusal]:
        """Everything that is refused in this file."""
        every = self._nodes
        for node in (*every[ast.Import], *every[ast.ImportFrom]):
            for rule, what in self._known.imports(node):
                self._refuse(node, rule, what)
        self._known.aliases(every[ast.Assign])
        for node in every[ast.Call]:
            self._call(node)  # type: ignore[arg-type]
        for node in every[ast.Attribute]:
            self._attribute(node)  # type: ignore[arg-type]
        for node in every[ast.Name]:
            self._named(node)  # type: ignore[arg-type]
        for node in every[ast.Constant]:
            self._constant(node)  # type: ignore[arg-type]
        for node in (*every[ast.FunctionDef], *every[ast.AsyncFunctionDef]):
            self._function(node)  # type: ignore[arg-type]
        for node in every[ast.AnnAssign]:
            self._text(node.annotation)  # type: ignore[attr-defined]
        for node in every[ast.Subscript]:
            self._subscript(node)  # type: ignore[arg-type]
        for node in every[ast.MatchClass]:
            self._matched(node)  # type: ignore[arg-type]
        for node, name in self._named_otherwise():
            self._binds(node, name)
        return self._found

    def _refuse(self, node: ast.AST, rule: str, what: str) -> None:
        if len(self._found) <= MAX_FINDINGS:
            self._found.append(Refusal(self._name, getattr(node, "lineno", 0), rule, what))

    def _attribute(self, node: ast.Attribute) -> None:
        name = node.attr
        base = self._known.what(node.value)
        if _leads_in(name):
            self._refuse(node, "attribute", f".{name}")
        elif name.startswith("_") and self._hidden(node, base):
            self._refuse(node, "private", f".{name}")
        elif name in rules.WRITES and name != "open" and id(node) not in self._consumed:
            self._refuse(node, "write", f".{name}")
        elif name in ("format", "format_map") and id(node) not in self._consumed:
            self._refuse(node, "format", f".{name}")
        if self._known.what(node) == _WRAPS and id(node) not in self._consumed:
            self._refuse(node, "indirect", "functools.wraps as a value")
        if base is None:
            return
        kind, dotted = base
        if kind == "module":
            self._consumed.add(id(node.value))
            problem = self._known.member(dotted, name)
            if problem is not None:
                self._refuse(node, *problem)
            elif id(node) not in self._consumed and self._known.is_module(f"{dotted}.{name}"):
                self._refuse(node, "module", f"{dotted}.{name} as a value")
        elif name in self._known.clock(dotted):
            self._refuse(node, "chance", f"{dotted}.{name}")
        if not isinstance(node.ctx, ast.Load) and not self._known.is_own(dotted):
            self._refuse(node, "patch", f"sets {dotted}.{name}")

    def _hidden(self, node: ast.Attribute, base: tuple[str, str] | None) -> bool:
        """Whether a name with one underscore is somebody else's."""
        if node.attr in rules.OF_TUPLES or node.attr.startswith("__"):
            return False
        own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        return not own and (base is None or not self._known.is_own(base[1]))

    def _matched(self, node: ast.MatchClass) -> None:
        """A pattern reads attributes: those that it names, or those that the class lists."""
        for name in node.kwd_attrs:
            if name.startswith("_") or _leads_in(name):
                self._refuse(node, "attribute", f".{name} in a pattern")
        if node.patterns and not (isinstance(node.cls, ast.Name) and node.cls.id in _BUILTINS):
            self._refuse(node, "indirect", "a pattern whose attributes a class lists")

    def _named_otherwise(self) -> Iterator[tuple[ast.AST, str | None]]:
        """Names that are bound by anything but an assignment or an import."""
        every = self._nodes
        for node in (*every[ast.ClassDef], *every[ast.ExceptHandler], *every[ast.MatchAs], *every[ast.MatchStar]):
            yield node, node.name  # type: ignore[attr-defined]
        for node in every[ast.MatchMapping]:
            yield node, node.rest  # type: ignore[attr-defined]
        for node in self._tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node, node.name
        for node in (*every[ast.Import], *every[ast.ImportFrom]):
            yield from ((node, alias.asname) for alias in node.names)  # type: ignore[attr-defined]

    def _binds(self, node: ast.AST, name: str | None) -> None:
        if name is None:
            return
        if name in rules.HOOKED or name.startswith("pytest_"):
            self._refuse(node, "hook", name)
        elif name.startswith("__") and name.endswith("__") and name not in rules.MAY_BIND:
            self._refuse(node, "name", f"sets {name}")

    def _named(self, node: ast.Name) -> None:
        name = node.id
        if not isinstance(node.ctx, ast.Load):
            self._binds(node, name)
        elif name in rules.HOOKED or name.startswith("pytest_"):
            self._refuse(node, "hook", name)
        if self._known.what(node) == _WRAPS and isinstance(node.ctx, ast.Load) and id(node) not in self._consumed:
            self._refuse(node, "indirect", "functools.wraps as a value")
        if id(node) in self._consumed or not isinstance(node.ctx, ast.Load):
            return
        if name in self._known.modules:
            if not self._local(node):
                self._refuse(node, "module", f"{name} as a value")
        elif name in _BUILTINS and name not in rules.BUILTINS and name not in rules.HARMLESS and not self._local(node):
            self._refuse(node, "indirect" if name in rules.INDIRECT else "name", name)
        elif name.startswith("__") and name not in rules.BUILTINS:
            self._refuse(node, "name", name)

    def _local(self, node: ast.Name) -> bool:
        return self._doubted() and is_local(node, self._nodes, self._tree)

    def _doubted(self) -> bool:
        """Count one more look at the whole file; False when there were too many."""
        self._doubts += 1
        return self._doubts <= _MAX_DOUBTS

    def _call(self, node: ast.Call) -> None:
        function = node.func
        called = self._known.what(function)
        if called == _WRAPS:  # with more than the function it copies any attribute to anything
            self._consumed.add(id(function))
            if node.keywords or len(node.args) != 1 or isinstance(node.args[0], ast.Starred):
                self._refuse(node, "indirect", "wraps with more than a function")
        elif called == ("object", "pytest.MonkeyPatch"):
            self._refuse(node, "patch", "a MonkeyPatch that nobody undoes")
        if isinstance(function, ast.Name) and function.id in rules.INDIRECT:
            self._consumed.add(id(function))
            plain = len(node.args) > 1 and not node.keywords and self._doubted()
            said = words(node.args[1], self._nodes) if plain else None
            if said is None or any(w.startswith("_") or w in _BY_NO_NAME or _leads_in(w) for w in said):
                self._refuse(node, "indirect", f"{function.id} of something else than a plain word")
            elif function.id == "setattr":
                self._changes(node, node.args[0], min(said))
        elif isinstance(function, ast.Attribute):
            if function.attr in rules.WRITES:
                self._consumed.add(id(function))
                self._refuse(node, "write", f".{function.attr}(...)")
            elif function.attr == "format" and _plain_places(function.value):
                self._consumed.add(id(function))
            elif function.attr == "getfixturevalue":
                self._refuse(node, "hook", ".getfixturevalue(...)")
            elif function.attr in ("run_path", "run_module"):
                self._ran(node, function.attr)
            elif self._place == "tests" and function.attr in rules.PATCHES:
                self._patched(node, function.attr)

    def _ran(self, node: ast.Call, how: str) -> None:
        """``runpy`` may run the package and the demos, which the gate has looked at, and nothing else."""
        inside = {c.value for a in node.args[:1] for c in ast.walk(a) if isinstance(c, ast.Constant)}
        names = {self._known.constants.get(n.id) for a in node.args[:1] for n in ast.walk(a) if isinstance(n, ast.Name)}
        if "demos" not in inside if how == "run_path" else self._package not in inside | names:
            self._refuse(node, "escape import", f"{how} of something else than the pack's own")

    def _patched(self, node: ast.Call, how: str) -> None:
        if how in ("setenv", "delenv"):
            name = _text_at(node, 0)
            if name is None or name.upper().startswith(rules.GUARDED_VARIABLES):
                self._refuse(node, "patch", f".{how} of {name or 'no plain word'}")
        elif how not in ("setattr", "delattr", "setitem", "delitem") or not node.args:
            self._refuse(node, "patch", f".{how}(...)")
        elif how.endswith("attr"):
            path = _text_at(node, 0)
            if path is not None:
                owner, _, last = path.rpartition(".")
                if not self._known.is_own(owner) or last.startswith("__") or ".__" in path:
                    self._refuse(node, "patch", f"patches {path}")
            else:
                self._changes(node, node.args[0], _text_at(node, 1))
        else:
            target = self._known.what(node.args[0])
            if target is None or not self._known.is_own(target[1]):
                self._refuse(node, "patch", f".{how} of what is not the pack's own")

    def _changes(self, node: ast.Call, target: ast.expr, name: str | None) -> None:
        """Whether ``name`` of ``target`` may be set. What is made in the file itself may; what is imported, seldom."""
        found = self._known.what(target)
        if name is None or name.startswith("__"):
            self._refuse(node, "patch", f"patches {name or 'by a name that is put together'}")
            return
        if found is None:
            return
        if found[0] == "module":
            self._consumed.add(id(target))
        if name not in rules.MAY_PATCH.get(found[1], ()) and not self._known.is_own(found[1]):
            self._refuse(node, "patch", f"patches {found[1]}.{name}")

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if isinstance(text, str) and text and (text[0] in "/~" or ".." in text) and _FOREIGN.search(text[:4096]):
            self._refuse(node, "outside", repr(text[:60]))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        every = list(arguments(node))
        if node.name in rules.METHODS:
            self._refuse(node, "attribute", f"defines {node.name}")
        if self._place == "tests":
            if node.name.startswith("pytest_"):
                self._refuse(node, "hook", node.name)
            for argument in every:
                if argument.arg in rules.FIXTURES:
                    self._refuse(node, "hook", f"the fixture {argument.arg}")
        for argument in every:
            if argument.annotation is not None:
                self._text(argument.annotation)
        if node.returns is not None:
            self._text(node.returns)

    def _text(self, annotation: ast.expr) -> None:
        if annotation.__class__ is not ast.Name and text_runs(annotation, _BUILTINS):
            self._refuse(annotation, "text as code", "an annotation in text")

    def _subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, ast.Load):
            if isinstance(node.value, ast.Name) and node.value.id in rules.GENERICS:
                self._text(node)
            return
        target = self._known.what(node.value)
        if target is not None and not self._known.is_own(target[1]):
            self._refuse(node, "patch", f"sets a part of {target[1]}")


def _leads_in(name: str) -> bool:
    """Whether an attribute of this name leads into the interpreter or to the judges."""
    hidden = name.startswith("__") and name not in rules.UNDERSCORED
    return hidden or name in rules.INTERPRETER or name in rules.JUDGES or name in rules.HELD


def _plain_places(text: ast.expr) -> bool:
    """Whether a text is plain and its places are names or numbers: `format` reads attributes of what it is given."""
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        return False
    try:
        parts = list(string.Formatter().parse(text.value))
    except ValueError:
        return True  # it raises, whoever asks
    return not any(set(field or "") & set(".[") or "{" in (spec or "") for _, field, spec, _ in parts)


def _text_at(node: ast.Call, place: int) -> str | None:
    """The argument at a place, where it is a plain text."""
    if len(node.args) <= place:
        return None
    value = node.args[place]
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def outcome(found: tuple[Refusal, ...]) -> tuple[Status, str, tuple[str, ...]]:
    """Status, detail and attempts of a verdict on a pack that the gate refused, in which nothing was run.

    One attempt makes it ``escaped``; what a mistake may lead to is ``failed``.
    """
    attempts = tuple(f"asked for {r.what} ({r.rule}) in {r.path}:{r.line}" for r in found if r.attempt)
    first = next((r for r in found if r.attempt), found[0])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return ("escaped" if attempts else "failed"), f"refused before it ran: {first.text}{more}", attempts
