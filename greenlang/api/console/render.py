"""Pages from templates: everything is escaped, nothing runs, nothing is loaded from elsewhere.

Belongs here: the template environment, the headers of every page, one shape for failures. Does not belong here: what a
page tells (`agent`, `review`), routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from greenlang.api.console.forms import token
from greenlang.api.problems import Problem
from greenlang.api.signin import COOKIE
from greenlang.pages import environment
from greenlang.quality.report.page import css
from greenlang.registry.roles import Principal

HOME = "/console"
SIGN_IN = f"{HOME}/sign-in"
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "private, no-store",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",  # with no-referrer a browser posts our own forms with `Origin: null`
}


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """The page that a template makes of these values."""
    principal = request.scope.get("principal")
    who = principal if isinstance(principal, Principal) else None
    shared = {
        "who": who,
        "needs_sign_in": request.app.state.signin.required,
        "csrf": token(request) if who is not None else "",
        "path": request.url.path,
    }
    text = templates().get_template(template).render(**shared, **values)
    return HTMLResponse(text, status_code=status, headers=dict(HEADERS))


def failure(request: Request, problem: Problem) -> Response:
    """The page for a refused or failed request; whoever is not signed in is sent to the sign-in."""
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return to_sign_in(request)
    title = HTTPStatus(problem.status).phrase
    answer = page(request, "failure.html.jinja", status=problem.status, title=title, problem=problem)
    answer.headers.update(problem.headers)
    return answer


def to_sign_in(request: Request) -> Response:
    """Send a browser to the sign-in, without the key that did not do."""
    answer = RedirectResponse(SIGN_IN, status_code=303, headers=dict(HEADERS))
    if COOKIE in request.cookies:
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


@cache
def style() -> str:
    """The style sheet: that of the quality report and what the console has beside."""
    return f"{css()}\n{templates().get_template('style.css.jinja').render()}"


@cache
def templates() -> jinja2.Environment:
    """The templates of ``templates/console``."""
    made = environment("console")
    made.filters |= {"moment": _moment, "iso": _iso}
    return made


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
