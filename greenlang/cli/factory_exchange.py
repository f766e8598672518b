"""`greenlang factory push | pull`: tables and packs through the store between machines.

Belongs here: the two commands. Does not belong here: the store (`greenlang.exchange`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from greenlang.cli.app import built_settings, settings
from greenlang.cli.factory import app

Packs = Annotated[bool, typer.Option("--packs", help="The packs of registered agents too.")]


@app.command()
def push(context: typer.Context, packs: Packs = False) -> None:
    """Publishes this factory's tables in GREENLANG_STORE; a batch on several machines does so by itself."""
    from greenlang.exchange import packs as exchange
    from greenlang.exchange import tables
    from greenlang.exchange.store import Store
    from greenlang.factory.line import alone
    from greenlang.metrics import MetricsStore

    own = built_settings(context)
    store = Store(own.store_address)
    with alone(own):  # a batch that ends merges tables
        moved = tables.publish(store, own)
    typer.echo(f"{store.address}: {moved.written} parts written, {moved.removed} removed that were merged")
    if packs:
        rows = [row for row in MetricsStore(own).outcomes() if row["outcome"] == "registered"]
        for row in rows:
            exchange.send(store, own, str(row["key"]))
        typer.echo(f"{store.address}: holds {len(rows)} packs")


@app.command()
def pull(context: typer.Context, packs: Packs = False) -> None:
    """Mirrors the tables of GREENLANG_STORE into --var, and builds the catalogue that `query` and DuckDB read.

    For a machine that has no factory of its own: what the store holds no longer is removed here too.
    """
    from greenlang.exchange import packs as exchange
    from greenlang.exchange import tables
    from greenlang.exchange.store import Store
    from greenlang.metrics import MetricsStore

    own = settings(context)
    store = Store(own.store_address)
    moved = tables.mirror(store, own)
    typer.echo(f"{own.catalogue}: {moved.written} parts fetched, {moved.removed} removed that were merged")
    if packs:
        rows = [row for row in MetricsStore(own).outcomes() if row["outcome"] == "registered"]
        fetched = sum(exchange.fetch(store, own, str(row["key"]), str(row["certificate_digest"])) for row in rows)
        typer.echo(f"{own.packs}: {len(rows)} packs, {fetched} of them fetched now")
