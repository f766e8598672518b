"""`greenlang calc`: one calculation with its certificate, and the group that the other commands join.

Belongs here: reading what a person types, printing. Does not belong here: arithmetic (`greenlang.calc`).
"""

from __future__ import annotations

import csv
import json as json_module
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli import calc_accounting, calc_batch
from greenlang.cli.app import DONE, NEGATIVE
from greenlang.cli.factors import factor_table
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, digits, plain

if TYPE_CHECKING:
    from greenlang.client import Document

app = typer.Typer(help="Calculate with certificates.", no_args_is_help=True)

Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME=VALUE",
        help="A symbol: 12.5 kWh, a text, ef://..., {JSON}, or @rows.csv for a table. Once for each symbol.",
    ),
]


@app.callback()
def group() -> None:
    """Calculate with certificates."""


@app.command()
def once(
    context: typer.Context,
    formula_id: Annotated[str, typer.Argument(metavar="FORMULA_ID", help="<domain>/<subject>/<name>")],
    inputs: Inputs = None,
    gwp_set: Annotated[str, typer.Option(help="GWP set, such as AR5GWP100.")] = "",
    precision: Annotated[int | None, typer.Option(help="Fewer digits after the point than the unit's own.")] = None,
    as_of: Annotated[str, typer.Option(help="As-of day, such as 2025-03-31.")] = "",
    tenant: Annotated[str, typer.Option(help="Whose calculation it is.")] = "",
    inventory_boundary: Annotated[str, typer.Option(help="Inventory boundary, in words.")] = "",
    consolidation_approach: Annotated[
        str, typer.Option(help="operational-control, financial-control or equity-share.")
    ] = "",
    policy: Annotated[str, typer.Option(help="For CO2e on unlike bases: disclose-unstated or disclose-mixed.")] = "",
    release: Annotated[str, typer.Option(help="The factor release that must be in force.")] = "",
    certificate: Annotated[Path | None, typer.Option(help="File to write the certificate to.")] = None,
    json: AsJson = False,
) -> None:
    """Compute one formula and show it as on paper. Exits 1, with every mistake, if it cannot be computed."""
    values = _given(inputs or [])
    said: dict[str, Any] = {
        "release": release,
        "gwp_set": gwp_set,
        "precision": precision,
        "as_of": as_of,
        "tenant": tenant,
        "inventory_boundary": inventory_boundary,
        "consolidation_approach": consolidation_approach,
        "policy": policy,
    }
    told = _there(context, formula_id, values, said) if server_of(context) else _here(context, formula_id, values, said)
    if certificate is not None and told["certificate"] is not None:
        text = json_module.dumps(told["certificate"], ensure_ascii=False, indent=2)
        certificate.write_text(f"{text}\n", encoding="utf-8")
    if json:
        as_json(told)
    else:
        _show(told)
    raise typer.Exit(DONE if told["success"] else NEGATIVE)


def _here(context: typer.Context, formula_id: str, values: dict[str, Any], said: dict[str, Any]) -> Document:
    from greenlang.calc import CalculationContext, CalculationEngine

    engine = CalculationEngine(factor_table(context))
    return engine.calculate(formula_id, values, CalculationContext(**said)).as_dict()


def _there(context: typer.Context, formula_id: str, values: dict[str, Any], said: dict[str, Any]) -> Document:
    from greenlang.client import catalogue

    asked = {name: value for name, value in said.items() if value not in ("", None)}
    with connected(context) as client:
        told = client.send(catalogue.calculate(formula_id, plain(values), asked))
    if "provenance" in told:
        return {**told, "success": True, "errors": []}
    empty: Document = {name: [] for name in ("outputs", "steps", "warnings", "citations")}
    empty |= {"provenance": "", "certificate": None}
    names = ("code", "place", "message", "mend")
    errors = [{name: one.get(name, "") for name in names} for one in told["errors"]]
    return {**empty, "formula_id": formula_id, "success": False, "errors": errors}


def _given(inputs: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for entry in inputs:
        name, sign, value = entry.partition("=")
        name = name.strip()
        if not sign or not name:
            raise typer.BadParameter(f"`{entry}` is not NAME=VALUE", param_hint="--input")
        if name in out:
            raise typer.BadParameter(f"`{name}` is given twice", param_hint="--input")
        out[name] = _value(value.strip())
    return out


def _value(text: str) -> Any:
    try:
        if text.startswith("@"):
            return _file(Path(text[1:]))
        if text.startswith(("{", "[")):
            return json_module.loads(text, parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"`{text[:60]}`: {error}", param_hint="--input") from error
    return text


def _file(path: Path) -> Any:
    """The rows of a CSV file, a mapping a row; or what a JSON file holds."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == ".json":
        return json_module.loads(text, parse_float=Decimal)
    return list(csv.DictReader(text.splitlines()))


def _show(told: Document) -> None:
    if not told["success"]:
        for mistake in told["errors"]:
            typer.echo(f"{mistake['place']}: {mistake['message']}", err=True)
            if mistake["mend"]:
                typer.echo(f"    {mistake['mend']}", err=True)
        return
    typer.echo(f"{told['formula_id']}: {told['citations'][0]['text']}\n")
    typer.echo("\n".join(line for step in told["steps"] for line in step["lines"]) + "\n")
    for output in told["outputs"]:
        outside = " (biogenic CO2: outside every total)" if output["outside_totals"] else ""
        typer.echo(f"{output['name']}  {digits(Decimal(output['value']))} {output['unit']}{outside}")
        for share in output["shares"]:
            typer.echo(f"    {digits(Decimal(share['value']))} on {share['basis']}")
    for warning in told["warnings"]:
        typer.echo(f"warning: {warning}")
    typer.echo(f"certificate {told['provenance']}")


calc_accounting.join(app)
for command in (calc_batch.run, calc_batch.prove, calc_batch.check, calc_batch.restate):
    app.command()(command)
