"""`greenlang llm`: language models: what is set up, what was recorded, what it cost, what they propose.

Belongs here: the commands. Does not belong here: asking (``greenlang.llm``), checking what a model proposes
(``greenlang.quality.repair``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.agent_spec import SpecFile
from greenlang.cli.app import NEGATIVE, built_settings, settings
from greenlang.cli.registry import AsJson
from greenlang.cli.show import as_json, facts, table

if TYPE_CHECKING:
    from greenlang.factory.source import SpecSource
    from greenlang.llm.ask import Disclosure, NoAnswer
    from greenlang.resolution.plan import Resolution

app = typer.Typer(help="Language models: providers, recorded replies, costs, proposals.", no_args_is_help=True)
cassettes = typer.Typer(help="The recorded replies.", no_args_is_help=True)
app.add_typer(cassettes, name="cassettes")

Replace = Annotated[bool, typer.Option("--replace", help="Take the reply that comes where another is recorded.")]


@app.command()
def status(context: typer.Context, json: AsJson = False) -> None:
    """The mode, the providers in their order, which have a key, how many replies are recorded. Calls nobody."""
    from greenlang.llm.cassettes import Cassettes
    from greenlang.llm.config import environment, load

    chosen = settings(context)
    config = load(chosen)
    rows = [
        {
            "provider": p.name,
            "models": ", ".join(p.models),
            "endpoint": p.base_url,
            "key": ("none needed" if p.api_key_env is None else "set" if p.key(environment()) else "not set"),
            "key_from": p.api_key_env or "",
            "weight": p.weight,
            "requests_per_minute": p.requests_per_minute,
            "tokens_per_minute": p.tokens_per_minute,
            "max_concurrent": p.max_concurrent,
        }
        for p in config.providers
    ]
    recorded = len(Cassettes(chosen.cassettes).names())
    told = {
        "mode": chosen.llm,
        "strategy": config.strategy,
        "cassettes": str(chosen.cassettes),
        "recorded": recorded,
        "budget_usd": chosen.llm_budget_usd,
        "rounds": chosen.llm_rounds,
        "samples": chosen.llm_samples,
    }
    if json:
        as_json({**told, "providers": rows})
        return
    facts(list(told.items()))
    table(tuple(rows[0]) if rows else ("provider",), [tuple(row.values()) for row in rows])
    if not any(row["key"] != "not set" for row in rows):
        typer.echo("no provider has a key: whatever needs no model works; recorded replies still answer")


@app.command()
def usage(context: typer.Context, json: AsJson = False) -> None:
    """Calls, replays, tokens and US dollars by agent, stage, provider and model (the view `llm_usage`).

    `estimated_usd` is the part of `cost_usd` of which nobody said whether it was billed.
    """
    from greenlang.llm.usage import flush
    from greenlang.metrics.query import query

    chosen = built_settings(context)
    flush(chosen)
    found = query(
        chosen,
        "SELECT partition, stage, provider, model, count(*) FILTER (call <> 'replayed') AS calls,"
        " count(*) FILTER (call = 'replayed') AS replayed, count(*) FILTER (call NOT IN ('answered', 'replayed'))"
        " AS failed, sum(total_tokens)::BIGINT AS tokens, sum(cost_usd) AS cost_usd,"
        " coalesce(sum(cost_usd) FILTER (estimated), 0) AS estimated_usd FROM llm_usage"
        " GROUP BY ALL ORDER BY cost_usd DESC, partition, stage, provider, model",
    )
    if json:
        as_json(found.as_dicts())
    elif found.rows:
        table(found.columns, found.rows, right=range(4, 10))
    else:
        typer.echo("no model was asked yet")


@cassettes.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to write: one recorded reply a line (JSON), sorted.")],
) -> None:
    """Every recorded reply in one file. The same recordings give the same bytes."""
    from greenlang.llm.cassettes import Cassettes

    count = Cassettes(settings(context).cassettes).export(file)
    typer.echo(f"{count} recorded replies in {file}")


@cassettes.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file that `export` wrote.")],
    replace: Replace = False,
) -> None:
    """Recorded replies from a file; every digest is checked before the first one is stored."""
    from greenlang.llm.cassettes import Cassettes

    new, stood = Cassettes(settings(context).cassettes).take(file, replace=replace)
    typer.echo(f"{new} new, {stood} there already")


@cassettes.command()
def verify(context: typer.Context) -> None:
    """Whether every recorded reply is as it was recorded. Exits 1 and names what is not."""
    from greenlang.llm.cassettes import Cassettes

    store = Cassettes(settings(context).cassettes)
    findings = store.verify()
    for finding in findings:
        typer.echo(finding, err=True)
    if findings:
        raise typer.Exit(NEGATIVE)
    typer.echo(f"{len(store.names())} recorded replies are as they were recorded")


@app.command("propose-overlay")
def propose_overlay(
    context: typer.Context,
    spec: SpecFile,
    samples: Annotated[
        int | None,
        typer.Option("--samples", min=1, max=9, help="Ask so often; differing plans refuse. Default: the setting."),
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write; default: the terminal.")] = None,
) -> None:
    """An overlay for what an author states in prose, proposed by a model and checked by the resolver.

    It is a draft: `reviewed` is empty, and the factory refuses it until a person has read and signed it. Exits 1 if
    there is no proposal that stands, with the reason.
    """
    from tempfile import TemporaryDirectory

    from greenlang.cli.factors import factor_table
    from greenlang.formulas.library import library
    from greenlang.llm.gateway import Gateway
    from greenlang.quality.repair.outcome import RepairRequest
    from greenlang.quality.repair.overlay import propose, resolver

    chosen, formulas, factors = settings(context), library(), factor_table(context)
    asks = samples or chosen.llm_samples
    source, resolution = _resolved(context, spec)
    if resolution.complete:
        typer.echo("every output has a plan; nothing is to be proposed", err=True)
        return
    with TemporaryDirectory() as folder, Gateway(chosen) as model:
        work = Path(folder)
        request = RepairRequest(resolution.spec.partition, "", resolution, work, work, source=source, samples=asks)
        asked = propose(request, model, resolver(source, factors, formulas, chosen.max_spec_bytes))
    if asked.proposal is None:
        raise _none(asked.reason, asked.no_answer)
    _told(asked.proposal.disclosure)
    if asked.proposal.stability is not None:
        typer.echo(f"  {asked.proposal.stability:.0%} of {asks} samples stand and give the same figures", err=True)
    if out is None:
        typer.echo(asked.proposal.overlay.decode(), nl=False)
        return
    from greenlang.factors.storage import replace_file

    content = asked.proposal.overlay
    replace_file(out, lambda target: target.write_bytes(content))
    typer.echo(f"wrote {out}: read it, then sign it under `reviewed`")


@app.command()
def describe(
    context: typer.Context,
    spec: SpecFile,
    samples: Annotated[int, typer.Option("--samples", min=1, max=9, help="Ask so often; tells how many differ.")] = 1,
    json: AsJson = False,
) -> None:
    """A name and sentences for people, proposed by a model from a spec and its plan. Nothing is changed.

    Figures that stand neither in the spec nor in the tables are refused. Exits 1 if there is no proposal.
    """
    from greenlang.factory import whole
    from greenlang.llm.gateway import Gateway
    from greenlang.llm.naming import naming
    from greenlang.llm.stability import stability
    from greenlang.quality.repair.overlay import ports

    _, resolution = _resolved(context, spec)
    plan = [{"output": name, "formula": p.text} for name, p in whole.plans(resolution).items()]
    chosen = settings(context)
    with Gateway(chosen) as model:
        question = naming(
            spec=resolution.spec.raw,
            ports=ports(resolution),
            plan=plan,
            figures=[f.value for f in resolution.pinned if f.value is not None],
            agent=resolution.spec.partition,
        )
        done = stability(model, question, samples, folder=chosen.var / "llm" / "stability")
    measured = done.stability
    if not done.answers:
        raise _none("; ".join(measured.unanswered))
    answer = done.answers[0]
    _told(answer.disclosure)
    if samples > 1:  # texts for people: told, and nothing hangs on it
        typer.echo(f"  {measured.texts} different texts in {measured.answered} of {samples} samples", err=True)
    if json:
        as_json(answer.value.model_dump(mode="json"))
        return
    facts([("name", answer.value.title), ("summary", answer.value.summary)])
    for group in (answer.value.inputs, answer.value.outputs):
        facts(list(group.items()))


def _resolved(context: typer.Context, path: Path) -> tuple[SpecSource, Resolution]:
    """The spec with its overlay, resolved. Exits 1 for one that cannot be read."""
    from greenlang.cli.factors import factor_table
    from greenlang.factory.source import SpecSource
    from greenlang.formulas.library import library
    from greenlang.resolution.resolve import resolve
    from greenlang.specs.overlay import overlay_name

    beside = path.with_name(overlay_name(path.name))
    overlay = beside.read_bytes() if beside.is_file() else None
    source = SpecSource(path.name, path.read_bytes(), overlay, beside.name if overlay is not None else "")
    read, findings = source.read(settings(context).max_spec_bytes)
    if read is None:
        for finding in findings:
            typer.echo(finding.text(path.name), err=True)
        raise typer.Exit(NEGATIVE)
    return source, resolve(read, factor_table(context), library())


def _none(reason: str, why: NoAnswer | None = None) -> typer.Exit:
    typer.echo(f"greenlang: no proposal: {reason}", err=True)
    if why is not None and why.hint:
        typer.echo(f"  {why.hint}", err=True)
    return typer.Exit(NEGATIVE)


def _told(disclosure: Disclosure) -> None:
    """Who was asked, on the error stream."""
    how = "replayed" if disclosure.replayed else f"{disclosure.cost_usd:.4f} USD"
    typer.echo(f"proposed by {disclosure.provider} {disclosure.model} ({disclosure.prompt}), {how}", err=True)
    for name, why in disclosure.dropped.items():
        typer.echo(f"  {name} was dropped: {why}", err=True)
