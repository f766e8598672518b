"""Emission factors, formulas, calculations, and what stands behind a digest (001, layer 1).

Belongs here: thin handlers. Does not belong here: the selection rule (`greenlang.factors.select`), arithmetic
(`greenlang.calc`). Numbers are texts in answers: a JSON number would lose digits.
"""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from greenlang.api.naming import Text
from greenlang.api.paging import Page, pages
from greenlang.api.principal import Store, Who, need
from greenlang.api.problems import Problem, documented
from greenlang.api.provenance import Behind, behind, keep
from greenlang.api.services import Shared
from greenlang.calc.context import read_context
from greenlang.errors import FactorNotFound
from greenlang.factors.model import Factor
from greenlang.factors.select import Request, SelectionRefused
from greenlang.factors.select_model import said
from greenlang.formulas.library import library
from greenlang.formulas.show import in_a_line, in_full

router = APIRouter(prefix="/api/v1", tags=["factors"])

MOST_INPUTS = 200
_READ = [need("read_catalogue")]


class FactorOut(BaseModel):
    """One factor: its reference, its fields as published, its citation. Numbers are texts."""

    ref: str
    citation: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, factor: Factor) -> FactorOut:
        """From the row."""
        return cls(ref=factor.ref, citation=factor.citation, fields=plain(factor.as_dict()))


class FactorList(BaseModel):
    """Factors of a release, and the cursor of the next page."""

    release: str
    digest: str
    factors: list[FactorOut]
    next: str | None = None


class Hit(BaseModel):
    """A factor that a search found. ``standing`` says why it is not eligible by default, empty where it is."""

    factor: FactorOut
    score: float
    alike: int
    standing: str


class HitList(BaseModel):
    """What a search found, the best first."""

    release: str
    hits: list[Hit]
    next: str | None = None


class Selected(BaseModel):
    """The one factor that the rule gives, with every step of it."""

    ref: str
    value: str
    unit: str
    citation: str
    release: str
    digest: str
    request: dict[str, Any]
    conversion: dict[str, Any]
    relaxed: list[str]
    warnings: list[str]
    steps: list[dict[str, Any]] = Field(description="rule, text, and how many rows were left")
    rejected: dict[str, int] = Field(description="reason -> rows")
    rejected_rows: list[dict[str, str]] = Field(description="key and reason, as many as were asked for")


class Calculate(BaseModel):
    """A formula of the library, its inputs, its context."""

    model_config = ConfigDict(extra="forbid")

    formula_id: str = Field(max_length=200)
    inputs: dict[str, Any] = Field(
        default_factory=dict,
        max_length=MOST_INPUTS,
        description='symbol -> number as text ("12.5 kWh"), whole number, text, ef:// reference, or rows of a table',
    )
    context: dict[str, Any] = Field(default_factory=dict, description="release, gwp_set, precision, as_of, policy, ...")
    keep: bool = Field(False, description="Keep the certificate, so that `/provenance/{digest}` finds it.")


class Calculated(BaseModel):
    """The result with its certificate; numbers are texts, and `greenlang calc verify` takes the certificate."""

    formula_id: str
    outputs: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    warnings: list[str]
    citations: list[dict[str, Any]]
    provenance: str
    certificate: dict[str, Any]


class FormulaLine(BaseModel):
    """A formula in a line."""

    id: str
    name: str
    domain: str
    citation: str
    digest: str
    tags: list[str]
    outputs: dict[str, dict[str, str]] = Field(description="name -> unit and expression")


class FormulaList(BaseModel):
    """Formulas, by id."""

    formulas: list[FormulaLine]
    next: str | None = None


class FormulaOut(FormulaLine):
    """A formula in full."""

    note: str
    symbols: dict[str, dict[str, Any]]
    vectors: list[dict[str, Any]] = Field(description="worked cases with their source")


@router.get("/ef/lookup", responses=documented(404, 409), dependencies=_READ)
def lookup(
    services: Shared,
    activity: Annotated[Text, Query(min_length=1, description="The publisher's path, a reviewed alias, or ef://...")],
    region: Annotated[Text | None, Query(description="ISO 3166 code, or a publisher's own region.")] = None,
    year: Annotated[int | None, Query(ge=1900, le=2200)] = None,
    source: Annotated[Text | None, Query(description="publisher, publisher/dataset[/vintage]")] = None,
    gas: Annotated[Text, Query(description="CO2e or a gas.")] = "CO2e",
    per: Annotated[Text | None, Query(description="Unit of the activity data, such as kWh.")] = None,
    gwp_set: Text | None = None,
    boundary: Text | None = None,
    scope2_method: Text | None = None,
    calorific_basis: Text | None = None,
    radiative_forcing: Text | None = None,
    biogenic: bool | None = None,
    price_basis: Text | None = None,
    permitted_use: Text = "inventory",
    kind: Text = "factor",
    relax_region: bool = False,
    relax_years: Annotated[int, Query(ge=0, le=100)] = 0,
    rejected: Annotated[int, Query(ge=0, le=10_000, description="List so many rejected candidates.")] = 0,
) -> Selected:
    """The factor that the written rule selects. Where it refuses: 404 for none, 409 for several, with all evidence."""
    request = Request(
        activity=activity,
        region=region,
        year=year,
        source=source,
        gas=gas,
        per=per,
        gwp_set=gwp_set,
        boundary=boundary,
        scope2_method=scope2_method,
        calorific_basis=calorific_basis,
        radiative_forcing=radiative_forcing,
        biogenic=biogenic,
        price_basis=price_basis,
        permitted_use=permitted_use,
        kind=kind,
        relax_region=relax_region,
        relax_years=relax_years,
    )
    try:
        found = services.factors().engine.selector.select(request)
    except SelectionRefused as refused:
        raise _refusal(refused, rejected) from refused
    rows = [{"key": row.key, "reason": row.reason} for row in islice(found.rejected, rejected)]
    return Selected(**plain(found.as_dict()), rejected_rows=rows)


@router.get("/ef/search", dependencies=_READ)
def search(
    page: Annotated[Page, pages(10, 100)],
    services: Shared,
    q: Annotated[Text, Query(min_length=1, description="What you are looking for, in your own words.")],
) -> HitList:
    """Factors by words, the best first; synonyms and French words count."""
    factors = services.factors()
    begin = page.number() or 0
    rest = factors.search().find(q, begin + page.limit + 1)[begin:]
    found, following = page.cut(rest, lambda _: [begin + page.limit])
    hits = [
        Hit(factor=FactorOut.of(h.factor), score=round(float(h.score), 3), alike=h.alike, standing=h.mark)
        for h in found
    ]
    return HitList(release=factors.table.release, hits=hits, next=following)


@router.get("/ef/factors", responses=documented(404), dependencies=_READ)
def factors_of(
    page: Annotated[Page, pages(100, 1000)],
    services: Shared,
    ref: Annotated[Text, Query(min_length=1, description="ef://publisher/dataset/vintage/...: a row or a table")],
) -> FactorList:
    """The factor of a reference, or every row of a table, by key. 404 names the nearest."""
    table = services.factors().table
    try:
        found = table.resolve(ref if "://" in ref else f"ef://{ref}")
    except FactorNotFound as error:
        nearest = [{"ref": near, "why": why} for near, why in error.nearest]
        raise Problem(404, str(error), kind="factor-not-found", nearest=nearest) from error
    after = page.text()
    rest = (factor for factor in sorted(found, key=lambda f: f.key) if factor.key > after)
    rows, following = page.cut(rest, lambda factor: [factor.key])
    return FactorList(
        release=table.release, digest=table.digest, factors=[FactorOut.of(f) for f in rows], next=following
    )


@router.post("/ef/calculate", dependencies=[need("calculate")])
def calculate(given: Annotated[Calculate, Body()], who: Who, services: Shared) -> Calculated:
    """Compute a formula with its certificate. 422 names every mistake with its place and mend."""
    context, wrong = read_context({"tenant": who.caller.tenant, **given.context})
    if context.tenant != who.caller.tenant:
        raise Problem(422, "a calculation is of one's own tenant: leave `context.tenant` out")
    result = None if wrong else services.factors().engine.calculate(given.formula_id, _exact(given.inputs), context)
    mistakes = wrong if result is None else list(result.errors)
    if result is None or not result.success:
        errors = [{**plain(asdict(one)), "pointer": f"/body/{one.place.replace('.', '/')}"} for one in mistakes]
        for one in errors:
            one["detail"] = one["message"]
        raise Problem(422, mistakes[0].message, kind="not-computable", errors=errors)
    if given.keep and result.certificate is not None:
        keep(services.of_tenant(who.caller.tenant), result.certificate)
    told = plain(result.as_dict())
    return Calculated(**{name: told[name] for name in Calculated.model_fields})


@router.get("/formulas", dependencies=_READ)
def formulas(
    page: Annotated[Page, pages(100)],
    text: Annotated[Text, Query(description="Words that must all occur in id, name, citation or tags.")] = "",
    domain: Literal["", "carbon", "energy", "water", "waste", "lca"] = "",
) -> FormulaList:
    """The formulas of the library, by id."""
    after, wanted = page.text(), text.lower().split()
    rest = (formula for formula_id in library().pieces if formula_id > after if (formula := library().get(formula_id)))
    found = (
        formula
        for formula in rest  # read as far as the page goes
        if domain in ("", formula.domain)
        and all(word in f"{formula.id} {formula.name} {formula.citation} {formula.tags}".lower() for word in wanted)
    )
    shown, following = page.cut(found, lambda formula: [formula.id])
    return FormulaList(formulas=[FormulaLine(**in_a_line(formula)) for formula in shown], next=following)


@router.get("/formulas/{formula_id:path}", responses=documented(404), dependencies=_READ)
def formula(formula_id: Annotated[str, InPath(max_length=200)]) -> FormulaOut:
    """One formula: symbols with units and ranges, expressions, citation, worked cases. 404 names the nearest."""
    found = library().get(formula_id)
    if found is None:
        near = get_close_matches(formula_id, list(library().pieces), n=3, cutoff=0.4)
        raise Problem(404, f"there is no formula {formula_id}; nearest: {', '.join(near) or 'none'}")
    return FormulaOut.model_validate(plain(in_full(found)))


@router.get("/provenance/{digest}", responses=documented(404), dependencies=_READ)
def provenance(
    page: Annotated[Page, pages(100)],
    digest: Annotated[str, InPath(pattern="^[0-9a-f]{64}$")],
    who: Who,
    store: Store,
    services: Shared,
) -> Behind:
    """What a SHA-256 is the digest of: a pack, certificate, spec, factor, formula, release; and whether it verifies."""
    begin = page.number() or 0
    found = islice(behind(services, store, who.caller.tenant, digest), begin, None)
    shown, following = page.cut(found, lambda _: [begin + page.limit])
    if not shown:
        raise Problem(404, "nothing that you may read has this digest")
    return Behind(digest=digest, found=shown, next=following)


def plain(value: Any) -> Any:
    """JSON values: a Decimal as text, in full; tuples and sets as lists."""
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 40 else str(value)
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


def _exact(value: Any) -> Any:
    """A float of JSON as the shortest text that names it, which the engine reads exactly."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: _exact(one) for key, one in value.items()}
    return [_exact(one) for one in value] if isinstance(value, list) else value


def _refusal(refused: SelectionRefused, rejected: int) -> Problem:
    several = bool(refused.candidates)
    return Problem(
        409 if several else 404,
        refused.sentence,
        kind="selection-refused",
        hint=refused.hint,
        request=plain(said(refused.request)),
        candidates=list(refused.candidates),
        words=plain(refused.words),
        mends=[{"say": plain(dict(mend.changes)), "ref": mend.ref} for mend in refused.mends],
        steps=[{"rule": step.rule, "text": step.text, "left": step.left} for step in refused.steps],
        rejected=refused.rejected_counts,
        rejected_rows=[{"key": row.key, "reason": row.reason} for row in islice(refused.rejected, rejected)],
    )
