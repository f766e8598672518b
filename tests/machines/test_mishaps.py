"""What comes in between: packs built at home, a second factory, shards that die, tasks that are delivered twice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from greenlang.bucket import Bucket
from greenlang.errors import ExchangeError
from greenlang.exchange import home, machine, tables
from greenlang.exchange.store import Store
from greenlang.factory.line import run_batch
from greenlang.factory.outcome import StageOutcome
from greenlang.llm.accounts import Accounts
from greenlang.metrics import MetricsStore, query
from greenlang.registry import Registry
from greenlang.settings import Settings
from tests.machines.two import NAMES, Machines, agents, counts, example, files

CONTRADICTION = b"""\
schema_version: "2.0.0"
id: "buildings/pump"
name: "Pump"
version: "1.0.0"
summary: "Electricity of a pump."
license: "Apache-2.0"
compute:
  inputs:
    power: {dtype: float64, unit: kW, ge: 0, le: 1000, description: "Rated power"}
  outputs:
    energy: {dtype: float64, unit: kWh, description: "Electrical energy used"}
  formulas: {energy: power}
"""
TIME = b'  time: {dtype: float64, unit: h, ge: 0, le: 8784, description: "Hours"}\n  '
PUMP = CONTRADICTION.replace(b"outputs:", TIME + b"outputs:")
PUMP = PUMP.replace(b"  formulas: {energy: power}\n", b"")


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


def rebuilt(done: list[StageOutcome]) -> list[bool]:
    return [stage.agent.rebuilt for stage in done if stage.agent is not None]


def test_what_was_built_at_home_is_built_elsewhere_all_the_same(machines: Machines) -> None:
    machines.drop(one=example(NAMES[0]))
    list(run_batch(machines.home, entrance="test"))
    (key,) = [row["partition"] for row in agents(machines.home)]
    packs = files(machines.home.packs)
    _, done = machines.batch("unchanged", keys=[key])
    assert rebuilt(done) == [False], "its pack came along"
    # What home cannot send is built anew there, whether it was asked for or not.
    (pack,) = machines.store.names("packs")
    machines.store.delete([f"packs/{pack}"])
    plan = home.plan(machines.home, "lost", entrance="test", keys=[key])
    machines.store.delete([f"packs/{pack}"])
    assert rebuilt(machines.build(plan)) == [True]
    home.close(machines.home, plan)
    machines.store.delete([f"packs/{pack}"])
    _, done = machines.batch("forced", keys=[key], force=True)
    assert rebuilt(done) == [True]
    assert files(machines.home.packs) == packs
    assert counts(machines.home)[0][0] == 3
    # A pack that was changed at home is no pack to send.
    machines.store.delete([f"packs/{pack}"])
    next(machines.home.packs.glob("*/README.md")).write_text("changed")
    assert rebuilt(machines.batch("changed", keys=[key])[1]) == [True]


def test_a_second_factory_takes_nothing_of_the_first_ones_store(machines: Machines, tmp_path: Path) -> None:
    machines.drop(one=example(NAMES[0]), two=CONTRADICTION)
    plan = home.plan(machines.home, "night-1", entrance="test")
    machine.build_shard(machines.away, plan.batch, 1)
    stood = files(tmp_path / "store")
    other = machines.home.model_copy(update={"var": tmp_path / "other", "bucket": str(tmp_path / "elsewhere")})
    with pytest.raises(ExchangeError, match="another factory"):
        home.plan(other, "night-2", entrance="test")
    with pytest.raises(ExchangeError, match="another factory"):
        home.close(other, plan)
    assert files(tmp_path / "store") == stood
    with pytest.raises(ExchangeError, match="holds no tables"):
        tables.mirror(machines.store, Settings(var=tmp_path / "reader"))
    machine.build_shard(machines.away, plan.batch, 2)
    home.close(machines.home, plan)
    assert len(agents(machines.home)) == 2


def test_a_refusal_outlives_the_shard_that_died_with_it(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    machines.drop(pump=CONTRADICTION)
    plan = home.plan(machines.home, "night-1", entrance="test")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", fail)
        with pytest.raises(ExchangeError, match="out of order"):
            machines.build(plan)
    (told,) = [stage.agent for stage in machines.build(plan) if stage.agent is not None]
    assert told.outcome == "refused"
    # Home dies when the row has landed and the file has not moved: the parcel is still there.
    with monkeypatch.context() as patch:
        patch.setattr(home, "reject_later", fail)
        with pytest.raises(ExchangeError, match="out of order"):
            home.close(machines.home, plan)
    home.close(machines.home, plan)
    assert [(row["partition"], row["outcome"]) for row in agents(machines.home)] == [(told.key, "refused")]
    bucket = Bucket.open(machines.home.bucket_address)
    assert not bucket.list("specs", "") or not bucket.exists(f"specs/{told.key.replace('/', '.')}.yaml")
    assert bucket.read("rejected/pump.yaml") == CONTRADICTION
    assert told.reason.partition(" (and")[0] in bucket.read("rejected/pump.yaml.report.md").decode()
    assert home.plan(machines.home, "night-2", entrance="test").keys == 0


def fail(*_: object, **__: object) -> Any:
    raise ExchangeError("out of order")


def test_what_a_killed_shard_spent_on_models_counts_and_is_told(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call is made by hand where the shard's gateway would make it: what is tested is where its account lies."""
    machines.drop(pump=CONTRADICTION)
    plan = home.plan(machines.home, "night-1", entrance="test")
    left: list[Decimal] = []

    def spending(own: Settings, **options: Any) -> Any:
        accounts = Accounts(own.var / "llm")
        left.append(accounts.account("pump").spent)
        call = {
            "at": "2026-11-22T12:00:00+00:00",
            "key": plan.batch,
            "stage": "refinement",
            "prompt": "p",
            "request": "r",
            "sample": 0,
            "reask": 0,
            "provider": "ours",
            "model": "m",
            "result": "unknown",
            "prompt_tokens": 1,
            "completion_tokens": 1,
            "cost_usd": "2",
            "latency_ms": 1.0,
            "accepted": {},
        }
        if len(left) == 1:
            accounts.reserve("pump", Decimal(2), Decimal(5), until=0.0, call=call)
            raise ExchangeError("killed")
        return run_batch(own, **options)

    monkeypatch.setattr("greenlang.factory.line.run_batch", spending)
    with pytest.raises(ExchangeError, match="killed"):
        machines.build(plan)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", fail)  # the journal is in Parquet by now, and dies with the scratch folder
        with pytest.raises(ExchangeError, match="out of order"):
            machines.build(plan)
    machines.build(plan)
    machines.build(plan)
    assert left[1:] == [Decimal(0), Decimal(2), Decimal(2)]
    home.close(machines.home, plan)
    assert query(machines.home, "SELECT call, cost_usd::INT FROM llm_usage").rows == [("unknown", 2)]


def test_a_close_that_is_delivered_again_harms_nobody(machines: Machines) -> None:
    machines.drop(one=example(NAMES[0]))
    first, _ = machines.batch("night-1")
    machines.drop(two=CONTRADICTION)
    second = home.plan(machines.home, "night-2", entrance="test")
    orders = machines.store.names("orders")
    ended = "SELECT finished_at FROM runs WHERE run_id = 'night-1'"
    when = query(machines.home, ended).rows
    home.close(machines.home, first)
    assert query(machines.home, ended).rows == when
    assert machines.store.names("orders") == orders
    machines.build(second)
    home.close(machines.home, first)  # it lands the other one's parcel
    home.close(machines.home, second)
    assert sorted(row["outcome"] for row in agents(machines.home)) == ["refused", "registered"]
    assert query(machines.home, "SELECT run_id, agents, refused FROM runs ORDER BY ALL").rows == [
        ("night-1", 1, 0),
        ("night-2", 1, 1),
    ]
    with Registry(machines.home.registry) as registry:
        assert registry.count() == 1


def overlay(source: str) -> bytes:
    return f"""\
overlay: 1
spec: {{id: buildings/pump, version: "1.0.0"}}
reviewed: {{by: "A. Reviewer", on: "2026-01-31"}}
formulas:
  energy: {{expression: "power * time", source: "{source}"}}
""".encode()


def test_of_a_draft_that_another_build_follows_the_store_keeps_nothing(machines: Machines) -> None:
    machines.drop(pump=PUMP, pump__overlay=overlay("the description"))
    machines.batch("night-1")
    (first,) = MetricsStore(machines.home).outcomes()
    machines.drop(pump__overlay=overlay("the plate on the pump"))
    machines.batch("night-2")
    (second,) = MetricsStore(machines.home).outcomes()
    assert first["certificate_digest"] != second["certificate_digest"]
    assert list(machines.store.names("packs")) == [f"{second['certificate_digest']}.zip"]
