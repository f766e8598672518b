"""A page taken apart: elements, texts, and whether every element is closed.

Belongs here: what tests of pages share. Does not belong here: what a page must say.
"""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "rect", "path", "img", "hr", "input"}


class Page(HTMLParser):
    """What a browser without a script and without a style would find in a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def ids(self) -> list[str]:
        return [a["id"] for _, a in self.found if "id" in a]

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [a for name, a in self.found if name == tag and all(a.get(k) == v for k, v in attributes.items())]
