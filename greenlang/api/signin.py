"""Who sends a request: an API key, a token, or, on one's own machine, the person at it.

Belongs here: from headers to a Principal, and remembering it for a moment. Does not belong here: keys
(`greenlang.registry.keys`), checking tokens (`tokens`), what somebody may do.

A key or token that was verified is remembered for `Settings.api_remember_seconds`: a revoked one is refused at the
latest after that time. It is verified anew when half of that is over, once, while others go on with what is remembered:
no hundred requests wait for it at the same moment. What is remembered is a digest, never the key.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from sqlalchemy import select
from starlette.datastructures import Headers
from starlette.types import Scope

from greenlang.api.problems import CHALLENGE, Problem, problem_of
from greenlang.api.tokens import TENANT, Tokens
from greenlang.errors import FetchError, GreenlangError, KeyRefused
from greenlang.registry import LOCAL, PUBLIC, Caller, Registry
from greenlang.registry.access import denied
from greenlang.registry.caller import DEFAULT_TENANT
from greenlang.registry.keys import Keys
from greenlang.registry.quotas import limit
from greenlang.registry.roles import Principal
from greenlang.registry.tables import TenantRow
from greenlang.registry.tenants import TenantNotFound, Tenants
from greenlang.settings import Settings

COOKIE = "greenlang_key"  # how a browser keeps its API key: HttpOnly, SameSite=Strict
TENANT_HEADER = "X-Tenant"  # whoever manages tenants acts for another one by it
PERSON = Principal(LOCAL, ("super_admin",))
"""The person at the machine, where nobody signs in."""

_log = logging.getLogger("greenlang.api")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST = 10_000  # principals that are remembered at once
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SignIn:
    """Finds out who sends a request. ``required=False`` serves the person at the machine and nobody else."""

    def __init__(self, settings: Settings, registry: Registry, *, required: bool = True) -> None:
        self._registry = registry
        self._keys = Keys(registry)
        self._tokens = Tokens.of(settings)
        self._seconds = settings.api_remember_seconds
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._verifying: dict[bytes, asyncio.Task[Principal]] = {}
        self.quotas: dict[str, int | None] = {}  # tenant -> requests a minute, as of its last verification
        self.required = required

    @property
    def verifying(self) -> int:
        """How many verifications are under way that others may join."""
        return len(self._verifying)

    def forget(self) -> None:
        """Verify everybody anew."""
        self._known.clear()
        self._verifying.clear()  # what began before is not remembered

    async def principal(self, scope: Scope, unverified: Callable[[], None] = lambda: None) -> Principal | None:
        """Who sends this; None for nobody. Raises Problem for a key or token that is refused.

        ``unverified`` is called before a key or token is looked at that is not remembered; what it raises stops that.
        """
        headers = Headers(scope=scope)
        if not self.required:
            _refuse_foreign(scope, headers, host=True)
            return PERSON
        credential, cookie = credential_of(headers)
        if not credential:
            return None
        if cookie:
            _refuse_foreign(scope, headers)
        digest = _digest(credential)
        until, known = self._known.get(digest, (0.0, None))
        left = until - time.monotonic()
        if known is None or left <= 0:
            unverified()
            return await asyncio.shield(self._verified_once(digest, credential))
        if left < self._seconds / 2:
            self._verified_once(digest, credential)
        return known

    def _verified_once(self, digest: bytes, credential: str) -> asyncio.Task[Principal]:
        """The verification that is under way, or a new one; where nothing is remembered, always a new one."""
        task = self._verifying.get(digest)
        if task is None:
            task = asyncio.ensure_future(self._verify(digest, credential))
            task.add_done_callback(_failed)  # whoever waits is told
            if self._seconds > 0:
                self._verifying[digest] = task
        return task

    async def _verify(self, digest: bytes, credential: str) -> Principal:
        me, started = asyncio.current_task(), time.monotonic()
        try:
            principal = await run_sync(self._verified, credential)
            self.quotas[principal.caller.tenant] = await run_sync(self._let_in, principal)
        except Problem as problem:
            if problem.status in (401, 403):
                self._known.pop(digest, None)
            raise
        else:
            if self._verifying.get(digest) is me:
                self._known[digest] = (started + self._seconds, principal)
                self._known.move_to_end(digest)
                while len(self._known) > _MOST:
                    self._known.popitem(last=False)
            return principal
        finally:
            if self._verifying.get(digest) is me:
                del self._verifying[digest]

    async def still(self, scope: Scope) -> bool:
        """Whether whoever opened this stream would be let in now; while nobody can say, yes."""
        try:
            return await self.principal(scope) is not None
        except (Problem, GreenlangError) as error:
            problem = error if isinstance(error, Problem) else problem_of(error)
            return problem.status not in (401, 403)

    def _verified(self, credential: str) -> Principal:
        if credential.startswith("gl_"):
            try:
                return self._keys.verify(credential)
            except KeyRefused as error:
                if error.caller is not None:
                    denied(self._registry, error.caller, "", "sign-in", str(error))
                raise problem_of(error) from error
        if self._tokens is None:
            raise Problem(401, "this is no API key, and no issuer of tokens is set", headers=CHALLENGE)
        try:
            principal = self._tokens.principal(credential)
        except FetchError as error:  # whose text names a file or an address
            _log.error("%s", error)
            raise Problem(503, "the issuer's keys cannot be had", kind="unavailable") from error
        if principal.caller.tenant == PUBLIC:  # nobody belongs to it: who manages tenants acts for it
            raise Problem(403, f"nobody belongs to the tenant {PUBLIC!r}")
        self._refuse_tenant(principal.caller.tenant)
        return principal

    def _let_in(self, principal: Principal) -> int | None:
        """The tenant's requests a minute. Raises Problem 403 where it is suspended, and it is in the log."""
        tenant = principal.caller.tenant
        with self._registry.as_caller(principal.caller).transaction() as connection:
            at = select(TenantRow.suspended_at).where(TenantRow.tenant == tenant)
            suspended = connection.execute(at).scalar_one_or_none()
            most = limit(connection, tenant, "requests_per_minute")
        if suspended is not None:
            said = f"the tenant {tenant} is suspended since {suspended:%Y-%m-%d %H:%M} UTC"
            denied(self._registry, principal.caller, "", "sign-in", said)
            raise Problem(403, said, kind="tenant-suspended")
        return most

    def acting(self, principal: Principal, tenant: str, path: str) -> Principal:
        """The principal in another tenant, if it manages tenants. Raises Problem, and it is in the log."""
        if tenant == principal.caller.tenant:
            return principal
        if not principal.may("manage_tenants"):
            denied(self._registry, principal.caller, "manage_tenants", path, f"{TENANT_HEADER}: {tenant[:63]}")
            raise Problem(403, f"{TENANT_HEADER} names another tenant; your roles do not permit manage_tenants")
        if not TENANT.fullmatch(tenant):
            raise Problem(422, f"{TENANT_HEADER} names no tenant", kind="invalid-request")
        self._refuse_tenant(tenant)
        return principal.acting_for(tenant)

    def _refuse_tenant(self, tenant: str) -> None:
        if self._registry.database.embedded and tenant != DEFAULT_TENANT:
            raise Problem(403, f"this registry has the tenant {DEFAULT_TENANT!r} alone")
        try:
            Tenants(self._registry.as_caller(Caller(tenant, "sign-in"))).get()
        except TenantNotFound as error:
            raise Problem(403, f"there is no tenant {tenant!r}") from error


def _failed(verifying: asyncio.Task[Principal]) -> None:
    if not verifying.cancelled():
        verifying.exception()


def credential_of(headers: Headers) -> tuple[str, bool]:
    """The key or token that is sent, and whether as a cookie. Raises Problem where two are sent."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme and scheme.lower() != "bearer":
        raise Problem(401, f"{scheme[:20]!r} is no way to sign in here", headers=CHALLENGE)
    key = headers.get("x-api-key", "")
    if bearer and key and bearer.strip() != key:
        raise Problem(401, "two different keys are sent; send one", headers=CHALLENGE)
    if bearer or key:
        return (bearer or key).strip(), False
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE and value:
            return value, True
    return "", False


def _refuse_foreign(scope: Scope, headers: Headers, *, host: bool = False) -> None:
    """What a browser sends by itself is no proof that its person meant it: the page must be ours."""
    if host and _host(headers) not in _LOOPBACK:
        raise Problem(403, "without a sign-in only names of this machine are served, as localhost")
    if (scope["type"] == "websocket" or scope["method"] not in _SAFE) and foreign(headers):
        raise Problem(403, "another site's page sent this")


def foreign(headers: Headers) -> bool:
    """Whether the browser says that another site's page sent this."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        return True
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def _host(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _digest(credential: str) -> bytes:
    return blake2b(credential.encode(), digest_size=16).digest()
