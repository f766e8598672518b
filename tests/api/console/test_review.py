"""Reviewing a build: what is shown beside what is in force, who may decide, and that only whole forms do anything."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from greenlang.registry import Registry, RegistryEntry
from greenlang.settings import Settings
from tests.api.console.agents import AGENT, successor
from tests.api.console.page import Page, sign_in

REVIEW = f"/console/review/{AGENT}?version=1.1.0"


def test_a_review_sets_the_build_beside_the_one_in_force(
    person: TestClient, registry: Registry, settings: Settings, entry: RegistryEntry
) -> None:
    successor(registry, settings)
    page = Page(person.get(REVIEW))
    words = page.words
    assert "In force is 1.0.0" in words
    assert "co2e_kg co2_kg + ch4_kg × gwp_ch4 [kgCO2e] co2_kg + gwp_ch4 × ch4_kg [kgCO2e] changed" in words
    assert "Factors that changed" in words
    assert "29.8 kgCO2e/kgCH4" in words
    assert "28 kgCO2e/kgCH4" in words
    names = [text for text in page.texts if text == "pack.yaml" or text.startswith("gl_")]
    assert names[0] == "pack.yaml"
    assert any(name.endswith("factors.py") for name in names) or len(names) > 1
    assert page.all("ins")
    assert page.all("del")


def test_what_the_policy_lacks_is_listed_with_what_to_do(person: TestClient, entry: RegistryEntry) -> None:
    words = Page(person.get(f"/console/review/{AGENT}")).words
    assert "No step up" in words, "what is certified is not promoted to anything"


def lacking(client: TestClient, version: str = "1.1.0") -> str:
    return Page(client.get(f"/console/review/{AGENT}?version={version}")).words


def test_two_people_review_and_a_third_promotes(
    client: TestClient, registry: Registry, settings: Settings, entry: RegistryEntry
) -> None:
    successor(registry, settings)

    def said(name: str, role: str, **given: str) -> Any:
        sign_in(client, registry, name, role)
        page = Page(client.get(REVIEW))
        to = page.all("input", name="to")[0]["value"]
        return client.post(REVIEW, data={"csrf": page.csrf, "to": to, **given})

    assert said("maria", "developer", act="promote", comment="AR5 is asked for").status_code == 303
    assert registry.get(AGENT, "1.1.0").state == "experimental"
    refused = Page(said("maria", "developer", act="promote", comment="certify it"))
    assert refused.status == 409
    assert "It was not promoted. Lacking:" in refused.words
    assert "users_at_least : wanted" in refused.words
    assert "it is used" not in refused.words
    for name in ("jonas", "amira"):
        assert said(name, "reviewer", act="approve", comment=f"checked by {name}").status_code == 303
    assert "approved for certified by jonas : checked by jonas" in lacking(client)
    done = said("maria", "developer", act="promote", comment="vouched for", fast_track="yes")
    assert done.status_code == 303
    assert registry.get(AGENT, "1.1.0").state == "certified"
    step = registry.transitions(AGENT, "1.1.0")[-1]
    assert (step.actor, step.reason, step.kind) == ("maria", "vouched for", "fast-track")


def test_a_rejection_stands_in_the_way(
    client: TestClient, registry: Registry, settings: Settings, entry: RegistryEntry
) -> None:
    successor(registry, settings)
    sign_in(client, registry, "jonas", "reviewer")
    page = Page(client.get(REVIEW))
    data = {"csrf": page.csrf, "to": "experimental", "act": "reject", "comment": "the CH4 figure is wrong"}
    assert client.post(REVIEW, data=data).status_code == 303
    sign_in(client, registry, "maria", "developer")
    page = Page(client.get(REVIEW))
    assert "rejections none jonas: the CH4 figure is wrong lacking" in page.words
    data = {"csrf": page.csrf, "to": "experimental", "act": "promote", "comment": "still"}
    assert client.post(REVIEW, data=data).status_code == 409
    assert registry.get(AGENT, "1.1.0").state == "draft"


def test_who_may_not_act_is_offered_nothing_and_refused(
    client: TestClient, registry: Registry, settings: Settings, entry: RegistryEntry
) -> None:
    successor(registry, settings)
    sign_in(client, registry, "vera", "viewer")
    page = Page(client.get(REVIEW))
    assert "Decide" not in page.words
    assert not page.all("textarea")
    for act in ("approve", "reject", "promote"):
        data = {"csrf": page.csrf, "to": "experimental", "act": act, "comment": "let me"}
        assert client.post(REVIEW, data=data).status_code == 403
    sign_in(client, registry, "jonas", "reviewer")
    page = Page(client.get(REVIEW))
    data = {"csrf": page.csrf, "to": "experimental", "act": "promote", "comment": "let me"}
    assert client.post(REVIEW, data=data).status_code == 403, "a reviewer does not promote"
    assert registry.get(AGENT, "1.1.0").state == "draft"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"csrf": ""}, 403),
        ({"csrf": "0" * 64}, 403),
        ({"comment": "  "}, 422),
        ({"comment": "x" * 2_001}, 422),
        ({"act": "delete"}, 422),
        ({"to": "certified"}, 409),
    ],
)
def test_a_form_that_is_not_whole_does_nothing(
    client: TestClient,
    registry: Registry,
    settings: Settings,
    entry: RegistryEntry,
    change: dict[str, str],
    status: int,
) -> None:
    successor(registry, settings)
    sign_in(client, registry, "maria", "developer")
    token = Page(client.get(REVIEW)).csrf
    data = {"csrf": token, "to": "experimental", "act": "promote", "comment": "why not", **change}
    assert client.post(REVIEW, data=data).status_code == status
    assert registry.get(AGENT, "1.1.0").state == "draft"


def test_a_form_of_somebody_else_or_from_elsewhere_is_refused(
    client: TestClient, registry: Registry, settings: Settings, entry: RegistryEntry
) -> None:
    successor(registry, settings)
    sign_in(client, registry, "jonas", "developer")
    foreign = Page(client.get(REVIEW)).csrf
    sign_in(client, registry, "maria", "developer")
    data = {"csrf": foreign, "to": "experimental", "act": "promote", "comment": "why not"}
    assert client.post(REVIEW, data=data).status_code == 403
    data["csrf"] = Page(client.get(REVIEW)).csrf
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post(REVIEW, data=data, headers=headers).status_code == 403
    assert client.post(REVIEW, json=data).status_code == 415
    assert registry.get(AGENT, "1.1.0").state == "draft"
