"""Ranges of versions, what fits together, and what was yanked: on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlang.errors import LifecycleError, NotRegistered, ReferenceInvalid, VersionConflict
from greenlang.registry import Caller, Registry
from greenlang.registry.audit import AuditLog
from greenlang.registry.details import needs_of, pins_of, yanks_of
from greenlang.registry.entry import Pin
from greenlang.registry.versions import Constraint, resolve, satisfying
from tests.registry.test_registry import entry

VERSIONS = ("1.1.9", "1.2.0", "1.2.5", "1.3.0-rc.1", "1.9.9", "2.0.0-rc.1", "2.0.0", "odd")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (">=1.2,<2", ["1.2.0", "1.2.5", "1.9.9"]),
        (" >= 1.2 , < 2 ", ["1.2.0", "1.2.5", "1.9.9"]),
        ("^1.2", ["1.2.0", "1.2.5", "1.9.9"]),
        ("~1.2", ["1.2.0", "1.2.5"]),
        ("1.2.0", ["1.2.0"]),
        ("==1.2.0", ["1.2.0"]),
        ("", ["1.1.9", "1.2.0", "1.2.5", "1.9.9", "2.0.0"]),
        (">=1.3.0-rc.1,<2", ["1.3.0-rc.1", "1.9.9"]),
        ("2.0.0-rc.1", ["2.0.0-rc.1"]),
        ("!=2.0.0", ["1.1.9", "1.2.0", "1.2.5", "1.9.9"]),
        (">3", []),
    ],
)
def test_what_lies_in_a_range(text: str, inside: list[str]) -> None:
    constraint = Constraint.parse(text)
    assert [version for version in VERSIONS if version in constraint] == inside


@pytest.mark.parametrize("text", ["latest", ">=", "1.2.3.4", ">=1.2 <2 or 3", "=>1", "1,2,"])
def test_a_text_that_is_no_range_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ReferenceInvalid, match=r"no range of versions: write >=1\.2,<2"):
        Constraint.parse(text)


_number = st.integers(0, 30)
_version = st.tuples(_number, _number, _number)


@given(low=_version, high=_version, asked=_version)
def test_a_range_is_the_order_of_its_numbers(low: Any, high: Any, asked: Any) -> None:
    text = ">={}.{}.{},<{}.{}.{}".format(*low, *high)
    assert ("{}.{}.{}".format(*asked) in Constraint.parse(text)) == (low <= asked < high)


def add(registry: Registry, agent_id: str, version: str, **needs: str) -> None:
    """``needs``: x=">=1" is d/x in that range."""
    registry.register(entry(agent_id, version), needs={f"d/{name}": text for name, text in needs.items()})


def chosen(registry: Registry, agent_id: str, constraint: str = "*") -> dict[str, str]:
    return {name: found.version for name, found in resolve(registry, agent_id, constraint).items()}


def test_the_highest_that_all_agree_on_is_taken(registry: Registry) -> None:
    add(registry, "d/report", "1.0.0", grid=">=1.2,<2", fleet="^1.0")
    add(registry, "d/fleet", "1.0.0", grid="*")
    add(registry, "d/fleet", "1.1.0", grid=">=1.2,<1.4")
    for version in ("1.1.0", "1.2.0", "1.3.7", "1.4.0", "2.0.0"):
        add(registry, "d/grid", version)
    assert chosen(registry, "d/report") == {"d/fleet": "1.1.0", "d/grid": "1.3.7", "d/report": "1.0.0"}


def test_a_choice_that_leads_nowhere_is_taken_back(registry: Registry) -> None:
    add(registry, "d/report", "1.0.0", fleet="*", grid=">=2")
    add(registry, "d/fleet", "1.0.0", grid=">=1")
    add(registry, "d/fleet", "2.0.0", grid="<2")
    for version in ("1.0.0", "2.0.0"):
        add(registry, "d/grid", version)
    assert chosen(registry, "d/report") == {"d/fleet": "1.0.0", "d/grid": "2.0.0", "d/report": "1.0.0"}


def test_agents_may_need_each_other(registry: Registry) -> None:
    add(registry, "d/a", "1.0.0", b="*")
    add(registry, "d/b", "1.0.0", a="^1")
    assert chosen(registry, "d/a") == {"d/a": "1.0.0", "d/b": "1.0.0"}


def test_a_conflict_says_who_asks_for_what_and_what_there_is(registry: Registry) -> None:
    add(registry, "d/report", "1.0.0", fleet="*", grid=">=2")
    add(registry, "d/fleet", "1.0.0", grid="<2")
    for version in ("1.0.0", "2.0.0"):
        add(registry, "d/grid", version)
    with pytest.raises(VersionConflict) as caught:
        resolve(registry, "d/report")
    said = str(caught.value)
    assert "d/report@1.0.0 needs d/grid >=2" in said
    assert "d/fleet@1.0.0 needs d/grid <2" in said
    assert "d/grid has 2.0.0, 1.0.0" in said


def test_what_is_missing_is_named(registry: Registry) -> None:
    add(registry, "d/report", "1.0.0", grid=">=1")
    with pytest.raises(VersionConflict, match=r"d/report@1\.0\.0 needs d/grid >=1\. d/grid is not registered"):
        resolve(registry, "d/report")
    with pytest.raises(VersionConflict, match=r"asked for is d/report >=2\. d/report has 1\.0\.0"):
        resolve(registry, "d/report", ">=2")
    with pytest.raises(NotRegistered, match="d/nothing is not registered"):
        resolve(registry, "d/nothing")


def test_a_pre_release_is_taken_where_somebody_names_one(registry: Registry) -> None:
    add(registry, "d/report", "1.0.0", grid=">=1")
    add(registry, "d/early", "1.0.0", grid=">=1.1.0-rc.1", report="*")
    for version in ("1.0.0", "1.1.0-rc.2"):
        add(registry, "d/grid", version)
    assert chosen(registry, "d/report")["d/grid"] == "1.0.0"
    assert chosen(registry, "d/early")["d/grid"] == "1.1.0-rc.2"


def test_a_need_that_is_no_range_is_refused_when_it_is_published(registry: Registry) -> None:
    with pytest.raises(ReferenceInvalid):
        add(registry, "d/report", "1.0.0", grid="newest")
    assert registry.count() == 0


def test_needs_and_pins_come_back(registry: Registry) -> None:
    pins = [Pin("formula", "f/1", "2" * 64), Pin("factor", "defra/x", "1" * 64)]
    registry.publish(entry("d/report"), pins=pins, needs={"d/grid": " >=1.2 , <2"})
    assert needs_of(registry, "d/report") == {("default", "1.0.0"): {"d/grid": ">=1.2,<2"}}
    (build,) = registry.builds("d/report", "1.0.0")
    assert pins_of(registry, build.id) == [pins[1], pins[0]]


def test_what_is_yanked_is_chosen_only_where_exactly_it_is_asked_for(registry: Registry) -> None:
    for version in ("1.0.0", "1.1.0"):
        add(registry, "d/grid", version)
    add(registry, "d/report", "1.0.0", grid="^1")
    add(registry, "d/pinned", "1.0.0", grid="1.1.0")
    assert registry.yank("d/grid", "1.1.0", "b" * 64, "wrong unit")
    assert registry.get("d/grid").version == "1.0.0"
    assert registry.get("d/grid", "1.1.0").yanked
    assert [one.version for one in satisfying(registry.versions("d/grid"), ">=1")] == ["1.0.0"]
    assert [one.version for one in satisfying(registry.versions("d/grid"), "==1.1.0")] == ["1.1.0"]
    assert chosen(registry, "d/report")["d/grid"] == "1.0.0"
    assert chosen(registry, "d/pinned")["d/grid"] == "1.1.0"
    assert registry.yank("d/grid", "1.0.0", "b" * 64, "wrong unit too")
    with pytest.raises(VersionConflict, match=r"1\.1\.0 \(yanked\), 1\.0\.0 \(yanked\)"):
        resolve(registry, "d/report")
    assert registry.find("d/grid") is None
    with pytest.raises(LookupError, match=r"every version of d/grid was yanked; .* there is 1\.1\.0, 1\.0\.0"):
        registry.get("d/grid")


def test_yanking_keeps_history_and_can_be_taken_back(registry: Registry) -> None:
    add(registry, "d/grid", "1.0.0")
    life = registry.transitions("d/grid", "1.0.0")
    assert registry.yank("d/grid", "1.0.0", "b" * 8, "wrong unit")
    assert not registry.yank("d/grid", "1.0.0", "b" * 8, "again")
    assert registry.yank("d/grid", "1.0.0", "b" * 8, "the unit was right", yanked=False)
    assert registry.get("d/grid").version == "1.0.0"
    (build,) = registry.builds("d/grid", "1.0.0")
    assert [(one.yanked, one.reason) for one in yanks_of(registry, build.id)] == [
        (True, "wrong unit"),
        (False, "the unit was right"),
    ]
    assert registry.transitions("d/grid", "1.0.0") == life
    assert [event.event for event in AuditLog(registry).query()][:2] == ["agent.unyanked", "agent.yanked"]


def test_a_yanked_build_gives_way_to_another_of_its_version(registry: Registry) -> None:
    registry.register(entry("d/grid"))
    registry.register(entry("d/grid", pack_digest="9" * 64))
    registry.yank("d/grid", "1.0.0", "9" * 64, "wrong factor")
    found = registry.get("d/grid")
    assert (found.pack_digest, found.yanked) == ("b" * 64, False)


def test_a_yank_needs_a_reason_and_a_build(registry: Registry) -> None:
    add(registry, "d/grid", "1.0.0")
    with pytest.raises(LifecycleError, match="needs a reason"):
        registry.yank("d/grid", "1.0.0", "b" * 64, "  ")
    with pytest.raises(NotRegistered):
        registry.yank("d/grid", "1.0.0", "7" * 64, "no such build")
    with pytest.raises(NotRegistered):
        registry.yank("d/none", "1.0.0", "b" * 64, "no such agent")


def test_nobody_yanks_a_public_agent_for_others(postgres_url: str, keys: Any) -> None:
    with Registry(postgres_url, caller=Caller("public"), keys=keys) as public:
        public.register(entry("d/grid"))
        with pytest.raises(LifecycleError, match="belongs to the tenant public"):
            public.as_caller(Caller("acme")).yank("d/grid", "1.0.0", "b" * 64, "mine")
        assert not public.get("d/grid").yanked
