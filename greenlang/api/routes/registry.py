"""Reading the registry: agents, versions, builds, lives, search.

Belongs here: thin handlers over `greenlang.registry`. Does not belong here: writing (`lifecycle`, `publish`),
administration (`governance`).

An agent id holds slashes and stands in the path as it is: `/agents/heat/boiler`, `/agents/heat/boiler@1.2.0/builds`.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from greenlang.api.caching import MARKS, kept
from greenlang.api.models import (
    Agent,
    AgentList,
    AgentPage,
    BuildList,
    DetailsModel,
    PinList,
    StandingList,
    StandingModel,
    TransitionList,
)
from greenlang.api.naming import Moment, Ref, Text, build_named
from greenlang.api.paging import Page, Paged, encoded, pages
from greenlang.api.principal import Store, need
from greenlang.api.problems import documented
from greenlang.api.services import Shared
from greenlang.registry import details, listing
from greenlang.registry.entry import ANY
from greenlang.registry.lifecycle import Lifecycle
from greenlang.registry.named import named
from greenlang.registry.search import Wanted
from greenlang.registry.tenants import Environment
from greenlang.registry.versions import resolve

router = APIRouter(prefix="/api/v1/registry", tags=["registry"], dependencies=[need("read_registry")])

State = Literal["draft", "experimental", "certified", "deprecated", "retired"]


@router.get("/agents", dependencies=[kept])
def agents(
    page: Annotated[Page, pages(50)],
    store: Store,
    domain: Text | None = None,
    capability: Text | None = None,
    state: State | None = None,
) -> AgentPage:
    """The latest version of each agent, by id. What others may not see is not there."""
    found = listing.agents(
        store,
        after=page.text(),
        limit=page.limit + 1,
        domain=domain,
        capability=capability,
        state=state,
    )
    items, following = page.cut(found, lambda entry: [entry.agent_id])
    return AgentPage(items=[Agent.of(entry) for entry in items], next=following)


@router.get("/search", dependencies=[kept], response_model=AgentPage)
def search(
    request: Request,
    page: Annotated[Page, pages(50)],
    store: Store,
    services: Shared,
    q: Annotated[Text, Query(description="Words, in any order, with their synonyms; or an id.")] = "",
    domain: Text | None = None,
    capability: Annotated[Text | None, Query(description="An output or a tag.")] = None,
    unit: Text | None = None,
    regulation: Text | None = None,
    state: State | None = None,
    all_versions: bool = False,
) -> Response:
    """Find agents, the best first."""
    wanted = Wanted(q, domain, capability, unit, regulation, state, all_versions)
    offset = page.number() or 0
    found = store.find_briefs(wanted, limit=page.limit, offset=offset)
    if found.late:  # kept, it would count as what holds all that the log tells of by now
        request.scope[MARKS]["kept"] = False
    following = encoded([offset + page.limit]) if found.more else None
    page.link(following)
    return services.agents.page(store, found.briefs, following, page.response.headers)


@router.get("/as-of", dependencies=[kept])
def as_of(
    page: Annotated[Page, pages(100)],
    store: Store,
    at: Annotated[Moment, Query(description="The moment: RFC 3339 with an offset.")],
    state: State = "certified",
    environment: Environment = "production",
) -> StandingList:
    """What was certified (or had another state) for the caller's tenant at a moment, and on which evidence."""
    found = Lifecycle(store).as_of(store.caller.tenant, at, environment=environment, state=state)
    place = attrgetter("tenant", "agent_id", "version", "pack_digest")
    shown, following = page.of(found, lambda one: " ".join(place(one)))
    return StandingList(items=[StandingModel.model_validate(one.as_dict()) for one in shown], next=following)


@router.get("/resolve", responses=documented(404, 409), dependencies=[kept])
def resolved(
    store: Store,
    agent: Annotated[Text, Query(description="An agent id.")],
    versions: Annotated[Text, Query(description="A range, as `>=1.2,<2`; nothing: any.")] = ANY,
) -> AgentList:
    """An agent and everything that it needs, each in one version that all agree on, by id."""
    return AgentList.of(list(resolve(store, agent, versions).values()))


@router.get("/agents/{agent_id:path}/pins", responses=documented(404), dependencies=[kept])
def pins(ref: Ref, store: Store) -> PinList:
    """The factors, formulas and parameters that a build's certification hangs on."""
    with store.transaction() as connection:
        build = named(connection, store.caller, ref).build
    return PinList.of(build.pack_digest, details.pins_of(store, build.id))


@router.get("/agents/{agent_id:path}/details", responses=documented(404), dependencies=[kept])
def details_of(ref: Ref, store: Store) -> DetailsModel:
    """What hangs on a version and its build: the agents that it needs, pins, yanks."""
    with store.transaction() as connection:
        found = named(connection, store.caller, ref)
    needs = details.needs_of(store, found.entry.agent_id).get((found.tenant, found.entry.version), {})
    pins, yanks = details.pins_of(store, found.build.id), details.yanks_of(store, found.build.id)
    return DetailsModel.model_validate(details.as_json(needs, pins, yanks))


@router.get("/agents/{agent_id:path}/versions", responses=documented(404), dependencies=[kept])
def versions(page: Paged, ref: Ref, store: Store) -> AgentPage:
    """Every version of an agent, the highest first."""
    build_named(store, ref)
    found = store.versions(ref.agent_id)
    items, following = page.of(found, lambda entry: entry.version)
    return AgentPage(items=[Agent.of(entry) for entry in items], next=following)


@router.get("/agents/{agent_id:path}/builds", responses=documented(404), dependencies=[kept])
def builds(page: Paged, ref: Ref, store: Store) -> BuildList:
    """Every build of a version, the one that came last first."""
    entry = build_named(store, ref)
    found = store.builds(entry.agent_id, entry.version)
    items, following = page.of(found, lambda build: build.pack_digest)
    return BuildList.of(items, following)


@router.get("/agents/{agent_id:path}/transitions", responses=documented(404), dependencies=[kept])
def transitions(page: Paged, ref: Ref, store: Store) -> TransitionList:
    """The life of a version's builds, or of the one named: signed steps, the oldest first."""
    found = Lifecycle(store).history(str(ref))
    items, following = page.of(found, lambda step: step.signature)
    return TransitionList.of(items, following)


@router.get("/agents/{agent_id:path}", responses=documented(404), dependencies=[kept])
def agent(ref: Ref, store: Store) -> Agent:
    """One version, the latest without one; with a digest as that build is, else as the build in force is."""
    return Agent.of(build_named(store, ref))
