"""Documents of a pack: parsed as Markdown, their faults, their code blocks.

Only the blocks of a page are parsed, and inline text only where a link may stand: that is most of the cost.

Belongs here: what is wrong with a page. Does not belong here: running its code (`greenlang.sandbox`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from greenlang.factory.outcome import Detail
from greenlang.quality.files import Files
from greenlang.sandbox.trial import Block

_DELIMITER = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?\s*$")
_PIPE = re.compile(r"(?<!\\)\|")
_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")
_LANGUAGES = {"python": "python", "py": "python", "sh": "sh", "bash": "sh", "shell": "sh"}


@dataclass(frozen=True, slots=True)
class Page:
    """A document with the tokens of its blocks."""

    name: str
    lines: list[str]
    tokens: list[Token]

    @property
    def headings(self) -> list[str]:
        """The texts of its headings, in order."""
        following = zip(self.tokens, self.tokens[1:], strict=False)
        return [after.content for token, after in following if token.type == "heading_open"]


@cache
def _parser() -> Any:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


@cache
def _inline() -> Any:
    return MarkdownIt("commonmark")


def pages(files: Files) -> list[str]:
    """Names of the Markdown files of a pack."""
    return [name for name in files.names if name.endswith(".md")]


def page_of(name: str, text: str) -> Page:
    """A document, parsed."""
    return Page(name, lines_of(text), _tokens(text))


def lines_of(text: str) -> list[str]:
    """The lines of a document as Markdown counts them: a form feed, say, ends none."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


@lru_cache(maxsize=32)  # a pack is asked for its code blocks first, and judged on its pages later
def _tokens(text: str) -> list[Token]:
    found: list[Token] = _parser().parse(text)
    return found


def blocks(folder: Path) -> tuple[Block, ...]:
    """The code blocks of README.md and docs/ that could be run, in order: what a trial is given."""
    files = Files(folder)
    found = []
    for name in pages(files):
        if name != "README.md" and not name.startswith("docs/"):
            continue
        for token in page_of(name, files.text(name)).tokens:
            language = _LANGUAGES.get(token.info.strip().split(" ")[0].lower()) if token.type == "fence" else None
            if language and token.map:
                found.append(Block(name, token.map[0] + 2, language, token.content))
    return tuple(found)


def faults(page: Page, files: Files) -> Iterator[Detail]:
    """Everything that is wrong with a page."""
    for token in page.tokens:
        if token.map is None:
            continue
        if token.type == "fence":
            yield from _fence(page, token)
        elif token.type == "table_open":
            yield from _table(page, token)
        elif token.type == "inline":
            yield from _no_table(page, token)
            if "](" in token.content or "![" in token.content:
                yield from _links(page, token, files)


def _fence(page: Page, token: Token) -> Iterator[Detail]:
    assert token.map is not None
    last = page.lines[token.map[1] - 1].strip() if token.map[1] <= len(page.lines) else ""
    if token.map[1] - token.map[0] < 2 or not last.startswith(token.markup):
        yield Detail("a code fence is not closed", page.name, token.map[0] + 1, "fence")


def _table(page: Page, token: Token) -> Iterator[Detail]:
    assert token.map is not None
    start, end = token.map
    wide = _cells(page.lines[start])
    for number in range(start + 2, min(end, len(page.lines))):
        if _cells(page.lines[number]) != wide:
            said = f"a row of {_cells(page.lines[number])} cells in a table of {wide}"
            yield Detail(said, page.name, number + 1, "table", "write \\| for a bar inside a cell")


def _cells(line: str) -> int:
    bare = line.strip()
    inner = bare[1 if bare.startswith("|") else 0 : -1 if bare.endswith("|") and not bare.endswith("\\|") else None]
    return len(_PIPE.findall(inner)) + 1


def _no_table(page: Page, token: Token) -> Iterator[Detail]:
    """A line of dashes and bars that was read as text: the head above it has another number of cells."""
    assert token.map is not None
    if "|" in token.content and "-" in token.content:
        for offset, line in enumerate(token.content.splitlines()):
            if _DELIMITER.match(line):
                yield Detail("this table is none", page.name, token.map[0] + offset + 1, "table")


def _links(page: Page, token: Token, files: Files) -> Iterator[Detail]:
    assert token.map is not None
    for inner in _inline().parseInline(token.content)[0].children or ():
        target = inner.attrGet("href") if inner.type == "link_open" else None
        target = inner.attrGet("src") if inner.type == "image" else target
        if target is None or _SCHEME.match(str(target)):
            continue
        path, _, anchor = str(target).partition("#")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(page.name), path)) if path else page.name
        there = place in files.names or any(name.startswith(f"{place}/") for name in files.names) or place == "."
        if not there:
            yield Detail(f"the link to {target} leads nowhere", page.name, token.map[0] + 1, "link")
        elif anchor and place == page.name and anchor not in {_slug(h) for h in page.headings}:
            yield Detail(f"there is no heading #{anchor}", page.name, token.map[0] + 1, "link")


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
