"""What a name of a Python file stands for, as far as its syntax tells: modules, what is taken from them, locals.

Belongs here: names and scopes. Does not belong here: what is refused beyond imports (`greenlang.sandbox.gate`).
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from greenlang.sandbox import gate_rules as rules

_SDK = "greenlang_sdk"
_CHAIN = 30
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
Known = tuple[str, str]  # ("module" or "object", dotted name)


class Bindings:
    """What the imports of one file bind.

    ``bound``: every module of the package and the modules that it holds. ``foreign``: names that files of the package
    take from others; what is reached through them is not the package's own.
    """

    def __init__(
        self,
        module: str,
        is_package: bool,
        package: str,
        allowed: Mapping[str, frozenset[str]],
        bound: Mapping[str, frozenset[str]],
        foreign: frozenset[str] = frozenset(),
    ) -> None:
        self._foreign = foreign
        self._path = module.split(".")
        self._is_package = is_package
        self._package = package
        self._allowed = allowed
        self._bound = bound
        self.modules: dict[str, str] = {}
        self.objects: dict[str, str] = {}
        self.constants: dict[str, str] = {}

    def is_own(self, dotted: str) -> bool:
        """Whether it is the package or inside it, and did not come into it from elsewhere."""
        names = dotted.split(".")
        if names[0] != self._package:
            return False
        depth = next((n for n in range(len(names), 0, -1) if ".".join(names[:n]) in self._bound), 1)
        return self._foreign.isdisjoint(names[depth:])

    def is_own_module(self, found: Known) -> bool:
        """Whether it is a module of the package itself: its names may be patched."""
        return found[0] == "module" and found[1] in self._bound and self.is_own(found[1])

    def is_module(self, dotted: str) -> bool:
        """Whether a dotted name is a module that a file of a pack can hold."""
        return dotted in self._bound or dotted in self._allowed or _place_in_sdk(dotted) is not None

    def clock(self, dotted: str) -> set[str]:
        """Names of a class that tell the time."""
        module, _, name = dotted.rpartition(".")
        return rules.CLOCKS.get((module, name), set())

    def imports(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        """Rule and words for everything in an import that is refused; binds the names."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from self._module(alias.name)
                name = alias.asname or alias.name.partition(".")[0]
                yield from self._bind(name, "module", alias.name if alias.asname else name)
        elif isinstance(node, ast.ImportFrom):
            module = self._absolute(node)
            if module is None:
                yield "import", "a relative import that leaves the package"
                return
            refused = list(self._module(module))
            yield from refused
            for alias in node.names:
                if alias.name == "*":
                    yield "import", f"everything of {module}"
                elif not refused:
                    yield from self._taken(module, alias)

    def _taken(self, module: str, alias: ast.alias) -> Iterator[tuple[str, str]]:
        problem = self.member(module, alias.name)
        if problem is not None:
            yield problem
        dotted = f"{module}.{alias.name}"
        kind = "module" if self.is_module(dotted) else "object"
        yield from self._bind(alias.asname or alias.name, kind, dotted)

    def _bind(self, name: str, kind: str, dotted: str) -> Iterator[tuple[str, str]]:
        before = self.modules.get(name, self.objects.get(name))
        if before not in (None, dotted):
            yield "module", f"{name} for two things: {before} and {dotted}"
        (self.modules if kind == "module" else self.objects)[name] = dotted

    def _absolute(self, node: ast.ImportFrom) -> str | None:
        if node.level == 0:
            return node.module
        keep = len(self._path) - node.level + (1 if self._is_package else 0)
        if keep < 1 or self._path[0] != self._package:
            return None
        return ".".join([*self._path[:keep], *([node.module] if node.module else [])])

    def _module(self, module: str) -> Iterator[tuple[str, str]]:
        top = module.partition(".")[0]
        if module in self._bound or top == _SDK or module in self._allowed:
            return
        rule = "escape import" if top in rules.ESCAPES else "chance" if top in rules.CHANCE else "import"
        yield rule, f"import of {module}"

    def member(self, module: str, name: str) -> tuple[str, str] | None:
        """Rule and words where a name of a module is refused."""
        if self.is_own(module):
            if name.startswith("__") and name not in rules.UNDERSCORED:
                return "attribute", f"{module}.{name}"
            through = name in self._bound.get(module, ())
            return ("module", f"{name} through {module}") if through else None
        if module.partition(".")[0] == _SDK:
            through = name in sys.stdlib_module_names or name.startswith("_") or name in _taken_by_sdk(module)
            return ("module", f"{name} through {module}") if through else None
        names = self._allowed.get(module, frozenset())
        if name in names or (names is rules.ANY and not name.startswith("_")) or f"{module}.{name}" in self._allowed:
            return None
        top = module.partition(".")[0]
        reaches = top in rules.ESCAPES or name.startswith("_") or name in sys.stdlib_module_names
        rule = "escape import" if reaches else "chance" if top in rules.CHANCE else "import"
        return rule, f"{module}.{name}"

    def aliases(self, assignments: Iterable[ast.AST]) -> None:
        """Follow ``a = b`` where b is imported, and remember plain texts."""
        for node in assignments:
            assert isinstance(node, ast.Assign)
            target = node.targets[0]
            if not isinstance(target, ast.Name):
                continue
            value = node.value
            if isinstance(value, ast.Constant):
                if isinstance(value.value, str):
                    self.constants[target.id] = value.value
            elif isinstance(value, ast.Name | ast.Attribute):
                found = self.what(value)
                if found is not None and found[0] == "object" and not self.is_own(found[1]):
                    self.objects.setdefault(target.id, found[1])

    def what(self, node: ast.expr) -> Known | None:
        """What an expression such as ``a.b.c`` stands for, None where its root is not imported."""
        if node.__class__ is ast.Name:  # most are
            name = node.id
            plain = self.modules.get(name)
            if plain is not None:
                return "module", plain
            plain = self.objects.get(name)
            return None if plain is None else ("object", plain)
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or len(names) > _CHAIN:
            return None
        dotted = self.modules.get(node.id)
        kind = "module" if dotted is not None else "object"
        dotted = dotted or self.objects.get(node.id)
        if dotted is None:
            return None
        for name in reversed(names):
            dotted = f"{dotted}.{name}"
            kind = "module" if kind == "module" and self.is_module(dotted) else "object"
        return kind, dotted


@functools.lru_cache(1024)
def _place_in_sdk(dotted: str) -> Path | None:
    """The file of a module of the SDK; None where the name is none."""
    names = dotted.split(".")
    spec = importlib.util.find_spec(_SDK) if names[0] == _SDK else None
    if spec is None or not all(name.isidentifier() for name in names):
        return None
    place = Path(next(iter(spec.submodule_search_locations or ()))).joinpath(*names[1:])
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return path if path.is_file() else None


def modules_held(imports: Iterable[ast.AST]) -> frozenset[str]:
    """Names under which a file holds modules of others: what is reached through them is nobody's to take."""
    names: set[str] = set()
    for node in imports:
        if isinstance(node, ast.Import):
            names |= {a.asname or a.name.partition(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            held = rules.HOLDING.get(node.module or "", ())
            names |= {
                a.asname or a.name
                for a in node.names
                if a.name in held or _place_in_sdk(f"{node.module}.{a.name}") is not None
            }
    return frozenset(names)


@functools.cache
def _taken_by_sdk(module: str) -> frozenset[str]:
    """Names that a module of the SDK has from others, and that are nobody's to take from it."""
    path = _place_in_sdk(module)
    if path is None:
        return frozenset()
    return foreign_names(n for n in ast.walk(ast.parse(path.read_bytes())) if isinstance(n, ast.ImportFrom))


def foreign_names(imports: Iterable[ast.AST], *own: str) -> frozenset[str]:
    """The names that these imports take from modules other than the SDK, the own ones and those beside it."""
    found: set[str] = set()
    for node in imports:
        assert isinstance(node, ast.ImportFrom)
        top = (node.module or "").partition(".")[0]
        if not node.level and top not in (_SDK, *own):
            found |= {alias.asname or alias.name for alias in node.names}
    return frozenset(found)


def words(node: ast.expr, nodes: Mapping[type[ast.AST], list[ast.AST]], steps: int = 3) -> frozenset[str] | None:
    """The texts that an expression can stand for: a plain text, or the turn of a comprehension over plain texts.

    None where the syntax does not tell, or not within so many ``steps`` from name to name.
    """
    if isinstance(node, ast.Constant):
        return frozenset({node.value}) if isinstance(node.value, str) else None
    if isinstance(node, ast.Tuple):  # a list may hold something else by then
        parts = [words(part, {}) for part in node.elts]
        return frozenset().union(*(p for p in parts if p is not None)) if parts and None not in parts else None
    if not isinstance(node, ast.Name) or not nodes or not steps:
        return None
    name = node.id
    if _is_parameter(name, nodes) or name in _bound_otherwise(nodes) | _imported(nodes):
        return None
    sources: dict[int, ast.expr] = {}
    for kind in _COMPREHENSIONS:
        for outer in nodes[kind]:
            sources |= {id(g.target): g.iter for g in outer.generators}  # type: ignore[attr-defined]
    for assigned in nodes[ast.Assign]:
        sources |= {id(t): assigned.value for t in assigned.targets}  # type: ignore[attr-defined]
    stores = [n for n in nodes[ast.Name] if n.id == name and isinstance(n.ctx, ast.Store)]  # type: ignore[attr-defined]
    found: frozenset[str] = frozenset()
    for store in stores:
        source = sources.get(id(store))
        if source is None:
            return None
        part = words(source, nodes, steps - 1)
        if part is None:
            return None
        found |= part
    return found if stores else None


def is_rebound(name: str, nodes: Mapping[type[ast.AST], list[ast.AST]]) -> bool:
    """Whether anything in a file but an import binds a name."""
    stored = any(n.id == name and isinstance(n.ctx, ast.Store) for n in nodes[ast.Name])  # type: ignore[attr-defined]
    return stored or _is_parameter(name, nodes) or name in _bound_otherwise(nodes)


def _is_parameter(name: str, nodes: Mapping[type[ast.AST], list[ast.AST]]) -> bool:
    return any(name == a.arg for kind in _FUNCTIONS for f in nodes[kind] for a in arguments(f))


def _bound_otherwise(nodes: Mapping[type[ast.AST], list[ast.AST]]) -> set[str | None]:
    """Names that something else than an assignment or an import binds: definitions, handlers, patterns."""
    found = {n.name for kind in _NAMED for n in nodes[kind]}  # type: ignore[attr-defined]
    return found | {n.rest for n in nodes[ast.MatchMapping]}  # type: ignore[attr-defined]


def _imported(nodes: Mapping[type[ast.AST], list[ast.AST]]) -> set[str | None]:
    imports = (*nodes[ast.Import], *nodes[ast.ImportFrom])
    return {a.asname or a.name.partition(".")[0] for n in imports for a in n.names}  # type: ignore[attr-defined]


def arguments(function: ast.AST) -> Iterator[ast.arg]:
    """Every parameter of a function or lambda."""
    every: ast.arguments = function.args  # type: ignore[attr-defined]
    yield from (*every.posonlyargs, *every.args, *every.kwonlyargs)
    yield from (a for a in (every.vararg, every.kwarg) if a is not None)


def is_local(node: ast.Name, nodes: Mapping[type[ast.AST], list[ast.AST]], tree: ast.Module) -> bool:
    """Whether a name that is read is certainly the file's own: a parameter, a local, or a function made above it."""
    name = node.id
    deleted = any(isinstance(t, ast.Name) and t.id == name for d in nodes[ast.Delete] for t in d.targets)  # type: ignore[attr-defined]
    if deleted:
        return False
    for made in tree.body:
        if isinstance(made, ast.FunctionDef | ast.ClassDef) and made.name == name:
            return (made.end_lineno or made.lineno) < node.lineno
    for kind in _FUNCTIONS:
        for function in nodes[kind]:
            if _declares(function, name) and _inside(function, node):
                return True
    return any(
        name in {n.id for g in outer.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}  # type: ignore[attr-defined]
        and any(n is node for n in ast.walk(outer))
        and not any(n is node for n in ast.walk(outer.generators[0].iter))  # type: ignore[attr-defined]
        for kind in _COMPREHENSIONS
        for outer in nodes[kind]
    )


def _inside(function: ast.AST, node: ast.Name) -> bool:
    """In the body: defaults, decorators and annotations are read outside."""
    body = function.body if isinstance(function.body, list) else [function.body]  # type: ignore[attr-defined]
    return any(n is node for part in body for n in ast.walk(part))


def _declares(function: ast.AST, name: str) -> bool:
    if any(a.arg == name for a in arguments(function)):
        return True
    body = function.body  # type: ignore[attr-defined]
    stack: list[ast.AST] = list(body) if isinstance(body, list) else []
    stored = False
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return False
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            stored = True
        if not isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
            stack += ast.iter_child_nodes(node)
    return stored


def text_runs(
    annotation: ast.expr, builtin_names: frozenset[str], reaches: Callable[[ast.AST], bool] = lambda _: False
) -> bool:
    """Whether a text in an annotation is an expression that reaches for a name or attribute that is refused.

    ``reaches`` says of a part of such an expression whether the file itself may not name it.
    """
    stack: list[ast.AST] = [annotation]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _runs(node.value, builtin_names, reaches):
            return True
        if isinstance(node, ast.Call):
            continue  # what is given to Field and its like is no annotation
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
            continue
        stack += ast.iter_child_nodes(node)
    return False


def _runs(text: str, builtin_names: frozenset[str], reaches: Callable[[ast.AST], bool]) -> bool:
    if text.isidentifier() and not text.startswith("__") and text not in builtin_names:
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and (node.id.startswith("__") or node.id in builtin_names - rules.BUILTINS):
            return True
        if reaches(node):
            return True
    return False
