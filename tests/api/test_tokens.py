"""Tokens: what a good one gives, and every way to make one that is not."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from greenlang.api import keyset
from greenlang.api.keyset import KeySource
from greenlang.api.problems import Problem
from greenlang.api.tokens import Tokens
from greenlang.errors import FetchError, SettingsError
from greenlang.settings import Settings

ISSUER, AUDIENCE = "https://auth.example", "greenlang"


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@pytest.fixture(scope="module")
def other() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "two"})


@pytest.fixture
def jwks(tmp_path: Path, key: RSAKey) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    return file


@pytest.fixture
def tokens(jwks: Path) -> Tokens:
    made = Tokens.of(Settings(api_jwks=str(jwks), api_issuer=ISSUER, api_audience=AUDIENCE))
    assert made is not None
    return made


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 600, "iat": now, "sub": "ann", "tenant": "acme"}
    good |= {"roles": ["developer", "of-another-service"], **changes}
    return {name: value for name, value in good.items() if value is not ...}


def signed(key: RSAKey, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one", **(header or {})}, claims(**changes), key)


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def refused(tokens: Tokens, token: str) -> str:
    with pytest.raises(Problem) as caught:
        tokens.principal(token)
    assert caught.value.status == 401
    return caught.value.detail


def test_a_good_token_names_tenant_person_and_the_roles_that_we_know(tokens: Tokens, key: RSAKey) -> None:
    principal = tokens.principal(signed(key))
    assert (principal.caller.tenant, principal.caller.actor, principal.roles) == ("acme", "user:ann", ("developer",))
    assert tokens.principal(signed(key, roles="viewer auditor")).roles == ("auditor", "viewer")
    assert tokens.principal(signed(key, roles=...)).permissions == frozenset()
    assert tokens.principal(signed(key, aud=["another", AUDIENCE])).caller.tenant == "acme"


def test_who_runs_the_installation_belongs_to_its_tenant(tokens: Tokens, key: RSAKey) -> None:
    assert tokens.principal(signed(key, roles=["super_admin", "viewer"])).roles == ("viewer",)
    assert tokens.principal(signed(key, roles=["super_admin"], tenant="default")).may("manage_tenants")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_none_is_no_algorithm(tokens: Tokens, algorithm: str) -> None:
    header = part({"alg": algorithm, "kid": "one"})
    for signature in ("", "AAAA"):
        assert "algorithm" in refused(tokens, f"{header}.{part(claims())}.{signature}")


def test_the_public_key_is_no_shared_secret(tokens: Tokens, key: RSAKey) -> None:
    pem = key.as_pem(private=False)
    for secret in (pem, pem.strip(), json.dumps(key.as_dict(private=False)).encode()):
        body = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims())}"
        signature = part(hmac.new(secret, body.encode(), sha256).digest())
        assert "algorithm" in refused(tokens, f"{body}.{signature}")


@pytest.mark.parametrize("algorithm", ["RS384", "PS256"])
def test_another_algorithm_of_the_same_key_is_refused(tokens: Tokens, key: RSAKey, algorithm: str) -> None:
    token = jwt.encode({"alg": algorithm, "kid": "one"}, claims(), key, algorithms=[algorithm])
    assert "algorithm" in refused(tokens, token)


_TIMES = ("exp", "nbf", "iat")  # of these a number is seconds from now


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": ...},
        {"iss": [ISSUER]},
        {"aud": "another"},
        {"aud": ...},
        {"aud": []},
        {"exp": -60},
        {"exp": ...},
        {"exp": "tomorrow"},
        {"nbf": 600},
        {"iat": 600},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"tenant": ...},
        {"tenant": "Acme"},
        {"tenant": "acme' OR 1=1"},
        {"tenant": ["acme"]},
        {"roles": {"developer": True}},
        {"roles": [1]},
    ],
    ids=lambda changes: json.dumps({k: str(v) for k, v in changes.items()}),
)
def test_a_claim_that_is_wrong_or_missing_refuses(tokens: Tokens, key: RSAKey, changes: dict[str, Any]) -> None:
    at = {name: int(time.time()) + value for name, value in changes.items() if name in _TIMES and type(value) is int}
    refused(tokens, signed(key, **{**changes, **at}))


def test_a_key_that_the_issuer_does_not_name_is_refused(tokens: Tokens, key: RSAKey, other: RSAKey) -> None:
    assert "kid" in refused(tokens, signed(other, {"kid": "two"}))
    assert "kid" in refused(tokens, jwt.encode({"alg": "RS256"}, claims(), key))
    assert "kid" in refused(tokens, signed(key, {"kid": "../one"}))
    refused(tokens, signed(other))  # under the kid of the right one


def test_what_a_header_says_about_keys_is_not_followed(tokens: Tokens, other: RSAKey) -> None:
    public = other.as_dict(private=False)
    for header in (
        {"jwk": public},
        {"jwk": public, "kid": "two"},
        {"jku": "http://127.0.0.1:1/jwks"},
        {"x5u": "http://127.0.0.1:1/"},
    ):
        refused(tokens, signed(other, header))


def test_a_changed_token_is_refused(tokens: Tokens, key: RSAKey) -> None:
    head, body, signature = signed(key).split(".")
    changed = part(claims(sub="root"))
    for token in (f"{head}.{changed}.{signature}", f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{'A' * 342}"):
        refused(tokens, token)
    for token in ("", "a.b.c", "....", "é.é.é", f"{part([1])}.{body}.{signature}", f"{head}.{body}.{signature}.x"):
        refused(tokens, token)


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_keys_that_are_weak_or_for_something_else_are_not_used(tmp_path: Path, key: RSAKey) -> None:
    weak = RSAKey.generate_key(1024, {"kid": "weak"})
    sealing = RSAKey.generate_key(2048, {"kid": "sealing", "use": "enc"})
    shared = OctKey.generate_key(256, {"kid": "shared"})
    curve = ECKey.generate_key("P-256", {"kid": "curve"})
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KeySet([weak, sealing, shared, curve, key]).as_dict(private=False)))
    source = KeySource(str(file))
    assert [source.key(kid) is not None for kid in ("weak", "sealing", "shared", "curve", "one")] == [False] * 4 + [
        True
    ]


def test_a_new_key_is_fetched_and_an_old_one_dropped(
    jwks: Path, key: RSAKey, other: RSAKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("greenlang.api.keyset.time.monotonic", lambda: now[0])
    source = KeySource(str(jwks))
    assert source.key("one") is not None
    jwks.write_text(json.dumps(KeySet([other]).as_dict(private=False)))
    assert source.key("two") is None, "not asked again at once, however many unknown keys are named"
    now[0] += 16
    assert source.key("two") is not None
    assert source.key("one") is None


def test_a_key_set_that_is_gone_leaves_the_keys_that_were_had_for_an_hour(
    jwks: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = [1000.0]
    monkeypatch.setattr("greenlang.api.keyset.time.monotonic", lambda: now[0])
    source = KeySource(str(jwks))
    assert source.key("one") is not None
    for text in ("", "[]", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}', "nonsense", None):
        if text is None:
            jwks.unlink()
        else:
            jwks.write_text(text)
        now[0] += 590
        assert source.key("one") is not None
        assert source.key("never heard of") is None  # waits until it was read
    now[0] += 590
    for _ in range(2):
        with pytest.raises(FetchError, match="cannot be read"):
            source.key("one")
    with pytest.raises(FetchError, match="cannot be read"):
        KeySource(str(tmp_path / "nothing")).key("one")


class Quiet(BaseHTTPRequestHandler):
    """Writes no log."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(handler: type[Quiet]) -> Iterator[str]:
    """The address of a server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def served(jwks: Path) -> Iterator[tuple[str, list[str]]]:
    """The key set over HTTP, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(Quiet):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = jwks.read_bytes() if self.path == "/jwks" else b"x" * 2_000_000
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # a set that is too large is not read to its end
                self.wfile.write(body)

    with serving(Handler) as address:
        yield address, asked


def test_a_key_set_comes_from_an_address_once(served: tuple[str, list[str]], key: RSAKey) -> None:
    address, asked = served
    made = Tokens.of(Settings(api_jwks=f"{address}/jwks", api_issuer=ISSUER))
    assert made is not None
    assert [made.principal(signed(key)).caller.actor for _ in range(3)] == ["user:ann"] * 3
    assert asked == ["/jwks"]
    with pytest.raises(FetchError, match="larger than"):
        KeySource(f"{address}/large").key("one")


@pytest.fixture
def dripping(jwks: Path) -> Iterator[tuple[str, threading.Event]]:
    """The key set over HTTP until the event is set; then a byte of it now and then, without an end."""
    sick = threading.Event()
    over = threading.Event()

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            if not sick.is_set():
                self.wfile.write(jwks.read_bytes())
                return
            with suppress(OSError):
                while not over.wait(0.01):
                    self.wfile.write(b" ")

    with serving(Handler) as address:
        yield address, sick
        over.set()


def test_a_server_that_never_ends_holds_nobody_up(
    dripping: tuple[str, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, sick = dripping
    monkeypatch.setattr(keyset, "SECONDS", 0.3)
    monkeypatch.setattr(keyset, "RETRY", 0.0)
    sick.set()
    with pytest.raises(FetchError, match=r"TimeoutError|does not answer"):
        KeySource(address).key("one")
    sick.clear()
    source = KeySource(address)
    assert source.key("one") is not None
    sick.set()
    monkeypatch.setattr(keyset, "FRESH", 0.0)
    monkeypatch.setattr(keyset, "SECONDS", 20.0)
    reading = threading.active_count()
    assert source.key("one") is not None  # while the set is being read, for ever
    assert threading.active_count() > reading


@pytest.mark.parametrize(
    "changes",
    [
        {"api_jwks": "http://auth.example/jwks", "api_issuer": ISSUER},
        {"api_jwks": "http://127.0.0.1.evil.example/", "api_issuer": ISSUER},
        {"api_jwks": "keys.json"},
    ],
)
def test_half_a_setting_or_an_unsafe_one_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="GREENLANG_API_JWKS"):
        Tokens.of(Settings(**changes))
