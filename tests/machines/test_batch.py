"""A batch in shards, home and a machine in folders of their own: it ends as on one machine, whatever is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.bucket import Bucket
from greenlang.errors import ExchangeError
from greenlang.exchange import home, machine
from greenlang.exchange.bundle import bundled, contents
from greenlang.exchange.store import Store
from greenlang.factory.line import run_batch, stale_keys
from greenlang.metrics import MetricsStore, query
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests import libraries
from tests.machines.two import NAMES, Machines, agents, counts, example, files


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


def test_it_ends_as_on_one_machine(machines: Machines, tmp_path: Path) -> None:
    one = Settings(var=tmp_path / "one", workers=1, mutants=2, keys_folder=machines.home.keys, settle_seconds=0)
    libraries.tell(one.var)
    specs = {name: example(name) for name in NAMES} | {"broken": b"{"}
    for name, data in specs.items():
        Bucket.open(one.bucket_address).write(f"inbox/{name}.yaml", data)
    list(run_batch(one, entrance="test"))
    machines.drop(**specs)
    plan, _ = machines.batch("night-1")
    assert (plan.keys, plan.shards, plan.told) == (2, 2, 1)
    assert files(machines.home.packs) == files(one.packs), "to the byte, signatures too"
    assert files(tmp_path / "bucket") == files(one.var / "bucket")
    assert agents(machines.home) == agents(one)
    assert counts(machines.home) == counts(one)
    assert files(machines.home.reports).keys() == files(one.reports).keys()
    (run,) = query(machines.home, "SELECT run_id, agents, kept, refused, registered FROM runs").rows
    assert run == ("night-1", 3, 0, 1, 2)
    # Nothing is left over on the machine and between the two.
    assert not [p for p in (machines.away.var / "shards").iterdir() if p.is_dir()]
    assert not machines.store.names("orders")
    assert not machines.store.names("parcels")
    assert not list((machines.home.var / "intake").glob("*.json"))
    # Home knows that everything is up to date, and the next batch has nothing to do.
    assert stale_keys(machines.home) == []
    assert home.plan(machines.home, "night-2", entrance="test").shards == 0


def test_what_has_not_changed_is_not_built_again_elsewhere(machines: Machines) -> None:
    machines.drop(one=example(NAMES[0]))
    machines.batch("night-1")
    (key,) = [row["partition"] for row in agents(machines.home)]
    packs = files(machines.home.packs)
    _, done = machines.batch("night-2", keys=[key])
    (agent,) = [stage.agent for stage in done if stage.agent is not None]
    assert not agent.rebuilt
    assert counts(machines.home)[0][0] == 1, "no second row"
    assert query(machines.home, "SELECT kept FROM runs WHERE run_id = 'night-2'").rows == [(1,)]
    assert files(machines.home.packs) == packs


def test_a_shard_that_is_built_twice_and_lands_twice_and_late_counts_once(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines.drop(one=example(NAMES[0]))
    plan = home.plan(machines.home, "night-1", entrance="test")
    first, again = machines.build(plan), machines.build(plan)
    assert [stage.agent.rebuilt for stage in first if stage.agent is not None] == [True]
    assert [stage.agent.rebuilt for stage in again if stage.agent is not None] == [False], "it was sent before"
    # A pack that was changed in the store does not land, nor do its rows.
    (pack,) = machines.store.names("packs")
    data = machines.store.read(f"packs/{pack}")
    machines.store.write(f"packs/{pack}", data.replace(b"def ", b"deF ", 1))
    with pytest.raises(ExchangeError, match=pack):
        home.close(machines.home, plan)
    assert agents(machines.home) == []
    machines.store.write(f"packs/{pack}", data)
    # A kill after the rows have landed and before the parcel is gone.
    with monkeypatch.context() as patch:
        patch.setattr(Store, "delete", _fail)
        with pytest.raises(ExchangeError, match="out of order"):
            home.close(machines.home, plan)
    late = machines.store.read(machine.parcel_name(plan.batch, 1))
    home.close(machines.home, plan)
    assert counts(machines.home)[0][0] == 1
    with Registry(machines.home.registry) as registry:
        assert registry.count() == 1
    # A machine that was thought lost sends its parcel after a newer build.
    (older,) = MetricsStore(machines.home).outcomes()
    machines.batch("night-2", keys=[older["key"]], force=True)
    (newer,) = MetricsStore(machines.home).outcomes()
    assert newer["written_at"] > older["written_at"]
    page = next(machines.home.reports.rglob("quality.json"))
    stood = page.read_bytes()
    machines.store.write(machine.parcel_name(plan.batch, 1), late)
    home.plan(machines.home, "night-3", entrance="test", keys=[])
    assert not machines.store.names("parcels")
    assert MetricsStore(machines.home).outcomes() == [newer]
    assert page.read_bytes() == stood


def _fail(*_: object) -> None:
    raise ExchangeError("out of order")


def test_a_batch_that_breaks_off_finds_its_files_and_parcels_again(machines: Machines) -> None:
    machines.drop(one=example(NAMES[0]), two=example(NAMES[1]), broken=b"{")
    plan = home.plan(machines.home, "night-1", entrance="test")
    assert plan.shards == 2
    machine.build_shard(machines.away, plan.batch, 1)  # the other one fails for good, so that nobody closes the batch
    mend = home.plan(machines.home, "night-2", entrance="mend")
    assert (mend.keys, mend.told) == (2, 1), "the journal tells of them all, what has landed is looked at"
    assert len(agents(machines.home)) == 2, "the first shard and the refused file have their rows"
    with pytest.raises(ExchangeError, match="another one has begun"):
        machine.build_shard(machines.away, plan.batch, 2)
    done = machines.build(mend)
    home.close(machines.home, mend)
    assert sorted(stage.agent.rebuilt for stage in done if stage.agent is not None) == [False, True]
    built = "SELECT count(*) FROM history WHERE outcome = 'registered'"
    assert query(machines.home, built).rows == [(2,)]
    assert len(agents(machines.home)) == 3


def test_a_machine_that_would_render_or_sign_otherwise_builds_nothing(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machines.drop(one=example(NAMES[0]))
    plan = home.plan(machines.home, "night-1", entrance="test")
    stranger = machines.away.model_copy(update={"keys_folder": tmp_path / "other"})
    with pytest.raises(ExchangeError, match="does not hold the key"):
        machine.build_shard(stranger, plan.batch, 1)
    with pytest.raises(ExchangeError, match="renders or judges otherwise"):
        machine.build_shard(machines.away.model_copy(update={"sandbox": "weak"}), plan.batch, 1)
    assert not machines.store.names("parcels")
    assert not machines.store.names("packs")


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a\\..\\x"])
def test_no_bundle_leads_out_of_its_folder(path: str) -> None:
    with pytest.raises(ExchangeError, match="leads out"):
        list(contents(bundled({path: b""}), "it"))
    with pytest.raises(ExchangeError):
        list(contents(b"no zip", "it"))
