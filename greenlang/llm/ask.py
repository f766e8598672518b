"""What a room says to a model and what it gets back, as values. An answer is a proposal, never a fact.

Belongs here: the types that other rooms use, so that they need neither gateway nor provider. Does not belong here:
providers, cassettes, budgets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

Reply = TypeVar("Reply", bound=BaseModel)
Why = Literal[
    "no_model",  # no provider is configured: what needs one says so
    "not_recorded",  # replay only, and no cassette holds this request
    "budget",  # the reservation would exceed what is left
    "night_budget",  # the same, of the night over all agents
    "rounds",  # no round is left for this agent
    "unavailable",  # every provider failed or is held off by its circuit breaker
    "malformed",  # no reply of the wanted type after the re-asks
]


@dataclass(frozen=True, slots=True)
class Ask(Generic[Reply]):
    """One question. ``prompt`` names ``templates/prompts/<prompt>.jinja``; ``values`` fill it.

    ``sample`` numbers repeated questions (k samples of one request are k cassettes). ``aside`` names values that are
    sent and do not belong to the question, as examples do, which change with the registry: the recording is found
    whatever they were.
    """

    prompt: str
    values: Mapping[str, Any]
    reply: type[Reply]
    agent: str = ""  # partition key, for the accounts
    stage: str = ""  # a stage of the line, for the accounts
    sample: int = 0
    check: Callable[[Reply], Sequence[str]] | None = None  # what is wrong with a reply of the type; told in a re-ask
    aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What was asked of whom, told with every artifact that a model had a part in.

    ``dropped`` are parameters that the provider does not take; a fall-back never hides them. ``cost_usd`` is 0 for a
    replay, ``recorded_cost_usd`` what the recording had cost.
    """

    prompt: str  # name@version
    request_digest: str
    provider: str
    model: str
    requested: Mapping[str, Any]
    accepted: Mapping[str, Any]
    dropped: Mapping[str, str] = field(default_factory=dict)  # parameter -> why
    fingerprint: str = ""
    price_map_digest: str = ""
    replayed: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    recorded_cost_usd: Decimal = Decimal(0)
    fallbacks: tuple[str, ...] = ()  # providers tried before, each with its reason
    reasks: int = 0


@dataclass(frozen=True, slots=True)
class Answer(Generic[Reply]):
    """A reply of the wanted type."""

    value: Reply
    disclosure: Disclosure


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is none. ``hint`` tells a person what would help."""

    why: Why
    reason: str
    hint: str = ""
    disclosures: tuple[Disclosure, ...] = ()  # of calls that were made and paid for nevertheless


class Model(Protocol):
    """Whoever answers: the gateway, or a cassette in a test."""

    def ask(self, question: Ask[Reply]) -> Answer[Reply] | NoAnswer:
        """Answer one question. Never raises for what a provider does."""
        ...
