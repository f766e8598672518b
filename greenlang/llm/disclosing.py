"""What is told of a model's part: from recorded exchanges to one disclosure, and the form that an artifact carries.

Belongs here: summing up, and what may enter a pack. Does not belong here: asking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from greenlang.llm.ask import Disclosure
from greenlang.llm.cassettes import Recorded
from greenlang.llm.request import Request


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply. ``replayed``: it came from a cassette."""

    request: Request
    recorded: Recorded
    replayed: bool


def disclosed(exchanges: Sequence[Exchange]) -> Disclosure:
    """The disclosure of a question: the last reply's model, all exchanges' costs, whatever any provider refused."""
    last = exchanges[-1].recorded
    records = [e.recorded for e in exchanges]
    return Disclosure(
        prompt=exchanges[0].request.prompt,
        request_digest=exchanges[0].request.root,
        provider=last.provider,
        model=last.model,
        requested=dict(last.requested),
        accepted=dict(last.accepted),
        dropped={name: why for r in records for name, why in r.dropped.items()},
        fingerprint=last.fingerprint,
        price_map_digest=last.price_map_digest,
        replayed=all(e.replayed for e in exchanges),
        prompt_tokens=sum(r.prompt_tokens for r in records),
        completion_tokens=sum(r.completion_tokens for r in records),
        cost_usd=sum((e.recorded.cost_usd for e in exchanges if not e.replayed), Decimal(0)),
        recorded_cost_usd=sum((r.cost_usd for r in records), Decimal(0)),
        fallbacks=tuple(line for r in records for line in r.fallbacks),
        reasks=len(exchanges) - 1,
    )


def for_artifact(disclosure: Disclosure) -> dict[str, Any]:
    """The disclosure as a pack may carry it: the same bytes whether the reply was just recorded or replayed.

    What differs between the two (``replayed``, ``cost_usd``) stays out; canonical JSON takes the rest.
    """
    names = (name for name in Disclosure.__slots__ if name not in {"replayed", "cost_usd"})
    told = {name: getattr(disclosure, name) for name in names}
    return {**told, "fallbacks": list(disclosure.fallbacks), "recorded_cost_usd": f"{disclosure.recorded_cost_usd:f}"}


def from_artifact(told: Mapping[str, Any]) -> Disclosure:
    """The disclosure that an artifact carries; what was asked for it is a recording now."""
    more = {"fallbacks": tuple(told["fallbacks"]), "recorded_cost_usd": Decimal(told["recorded_cost_usd"])}
    return Disclosure(**{**told, **more, "replayed": True})


def named(told: Mapping[str, Any]) -> str:
    """Who and by which prompt, in a line of people: ``anthropic claude-x (overlay_proposal@1)``."""
    return f"{told['provider']} {told['model']} ({told['prompt']})"
