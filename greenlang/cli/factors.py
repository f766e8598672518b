"""`greenlang factors`: the emission factors in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli import factors_release, factors_sync
from greenlang.cli.app import NEGATIVE, not_found, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, digits, facts, table

if TYPE_CHECKING:
    from greenlang.factors import Factor, FactorTable


app = typer.Typer(help="The emission factors in force.", no_args_is_help=True)


def factor_table(context: typer.Context) -> FactorTable:
    """The built table if there is one, else the embedded base."""
    from greenlang.factors import FactorTable

    return FactorTable.in_force(settings(context).tables)


@app.command()
def stats(
    context: typer.Context,
    release: Annotated[str, typer.Option("--release", help="A stored release; default: the one in force.")] = "",
    json: AsJson = False,
) -> None:
    """How many figures of which kind, from whom, of which vintage; what was read, kept and refused."""
    from greenlang.factors.catalogue import catalogue
    from greenlang.factors.stats import count, totals
    from greenlang.sync import releases

    store = releases(settings(context))
    factors = store.table(release) if release else factor_table(context)
    stored = store.get(factors.release) if factors.release in store.names() else None
    counts = count(factors, stored, catalogue())
    total = totals(counts)
    if json:
        datasets = [{**asdict(line), "factors": line.factors} for line in counts]
        as_json({"release": factors.release, "digest": factors.digest, **total, "datasets": datasets})
        return
    listed = [line for line in counts if line.kinds]  # the others hold nothing that is not counted elsewhere
    table(
        ("publisher", "dataset", "vintage", "factors", "by kind", "values", "read", "refused", "checked", "eligible"),
        [
            (
                line.publisher,
                line.dataset,
                f"{line.vintage}{'' if line.latest or line.embedded else ' (older)'}",
                line.factors,
                ", ".join(f"{kind} {number:,}" for kind, number in line.kinds.items()),
                line.values,
                line.seen,
                line.refused,
                line.checked,
                line.eligible,
            )
            for line in listed
        ],
        right=(3, 5, 6, 7, 8, 9),
    )
    if total["repeated"]:
        typer.echo(
            f"{total['repeated']:,} rows of the embedded base repeat cells of publishers' files that are loaded, and"
            f" are counted there; {len(counts) - len(listed)} of its tables hold no others and are not listed"
        )
    newest = f", {total['factors_latest']:,} of them in the latest vintages" if stored else ""
    typer.echo(f"{total['factors']:,} factors in release {factors.release}{newest}")
    typer.echo(f"by kind: {', '.join(f'{kind} {number:,}' for kind, number in total['kinds'].items())}")
    catalogued, checked, eligible = (f"{total[name]:,}" for name in ("catalogued", "checked", "eligible"))
    typer.echo(f"{catalogued} rows catalogued, {checked} quality-checked, {eligible} eligible by default")
    if total["values_read"]:
        kept = total["values_read"] - total["values_refused"]
        typer.echo(
            f"{total['values_read']:,} source values read = {kept:,} kept + {total['values_refused']:,} refused"
            " (`greenlang factors refused` lists the reasons)"
        )
    typer.echo(f"digest {factors.digest}")


@app.command()
def show(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="ef://publisher/dataset/vintage/...: a row or a table.")],
    json: AsJson = False,
) -> None:
    """One factor with its citation, or every row of a table. Exits 1, with the nearest three, if there is none.

    A reference with @RELEASE is looked up in that stored release.
    """
    from greenlang.factors.table import split_ref
    from greenlang.sync import releases

    reference = ref if "://" in ref else f"ef://{ref}"
    if server_of(context):
        from greenlang.client import catalogue

        with connected(context) as client:
            rows = client.every(catalogue.factors(reference))
    else:
        stored = split_ref(reference)[1]
        store = releases(settings(context))
        table_of = store if stored in store.names() else factor_table(context)
        rows = sorted(table_of.resolve(reference), key=lambda factor: factor.key)
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
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="What you are looking for, in your own words.")],
    rows: Annotated[int, typer.Option("--rows", help="At most this many.")] = 10,
    json: AsJson = False,
) -> None:
    """Factors by words ("diesel lorry uk"), the best first; synonyms and French words count. Exits 1 for none."""
    from greenlang.cli.factors_explain import print_hits
    from greenlang.factors.search import Search

    text = " ".join(words)
    if server_of(context):
        from greenlang.client import catalogue

        with connected(context) as client:
            hits = tuple(client.every(catalogue.search_factors(text, min(rows, 100)), rows))
    else:
        hits = Search(factor_table(context)).find(text, rows)
    if not hits and not json:
        raise not_found(f"no factor is called `{text}`; `greenlang factors stats` lists the tables")
    print_hits(text, hits, json=json)
    if not hits:
        raise typer.Exit(NEGATIVE)


@app.command()
def explain(
    context: typer.Context,
    activity: Annotated[str, typer.Argument(help="The publisher's path, a reviewed alias, or ef://...")],
    region: Annotated[str | None, typer.Option(help="ISO 3166 code, or a publisher's own region.")] = None,
    year: Annotated[int | None, typer.Option(help="Year of the activity.")] = None,
    source: Annotated[
        str | None, typer.Option(help="publisher, publisher/dataset or publisher/dataset/vintage.")
    ] = None,
    gas: Annotated[str, typer.Option(help="CO2e or a gas.")] = "CO2e",
    per: Annotated[str | None, typer.Option(help="Unit of the activity data, such as kWh.")] = None,
    gwp_set: Annotated[str | None, typer.Option(help="Basis of CO2e, such as AR5GWP100.")] = None,
    boundary: Annotated[str | None, typer.Option(help="TTW, WTT, WTW, life-cycle, T&D, ...")] = None,
    scope2_method: Annotated[str | None, typer.Option(help="location-based or market-based.")] = None,
    calorific_basis: Annotated[str | None, typer.Option(help="HHV (gross) or LHV (net).")] = None,
    radiative_forcing: Annotated[str | None, typer.Option(help="with or without.")] = None,
    biogenic: Annotated[bool | None, typer.Option(help="CO2 from biomass.")] = None,
    price_basis: Annotated[str | None, typer.Option(help="purchaser or basic.")] = None,
    permitted_use: Annotated[str, typer.Option(help="inventory, project or finance.")] = "inventory",
    kind: Annotated[str, typer.Option(help="factor, stage, gas-part, gwp, property, ...")] = "factor",
    relax_region: Annotated[bool, typer.Option(help="Allow the region that contains the asked one.")] = False,
    relax_years: Annotated[int, typer.Option(help="Allow this many years off.", min=0)] = 0,
    rejected: Annotated[int, typer.Option(help="List this many rejected rows.", min=0)] = 20,
    json: AsJson = False,
) -> None:
    """Which factor the selection rule takes, by which steps, and what it rejected. Exits 1 where it refuses."""
    from greenlang.cli import factors_explain
    from greenlang.factors.select import Request, Selector

    asked: dict[str, Any] = {
        "region": region,
        "year": year,
        "source": source,
        "gas": gas,
        "per": per,
        "gwp_set": gwp_set,
        "boundary": boundary,
        "scope2_method": scope2_method,
        "calorific_basis": calorific_basis,
        "radiative_forcing": radiative_forcing,
        "biogenic": biogenic,
        "price_basis": price_basis,
        "permitted_use": permitted_use,
        "kind": kind,
        "relax_region": relax_region,
        "relax_years": relax_years,
    }
    if server_of(context):
        from greenlang.client import catalogue

        with connected(context) as client:
            told = client.send(catalogue.lookup(activity, rejected=rejected, **asked))
            found = factors_explain.fetched(client, told)
    else:
        found = factors_explain.explained(
            Selector(factor_table(context)), Request(activity=activity, **asked), rejected
        )
    factors_explain.show(found, json=json)
    if "refused" in found.told:
        raise typer.Exit(NEGATIVE)


app.command("sync")(factors_sync.sync)
app.command("refused")(factors_release.refused)
app.add_typer(factors_release.release_app, name="release")
