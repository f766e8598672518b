"""The console's pages: what they tell, whom they let do what, and that foreign text stays text."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from greenlang.api.app import create_app
from greenlang.api.signin import COOKIE
from greenlang.provenance import PackCertificate
from greenlang.quality.dimensions import DIMENSIONS
from greenlang.registry import Registry, RegistryEntry
from greenlang.registry.policy_file import DEFAULT
from greenlang.settings import Settings
from tests.api.conftest import key_for
from tests.api.console.agents import AGENT, certified, flag, successor
from tests.api.console.page import Page, sign_in
from tests.factory.conftest import build_combustion
from tests.registry.emit import made

URL = f"/console/agents/{AGENT}"
REVIEW = f"/console/review/{AGENT}?version=1.1.0"


# Signing in


def test_nobody_sees_anything_without_a_sign_in(client: TestClient, entry: RegistryEntry) -> None:
    for path in ("/console", URL, REVIEW, f"/console/download/pack/{AGENT}", "/console/nothing"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
        assert AGENT not in answer.text
    assert client.post(REVIEW, data={"act": "approve"}).headers["location"] == "/console/sign-in"
    assert Page(client.get("/console/sign-in")).all("input", id="key", type="password")
    assert client.get("/console/style.css").headers["content-type"].startswith("text/css")


def test_the_key_is_kept_out_of_reach_of_scripts_and_other_sites(client: TestClient, registry: Registry) -> None:
    answer = client.post("/console/sign-in", data={"key": key_for(registry, "viewer")})
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert "max-age=28800" in said
    assert "secure" not in said, "this is http"
    with TestClient(client.app, base_url="https://testserver", follow_redirects=False) as safe:
        answer = safe.post("/console/sign-in", data={"key": key_for(registry, "viewer")})
        assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("key", ["", "gl_nobody", "x" * 500])
def test_what_is_no_key_signs_nobody_in(client: TestClient, key: str) -> None:
    answer = client.post("/console/sign-in", data={"key": key})
    page = Page(answer)
    assert page.status == 401
    assert "set-cookie" not in answer.headers
    assert "this is no API key" in page.words
    assert page.all("input", id="key")[0]["aria-invalid"] == "true"
    assert not key or key not in answer.text


def test_another_site_cannot_sign_a_browser_in(client: TestClient, registry: Registry) -> None:
    key = key_for(registry, "viewer")
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = client.post("/console/sign-in", data={"key": key}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_key_that_no_longer_does_leads_to_the_sign_in_and_is_forgotten(client: TestClient) -> None:
    client.cookies.set(COOKIE, "gl_default.000000000000_" + "x" * 43)
    answer = client.get("/console")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    assert "max-age=0" in answer.headers["set-cookie"].lower()


def test_signing_out_forgets_the_key(client: TestClient, registry: Registry) -> None:
    sign_in(client, registry, "maria", "viewer")
    page = Page(client.get("/console"))
    assert "maria of default" in page.words
    assert client.post("/console/sign-out", data={"csrf": "guessed"}).status_code == 403
    client.post("/console/sign-out", data={"csrf": page.csrf})
    assert COOKIE not in client.cookies
    assert client.get("/console").status_code == 303


# Reading


def test_search_finds_by_words_and_filters(person: TestClient, registry: Registry, entry: RegistryEntry) -> None:
    registry.register(replace(entry, agent_id="waste/landfill", name="Landfill", domain="waste", pack_digest="9" * 64,
                              summary="methane of a landfill", tags=(), state="draft", tenant=""))  # fmt: skip
    page = Page(person.get("/console", params={"q": "carbon"}))
    assert f"/console/agents/{AGENT}?version=1.0.0" in page.links
    assert "Landfill" not in page.words
    for query, found in (
        ({"domain": "waste"}, "Landfill"),
        ({"state": "certified"}, "Carbon Calculator"),
        ({"q": "zebra"}, "Nothing found"),
    ):
        words = Page(person.get("/console", params=query)).words
        assert found in words
    page = Page(person.get("/console", params={"q": "carbon", "state": "certified"}))
    assert page.all("input", id="q")[0]["value"] == "carbon"
    assert len([a for a in page.all("option") if "selected" in a]) == 1


def test_what_does_not_fit_on_a_page_is_a_link_away(person: TestClient, registry: Registry, settings: Settings) -> None:
    first = made.pack(settings.var, build_combustion())
    for number in range(27):
        registry.register(replace(first, agent_id=f"fuel/agent_{number:02}", pack_digest=f"{number:064}"))
    page = Page(person.get("/console", params={"q": "carbon"}))
    assert "1 to 25" in page.words
    after = page.all("a", rel="next")[0]["href"]
    page = Page(person.get(after))
    assert "26 to 27" in page.words
    assert page.all("a", rel="prev")
    assert not page.all("a", rel="next")


def test_an_agent_s_page_tells_what_it_computes_and_why_one_may_believe_it(
    person: TestClient, entry: RegistryEntry
) -> None:
    answer = person.get(URL)
    page = Page(answer)
    words = page.words
    assert len(page.all("math")) == 3, "the fourth output is words"
    assert "co2_kg + ch4_kg × gwp_ch4" in words
    assert "GHG Protocol, chapter 6" in words
    assert "dimensions : the units agree" in words
    assert "SHA-256 of the chain" in words
    assert "epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu" in words
    assert "53.06 kgCO2/mmBtu" in words
    assert "only US stands in the references" in words
    assert page.all("svg", role="img")
    assert all(dimension.title in words for dimension in DIMENSIONS)
    for text in (entry.spec_digest, entry.pack_digest, entry.certificate_digest):
        assert text in words


def test_the_life_tells_who_promoted_it_and_why_on_which_evidence(person: TestClient, entry: RegistryEntry) -> None:
    words = Page(person.get(URL)).words
    assert "fast-track experimental → certified by maria forty sites recalculated" in words
    assert "promoted draft → experimental by maria first trial" in words
    assert words.index("forty sites") < words.index("first trial"), "the newest first"
    assert "figures agree" in words, "what the reviewers said is in the evidence"
    assert f"Decided by the policy {DEFAULT}@" in words


def test_decay_is_at_the_top_with_what_superseded_it(
    person: TestClient, registry: Registry, entry: RegistryEntry
) -> None:
    flag(registry, entry, "epa/stationary-combustion/2024/natural-gas/co2-per-mmbtu")
    words = Page(person.get(URL)).words
    assert "Its certification decays: 1 of what it pins is superseded." in words
    assert "by release 2026-2" in words
    assert words.index("decays") < words.index("What it computes")
    assert "1 superseded" in Page(person.get("/console?q=carbon")).words


def test_a_pack_that_is_not_here_is_said_and_the_rest_is_shown(
    person: TestClient, settings: Settings, entry: RegistryEntry
) -> None:
    (settings.var / entry.pack / "certificate.json").unlink()
    page = Page(person.get(URL))
    assert page.status == 200
    assert "it cannot be read here: there is no pack at" in page.words
    assert "forty sites recalculated" in page.words
    assert page.all("svg", role="img"), "the registry holds the scores"
    assert person.get(f"/console/download/pack/{AGENT}").status_code == 404


def test_every_link_of_a_page_leads_somewhere(person: TestClient, registry: Registry, settings: Settings) -> None:
    certified(registry, settings)
    successor(registry, settings)
    seen = set()
    for start in ("/console?q=carbon", URL, f"{URL}?version=1.1.0", REVIEW):
        page = Page(person.get(start))
        ids = {a["id"] for _, a in page.found if "id" in a}
        for link in page.links:
            if link.startswith("#"):
                assert link[1:] in ids
            elif link not in seen:
                seen.add(link)
                assert person.get(link).status_code == 200, link
    assert len(seen) > 10


def test_a_version_or_build_that_there_is_not_is_a_page(person: TestClient, entry: RegistryEntry) -> None:
    for path in ("/console/agents/no/such", f"{URL}?version=9.9.9", f"{URL}?build=ffff", "/console/elsewhere"):
        answer = person.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
    assert person.get("/console?offset=-1").status_code == 422


def test_another_tenant_s_agents_are_not_there(settings: Settings, registry: Registry, entry: RegistryEntry) -> None:
    """On one machine there is one tenant; a key of another is none here."""
    app = create_app(settings, registry=registry)
    with TestClient(app, follow_redirects=False) as client:
        key = key_for(registry, "viewer").replace("gl_default.", "gl_other.")
        assert client.post("/console/sign-in", data={"key": key}).status_code == 401


# Downloads


def test_downloads_are_what_was_certified(person: TestClient, settings: Settings, entry: RegistryEntry) -> None:
    pack = person.get(f"/console/download/pack/{AGENT}")
    with zipfile.ZipFile(io.BytesIO(pack.content)) as archive:
        names = {name.split("/", 1)[1] for name in archive.namelist()}
    certificate = PackCertificate.load(settings.var / entry.pack)
    assert names == {*certificate.content["files"], "certificate.json"}
    assert pack.content == person.get(f"/console/download/pack/{AGENT}").content
    assert json.loads(person.get(f"/console/download/certificate/{AGENT}").text) == certificate.content
    assert person.get(f"/console/download/sbom/{AGENT}").json()["bomFormat"] == "CycloneDX"
    assert person.get(f"/console/download/mcp/{AGENT}").json()["version"] == "1.0.0"
    assert "payloadType" in person.get(f"/console/download/vsa/{AGENT}").json()
    card = person.get(f"/console/download/a2a/{AGENT}", params={"url": "https://example.org/a"})
    assert card.json()["supportedInterfaces"][0]["url"] == "https://example.org/a"
    assert card.headers["content-disposition"].startswith("attachment; filename=")
    assert person.get(f"/console/download/a2a/{AGENT}").status_code == 422
    assert person.get(f"/console/download/exe/{AGENT}").status_code == 404


# Foreign text

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></textarea></style><svg onload=alert(1)>",
    "{{ 7 * 11113 }}{% raw %}",
    "a\x00b\u202egnp.exe",
)

FURTHER = {
    "ins",
    "del",
    "textarea",
    "fieldset",
    "legend",
    "mtable",
    "mtr",
    "mtd",
    "mtext",
    "mn",
}  # of reviews and cases


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_text(
    person: TestClient, registry: Registry, settings: Settings, entry: RegistryEntry, text: str
) -> None:
    clean = {start: Page(person.get(start)) for start in ("/console?q=carbon", URL)}
    other = made.with_version(build_combustion(), "1.2.0", name=f"carbon {text}", summary=text, tags=(text,))
    plans = {
        **other.plans,
        "co2_kg": replace(other.plans["co2_kg"], text=f'if(a == "{text}", 1, 2)', citation=text),
        "ch4_kg": replace(other.plans["ch4_kg"], text=text),
    }
    bad = replace(made.pack(settings.var, replace(other, plans=plans)), regulations=(text,), factor_release=text)
    registry.register(bad)
    made.step(registry, bad, "draft", "experimental", evidence={text: text})
    for start in ("/console", f"{URL}?version=1.2.0", f"/console/review/{AGENT}?version=1.2.0"):
        answer = person.get(start, params=None if "?" in start else {"q": f"carbon {text}".replace("\x00", "")})
        assert answer.status_code == 200
        page = Page(answer)
        known = {tag for one in clean.values() for tag, _ in one.found} | FURTHER
        assert {tag for tag, _ in page.found} <= known
        assert not [name for _, a in page.found for name in a if name.startswith("on") or name in ("style", "src")]
        assert "77791" not in page.words
        assert "\x00" not in answer.text
        assert "\u202e" not in answer.text


def test_every_page_forbids_scripts_and_frames(person: TestClient, entry: RegistryEntry) -> None:
    for path in ("/console", URL, f"/console/review/{AGENT}", "/console/nothing", "/console/style.css"):
        answer = person.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        if path != "/console/style.css":
            assert not Page(answer).all("script")
            assert not [a for _, a in Page(answer).found if "style" in a]
            assert answer.headers["cache-control"] == "private, no-store"


def test_a_foreign_name_for_this_machine_is_not_served_without_a_sign_in(person: TestClient) -> None:
    answer = person.get("/console", headers={"host": "rebound.example"})
    assert answer.status_code == 403
