"""`greenlang calc scope2`, `spend`, `overlaps` and `uncertainty`: what an accountant checks first.

Belongs here: reading files, printing. Does not belong here: arithmetic and rules (`greenlang.calc`).
"""

from __future__ import annotations

import csv
import json as json_module
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import DONE, NEGATIVE, USAGE
from greenlang.cli.calc_accounting_show import (
    mistakes,
    show_findings,
    show_scope2,
    show_spend,
    show_total,
    show_uncertainty,
)
from greenlang.cli.documents import DocumentUnreadable, read_document
from greenlang.cli.factors import factor_table
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json

if TYPE_CHECKING:
    from greenlang.calc import CalculationContext, CalculationEngine
    from greenlang.calc.mistakes import Mistake
    from greenlang.calc.overlaps import Line, Resolution
    from greenlang.calc.spend_tables import MoneyTables
    from greenlang.calc.uncertainty import UncertaintyResult

GwpSet = Annotated[str, typer.Option(help="GWP set, such as AR5GWP100, for figures that are gas by gas.")]
Policy = Annotated[str, typer.Option(help="For CO2e on unlike bases: disclose-unstated or disclose-mixed.")]
Release = Annotated[str, typer.Option(help="The factor release that must be in force.")]
Stated = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", metavar="NAME=HALF_WIDTH", help='An uncertainty: energy="5 %". Once for each quantity.'
    ),
]
Tables = Annotated[
    list[Path] | None,
    typer.Option("--table", "-t", help="Your exchange rates, deflators or margins, each cited. Once for each file."),
]
Out = Annotated[Path | None, typer.Option(help="File to write the whole result to, as JSON.")]


def join(app: typer.Typer) -> None:
    """Put the commands into the group ``calc``."""
    for name, command in (("scope2", scope2), ("spend", spend), ("overlaps", overlaps), ("uncertainty", uncertainty)):
        app.command(name)(command)


def scope2(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML or JSON: consumption, instruments, residual_mixes.")
    ],
    gwp_set: GwpSet = "",
    policy: Policy = "",
    release: Release = "",
    stated: Stated = None,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Scope 2 by both methods, location-based and market-based. Exits 1, with every mistake, if it cannot be done."""
    from greenlang.calc.certificate import plain_values
    from greenlang.calc.scope2 import calculate
    from greenlang.calc.uncertainty_lines import scope2_uncertainty

    engine, around = _engine(context, gwp_set, policy, release)
    result = calculate(engine, _mapping(path), around)
    if not result.success:
        if json:
            as_json(result.as_dict())
        else:
            mistakes(result.mistakes)
        raise typer.Exit(NEGATIVE)
    known, wrong = scope2_uncertainty(engine, result, _pairs(stated or []))
    if wrong:
        mistakes(wrong)
        raise typer.Exit(NEGATIVE)
    _written(out, result.as_dict())
    if json:
        as_json({**result.as_dict(), "uncertainty": {name: plain_values(one) for name, one in known.items()}})
    else:
        show_scope2(result, known)


def spend(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV, YAML or JSON: one spend, or a list of them under `spends`.")
    ],
    tables: Tables = None,
    policy: Policy = "",
    release: Release = "",
    stated: Stated = None,
    out: Out = None,
    json: AsJson = False,
) -> None:
    """Emissions of money spent, every step shown. Exits 1, with what is missing, if a spend cannot be computed."""
    from greenlang.calc.certificate import plain_values
    from greenlang.calc.spend import calculate
    from greenlang.calc.spend_result import plain_list
    from greenlang.calc.uncertainty_lines import spend_uncertainty

    engine, around = _engine(context, "", policy, release)
    money = money_tables(tables or [])
    results = [calculate(engine, entry, money, around) for entry in _rows(path, "spends")]
    told = _pairs(stated or [])
    known = [spend_uncertainty(engine, result, told) if result.success else (None, []) for result in results]
    if wrong := [mistake for _, found in known for mistake in found]:
        mistakes(wrong)
        raise typer.Exit(NEGATIVE)
    plain = plain_list(results)
    _written(out, plain)
    if json:
        as_json({**plain, "uncertainty": [plain_values(one) for one, _ in known]})
    else:
        for result, (one, _) in zip(results, known, strict=True):
            show_spend(result, one)
    raise typer.Exit(DONE if all(result.success for result in results) else NEGATIVE)


def overlaps(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Lines as CSV, YAML, JSON or Parquet; results of scope2; certificates."),
    ],
    add: Annotated[bool, typer.Option("--total", help="Add the lines up; refused while an overlap stands.")] = False,
    unit: Annotated[str, typer.Option(help="Unit of the total.")] = "tCO2e",
    method: Annotated[str, typer.Option(help="Scope 2 method of the total: location-based or market-based.")] = "",
    policy: Policy = "",
    resolutions: Annotated[
        Path | None, typer.Option(help="YAML or JSON: a list of finding, keep (first, second or both) and reason.")
    ] = None,
    json: AsJson = False,
) -> None:
    """What is counted twice, and the total. Exits 1 while a certain overlap stands."""
    from greenlang.calc.overlaps import check, total

    lines, wrong = _lines(context, paths)
    if wrong:
        mistakes(wrong)
        raise typer.Exit(NEGATIVE)
    if add:
        found = total(lines, unit=unit, method=method, policy=policy, resolutions=_resolutions(resolutions))
        if json:
            as_json(found.as_dict())
        else:
            show_total(found)
        raise typer.Exit(DONE if found.success else NEGATIVE)
    findings = check(lines)
    if json:
        as_json({"lines": len(lines), "findings": [finding.as_dict() for finding in findings]})
    else:
        show_findings(findings, len(lines))
    raise typer.Exit(NEGATIVE if any(finding.certain for finding in findings) else DONE)


def uncertainty(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="CERT", help="The certificate of a result, a JSON file.")],
    stated: Stated = None,
    statements: Annotated[
        Path | None, typer.Option(help="YAML or JSON with `uncertainties` by name, and `correlations`.")
    ] = None,
    method: Annotated[str, typer.Option(help="first-order or monte-carlo.")] = "first-order",
    seed: Annotated[int, typer.Option(help="Seed of Monte Carlo; the same seed gives the same digits anywhere.")] = 0,
    trials: Annotated[int | None, typer.Option(help="Trials of Monte Carlo.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the certificate with its uncertainty.")] = None,
    json: AsJson = False,
) -> None:
    """The uncertainty of a result. Exits 1, with every mistake, if it cannot be propagated."""
    from greenlang.calc import CertificateUnreadable
    from greenlang.calc.certificate import read_certificate
    from greenlang.calc.uncertainty import propagate

    try:
        content = read_certificate(path.read_bytes())
    except (OSError, CertificateUnreadable) as error:
        raise _unusable(error) from error
    more = _mapping(statements) if statements is not None else {}
    told = {**dict(more.get("uncertainties") or {}), **_pairs(stated or [])}
    engine, _ = _engine(context, "", "", "")
    found = propagate(
        engine, content, told, method=method, correlations=more.get("correlations") or (), seed=seed, trials=trials
    )
    if found.success and out is not None:
        out.write_text(_sealed(engine, content, found), encoding="utf-8")
    if json:
        as_json(found.statement() if found.success else {"mistakes": [entry.as_dict() for entry in found.mistakes]})
    elif not found.success:
        mistakes(found.mistakes)
    else:
        show_uncertainty(found)
    raise typer.Exit(DONE if found.success else NEGATIVE)


# reading


def _engine(
    context: typer.Context, gwp_set: str, policy: str, release: str
) -> tuple[CalculationEngine, CalculationContext]:
    from greenlang.calc import CalculationContext, CalculationEngine

    return CalculationEngine(factor_table(context)), CalculationContext(gwp_set=gwp_set, policy=policy, release=release)


def money_tables(paths: Sequence[Path]) -> MoneyTables:
    """The user's tables. Shows every mistake in them and exits if there is one."""
    from greenlang.calc.spend_tables import read_money_tables

    money, wrong = read_money_tables([path if path.suffix.lower() == ".csv" else _mapping(path) for path in paths])
    if wrong:
        mistakes(wrong)
        raise typer.Exit(NEGATIVE)
    return money


def _mapping(path: Path) -> Mapping[str, Any]:
    found = _document(path)
    if not isinstance(found, Mapping):
        raise _unusable(f"{path.name}: a mapping is needed")
    return found


def _document(path: Path) -> Any:
    try:
        return read_document(path)
    except DocumentUnreadable as error:
        raise _unusable(error) from error


def _rows(path: Path, name: str) -> list[Mapping[str, Any]]:
    """The rows of a CSV or Parquet file; or of a document, which is a list, holds one under ``name``, or is one row."""
    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
            return [{key: value for key, value in row.items() if value not in (None, "")} for row in rows]
        if suffix == ".parquet":
            from pyarrow import parquet

            return [
                {key: value for key, value in row.items() if value is not None}
                for row in parquet.read_table(path).to_pylist()
            ]
    except (OSError, ValueError) as error:
        raise _unusable(f"{path.name}: {error}") from error
    found = _document(path)
    if isinstance(found, Mapping):
        found = found.get(name, [found])
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise _unusable(f"{path.name}: a list of mappings is needed")
    return found


def _lines(context: typer.Context, paths: Sequence[Path]) -> tuple[list[Line], list[Mistake]]:
    """The lines of all files, whatever each is."""
    from greenlang.calc.overlaps import certificate_lines, read_lines

    factors = factor_table(context)
    lines: list[Line] = []
    wrong: list[Mistake] = []
    for path in paths:
        found: Any = None
        if path.suffix.lower() not in {".csv", ".parquet"}:
            found = _document(path)
        kind = str(found.get("format", "")) if isinstance(found, Mapping) else ""
        if kind.startswith("greenlang-result-certificate/"):
            more, told = certificate_lines(found, factors)
        elif kind.startswith("greenlang-scope-2/"):
            more, told = _scope2_lines(context, found), []
        elif kind.startswith(("greenlang-spends/", "greenlang-spend/")):
            more, told = _spend_lines(context, found), []
        else:
            more, told = read_lines(_rows(path, "lines"), factors)
        lines += more
        wrong += told
    return lines, wrong


def _scope2_lines(context: typer.Context, found: Mapping[str, Any]) -> list[Line]:
    """The lines of a stored result, computed again: what is stored is never trusted."""
    from greenlang.calc.context import read_context
    from greenlang.calc.scope2 import calculate

    engine, _ = _engine(context, "", "", "")
    around, wrong = read_context(found["context"])
    result = calculate(engine, found["request"], around)
    if wrong or not result.success or result.as_dict().get("digest") != found.get("digest"):
        raise _unusable("the scope 2 result cannot be computed again from this release as it stands in the file")
    return result.ledger(engine.table)


def _spend_lines(context: typer.Context, found: Mapping[str, Any]) -> list[Line]:
    """The lines of stored spends, computed again; those that could not be computed have none."""
    from greenlang.calc.context import read_context
    from greenlang.calc.spend import calculate
    from greenlang.calc.spend_tables import recorded_tables
    from greenlang.calc.verify_accounting import verify_spend

    engine, _ = _engine(context, "", "", "")
    if not verify_spend(found, engine).verified:
        raise _unusable("the spends cannot be computed again from this release as they stand in the file")
    out = []
    for entry in found.get("spends", [found]):
        if entry["success"]:
            around, _ = read_context(entry["context"])
            made = calculate(engine, entry["request"], recorded_tables(entry["tables"]), around)
            out.append(made.line(engine.table))
    return out


def _resolutions(path: Path | None) -> list[Resolution]:
    from greenlang.calc.overlaps import Resolution

    if path is None:
        return []
    names = {"finding", "keep", "reason"}
    out = []
    for entry in _rows(path, "resolutions"):
        if set(entry) != names:
            raise _unusable(f"{path.name}: a resolution has finding, keep and reason")
        out.append(Resolution(**{name: str(entry[name]) for name in names}))
    return out


def _pairs(entries: Sequence[str]) -> dict[str, str]:
    out = {}
    for entry in entries:
        name, sign, value = entry.rpartition("=")
        if not sign or not name.strip():
            raise typer.BadParameter(f"`{entry}` is not NAME=HALF_WIDTH", param_hint="--set")
        out[name.strip()] = value.strip().strip('"')
    return out


def _sealed(engine: CalculationEngine, content: dict[str, Any], found: UncertaintyResult) -> str:
    """The certificate with its uncertainty. It is computed again first: only what can be proved is sealed."""
    from greenlang.calc import verify
    from greenlang.calc.context import read_context
    from greenlang.calc.engine import with_uncertainty
    from greenlang.calc.uncertainty import recompute

    given = {record["name"]: record["given"] for record in content["inputs"]}
    result = engine.calculate(content["formula"]["id"], given, read_context(content["context"])[0])
    proved = verify(content, engine.table, engine.formulas, uncertainty=recompute).verified
    if result.certificate is None or not proved:
        raise _unusable("the certificate does not verify: see `greenlang verify`")
    made = with_uncertainty(result, found.statement()).certificate
    assert made is not None
    return made.json()


def _written(out: Path | None, content: Any) -> None:
    if out is not None:
        out.write_text(json_module.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _unusable(error: object) -> typer.Exit:
    typer.echo(f"greenlang: {error}", err=True)
    return typer.Exit(USAGE)
