"""`greenlang template`: the templates of specs.

Belongs here: options, what people read. Does not belong here: filling and proving (``greenlang.catalogue``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenlang.cli.app import NEGATIVE, not_found
from greenlang.cli.registry import AsJson
from greenlang.cli.remote import connected, server_of
from greenlang.cli.show import as_json, facts, table
from greenlang.errors import TemplateError

if TYPE_CHECKING:
    from greenlang.catalogue.template import Template
    from greenlang.client import Document

app = typer.Typer(help="Templates of specs.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of a template (`greenlang template list`), or a template file.")
]
Out = Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write here; default: print.")]
_FILES = (".yaml", ".yml")


@app.command("list")
def list_(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="Words that it must hold.")] = None,
    *,
    domain: Annotated[str, typer.Option(help="A domain of the catalogue, such as Industrial.")] = "",
    subdomain: Annotated[str, typer.Option(help="A subdomain, such as 'Steam & Boilers'.")] = "",
    category: Annotated[str, typer.Option(help="A category that it serves, such as Calculator.")] = "",
    json: AsJson = False,
) -> None:
    """The templates. Exits 1 if there is none."""
    from greenlang.catalogue.manager import TemplateManager

    text = " ".join(words or ())
    found: list[Document]
    if server_of(context):
        from greenlang.client import factory

        with connected(context) as client:
            found = client.every(factory.templates(text, domain=domain, category=category))
    else:
        known = TemplateManager().list_templates(text=text, domain=domain, subdomain=subdomain, category=category)
        found = sorted(map(_line, known), key=lambda line: str(line["name"]))
    if json:
        as_json(found)
    elif found:
        rows = [(t["name"], t["domain"], ", ".join(t["subdomains"]), t["title"]) for t in found]
        table(("template", "domain", "subdomains", "title"), rows)
        typer.echo(f"{len(found)} templates; `greenlang template show NAME` gives one in full")
    if not found:
        raise not_found("no template fits; `greenlang template list` lists all")


@app.command()
def show(context: typer.Context, name: Name, json: AsJson = False) -> None:
    """One template: for whom it is, what it serves, its inputs and outputs, what regions and sectors change."""
    if server_of(context) and not name.endswith(_FILES):
        from greenlang.client import factory

        with connected(context) as client:
            told = client.send(factory.template(name))
        template = _read(told["text"].encode(), Path(f"{told['name']}.yaml"), name)
    else:
        template = _template(name)
    if json:
        as_json(_row(template))
        return
    declared, compute = template.declared, template.declared.spec.compute
    facts(
        [
            ("template", f"{declared.name} {declared.version}"),
            ("title", declared.title),
            ("for whom", declared.for_whom),
            ("domain", f"{declared.domain}: {', '.join(declared.subdomains)}"),
            ("computes", " ".join(declared.spec.summary.split())),
        ]
    )
    table(("serves", "what it gives"), list(declared.serves.items()))
    table(
        ("input", "unit", "range", "default", "meaning"),
        [
            (n, i.get("unit", i.get("dtype")), _range(i), i.get("default"), i.get("description"))
            for n, i in _declared(compute, "inputs").items()
        ],
    )
    table(
        ("output", "unit", "formula", "meaning"),
        [
            (
                n,
                o.get("unit", o.get("dtype")),
                _formula(_declared(compute, "formulas").get(n, "")),
                o.get("description"),
            )
            for n, o in _declared(compute, "outputs").items()
        ],
    )
    table(("region or sector", "what it changes"), [*_changes(template)])
    for source in declared.sources:
        typer.echo(f"source: {source}")


@app.command()
def create(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE.yaml", help="A template to make a spec from; or the file of a new template."),
    ],
    *,
    out: Out = None,
    agent: Annotated[str, typer.Option("--name", help="What the agent is called; its id is made from it.")] = "",
    region: Annotated[str, typer.Option(help="A region of the catalogue, such as UK.")] = "",
    sector: Annotated[str, typer.Option(help="A sector of the template's domain, such as Steel.")] = "",
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="INPUT.KEY=VALUE", help="Another default, ge, le, enum of an input. Repeat for more."
        ),
    ] = None,
) -> None:
    """A spec from a template, ready for `greenlang agent create`; with FILE.yaml, a new template to go on writing."""
    from greenlang.catalogue.manager import TemplateManager, filled_text
    from greenlang.catalogue.parameters import of_words
    from greenlang.specs.diagnostics import has_errors
    from greenlang.specs.reader import read

    if name.endswith(_FILES):
        if out or agent or region or sector or change:
            raise TemplateError(f"{name} becomes a new template: options are for a spec from a template by its name")
        _create_template(Path(name))
        return
    template = TemplateManager().get_template(name)
    inputs = of_words(change or (), template.declared.spec.compute["inputs"])
    text = filled_text(template, name=agent, region=region, sector=sector, inputs=inputs)
    _, findings = read(text.encode(), out.name if out else name)
    for finding in findings:
        typer.echo(finding.text(out.name if out else name), err=True)
    if has_errors(findings):
        raise typer.Exit(NEGATIVE)
    _write(text, out)


@app.command()
def validate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Template files, or folders of them; default: those that come with GreenLang.",
            exists=True,
        ),
    ] = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Each sector in one region only.")] = False,
    json: AsJson = False,
) -> None:
    """Check templates: form, words, every region and sector resolved and proved on the embedded factors.

    Every finding has its place and mend; exits 1 if there is one.
    """
    from greenlang.catalogue.manager import TemplateManager
    from greenlang.catalogue.proof import check_files
    from greenlang.factors.table import FactorTable
    from greenlang.formulas.library import library

    paths = [path for given in files for path in _files(given)] if files else TemplateManager().files()
    if not paths:
        raise not_found("there is no *.yaml in the folder")
    good, rows = True, []
    for checked in check_files(paths, FactorTable.load(), library(), every=not quick):
        good &= checked.good
        rows.append(
            {
                "file": str(checked.file),
                "name": checked.template.name if checked.template else None,
                "valid": checked.good,
                "regions": checked.served,
                "specs": checked.variants,
                "diagnostics": [f.as_dict() for f in checked.findings],
            }
        )
        if json:
            continue
        for finding in checked.findings:
            typer.echo(finding.text(str(checked.file)))
        if checked.good and checked.template is not None:
            typer.echo(
                f"{checked.file}: {checked.template.name} is valid; {checked.served} regions served, "
                f"{checked.variants} specs resolved and proved"
            )
    if json:
        as_json(rows)
    if not good:
        raise typer.Exit(NEGATIVE)


@app.command("new-spec")
def new_spec(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="A template to start from; default: an empty spec.")
    ] = "",
    *,
    out: Out = None,
    agent: Annotated[
        str, typer.Option("--id", help="Agent id, such as industrial/my_boiler_v1; asked for if left out.")
    ] = "",
    title: Annotated[str, typer.Option(help="What people read; asked for if left out.")] = "",
    summary: Annotated[str, typer.Option(help="One sentence, without a template; asked for if left out.")] = "",
    region: Annotated[str, typer.Option(help="A region of the catalogue, with a template.")] = "",
    sector: Annotated[str, typer.Option(help="A sector of the catalogue, with a template.")] = "",
) -> None:
    """A spec to go on writing, with comments that say what each part is for. Asks for what is not given."""
    from greenlang.catalogue.manager import filled_text
    from greenlang.catalogue.newspec import blank, commented

    template = _template(name) if name else None
    if template is None and (region or sector):
        raise TemplateError("--region and --sector change a template: give its name")
    if template is not None and summary:
        raise TemplateError("--summary is for an empty spec: that of the template says what its formulas compute")
    agent = agent or typer.prompt("Agent id (lower case, domain/name)", default="industrial/my_agent_v1", err=True)
    title = title or typer.prompt("Title", default="My Agent", err=True)
    if template is not None:
        text = commented(filled_text(template, name=agent, region=region, sector=sector), title)
    else:
        summary = summary or typer.prompt("Summary, one sentence", default="Computes what it is for.", err=True)
        text = blank(agent, title, summary)
    _write(text, out)


def _files(given: Path) -> list[Path]:
    """A file, or the templates of a folder: below the folders of the domains if there are any, else in it."""
    from greenlang.catalogue.manager import TemplateManager

    return (TemplateManager(given).files() or sorted(given.glob("*.yaml"))) if given.is_dir() else [given]


def _template(name: str) -> Template:
    """The template of a name or of a file; says what is wrong with a file, and exits."""
    from greenlang.catalogue.manager import TemplateManager

    if not name.endswith(_FILES):
        return TemplateManager().get_template(name)
    path = Path(name)
    if not path.is_file():
        raise not_found(f"there is no file {name}; `greenlang template create {name}` starts one")
    return _read(path.read_bytes(), path.resolve(), name)


def _read(data: bytes, path: Path, name: str) -> Template:
    from greenlang.catalogue.reading import read

    template, findings = read(data, path)
    for finding in findings:
        typer.echo(finding.text(name), err=True)
    if template is None or findings:
        raise typer.Exit(NEGATIVE)
    return template


def _create_template(path: Path) -> None:
    from greenlang.catalogue.newspec import blank_template
    from greenlang.catalogue.reading import NAME
    from greenlang.catalogue.vocabulary import vocabulary

    if path.exists():
        raise TemplateError(f"{path} stands already; `greenlang template validate {path}` checks it")
    name = path.name.partition(".")[0]
    if not NAME.match(name):
        raise TemplateError(
            f"`{name}` is no name of a template: lower-case words joined by -, such as small-motor.yaml"
        )
    domains = vocabulary().domains.values()
    domain = next((d for d in domains if d.folder == path.resolve().parent.name), next(iter(domains)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(blank_template(name, domain.name, domain.subdomains[0]), encoding="utf-8")
    typer.echo(f"{path}: written; `greenlang template validate {path}` checks it")
    typer.echo(f"`greenlang template new-spec {path}` makes a spec from it")


def _declared(compute: dict[str, Any], section: str) -> dict[str, Any]:
    found = compute.get(section)
    return found if isinstance(found, dict) else {}


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists():
        raise TemplateError(f"{out} stands already and is not overwritten: remove it, or write elsewhere by -o")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    typer.echo(f"{out}: written; `greenlang agent validate {out}` checks it")


def _range(declared: dict[str, Any]) -> str:
    if declared.get("enum"):
        return ", ".join(map(str, declared["enum"]))
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    return " ".join(f"{word} {declared[key]}" for key, word in words.items() if declared.get(key) is not None)


def _formula(given: Any) -> str:
    if isinstance(given, dict):
        return str(given.get("formula") or given.get("expression") or "")
    return " ".join(str(given).split()) or "by a property"


def _changes(template: Template) -> list[tuple[str, str]]:
    rows = []
    for name, change in [*template.regions.items(), *template.declared.sectors.items()]:
        said = [
            f"not served: {change.refuse}" if change.refuse else "",
            *(f"{alias} is {ref}" for alias, ref in change.factors.items()),
            *(f"{alias} by {c.input}: {', '.join(c.values)}" for alias, c in change.choose.items()),
            f"GWP set {change.gwp_set}" if change.gwp_set else "",
            *(f"{n}: {', '.join(f'{k} {v}' for k, v in new.items())}" for n, new in change.inputs.items()),
            change.note,
        ]
        rows.append(("all others" if name == "*" else name, "; ".join(filter(None, said)) or "served as it stands"))
    return rows


def _line(template: Template) -> Document:
    """A template in a line; ``tenant`` is that of one that was registered."""
    names = ("name", "title", "domain", "subdomains", "version")
    said = {name: getattr(template.declared, name) for name in names}
    return {**said, "categories": list(template.declared.serves), "digest": template.digest, "tenant": ""}


def _row(template: Template) -> dict[str, Any]:
    from greenlang.catalogue.proof import regions_served

    declared = template.declared
    return {
        "name": declared.name,
        "version": declared.version,
        "title": declared.title,
        "for_whom": declared.for_whom,
        "domain": declared.domain,
        "subdomains": declared.subdomains,
        "serves": declared.serves,
        "regions": regions_served(template),
        "sectors": {name: change.model_dump(exclude_defaults=True) for name, change in declared.sectors.items()},
        "spec": declared.spec.model_dump(exclude_defaults=True),
        "sources": declared.sources,
        "digest": template.digest,
    }
