"""`greenlang formulas`: the formula library.

Belongs here: the commands. Does not belong here: reading, proving (``greenlang.formulas``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE, not_found
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, cell, facts, plain, table

if TYPE_CHECKING:
    from greenlang.client import Document

app = typer.Typer(help="The formula library.", no_args_is_help=True)


@app.command("list")
def list_(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Words that must all occur.")] = None,
    domain: Annotated[str, typer.Option(help="carbon, energy, water, waste or lca.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag, such as scope-3.4. Repeat for more.")] = None,
    json: AsJson = False,
) -> None:
    """Formulas by id, name, tag or citation. Exits 1 if there is none."""
    from greenlang.formulas.library import library
    from greenlang.formulas.show import in_a_line

    found: list[Document]
    if server_of(context):
        from greenlang.client import catalogue

        with connected(context) as client:
            found = client.every(catalogue.formulas(" ".join(words or ()), domain=domain))
    else:
        wanted = [word.lower() for word in words or ()]
        found = [
            dict(in_a_line(formula))
            for formula in library()
            if domain in {"", formula.domain}
            and all(word in f"{formula.id} {formula.name} {formula.citation} {formula.tags}".lower() for word in wanted)
        ]
        found.sort(key=lambda one: str(one["id"]))
    found = [one for one in found if set(tag or ()) <= set(one["tags"])]
    if json:
        as_json(found)
    elif found:
        rows = [
            (
                one["id"],
                one["name"],
                ", ".join(f"{n} [{o['unit']}]" for n, o in one["outputs"].items()),
                one["citation"],
            )
            for one in found
        ]
        table(("formula", "name", "outputs", "citation"), rows)
        typer.echo(f"{len(found)} formulas; `greenlang formulas show FORMULA` gives one in full")
    if not found:
        raise not_found("no formula fits; `greenlang formulas list` lists all")


@app.command()
def show(
    context: typer.Context,
    formula_id: Annotated[str, typer.Argument(metavar="FORMULA", help="<domain>/<subject>/<name>")],
    json: AsJson = False,
) -> None:
    """One formula: what it needs, in which units and ranges, its expressions, its citation and its worked cases."""
    if server_of(context):
        from greenlang.client import catalogue

        with connected(context) as client:
            found = client.send(catalogue.formula(formula_id))
    else:
        found = _formula(formula_id)
    if json:
        as_json(found)
        return
    facts([("formula", found["id"]), *((name, found[name]) for name in ("name", "citation", "note"))])
    facts([("tags", ", ".join(found["tags"])), ("digest", found["digest"])])
    table(
        ("symbol", "comes from", "unit", "range", "default", "meaning"),
        [
            (
                name,
                s["origin"],
                s["unit"] or s["type"],
                _range(s["range"]) or ", ".join(s["enum"]),
                s["default"],
                s["meaning"],
            )
            for name, s in found["symbols"].items()
        ],
    )
    for name, output in found["outputs"].items():
        typer.echo(f"{name} [{output['unit']}] = {output['expression']}")
    typer.echo("")
    for vector in found["vectors"]:
        given = ", ".join(f"{n} = {cell(v)}" for n, v in vector["given"].items())
        expected = ", ".join(f"{n} = {cell(v)}" for n, v in vector["expect"].items())
        how = "published" if vector["published"] else "worked by hand"
        typer.echo(f"{how}: {given} -> {expected} ({vector['source']})")


def _formula(formula_id: str) -> Document:
    from difflib import get_close_matches

    from greenlang.formulas.library import library
    from greenlang.formulas.show import in_full

    formula = library().get(formula_id)
    if formula is None:
        near = get_close_matches(formula_id, list(library().pieces), n=3, cutoff=0.4)
        raise not_found(f"no formula `{formula_id}`; nearest: {', '.join(near) or 'none'}")
    found: Document = plain(in_full(formula))
    return found


@app.command()
def stats(context: typer.Context, json: AsJson = False) -> None:
    """Formulas, distinct expressions, worked cases; and concrete formulas of the families, counted apart."""
    from greenlang.cli.factors import factor_table
    from greenlang.formulas.families import Expansion, expand, families
    from greenlang.formulas.library import library
    from greenlang.formulas.stats import count

    formulas, factors = library(), factor_table(context)
    counts: dict[str, Expansion] = {}
    for _ in expand(families(formulas), factors, formulas, counts=counts):
        pass
    found = count(formulas, counts)
    if json:
        as_json({"release": factors.release, **found.as_dict()})
        return
    columns = ("domain", "formulas", "expressions", "distinct", "cited", "vectors", "published", "exact")
    rows = [tuple(getattr(line, name) for name in columns) for line in (*found.domains, found.total)]
    table(columns, rows, right=range(1, len(columns)))
    table(("family", "concrete"), sorted(found.expanded.items()), right=(1,))
    typer.echo(
        f"{found.total.distinct} distinct expressions in {found.total.formulas} formulas;"
        f" {found.concrete:,} concrete formulas over the rows of {factors.release}"
    )


@app.command()
def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="YAML files of formulas, parameter tables or families, or their folder.",
            exists=True,
        ),
    ],
) -> None:
    """Check files of formulas: declaration, units, worked cases; every mistake with its place. Exits 1 on a mistake."""
    from greenlang.formulas.__main__ import main

    if main([str(path) for path in files]):
        raise typer.Exit(NEGATIVE)


def _range(given: Sequence[object]) -> str:
    low, high = given
    if low is None and high is None:
        return ""
    return f"{'' if low is None else cell(low)} .. {'' if high is None else cell(high)}"
