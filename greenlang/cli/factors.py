"""`greenlang factors`: the emission factors in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import not_found, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, digits, facts, table

if TYPE_CHECKING:
    from greenlang.factors import Factor, FactorTable

SHOWN = 100

app = typer.Typer(help="The emission factors in force.", no_args_is_help=True)


def factor_table(context: typer.Context) -> FactorTable:
    """The built table if there is one, else the embedded base."""
    from greenlang.factors import FactorTable

    return FactorTable.in_force(settings(context).tables)


@app.command()
def stats(context: typer.Context, json: AsJson = False) -> None:
    """How many figures, from whom, of which vintage, in which release."""
    factors = factor_table(context)
    counted = Counter((f.publisher, f.dataset, f.vintage) for f in factors)
    rows = [(*what, count) for what, count in sorted(counted.items())]
    columns = ("publisher", "dataset", "vintage", "factors")
    if json:
        datasets = [dict(zip(columns, row, strict=True)) for row in rows]
        as_json(
            {
                "release": factors.release,
                "digest": factors.digest,
                "factors": len(factors),
                "datasets": datasets,
            }
        )
        return
    table(columns, rows, right=(3,))
    typer.echo(f"{len(factors)} factors in release {factors.release}, digest {factors.digest}")


@app.command()
def show(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="ef://publisher/dataset/vintage/...: a row or a table.")],
    json: AsJson = False,
) -> None:
    """One factor with its citation, or every row of a table. Exits 1, with the nearest three, if there is none."""
    rows = factor_table(context).resolve(ref if "://" in ref else f"ef://{ref}")
    if json:
        as_json([{"ref": factor.ref, **factor.as_dict(), "citation": factor.citation} for factor in rows])
    elif len(rows) == 1:
        (factor,) = rows
        shown = {"ref": factor.ref, **factor.as_dict(), "citation": factor.citation}
        facts((name.replace("_", " "), value) for name, value in shown.items())
    else:
        listed(rows)
        typer.echo(f"{len(rows)} factors")
        typer.echo("In a formula: factor(alias, activity = ..., gas = ..., per = ...)")


def listed(rows: Iterable[Factor]) -> None:
    """Factors as a table: reference, value, and what selects a row."""
    table(
        ("reference", "value", "unit", "activity", "gas", "per", "region", "place"),
        [(f.ref, digits(f.value), f.unit, f.activity, f.gas, f.per, f.region, f.cell) for f in rows],
        right=(1,),
    )


@app.command()
def search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words that must all occur, in any order.")],
    json: AsJson = False,
) -> None:
    """Factors whose reference, category, unit or note hold all the words. Exits 1 if there is none."""
    wanted = [word.lower() for word in words]
    found = [
        f
        for f in factor_table(context)
        if all(word in f"{f.key} {f.category} {f.unit} {f.region} {f.note}".lower() for word in wanted)
    ]
    if json:
        as_json([{"ref": factor.ref, **factor.as_dict(), "citation": factor.citation} for factor in found])
    elif found:
        listed(found[:SHOWN])
        more = f"; the first {SHOWN} are shown" if len(found) > SHOWN else ""
        typer.echo(f"{len(found)} factors{more}")
    if not found:
        raise not_found(f"no factor holds {' and '.join(words)}; `greenlang factors stats` lists the tables")
