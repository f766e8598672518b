"""`greenlang verify`: a sealed file of any kind, computed again from the tables.

Belongs here: finding the release, the results of a batch and the user's tables; printing. Does not belong here: telling
kinds apart and verifying (`greenlang.calc`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import DONE, NEGATIVE, USAGE, settings
from greenlang.cli.calc_accounting import Tables, money_tables
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json

if TYPE_CHECKING:
    from greenlang.calc.engine import CalculationEngine
    from greenlang.calc.spend_tables import MoneyTables
    from greenlang.calc.verify import Verification
    from greenlang.calc.verify_kinds import Kind
    from greenlang.factors import FactorTable

_END = ".batch-certificate.json"


def verify(
    context: typer.Context,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A certificate of a result or a batch, or a stored scope 2 or spend result."
        ),
    ],
    digest: Annotated[str, typer.Option(help="The digest that was kept elsewhere.")] = "",
    factors: Annotated[
        Path | None, typer.Option(help="A factors.parquet to verify against, instead of the stored release.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(metavar="PARQUET", help="Of a batch: its results, where they do not lie beside it.")
    ] = None,
    tables: Tables = None,
    json: AsJson = False,
) -> None:
    """Recompute a sealed file from the tables. Exits 0 if nothing differs, 1 if a link does, 2 if it cannot be done."""
    from greenlang.calc import CertificateUnreadable
    from greenlang.calc.engine import CalculationEngine
    from greenlang.calc.verify_kinds import read_sealed
    from greenlang.errors import FactorTableError

    try:
        kind, content = read_sealed(path.read_bytes())
        engine = CalculationEngine(_table(context, _release(content), factors))
        money = money_tables(tables) if tables else None
        found = _verified(kind, content, engine, path, results, money, digest)
    except (OSError, CertificateUnreadable, FactorTableError) as error:
        typer.echo(f"greenlang: {error}", err=True)
        raise typer.Exit(USAGE) from error
    if json:
        as_json({**_plain(found), "kind": kind.name})
    else:
        _report(found, str(content.get("digest")))
    raise typer.Exit(DONE if found.verified else NEGATIVE)


def _verified(
    kind: Kind,
    content: dict[str, Any],
    engine: CalculationEngine,
    path: Path,
    results: Path | None,
    money: MoneyTables | None,
    digest: str,
) -> Verification:
    """What the verification of its kind says. Raises CertificateUnreadable or OSError."""
    from greenlang.calc import verify as verify_result
    from greenlang.calc.uncertainty import recompute
    from greenlang.calc.verify_accounting import verify_scope2, verify_spend
    from greenlang.calc.verify_kinds import BATCH, RESULT, SCOPE2

    if kind is BATCH:
        return _batch(path, results, engine, digest)
    if kind is RESULT:
        return verify_result(content, engine.table, engine.formulas, expected=digest, uncertainty=recompute)
    if kind is SCOPE2:
        return verify_scope2(content, engine, expected=digest)
    return verify_spend(content, engine, tables=money, expected=digest)


def _batch(path: Path, results: Path | None, engine: CalculationEngine, digest: str) -> Verification:
    from greenlang.calc.batch_certificate import read_batch_certificate
    from greenlang.calc.batch_verify import verify_batch
    from greenlang.calc.verify import Verification

    certificate = read_batch_certificate(path.read_bytes())
    if results is None and path.name.endswith(_END):
        results = path.with_name(f"{path.name.removesuffix(_END)}.parquet")
    if results is None or not results.is_file():
        raise FileNotFoundError(f"the results of this batch are not at {results or 'hand'}; name them by --results")
    found = verify_batch(certificate, results, engine, expected=digest)
    return Verification(found.verified, tuple(found.findings), tuple(found.notes))


def _release(content: dict[str, Any]) -> str | None:
    """The release that a file names; None for a list of spends of which none was computed."""
    named = content.get("release")
    if named is None and isinstance(content.get("spends"), list):
        made = [entry for entry in content["spends"] if isinstance(entry, dict) and "release" in entry]
        if not made:
            return None
        named = made[0]["release"]
    return str(named.get("name")) if isinstance(named, dict) else ""


def _table(context: typer.Context, release: str | None, parquet: Path | None) -> FactorTable:
    """The table of the release that a certificate names. Raises FactorTableError if it is not on this machine."""
    from greenlang.factors import FactorTable
    from greenlang.factors.release import Releases

    if parquet is not None:
        return FactorTable.load(parquet)
    found = settings(context)
    in_force = FactorTable.in_force(found.tables)
    if release in {None, in_force.release}:
        return in_force
    return Releases(found.var / "factors").table(release or "?")


def _report(found: Verification, digest: str) -> None:
    for finding in found.findings:
        typer.echo(str(finding))
    for note in found.notes:
        typer.echo(f"note: {note}")
    if found.verified:
        typer.echo(f"verified {digest}")
    else:
        typer.echo(f"differs: {', '.join(found.links)}")


def _plain(found: Verification) -> dict[str, Any]:
    return {
        "verified": found.verified,
        "links": list(found.links),
        "findings": [
            {"link": f.link, "place": f.place, "message": f.message, "stated": f.stated, "found": f.found}
            for f in found.findings
        ],
        "notes": list(found.notes),
    }
