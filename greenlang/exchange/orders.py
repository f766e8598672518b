"""What home tells a machine of its shard: ``orders/<batch>/<shard>.zip``; beside them, in ``keys.json``, how many keys
each has.

An order holds the keys, how they are to be built, by what it can be told that the machine renders as home does, and the
rows of these keys that stand: a machine needs no tables but these, however many agents there are.

Belongs here: writing and reading orders, the tables they refer to. Does not belong here: which keys (`home`), carrying
an order out (`machine`).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from greenlang.errors import ExchangeError
from greenlang.exchange.bundle import bundled, contents
from greenlang.exchange.store import Store
from greenlang.factors.storage import STANDING, replace_file
from greenlang.factors.table import FILE_NAME
from greenlang.metrics.catalogue import latest_sql, rows_sql
from greenlang.metrics.parts import ensure_schema_parts
from greenlang.provenance import bytes_digest
from greenlang.settings import Settings
from greenlang.signing import key_id, signing_key

_ORDER, _SIZES = "order.json", "keys.json"
_NAME = re.compile(r"(?P<batch>[^/]+)/(?P<shard>\d{6})\.zip")
OF_THE_BATCH = ("mutants", "night")  # settings
_AT_ONCE = 200  # shards whose rows are in memory together


@dataclass(frozen=True, slots=True)
class Order:
    """One shard. ``settings`` are those of the batch and not of a machine, ``tables`` is file name -> SHA-256 of the
    factor tables, ``world`` the digest of all that renders.
    """

    batch: str
    shard: int
    keys: tuple[str, ...]
    entrance: str
    force: bool
    settings: dict[str, Any]
    world: str
    signer: str
    tables: dict[str, str]
    home: str = ""  # the folder ``var`` at home, where people will find what is built


def order_name(batch: str, shard: int) -> str:
    """The name of an order in the store."""
    return f"orders/{batch}/{shard:06d}.zip"


def send(store: Store, settings: Settings, orders: Sequence[Order]) -> None:
    """Write the orders of a batch, each with the standing rows of its keys."""
    ensure_schema_parts(settings.tables)
    if orders:
        sizes = {f"{order.shard:06d}": len(order.keys) for order in orders}
        store.write(f"orders/{orders[0].batch}/{_SIZES}", json.dumps(sizes).encode())
    for start in range(0, len(orders), _AT_ONCE):
        some = orders[start : start + _AT_ONCE]
        rows = _rows(settings, some)
        for order in some:
            files: dict[str, bytes | Path] = {_ORDER: json.dumps(asdict(order)).encode()}
            for table, every in rows.items():
                own = every.filter(pc.equal(every["shard"], order.shard)).drop_columns(["shard"])
                if own.num_rows:
                    made = io.BytesIO()
                    pq.write_table(own, made, compression="zstd")
                    files[f"tables/{table}/standing.parquet"] = made.getvalue()
            store.write(order_name(order.batch, order.shard), bundled(files))


def unbuilt(store: Store) -> int:
    """How many keys are in orders of which no parcel has come: they are being built, or wait for a machine.

    Raises ExchangeError.
    """
    orders = [found for name in store.names("orders") if (found := _NAME.fullmatch(name))]
    sent = store.names("parcels") if orders else {}
    sizes: dict[str, dict[str, int]] = {}
    for batch in {order["batch"] for order in orders}:
        with contextlib.suppress(FileNotFoundError):  # it has just been closed
            sizes[batch] = json.loads(store.read(f"orders/{batch}/{_SIZES}"))
    left = [order for order in orders if order[0] not in sent]
    return sum(sizes.get(order["batch"], {}).get(order["shard"], 0) for order in left)


def _rows(settings: Settings, orders: Sequence[Order]) -> dict[str, pa.Table]:
    """Of each table that a build looks into, the rows of these orders' keys, each with its shard."""
    pairs = [(key, order.shard) for order in orders for key in order.keys]
    keys = pa.table({"key": [key for key, _ in pairs], "shard": pa.array([n for _, n in pairs], pa.int64())})
    latest = latest_sql(settings.tables)
    every = {name: rows_sql(settings.tables, name) for name in ("lineage", "repairs")}
    sql = {
        "outcomes": f"SELECT rows.*, shard FROM ({latest}) rows JOIN keys USING (key)",  # noqa: S608 - our own text
        "lineage": f"SELECT rows.*, shard FROM ({every['lineage']}) rows JOIN keys USING (key) "  # noqa: S608
        f"SEMI JOIN ({latest}) latest ON latest.key = rows.key AND latest.part = rows.part",
        "repairs": f"SELECT rows.*, shard FROM ({every['repairs']}) rows JOIN keys USING (key)",  # noqa: S608
    }
    with duckdb.connect() as connection:
        connection.register("keys", keys)
        return {table: connection.sql(text).to_arrow_table() for table, text in sql.items()}


def receive(store: Store, batch: str, shard: int, folder: Path) -> Order:
    """Read an order, and write the rows that it holds below an empty folder."""
    name = order_name(batch, shard)
    found: Order | None = None
    try:
        for path, data in contents(store.read(name), name):
            if path == _ORDER:
                told = json.loads(data)
                found = Order(**{**told, "keys": tuple(told["keys"])})
            else:
                _put(folder / path, data)
    except FileNotFoundError as error:
        raise ExchangeError(
            f"{store.address} does not hold {name}: the batch is over, or another one has begun"
        ) from error
    if found is None:
        raise ExchangeError(f"{name} holds no order")
    return found


# --- factor tables ----------------------------------------------------------------------------------------------------


def send_tables(store: Store, settings: Settings) -> dict[str, str]:
    """Bring the factor tables in force to the store, by content: file name -> SHA-256."""
    told = {}
    for name in (FILE_NAME, STANDING, "formulas.parquet"):
        path = settings.tables / name
        if path.is_file():
            data = path.read_bytes()
            told[name] = bytes_digest(data)
            if not store.exists(_table(name, told[name])):
                store.write(_table(name, told[name]), data)
    return told


def fetch_tables(store: Store, told: dict[str, str], kept: Path, tables: Path) -> None:
    """Have these factor tables in ``tables``: fetched once, into the folder ``kept``, and linked from there."""
    tables.mkdir(parents=True, exist_ok=True)
    for name, digest in told.items():
        source = kept / digest / name
        if not source.is_file():
            data = store.read(_table(name, digest))
            if bytes_digest(data) != digest:
                raise ExchangeError(f"{store.address}/{_table(name, digest)} is another file than its name says")
            replace_file(source, partial(_write, data=data))
        (tables / name).unlink(missing_ok=True)
        os.link(source, tables / name)


def _table(name: str, digest: str) -> str:
    return f"references/{digest}/{name}"


# --- the key ----------------------------------------------------------------------------------------------------------


def signer(settings: Settings) -> str:
    """The SHA-256 of the public key that this factory signs with; the key is made where there is none."""
    return key_id(signing_key(settings.keys).public_key())


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _write(target: Path, data: bytes) -> None:
    target.write_bytes(data)


def shards(keys: Sequence[str], size: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The keys in shards of at most ``size``, numbered from 1."""
    for start in range(0, len(keys), size):
        yield start // size + 1, tuple(keys[start : start + size])
