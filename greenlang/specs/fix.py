"""``--fix``: repairs that need no judgement, as edits of the author's text; comments and layout stay.

What is repaired: ``required: true`` inside a parameter (JSON Schema's third draft) moves to the list of its object;
keys and types that dialect B spells otherwise; keys in other capitals; texts that lack their quotes and numbers that
have some; truth values written as yes or no; units whose meaning is beyond doubt; a key that stands twice with the same
value. After the repair the file means what it meant, or is read where it was refused; otherwise nothing is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from greenlang.errors import UnitError
from greenlang.specs import nodes, schema
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.form import AS_TRUTH, IN_DIGITS, IN_QUOTES
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import Report, report
from greenlang.specs.schema import DTYPES, DTYPES_ELSEWHERE
from greenlang.specs.source import Path, dotted, parse
from greenlang.specs.unit_words import read_unit
from greenlang.units import parse_unit

_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Fixed:
    """The repaired text and what was changed, a sentence each."""

    data: bytes
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str
    told: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key and its value in the text."""

    key: yaml.ScalarNode | None
    value: yaml.Node
    flow: bool  # whether it stands in {...} or [...]


def fix(data: bytes, name: str = "spec", *, dialect: str | None = None) -> Fixed:
    """Repair a file as far as nothing is guessed. The same bytes come back where nothing can be done."""
    changes: list[str] = []
    for _ in range(_ROUNDS):
        before = report(data, name, dialect=dialect)
        edits = _edits(data, before)
        tried = _most(data, edits, before, name, dialect)
        if tried is None:
            break
        data, told = tried
        changes += told
    return Fixed(data, tuple(changes))


def _most(
    data: bytes, edits: list[_Edit], before: Report, name: str, dialect: str | None
) -> tuple[bytes, list[str]] | None:
    """The text with all edits, or with those of a half that are good: one bad edit spoils no other."""
    tried = _try(data, edits, before, name, dialect)
    if tried is not None or len(edits) < 2:
        return tried
    half = len(edits) // 2
    return _most(data, edits[:half], before, name, dialect) or _most(data, edits[half:], before, name, dialect)


def _try(
    data: bytes, edits: list[_Edit], before: Report, name: str, dialect: str | None
) -> tuple[bytes, list[str]] | None:
    """The edited text, if it means the same or is read better than before."""
    if not edits:
        return None
    text = data.decode("utf-8-sig")
    told: list[str] = []
    last = len(text) + 1
    for edit in sorted(edits, key=lambda e: (e.start, e.end), reverse=True):
        if edit.end > last:
            continue  # two edits of one place: the next round takes the other
        text = text[: edit.start] + edit.text + text[edit.end :]
        last = edit.start
        told.insert(0, edit.told)
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    new = mark + text.encode()
    after = report(new, name, dialect=dialect)
    return (new, told) if new != data and _better(before, after) else None


def _better(before: Report, after: Report) -> bool:
    if before.spec is not None:
        return after.spec is not None and meaning(after.spec) == meaning(before.spec)
    return after.spec is not None or len(_errors(after)) < len(_errors(before))


def _errors(done: Report) -> list[Diagnostic]:
    return [d for d in done.diagnostics if d.severity == "error"]


def meaning(spec: AgentSpec) -> AgentSpec:
    """A spec without the bytes it was written in, its ledger, and the places of its parts."""

    def placeless(values: Any) -> tuple[Any, ...]:
        return tuple(replace(v, line=0, column=0) for v in values)

    return replace(
        spec,
        digest="",
        raw="",
        ledger=(),
        home="",
        factors=dict(zip(spec.factors, placeless(spec.factors.values()), strict=True)),
        formulas=dict(zip(spec.formulas, placeless(spec.formulas.values()), strict=True)),
        golden=tuple(
            replace(
                c,
                line=0,
                column=0,
                expect=dict(zip(c.expect, placeless(c.expect.values()), strict=True)),
                limits=placeless(c.limits),
            )
            for c in spec.golden
        ),
        properties=placeless(spec.properties),
        prose=placeless(spec.prose),
        dependencies=placeless(spec.dependencies),
        parts=tuple(meaning(p) for p in spec.parts),
    )


# --- what can be repaired -------------------------------------------------------------------------------------------


class _Text:
    """The text with the nodes of its YAML by path. An alias is nobody's own text and is left out."""

    def __init__(self, data: bytes) -> None:
        self.text = data.decode("utf-8-sig")
        self.starts = [0, *(m.end() for m in re.finditer(r"\r\n|[\n\r\u0085\u2028\u2029]", self.text))]
        self.entries: dict[Path, _Entry] = {}
        self.twice: list[tuple[Path, _Entry, _Entry]] = []
        self.seen: set[int] = set()
        top = nodes.compose(self.text)
        if top is not None:
            self._walk(top, (), flow=False)

    def _walk(self, node: yaml.Node, path: Path, *, flow: bool) -> None:
        if id(node) in self.seen:
            return
        self.seen.add(id(node))
        inside = bool(getattr(node, "flow_style", False)) or flow
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    continue
                here = (*path, str(key.value))
                entry = _Entry(key, value, inside)
                if here in self.entries:
                    self.twice.append((here, self.entries[here], entry))
                    continue
                if id(value) not in self.seen:
                    self.entries[here] = entry
                self._walk(value, here, flow=inside)
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                if id(value) not in self.seen:
                    self.entries[(*path, i)] = _Entry(None, value, inside)
                self._walk(value, (*path, i), flow=inside)

    def span(self, node: yaml.Node) -> tuple[int, int]:
        """Where a node stands, as offsets of the text."""
        a, b = node.start_mark, node.end_mark
        return self.starts[a.line] + a.column, self.starts[b.line] + b.column

    def plain(self, node: yaml.Node) -> bool:
        """Whether a node is a scalar without quotes on one line."""
        return isinstance(node, yaml.ScalarNode) and not node.style and node.start_mark.line == node.end_mark.line

    def scalar(self, path: Path, make: Callable[[str], str | None], why: str) -> Iterator[_Edit]:
        """Put another text in the place of a plain or quoted scalar."""
        entry = self.entries.get(path)
        if entry is None or not isinstance(entry.value, yaml.ScalarNode) or entry.value.style in {"|", ">"}:
            return
        start, end = self.span(entry.value)
        written = self.text[start:end]
        new = make(str(entry.value.value))
        if new is not None and new in DTYPES and entry.value.style:
            new = f"{entry.value.style}{new}{entry.value.style}"  # a word stays in its quotes: JSON stays JSON
        if new is not None and new != written and "\n" not in written:
            line = entry.value.start_mark.line + 1
            yield _Edit(start, end, new, f"line {line}: `{dotted(path)}`: {written} → {new}, {why}")

    def renamed(self, path: Path, key: yaml.ScalarNode, new: str) -> _Edit:
        """Another key, in the quotes of the old one: JSON stays JSON."""
        start, end = self.span(key)
        quote = key.style or ""
        line = key.start_mark.line + 1
        return _Edit(start, end, f"{quote}{new}{quote}", f"line {line}: `{dotted(path)}` is called `{new}`")

    def without(self, entry: _Entry, told: str) -> Iterator[_Edit]:
        """Take a key and its scalar value away; a comment behind them stays."""
        if entry.key is None:
            return
        start, _ = self.span(entry.key)
        _, end = self.span(entry.value)
        if entry.flow:
            behind = re.compile(r"[ \t]*,[ \t]*").match(self.text, end)
            before = re.search(r",[ \t]*\Z", self.text[:start])
            if behind:
                end = behind.end()
            elif before:
                start = before.start()
            elif self.text[start - 1] != "{":
                return
        else:
            begin = self.starts[entry.key.start_mark.line]
            if self.text[begin:start].strip():
                return  # the first key of a list's item shares its line with the dash
            rest = re.compile(r"[ \t]*(?:\r?\n|\Z)").match(self.text, end)
            if rest:
                start, end = begin, rest.end()
        yield _Edit(start, end, "", told)


def _edits(data: bytes, found: Report) -> list[_Edit]:
    """Everything that could be repaired now."""
    document = parse(data)
    if not isinstance(document.value, dict) or any(d.code in _UNREADABLE for d in document.diagnostics):
        return []
    text = _Text(data)
    out = list(_duplicates(text, document.value))
    out += _quotes(text, found)
    out += _plain_values(text, found)
    out += _cases(text, found)
    if found.dialect == "B":
        out += _spellings(text, document.value)
    if found.dialect == "A" and found.spec is not None:  # else nothing shows that the meaning stays
        out += _third_draft(text, document.value)
    return out


_UNREADABLE = frozenset(("GLS001", "GLS002", "GLS004", "GLS005", "GLS006", "GLS007"))


def _duplicates(text: _Text, value: Any) -> Iterator[_Edit]:
    """A key that stands twice with the same scalar."""
    for path, first, second in text.twice:
        a, b = first.value, second.value
        if not isinstance(a, yaml.ScalarNode) or not isinstance(b, yaml.ScalarNode) or b.style in {"|", ">"}:
            continue
        if (a.value, a.style) == (b.value, b.style) and b.start_mark.line == b.end_mark.line:
            line = second.value.start_mark.line + 1
            yield from text.without(second, f"line {line}: `{dotted(path)}` stood twice with the same value")


def _quotes(text: _Text, found: Report) -> Iterator[_Edit]:
    """Texts that YAML reads as numbers or truth values because they lack their quotes."""
    for finding in found.diagnostics:
        path = _path_of(text, finding) if finding.hint == IN_QUOTES else None
        if path is not None and text.plain(text.entries[path].value):
            yield from text.scalar(path, lambda word: f'"{word}"' if word else None, "a text")


def _plain_values(text: _Text, found: Report) -> Iterator[_Edit]:
    """yes and no where a truth value is expected, figures in quotes where a number is."""
    for finding in found.diagnostics:
        path = _path_of(text, finding) if finding.hint in {AS_TRUTH, IN_DIGITS} else None
        if path is not None and finding.hint == AS_TRUTH:
            yield from text.scalar(path, lambda word: _TRUTHS.get(word.lower()), "a truth value")
        elif path is not None:
            yield from text.scalar(path, lambda word: word if _FIGURE.fullmatch(word) else None, "a number")


def _cases(text: _Text, found: Report) -> Iterator[_Edit]:
    """A key that differs from a known one in capitals only (``Unit``, ``Schema-Version``)."""
    for finding in found.diagnostics:
        path = _path_of(text, finding) if finding.code == "GLS010" else None
        entry = text.entries[path] if path is not None else None
        if path is None or entry is None or entry.key is None:
            continue
        plain = str(path[-1]).lower().replace("-", "_")
        if finding.hint == f"did you mean `{plain}`?" and (*path[:-1], plain) not in text.entries:
            yield text.renamed(path, entry.key, plain)


_FIGURE = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


_TRUTHS = {
    **dict.fromkeys(("yes", "on", "y", "true"), "true"),
    **dict.fromkeys(("no", "off", "n", "false"), "false"),
}


def _path_of(text: _Text, finding: Diagnostic) -> Path | None:
    return next((path for path in text.entries if dotted(path) == finding.path), None)


def _spellings(text: _Text, value: dict[str, Any]) -> Iterator[_Edit]:
    """Keys, types and units that dialect B spells otherwise."""
    compute = value.get("compute")
    for section in ("inputs", "outputs"):
        ports = compute.get(section) if isinstance(compute, dict) else None
        for name, port in ports.items() if isinstance(ports, dict) else ():
            for key in port if isinstance(port, dict) else ():
                path: Path = ("compute", section, name, key)
                yield from _spelled(text, path, port, key, output=section == "outputs")


def _spelled(text: _Text, path: Path, port: dict[str, Any], key: str, *, output: bool) -> Iterator[_Edit]:
    entry = text.entries.get(path)
    if entry is None or entry.key is None:
        return
    new = (schema.Output if output else schema.Input).spelled.get(key)
    truth = isinstance(port[key], bool)  # `exclusiveMinimum: true` belongs to another key
    if new is not None and new not in port and not truth:
        yield text.renamed(path, entry.key, new)
    elif key == "dtype":
        yield from text.scalar(path, lambda word: DTYPES_ELSEWHERE.get(word.lower()), "the name of the type")
    elif key == "unit" and isinstance(port[key], str):
        yield from text.scalar(path, _unit, "the same unit as it is read")


def _unit(word: str) -> str | None:
    try:
        parse_unit(word)
    except UnitError:
        found = read_unit(word)
        return f'"{found.unit}"' if found.unit else None
    return None


def _third_draft(text: _Text, value: Any, path: Path = ()) -> Iterator[_Edit]:
    """``required: true`` inside a parameter, where the object can list it."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _third_draft(text, item, (*path, i))
    if not isinstance(value, dict):
        return
    properties = value.get("properties")
    if isinstance(properties, dict) and path and path[-1] in _OBJECTS:
        yield from _moved(text, value, properties, path)
        return
    for key, inner in value.items():
        if path or key in {"tools", "inputs", "outputs"}:
            yield from _third_draft(text, inner, (*path, key))


_OBJECTS = frozenset(("parameters", "returns", "input_schema", "output_schema"))


def _moved(text: _Text, owner: dict[str, Any], properties: dict[str, Any], path: Path) -> Iterator[_Edit]:
    marked = [n for n, p in properties.items() if isinstance(p, dict) and p.get("required") is True]
    listed = owner.get("required")
    lacking = [n for n in marked if not isinstance(listed, list) or n not in listed]
    if lacking:  # the list first; the marks go in the next round, when nothing is lost by it
        yield from _listed(text, owner, lacking, path)
        return
    for name in marked:
        entry = text.entries.get((*path, "properties", name, "required"))
        if entry is not None and text.plain(entry.value):
            line = entry.value.start_mark.line + 1
            where = dotted((*path, "properties", name))
            yield from text.without(entry, f"line {line}: `{where}` is required by the list of its object")


def _listed(text: _Text, owner: dict[str, Any], names: list[str], path: Path) -> Iterator[_Edit]:
    """Add names to the list of what is required, or write the list."""
    entry = text.entries.get((*path, "required"))
    told = f"`{dotted(path)}`: {', '.join(names)} listed as required"
    if entry is not None and isinstance(entry.value, yaml.SequenceNode) and entry.value.flow_style:
        _, end = text.span(entry.value)
        lead = ", " if entry.value.value else ""
        new = lead + ", ".join(f'"{n}"' for n in names)
        yield _Edit(end - 1, end - 1, new, f"line {entry.value.start_mark.line + 1}: {told}")
    elif entry is not None and isinstance(entry.value, yaml.SequenceNode) and entry.value.value:
        item = entry.value.value[-1]
        start, end = text.span(item)
        indent = text.text[text.starts[item.start_mark.line] : start]
        new = "".join(f"\n{indent}{n}" for n in names)
        line_end = text.text.find("\n", end)
        at = line_end if line_end >= 0 else len(text.text)
        yield _Edit(at, at, new, f"line {item.start_mark.line + 1}: {told}")
    elif entry is None and "required" not in owner:
        properties = text.entries.get((*path, "properties"))
        if properties is None or properties.key is None or properties.flow:
            return
        begin = text.starts[properties.key.start_mark.line]
        start, _ = text.span(properties.key)
        if text.text[begin:start].strip():
            return
        indent = text.text[begin:start]
        quoted = ", ".join(f'"{n}"' for n in names)
        new = f"{indent}required: [{quoted}]\n"
        yield _Edit(begin, begin, new, f"line {properties.key.start_mark.line + 1}: {told}")
