"""A key is shown once, and works until it is revoked or has expired."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from greenlang.errors import KeyRefused, SettingsError
from greenlang.registry import Caller, Registry
from greenlang.registry.access import AccessDenied, authorise, denied
from greenlang.registry.keys import KeyNotFound, Keys
from greenlang.registry.roles import ROLES, Principal
from greenlang.registry.tables import ApiKeyRow, AuditRow


def events(registry: Registry) -> list[Any]:
    with registry.transaction() as connection:
        rows = connection.execute(select(AuditRow).order_by(AuditRow.number)).all()
    return [(row.event, row.actor, row.subject, json.loads(row.detail)) for row in rows]


def test_a_key_tells_who_calls(registry: Registry) -> None:
    issued = Keys(registry).issue("anna", ["developer"], scopes=["publish_agent"])
    assert issued.plain.startswith(f"gl_{issued.key.id}_")
    assert Keys(registry).verify(issued.plain) == Principal(
        Caller("default", "anna"), ("developer",), ("publish_agent",), issued.key.id
    )
    assert issued.key.expires_at - issued.key.created_at == timedelta(days=30)
    assert Keys(registry).list() == [issued.key]


def test_the_secret_is_kept_nowhere(registry: Registry) -> None:
    issued = Keys(registry).issue("anna", ["developer"])
    secret = issued.plain.removeprefix(f"gl_{issued.key.id}_")
    with registry.transaction() as connection:
        kept = str(connection.execute(select(ApiKeyRow)).all()) + str(connection.execute(select(AuditRow)).all())
    assert issued.key.id in kept
    assert secret not in kept
    assert secret not in repr(issued)


def test_two_keys_share_nothing(registry: Registry) -> None:
    plain = {Keys(registry).issue("anna", ["viewer"]).plain for _ in range(20)}
    assert len({text.split("_", 2)[1] for text in plain}) == len({text.split("_", 2)[2] for text in plain}) == 20


def test_a_revoked_key_is_refused_from_then_on(registry: Registry) -> None:
    keys = Keys(registry)
    issued = keys.issue("anna", ["developer"])
    revoked = keys.revoke(issued.key.id, "lost")
    assert revoked.state == "revoked"
    with pytest.raises(KeyRefused, match="was revoked at") as caught:
        keys.verify(issued.plain)
    assert caught.value.caller == Caller("default", "anna")
    assert keys.revoke(issued.key.id).revoked_at == revoked.revoked_at
    assert [event[0] for event in events(registry)] == ["key.issued", "key.revoked"]
    with pytest.raises(KeyNotFound, match=r"no key 'default\.0'"):
        keys.revoke("default.0")


def test_a_key_expires(registry: Registry) -> None:
    keys = Keys(registry)
    issued = keys.issue("anna", ["developer"], days=7)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=6, hours=23)):
        assert keys.verify(issued.plain).key_id == issued.key.id
    with time_machine.travel(datetime.now(UTC) + timedelta(days=7, hours=1)):
        with pytest.raises(KeyRefused, match="expired at"):
            keys.verify(issued.plain)
        assert [key.state for key in keys.list()] == ["expired"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_other_text_is_no_key(registry: Registry, data: st.DataObject) -> None:
    keys = Keys(registry)
    plain = (keys.list() and _plain.get(keys.registry.url)) or _plain.setdefault(
        keys.registry.url, keys.issue("anna", ["developer"]).plain
    )
    place = data.draw(st.integers(0, len(plain) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda c: c != plain[place]))
    for text in (plain[:place] + letter + plain[place + 1 :], plain[:place], plain + letter):
        with pytest.raises(KeyRefused, match="no API key"):
            keys.verify(text)


_plain: dict[str, str] = {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gl_",
        "gl_default.000000000000_" + "a" * 43,
        "gl_other-tenant.000000000000_" + "a" * 43,
        "gl_" + "x" * 5000,
        "gl_default' or 1=1 --.000000000000_" + "a" * 43,
    ],
)
def test_what_is_no_key_is_refused(registry: Registry, text: str) -> None:
    with pytest.raises(KeyRefused, match=r"^this is no API key$") as caught:
        Keys(registry).verify(text)
    assert caught.value.caller is None


def test_a_wrong_secret_belongs_in_the_log_of_the_keys_tenant(registry: Registry) -> None:
    issued = Keys(registry).issue("anna", ["developer"])
    with pytest.raises(KeyRefused, match=r"^this is no API key$") as caught:
        Keys(registry).verify(f"gl_{issued.key.id}_{'a' * 43}")
    assert caught.value.caller == Caller("default", f"unknown, with the id {issued.key.id}")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"roles": ["root"]}, "'root' is no role; the roles are super_admin"),
        ({"roles": []}, "could do nothing"),
        ({"scopes": ["everything"]}, "'everything' is no scope"),
        ({"scopes": ["manage_keys"]}, "could do nothing"),
        ({"days": 0}, "1 to 365 days, not 0"),
        ({"days": 366}, "1 to 365 days, not 366"),
        ({"name": " "}, "needs a name"),
        ({"name": "anna\n"}, "needs a name"),
        ({"granted": ROLES["viewer"]}, "local cannot give a key that may calculate"),
    ],
)
def test_a_key_that_may_not_be_is_not_issued(registry: Registry, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Keys(registry).issue(**{"name": "anna", "roles": ["developer"], **asked})
    assert Keys(registry).list() == []


def test_a_refusal_is_recorded_with_why(registry: Registry) -> None:
    anna = Principal(Caller("default", "anna", "request-7"), ("viewer",))
    assert authorise(registry, anna, "read_registry", "heat/boiler").caller == anna.caller
    with pytest.raises(AccessDenied, match="anna may not publish_agent: its roles are viewer"):
        authorise(registry, anna, "publish_agent", "heat/boiler@1.0.0")
    denied(registry, None, "read_registry", "/api/v1/registry/agents\x00\udcff", "no key" + "!" * 1000)
    assert events(registry) == [
        (
            "access.denied",
            "anna",
            "heat/boiler@1.0.0",
            {
                "permission": "publish_agent",
                "reason": "anna may not publish_agent: its roles are viewer",
                "request": "request-7",
            },
        ),
        (
            "access.denied",
            "unknown",
            "/api/v1/registry/agents\ufffd\ufffd",
            {"permission": "read_registry", "reason": "no key" + "!" * 394},
        ),
    ]
