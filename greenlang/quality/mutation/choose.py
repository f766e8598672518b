"""All changes of a pack, a sample of them, and the controls.

Belongs here: which files are changed, which changes are taken, their ids. Does not belong here: making changes.
"""

from __future__ import annotations

import ast
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from greenlang.quality.mutation import operators as op
from greenlang.quality.mutation.code import code_edits
from greenlang.quality.mutation.declared import Signatures, agent_edits, entry_edits, model_edits
from greenlang.quality.mutation.model import Edit, Mutant, Source, line_of
from greenlang.quality.mutation.tables import Alternatives, table_edits
from greenlang.quality.mutation.telling import Telling, checked, tables_of
from greenlang.quality.source import nodes
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.trial import MutatedFile

CONTROLS = 1  # with a sample: each costs as much as a mutant that survives
CONTROLS_OF_ALL = 2


def mutants(
    resolution: Resolution,
    pack: Path,
    package: str,
    *,
    alternatives: Alternatives | None = None,
    limit: int | None = 20,
) -> tuple[Mutant, ...]:
    """Mutants of a pack on disk, controls among them (one; two where all are made), in an order that tells nothing.

    ``limit``: that many beside the controls, spread over the operators and chosen by the digest of the spec; None for
    all. ``alternatives`` gives the rows that could stand in a pinned row's place; without it none is replaced.
    Raises OSError for a pack that lacks a file, SyntaxError for code that does not parse.
    """
    files = read(pack, package)
    return choose(resolution, files, alternatives=alternatives, limit=limit)


def read(pack: Path, package: str) -> dict[str, bytes]:
    """The files of a pack that compute, by path relative to the pack."""
    root = pack / package
    folders = [root, *sorted(p for p in (root / "parts").glob("*") if p.is_dir())]
    found = [folder / name for folder in folders for name in ("tools.py", "agent.py", "models.py")]
    return {
        path.relative_to(pack).as_posix(): path.read_bytes()
        for path in (*found, root / "factors.json")
        if path.is_file()
    }


def choose(
    resolution: Resolution,
    files: Mapping[str, bytes],
    *,
    alternatives: Alternatives | None = None,
    limit: int | None = 20,
) -> tuple[Mutant, ...]:
    """As `mutants`, for files in memory."""
    sources = {path: Source(path, data) for path, data in files.items() if path.endswith(".py")}
    every = _different(edits(resolution, files, sources, alternatives), files)
    seed = resolution.spec.digest
    shows = _shows(resolution, files, sources)
    taken = [e for e in every if shows(e)] if limit is None else _spread(every, seed, limit, shows)
    controls = _controls(sources, seed, CONTROLS_OF_ALL if limit is None else CONTROLS)
    made = [_mutant(edit, files, seed) for edit in (*taken, *controls)]
    return tuple(sorted(made, key=lambda mutant: mutant.id))


def edits(
    resolution: Resolution, files: Mapping[str, bytes], sources: Mapping[str, Source], alternatives: Alternatives | None
) -> Iterator[Edit]:
    """Every change, file by file."""
    for path, data in files.items():
        folder, name = PurePosixPath(path).parent, PurePosixPath(path).name
        if name == "factors.json":
            yield from table_edits(path, data, alternatives)
            continue
        source = sources[path]
        if name == "tools.py":
            for part in resolution.flat if "parts" not in folder.parts else _part(resolution, folder.name):
                yield from code_edits(source, part)
            yield from entry_edits(source)
        elif name == "models.py":
            yield from model_edits(source)
        elif (tools := sources.get((folder / "tools.py").as_posix())) is not None:
            yield from agent_edits(source, Signatures({f.name: f for f in tools.functions()}, tools.has_decimal))


def _part(resolution: Resolution, module: str) -> Iterable[Resolution]:
    from greenlang.factory.naming import part_modules

    modules = part_modules([part.spec.part for part in resolution.flat])
    return [part for part, name in zip(resolution.flat, modules, strict=True) if name == module]


def _different(found: Iterable[Edit], files: Mapping[str, bytes]) -> list[Edit]:
    """Each new content once, under the first operator that gives it; nothing that changes no byte."""
    out: dict[tuple[str, int, int, str], Edit] = {}
    for edit in found:
        if files[edit.path][edit.start : edit.end] != edit.after.encode():
            out.setdefault((edit.path, edit.start, edit.end, edit.after), edit)
    return list(out.values())


def _rank(edit: Edit, seed: str) -> str:
    text = f"{seed}\0{edit.path}\0{edit.start}\0{edit.end}\0{edit.after}"
    return hashlib.sha256(text.encode()).hexdigest()


def _shows(resolution: Resolution, files: Mapping[str, bytes], sources: Mapping[str, Source]) -> Callable[[Edit], bool]:
    """Whether a change shows: what no input tells from the pack is no mutant."""
    from greenlang.factory.naming import part_modules

    factors = next((data for path, data in files.items() if path.endswith("factors.json")), None)
    tables = tables_of(factors)
    modules = part_modules([part.spec.part for part in resolution.flat]) if resolution.parts else [""]
    parts = dict(zip(modules, resolution.flat, strict=True))
    asked: dict[PurePosixPath, Telling | None] = {}

    def shows(edit: Edit) -> bool:
        folder = PurePosixPath(edit.path).parent
        if not checked(edit):
            return True
        if folder not in asked:
            part = parts.get(folder.name if "parts" in folder.parts else "")
            asked[folder] = Telling(part, folder, sources, tables) if part is not None else None
        told = asked[folder]
        return told is None or told.shows(edit)

    return shows


def _spread(every: Iterable[Edit], seed: str, limit: int, shows: Callable[[Edit], bool]) -> list[Edit]:
    """One of each operator in turn, in the order of the digest; those that show."""
    groups: dict[str, list[tuple[str, Edit]]] = defaultdict(list)
    for edit in every:
        groups[edit.operator].append((_rank(edit, seed), edit))
    queues = [sorted(groups[name], key=lambda pair: pair[0]) for name in op.NAMES if name in groups]
    taken: list[Edit] = []
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            if len(taken) < limit and turn < len(queue) and shows(queue[turn][1]):
                taken.append(queue[turn][1])
    return taken


def _mutant(edit: Edit, files: Mapping[str, bytes], seed: str) -> Mutant:
    data = files[edit.path]
    name = _rank(edit, seed)[:16]
    content = data[: edit.start] + edit.after.encode() + data[edit.end :]
    before, after = edit.said if any(edit.said) else (data[edit.start : edit.end].decode(), edit.after)
    if "\n" not in before and len(before) < 3:  # a bare operator says little
        before, after = _around(data, edit.start, edit.end), _around(content, edit.start, edit.start + len(edit.after))
    file = MutatedFile(name, edit.path, content, control=edit.operator == op.CONTROL)
    return Mutant(name, edit.operator, edit.path, line_of(data, edit.start), before, after, file)


def _around(data: bytes, start: int, end: int) -> str:
    """The line of a place."""
    first = data.rfind(b"\n", 0, start) + 1
    last = data.find(b"\n", end)
    return data[first : last if last >= 0 else len(data)].decode().strip()


# --- controls -------------------------------------------------------------------------------------------------------


def _controls(sources: Mapping[str, Source], seed: str, count: int) -> list[Edit]:
    """Files that compute as before: a local variable of another name where there is one, comments and blank lines."""
    found = [edit for source in sources.values() for edit in (*_renamed(source), *_laid_out(source))]
    ranked = sorted(found, key=lambda edit: _rank(edit, seed))
    renamed = [edit for edit in ranked if edit.said[1] == "renamed"][:1]
    return (renamed + [edit for edit in ranked if edit not in renamed])[:count]


def _laid_out(source: Source) -> Iterator[Edit]:
    """Comments and blank lines after the statements of functions."""
    for node in nodes(source.tree):
        if isinstance(node, ast.Return):
            at = source.start(node)
            column = " " * node.col_offset
            yield Edit(op.CONTROL, source.path, at, at, f"# what is answered\n\n{column}", ("layout", "laid out anew"))


def _renamed(source: Source) -> Iterator[Edit]:
    """One local variable of a function under another name."""
    for function in source.functions():
        local = next((n.targets[0].id for n in function.body if _assigns(n)), None)  # type: ignore[attr-defined]
        if local is None:
            continue
        taken = {n.id for n in nodes(function) if isinstance(n, ast.Name)} | {a.arg for a in function.args.kwonlyargs}
        other = f"{local}_value"
        while other in taken:
            other += "_"
        first, last = source.start(function.body[0]), source.end(function.body[-1])
        data, at = bytearray(source.data[first:last]), 0
        places = sorted(source.start(n) for n in nodes(function) if isinstance(n, ast.Name) and n.id == local)
        for place in places:
            begin = place - first + at
            data[begin : begin + len(local.encode())] = other.encode()
            at += len(other.encode()) - len(local.encode())
        yield Edit(op.CONTROL, source.path, first, last, data.decode(), (local, "renamed"))


def _assigns(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
