"""`greenlang policy`: what decides about promotions.

Belongs here: the commands. Does not belong here: criteria and decisions (`greenlang.registry.policy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenlang.cli.app import NEGATIVE
from greenlang.cli.governed import DryRun, TenantOption
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import ask, every
from greenlang.cli.show import as_json, facts, table
from greenlang.errors import PolicyError

if TYPE_CHECKING:
    from greenlang.client import Client, Document
    from greenlang.registry import Registry
    from greenlang.registry.policy import Policy

app = typer.Typer(help="Promotion policies: what a build needs for each step up.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="POLICY", help="A name as v1, or a file with .yaml.")]


@app.command("list")
def list_(context: typer.Context, *, tenant: TenantOption = None, json: AsJson = False) -> None:
    """The policies that come with greenlang, and those that were ever in force."""
    from greenlang.client import lives
    from greenlang.registry.tenant_policies import Policies

    def here(registry: Registry) -> list[Document]:
        known = Policies(registry)
        chosen = known.in_force().digest
        names = ("name", "about", "digest")
        return [{**{n: getattr(p, n) for n in names}, "in_force": p.digest == chosen} for p in known.all()]

    policies = ask(context, tenant, here, every(lives.policies()))
    rows = [(p["name"], "in force" if p["in_force"] else "", p["about"], p["digest"]) for p in policies]
    if json:
        as_json([dict(zip(("name", "standing", "about", "digest"), row, strict=True)) for row in rows])
        return
    table(("name", "", "about", "digest"), [(*row[:3], row[3][:12]) for row in rows])


@app.command()
def show(context: typer.Context, name: Name = "", *, tenant: TenantOption = None, json: AsJson = False) -> None:
    """One policy with every criterion; without a name the one in force."""
    from greenlang.client import lives
    from greenlang.registry.policy import Policy
    from greenlang.registry.policy_file import parse
    from greenlang.registry.tenant_policies import Policies

    def here(registry: Registry) -> Policy:
        known = Policies(registry)
        return known.find(name) if name else known.in_force()

    def there(client: Client) -> Policy:
        asked = name or next(p["name"] for p in client.send(lives.policies()) if p["in_force"])
        return Policy.model_validate(client.send(lives.policy(asked))["policy"])

    policy = parse(_text(Path(name)), name) if _is_file(name) else ask(context, tenant, here, there)
    if json:
        as_json({**policy.model_dump(mode="json"), "digest": policy.digest})
        return
    facts([("name", policy.name), ("about", policy.about), ("digest", policy.digest)])
    for to, criteria in policy.promotions.items():
        typer.echo(f"\nto {to}")
        facts((key, _words(value)) for key, value in criteria.model_dump(mode="json", exclude_defaults=True).items())
    for to, track in policy.fast_track.items():
        typer.echo(f"\nfast track to {to}")
        facts((key, _words(value)) for key, value in track.model_dump(mode="json").items())
    if policy.superseded_gwp_sets:
        typer.echo("\nsuperseded GWP sets")
        facts(policy.superseded_gwp_sets.items())


@app.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A policy as YAML.")], json: AsJson = False
) -> None:
    """Every mistake in a policy file, with place and mend. Exits 1 if there is one."""
    from greenlang.registry.policy_file import check as check_text

    policy, findings = check_text(_text(file), str(file))
    told = [finding.as_dict() for finding in findings]
    show_placed(told, json=json, good=f"{policy.name} can be used, digest {policy.digest}" if policy else "")


@app.command()
def use(
    context: typer.Context, name: Name, *, tenant: TenantOption = None, dry_run: DryRun = False, json: AsJson = False
) -> None:
    """Put a policy in force for a tenant. Nothing changes its state by that; `policy diff` says what would differ."""
    from greenlang.client import lives
    from greenlang.registry.tenant_policies import Policies

    text = _text(Path(name)) if _is_file(name) else ""

    def here(registry: Registry) -> Document:
        known = Policies(registry)
        policy = known.use(text or known.text(name), dry_run=dry_run)
        return {"name": policy.name, "digest": policy.digest}

    called = "" if text else name
    policy = ask(context, tenant, here, lives.use_policy(name=called, text=text, dry_run=dry_run))
    if json:
        as_json({"name": policy["name"], "digest": policy["digest"], "taken": not dry_run})
    else:
        typer.echo(f"{'would be ' if dry_run else ''}in force: {policy['name']}, digest {policy['digest']}")
        typer.echo("`greenlang registry decay` brings the flags of superseded GWP sets in line with it")


@app.command()
def diff(context: typer.Context, old: Name, new: Name, *, tenant: TenantOption = None, json: AsJson = False) -> None:
    """Whose state would be another under NEW than under OLD, and why, by the evidence that was signed.

    Also who would be ready for the next step under one of them alone, by today's evidence. Exits 1 if there is any.
    """
    from greenlang.client import lives
    from greenlang.registry.policy_file import parse
    from greenlang.registry.tenant_policies import Policies

    texts = {name: _text(Path(name)) for name in (old, new) if _is_file(name)}

    def here(registry: Registry) -> list[Document]:
        known = Policies(registry)
        first, second = (parse(texts[name], name) if name in texts else known.find(name) for name in (old, new))
        return [change.as_dict() for change in known.compare(first, second)]

    asked = lives.compare_policies(old=old, old_text=texts.get(old, ""), new=new, new_text=texts.get(new, ""))
    changes = ask(context, tenant, here, every(asked))
    if json:
        as_json(changes)
    elif changes:
        rows = [
            (
                c["ref"],
                c["before"],
                c["after"],
                "; ".join(f"{w['name']}: {w['found']}, wanted {w['wanted']}" for w in c["why"]),
            )
            for c in changes
        ]
        table(("build", f"under {old}", f"under {new}", "why"), rows)
    else:
        typer.echo(f"{old} and {new} decide alike about every build")
    if changes:
        raise typer.Exit(NEGATIVE)


def show_placed(findings: Sequence[Document], *, json: bool, good: str) -> None:
    """Print findings with their places, or ``good`` where there are none. Exits 1 for findings."""
    if json:
        as_json(findings)
    elif findings:
        rows = [tuple(one[name] for name in ("place", "rule", "message", "mend")) for one in findings]
        table(("where", "rule", "what", "mend"), rows)
    else:
        typer.echo(good)
    if findings:
        raise typer.Exit(NEGATIVE)


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{file} cannot be read: {error}") from error


def _words(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
