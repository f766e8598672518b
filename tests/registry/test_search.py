"""Search finds what people mean, shows nobody what they may not read, and knows when something changed."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from greenlang.errors import RegistryError
from greenlang.registry import PUBLIC, Caller, Port, Registry, audit
from greenlang.registry.search import Wanted
from greenlang.registry.search_words import understand, unit, words
from greenlang.registry.steps import Step, write_step
from greenlang.registry.tables import BuildRow
from tests.registry.test_registry import entry
from tools.registry_fill import fill, template_entries

QUERIES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("queries.yaml").read_text())


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with an entry for every template and example of the project."""
    with Registry(f"sqlite:///{tmp_path_factory.mktemp('templates')}/registry.sqlite") as registry:
        fill(registry, [(entry, "draft") for entry in template_entries()])
        yield registry


@pytest.mark.parametrize("asked", QUERIES, ids=[one["query"] for one in QUERIES])
def test_what_people_type_finds_what_they_mean(templates: Registry, asked: dict[str, Any]) -> None:
    found = [entry.agent_id for entry in templates.search(asked["query"], limit=3)]
    assert set(asked.get("among", ())) <= set(found)
    if "first" in asked:
        assert found, "nothing was found"
        assert found[0] in asked["first"]


def promote(registry: Registry, agent_id: str, version: str, *states: str) -> None:
    """Lead every build of a version through these states, unasked."""
    with registry.transaction(write=True) as connection:
        for build in connection.execute(_builds(agent_id, version)).scalars().all():
            for before, after in zip(("draft", *states), states, strict=False):
                step = Step(before, after, "promoted", "test")
                write_step(connection, registry.caller, registry.signer, build, step)
        audit.record(connection, registry.caller, "agent.promoted", f"{agent_id}@{version}#bbbbbbbbbbbb")


def _builds(agent_id: str, version: str) -> Any:
    return select(BuildRow.id).where(BuildRow.agent_id == agent_id, BuildRow.version == version)


def ids(found: Any) -> list[str]:
    return [one.agent_id for one in found]


def test_what_changed_is_found_at_once(registry: Registry) -> None:
    assert registry.search("boiler") == []
    registry.register(entry())
    assert ids(registry.search("boiler")) == ["heat/boiler"]
    registry.register(entry("heat/other", name="Another boiler"))
    assert sorted(ids(registry.search("boiler"))) == ["heat/boiler", "heat/other"]
    assert registry.search(state="certified") == []
    promote(registry, "heat/other", "1.0.0", "experimental", "certified")
    (found,) = registry.search("boiler", state="certified")
    assert (found.agent_id, found.state) == ("heat/other", "certified")


def test_what_another_registry_object_wrote_is_found(url: str, keys: Path) -> None:
    with Registry(url, keys=keys) as one, Registry(url, keys=keys) as other:
        one.register(entry())
        assert ids(other.search("boiler")) == ["heat/boiler"]
        other.register(entry("heat/pump", name="Heat pump"))
        assert ids(one.search("pump")) == ["heat/pump"]


def test_an_index_is_no_copy_of_the_truth(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    with Registry(url) as registry:
        registry.register(entry())
        assert ids(registry.search("boiler")) == ["heat/boiler"]
    (tmp_path / "registry.sqlite").unlink()
    for rest in tmp_path.glob("registry.sqlite-*"):
        rest.unlink()
    with Registry(url) as registry:
        registry.register(entry("heat/pump", name="Heat pump", summary="of another database", outputs=()))
        assert ids(registry.search()) == ["heat/pump"], "the index of the database before is not used"
        assert registry.search("boiler") == []


@pytest.mark.parametrize("harm", ["gone", "cut", "foreign"])
def test_an_index_that_was_harmed_is_made_again(tmp_path: Path, harm: str) -> None:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    with Registry(url) as registry:
        registry.register(entry())
        registry.search("boiler")
    (folder,) = (tmp_path / "search").iterdir()
    if harm == "gone":
        shutil.rmtree(folder)
    elif harm == "cut":
        (folder / "meta.json").write_text('{"segments": [')
    else:
        (folder / "meta.json").write_text("{}")
    with Registry(url) as registry:
        assert ids(registry.search("boiler")) == ["heat/boiler"]


def test_without_a_folder_the_index_is_in_memory(postgres_url: str, keys: Path) -> None:
    with Registry(postgres_url, keys=keys) as writer, Registry(postgres_url) as reader:
        writer.register(entry())
        assert ids(reader.search("boiler")) == ["heat/boiler"]


def test_a_process_that_stays_keeps_its_index_in_memory(tmp_path: Path) -> None:
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}", resident=True) as registry:
        registry.register(entry())
        assert ids(registry.search("boiler")) == ["heat/boiler"]
    assert not (tmp_path / "search").exists()


def test_nobody_waits_for_an_update_that_another_makes(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlang.registry.search_index._LATE", 3600.0)
    registry.register(entry())
    assert ids(registry.search("boiler")) == ["heat/boiler"]
    registry.register(entry("heat/other", name="Another boiler"))
    with registry._index._lock:  # as a thread holds it that updates the index
        assert ids(registry.search("boiler")) == ["heat/boiler"]
    assert sorted(ids(registry.search("boiler"))) == ["heat/boiler", "heat/other"]


def test_an_update_that_fails_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Registry, agent_ids: Any = None) -> Any:
        yield from entries(self, agent_ids)
        raise RegistryError("the database went away")

    entries = Registry.own
    with Registry(f"sqlite:///{tmp_path / 'registry.sqlite'}") as registry:
        registry.register(entry())
        with monkeypatch.context() as patched:
            patched.setattr(Registry, "own", fails)
            with pytest.raises(RegistryError) as caught:
                registry.search("boiler")
        assert ids(registry.search("boiler")) == ["heat/boiler"]
        assert caught.value.__traceback__ is not None, "an error that is still held holds no lock of the index"


def test_a_text_without_end_is_answered(registry: Registry) -> None:
    registry.register(entry())
    assert registry.search(" ".join(f"unheard{n}of" for n in range(3000))) == []
    assert ids(registry.search("boiler " + "gas " * 3000)) == ["heat/boiler"]


def _search_for_ever(url: str, wanted: int) -> None:
    with Registry(url) as registry:
        for number in range(8):
            registry.register(entry(f"d/agent-{multiprocessing.current_process().pid}-{number}"))
            assert registry.search("boiler", limit=1)
        assert len(registry.search(limit=None)) >= wanted


@pytest.mark.slow
def test_processes_share_one_index(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    Registry(url).count()
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=_search_for_ever, args=(url, 8)) for _ in range(3)]
    for process in started:
        process.start()
    for process in started:
        process.join(timeout=90)
    assert [process.exitcode for process in started] == [0, 0, 0]
    with Registry(url) as registry:
        assert len(registry.search(limit=None)) == 24
    assert len(list((tmp_path / "search").iterdir())) == 1


def test_an_agent_is_found_once_by_its_latest_version(registry: Registry) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        registry.register(entry(version=version))
    promote(registry, "heat/boiler", "1.1.0", "experimental", "certified")
    assert [e.version for e in registry.search("boiler")] == ["1.1.0"]
    assert [e.version for e in registry.search("boiler", state="draft")] == ["2.0.0"]
    assert [e.version for e in registry.search("boiler", all_versions=True)] == ["1.1.0", "2.0.0", "1.0.0"]
    assert [e.version for e in registry.search(all_versions=True, state="draft")] == ["2.0.0", "1.0.0"]


def test_lifecycle_and_evidence_decide_where_relevance_does_not(registry: Registry) -> None:
    for name in ("a", "b", "c", "d", "e"):
        registry.register(entry(f"heat/{name}"))
    registry.register(entry("heat/unjudged", score=None, tests_passed=0, tests_total=0))
    registry.register(entry("heat/placeholder", summary="TODO: natural gas boiler CO2e"))
    promote(registry, "heat/d", "1.0.0", "experimental", "certified")
    promote(registry, "heat/e", "1.0.0", "experimental")
    promote(registry, "heat/placeholder", "1.0.0", "experimental", "certified")
    promote(registry, "heat/b", "1.0.0", "experimental", "certified", "deprecated", "retired")
    registry.yank("heat/c", "1.0.0", "b" * 64, "wrong factor")
    expected = ["heat/d", "heat/e", "heat/a", "heat/unjudged", "heat/placeholder", "heat/b"]
    assert ids(registry.search("natural gas boiler")) == expected
    everything = registry.search("natural gas boiler", all_versions=True)
    assert sorted(ids(everything)[-2:]) == ["heat/b", "heat/c"], "what was yanked is shown to who asks for all"
    registry.yank("heat/c", "1.0.0", "b" * 64, "it was right", yanked=False)
    assert "heat/c" in ids(registry.search("natural gas boiler"))
    assert ids(registry.search("heat/placeholder"))[0] == "heat/placeholder", "who writes an id means that agent"


def test_filters(registry: Registry) -> None:
    registry.register(entry(regulations=("CSRD ESRS E1",)))
    freight = entry("transport/lorry", name="Lorry", tags=("iso-14083", "scope3"), outputs=(Port("t", "float64", "t"),))
    registry.register(freight)
    registry.register(entry("land/area", outputs=(Port("a", "float64", "kWh/m2"),), tags=()))
    for asked, expected in (
        ({"unit": "kg CO2e"}, ["heat/boiler"]),
        ({"unit": "kgCO₂-e"}, ["heat/boiler"]),
        ({"unit": "kWh per m²"}, ["land/area"]),
        ({"unit": "tonnes"}, ["transport/lorry"]),
        ({"unit": "kWh"}, []),
        ({"regulation": "ISO 14083"}, ["transport/lorry"]),
        ({"regulation": "GLEC"}, ["transport/lorry"]),
        ({"regulation": "esrs e1"}, ["heat/boiler"]),
        ({"regulation": "Corporate Sustainability Reporting Directive"}, ["heat/boiler"]),
        ({"regulation": "CBAM"}, []),
        ({"regulation": "..."}, []),
        ({"capability": "ISO_14083"}, ["transport/lorry"]),
        ({"domain": "Transport", "text": "truck"}, ["transport/lorry"]),
        ({"domain": "heat", "text": "truck"}, []),
        ({"text": "..."}, []),
        ({"text": "kgco2e"}, ["heat/boiler"]),
    ):
        assert ids(registry.search(**asked)) == expected, asked


def test_pages_follow_each_other(registry: Registry) -> None:
    for number in range(7):
        registry.register(entry(f"heat/n{number}"))
    pages = [registry.find_all(Wanted("boiler"), limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [ids(page.entries) for page in pages] == [
        ["heat/n0", "heat/n1", "heat/n2"],
        ["heat/n3", "heat/n4", "heat/n5"],
        ["heat/n6"],
    ]
    assert [page.more for page in pages] == [True, True, False]


def test_tenants_find_what_they_may_read(postgres_url: str, keys: Path) -> None:
    with Registry(postgres_url, caller=Caller(PUBLIC), keys=keys) as public:
        one, other = public.as_caller(Caller("one")), public.as_caller(Caller("other"))
        one.register(entry("secret/plan", name="Boiler of one"))
        public.register(entry("heat/boiler"))
        public.register(entry("heat/shared", name="Boiler of all"))
        other.register(entry("heat/shared", name="Boiler of other", spec_digest="d" * 64))
        assert sorted(ids(one.search("boiler"))) == ["heat/boiler", "heat/shared", "secret/plan"]
        assert sorted(ids(other.search("boiler"))) == ["heat/boiler", "heat/shared"]
        assert {e.tenant for e in other.search("boiler") if e.agent_id == "heat/shared"} == {"other"}
        assert sorted(ids(public.search("boiler"))) == ["heat/boiler", "heat/shared"]
        assert other.search("secret/plan") == []
        assert ids(other.search("boiler of other")) == ["heat/shared"]


def test_what_the_index_holds_too_much_is_not_shown(postgres_url: str, keys: Path, monkeypatch: Any) -> None:
    with Registry(postgres_url, caller=Caller("one"), keys=keys) as one:
        one.register(entry("secret/plan"))
        one.search("boiler")
        other = one.as_caller(Caller("other"))
        monkeypatch.setattr("greenlang.registry.search._Question._filters", lambda self: iter(()))
        assert ids(one.search("boiler")) == ["secret/plan"]
        assert other.search("boiler") == [], "hits are read again as who asks"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("heat/boiler_kgCO2e", ("heat", "boiler", "kgco2e", "kg", "co2e")),
        ("GenericIndustrial", ("genericindustri", "generic", "industri")),
        ("Wärmepumpe für CO₂", ("waermepump", "fuer", "co2")),
        ("optimising the losses", ("optim", "the", "loss")),
        ("", ()),
    ],
)
def test_words_of_a_text(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected


def test_words_that_say_nothing_count_where_there_are_no_others() -> None:
    assert [term.names[0] for term in understand("how much of the boiler")] == [("boiler",)]
    assert [term.names[0] for term in understand("what is it")] == [("what",), ("is",), ("it",)]
    assert understand("?!") == ()


def test_units_have_one_spelling() -> None:
    assert unit("kg CO2e") == unit("kgCO2eq") == unit("KGCO₂e")
    assert unit("kgCO2e / tkm") == unit("kgCO2e per tonne_km")
    assert unit("kWh") != unit("MWh")
