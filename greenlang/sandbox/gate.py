"""The gate: an allow-list over files and syntax trees of a pack, asked before any of its code runs.

Belongs here: the files of a pack, and what the findings come to. Does not belong here: what one Python file may hold
(`greenlang.sandbox.gate_file`), running, the lists themselves (`greenlang.sandbox.gate_rules`), opinions on quality.
The gate is no wall: who passes it still runs confined. It is what the jail cannot be: it stops code that forges its own
results, because such code has to reach for names that no agent needs.
"""

from __future__ import annotations

import ast
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from greenlang.sandbox import gate_file
from greenlang.sandbox import gate_rules as rules
from greenlang.sandbox.gate_look import MAX_FINDINGS, Nodes, Refusal, gather
from greenlang.sandbox.gate_names import foreign_names, modules_held
from greenlang.sandbox.verdict import Status

__all__ = ["MAX_FILES", "MAX_FINDINGS", "MAX_PACK", "MAX_SOURCE", "Refusal", "check", "outcome"]

MAX_SOURCE = 1_000_000  # bytes of one Python file; the largest of a good pack has some 20,000
MAX_PACK = 32_000_000
MAX_FILES = 4_000


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
    nodes: dict[str, Nodes] = {name: gather(tree) for name, tree in parsed.items()}
    own = {_module(name): name for name in parsed if name.startswith(f"{package}/")}
    bound = {
        module: modules_held((*nodes[name][ast.Import], *nodes[name][ast.ImportFrom])) for module, name in own.items()
    }
    taken = (foreign_names(nodes[name][ast.ImportFrom], package) for name in own.values())
    foreign = frozenset().union(*taken, *bound.values()) - {package}
    for name, tree in parsed.items():
        found += gate_file.refusals(name, package, tree, nodes[name], bound, foreign)
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


def outcome(found: tuple[Refusal, ...]) -> tuple[Status, str, tuple[str, ...]]:
    """Status, detail and attempts of a verdict on a pack that the gate refused, in which nothing was run.

    One attempt makes it ``escaped``; what a mistake may lead to is ``failed``.
    """
    attempts = tuple(f"asked for {r.what} ({r.rule}) in {r.path}:{r.line}" for r in found if r.attempt)
    first = next((r for r in found if r.attempt), found[0])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return ("escaped" if attempts else "failed"), f"refused before it ran: {first.text}{more}", attempts
