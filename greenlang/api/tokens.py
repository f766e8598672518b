"""JSON web tokens: RS256 alone, signed by a key of the issuer's key set, for us, and not expired.

Belongs here: checking a token. Does not belong here: the key set (`keyset`), API keys, what a role may do.

The algorithm and the keys are ours to choose: what a token's header says about them (``alg``, ``jku``, ``jwk``,
``x5u``) is never followed. Source: RFC 8725, sections 3.1 to 3.12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws, jwt
from joserfc.errors import JoseError

from greenlang.api.keyset import KeySource
from greenlang.api.problems import Problem
from greenlang.errors import SettingsError
from greenlang.registry.caller import DEFAULT_TENANT, Caller
from greenlang.registry.roles import ROLES, Principal
from greenlang.settings import Settings

ALGORITHMS = ("RS256",)
LEEWAY = 30  # seconds that clocks may differ
TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MOST_NAME = 190


class Tokens:
    """Checks tokens of one issuer for one audience."""

    def __init__(self, keys: KeySource, *, issuer: str, audience: str, roles: str = "roles", tenant: str = "tenant"):
        self.keys = keys
        self._roles, self._tenant = roles, tenant
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    @classmethod
    def of(cls, settings: Settings) -> Tokens | None:
        """As the settings say; None where they name no key set. Raises SettingsError for half a setting."""
        if settings.api_jwks is None:
            return None
        if not settings.api_issuer or not settings.api_audience:
            raise SettingsError("GREENLANG_API_JWKS needs GREENLANG_API_ISSUER and GREENLANG_API_AUDIENCE beside it")
        address = urlsplit(settings.api_jwks)
        if address.scheme not in ("", "https") and address.hostname not in ("127.0.0.1", "localhost"):
            raise SettingsError("GREENLANG_API_JWKS must be a file or an https address")
        return cls(
            KeySource(settings.api_jwks),
            issuer=settings.api_issuer,
            audience=settings.api_audience,
            roles=settings.api_roles_claim,
            tenant=settings.api_tenant_claim,
        )

    def principal(self, token: str) -> Principal:
        """Whom the token names. Raises Problem 401 for one that is not good, FetchError without a key set."""
        try:
            protected = jws.extract_compact(token.encode()).headers()
            kid = protected.get("kid")
            if protected.get("alg") not in ALGORITHMS:
                raise _refused(f"its algorithm is not {' or '.join(ALGORITHMS)}")
            key = self.keys.key(kid) if isinstance(kid, str) else None
            if key is None:
                raise _refused("no key of the issuer has its kid")
            claims = jwt.decode(token, key, algorithms=[*ALGORITHMS]).claims
            self._claims.validate(claims)
            return self._named(claims)
        except (JoseError, UnicodeError, ValueError) as error:
            raise _refused(str(error) or type(error).__name__) from error

    def _named(self, claims: Mapping[str, Any]) -> Principal:
        subject, tenant, roles = claims["sub"], claims.get(self._tenant), claims.get(self._roles, [])
        if not isinstance(subject, str) or not 0 < len(subject) <= _MOST_NAME or not subject.isprintable():
            raise _refused("its subject is no name")
        if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
            raise _refused(f"its claim {self._tenant!r} names no tenant")
        if isinstance(roles, str):
            roles = roles.split()
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise _refused(f"its claim {self._roles!r} is no list of roles")
        granted = tuple(role for role in ROLES if role in roles)
        if tenant != DEFAULT_TENANT:  # who runs the installation belongs to the tenant that does
            granted = tuple(role for role in granted if "manage_tenants" not in ROLES[role])
        return Principal(Caller(tenant, f"user:{subject}"), granted)


def _refused(why: str) -> Problem:
    return Problem(
        401,
        f"the token is refused: {why}",
        kind="token-refused",
        headers={"WWW-Authenticate": 'Bearer realm="greenlang", error="invalid_token"'},
    )
