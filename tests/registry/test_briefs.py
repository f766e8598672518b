"""A brief tells one state of an entry from the next, and is read as its caller reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from greenlang.registry import PUBLIC, Caller, Registry
from greenlang.registry.briefs import brief_of, briefs
from greenlang.registry.search import Wanted
from greenlang.registry.tenants import Tenants
from tests.registry.test_registry import entry
from tests.registry.test_search import promote


def test_briefs_are_those_of_the_entries_in_the_order_asked_for(registry: Registry) -> None:
    for agent_id, version in (("heat/boiler", "1.0.0"), ("heat/boiler", "1.1.0"), ("heat/pump", "1.0.0")):
        registry.register(entry(agent_id, version))
    keys = [
        ("default", "heat/pump", "1.0.0"),
        ("default", "heat/gone", "1.0.0"),
        ("default", "heat/boiler", "1.0.0"),
    ]
    found = briefs(registry, keys)
    assert [brief.key for brief in found] == [keys[0], keys[2]]
    assert set(found) == {brief_of(one) for one in registry.entries(keys)}


def test_whatever_changes_an_entry_changes_its_brief(registry: Registry) -> None:
    key = ("default", "heat/boiler", "1.0.0")
    registry.register(entry("heat/boiler", "1.0.0"))
    seen = briefs(registry, [key])
    promote(registry, "heat/boiler", "1.0.0", "experimental")
    seen += briefs(registry, [key])
    registry.yank("heat/boiler", "1.0.0", seen[0].pack_digest, "wrong unit")
    seen += briefs(registry, [key])
    registry.register(entry("heat/boiler", "1.0.0", pack_digest="9" * 64))
    seen += briefs(registry, [key])
    assert len(set(seen)) == 4
    assert [brief.state for brief in seen] == ["draft", "experimental", "experimental", "draft"]
    assert [brief.yanked for brief in seen] == [False, False, True, False]
    assert seen[-1] == brief_of(registry.get("heat/boiler", "1.0.0"))


def test_a_search_finds_the_same_in_few_words(registry: Registry) -> None:
    for number in range(5):
        registry.register(entry(f"heat/boiler-{number}"))
    wanted = Wanted("boiler")
    for offset in (0, 3):
        whole = registry.find_all(wanted, limit=3, offset=offset)
        short = registry.find_briefs(wanted, limit=3, offset=offset)
        assert [brief_of(one) for one in whole.entries] == list(short.briefs)
        assert short.more == whole.more == (offset == 0)


def test_nobody_reads_the_brief_of_what_is_not_theirs(postgres_url: str, keys: Path) -> None:
    with Registry(postgres_url, keys=keys) as opened:
        for tenant in ("acme", "rival"):
            Tenants(opened).create(tenant)
        acme, rival, public = (opened.as_caller(Caller(tenant, "ann")) for tenant in ("acme", "rival", PUBLIC))
        same = entry("heat/kiln")
        acme.register(same)
        public.register(replace(same, agent_id="heat/all"))
        wanted = [("acme", "heat/kiln", "1.0.0"), (PUBLIC, "heat/all", "1.0.0")]
        assert [brief.key for brief in briefs(rival, wanted)] == wanted[1:]
        assert [brief.key for brief in briefs(acme, wanted)] == wanted
