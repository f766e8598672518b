"""One Python file of a pack, looked at: its imports, names, attributes, texts and definitions.

Belongs here: what a file names and defines. Does not belong here: what it calls (`gate_calls`) and sets (`gate_sets`),
the lists (`gate_rules`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from greenlang.sandbox import gate_calls, gate_sets
from greenlang.sandbox import gate_rules as rules
from greenlang.sandbox.gate_look import BUILTINS, Look, Nodes, Refusal, is_reach, leads_in
from greenlang.sandbox.gate_names import Bindings, arguments, text_runs

_FOREIGN = re.compile(rf"^(?:/(?:{'|'.join(rules.FOREIGN_ROOTS)})(?:/|$)|~[/\w]*/|~$)|(?:^|[\\/])\.\.(?:[\\/]|$)")


def refusals(
    name: str,
    package: str,
    tree: ast.Module,
    nodes: Nodes,
    bound: Mapping[str, frozenset[str]],
    foreign: frozenset[str],
) -> list[Refusal]:
    """Everything that is refused in one file. ``bound`` and ``foreign``: as for `Bindings`."""
    place = _place(name, package)
    module = name[:-3].replace("/", ".").removesuffix(".__init__")
    known = Bindings(module, name.endswith("/__init__.py"), package, rules.PLACES[place], bound, foreign)
    look = Look(name, package, place, tree, nodes, known)
    for node in (*nodes[ast.Import], *nodes[ast.ImportFrom]):
        for rule, what in known.imports(node):
            look.refuse(node, rule, what)
    known.aliases(nodes[ast.Assign])
    gate_calls.calls(look)
    gate_sets.attributes(look)
    _File(look).look()
    gate_sets.parts(look)
    return look.found


def _place(name: str, package: str) -> str:
    special = {f"{package}/logs.py": "logs", f"{package}/__main__.py": "main"}
    top = name.partition("/")[0]
    return special.get(name, "package" if top == package else top)


class _File:
    def __init__(self, look: Look) -> None:
        self._look = look
        self._known = look.known
        self._plain: set[str] = set()  # names that nobody minds being read, whoever reads them

    def look(self) -> None:
        every = self._look.nodes
        for node in every[ast.Attribute]:
            self._attribute(node)  # type: ignore[arg-type]
        for node in every[ast.Name]:
            self._named(node)  # type: ignore[arg-type]
        for node in every[ast.Constant]:
            self._constant(node)  # type: ignore[arg-type]
        for node in self._look.functions():
            self._function(node)  # type: ignore[arg-type]
        for node in every[ast.Lambda]:
            self._parameters(node)
        for node in every[ast.AnnAssign]:
            self._text(node.annotation)  # type: ignore[attr-defined]
        for node in every[ast.Subscript]:
            self._subscript(node)  # type: ignore[arg-type]
        for node in every[ast.MatchClass]:
            self._matched(node)  # type: ignore[arg-type]
        for node, name in self._named_otherwise():
            self._binds(node, name)
        self._models()
        if self._look.place == "tests":
            self._tests()

    def _attribute(self, node: ast.Attribute) -> None:
        look, name = self._look, node.attr
        base = self._known.what(node.value)
        consumed = id(node) in look.consumed
        if leads_in(name) or (name in rules.BEGINNINGS and not consumed):
            look.refuse(node, "attribute", f".{name}")
        elif name.startswith("_") and self._hidden(node, base):
            look.refuse(node, "private", f".{name}")
        elif not consumed and name in rules.WRITES and name != "open":
            look.refuse(node, "write", f".{name}")
        elif not consumed and name in ("format", "format_map"):
            look.refuse(node, "format", f".{name}")
        elif not consumed and name == "model_validate":
            look.refuse(node, "indirect", f".{name} as a value, or with words that are put together")
        elif not consumed and name in rules.HANDED:
            look.refuse(node, "patch", f".{name} as a value")
        if gate_calls.is_only_called(look, node):
            look.refuse(node, "indirect", f"{name} as a value")
        if base is None:
            return
        kind, dotted = base
        if kind == "module":
            look.consumed.add(id(node.value))
            problem = self._known.member(dotted, name)
            if problem is not None:
                look.refuse(node, *problem)
            elif id(node) not in look.consumed and self._known.is_module(f"{dotted}.{name}"):
                look.refuse(node, "module", f"{dotted}.{name} as a value")
        elif name in self._known.clock(dotted):
            look.refuse(node, "chance", f"{dotted}.{name}")

    def _hidden(self, node: ast.Attribute, base: tuple[str, str] | None) -> bool:
        """Whether a name with one underscore is somebody else's."""
        if node.attr in rules.OF_TUPLES or node.attr.startswith("__"):
            return False
        own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        return not own and (base is None or not self._known.is_own(base[1]))

    def _matched(self, node: ast.MatchClass) -> None:
        """A pattern reads attributes: those that it names, or those that the class lists."""
        for name in node.kwd_attrs:
            if is_reach(name):
                self._look.refuse(node, "attribute", f".{name} in a pattern")
        if node.patterns and not (isinstance(node.cls, ast.Name) and node.cls.id in BUILTINS):
            self._look.refuse(node, "indirect", "a pattern whose attributes a class lists")

    def _named_otherwise(self) -> Iterator[tuple[ast.AST, str | None]]:
        """Names that are bound by anything but an assignment."""
        every = self._look.nodes
        for node in (*every[ast.ClassDef], *every[ast.ExceptHandler], *every[ast.MatchAs], *every[ast.MatchStar]):
            yield node, node.name  # type: ignore[attr-defined]
        for node in every[ast.MatchMapping]:
            yield node, node.rest  # type: ignore[attr-defined]
        for node in self._look.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node, node.name
        for node in (*every[ast.Import], *every[ast.ImportFrom]):
            yield from ((node, alias.asname) for alias in node.names)  # type: ignore[attr-defined]

    def _binds(self, node: ast.AST, name: str | None) -> None:
        if name is None:
            return
        if name in rules.HOOKED or name.startswith("pytest_"):
            self._look.refuse(node, "hook", name)
        elif name.startswith("__") and name.endswith("__") and name not in rules.MAY_BIND:
            self._look.refuse(node, "name", f"sets {name}")
        elif name in rules.OF_FIELDS:
            self._look.refuse(node, "indirect", f"{name}, which has pydantic read attributes")
        elif name == "self":
            self._look.refuse(node, "set", "another thing called self")

    def _named(self, node: ast.Name) -> None:
        look, name = self._look, node.id
        if not isinstance(node.ctx, ast.Load):
            self._binds(node, name)
            return
        if name in self._plain:
            return
        if name in rules.HOOKED or name.startswith("pytest_"):
            look.refuse(node, "hook", name)
        elif self._is_plain(name):
            self._plain.add(name)
            return
        if id(node) in look.consumed:
            return
        if gate_calls.is_only_called(look, node):
            look.refuse(node, "indirect", f"{name} as a value")
        if name in self._known.modules:
            if not look.local(node):
                look.refuse(node, "module", f"{name} as a value")
        elif name == "type":
            if id(node) not in look.annotations and not look.local(node):
                look.refuse(node, "indirect", "type of more than one thing, or as a value")
        elif name in BUILTINS and name not in rules.BUILTINS and name not in rules.HARMLESS and not look.local(node):
            look.refuse(node, "indirect" if name in rules.INDIRECT else "name", name)
        elif name.startswith("__") and name not in rules.BUILTINS:
            look.refuse(node, "name", name)

    def _is_plain(self, name: str) -> bool:
        """Neither imported, nor hidden, nor built into Python, but for what every file may use as it likes."""
        if name in self._known.modules or name in self._known.objects or name == "type":
            return False
        return name in rules.BUILTINS or not (name in BUILTINS or name.startswith("__"))

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if text in rules.OF_FIELDS:
            self._look.refuse(node, "indirect", f"{text}, which has pydantic read attributes")
        if isinstance(text, str) and text and (text[0] in "/~" or ".." in text) and _FOREIGN.search(text[:4096]):
            self._look.refuse(node, "outside", repr(text[:60]))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        name = node.name
        if name.startswith("__") and name.endswith("__") and name not in rules.MAY_DEFINE:
            self._look.refuse(node, "attribute", f"defines {name}")
        if name.startswith("pytest_") and self._look.place == "tests":
            self._look.refuse(node, "hook", name)
        self._parameters(node)
        for argument in arguments(node):
            if argument.annotation is not None:
                self._text(argument.annotation)
        if node.returns is not None:
            self._text(node.returns)
            if self._look.place == "demos" and node.decorator_list:
                self._answers(node.returns)

    def _answers(self, returns: ast.expr) -> None:
        """FastAPI has pydantic read the attributes of an answer that is said to be a model."""
        for part in ast.walk(returns):
            name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else "None"
            if name not in rules.ANSWERS or (isinstance(part, ast.Constant) and part.value is not None):
                self._look.refuse(returns, "indirect", f"an answer that is {ast.unparse(returns)[:60]}")
                return

    def _parameters(self, node: ast.AST) -> None:
        for argument in arguments(node):
            if self._look.place == "tests" and argument.arg in rules.FIXTURES:
                self._look.refuse(node, "hook", f"the fixture {argument.arg}")

    def _text(self, annotation: ast.expr) -> None:
        if annotation.__class__ is not ast.Name and text_runs(annotation, BUILTINS, self._reaches):
            self._look.refuse(annotation, "text as code", "an annotation in text")

    def _reaches(self, node: ast.AST) -> bool:
        """Whether a part of a text that becomes code reaches for what the file itself may not name."""
        if isinstance(node, ast.Attribute):
            base = self._known.what(node.value)
            refused = base is not None and base[0] == "module" and self._known.member(base[1], node.attr) is not None
            return refused or is_reach(node.attr)
        return isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)

    def _subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name) and node.value.id in rules.GENERICS:
            self._text(node)

    def _models(self) -> None:
        """How a model of pydantic reads what it is given is said in plain words."""
        every, plain = self._look.nodes, set()
        for node in (*every[ast.Assign], *every[ast.AnnAssign]):
            value = node.value  # type: ignore[attr-defined]
            made = self._known.what(value.func) if isinstance(value, ast.Call) else None
            if made == ("object", "pydantic.ConfigDict"):
                plain |= {id(t) for t in (node.targets if isinstance(node, ast.Assign) else [node.target])}  # type: ignore[attr-defined]
        for node in every[ast.Name]:
            named = node.id == "model_config" and not isinstance(node.ctx, ast.Load)  # type: ignore[attr-defined]
            if named and id(node) not in plain:
                self._look.refuse(node, "indirect", "model_config that is no ConfigDict")
        for node, name in self._named_otherwise():
            if name in ("model_config", "Config"):
                self._look.refuse(node, "indirect", f"{name} that is no ConfigDict")

    def _tests(self) -> None:
        """What pytest takes for a test by its name is defined in the file itself, where the gate has seen it."""
        look, known = self._look, self._known
        for node in look.outside_functions():
            if isinstance(node, ast.ImportFrom):
                names = [alias.asname or alias.name for alias in node.names]
                names = [name for name in names if name not in known.modules]
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names = [node.id]
            else:
                continue
            for name in names:
                if name.startswith(("test", "Test")):
                    look.refuse(node, "hook", f"{name}, a test that is defined elsewhere")
