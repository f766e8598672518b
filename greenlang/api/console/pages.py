"""The routes of the console.

Belongs here: from a request to a page. Does not belong here: what a page tells (`agent`, `review`), marks (templates).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from greenlang.api.console import forms, promotion
from greenlang.api.console.agent import FACTORS, AgentView, view
from greenlang.api.console.downloads import FORMS, download
from greenlang.api.console.render import HEADERS, HOME, failure, page, style, to_sign_in
from greenlang.api.console.review import Comparison, compare
from greenlang.api.principal import Store, Who, need
from greenlang.api.problems import Problem, problem_of
from greenlang.api.signin import COOKIE
from greenlang.errors import GreenlangError, KeyRefused
from greenlang.registry import Registry
from greenlang.registry.access import denied
from greenlang.registry.keys import Keys
from greenlang.registry.ladder import STATES
from greenlang.registry.policy import Check
from greenlang.registry.roles import Principal
from greenlang.registry.search import Wanted
from greenlang.settings import Settings

PAGE = 25  # agents on one page of what was found
COOKIE_SECONDS = 8 * 3600
MEANS = {
    "given": "given in the spec",
    "property": "stated by a property",
    "prose": "described in words",
    "library": "from the formula library",
    "overlay": "from a reviewed overlay",
    "system": "supplied by the runtime",
}


class Page(APIRoute):
    """A route whose failures are pages, not problem documents."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its refusals shown."""
        handle = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                return failure(request, problem)
            except GreenlangError as error:
                return failure(request, problem_of(error))
            except HTTPException as error:
                return failure(request, Problem(error.status_code, str(error.detail)))
            except RequestValidationError as error:
                first = error.errors()[0]
                return failure(request, Problem(422, f"{first['loc'][-1]}: {first['msg']}"))

        return shown


router = APIRouter(prefix=HOME, route_class=Page, include_in_schema=False)
_READ = [need("read_registry")]


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Set = Annotated[Settings, Depends(_settings)]
Text = Annotated[str, Query(max_length=300)]


@router.get("/style.css")
def style_sheet() -> Response:
    """The style sheet."""
    return Response(style(), media_type="text/css", headers={**HEADERS, "cache-control": "public, max-age=300"})


@router.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    """Where a browser gives its API key."""
    if request.scope.get("principal") is not None:
        return RedirectResponse(HOME, status_code=303, headers=dict(HEADERS))
    return page(request, "sign_in.html.jinja", refused="")


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Check the key and keep it in the browser: for this site alone, out of reach of scripts, for a working day."""
    forms.same_site(request)
    plain = (await forms.fields(request)).get("key", "").strip()
    registry: Registry = request.app.state.registry
    try:
        await run_sync(Keys(registry).verify, plain)
    except KeyRefused as error:
        caller, said = error.caller, str(error)
        if caller is not None:
            await run_sync(lambda: denied(registry, caller, "sign-in", "console", said))
        return page(request, "sign_in.html.jinja", status=401, refused=said)
    answer = RedirectResponse(HOME, status_code=303, headers=dict(HEADERS))
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, plain, COOKIE_SECONDS, path="/", httponly=True, samesite="strict", secure=secure)
    return answer


@router.post("/sign-out", dependencies=_READ)
async def sign_out(request: Request) -> Response:
    """Forget the key."""
    await forms.meant(request)
    return to_sign_in(request)


@router.get("", dependencies=_READ)
def search(
    request: Request,
    store: Store,
    q: Text = "",
    domain: Text = "",
    state: Text = "",
    unit: Text = "",
    regulation: Text = "",
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    """Agents by words and by what they are."""
    asked = {"q": q, "domain": domain, "state": state, "unit": unit, "regulation": regulation}
    wanted = Wanted(q, domain or None, None, unit or None, regulation or None, state or None)
    found = store.find_all(wanted, limit=PAGE, offset=offset)
    kept = {name: value for name, value in asked.items() if value}
    return page(
        request,
        "search.html.jinja",
        found=found.entries,
        asked=asked,
        states=STATES,
        offset=offset,
        before=_link(kept, max(0, offset - PAGE)) if offset else "",
        after=_link(kept, offset + PAGE) if found.more else "",
    )


@router.get("/agents/{agent_id:path}", dependencies=_READ)
def agent(
    request: Request, store: Store, settings: Set, who: Who, agent_id: str, version: Text = "", build: Text = ""
) -> Response:
    """One build of an agent version: what it computes, why one may believe that, and its life."""
    shown = view(store, settings, agent_id, version, build)
    standing = promotion.standing(store, who, shown)
    may_review = who.may("promote_agent") or who.may("approve_promotion")
    return page(
        request,
        "agent.html.jinja",
        v=shown,
        standing=standing,
        means=MEANS,
        most_factors=FACTORS,
        forms=FORMS,
        may_review=may_review,
        address=address(shown),
    )


@router.get("/review/{agent_id:path}", dependencies=_READ)
def review(
    request: Request, store: Store, settings: Set, who: Who, agent_id: str, version: Text = "", build: Text = ""
) -> Response:
    """A build beside the one in force, with what is lacking and the forms of those who may act."""
    return _review(request, store, who, compare(store, settings, agent_id, version, build))


def _review(
    request: Request, store: Registry, who: Principal, comparison: Comparison, refused: Sequence[Check] = ()
) -> Response:
    return page(
        request,
        "review.html.jinja",
        status=409 if refused else 200,
        refused=refused,
        c=comparison,
        v=comparison.build,
        standing=promotion.standing(store, who, comparison.build),
        acts=promotion.acts(who, comparison.build),
        address=address(comparison.build),
    )


@router.post("/review/{agent_id:path}", dependencies=_READ)
async def decide(
    request: Request, store: Store, settings: Set, who: Who, agent_id: str, version: Text = "", build: Text = ""
) -> Response:
    """Ask for, approve or reject a promotion."""
    given = await forms.meant(request)

    def done() -> Response:
        shown = view(store, settings, agent_id, version, build)
        if refused := promotion.act(store, who, shown, given):
            return _review(request, store, who, compare(store, settings, agent_id, version, build), refused)
        return RedirectResponse(address(shown)("review"), status_code=303, headers=dict(HEADERS))

    return await run_sync(done)


@router.get("/download/{form}/{agent_id:path}", dependencies=_READ)
def download_form(
    store: Store,
    settings: Set,
    form: str,
    agent_id: str,
    version: Text = "",
    build: Text = "",
    url: Annotated[str, Query(max_length=2_000)] = "",
) -> Response:
    """One file of a build."""
    made = download(store, view(store, settings, agent_id, version, build), form, url)
    disposition = {"content-disposition": f'attachment; filename="{made.name}"'}
    return Response(made.data, media_type=made.kind, headers={**HEADERS, **disposition})


@router.get("/{_rest:path}", dependencies=_READ)
def nothing(_rest: str) -> Response:
    """What there is not."""
    raise Problem(404, "the console has no such page")


def address(shown: AgentView) -> Callable[..., str]:
    """The console's pages of one build: ``address("review")``, ``address("download", "sbom")``."""
    agent_id = quote(shown.entry.agent_id, safe="/")

    def of(*parts: str, **more: str) -> str:
        query = urlencode({"version": shown.entry.version, "build": shown.build.pack_digest[:12], **more})
        return f"{HOME}/{'/'.join(parts)}/{agent_id}?{query}"

    return of


def _link(asked: dict[str, str], offset: int) -> str:
    return f"{HOME}?{urlencode({**asked, **({'offset': str(offset)} if offset else {})})}"
