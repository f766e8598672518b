"""A machine that builds a shard: order in, parcel out: ``parcels/<batch>/<shard>.zip``.

It builds in a scratch folder of its own, which is gone afterwards. What stays on the machine are caches (what the
tools know of the libraries, the factor tables by content, recorded replies of models), the accounts of models
(`Settings.llm_shared`) and the calls that no parcel has told yet. Refused specs stay where they are: home moves them
as it lands their rows. Packs go to the store
one by one, by content; reports, dossiers and rows go in one parcel, which is there as a whole or not at all. So a
machine may die at any moment: its shard is built again, elsewhere, and ends in the same packs.

Belongs here: carrying an order out. Does not belong here: building (`greenlang.factory.line`), who gets which order.
"""

from __future__ import annotations

import fcntl
import io
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from greenlang.errors import ExchangeError
from greenlang.exchange import orders, packs
from greenlang.exchange.bundle import below, bundled, contents
from greenlang.exchange.orders import Order
from greenlang.exchange.store import Store
from greenlang.factors.table import FactorTable
from greenlang.factory.digests import world_digest
from greenlang.factory.outcome import StageOutcome
from greenlang.formulas.library import library
from greenlang.llm import usage
from greenlang.metrics import MetricsStore
from greenlang.metrics.catalogue import rows_sql
from greenlang.metrics.fields import JOURNALS, TABLES
from greenlang.settings import Settings
from greenlang.signing import PRIVATE

_AT_ONCE = 3  # packs that travel at the same time
_CALLS = "llm_usage"
NOT_SENT = frozenset({"runs"})  # home alone knows when a batch began and ended


def parcel_name(batch: str, shard: int) -> str:
    """The name of a parcel in the store."""
    return f"parcels/{batch}/{shard:06d}.zip"


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a shard: every stage, and the folder ``var`` of home, where its packs and reports will lie.

    ``parcels``: how many shards of the batch had been sent then, this one among them.
    """

    home: str
    stages: tuple[StageOutcome, ...]
    parcels: int = 1


def build_shard(settings: Settings, batch: str, shard: int) -> Sent:
    """Build a shard of a batch and send what came of it.

    ``settings`` are this machine's: its own folder, and the bucket, the registry, the store and the signing key of the
    factory. A shard that was sent before is looked at again, and what stands is not built again.

    Raises ExchangeError where the store fails, or where this machine would render or sign otherwise than home; and what
    `greenlang.factory.line.run_batch` raises.
    """
    from greenlang.factory.line import run_batch

    store = Store(settings.store_address)
    with _scratch(settings, f"{batch}-{shard:06d}") as var:
        order = orders.receive(store, batch, shard, var)
        own = _settings(settings, var, order)
        orders.fetch_tables(store, order.tables, settings.machine / "references", own.tables)
        _same(own, order)
        _unpack_parcel(store, order, var)
        if not order.force:
            _fetch_standing(store, own)
        options: dict[str, Any] = {"force": order.force, "entrance": order.entrance, "run_id": order.batch}
        stages = tuple(run_batch(own, keys=order.keys, files=(), keep_refused=True, **options))
        built = [s.agent.key for s in stages if s.agent is not None and s.agent.outcome == "registered"]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(lambda key: packs.send(store, own, key), built))
        usage.flush(own)  # calls of processes that were killed here, whatever they were about
        store.write(parcel_name(batch, shard), bundled(_parcel(own, order)))
        _clear(_calls(settings))  # only now: until then the next shard here tells them
        sent = len(store.names(f"parcels/{batch}"))
    return Sent(order.home, stages, sent)


@contextmanager
def _scratch(settings: Settings, name: str) -> Iterator[Path]:
    """An empty folder for one shard. One shard at a time on one machine, which gives it all its processes."""
    home = settings.machine / "shards"
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in [path for path in home.iterdir() if path.is_dir()]:
            shutil.rmtree(left)  # of a shard that was killed here
        var = home / name
        cache = settings.machine / "cache"
        for kept in (cache, settings.llm_shared, _calls(settings)):
            kept.mkdir(parents=True, exist_ok=True)
        var.mkdir()
        (var / "cache").symlink_to(cache)
        (var / "llm").symlink_to(settings.llm_shared)
        (var / "tables").mkdir()
        (var / "tables" / _CALLS).symlink_to(_calls(settings))
        try:
            yield var
        finally:
            shutil.rmtree(var, ignore_errors=True)


def _calls(settings: Settings) -> Path:
    """Where the rows of calls to models lie until a parcel with them was sent: what they cost outlives a shard."""
    return settings.machine / "calls"


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _fetch_standing(store: Store, settings: Settings) -> None:
    """Have the packs of the agents that stand. One that nobody has sent is built anew, for it does not stand here."""

    def fetch(row: dict[str, Any]) -> None:
        with suppress(packs.NotInStore):
            packs.fetch(store, settings, row["key"], row["certificate_digest"])

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(fetch, (row for row in MetricsStore(settings).outcomes() if row["outcome"] == "registered")))


def _settings(settings: Settings, var: Path, order: Order) -> Settings:
    return settings.model_copy(
        update={
            "var": var,
            "bucket": settings.bucket_address,
            "registry_url": settings.registry,
            "keys_folder": settings.keys,
            "llm_cassettes": settings.cassettes,
            "llm_folder": settings.llm_shared,
            **order.settings,
        }
    )


def _same(settings: Settings, order: Order) -> None:
    """Raises ExchangeError where a pack built here would not be the pack that home would build."""
    if not (settings.keys / PRIVATE).is_file() or orders.signer(settings) != order.signer:
        raise ExchangeError(
            f"{settings.keys} does not hold the key that this factory signs with: give every machine the same "
            "GREENLANG_KEYS_FOLDER, or a copy of it"
        )
    table = FactorTable.in_force(settings.tables)
    if world_digest(table, library(), settings) != order.world:
        raise ExchangeError(
            "this machine renders or judges otherwise than home: give it the same release of GreenLang and of the "
            "libraries, and the same GREENLANG_SANDBOX and GREENLANG_ADVISORIES"
        )


def _unpack_parcel(store: Store, order: Order, var: Path) -> None:
    """What an earlier try of this shard has sent."""
    name = parcel_name(order.batch, order.shard)
    if store.exists(name):
        for path, data in contents(store.read(name), name):
            target = var / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def _parcel(settings: Settings, order: Order) -> dict[str, bytes | Path]:
    """Everything that came of a shard but its packs; of each table one part, with the rows of this batch."""
    files = below(settings.reports, settings.var) | below(settings.var / "dossiers", settings.var)
    with duckdb.connect() as connection:
        for name, table in {**TABLES, **JOURNALS}.items():
            if name in NOT_SENT:
                continue
            mine = "" if name in JOURNALS else "WHERE run_id = $run"
            rows: pa.Table = connection.sql(
                f"SELECT DISTINCT ON ({', '.join(table.key)}) * "  # noqa: S608 - declared names
                f"FROM ({rows_sql(settings.tables, name)}) {mine}",
                params={"run": order.batch} if mine else {},
            ).to_arrow_table()
            if rows.num_rows:
                made = io.BytesIO()
                pq.write_table(rows, made, compression="zstd")
                files[f"tables/{name}/{order.batch}-{order.shard:06d}.parquet"] = made.getvalue()
    return files
