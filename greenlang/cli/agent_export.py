"""`greenlang agent export | verify | regenerate`: finished packs for others, and working copies of people.

Belongs here: the commands. Does not belong here: formats, signatures, merging (``greenlang.factory``).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from greenlang.cli.agent_build import app
from greenlang.cli.agent_spec import AsDialect, OverlayOption, SpecFile, resolved
from greenlang.cli.app import NEGATIVE, built_settings, not_found
from greenlang.cli.registry import AsJson, found, open_registry
from greenlang.cli.show import as_json, table

__all__ = ["app"]

PackArgument = Annotated[
    str, typer.Argument(metavar="PACK", help="A registered agent (agent_id, agent_id@version), or a pack's folder.")
]


class Form(StrEnum):
    """The forms of an export."""

    git = "git"
    wheel = "wheel"
    oci = "oci"
    zip = "zip"


def pack_folder(context: typer.Context, reference: str) -> Path:
    """The folder of a pack that is named by its path or by its agent: then that of the build in force.

    Raises PackNotHere.
    """
    if Path(reference).is_dir():
        return Path(reference)
    from greenlang.registry.packs import homes, pack_of

    with open_registry(context) as registry:
        entry = found(registry, reference)
    return pack_of(entry, homes(built_settings(context), entry.tenant)).folder


@app.command()
def export(
    context: typer.Context,
    pack: PackArgument,
    form: Annotated[Form, typer.Option("--as", help="git bundle, folder of wheels, OCI image layout, serverless zip.")],
    out: Annotated[Path, typer.Option("--out", "-o", file_okay=False, help="The folder to write into.")] = Path(),
) -> None:
    """A finished pack in a form that works without the factory, a package index or a container daemon."""
    from greenlang.factory.export import export as write

    typer.echo(str(write(pack_folder(context, pack), form.value, out)))


@app.command()
def verify(
    context: typer.Context,
    pack: PackArgument,
    key: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The signer's public key (PEM); default: this factory's own."),
    ] = None,
) -> None:
    """Whether a pack is as it was certified and signed. Exit code 1 if it is not."""
    from greenlang.factory.attest import envelope_path
    from greenlang.factory.attest import verify as check
    from greenlang.provenance import CERTIFICATE, PackCertificate
    from greenlang.signing import PUBLIC, read_public_key

    folder = pack_folder(context, pack)
    if not (folder / CERTIFICATE).is_file():
        raise not_found(f"{folder} is no finished pack: it has no {CERTIFICATE}")
    public = key or built_settings(context).keys / PUBLIC
    envelope = envelope_path(folder)
    findings = PackCertificate.load(folder).verify(folder)
    if not envelope.is_file():
        findings.append(f"{envelope} is missing: the pack is not signed")
    elif not public.is_file():
        findings.append(f"{public} is missing: name the signer's public key by --key")
    else:
        findings += check(folder, envelope.read_bytes(), read_public_key(public))
    for finding in dict.fromkeys(findings):
        typer.echo(finding)
    if findings:
        raise typer.Exit(NEGATIVE)
    typer.echo(f"{folder.name} is as it was certified and signed")


@app.command()
def regenerate(
    context: typer.Context,
    spec: SpecFile,
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Your working copy of the agent; it may be new.")],
    dialect: AsDialect = None,
    overlay: OverlayOption = None,
    json: AsJson = False,
) -> None:
    """Generate an agent's source into a folder that people edit: a three-way merge that overwrites nothing of theirs.

    Where both sides changed the same lines, your file stays, and the merge lies beside it as `<file>.conflict`. Exit
    code 1 if there is such a conflict, or if the spec has no complete plan.
    """
    from greenlang.factory.generate import generate
    from greenlang.factory.regenerate import CONFLICT
    from greenlang.factory.regenerate import regenerate as merge
    from greenlang.specs.diagnostics import has_errors

    resolution, findings = resolved(context, spec, dialect, overlay)
    for finding in findings:
        typer.echo(finding.text(spec.name), err=True)
    if resolution is None or has_errors(findings):
        raise typer.Exit(NEGATIVE)
    if not resolution.complete:
        raise not_found(f"no certain plan for {', '.join(m.output for m in resolution.missing)}")
    changes = merge(generate(resolution), folder)
    conflicts = [c for c in changes if c.fate == "conflict"]
    if json:
        as_json([{"file": c.name, "what": c.fate, "why": c.why} for c in changes])
    elif changes:
        table(("file", "what", "why"), [(c.name, c.fate, c.why) for c in changes])
    else:
        typer.echo("nothing changed")
    if conflicts:
        settle = f"settle each *{CONFLICT}: carry over into the file what you want of it, and remove it"
        typer.echo(f"greenlang: files in conflict: {len(conflicts)}; {settle}", err=True)
        raise typer.Exit(NEGATIVE)
