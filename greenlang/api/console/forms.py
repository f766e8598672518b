"""Forms: what a browser posts, and that the person at it meant it.

Belongs here: reading urlencoded bodies, tokens against forged requests. Does not belong here: pages.

A page's forms carry a token made from the caller's own credential, which another site's page can neither read nor
make. `greenlang.api.signin` refuses such pages by their origin already; the token does not depend on the browser.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from urllib.parse import parse_qsl

from starlette.requests import Request

from greenlang.api.problems import Problem
from greenlang.api.signin import credential_of, foreign
from greenlang.registry.roles import Principal

_MOST = 20_000  # bytes of a form
_FIELDS = 40
_OWN = secrets.token_bytes(32)  # for the person at the machine, who has no credential


async def fields(request: Request) -> dict[str, str]:
    """The fields of a urlencoded form; of two with one name the last counts. Raises Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(415, "a form of the console is application/x-www-form-urlencoded")
    body = await request.body()
    if len(body) > _MOST:
        raise Problem(413, f"a form has at most {_MOST} bytes")
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"))
    except ValueError as error:
        raise Problem(422, f"this is no form: {error}") from error


async def meant(request: Request) -> dict[str, str]:
    """The fields of a form that a page of ours gave to this very caller. Raises Problem."""
    same_site(request)
    found = await fields(request)
    if not hmac.compare_digest(found.pop("csrf", "").encode(), token(request).encode()):
        raise Problem(403, "this form is not one that was given to you: open the page again", kind="forged")
    return found


def same_site(request: Request) -> None:
    """Refuse what another site's page sent, where the browser says so. Raises Problem."""
    if foreign(request.headers):
        raise Problem(403, "another site's page sent this", kind="forged")


def token(request: Request) -> str:
    """The token of the forms of whoever asks."""
    principal = request.scope.get("principal")
    if not isinstance(principal, Principal):
        return ""
    credential, _ = credential_of(request.headers)
    who = f"{principal.caller.tenant} {principal.caller.actor}"
    return hmac.new(credential.encode() or _OWN, f"console form {who}".encode(), sha256).hexdigest()
