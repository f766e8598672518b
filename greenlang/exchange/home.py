"""Home: the machine whose ``var`` is the factory's. It plans a batch, and takes in what the machines have sent.

    plan     takes files in, decides which keys are to be built, writes an order for each shard
    (machines carry the orders out: `greenlang.exchange.machine`)
    close    lands the parcels, merges tables, swaps the catalogue in, publishes the tables for readers

A parcel lands in the order in which one machine writes: packs and reports, rows, the outcomes' rows last; landing it
again changes nothing. What was taken in stays in its journal until the batch is closed, so that a batch that breaks off
finds its files again. Specs without an outcome are found by the next batch over everything, as on one machine.

Belongs here: the two ends of a batch. Does not belong here: the mirror of tables (`tables`), Dagster.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import duckdb
import pyarrow.parquet as pq

from greenlang.bucket import Bucket
from greenlang.exchange import orders, packs, tables
from greenlang.exchange.bundle import contents
from greenlang.exchange.orders import Order
from greenlang.exchange.store import Store
from greenlang.factors.table import FILE_NAME, FactorTable
from greenlang.factory import standing
from greenlang.factory.digests import world_digest
from greenlang.factory.inbox.results import Intake
from greenlang.factory.inbox.shelf import accepted_keys
from greenlang.factory.intake import reject_later, take_in
from greenlang.factory.line import alone, prepare, told
from greenlang.factory.pack import forget_build
from greenlang.factory.standing import AGAIN
from greenlang.formulas.library import library
from greenlang.llm.config import check
from greenlang.llm.waiting import AtHand
from greenlang.metrics import MetricsStore, RunInfo
from greenlang.metrics.catalogue import latest_sql, rows_sql
from greenlang.metrics.fields import JOURNALS, TABLES
from greenlang.metrics.parts import ensure_schema_parts, superseded
from greenlang.quality.repair import dossier
from greenlang.registry import Caller, Registry
from greenlang.replacing import replacing
from greenlang.settings import Settings
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import slug

_AT_ONCE = 3  # packs that are fetched at the same time; with 8 each took half as much processor again
_PARCEL = re.compile(r"(?P<batch>[^/]+)/(?P<shard>\d{6})\.zip")
_PAGE = re.compile(r"(reports|dossiers)/(?P<agent>[^/]+)/.+")
_ROWS = re.compile(r"tables/(?P<table>[a-z_]+)/[^/]+\.parquet")


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch, cut into shards. ``told`` is how many files the intake has refused or replaced; ``whole``: every
    accepted spec is in it.
    """

    batch: str
    entrance: str
    started_at: str
    shards: int
    keys: int
    told: int
    whole: bool
    world: str
    release: str
    journals: tuple[str, ...] = ()


@dataclass(slots=True)
class Landed:
    """How many parcels there were, and how many packs came with them; the certificates of drafts that they follow."""

    parcels: int = 0
    packs: int = 0
    followed: list[str] = field(default_factory=list)


def plan(
    settings: Settings,
    batch: str,
    *,
    entrance: str,
    keys: Sequence[str] | None = None,
    files: Sequence[str] | None = None,
    force: bool = False,
    settle: bool = True,
) -> Plan:
    """Take files in, and order what is to be built; as `greenlang.factory.line.run_batch` understands its arguments.

    Raises what that raises before it builds, and ExchangeError.
    """
    check(settings)
    store = Store(settings.store_address)
    tables.claim(store, settings)
    with alone(settings), Registry(settings.registry, caller=_caller(settings), keys=settings.keys) as registry:
        land(store, settings, registry)
        store.delete([f"orders/{name}" for name in store.names("orders")])  # one batch at a time
        metrics, bucket = MetricsStore(settings), Bucket.open(settings.bucket_address)
        if not (settings.tables / FILE_NAME).exists():
            prepare(settings)
        table = FactorTable.in_force(settings.tables)
        world = world_digest(table, library(), settings)
        stands = _Stands(settings, {str(row["key"]): row for row in metrics.outcomes()}, registry.spec_digests())
        everything = keys is None and files is None
        intake = take_in(
            bucket,
            settings,
            None if everything else list(files or ()),
            settle=settle,
            registered=lambda agent_id, version: stands.registered.get((agent_id, version)),
            outcome_of=lambda key: stands.rows.get(key, {}).get("outcome"),
            hold=True,
        )
        accepted = accepted_keys(bucket)
        chosen = stands.wanted(intake, keys, accepted if everything else ())
        made = Plan(
            batch=batch,
            entrance=entrance,
            started_at=datetime.now(UTC).isoformat(),
            shards=-(-len(chosen) // settings.shard_size),
            keys=len(chosen),
            told=len(intake.refused) + len(intake.replaced),
            whole=set(chosen) >= set(accepted),
            world=world,
            release=table.release,
            journals=tuple(path.name for path in intake.journals),
        )
        metrics.write(told(intake), _run(made))
        for replaced in intake.replaced:
            dossier.clear(settings.var / "dossiers", replaced.key)
        if standing.world_of(settings) != world:
            standing.forget(settings)
        common = Order(
            *(batch, 0, (), entrance, force),
            settings={name: getattr(settings, name) for name in orders.OF_THE_BATCH},
            world=world,
            signer=orders.signer(settings),
            tables=orders.send_tables(store, settings),
            home=str(settings.var),
        )
        if not force:  # or nobody looks at them
            _offer_packs(store, settings, [stands.rows[key] for key in chosen if key in stands.rows])
        numbered = orders.shards(chosen, settings.shard_size)
        orders.send(store, settings, [replace(common, shard=number, keys=some) for number, some in numbered])
    return made


def close(settings: Settings, made: Plan) -> Landed:
    """Land every parcel and end the batch, all shards of which were sent. May be repeated, also when the next batch has
    begun. Raises ExchangeError.
    """
    store = Store(settings.store_address)
    tables.claim(store, settings)
    with alone(settings), Registry(settings.registry, caller=_caller(settings), keys=settings.keys) as registry:
        landed = land(store, settings, registry)
        if made.shards and not store.names(f"orders/{made.batch}"):
            return landed  # it was closed before: a task that is thought lost is delivered again
        metrics = MetricsStore(settings)
        kept = made.keys - _built(settings, made.batch)
        metrics.write((), _run(made, agents=made.keys + made.told, kept=kept, ended=True))
        metrics.compact()
        metrics.rebuild_catalogue()
        rows = {str(row["key"]): row for row in metrics.outcomes()}
        known = accepted_keys(Bucket.open(settings.bucket_address))
        same = made.whole or standing.world_of(settings) == made.world
        if same and not any(key not in rows or rows[key]["outcome"] in AGAIN for key in known):
            standing.remember(settings, made.world)
        for name in made.journals:
            (settings.var / "intake" / name).unlink(missing_ok=True)
        tables.publish(store, settings)
        store.delete([packs.object_name(digest) for digest in landed.followed])  # no row names them now
        store.delete([f"orders/{made.batch}/{name}" for name in store.names(f"orders/{made.batch}")])
    return landed


def _offer_packs(store: Store, settings: Settings, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bring those packs to the store which were built here, and which it lacks."""

    def offer(row: Mapping[str, Any]) -> None:
        packs.offer(store, settings, str(row["key"]), str(row["certificate_digest"]))

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(offer, (row for row in rows if row["outcome"] == "registered")))


def _caller(settings: Settings) -> Caller:
    return Caller(settings.tenant, "factory")


def _run(made: Plan, *, agents: int = 0, kept: int = 0, ended: bool = False) -> RunInfo:
    return RunInfo(
        run_id=made.batch,
        entrance=made.entrance,
        started_at=datetime.fromisoformat(made.started_at),
        finished_at=datetime.now(UTC) if ended else None,
        factor_release=made.release,
        workers=made.shards,
        agents=agents,
        kept=kept,
    )


@dataclass(frozen=True, slots=True)
class _Stands:
    """What stands before a batch: the rows by key, and the registry's (id, version) -> digest of the spec."""

    settings: Settings
    rows: Mapping[str, Mapping[str, Any]]
    registered: Mapping[tuple[str, str], str]

    def wanted(self, intake: Intake, keys: Sequence[str] | None, accepted: Sequence[str]) -> list[str]:
        """The keys that a batch is about, sorted: what came in, ``keys``, and those ``accepted`` without an outcome."""
        at_hand = AtHand(self.settings)

        def undecided(key: str) -> bool:
            row = self.rows.get(key)
            return row is None or standing.undecided(row, at_hand) or not standing.held(key, row, self.registered)

        return sorted(
            {
                *(one.key for one in intake.accepted),
                *(one.key for one in intake.unchanged if undecided(one.key)),
                *(one.key for one in intake.overlays if one.key and (one.changed or undecided(one.key))),
                *(keys or ()),
                *(key for key in accepted if undecided(key)),
            }
        )


def _built(settings: Settings, batch: str) -> int:
    """How many keys have an outcome of this batch."""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT count(DISTINCT key) FROM ({rows_sql(settings.tables, 'outcomes')}) "  # noqa: S608 - our own text
            "WHERE run_id = $run AND NOT starts_with(key, 'file:')",
            {"run": batch},
        ).fetchone()
    return int(found[0]) if found else 0


# --- landing ----------------------------------------------------------------------------------------------------------


def land(store: Store, settings: Settings, registry: Registry) -> Landed:
    """Take in every parcel that the store holds, of whatever batch, and remove it there once it stands here."""
    done = Landed()
    parcels = [name for name in store.names("parcels") if _PARCEL.fullmatch(name)]
    latest = _latest(settings) if parcels else {}
    for name in parcels:
        _land_one(store, settings, registry, f"parcels/{name}", latest, done)
        store.delete([f"orders/{name}", f"parcels/{name}"])  # in this order: what has landed waits for nobody
    return done


def _latest(settings: Settings) -> dict[str, tuple[datetime, str]]:
    """Key -> when its standing outcome was written, and its part."""
    ensure_schema_parts(settings.tables)
    with duckdb.connect() as connection:
        sql = f"SELECT key, written_at, part FROM ({latest_sql(settings.tables)})"  # noqa: S608 - our own text
        return {key: (written_at, part) for key, written_at, part in connection.execute(sql).fetchall()}


def _land_one(
    store: Store,
    settings: Settings,
    registry: Registry,
    name: str,
    latest: dict[str, tuple[datetime, str]],
    done: Landed,
) -> None:
    files = dict(contents(store.read(name), name))
    refused = []
    rows = {m["table"]: files.pop(path) for path in list(files) if (m := _ROWS.fullmatch(path))}
    outcomes = pq.read_table(BytesIO(rows["outcomes"])).to_pylist() if "outcomes" in rows else []
    registered = []
    for row in outcomes:
        key, at = str(row["key"]), (row["written_at"], str(row["part"]))
        if latest.get(key, at) > at:
            continue  # a parcel that was late: another batch has built it since
        latest[key] = at
        if row["outcome"] == "registered":
            dossier.clear(settings.var / "dossiers", key)
            registered.append(row)
        elif row["outcome"] == "refused":
            refused.append(row)
        for path in [path for path in files if (m := _PAGE.fullmatch(path)) and m["agent"] == slug(key)]:
            with replacing(settings.var / path) as temporary:
                temporary.write_bytes(files[path])
    _land_packs(store, settings, registry, registered, done)
    part = name.removeprefix("parcels/").replace("/", "-").removesuffix(".zip") + ".parquet"
    for table in (table for table in (*JOURNALS, *TABLES) if table in rows):  # outcomes last
        folder = settings.tables / table
        if part not in superseded(folder):  # landed before, and merged since
            with replacing(folder / part) as temporary:
                temporary.write_bytes(rows[table])
    _move_refused(settings, refused)  # the rows first, as on one machine
    done.parcels += 1


def _move_refused(settings: Settings, rows: Sequence[Mapping[str, Any]]) -> None:
    """Move the specs that a machine has refused to ``rejected/``."""
    bucket = Bucket.open(settings.bucket_address)
    for row in rows:
        diagnostics = [Diagnostic(**finding) for finding in json.loads(row["diagnostics"])]
        with suppress(FileNotFoundError):  # a person took it away meanwhile
            reject_later(bucket, str(row["key"]), str(row["file"]), diagnostics)


def _land_packs(
    store: Store, settings: Settings, registry: Registry, rows: Sequence[Mapping[str, Any]], done: Landed
) -> None:
    """Fetch the packs of outcomes, several at once. Of the builds that they follow, those stay that were promoted."""

    def fetch(row: Mapping[str, Any]) -> bool:
        return packs.fetch(store, settings, str(row["key"]), str(row["certificate_digest"]), aside=True)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        fetched = [row for row, new in zip(rows, threads.map(fetch, rows), strict=True) if new]
    for row in fetched:
        for build in registry.builds(str(row["agent_id"]), str(row["version"])):
            if build.state == "draft":
                forget_build(settings.builds, build.certificate_digest)
                if build.certificate_digest != row["certificate_digest"]:
                    done.followed.append(build.certificate_digest)
    done.packs += len(fetched)
