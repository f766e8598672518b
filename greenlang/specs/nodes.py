"""From a text to the nodes of its YAML, before anything is read out of them.

Belongs here: composing, JSON's escapes, how deep and how large a text is, what is the matter with one that is no YAML.
Does not belong here: values (``source``).

PyYAML's C parser composes; aliases stay shared there, so a file that would blow up into gigabytes is counted, never
expanded. Its composer recurses in C, so the depth is measured on the events first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

MAX_DEPTH = 64
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PAIR = re.compile(
    r"(?<!\\)(?P<before>(?:\\\\)*)\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})", re.IGNORECASE
)
_STAND_INS = re.compile("([\ue000-\ue3ff])([\ue400-\ue7ff])")
_APART = 0xE000 - 0xD800  # from a surrogate to the character for private use that stands in for it


def compose(text: str) -> yaml.Node | None:
    """The nodes of a text, None where it is empty. Raises yaml.YAMLError.

    JSON writes what lies beyond U+FFFF as two escapes, which YAML does not know. Each is read as one of a character for
    private use, which takes no more and no less room, so that every place stays that of the author's text.
    """
    known = _known(text)
    node: yaml.Node | None = yaml.compose(known, Loader=_Loader)
    if node is not None and known is not text:
        for scalar in _scalars(node, set()):
            scalar.value = _STAND_INS.sub(_joined, scalar.value)
    return node


def _known(text: str) -> str:
    """The text with escapes that YAML knows; the very text where it has no others, or is no JSON."""
    if not text.lstrip().startswith("{") or _PAIR.search(text) is None:
        return text
    return _PAIR.sub(lambda m: f"{m['before']}{_stand_in(m['high'])}{_stand_in(m['low'])}", text)


def _stand_in(surrogate: str) -> str:
    return f"\\u{int(surrogate, 16) + _APART:04x}"


def _joined(pair: re.Match[str]) -> str:
    halves = "".join(chr(ord(one) - _APART) for one in pair.groups())
    return halves.encode("utf-16", "surrogatepass").decode("utf-16")


def _scalars(node: yaml.Node, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif id(node) not in seen:
        seen.add(id(node))
        for part in parts(node):
            yield from _scalars(part, seen)


def parts(node: yaml.Node) -> list[yaml.Node]:
    """The nodes of a list, or the keys and values of a mapping."""
    return node.value if isinstance(node, yaml.SequenceNode) else [n for pair in node.value for n in pair]


def too_deep(text: str) -> tuple[int, int] | None:
    """Where a text is nested too deep, if it is: composing it would overrun the stack. Raises yaml.YAMLError."""
    depth = 0
    for event in yaml.parse(_known(text), Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark = event.start_mark
                return (mark.line + 1, mark.column + 1) if mark else (1, 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


class Counter:
    """Counts the values that a node stands for once its aliases are written out, without writing them out."""

    def __init__(self) -> None:
        self.known: dict[int, int] = {}
        self.open: set[int] = set()

    def count(self, node: yaml.Node) -> int | None:
        """How many values; None where an alias refers to itself."""
        if isinstance(node, yaml.ScalarNode):
            return 1
        key = id(node)
        if key in self.known:
            return self.known[key]
        if key in self.open:
            return None
        self.open.add(key)
        total = 1
        for part in parts(node):
            inner = self.count(part)
            if inner is None:
                return None
            total += inner
        self.open.discard(key)
        self.known[key] = total
        return total


_MENDS = (  # what libyaml says -> what is the matter, how to mend it
    ("found another document", "the file holds several documents", "one spec a file: split it where `---` stands"),
    ("found duplicate anchor", "an anchor (`&name`) is declared twice", "give each anchor a name of its own"),
    (
        "found undefined alias",
        "an alias (`*name`) names no anchor",
        "declare it by `&name` before, or put it in quotes",
    ),
    ("mapping values are not allowed", "", "a text that holds `: ` needs quotes; else check the indentation"),
    *(
        (
            said,
            "a backslash in double quotes begins no escape that there is",
            "write the text in single quotes, where a backslash is a backslash; or write `\\\\`",
        )
        for said in ("escape", "hexdecimal")
    ),
    ("quoted scalar", "", "a quote is opened and not closed"),
)


def unreadable(error: yaml.MarkedYAMLError, text: str) -> tuple[str, str]:
    """A message and a mend."""
    problem = " ".join(p for p in (error.context, error.problem) if p)
    mark = error.problem_mark
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines) and lines[mark.line][mark.column : mark.column + 1] == "\t":
        return "not YAML: a tab cannot indent", "indent with spaces"
    for said, what, mend in _MENDS:
        if said in problem:
            return f"not YAML: {what or problem}", mend
    return f"not YAML: {problem}", "check indentation and quotes here and in the line before"
