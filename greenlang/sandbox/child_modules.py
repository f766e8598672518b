"""The agent's modules, loaded so that one of them can be replaced in the running process, in the confined child.

Belongs here: loading the package with the content of one file changed, and putting everything back. Does not belong
here: tests and what they find (`greenlang.sandbox.child_mutants`).

A changed file means new module objects for itself and for every module of the package that imports it, as in a new
process; what does not depend on it stays. Files are never written: whoever reads a changed file of data gets the new
content. Source gets its new content by being imported only: a test that compares the text of the source notices every
mutant and tests nothing.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import importlib.machinery
import importlib.util
import io
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType
from typing import Any

_OPEN = io.open  # foreign code may replace what `Path` and `io` hand out
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(.*)|import[ \t]+(.*))$", re.M)
_DYNAMIC = re.compile(r"import_module|__import__")


class BrokenMutant(Exception):
    """The changed agent cannot be imported."""


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module of the package; its code is compiled once and kept."""

    def __init__(self, name: str, path: str, modules: Modules) -> None:
        super().__init__(name, path)
        self._modules = modules

    def get_code(self, fullname: str) -> CodeType:
        return self._modules.code(self.get_filename(fullname))

    def get_data(self, path: str) -> bytes:
        changed = self._modules.changed.get(os.fspath(path))
        return super().get_data(path) if changed is None or path.endswith(".py") else changed


class Modules:
    """The modules of one package. A finder for `sys.meta_path`, in front of the others.

    ``codes``: code by absolute path, as the supervisor compiled it; what is not there is compiled here.
    """

    def __init__(self, pack: Path, package: str, codes: Mapping[str, CodeType] = MappingProxyType({})) -> None:
        self._pack = pack
        self._package = package
        self._codes = dict(codes)
        self._asked: set[str] = set()  # names of modules that were looked for
        self._graph: dict[str, set[str]] | None = None
        self.changed: dict[str, bytes] = {}  # absolute path -> content in force
        self._changed_code: dict[str, CodeType] = {}
        sys.meta_path.insert(0, self)

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Where a module of the package is; None for all others."""
        if name != self._package and not name.startswith(f"{self._package}."):
            return None
        self._asked.add(name)
        place = self._pack.joinpath(*name.split("."))
        if (place / "__init__.py").is_file():
            file, inside = str(place / "__init__.py"), [str(place)]
        elif place.with_name(f"{place.name}.py").is_file():
            file, inside = f"{place}.py", None
        else:
            return None
        loader = _Loader(name, file, self)
        return importlib.util.spec_from_file_location(name, file, loader=loader, submodule_search_locations=inside)

    def code(self, path: str) -> CodeType:
        """The code of a source file as it is now. Raises SyntaxError."""
        if path in self._changed_code:
            return self._changed_code[path]
        found = self._codes.get(path)
        if found is None:
            data = _bytes(path)
            found = self._codes[path] = compile(data, path, "exec", dont_inherit=True)
        return found

    def loaded(self) -> dict[str, ModuleType]:
        """The modules of the package that are imported, by name."""
        return {name: sys.modules[name] for name in sorted(self._asked) if name in sys.modules}

    def touched(self, path: str) -> set[str]:
        """Names of the loaded modules that a change of this file (relative to the pack) can reach by an import."""
        modules = self.loaded()
        file = str(self._pack / path)
        seeds = {name for name, module in modules.items() if getattr(module, "__file__", None) == file}
        if not seeds:  # data: those who name it, and where none does, all
            word = Path(path).name.encode()
            seeds = {name for name in modules if word in self._source(name)} or set(modules)
        graph = self._graph = self._graph or self._imports(modules)
        found: set[str] = set()
        while seeds:
            found |= seeds
            seeds = {name for name, needs in graph.items() if needs & seeds} - found
        return found

    def _source(self, name: str) -> bytes:
        try:
            return _bytes(str(sys.modules[name].__file__))
        except OSError:
            return b""

    def _imports(self, modules: dict[str, ModuleType]) -> dict[str, set[str]]:
        """For each module those of the package that it may import: from its lines, rather too many than too few."""
        graph: dict[str, set[str]] = {}
        for name, module in modules.items():
            text = self._source(name).decode(errors="replace")
            if _DYNAMIC.search(text):
                graph[name] = set(modules) - {name}
                continue
            base = name if hasattr(module, "__path__") else name.rpartition(".")[0]
            needs: set[str] = set()
            for dots, target, names, plain in _IMPORT.findall(text):
                if plain:
                    needs |= {word.split()[0] for word in plain.split(",") if word.split()}
                    continue
                start = base.rsplit(".", len(dots) - 1)[0] if len(dots) > 1 else base
                source = ".".join(part for part in (start if dots else "", target) if part)
                words = re.findall(r"\w+", names)
                inside = {f"{source}.{word}" for word in words}
                if names.strip().startswith("(") or "\\" in names or "*" in names:
                    inside = {source, *(other for other in modules if other.startswith(f"{source}."))}
                elif not inside <= set(modules):
                    inside.add(source)  # a name that is no module comes out of the package itself
                needs |= inside
            graph[name] = {need for need in needs if need in modules} - {name}
        return graph

    @contextlib.contextmanager
    def with_file(self, path: str, content: bytes) -> Iterator[None]:
        """The package as it is with another content of one file. Raises BrokenMutant where it does not import."""
        file = str(self._pack / path)
        before = self.loaded()
        names = self.touched(path)
        self.changed[file] = content
        try:
            with reading({} if file.endswith(".py") else self.changed):
                self._compile(file, content)
                for name in names:
                    del sys.modules[name]
                    parent, _, tail = name.rpartition(".")
                    if parent and parent not in names:  # it stays, and must not hand out what does not
                        sys.modules[parent].__dict__.pop(tail, None)
                self._import(sorted(names), before)  # packages before what is in them
                yield
        finally:
            self.changed.clear()
            self._changed_code.clear()
            for name in self.loaded():
                del sys.modules[name]
            sys.modules.update(before)
            _bind(before)

    def _compile(self, file: str, content: bytes) -> None:
        if not file.endswith(".py"):
            return
        try:
            self._changed_code[file] = compile(content, file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise BrokenMutant(str(error)) from error

    def _import(self, names: list[str], before: dict[str, ModuleType]) -> None:
        try:
            for name in names:
                importlib.import_module(name)
                kept = {n: m for n, m in before.items() if n not in names and n.startswith(f"{name}.")}
                _bind(kept)
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:  # foreign code; what it raised is the finding
            raise BrokenMutant(f"{type(error).__name__}: {error}") from error


def _bind(modules: dict[str, ModuleType]) -> None:
    """Let each package know its modules as attributes, as an import does."""
    for name, module in modules.items():
        parent, _, tail = name.rpartition(".")
        if parent in sys.modules:
            setattr(sys.modules[parent], tail, module)


def _bytes(path: str) -> bytes:
    with _OPEN(path, "rb") as file:
        return bytes(file.read())


@contextlib.contextmanager
def reading(changed: dict[str, bytes]) -> Iterator[None]:
    """Whoever opens a changed file for reading gets its new content."""
    opened = io.open
    files = dict.fromkeys(changed)

    def open_changed(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if isinstance(file, (str, os.PathLike)) and os.path.abspath(os.fspath(file)) in files:  # noqa: PTH100
            content = io.BytesIO(changed[os.path.abspath(os.fspath(file))])  # noqa: PTH100
            if "b" in mode:
                return content
            encoding = named.get("encoding") or (arguments[1] if len(arguments) > 1 else None) or "utf-8"
            return io.TextIOWrapper(content, encoding)
        return opened(file, mode, *arguments, **named)

    places: tuple[tuple[Any, str], ...] = ((io, "open"), (builtins, "open"))
    try:
        for module, name in places:
            setattr(module, name, open_changed)
        yield
    finally:
        for module, name in places:
            setattr(module, name, opened)
