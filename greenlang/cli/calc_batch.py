"""`greenlang calc run`, `prove`, `check` and `restate`: whole files of activities, their proof, and what changed.

Belongs here: options, progress, what people read. Does not belong here: computing (`greenlang.calc.batch`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import DONE, NEGATIVE, USAGE, settings
from greenlang.cli.factors import factor_table
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, digits, table

if TYPE_CHECKING:
    from greenlang.calc.batch import BatchRun
    from greenlang.calc.batch_certificate import BatchCertificate
    from greenlang.calc.batch_formula import BatchFormula
    from greenlang.calc.batch_mapping import BatchMapping, MappingMistake
    from greenlang.calc.batch_sql import Progress
    from greenlang.calc.engine import CalculationEngine
    from greenlang.calc.restate import Restatement
    from greenlang.factors import FactorTable

SHOWN = 20

Threads = Annotated[int, typer.Option(min=1, max=256, help="Threads; the results are the same with any number.")]
Memory = Annotated[str, typer.Option(metavar="SIZE", help="What DuckDB may use before it spills to disk, such as 4GB.")]
CertificateFile = Annotated[
    Path | None, typer.Option("--certificate", help="The certificate, if it does not lie beside the results.")
]
Digest = Annotated[str, typer.Option(help="The certificate's digest that was kept elsewhere.")]
_THREADS = max(1, min(256, os.cpu_count() or 1))
_MEMORY = "2GB"


def run(
    context: typer.Context,
    activities: Annotated[Path, typer.Argument(metavar="ACTIVITIES", help="Parquet, CSV or Excel.")],
    mapping: Annotated[Path, typer.Option("--map", metavar="YAML", help="Which column feeds what: docs/batch.md.")],
    out: Annotated[Path, typer.Option("--out", metavar="PARQUET", help="The results; their certificate lies beside.")],
    threads: Threads = _THREADS,
    memory: Memory = _MEMORY,
    json: AsJson = False,
) -> None:
    """Compute every row of a file. A bad row is a row with a reason; the rest is computed.

    Exits 0 if every row has an answer, 1 if some have none, 2 if mapping or file keep the batch from starting.
    """
    from greenlang.calc.batch import run_batch

    read = _mapping(mapping)
    engine = _engine(context, read.context.release)
    _writable(out)
    with _progress(json) as told:
        made, mistakes = run_batch(activities, read, out, engine, threads=threads, memory=memory, progress=told)
    if made is None:
        raise _refused(mistakes, json)
    if json:
        content = made.certificate.content
        named = {"results": str(out), "certificate": made.certificate.digest, "root": made.certificate.root}
        as_json({**named, "rows": made.rows, "counts": content["counts"], "totals": content["totals"]})
    else:
        _summary(made)
    raise typer.Exit(NEGATIVE if made.failed else DONE)


def prove(
    context: typer.Context,
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Results of `greenlang calc run`.")],
    row: Annotated[list[str], typer.Option("--row", metavar="ID", help="The row's id; once for each of its columns.")],
    certificate: CertificateFile = None,
    json: AsJson = False,
) -> None:
    """Prove one row: its text, its digest, and the path to the root that the certificate states.

    --json prints the whole proof, to be kept or handed on. Exits 1 if the row is not the one that was certified.
    """
    del context
    from greenlang.calc.batch_prove import prove_row
    from greenlang.calc.proof import ProofImpossible

    sealed = _certificate(results, certificate)
    try:
        proof = prove_row(sealed, results, row)
    except ProofImpossible as error:
        typer.echo(f"greenlang: {error}", err=True)
        raise typer.Exit(NEGATIVE) from error
    if json:
        as_json({**proof.as_dict(), "holds": proof.holds, "faults": list(proof.faults)})
        raise typer.Exit(DONE if proof.holds else NEGATIVE)
    typer.echo(f"text    {proof.text}")
    typer.echo(f"digest  {proof.digest}  (SHA-256 of the text)")
    below = bytes.fromhex(proof.digest)
    for step in proof.path:
        below = step.up(below)
        others = f"with {len(step.before) + len(step.after)} others" if step.kind == "node" else f"`{step.text}`"
        typer.echo(f"{step.kind:<7} {below.hex()}  {others}")
    typer.echo(f"root    {proof.root}  (in certificate {proof.certificate})")
    for fault in proof.faults:
        typer.echo(f"fault: {fault}")
    typer.echo("the row is the one that was certified" if proof.holds else "the row is NOT the one that was certified")
    raise typer.Exit(DONE if proof.holds else NEGATIVE)


def check(
    context: typer.Context,
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Results of `greenlang calc run`.")],
    certificate: CertificateFile = None,
    digest: Digest = "",
    rows_only: Annotated[
        bool, typer.Option("--rows-only", help="Compare digests only; compute nothing again, no factors needed.")
    ] = False,
    threads: Threads = _THREADS,
    memory: Memory = _MEMORY,
    json: AsJson = False,
) -> None:
    """Check a whole file of results against its certificate, and compute every row again from the tables.

    Exits 0 if nothing differs, 1 if something does, 2 if it cannot be done.
    """
    from greenlang.calc.batch_verify import verify_batch
    from greenlang.errors import FactorTableError

    sealed = _certificate(results, certificate)
    try:
        engine = None if rows_only else _engine(context, str(sealed.content["release"].get("name")))
    except FactorTableError as error:
        typer.echo(f"greenlang: {error}; --rows-only needs no factors", err=True)
        raise typer.Exit(USAGE) from error
    found = verify_batch(sealed, results, engine, expected=digest, threads=threads, memory=memory)
    if json:
        as_json(
            {
                "verified": found.verified,
                "findings": [
                    {"link": f.link, "place": f.place, "message": f.message, "stated": f.stated, "found": f.found}
                    for f in found.findings
                ],
                "notes": found.notes,
            }
        )
        raise typer.Exit(DONE if found.verified else NEGATIVE)
    for finding in found.findings:
        typer.echo(str(finding))
    for note in found.notes:
        typer.echo(f"note: {note}")
    typer.echo(f"{'verified' if found.verified else 'differs from'} {sealed.digest}")
    raise typer.Exit(DONE if found.verified else NEGATIVE)


def restate(
    context: typer.Context,
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Results of `greenlang calc run`.")],
    out: Annotated[Path, typer.Option("--out", metavar="PARQUET", help="The new results, with certificate.")],
    release: Annotated[str, typer.Option(help="Another factor release.")] = "",
    gwp_set: Annotated[str, typer.Option(help="Another GWP set, such as AR6GWP100.")] = "",
    formula_version: Annotated[
        str,
        typer.Option(help="`current` for the library's declaration of today, or the id of another formula."),
    ] = "",
    activities: Annotated[Path | None, typer.Option(help="Corrected activities of the same period.")] = None,
    method: Annotated[str, typer.Option(help="shapley, or order.")] = "shapley",
    order: Annotated[str, typer.Option(help="The order of --method order.")] = "factors,gwp_set,formula,activities",
    threshold: Annotated[
        str, typer.Option(metavar="PERCENT", help="The significance threshold of your base-year policy, such as 5.")
    ] = "",
    certificate: CertificateFile = None,
    threads: Threads = _THREADS,
    memory: Memory = _MEMORY,
    json: AsJson = False,
) -> None:
    """Compute results anew and say which change has which part of the difference, in each row and in all.

    Exits 0, or 1 if the base year must be recalculated by --threshold, or 2 if it cannot be done.
    """
    from greenlang.calc.engine import CalculationEngine
    from greenlang.calc.restate import Changes
    from greenlang.calc.restate import restate as run_restatement
    from greenlang.calc.restate_attribution import CAUSES, METHODS
    from greenlang.errors import FactorTableError

    causes = tuple(part.strip() for part in order.split(",") if part.strip())
    if method not in METHODS:
        raise typer.BadParameter(f"`{method}` is none of {', '.join(METHODS)}", param_hint="--method")
    if sorted(causes) != sorted(CAUSES):
        raise typer.BadParameter(f"name each of {', '.join(CAUSES)} once", param_hint="--order")
    percent = _percent(threshold)
    sealed = _certificate(results, certificate)
    try:
        before = _engine(context, str(sealed.content["release"].get("name")))
        after = CalculationEngine(_table(context, release), before.formulas) if release else None
    except FactorTableError as error:
        typer.echo(f"greenlang: {error}", err=True)
        raise typer.Exit(USAGE) from error
    changes = Changes(
        engine=after,
        gwp_set=gwp_set or None,
        formula=_formula(formula_version, sealed, before),
        activities=activities,
    )
    _writable(out)
    with _progress(json) as told:
        made, mistakes = run_restatement(
            results,
            sealed,
            out,
            before,
            changes,
            method=method,  # type: ignore[arg-type]  # one of METHODS
            order=causes,
            threshold=percent,
            threads=threads,
            memory=memory,
            progress=told,
        )
    if made is None:
        raise _refused(mistakes, json)
    if json:
        as_json({"results": str(out), "attribution": str(made.attribution), **made.content})
    else:
        _restated(made, percent)
    raise typer.Exit(NEGATIVE if made.must_recalculate else DONE)


# --- what the commands share ----------------------------------------------------------------------------------------


def _mapping(path: Path) -> BatchMapping:
    from greenlang.calc.batch_mapping import read_mapping

    try:
        read, mistakes = read_mapping(path.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"`{path}` cannot be read: {error.strerror}", param_hint="--map") from error
    if read is None:
        typer.echo(f"greenlang: {path} is no mapping yet:", err=True)
        raise _refused(mistakes, json=False)
    return read


def _refused(mistakes: Sequence[MappingMistake], json: bool) -> typer.Exit:
    """Show every mistake; raise what this returns."""
    if json:
        as_json({"mistakes": [mistake.as_dict() for mistake in mistakes]})
    else:
        for mistake in mistakes:
            typer.echo(f"  {mistake}", err=True)
    return typer.Exit(USAGE)


def _table(context: typer.Context, release: str) -> FactorTable:
    """The table of a release; of the one in force without a name. Raises FactorTableError if it is not stored here."""
    from greenlang.factors.release import Releases

    in_force = factor_table(context)
    if release in {"", in_force.release}:
        return in_force
    return Releases(settings(context).var / "factors").table(release)


def _engine(context: typer.Context, release: str) -> CalculationEngine:
    from greenlang.calc.engine import CalculationEngine

    return CalculationEngine(_table(context, release))


def _certificate(results: Path, named: Path | None) -> BatchCertificate:
    from greenlang.calc.batch_certificate import beside, read_batch_certificate
    from greenlang.calc.certificate import CertificateUnreadable

    if not results.is_file():
        raise typer.BadParameter(f"there is no file `{results}`", param_hint="RESULTS")
    path = named or beside(results)
    try:
        return read_batch_certificate(path.read_bytes())
    except OSError as error:
        typer.echo(f"greenlang: {path}: {error.strerror}; name the certificate by --certificate", err=True)
    except CertificateUnreadable as error:
        typer.echo(f"greenlang: {path}: {error}", err=True)
    raise typer.Exit(USAGE)


def _formula(version: str, sealed: BatchCertificate, engine: CalculationEngine) -> BatchFormula | None:
    from greenlang.calc.batch_formula import OWN_ID, library_formula
    from greenlang.calc.mistakes import near

    if not version:
        return None
    named = str(sealed.content["formula"]["id"]) if version == "current" else version
    if named == OWN_ID:
        raise typer.BadParameter("the formula stands in the mapping itself", param_hint="--formula-version")
    found = library_formula(named, engine.formulas)
    if found is None:
        hint = near(named, engine.formulas.pieces)
        raise typer.BadParameter(f"there is no formula `{named}`; {hint}", param_hint="--formula-version")
    return found


def _percent(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation as error:
        raise typer.BadParameter(f"`{text}` is no number of percent", param_hint="--threshold") from error
    if not value.is_finite() or value <= 0:
        raise typer.BadParameter("a threshold is above zero", param_hint="--threshold")
    return value


def _writable(out: Path) -> None:
    if not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder `{out.absolute().parent}`", param_hint="--out")
    if out.suffix.lower() != ".parquet":
        raise typer.BadParameter(f"results are Parquet: `{out.stem}.parquet`", param_hint="--out")


@contextmanager
def _progress(json: bool) -> Iterator[Progress | None]:
    """A bar on the error stream, for people."""
    if json:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def told(what: str, percent: float) -> None:
            for name, task in tasks.items():
                if name != what:
                    bars.update(task, completed=100)
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=100)
            bars.update(tasks[what], completed=percent)

        yield told


def _summary(made: BatchRun) -> None:
    counts = made.counts
    typer.echo(f"{made.results}: {made.rows:,} rows, {counts.get('ok', 0):,} with an answer, {made.failed:,} without")
    if made.failed:
        table(("status", "rows", "for example"), made.examples(), right=(1,))
    shown = [
        (total["column"], _amount(total["value"]), total["unit"], total["basis"], f"{total['rows']:,}")
        for total in made.totals
    ]
    if shown:
        table(("total", "value", "unit", "basis", "rows"), shown, right=(1, 4))
    if any(total["outside_totals"] for total in made.totals):
        typer.echo("biogenic CO2 stays outside every total of emissions")
    warnings = made.certificate.content["warnings"]
    for warning in warnings[:SHOWN]:
        typer.echo(f"warning: {warning}")
    if len(warnings) > SHOWN:
        typer.echo(f"{len(warnings) - SHOWN} more warnings stand in the certificate")
    typer.echo(f"root {made.certificate.root}")
    typer.echo(f"certificate {made.certificate.digest}")


def _amount(text: str | None) -> str:
    return "more than 38 digits" if text is None else text


def _restated(made: Restatement, threshold: Decimal | None) -> None:
    content = made.content
    causes = content["causes"]
    typer.echo(f"{made.run.results}: restated for {', '.join(cause.replace('_', ' ') for cause in causes)}")
    table(
        ("output", "before", "after", "difference", "percent", *causes, "unattributed", "unit"),
        [
            (
                line.name,
                digits(line.before),
                digits(line.after),
                digits(line.difference),
                "" if line.percent is None else digits(line.percent),
                *(digits(line.parts[cause]) for cause in causes),
                digits(line.unattributed),
                line.unit,
            )
            for line in made.lines
        ],
        right=tuple(range(1, 6 + len(causes))),
    )
    typer.echo(f"method: {content['method']['text']}")
    apart = sum(line.unattributed_rows for line in made.lines)
    if apart:
        typer.echo("unattributed: rows that have no answer under one of the combinations; the attribution names them")
    base = content["base_year"]
    if threshold is not None:
        moved = (
            f"moved by {digits(threshold)} % or more: {', '.join(base['moved'])}" if base["moved"] else "no total moved"
        )
        said = "must be recalculated" if base["recalculate"] else f"stands: below {digits(threshold)} %"
        typer.echo(f"the base year {said} ({moved}; {base['standard']})")
        if base["note"]:
            typer.echo(f"note: {base['note']}")
    typer.echo(f"attribution of each row in {made.attribution}, totals in {made.path}")
    typer.echo(f"certificate {made.run.certificate.digest}")
