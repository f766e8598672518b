"""Which providers there are, in which order, with which limits; read from ``llm.yaml`` or built in.

Belongs here: declarations and their defaults. Does not belong here: calling. Keys of providers are never written in the
file: it names the environment variable (or, with ``_FILE`` behind it, a file) that holds one.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from greenlang.errors import SettingsError
from greenlang.settings import Settings

Kind = Literal["anthropic", "openai", "gemini"]

_ENDPOINTS: dict[Kind, str] = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
}
_KEYS: dict[Kind, str] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "gemini": "GEMINI_API_KEY",
}
_KINDS: dict[str, Kind] = {"anthropic": "anthropic", "openai": "openai", "google": "gemini", "gemini": "gemini"}


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Closed):
    """What a model costs: US dollars for a million tokens. Declared where the price map does not know the model."""

    input_usd_per_million: Decimal = Field(ge=0)
    output_usd_per_million: Decimal = Field(ge=0)
    above: dict[int, Price] = Field(default_factory=dict)  # tokens of a prompt -> the price of longer ones

    def cost(self, prompt: int, completion: int) -> Decimal:
        """US dollars of so many tokens."""
        tier = max((tokens for tokens in self.above if prompt > tokens), default=None)
        if tier is not None:
            return self.above[tier].cost(prompt, completion)
        return (prompt * self.input_usd_per_million + completion * self.output_usd_per_million) / 1_000_000


class Timeouts(_Closed):
    """Seconds: to connect, between two pieces of an answer, and for a whole call."""

    connect: float = Field(5.0, gt=0)
    read: float = Field(60.0, gt=0)
    total: float = Field(180.0, gt=0)


class Retries(_Closed):
    """Exponential backoff with full jitter: a wait is drawn from 0 .. min(longest, base * 2**n) seconds.

    A Retry-After counts instead where it is longer; one beyond ``longest_retry_after`` hands over to the next provider.
    """

    attempts: int = Field(3, ge=1, le=10)
    base: float = Field(0.5, ge=0)
    longest: float = Field(10.0, ge=0)
    longest_retry_after: float = Field(60.0, ge=0)


class Breaking(_Closed):
    """When a provider is held off: the share of failures among its last calls. Seconds."""

    failure_threshold: float = Field(0.5, gt=0, le=1)
    calls: int = Field(10, ge=1)
    least_calls: int = Field(4, ge=1)
    open_seconds: float = Field(30.0, ge=0)
    recovery_seconds: float = Field(60.0, ge=0)


class Provider(_Closed):
    """One provider. ``models`` are tried in order; a model that it does not have is passed over."""

    name: str = Field(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9._-]*$")
    kind: Kind
    models: tuple[str, ...] = Field(min_length=1)
    base_url: str
    api_key_env: str | None = Field(pattern=r"^[A-Z_][A-Z0-9_]*$")  # null: the server wants none
    weight: int = Field(1, ge=0)
    requests_per_minute: int = Field(60, ge=1)
    tokens_per_minute: int = Field(100_000, ge=1)
    max_concurrent: int = Field(8, ge=1, le=1000)  # calls at once, over all processes of this machine
    retries: Retries = Retries()
    timeouts: Timeouts = Timeouts()
    prices: dict[str, Price] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()  # parameters that it does not take, beyond what is known

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        kind = raw.get("kind") or _KINDS.get(str(raw.get("name", "")), "openai")
        filled: dict[str, Any] = {"kind": kind, "base_url": _ENDPOINTS.get(kind), "api_key_env": _KEYS.get(kind)}
        return {**filled, **raw}

    @field_validator("base_url")
    @classmethod
    def _bare(cls, value: str) -> str:
        parts = urlsplit(value)
        told = parts.username or parts.password or parts.query or parts.fragment  # places where keys are put
        if parts.scheme not in {"http", "https"} or not parts.hostname or told:
            raise ValueError(
                "an address (http or https) without name, password or anything behind `?`; keys come from api_key_env"
            )
        return value

    def key(self, environment: Mapping[str, str]) -> SecretStr | None:
        """The key from the environment or the file that it names; None if there is none.

        Raises SettingsError for a file that cannot be read, and for a text that no header can carry (two lines, letters
        beyond ASCII); its message names the variable and never what it holds.
        """
        if self.api_key_env is None:
            return SecretStr("none-needed")
        if environment.get(self.api_key_env, "").strip():
            return _key(environment[self.api_key_env].strip(), self.api_key_env)
        name = f"{self.api_key_env}_FILE"
        if not environment.get(name):
            return None
        try:
            text = Path(environment[name]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name} names a file that cannot be read: {environment[name]}") from error
        return _key(text, name) if text else None


def _key(text: str, name: str) -> SecretStr:
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise SettingsError(f"{name} holds more than a key: a key is one line of plain characters without spaces")
    return SecretStr(text)


def _provider(name: str, models: Iterable[str], weight: int, requests: int, tokens: int) -> Provider:
    raw = {"name": name, "models": tuple(models), "weight": weight}
    return Provider.model_validate({**raw, "requests_per_minute": requests, "tokens_per_minute": tokens})


# Order, weights and limits: document 000, section 7. Its models are gone; these are their successors in the price map.
_PROVIDERS = (
    _provider("anthropic", ("claude-sonnet-4-6", "claude-opus-4-6"), 50, 50, 100_000),
    _provider("openai", ("gpt-4.1", "gpt-5.4"), 30, 60, 150_000),
    _provider("google", ("gemini-2.5-pro", "gemini-2.5-flash"), 20, 60, 1_000_000),
)


class Gateways(_Closed):
    """The whole configuration."""

    providers: tuple[Provider, ...] = _PROVIDERS
    strategy: Literal["ordered", "weighted"] = "ordered"
    max_tokens: int = Field(4096, ge=1, le=200_000)
    temperature: float = Field(0.0, ge=0, le=2)
    seed: int = 42
    reasks: int = Field(2, ge=0, le=5)
    longest_wait: float = Field(60.0, ge=0)  # seconds that a call waits for a limit per minute before another is tried
    breaker: Breaking = Breaking()

    @model_validator(mode="after")
    def _names(self) -> Gateways:
        names = [p.name for p in self.providers]
        if len(set(names)) != len(names):
            raise ValueError("two providers have one name")
        return self

    def order(self, digest: str) -> tuple[Provider, ...]:
        """The providers in the order in which a request tries them.

        ``weighted`` draws by weight, without putting back, from the request's digest: one request always goes the same
        way, many requests go by the weights.
        """
        if self.strategy == "ordered":
            return self.providers

        def place(provider: Provider) -> float:
            drawn = hashlib.sha256(f"{digest} {provider.name}".encode()).digest()
            share = (int.from_bytes(drawn[:7], "big") + 1) / (2**56 + 1)
            return math.inf if provider.weight == 0 else -math.log(share) / provider.weight

        return tuple(sorted(self.providers, key=place))


def load(settings: Settings) -> Gateways:
    """The configuration of ``GREENLANG_LLM_CONFIG``, or the built-in one.

    Raises SettingsError for a file that is missing or wrong; its message repeats no value, which may be a key.
    """
    path = settings.llm_config
    if path is None:
        return Gateways()
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"GREENLANG_LLM_CONFIG: {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is no YAML") from error
    try:
        return Gateways.model_validate(raw if raw is not None else {})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}: {place or 'the file'}: {first['msg']}") from error


def check(settings: Settings, named: Mapping[str, str] | None = None) -> None:
    """Read configuration and keys once, before work begins. Raises SettingsError as `load` and `Provider.key` do."""
    providers = load(settings).providers
    if settings.llm != "replay":
        for provider in providers:
            provider.key(environment() if named is None else named)


def environment() -> Mapping[str, str]:
    """Where keys are looked for."""
    return os.environ
