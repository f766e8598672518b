"""YAML with positions: text -> plain values, where each key stands, and findings instead of exceptions.

YAML 1.2 scalars (``NO`` is a country, ``1e-6`` a number), numbers as Decimal exactly as written; merge keys (``<<``)
are carried out. ``007`` is a text: it is a code, or octal to some and decimal to others.

Belongs here: what the nodes of a file mean. Does not belong here: composing them (``nodes``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from greenlang.specs import nodes
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.nodes import MAX_DEPTH

MAX_BYTES = 2_000_000
MAX_NODES = 100_000

Path = tuple[str | int, ...]
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]+\Z")
_CODE = re.compile(r"[-+]?0[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_MAX_TEXT = 400  # characters of a number; a longer one is not even converted
MAX_DIGITS = 60  # significant digits of a number
MAX_EXPONENT = 60  # numbers lie between 1e-60 and 1e60


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. ``places`` maps each path to its (line, column), 1-based: the key's for mapping entries."""

    value: Any
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()

    def place(self, path: Path) -> tuple[int, int]:
        """Where a path stands; where it is missing, where its nearest existing parent stands."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))


def dotted(path: Path) -> str:
    """``compute.inputs.x`` or ``tests.golden[0].input``."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else (f".{part}" if out else part)
    return out


def _finding(code: str, message: str, hint: str, line: int = 0, column: int = 0, path: str = "") -> Diagnostic:
    return Diagnostic(code, "error", message, hint, line, column, path)


def parse(data: bytes, *, max_bytes: int = MAX_BYTES) -> Document:
    """Read a spec file. The findings carry the codes GLS001 to GLS007; any of them means: no usable value."""
    if len(data) > max_bytes:
        return _refused(
            "GLS004",
            f"the file has {len(data):,} bytes; a spec may have {max_bytes:,}",
            "a spec holds declarations, not data: move tables into factor files",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{data[error.start]:02x} at position {error.start} is not UTF-8"
        return _refused("GLS001", byte, "save the file as UTF-8", line, 1)
    try:
        deep = nodes.too_deep(text)
        if deep is not None:
            return _refused("GLS002", f"nested more than {MAX_DEPTH} levels deep", "flatten the file", *deep)
        node = nodes.compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return _refused("GLS002", *nodes.unreadable(error, text), line, column)
    except yaml.YAMLError as error:
        return _refused("GLS002", f"not YAML: {str(error).splitlines()[0]}", "remove control characters from the file")
    return _valued(node)


def _valued(node: yaml.Node | None) -> Document:
    """The values of a file's nodes, if their number is one that a person writes."""
    if node is None:
        hint = "write a spec; the JSON Schema in docs/ and templates/specs/examples/ show how"
        return _refused("GLS006", "the file is empty", hint, 1, 1)
    count = nodes.Counter().count(node)
    if count is None:
        return _refused("GLS005", "an alias refers to itself", "write the value out where it is needed")
    if count > MAX_NODES:
        return _refused(
            "GLS005",
            f"aliases blow the file up to more than {MAX_NODES:,} values",
            "write the values out instead of nesting aliases",
        )
    walker = _Walker()
    value = walker.value(node, (), 0)
    if not isinstance(value, dict) and not walker.diagnostics:
        what = "a list" if isinstance(value, list) else "a single value"
        message = f"the file holds {what}, not a mapping of keys"
        walker.diagnostics.append(_finding("GLS007", message, "start with `schema_version:`", 1, 1))
    return Document(value, walker.places, tuple(walker.diagnostics))


def _refused(code: str, message: str, hint: str, line: int = 0, column: int = 0) -> Document:
    return Document(None, {}, (_finding(code, message, hint, line, column),))


class _Walker:
    """Turns nodes into values and remembers where each stands."""

    def __init__(self) -> None:
        self.places: dict[Path, tuple[int, int]] = {}
        self.diagnostics: list[Diagnostic] = []

    def value(self, node: yaml.Node, path: Path, depth: int) -> Any:
        mark = node.start_mark
        self.places.setdefault(path, (mark.line + 1, mark.column + 1))
        if depth > MAX_DEPTH:
            self.diagnostics.append(
                _finding(
                    "GLS002",
                    f"nested more than {MAX_DEPTH} levels deep",
                    "flatten the file",
                    mark.line + 1,
                    mark.column + 1,
                )
            )
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in _PLAIN_TAGS:
            self._tagged(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i), depth + 1) for i, child in enumerate(node.value)]
        return self._mapping(node, path, depth)

    def _mapping(self, node: yaml.Node, path: Path, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        for key_node, value_node in node.value:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.diagnostics.append(
                    _finding("GLS012", "a key must be a single word", "quote it or shorten it", line, column)
                )
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key == "<<" and not key_node.style:
                merged += self._merged(value_node, here, line, column)
                continue
            if key in out:
                first = self.places[here]
                self.diagnostics.append(
                    _finding(
                        "GLS003",
                        f"key `{key}` stands twice here; the first is on line {first[0]}",
                        "keep one of the two",
                        line,
                        column,
                        dotted(here),
                    )
                )
                continue
            self.places[here] = (line, column)
            out[key] = self.value(value_node, here, depth + 1)
        for key_node, value_node in merged:  # what the mapping says itself counts, then what is merged first
            key = str(key_node.value)
            if key not in out:
                self.places[*path, key] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
                out[key] = self.value(value_node, (*path, key), depth + 1)
        return out

    def _merged(self, node: yaml.Node, path: Path, line: int, column: int) -> list[tuple[yaml.Node, yaml.Node]]:
        """The pairs that ``<<`` brings in: of one mapping, or of a list of them."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                message, hint = "`<<` merges a mapping, or a list of mappings", "write `<<: *name` of a mapping"
                self.diagnostics.append(_finding("GLS012", message, hint, line, column, dotted(path)))
                continue
            plain = [(k, v) for k, v in source.value if isinstance(k, yaml.ScalarNode)]
            pairs += [(k, v) for k, v in plain if k.value != "<<" or k.style]
            for _, inner in ((k, v) for k, v in plain if k.value == "<<" and not k.style):
                pairs += self._merged(inner, path, line, column)
        return pairs

    def _tagged(self, node: yaml.Node, path: Path) -> None:
        message, hint = f"the tag {node.tag} is not allowed in a spec", "write a plain value"
        self.diagnostics.append(_finding("GLS012", message, hint, *self.places[path], dotted(path)))

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        if node.tag not in _PLAIN_TAGS:
            self._tagged(node, path)
            return text
        if node.style:  # quoted or a block: text, whatever it looks like
            return text
        if text in _NULL:
            return None
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        if not _FLOAT.match(text) or _CODE.match(text):  # whole numbers match it as well
            return text
        if not _calculable(text):
            self.diagnostics.append(
                _finding(
                    "GLS012",
                    f"`{text if len(text) <= 40 else text[:37] + '...'}`: a number of this size is no measurement",
                    f"up to {MAX_DIGITS} digits, between 1e-{MAX_EXPONENT} and 1e{MAX_EXPONENT}; put text in quotes",
                    *self.places[path],
                    dotted(path),
                )
            )
            return None
        return int(text) if _INT.match(text) else Decimal(text)


def _calculable(text: str) -> bool:
    """Whether a number has a size that can be calculated with."""
    if len(text) > _MAX_TEXT:
        return False
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return False
    return len(number.as_tuple().digits) <= MAX_DIGITS and abs(number.adjusted()) <= MAX_EXPONENT


_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
)
