"""The one place that calls a provider, through litellm, which is imported when the first call is made.

Belongs here: litellm, its clients, prices and tables, and turning what it raises into `Trouble`. Does not belong here:
retries, order of providers, budgets.

litellm takes 3-5 s to import and 190 MB, so nothing else imports it (an import contract holds that). It gets a client
of ours for each call: ours bounds the whole call also where a server sends a byte now and then, and sees Retry-After,
which litellm's exceptions do not carry.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import httpx

from greenlang.llm.config import Price, Provider, Timeouts
from greenlang.llm.secrets import Redactor
from greenlang.provenance import bytes_digest

if TYPE_CHECKING:
    from pydantic import SecretStr

Sort = Literal[
    "busy",  # 429: try again after a while
    "failed",  # 5xx, cut, slow, garbled: try again
    "refused",  # 400, 422: the request does not suit it; a named parameter can be dropped
    "unknown_model",  # 404
    "denied",  # 401, 403: the key
]
MAX_BYTES = 8_000_000  # of one answer
_MOST_TOKENS = 100_000_000  # of one call; a provider that tells more has not counted
# A gateway before the provider gave up waiting: the provider may have answered, and billed, all the same.
_GAVE_UP = frozenset({408, 502, 504, *range(520, 528)})
_TIER = re.compile(r"_above_(\d+)k_tokens$")


class Trouble(Exception):
    """A call without an answer. ``billed``: it may have cost money nevertheless."""

    def __init__(self, sort: Sort, message: str, *, retry_after: float | None = None, billed: bool = False) -> None:
        super().__init__(message)
        self.sort = sort
        self.retry_after = retry_after
        self.billed = billed


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said. Tokens are None where the provider did not count them."""

    text: str
    model: str
    finish: str = ""
    fingerprint: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call: to whom, with what. The key shows in no text."""

    provider: Provider
    model: str
    messages: Sequence[Mapping[str, str]]
    parameters: Mapping[str, Any]
    key: SecretStr


class Wire(Protocol):
    """Whoever carries a call; tests may carry it themselves."""

    def missing(self) -> str:
        """What has to be installed before it can carry anything; empty if nothing."""
        ...

    def supported(self, provider: Provider, model: str) -> frozenset[str] | None:
        """Parameters that a model takes, None if that is not known."""
        ...

    def price(self, provider: Provider, model: str) -> Price | None:
        """What it costs, None if that is not known."""
        ...

    def price_map_digest(self) -> str:
        """Which price map that was taken from."""
        ...

    def call(self, call: Call) -> Said:
        """One call, without retries. Raises Trouble."""
        ...


@cache
def _litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or its import fetches prices from the network
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # or its import reads a .env of the working folder
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).disabled = True  # its lines may hold requests; ours tell what went wrong
    return litellm


@cache
def _map_digest() -> str:
    package = Path(_litellm().__file__).parent
    return bytes_digest((package / "model_prices_and_context_window_backup.json").read_bytes())


class LiteLLM:
    """litellm as the wire."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock  # for a Retry-After that is a date

    def missing(self) -> str:
        """litellm is an extra."""
        return "" if find_spec("litellm") else "litellm is not installed: pip install 'greenlang[llm]'"

    def supported(self, provider: Provider, model: str) -> frozenset[str] | None:
        """litellm's table. A model that it has no price for is one that it does not know."""
        if self._entry(provider, model) is None:
            return None
        found = _litellm().get_supported_openai_params(model=model, custom_llm_provider=provider.kind)
        return None if found is None else frozenset(found)

    def price(self, provider: Provider, model: str) -> Price | None:
        """The configuration's price, else that of litellm's map."""
        if model in provider.prices:
            return provider.prices[model]
        entry = self._entry(provider, model)
        base = None if entry is None else _priced(entry, "")
        if entry is None or base is None:
            return None
        tiers = {int(m[1]) * 1000: _priced(entry, m[0]) for m in map(_TIER.search, entry) if m}
        return base.model_copy(update={"above": {tokens: tier for tokens, tier in tiers.items() if tier is not None}})

    def _entry(self, provider: Provider, model: str) -> dict[str, Any] | None:
        costs: dict[str, dict[str, Any]] = _litellm().model_cost
        return costs.get(f"{provider.kind}/{model}") or costs.get(model)

    def price_map_digest(self) -> str:
        """SHA-256 of litellm's file of prices."""
        return _map_digest()

    def call(self, call: Call) -> Said:
        """One call over HTTP."""
        litellm, provider = _litellm(), call.provider
        seen = _Seen(provider.timeouts)
        with seen.client() as http:
            try:
                answer = litellm.completion(
                    model=call.model,
                    custom_llm_provider=provider.kind,
                    messages=[dict(m) for m in call.messages],
                    api_base=provider.base_url,
                    api_key=call.key.get_secret_value(),
                    client=_client(provider, call.key, http),
                    timeout=provider.timeouts.read,
                    max_retries=0,
                    num_retries=0,
                    **call.parameters,
                )
            except Exception as error:  # noqa: BLE001 - litellm raises a dozen kinds, and whatever its parsers meet
                raise _trouble(error, seen, self.clock(), Redactor([call.key])) from None
        return _said(answer)


def _client(provider: Provider, key: SecretStr, http: httpx.Client) -> Any:
    if provider.kind == "openai":
        import openai

        return openai.OpenAI(
            api_key=key.get_secret_value(), base_url=provider.base_url, http_client=http, max_retries=0
        )
    from litellm.llms.custom_httpx.http_handler import HTTPHandler

    return HTTPHandler(client=http)


class _TooSlow(httpx.ReadTimeout):
    pass


class _TooLong(httpx.ReadError):
    pass


@dataclass
class _Seen:
    """What went over the wire in one call, whatever litellm makes of it; and the bound on the whole."""

    timeouts: Timeouts
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)

    def client(self) -> httpx.Client:
        wanted = httpx.Timeout(
            min(self.timeouts.read, self.timeouts.total), connect=min(self.timeouts.connect, self.timeouts.total)
        )
        return httpx.Client(timeout=wanted, event_hooks={"response": [self._answered]}, follow_redirects=False)

    def _answered(self, response: httpx.Response) -> None:
        self.status, self.headers = response.status_code, dict(response.headers)
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Bounded(response.stream, self.begun + self.timeouts.total)


class _Bounded(httpx.SyncByteStream):
    """A body that ends at a time or a size, however slowly its bytes come."""

    def __init__(self, stream: httpx.SyncByteStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._stream:
            size += len(piece)
            if time.monotonic() > self._until:
                raise _TooSlow("the answer took longer than its whole time")
            if size > MAX_BYTES:
                raise _TooLong(f"the answer is longer than {MAX_BYTES} bytes")
            yield piece

    def close(self) -> None:
        self._stream.close()


def _trouble(error: Exception, seen: _Seen, now: float, redact: Redactor) -> Trouble:
    """What an exception of litellm means. The status comes from the wire: litellm makes 500 of a cut connection.

    The key is taken out before the text is cut: half a key would be told otherwise. litellm puts its own traceback into
    some messages, with the folders of this machine; it stays out.
    """
    said = redact(str(error)).partition("Traceback (most recent call last)")[0]
    status, message = seen.status, " ".join(said.split())[:400]
    causes = _causes(error)
    if status is None and getattr(error, "status_code", None) in {400, 422}:  # litellm itself refused a parameter
        return Trouble("refused", f"400: {message}")
    if status is not None and 300 <= status < 400:
        return Trouble("denied", f"{status}: the address sends elsewhere, and nobody follows: {message}")
    if status is None or status < 400:  # nothing came, or a good answer that broke off or was no answer
        unsent = any(isinstance(c, httpx.ConnectError | httpx.ConnectTimeout) for c in causes)
        slow = any(isinstance(c, httpx.TimeoutException) for c in causes)
        what = "no connection" if unsent else "too slow" if slow else "cut or garbled"
        return Trouble("failed", f"{what}: {message}", billed=not unsent)
    if status == 429:
        return Trouble("busy", f"429: {message}", retry_after=_retry_after(seen.headers, now))
    if status in {408, 409, 425} or status >= 500:
        unknown = status in _GAVE_UP
        return Trouble("failed", f"{status}: {message}", retry_after=_retry_after(seen.headers, now), billed=unknown)
    if status in {401, 403}:
        return Trouble("denied", f"{status}: {message}")
    return Trouble("unknown_model" if status == 404 else "refused", f"{status}: {message}")


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds, from a number of seconds or an HTTP date; None without one that can be read."""
    text = {k.lower(): v for k, v in headers.items()}.get("retry-after", "").strip()
    if not text:
        return None
    with contextlib.suppress(ValueError):
        seconds = float(text)
        return seconds if 0 <= seconds < 1e9 else None
    with contextlib.suppress(ValueError, TypeError):
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.fromtimestamp(now, UTC)).total_seconds())
    return None


def _priced(entry: Mapping[str, Any], tier: str) -> Price | None:
    """A price of the map, which is in dollars a token; a tier that names one side only keeps the other's base price."""
    sides = [entry.get(f"{s}_cost_per_token{tier}", entry.get(f"{s}_cost_per_token")) for s in ("input", "output")]
    if not all(isinstance(value, int | float) for value in sides):
        return None
    asked, said = (Decimal(repr(value)) * 1_000_000 for value in sides)
    return Price(input_usd_per_million=asked, output_usd_per_million=said)


def _said(answer: Any) -> Said:
    """The answer's parts. A provider that stops without text (a refusal, a filter) said the empty text."""
    if not answer.choices:  # an answer that was counted, and may be billed
        raise Trouble("failed", "the answer holds no choice", billed=True)
    choice = answer.choices[0]
    usage = getattr(answer, "usage", None)
    text = choice.message.content or ""
    asked = _count(getattr(usage, "prompt_tokens", None))
    counted = bool(asked)  # no question has 0 tokens: litellm says so where the provider told none
    return Said(
        text=text.encode("utf-8", "replace").decode("utf-8"),  # lone surrogates have no canonical form
        model=str(answer.model or ""),
        finish=str(choice.finish_reason or ""),
        fingerprint=str(getattr(answer, "system_fingerprint", None) or ""),
        prompt_tokens=asked if counted else None,
        completion_tokens=_count(getattr(usage, "completion_tokens", None)) if counted else None,
    )


def _count(value: object) -> int | None:
    """Tokens; None for what cannot be a count, so that the worst case stands."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS else None
