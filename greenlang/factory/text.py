"""Literals and running text in the languages of a pack: Python, YAML, TOML, Markdown.

Whatever an author wrote in a spec passes through here before it lands in a file, so it can never become code, break a
table or end a docstring. Belongs here: quoting and wrapping. Does not belong here: what to say.
"""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal

from greenlang_sdk.decimals import normal_text

from greenlang.specs.yamltext import quoted

WIDTH = 100


def py_text(value: str) -> str:
    """A Python string literal with the quotes that a formatter would choose."""
    body = repr(value)[1:-1]
    if repr(value)[0] == '"':  # repr chose double quotes because the text holds only single ones
        return f'"{body}"'
    double, single = value.count('"'), value.count("'")
    if double > single:
        return f"'{body}'"
    return '"' + body.replace("\\'", "'").replace('"', '\\"') + '"'


def py_decimal(value: Decimal) -> str:
    """A Python expression for an exact number."""
    text = normal_text(value)
    return f"Decimal({text})" if re.fullmatch(r"-?\d{1,4000}", text) else f'Decimal("{text}")'


def py_value(value: object) -> str:
    """A Python expression for a scalar of a spec."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, (Decimal, int)):
        return py_decimal(Decimal(value))
    return py_text(str(value))


def width(line: str) -> int:
    """The columns of a line, as a formatter counts them: wide letters take two, combining marks none."""
    if line.isascii():
        return len(line)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in line)


def py_call(head: str, arguments: Sequence[str], *, indent: int = 0, tail: str = "", wide: bool = False) -> str:
    """``head(arguments)tail`` on one line if it fits, else one argument a line with a trailing comma.

    The first line is not indented (the caller has placed it); ``head`` ends with the opening bracket. ``wide`` breaks
    the lines in any case.
    """
    closing = {"(": ")", "[": "]", "{": "}"}[head[-1]]
    line = f"{head}{', '.join(arguments)}{closing}{tail}"
    if not arguments or (not wide and indent + width(line) <= WIDTH and "\n" not in line):
        return line
    pad = " " * indent
    body = "".join(f"{pad}    {argument},\n" for argument in arguments)
    return f"{head}\n{body}{pad}{closing}{tail}"


def py_argument(head: str, arguments: Sequence[str], *, indent: int) -> str:
    """``name=head(arguments)`` as an argument that has its line to itself."""
    return py_call(head, arguments, indent=indent, tail=",").removesuffix(",")


def py_import(module: str, *names: str) -> str:
    """``from module import a, b``; in brackets, one name a line, where that is too long."""
    line = f"from {module} import {', '.join(names)}"
    return line if len(line) <= WIDTH else py_call(f"from {module} import (", names, wide=True)


def import_order(name: str) -> tuple[bool, str]:
    """How a formatter sorts imported names: classes before functions."""
    return (name[0].islower(), name)


def py_keyword(name: str, value: str, *, indent: int) -> str:
    """``name="value"`` for an argument list; a text too long for its line becomes several literals in brackets."""
    room = WIDTH - indent - 4  # of a line inside the brackets
    line = f"{name}={py_text(value)}"
    if width(line) < room + 4:
        return line
    if len(py_text(value)) <= room - 3:
        return f"{name}=(\n{' ' * indent}    {py_text(value)}\n{' ' * indent})"
    pieces: list[str] = []
    for word in re.findall(r"\S*\s*", value):
        if pieces and width(py_text(pieces[-1] + word)) <= room:
            pieces[-1] += word
        elif word:
            pieces.append(word)
    if len(pieces) == 1:
        return line
    pad = " " * indent
    return f"{name}=(\n" + "".join(f"{pad}    {py_text(piece)}\n" for piece in pieces) + f"{pad})"


def one_line(text: str) -> str:
    """Running text on one line, without control characters."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c.isspace() else " " for c in text)
    return " ".join(text.split())


def doc(text: str, *, indent: int = 4, hang: int = 0) -> str:
    """Text for the inside of a docstring: wrapped, unable to end it or to escape; the first line is not indented."""
    safe = one_line(text).replace("\\", "\\\\").replace('"', "'")
    lines = textwrap.wrap(safe, WIDTH - indent - 4, break_long_words=False, break_on_hyphens=False)
    return ("\n" + " " * (indent + hang)).join(lines)


def sentence(text: str) -> str:
    """One line that ends with a full stop."""
    line = one_line(text)
    return line if not line or line[-1] in ".!?" else f"{line}."


def cell(text: object) -> str:
    """A line of Markdown, also in a table: what stands between backticks is code, every other sign is itself."""
    parts = re.split(r"(`[^`]+`)", one_line(str(text)))
    return "".join(code(part[1:-1]) if i % 2 else _escaped(part) for i, part in enumerate(parts)) or " "


def _escaped(text: str) -> str:
    for mark in ("\\", "|", "<", "`", "*", "["):
        text = text.replace(mark, f"\\{mark}")
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


def paragraph(text: str) -> str:
    """The first paragraph of a text, up to an empty line or a list, as one sentence."""
    lines = text.strip().splitlines()
    end = next((i for i, line in enumerate(lines) if i and re.match(r"\s*(?:$|[-*•]\s|\d+[.)]\s)", line)), len(lines))
    while end > 1 and lines[end - 1].rstrip().endswith(":"):
        end -= 1
    return sentence(" ".join(lines[:end]))


def code(text: object) -> str:
    """Inline code in Markdown."""
    safe = one_line(str(text)).replace("|", "\\|")
    return f"`` {safe} ``" if "`" in safe else f"`{safe}`"


def toml_text(value: str) -> str:
    """A TOML basic string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def json_lines(content: Mapping[str, object]) -> bytes:
    """A JSON object for people: every entry of its lists on a line of its own."""
    parts = []
    for name, value in content.items():
        if isinstance(value, list) and value:
            inside = ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in value)
            parts.append(f" {json.dumps(name)}: [\n{inside}\n ]")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("utf-8")


def yaml_text(value: object) -> str:
    """A double-quoted YAML scalar on one line."""
    return quoted(one_line(str(value)))


_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_/.+-]*(?: [A-Za-z0-9_/.+-]+)*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def yaml(value: object) -> str:
    """A YAML document in block style. Numbers are quoted texts, so that no reader can change a digit."""
    return "".join(f"{line}\n" for line in _yaml_lines(value))


def _yaml_scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return f'"{normal_text(value)}"'
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return quoted(text)


def _yaml_lines(value: object) -> list[str]:
    if isinstance(value, Mapping):
        lines: list[str] = []
        for key, inner in value.items():
            name = _yaml_scalar(str(key))
            below = _yaml_lines(inner) if isinstance(inner, (Mapping, list, tuple)) else None
            if below is None or not inner:
                empty = "{}" if isinstance(inner, Mapping) else "[]"
                lines.append(f"{name}: {_yaml_scalar(inner) if below is None else empty}")
            else:
                lines += [f"{name}:", *(f"  {line}" for line in below)]
        return lines
    if isinstance(value, (list, tuple)):
        lines = []
        for inner in value:
            if isinstance(inner, (Mapping, list, tuple)) and inner:
                first, *rest = _yaml_lines(inner)
                lines += [f"- {first}", *(f"  {line}" for line in rest)]
            elif isinstance(inner, (Mapping, list, tuple)):
                lines.append("- {}" if isinstance(inner, Mapping) else "- []")
            else:
                lines.append(f"- {_yaml_scalar(inner)}")
        return lines
    return [_yaml_scalar(value)]
