"""Templates of specs, and registered agents to learn from (000, section 5; 001, layer 3).

Belongs here: thin handlers. Does not belong here: filling and proving templates (`greenlang.catalogue`), rows
(`greenlang.registry.templates`).
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from greenlang.api.naming import Ref, Text, build_named
from greenlang.api.paging import Page, pages
from greenlang.api.principal import Store, need
from greenlang.api.problems import Problem, documented
from greenlang.api.services import Services, Shared
from greenlang.api.specs import Finding
from greenlang.bucket import Bucket
from greenlang.catalogue.manager import TemplateManager
from greenlang.catalogue.proof import ALLOWED, prove
from greenlang.catalogue.reading import read
from greenlang.catalogue.template import Template
from greenlang.errors import BucketError, TemplateNotFound
from greenlang.factory.inbox.shelf import spec_path
from greenlang.formulas.library import library
from greenlang.registry import RegistryEntry, listing
from greenlang.registry.packs import homes, pack_of
from greenlang.registry.templates import Templates

router = APIRouter(prefix="/api/v1/factory", tags=["templates"])

MOST_TEXT = 500_000


class TemplateLine(BaseModel):
    """A template in a line. ``tenant`` is empty for one that comes with GreenLang."""

    name: str
    title: str
    domain: str
    subdomains: list[str] = []
    categories: list[str]
    version: str
    digest: str
    tenant: str = ""


class TemplateList(BaseModel):
    """Templates, by name."""

    templates: list[TemplateLine]
    next: str | None = Field(None, description="cursor of the next page")


class TemplateOut(BaseModel):
    """A template in full: its declaration, its text, and the golden cases as examples."""

    name: str
    tenant: str
    digest: str
    template: dict[str, Any]
    text: str
    examples: list[dict[str, Any]]


class TemplateIn(BaseModel):
    """A template to register. Its text says the name too; the two must be one."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=200)
    template: str = Field(max_length=MOST_TEXT, description="The template file, YAML.")
    category: Text = Field("", max_length=100)


class TemplateRegistered(BaseModel):
    """What was registered, with what the check of its region and cases remarked."""

    name: str
    digest: str
    created: bool = Field(description="false where these very bytes stood already")
    warnings: list[Finding]


class ReferenceLine(BaseModel):
    """A registered agent to learn from."""

    agent_id: str
    version: str
    name: str
    domain: str
    state: str
    score: float | None


class ReferenceList(BaseModel):
    """Registered agents, by id."""

    agents: list[ReferenceLine]
    categories: dict[str, int] = Field(description="domain -> registered agents, all of them")
    next: str | None = Field(None, description="cursor of the next page")


class ReferenceOut(BaseModel):
    """An agent's code, tests and spec, and how it was judged. Code is path -> text."""

    agent_id: str
    version: str
    code: dict[str, str]
    tests: dict[str, str]
    spec: str = Field(description="its spec as it was accepted; empty where it is not on this machine")
    metrics: dict[str, Any]


@router.get("/templates", dependencies=[need("read_catalogue")])
def templates(
    page: Annotated[Page, pages(100)],
    store: Store,
    text: Annotated[Text, Query(description="Starts of words that all stand in it.")] = "",
    domain: Text = "",
    category: Text = "",
) -> TemplateList:
    """Templates that come with GreenLang, and those that were registered. 422 for an unknown domain or category."""
    after = tuple(page.texts(2) or ("", ""))
    rows = Templates(store).all()
    of_tenants = category in {row.category for row in rows} and category not in _shipped().get_categories()
    shipped = () if of_tenants else _shipped().list_templates(text=text, domain=domain, category=category)
    found = [_line(one) for one in shipped]
    for row in rows:
        own = _read(row.text, row.name)
        line = _line(own, row.tenant, row.category)
        words = f"{own.name} {own.title} {own.declared.spec.summary}".lower().split()
        held = all(any(word.startswith(start) for word in words) for start in text.lower().split())
        if held and domain.lower() in ("", own.domain.lower()) and (not category or category in line.categories):
            found.append(line)
    rest = sorted((line for line in found if _place(line) > after), key=_place)
    shown, following = page.cut(rest, _place)
    return TemplateList(templates=shown, next=following)


@router.get("/templates/{name}", responses=documented(404), dependencies=[need("read_catalogue")])
def template(name: Annotated[str, InPath(max_length=200)], store: Store) -> TemplateOut:
    """One template; a registered one goes before one of GreenLang's of the same name."""
    for row in Templates(store).all():
        if row.name == name.replace("_", "-").lower():
            return _out(_read(row.text, row.name), row.tenant)
    try:
        return _out(_shipped().get_template(name))
    except TemplateNotFound as error:
        raise Problem(404, str(error)) from error


@router.post("/templates", status_code=201, dependencies=[need("modify_templates")])
def register(
    given: Annotated[TemplateIn, Body()], store: Store, services: Shared, response: Response
) -> TemplateRegistered:
    """Register a template, if it gives good specs in the first region that it serves. 422 carries every finding."""
    made, findings = read(given.template.encode(), Path(f"{given.name}.yaml"))
    if made is not None and not findings:
        findings, _ = prove(made, services.factors().table, library(), every=False)
    told = [Finding.of(finding) for finding in findings]
    wrong = [f for f, finding in zip(told, findings, strict=True) if finding.code not in ALLOWED]
    if made is None or wrong:
        raise Problem(
            422,
            f"the template cannot be used: {(wrong or told)[0].message}",
            kind="template-refused",
            diagnostics=[one.model_dump() for one in told],
        )
    created = Templates(store).add(made.name, given.category, made.digest, made.text)
    response.headers["Location"] = f"{router.prefix}/templates/{made.name}"
    return TemplateRegistered(name=made.name, digest=made.digest, created=created, warnings=told)


@router.get("/references", dependencies=[need("read_catalogue")])
def references(page: Annotated[Page, pages(50)], store: Store, domain: Text | None = None) -> ReferenceList:
    """Registered agents, by id, and how many of each domain there are in all."""
    found = listing.agents(store, after=page.text(), limit=page.limit + 1, domain=domain)
    shown, following = page.cut(found, lambda entry: [entry.agent_id])
    return ReferenceList(
        agents=[ReferenceLine.model_validate(entry, from_attributes=True) for entry in shown],
        categories=listing.domains(store),
        next=following,
    )


@router.get("/references/{agent_id:path}", responses=documented(404), dependencies=[need("read_catalogue")])
def reference(named: Ref, store: Store, services: Shared) -> ReferenceOut:
    """The code of the build in force, from its pack, of which each file must be as it was certified."""
    entry = build_named(store, named)
    pack = pack_of(entry, homes(services.settings, entry.tenant))
    files = [name for name in sorted(pack.files) if name.endswith(".py")]
    return ReferenceOut(
        agent_id=entry.agent_id,
        version=entry.version,
        code={name: pack.read(name).decode() for name in files if name.startswith(f"{pack.package}/")},
        tests={name: pack.read(name).decode() for name in files if name.startswith("tests/")},
        spec=_spec(services, entry),
        metrics={
            "score": entry.score,
            "coverage": entry.coverage,
            "tests_passed": entry.tests_passed,
            "tests_total": entry.tests_total,
            "dimensions": {name: value for name, value in entry.judgement.items() if isinstance(value, dict)},
        },
    )


def _spec(services: Services, entry: RegistryEntry) -> str:
    settings = services.of_tenant(entry.tenant)
    key = f"{entry.agent_id}@{entry.version}-{entry.spec_digest[:8]}"
    try:
        return Bucket.open(settings.bucket_address).read(spec_path(key), settings.max_spec_bytes).decode()
    except (FileNotFoundError, BucketError, UnicodeDecodeError):
        return ""


@cache
def _shipped() -> TemplateManager:
    manager = TemplateManager()
    assert manager.templates
    return manager


def _place(line: TemplateLine) -> tuple[str, str]:
    return line.name, line.tenant


@lru_cache(maxsize=128)
def _read(text: str, name: str) -> Template:
    made, _ = read(text.encode(), Path(f"{name}.yaml"))
    assert made is not None, "it was read when it was registered"
    return made


def _line(made: Template, tenant: str = "", category: str = "") -> TemplateLine:
    categories = [*made.declared.serves, *([category] if category else [])]
    return TemplateLine(
        name=made.name,
        title=made.title,
        domain=made.domain,
        subdomains=list(made.declared.subdomains),
        categories=list(dict.fromkeys(categories)),
        version=made.declared.version,
        digest=made.digest,
        tenant=tenant,
    )


def _out(made: Template, tenant: str = "") -> TemplateOut:
    return TemplateOut(
        name=made.name,
        tenant=tenant,
        digest=made.digest,
        template=made.declared.model_dump(mode="json"),
        text=made.text,
        examples=list(made.declared.spec.tests.get("golden") or []),
    )
