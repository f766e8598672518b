"""`greenlang quality`: the twelve dimensions, the report on an agent, a pack judged now."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from greenlang.cli.app import INFRASTRUCTURE, NEGATIVE, built_settings, not_found, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json as print_json
from greenlang.cli.show import facts, table

if TYPE_CHECKING:
    from greenlang.factory.source import SpecSource
    from greenlang.factory.validators import QualityResult
    from greenlang.quality.report import QualityReport
    from greenlang.settings import Settings

app = typer.Typer(help="The twelve dimensions, the report on an agent, a pack judged now.", no_args_is_help=True)
SHOWN = 12  # next steps in the terminal
LONGEST = 240  # characters of a reason
_NO_REPORT = "there is no quality report on {}; `greenlang quality validate PACK` judges a pack now"
OSV_FILE = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"


Form = Literal["table", "html", "json", "sarif"]
Html = Annotated[bool, typer.Option("--html", help="The whole report as a page.")]
Sarif = Annotated[bool, typer.Option("--sarif", help="The findings as SARIF 2.1.0.")]


@app.command()
def dimensions(context: typer.Context, json: AsJson = False) -> None:
    """The twelve dimensions: threshold, weight, measures, and at which figure each is met."""
    from greenlang.quality.dimensions import DIMENSIONS
    from greenlang.quality.report.steps import aim

    if json:
        names = ("name", "what", "how", "evidence", "must", "unit", "threshold")
        heads = ("name", "title", "threshold", "weight", "required")
        print_json(
            [
                {n: getattr(d, n) for n in heads}
                | {"measures": [{n: getattr(m, n) for n in names} for m in d.measures]}
                for d in DIMENSIONS
            ]
        )
        return
    rows = [
        (
            d.title if first else "",
            f"{d.threshold:g}" if first else "",
            f"{d.weight:g}" if first else "",
            ("yes" if d.required else "no") if first else "",
            m.name,
            "must" if m.must else "score",
            aim(m),
        )
        for d in DIMENSIONS
        for first, m in ((n == 0, m) for n, m in enumerate(d.measures))
    ]
    table(("dimension", "least", "weight", "required", "measure", "for", "met at"), rows, right=(1, 2))


@app.command()
def repairs(context: typer.Context, json: AsJson = False) -> None:
    """What each rung of the repair ladder yields and costs, over every build (the view `repair_rungs`)."""
    from greenlang.metrics.query import query

    found = query(
        built_settings(context),
        "SELECT * REPLACE (round(seconds, 1) AS seconds) FROM repair_rungs"
        " ORDER BY list_position(['mechanical', 'template', 'overlay', 'code'], rung), error_class NULLS FIRST",
    )
    if json:
        print_json(found.as_dicts())
    elif found.rows:
        table(found.columns, [["" if cell is None else cell for cell in row] for row in found.rows], right=range(2, 9))
    else:
        typer.echo("no agent needed a repair yet")


@app.command()
def report(
    context: typer.Context,
    agent: Annotated[
        str,
        typer.Argument(
            metavar="AGENT", help="agent_id, agent_id@version, the key of a build, or the folder of a pack in var."
        ),
    ],
    *,
    html: Html = False,
    json: AsJson = False,
    sarif: Sarif = False,
    open_path: Annotated[bool, typer.Option("--open-path", help="Only the path of the page.")] = False,
) -> None:
    """The quality report that the factory wrote about an agent. Exits 1 if there is none."""
    from greenlang.factory.reporting import PAGE

    chosen = _form(html=html, json=json, sarif=sarif)
    if server_of(context):
        show_report(written_report(context, agent), chosen)
        return
    folder = _reported(built_settings(context), agent)
    if open_path:
        typer.echo(folder / PAGE)
        return
    show_report(written_report(context, agent), chosen)
    if chosen == "table":
        typer.echo(f"page: {folder / PAGE}")


@app.command()
def validate(
    context: typer.Context,
    pack: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The folder of a pack.")],
    *,
    spec: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Its spec; without, the accepted one that the pack names."),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The overlay of that spec, if it has one.")
    ] = None,
    html: Html = False,
    json: AsJson = False,
    sarif: Sarif = False,
) -> None:
    """Judge a pack as it lies on disk now, in the sandbox. Exits 0 if it passed, 1 if it failed."""
    from greenlang.factory.validators import QualityValidator

    found = settings(context)
    typer.echo(f"judging {pack.name}: its tests twice, its mutants, its answers; some seconds up to a minute", err=True)
    with QualityValidator(found) as validator:
        result = validator.validate_12_dimensions(agent_code=pack, spec=_spec(found, pack, spec, overlay))
    if result.report is None:
        for error in result.errors:
            typer.echo(error, err=True)
        raise typer.Exit(NEGATIVE)
    show_report(result.report, _form(html=html, json=json, sarif=sarif))
    if changed := _changed(pack):
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        typer.echo(f"not as it was certified: {changed[0]}{more}; `greenlang agent verify {pack}` names all", err=True)
    raise typer.Exit(_code(result))


@app.command()
def advisories(
    context: typer.Context,
    *,
    most: Annotated[int, typer.Option("--max-age", min=1, help="Days after which the file counts as old.")] = 30,
    json: AsJson = False,
) -> None:
    """Whether the file of known vulnerabilities (GREENLANG_ADVISORIES) is there and fresh. Exits 1 if it is not."""
    from greenlang.quality.advisories import age, load

    path = settings(context).advisories
    if path is None:
        raise not_found("no advisories are given: GREENLANG_ADVISORIES names none, and no dependency audit runs")
    found = load(path)
    days = age(found, datetime.now(UTC).date())
    fresh = days is not None and days <= most
    told = {
        "file": str(path),
        "advisories": found.count,
        "distributions": len(found.affected),
        "newest": found.newest,
        "days": days,
        "fresh": fresh,
    }
    if json:
        print_json(told)
    else:
        facts([(name, value) for name, value in told.items() if name != "fresh" and value is not None])
    if not fresh:
        said = "say not when they were modified" if days is None else f"are {days} days old"
        typer.echo(f"these advisories {said}: take a new {OSV_FILE}", err=True)
        raise typer.Exit(NEGATIVE)


def _changed(pack: Path) -> list[str]:
    """What differs between a pack and its certificate; nothing where it has none."""
    from greenlang.provenance import CERTIFICATE, PackCertificate

    try:
        return PackCertificate.load(pack).verify(pack)
    except FileNotFoundError:
        return []
    except ValueError as error:
        return [f"{CERTIFICATE}: {error}"]


def _code(result: QualityResult) -> int:
    if result.report is not None and result.report.mishap:
        return INFRASTRUCTURE
    return 0 if result.passed else NEGATIVE


def _form(*, html: bool, json: bool, sarif: bool) -> Form:
    if html + json + sarif > 1:
        raise typer.BadParameter("one form at a time: --html, --json or --sarif")
    return "html" if html else "json" if json else "sarif" if sarif else "table"


def show_report(made: QualityReport, form: Form) -> None:
    """Print a report in one of its forms."""
    from greenlang.quality import report as forms

    match form:
        case "html":
            typer.echo(forms.html(made))
        case "json":
            typer.echo(forms.as_json(made))
        case "sarif":
            typer.echo(json.dumps(forms.sarif(made), indent=2, ensure_ascii=False))
        case "table":
            _show(made)


def written_report(context: typer.Context, agent: str) -> QualityReport:
    """The report that the factory wrote about an agent, a build or a pack; says why there is none, and exits."""
    from greenlang.client import factory
    from greenlang.factory.reporting import JSON
    from greenlang.quality.report import from_json

    if server_of(context):
        with connected(context) as client:
            return from_json(client.send(factory.report(agent)))
    return from_json((_reported(built_settings(context), agent) / JSON).read_bytes())


def judged_again(found: Settings, pack: Path) -> QualityReport:
    """A pack judged now, against its accepted spec; prints why it cannot be, and exits."""
    from greenlang.factory.validators import QualityValidator

    typer.echo(f"judging {pack.name}: its tests twice, its mutants, its answers; some seconds up to a minute", err=True)
    with QualityValidator(found) as validator:
        result = validator.validate_12_dimensions(agent_code=pack, spec=_spec(found, pack, None, None))
    if result.report is None:
        for error in result.errors:
            typer.echo(error, err=True)
        raise typer.Exit(NEGATIVE)
    return result.report


def _reported(found: Settings, agent: str) -> Path:
    folder = _folder(found, agent)
    if folder is None:
        raise not_found(_unjudged(found, agent))
    return folder


def _show(made: QualityReport) -> None:
    """Verdict, score, the twelve dimensions and what to do next. Foreign text must not steer the terminal."""
    from greenlang.pages import clean, figure
    from greenlang.quality.report import steps
    from greenlang.quality.report.page import verdict_sentences

    typer.echo(f"{clean(made.name or made.agent_id)} {clean(made.version)}: {made.result}")
    for sentence in verdict_sentences(made):
        typer.echo(_short(sentence))
    table(
        ("dimension", "required", "result", "score", "least", "why"),
        [
            (
                clean(d.title),
                "yes" if d.required else "no",
                d.status.replace("_", " "),
                "" if d.score is None else figure(d.score),
                figure(d.threshold),
                _short(clean(d.reason)),
            )
            for d in made.dimensions
        ],
        right=(3, 4),
    )
    mutants = [m for m in made.mutants if m not in made.controls]
    ran = [m for m in mutants if m.outcome != "not run"]
    noticed = sum(m.outcome != "survived" for m in ran)
    facts(
        [
            ("score", f"{figure(made.score)} of 100"),
            ("tests", f"{sum(t.outcome == 'passed' for t in made.tests)} of {len(made.tests)} passed"),
            ("coverage", f"{figure(made.coverage.percent)} %" if made.coverage else ""),
            ("mutants", (f"{noticed} of {len(ran)} noticed" if ran else "not run") if mutants else ""),
            ("differences", len(made.differences) or ""),
            ("sandbox", made.profile.name if made.profile else ""),
        ]
    )
    found = steps(made)
    for number, step in enumerate(found[:SHOWN], 1):
        where = f" ({', '.join(step.places[:3])})" if step.places else ""
        typer.echo(_short(clean(f"{number}. {'blocks: ' if step.blocking else ''}{step.text}{where}")))
    if len(found) > SHOWN:
        typer.echo(f"and {len(found) - SHOWN} more in the report")


def _short(text: str) -> str:
    """A reason as the terminal shows it; the report has the whole."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _folder(found: Settings, agent: str) -> Path | None:
    """The folder of the report on an agent, the newest where several builds have one."""
    from greenlang.factory.reporting import JSON, folder_of
    from greenlang.specs.model import slug

    reports = found.var / "reports"
    pack = Path(agent).absolute()
    exact = reports / pack.name if pack.is_dir() and pack.parent == found.packs else found.var / folder_of(agent)
    if (exact / JSON).is_file():
        return exact
    agent_id, _, version = agent.partition("@")
    head = slug(f"{agent_id}@{version}-" if version else f"{agent_id}@")
    matching = [path for path in reports.glob("*") if path.name.startswith(head) and (path / JSON).is_file()]
    return max(matching, key=lambda path: (path / JSON).stat().st_mtime_ns, default=None)


def _unjudged(found: Settings, agent: str) -> str:
    """Why there is no report: nobody knows the agent, or its spec never became a pack."""
    from greenlang.metrics.query import query
    from greenlang.pages import clean

    agent_id, _, version = agent.partition("@")
    if not found.var.is_dir():
        return _NO_REPORT.format(agent)
    known = query(
        found,
        "SELECT agent_id, version, outcome, reason FROM agents WHERE partition = $key OR"
        " (agent_id = $id AND ($version = '' OR version = $version)) ORDER BY finished_at DESC LIMIT 1",
        {"key": agent, "id": agent_id, "version": version},
    )
    if not known.rows:
        return _NO_REPORT.format(agent)
    name, number, outcome, reason = known.rows[0]
    told = f"{name} {number} has no quality report: it is {outcome}: {reason or 'nothing was judged'}"
    return clean(f"{told}; why stands in {found.bucket_address}, in reports or rejected")


def _spec(found: Settings, pack: Path, spec: Path | None, overlay: Path | None) -> SpecSource:
    """The spec that the pack is judged against. Raises PackError where it cannot be found."""
    import yaml

    from greenlang.bucket import Bucket
    from greenlang.errors import PackError
    from greenlang.factory.inbox.shelf import read_accepted
    from greenlang.factory.source import SpecSource
    from greenlang.factory.validators import MANIFEST

    if spec is not None:
        beside = overlay.read_bytes() if overlay else None
        return SpecSource(spec.name, spec.read_bytes(), beside, overlay.name if overlay else "")
    if not (pack / MANIFEST).is_file():
        raise PackError(f"{pack} holds no {MANIFEST}: name a pack, or the spec of bare code by --spec")
    try:
        if found.bucket is None and not Path(found.bucket_address).is_dir():
            raise FileNotFoundError(found.bucket_address)  # looking must not make one
        manifest = yaml.safe_load((pack / MANIFEST).read_bytes())
        key = f"{manifest['id']}@{manifest['version']}-{manifest['resolved_from']['sha256'][:8]}"
        return read_accepted(Bucket.open(found.bucket_address), key)
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise PackError(
            f"the spec of {pack} is not among the accepted ones in {found.bucket_address}: name it by --spec"
        ) from error
