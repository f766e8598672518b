"""The tables of a factory in the store, and their mirror on the machine of an analyst.

``tables/<table>/<part>`` are the very parts that stand at home, ``home.json`` names home and its factor tables. One
factory has a store (`claim`); another one is refused, since it would take away what it does not know.

A part that home has merged leaves the store only after the merged one is there, and a mirror keeps it for a while, as
home does: the views take each row once while both are there.

Belongs here: publishing and mirroring. Does not belong here: rows, merging (`greenlang.metrics.parts`).
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from greenlang.errors import ExchangeError, SettingsError
from greenlang.exchange import orders
from greenlang.exchange.store import Store
from greenlang.factors.storage import replace_file
from greenlang.metrics import MetricsStore
from greenlang.metrics.fields import JOURNALS, TABLES
from greenlang.metrics.parts import ensure_schema_parts, parts_of, superseded
from greenlang.replacing import replacing
from greenlang.settings import Settings

HOME = "home.json"
_GRACE = 300.0  # seconds for which a query may still be reading a part that was merged
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Moved:
    """How many parts were written, and removed, on the side that was brought up to date."""

    written: int
    removed: int


def claim(store: Store, settings: Settings) -> str:
    """Make the store this factory's, whose name it returns. Raises ExchangeError where it is another one's."""
    own = _own_name(settings)
    store.claim(HOME, json.dumps({"home": own}).encode())
    if (other := json.loads(store.read(HOME))["home"]) != own:
        raise ExchangeError(f"{store.address} is the store of another factory ({other}): give this one its own")
    return own


def publish(store: Store, settings: Settings) -> Moved:
    """Bring the store's tables to what stands at home. Raises ExchangeError where the store is another factory's."""
    own = claim(store, settings)
    ensure_schema_parts(settings.tables)
    there = {name: set(store.names(f"tables/{name}")) for name in _TABLES}
    written, gone = 0, []
    for name in _TABLES:
        folder = settings.tables / name
        merged = superseded(folder)
        here = {part.name: part for part in parts_of(folder) if part.name not in merged}
        for part in sorted(here.keys() - there[name]):
            store.write(f"tables/{name}/{part}", here[part])
            written += 1
        gone += [f"tables/{name}/{part}" for part in there[name] - here.keys()]
    told = orders.send_tables(store, settings)
    store.write(HOME, json.dumps({"home": own, "tables": told}).encode())
    store.delete(gone)  # only now: what they were merged into stands there
    return Moved(written, len(gone))


def mirror(store: Store, settings: Settings) -> Moved:
    """Bring the tables of this machine to what the store holds, and build the catalogue over them.

    Raises ExchangeError where nobody has published there, and SettingsError where ``var`` has tables of its own.
    """
    state = settings.var / "state" / "mirror.json"
    remembered = _remembered(settings, state)
    for _ in range(_TRIES):
        try:
            told = _told(store)
            # outcomes are listed first and written last, and home writes them last: their rows' children are there
            there = {name: set(store.names(f"tables/{name}")) for name in reversed(_TABLES)}
            written = _fetch(store, settings, there)
            break
        except FileNotFoundError:
            continue  # home has merged it in between
    else:
        raise ExchangeError(f"{store.address} changes faster than it can be read: try again")
    orders.fetch_tables(store, told["tables"], settings.var / "references", settings.tables)
    gone = {
        f"{name}/{part.name}": remembered.get(f"{name}/{part.name}", time.time())
        for name in _TABLES
        for part in parts_of(settings.tables / name)
        if part.name not in there[name]
    }
    old = [path for path, since in gone.items() if time.time() - since >= _GRACE]
    for path in old:
        (settings.tables / path).unlink(missing_ok=True)
    kept = {path: since for path, since in gone.items() if path not in old}
    replace_file(state, partial(_write, data=json.dumps({"store": store.address, "gone": kept}).encode()))
    MetricsStore(settings).rebuild_catalogue()
    return Moved(written, len(old))


_TABLES = (*JOURNALS, *TABLES)  # outcomes last, as they are written


def _fetch(store: Store, settings: Settings, there: dict[str, set[str]]) -> int:
    ensure_schema_parts(settings.tables)
    written = 0
    for name in _TABLES:
        folder = settings.tables / name
        for part in sorted(there[name] - {path.name for path in parts_of(folder)}):
            data = store.read(f"tables/{name}/{part}")
            with replacing(folder / part) as temporary:
                temporary.write_bytes(data)
            written += 1
    return written


def _told(store: Store) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(store.read(HOME)) if store.exists(HOME) else {}
    if "tables" not in told:  # nobody has claimed it, or whoever did has not published yet
        raise ExchangeError(f"{store.address} holds no tables: `greenlang factory push` at home publishes them")
    return told


def _own_name(settings: Settings) -> str:
    """The name by which a store knows this factory, made on first use."""
    path = settings.var / "state" / "home"
    if not path.is_file():
        replace_file(path, partial(_write, data=uuid.uuid4().hex.encode()))
    return path.read_text()


def _remembered(settings: Settings, state: Path) -> dict[str, float]:
    """Since when parts of the mirror are gone from the store. Raises SettingsError where this is no mirror."""
    if state.is_file():
        gone: dict[str, float] = json.loads(state.read_text())["gone"]
        return gone
    if any(parts_of(settings.tables / name) for name in _TABLES):
        raise SettingsError(f"{settings.tables} holds the tables of a factory of its own: mirror into another --var")
    return {}


def _write(target: Path, data: bytes) -> None:
    target.write_bytes(data)
