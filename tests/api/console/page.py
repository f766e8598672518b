"""A page of the console as a test client was given it, and signing in to it."""

from __future__ import annotations

from httpx import Response
from starlette.testclient import TestClient

from greenlang.registry import Registry
from tests import html
from tests.api.conftest import key_for


class Page(html.Page):
    """What a browser without a script and without a style would find."""

    def __init__(self, response: Response) -> None:
        self.status = response.status_code
        super().__init__(response.text)

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
