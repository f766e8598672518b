"""Home and a machine in folders of their own, over one bucket, registry, key and store.

Belongs here: the two, and what a test asks of them. Does not belong here: what is tested.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greenlang import _paths
from greenlang.bucket import Bucket
from greenlang.exchange import home, machine
from greenlang.exchange.store import Store
from greenlang.factory.outcome import StageOutcome
from greenlang.metrics import query
from greenlang.settings import Settings
from tests import libraries

EXAMPLES = _paths.data() / "templates" / "specs" / "examples"
NAMES = ("boiler", "electricity_uk")


class Machines:
    """Home and one machine over a bucket, a registry, a key and a store."""

    def __init__(self, folder: Path) -> None:
        shared: dict[str, Any] = {
            "bucket": str(folder / "bucket"),
            "registry_url": f"sqlite:///{folder / 'registry.sqlite'}",
            "keys_folder": folder / "keys",
            "store": str(folder / "store"),
            "workers": 1,
            "mutants": 2,
            "shard_size": 1,
            "settle_seconds": 0,
        }
        self.home = Settings(var=folder / "home", **shared)
        self.away = Settings(var=folder / "away", **shared | {"mutants": 7})
        self.store = Store(self.home.store_address)
        libraries.tell(self.home.var)

    def drop(self, **files: bytes) -> None:
        for name, data in files.items():
            Bucket.open(self.home.bucket_address).write(f"inbox/{name.replace('__', '.')}.yaml", data)

    def build(self, plan: home.Plan) -> list[StageOutcome]:
        done: list[StageOutcome] = []
        for shard in range(1, plan.shards + 1):
            libraries.tell(self.away.var)
            done += machine.build_shard(self.away, plan.batch, shard).stages
        return done

    def batch(self, name: str, **options: Any) -> tuple[home.Plan, list[StageOutcome]]:
        plan = home.plan(self.home, name, entrance="test", **options)
        done = self.build(plan)
        home.close(self.home, plan)
        return plan, done


def example(name: str) -> bytes:
    return (EXAMPLES / f"{name}.pack.yaml").read_bytes()


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def agents(settings: Settings) -> list[dict[str, Any]]:
    columns = "partition, outcome, reason, pack_digest, certificate_digest, consumed_digest, tests_total, mutant_tier"
    return query(settings, f"SELECT {columns} FROM agents ORDER BY ALL").as_dicts()


def counts(settings: Settings) -> list[tuple[Any, ...]]:
    return query(settings, "SELECT (SELECT count(*) FROM history), (SELECT count(*) FROM tests)").rows
