"""`greenlang factors`: the emission factors in force."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, digits, facts, table

if TYPE_CHECKING:
    from greenlang.factors import FactorTable

app = typer.Typer(help="The emission factors in force.", no_args_is_help=True)


def factor_table(context: typer.Context) -> FactorTable:
    """The built table if there is one, else the embedded base."""
    from greenlang.factors import FactorTable

    built = settings(context).tables / "factors.parquet"
    return FactorTable.load(built if built.exists() else None)


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
        table(
            ("reference", "value", "unit", "citation"),
            [(factor.ref, digits(factor.value), factor.unit, factor.citation) for factor in rows],
            right=(1,),
        )
        typer.echo(f"{len(rows)} factors")
