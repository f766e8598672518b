"""`greenlang formulas`: the formula library.

Belongs here: the commands. Does not belong here: reading, proving (``greenlang.formulas``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE, not_found
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, cell, facts, table

if TYPE_CHECKING:
    from greenlang.formulas.library import LibraryFormula

app = typer.Typer(help="The formula library.", no_args_is_help=True)


@app.command("list")
def list_(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Words that must all occur.")] = None,
    domain: Annotated[str, typer.Option(help="carbon, energy, water, waste or lca.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="A tag, such as scope-3.4. Repeat for more.")] = None,
    json: AsJson = False,
) -> None:
    """Formulas by id, name, tag or citation. Exits 1 if there is none."""
    from greenlang.formulas.library import library

    wanted = [word.lower() for word in words or ()]
    found = [
        formula
        for formula in library()
        if domain in {"", formula.domain}
        and set(tag or ()) <= set(formula.tags)
        and all(word in f"{formula.id} {formula.name} {formula.citation} {formula.tags}".lower() for word in wanted)
    ]
    if json:
        as_json([_row(formula) for formula in found])
    elif found:
        table(
            ("formula", "name", "outputs", "citation"),
            [
                (f.id, f.name, ", ".join(f"{n} [{o.unit}]" for n, o in f.outputs.items()), str(f.citation))
                for f in found
            ],
        )
        typer.echo(f"{len(found)} formulas; `greenlang formulas show FORMULA` gives one in full")
    if not found:
        raise not_found("no formula fits; `greenlang formulas list` lists all")


@app.command()
def show(
    formula_id: Annotated[str, typer.Argument(metavar="FORMULA", help="<domain>/<subject>/<name>")],
    json: AsJson = False,
) -> None:
    """One formula: what it needs, in which units and ranges, its expressions, its citation and its worked cases."""
    from difflib import get_close_matches

    from greenlang.formulas.library import library

    formulas = library()
    formula = formulas.get(formula_id)
    if formula is None:
        near = get_close_matches(formula_id, list(formulas.pieces), n=3, cutoff=0.4)
        raise not_found(f"no formula `{formula_id}`; nearest: {', '.join(near) or 'none'}")
    if json:
        as_json(_row(formula))
        return
    shown = [("formula", formula.id), ("name", formula.name), ("citation", str(formula.citation))]
    facts([*shown, ("note", formula.note), ("tags", ", ".join(formula.tags)), ("digest", formula.digest)])
    table(
        ("symbol", "comes from", "unit", "range", "default", "meaning"),
        [
            (name, s.origin, s.unit or s.type, _range(s.range) or ", ".join(s.enum), s.default, s.meaning)
            for name, s in formula.symbols.items()
        ],
    )
    for name, output in formula.outputs.items():
        typer.echo(f"{name} [{output.unit}] = {output.expression}")
    typer.echo("")
    for vector in formula.vectors:
        given = ", ".join(f"{n} = {cell(v)}" for n, v in vector.given.items())
        expected = ", ".join(f"{n} = {cell(v)}" for n, v in vector.expect.items())
        how = "published" if vector.published else "worked by hand"
        typer.echo(f"{how}: {given} -> {expected} ({vector.source})")


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


def _range(given: tuple[object, object]) -> str:
    low, high = given
    if low is None and high is None:
        return ""
    return f"{'' if low is None else cell(low)} .. {'' if high is None else cell(high)}"


def _row(formula: LibraryFormula) -> dict[str, object]:
    return {
        "id": formula.id,
        "name": formula.name,
        "domain": formula.domain,
        "citation": str(formula.citation),
        "note": formula.note,
        "tags": list(formula.tags),
        "digest": formula.digest,
        "symbols": {
            name: {
                "origin": s.origin,
                "type": s.type,
                "unit": s.unit,
                "meaning": s.meaning,
                "range": list(s.range),
                "default": s.default,
                "source": s.source,
                "enum": list(s.enum),
            }
            for name, s in formula.symbols.items()
        },
        "outputs": {n: {"unit": o.unit, "expression": o.expression} for n, o in formula.outputs.items()},
        "vectors": [
            {"source": v.source, "published": v.published, "given": v.given, "expect": v.expect}
            for v in formula.vectors
        ],
    }
