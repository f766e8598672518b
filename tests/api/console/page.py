"""A page of the console taken apart: elements, texts, and whether every element is closed."""

from __future__ import annotations

from html.parser import HTMLParser

from httpx import Response
from starlette.testclient import TestClient

from greenlang.registry import Registry
from tests.api.conftest import key_for

VOID = {"meta", "link", "br", "rect", "path", "img", "hr", "input"}


class Page(HTMLParser):
    """What a browser without a script and without a style would find."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.status = response.status_code
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(response.text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
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

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [a for name, a in self.found if name == tag and all(a.get(k) == v for k, v in attributes.items())]

    @property
    def links(self) -> list[str]:
        return [a["href"] for a in self.all("a")]

    @property
    def csrf(self) -> str:
        return next(a["value"] for a in self.all("input", name="csrf"))


def sign_in(client: TestClient, registry: Registry, name: str, *roles: str) -> None:
    client.cookies.clear()
    answer = client.post("/console/sign-in", data={"key": key_for(registry, *roles, name=name)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
