"""Checks over the syntax trees of a pack: docstrings, imports, handlers, branches.

Belongs here: pure functions over trees. Does not belong here: texts (`greenlang.quality.secrets`), scores.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

ALLOWED_IMPORTS = frozenset({"pydantic", "greenlang_sdk"})
# Modules through which a result could depend on when, where and how often it is asked, or on what somebody answers.
_NETWORK = frozenset(
    {
        "asyncio",
        "ftplib",
        "http",
        "imaplib",
        "nntplib",
        "poplib",
        "smtplib",
        "socket",
        "socketserver",
        "ssl",
        "telnetlib",
        "urllib",
        "webbrowser",
        "xmlrpc",
        "aiohttp",
        "boto3",
        "botocore",
        "grpc",
        "httpx",
        "requests",
        "urllib3",
        "websockets",
    }
)
_MODELS = frozenset(
    {
        "anthropic",
        "cohere",
        "google",
        "groq",
        "huggingface_hub",
        "langchain",
        "langchain_core",
        "litellm",
        "llama_cpp",
        "mistralai",
        "ollama",
        "openai",
        "sentence_transformers",
        "tensorflow",
        "torch",
        "transformers",
        "vertexai",
    }
)
_CHANCE = frozenset({"random", "secrets", "time", "datetime", "uuid", "tempfile", "threading", "multiprocessing"})
_PROCESSES = frozenset({"ctypes", "multiprocessing", "subprocess"})


def nodes(tree: ast.AST) -> list[ast.AST]:
    """A node and all below it, parents first; as `ast.walk`, at a third of its cost. Of a module it is found out once.

    Whoever changes a module that was walked changes what this says of it; nobody here does.
    """
    if isinstance(tree, ast.Module):
        below = _below.get(tree)
        if below is None:
            below = _below[tree] = _nodes(tree)[1:]  # without the module itself, which then would live for ever
        return [tree, *below]
    return _nodes(tree)


_below: WeakKeyDictionary[ast.Module, list[ast.AST]] = WeakKeyDictionary()


def _nodes(tree: ast.AST) -> list[ast.AST]:
    found = [tree]
    for node in found:  # grows while it is walked
        found += children(node)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """What is right below a node, in the order of the text; as `ast.iter_child_nodes`, at a third of its cost."""
    found: list[ast.AST] = []
    for value in node.__dict__.values():
        kind = type(value)
        if kind is int or kind is str:
            continue  # names and places in the text: most of what stands in a node
        if kind is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def package_trees(trees: Mapping[str, ast.Module], package: str) -> dict[str, ast.Module]:
    """The trees of the agent's own package."""
    return {name: tree for name, tree in trees.items() if name.startswith(f"{package}/")}


def public_names(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, bool]]:
    """Every public module, class, function and method, and whether it has a docstring."""
    for name, tree in trees.items():
        yield name, ast.get_docstring(tree) is not None
        yield from _members(name, tree.body)


def _members(prefix: str, body: list[ast.stmt]) -> Iterator[tuple[str, bool]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            name = f"{prefix}::{node.name}"
            yield name, ast.get_docstring(node) is not None
            if isinstance(node, ast.ClassDef):
                yield from _members(name, node.body)


def public_functions(tree: ast.Module) -> list[str]:
    """Names of the public functions of a module, in order."""
    return [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]


def imported(trees: Mapping[str, ast.Module], package: str) -> dict[str, str]:
    """Top-level modules that a package imports beside the standard library and itself -> ``file:line``."""
    found: dict[str, str] = {}
    for file, tree in trees.items():
        for node in nodes(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top != package and top not in sys.stdlib_module_names:
                    found.setdefault(top, f"{file}:{getattr(node, 'lineno', 0)}")
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and top-level name of every absolute import."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]


def _named(trees: Mapping[str, ast.Module], names: frozenset[str]) -> Iterator[tuple[str, int, str]]:
    for path, tree in trees.items():
        yield from ((path, line, name) for line, name in _imports(tree) if name in names)


def forbidden_imports(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, int, str]]:
    """Imports of clock, chance, network or model clients: file, line, module."""
    return _named(trees, _NETWORK | _MODELS | _CHANCE | _PROCESSES)


def paid_imports(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, int, str]]:
    """Imports through which a paid service can be reached: file, line, module."""
    return _named(trees, _NETWORK | _MODELS | _PROCESSES)


def reached(trees: Mapping[str, ast.Module], package: str) -> dict[str, ast.Module]:
    """The modules that importing the package imports: what a calculation can run. Logs and command line stand aside."""
    found: dict[str, ast.Module] = {}
    queue = [f"{package}/__init__.py"]
    while queue:
        name = queue.pop()
        if name in found or name not in trees:
            continue
        found[name] = trees[name]
        queue += _within(trees[name], name, package)
    return found


def _within(tree: ast.Module, name: str, package: str) -> Iterator[str]:
    """The files of the package that a module imports."""
    here = name.split("/")[:-1]
    for node in nodes(tree):
        targets: list[list[str]] = []
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = here[: len(here) - node.level + 1]
            elif (node.module or "").partition(".")[0] == package:
                base = []
            else:
                continue
            base = [*base, *(node.module.split(".") if node.module else [])]
            targets = [base, *([*base, alias.name] for alias in node.names)]
        elif isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names if alias.name.partition(".")[0] == package]
        for parts in targets:  # importing a.b.c imports a and a.b, too
            for end in range(1, len(parts) + 1):
                yield f"{'/'.join(parts[:end])}.py"
                yield f"{'/'.join(parts[:end])}/__init__.py"


def blanket_handlers(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, int, str]]:
    """Handlers that catch everything and do not raise again, or that drop what they caught: file, line, what."""
    for path, tree in trees.items():
        for node in nodes(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            names = {n.id for n in nodes(node.type) if isinstance(n, ast.Name)} if node.type else {"everything"}
            wide = names & {"everything", "Exception", "BaseException"}
            if wide and not any(isinstance(inner, ast.Raise) for inner in nodes(node)):
                yield path, node.lineno, f"catches {min(wide)} and does not raise it again"
            elif all(isinstance(inner, ast.Pass) or _ellipsis(inner) for inner in node.body):
                yield path, node.lineno, "drops what it caught"


def _ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.match_case)


def branches(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, int, str, int]]:
    """Every function with the number of its branches, one for a straight one: file, line, name, count."""
    for path, tree in trees.items():
        for node in nodes(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node.lineno, node.name, 1 + sum(isinstance(inner, _BRANCHES) for inner in nodes(node))


def tests_calling(tree: ast.Module, text: str, names: tuple[str, ...]) -> Iterator[str]:
    """Tests of a module, as ids behind the file's name, that call a function or method of one of these names.

    ``text`` is the module's source: only functions in whose lines such a name stands are looked into.
    """
    lines = text.splitlines()
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test"):
            continue
        said = lines[node.lineno - 1 : node.end_lineno]
        if any(name in line for line in said for name in names) and any(
            isinstance(call, ast.Call) and _called(call) in names for call in nodes(node)
        ):
            yield node.name


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
