"""`greenlang spec schema | convert`: the dialects themselves.

Belongs here: the commands. Does not belong here: what the dialects are (``greenlang.specs``).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli.agent_spec import AsDialect, DialectOption, OverlayOption, SpecFile, read_file
from greenlang.cli.app import NEGATIVE, USAGE, not_found
from greenlang.cli.show import as_json

app = typer.Typer(help="The dialects of specs: their JSON Schemas, and from one to another.", no_args_is_help=True)


class Target(StrEnum):
    """The dialects that can be written."""

    B = "B"


@app.command()
def schema(
    dialect: Annotated[
        DialectOption, typer.Option("--dialect", case_sensitive=False, help="A, B, C or D.")
    ] = DialectOption.B,
    overlay: Annotated[bool, typer.Option("--overlay", help="The schema of overlay files instead.")] = False,
) -> None:
    """The JSON Schema of a dialect, for editors that complete and check."""
    from greenlang.specs.schemas import overlay_schema, schema_of

    as_json(overlay_schema() if overlay else schema_of(dialect.value))


@app.command()
def convert(
    context: typer.Context,
    spec: SpecFile,
    to: Annotated[Target, typer.Option("--to", case_sensitive=False, help="The dialect to write: B.")] = Target.B,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File, or folder for several tools or agents.")
    ] = None,
    dialect: AsDialect = None,
    overlay: OverlayOption = None,
    domain: Annotated[str | None, typer.Option("--domain", help="The part of the id before the slash.")] = None,
) -> None:
    """A spec of dialect A, C or D as dialect B. What cannot be carried over is listed on the error stream.

    Prose that is proved to be the formula of an output becomes that formula.
    """
    from greenlang.cli.factors import factor_table
    from greenlang.formulas.library import library
    from greenlang.resolution.carry import convert as converted

    read, findings = read_file(spec, dialect, overlay)
    if read is None:
        for finding in findings:
            if finding.severity == "error":
                typer.echo(finding.text(spec.name), err=True)
        raise not_found(f"{spec.name} cannot be read; `greenlang agent validate` shows all")
    done = converted(read, factor_table(context), library(), domain=domain)
    for note in done.notes:
        typer.echo(f"{spec.name}: {note}", err=True)
    if done.refused:
        typer.echo(f"greenlang: not converted: {done.refused}", err=True)
        raise typer.Exit(NEGATIVE)
    if read.parts or (out is not None and out.is_dir()):
        if out is None:
            typer.echo(f"greenlang: the spec becomes {len(done.files)} files; name a folder by -o", err=True)
            raise typer.Exit(USAGE)
        out.mkdir(parents=True, exist_ok=True)
        for name, text in done.files.items():
            _write(out / name, text)
    else:
        text = next(iter(done.files.values()))
        if out is None:
            typer.echo(text, nl=False)
        else:
            _write(out, text)


def _write(path: Path, text: str) -> None:
    from greenlang.factors.storage import replace_file

    replace_file(path, lambda target: target.write_bytes(text.encode()))
    typer.echo(f"wrote {path}")
