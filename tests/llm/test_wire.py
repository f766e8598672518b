"""What the wire makes of headers, prices and bodies; no litellm is needed for that."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from greenlang.llm import wire
from greenlang.llm.config import Timeouts
from greenlang.llm.secrets import Redactor
from greenlang.llm.wire import LiteLLM, Trouble
from tests.llm.ground import provider

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(text: str, seconds: float | None) -> None:
    assert wire._retry_after({"Retry-After": text}, NOW) == seconds


class _Litellm:
    model_cost: dict[str, dict[str, Any]] = {  # noqa: RUF012
        "gemini/m": {
            "input_cost_per_token": 1.25e-06,
            "output_cost_per_token": 1e-05,
            "input_cost_per_token_above_200k_tokens": 2.5e-06,
            "output_cost_per_token_above_200k_tokens": 1.5e-05,
            "input_cost_per_token_batches": 9.0,
        },
        "free": {"mode": "chat"},
    }


def test_a_long_prompt_has_its_own_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_litellm", lambda: _Litellm)
    price = LiteLLM().price(provider(kind="gemini"), "m")
    assert price is not None
    assert price.cost(200_000, 1000) == Decimal("0.26")
    assert price.cost(200_001, 1000) == Decimal("0.5150025")
    assert LiteLLM().price(provider(), "free") is None
    assert LiteLLM().price(provider(), "unheard-of") is None


@pytest.mark.parametrize(
    ("status", "error", "sort", "billed"),
    [
        (None, httpx.ConnectError("no"), "failed", False),
        (None, httpx.ConnectTimeout("no"), "failed", False),
        (None, httpx.ReadTimeout("no"), "failed", True),
        (200, httpx.RemoteProtocolError("cut"), "failed", True),
        (302, ValueError("moved"), "denied", False),
        (400, ValueError("no"), "refused", False),
        (401, ValueError("no"), "denied", False),
        (404, ValueError("no"), "unknown_model", False),
        (408, ValueError("no"), "failed", True),
        (502, ValueError("no"), "failed", True),
        (504, ValueError("no"), "failed", True),
        (524, ValueError("no"), "failed", True),
        (500, ValueError("no"), "failed", False),
        (503, ValueError("no"), "failed", False),
        (429, ValueError("no"), "busy", False),
        (529, ValueError("no"), "failed", False),
    ],
)
def test_each_failure_says_what_may_help_and_whether_it_may_have_cost(
    status: int | None, error: Exception, sort: str, billed: bool
) -> None:
    outer = RuntimeError("litellm wraps it")
    outer.__cause__ = error
    seen = wire._Seen(Timeouts(), status=status)
    trouble = wire._trouble(outer, seen, NOW, Redactor([]))
    assert isinstance(trouble, Trouble)
    assert (trouble.sort, trouble.billed) == (sort, billed)


def test_a_long_message_is_cut_without_half_a_key_and_without_this_machine_s_folders() -> None:
    key, seen = "sk-planted-0123456789abcdef", wire._Seen(Timeouts(), status=401)
    for length in range(360, 405):  # the cut falls before, into and behind the key
        said = str(wire._trouble(ValueError(f"{'x' * length} {key}"), seen, NOW, Redactor([SecretStr(key)])))
        assert "sk-p" not in said
    traced = ValueError("no answer Traceback (most recent call last): File /home/somebody/x.py")
    assert str(wire._trouble(traced, seen, NOW, Redactor([]))) == "401: no answer"


@pytest.mark.parametrize("told", [10**30, -1, True, 1.5, None])
def test_what_is_no_count_of_tokens_is_not_counted(told: object) -> None:
    assert wire._count(told) is None


class _Pieces(httpx.SyncByteStream):
    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces


def test_a_body_ends_at_its_time_and_at_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    later = wire.time.monotonic() + 60
    assert list(wire._Bounded(_Pieces(b"a", b"b"), later)) == [b"a", b"b"]
    with pytest.raises(httpx.ReadTimeout):
        list(wire._Bounded(_Pieces(b"a"), later - 120))
    monkeypatch.setattr(wire, "MAX_BYTES", 3)
    with pytest.raises(httpx.ReadError):
        list(wire._Bounded(_Pieces(b"ab", b"cd"), later))
