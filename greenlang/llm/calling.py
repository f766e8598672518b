"""One request to whichever provider answers: order, limits, budget, breakers, retries, refused parameters.

Belongs here: the way from a request to a recorded reply, with every call accounted for. Does not belong here: cassettes
and typed replies (``greenlang.llm.gateway``), HTTP (``greenlang.llm.wire``). Clock, sleep and chance are handed in.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from greenlang.llm.accounts import Accounts, Short
from greenlang.llm.ask import NoAnswer
from greenlang.llm.breaker import Breaker
from greenlang.llm.cassettes import Recorded
from greenlang.llm.config import Gateways, Price, Provider
from greenlang.llm.parameters import OPTIONAL, Sent, chosen, named_in
from greenlang.llm.purse import Held, Money, NightShort
from greenlang.llm.request import Request
from greenlang.llm.secrets import Redactor
from greenlang.llm.slots import NoSlot, Slots
from greenlang.llm.wire import Call, Said, Trouble, Wire

_FRAME = 64  # tokens of the frame around messages, at most
_MARGIN = 60.0  # seconds beyond its timeouts after which a call is certainly over


@dataclass(frozen=True)
class Ground:
    """What the calls stand on: time, waiting and chance."""

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = field(default_factory=lambda: random.SystemRandom().random)


@dataclass(frozen=True, slots=True)
class For:
    """Whom a call is made for."""

    agent: str
    stage: str
    sample: int
    budget: Decimal


@dataclass(frozen=True, slots=True)
class _Model:
    """One model of one provider, ready to be called."""

    provider: Provider
    name: str
    key: SecretStr
    price: Price
    breaker: Breaker


class Caller:
    """Makes live calls. One a process; safe between threads."""

    def __init__(
        self,
        config: Gateways,
        keys: Mapping[str, SecretStr],
        *,
        wire: Wire,
        money: Money,
        limits: Accounts,
        slots: Slots,
        redact: Redactor,
        ground: Ground,
    ) -> None:
        self.config = config
        self.wire = wire
        self.money = money
        self.limits = limits
        self.slots = slots
        self.redact = redact
        self.ground = ground
        self._keys = dict(keys)
        self.breakers = {p.name: Breaker(config.breaker, ground.clock) for p in config.providers}

    def __repr__(self) -> str:
        return f"Caller({', '.join(self._keys)})"

    @property
    def providers(self) -> tuple[str, ...]:
        """Names of the providers that have a key."""
        return tuple(p.name for p in self.config.providers if p.name in self._keys)

    def call(self, request: Request, whom: For) -> Recorded | NoAnswer:
        """The reply of the first provider that gives one; else why there is none."""
        passed: list[str] = []  # providers that did not answer, each with its reason
        for provider in self.config.order(request.root):
            if provider.name not in self._keys:
                continue
            for model in provider.models:
                outcome = self._model(provider, model, request, whom)
                if isinstance(outcome, Recorded):
                    return replace(outcome, fallbacks=tuple(passed))
                if isinstance(outcome, Short):
                    return self._short(outcome, model, whom)
                passed.append(f"{provider.name}/{model}: {outcome.reason}")
                if not outcome.next_model:
                    break
        return NoAnswer(
            "unavailable", "; ".join(passed) or "no provider", "try again later; see `greenlang llm status`"
        )

    def _short(self, short: Short, model: str, whom: For) -> NoAnswer:
        """What a budget does not allow, in words."""
        cost = f"{model} may cost {short.needed:.6f} USD, and {short.left:.6f} USD of"
        if isinstance(short, NightShort):
            assert self.money.purse is not None
            limit = self.money.purse.limit
            mend = "the next night asks again; GREENLANG_NIGHTLY_BUDGET_USD is what one may cost"
            return NoAnswer("night_budget", f"budget: {cost} the night's {limit} are left", mend)
        mend = "raise GREENLANG_LLM_BUDGET_USD, or go on without a model"
        return NoAnswer("budget", f"{cost} the agent's {whom.budget} are left", mend)

    def _model(self, provider: Provider, model: str, request: Request, whom: For) -> Recorded | Short | _Passed:
        price = self.wire.price(provider, model)
        if price is None:
            return _Passed("its price is not known: declare it under `prices`", next_model=True)
        target = _Model(provider, model, self._keys[provider.name], price, self.breakers[provider.name])
        requested = request.parameters.as_dict()
        supported = self.wire.supported(provider, model)
        sent = chosen(requested, kind=provider.kind, model=model, supported=supported, drop=provider.drop)
        attempts, last = 0, "no attempt"
        while attempts < provider.retries.attempts:
            try:
                outcome = self._attempt(target, request, sent, whom)
                if isinstance(outcome, str):
                    return _Passed(f"{last}; then {outcome}" if attempts else outcome)
                return outcome
            except Trouble as trouble:
                last = self.redact(str(trouble))
                refused = named_in(str(trouble), sent) if trouble.sort == "refused" else None
                if refused is not None:  # costs no attempt: there are only so many parameters
                    sent = sent.without(refused, f"refused by the provider: {last[:160]}")
                    continue
                if trouble.sort not in {"busy", "failed"}:
                    return _Passed(last, next_model=trouble.sort in {"unknown_model", "refused"})
                attempts += 1
                if not self._waited(provider, trouble, attempts):
                    break
        return _Passed(last)

    def _attempt(self, target: _Model, request: Request, sent: Sent, whom: For) -> Recorded | Short | str:
        """One call, in a slot and a minute of its provider, within the budgets; or why none. Raises Trouble."""
        provider = target.provider
        try:
            with self.slots.taken(
                provider.name, provider.max_concurrent, longest_wait=self.config.longest_wait, sleep=self.ground.sleep
            ):
                admitted = self._admitted(target, request)
                if isinstance(admitted, str):
                    return admitted
                held = self._reserved(target, request, sent, whom)
                if isinstance(held, Short):
                    target.breaker.left()
                    self.limits.used(admitted, 0)
                    return held
                return self._once(target, request, sent, whom, admitted, held)
        except NoSlot as full:
            return str(full)

    def _admitted(self, target: _Model, request: Request) -> int | str:
        """A place in the provider's minute, or why there is none."""
        provider, waited = target.provider, 0.0
        if not target.breaker.admit():
            return f"held off by its circuit breaker ({target.breaker.state})"
        while True:
            number, wait = self.limits.admit(
                provider.name,
                prompt_bound(request) + request.parameters.max_tokens,
                requests=provider.requests_per_minute,
                per_minute=provider.tokens_per_minute,
                now=self.ground.clock(),
            )
            if number:
                return number
            if waited + wait > self.config.longest_wait:
                target.breaker.left()
                return f"its limit per minute asks for {wait:.0f} more seconds"
            waited += wait
            self.ground.sleep(wait)

    def _reserved(self, target: _Model, request: Request, sent: Sent, whom: For) -> Held | Short:
        """A call's worst case, set aside, with what the journal is told if this process is killed before it settles."""
        usd, now = worst(target.price, request), self.ground.clock()
        lost = self._row(target, request, sent, whom, result="lost", cost=usd, begun=now, estimated=True)
        until = now + 2 * (target.provider.timeouts.connect + target.provider.timeouts.total) + _MARGIN
        return self.money.reserve(whom.agent, usd, whom.budget, until=until, call=lost)

    def _once(self, target: _Model, request: Request, sent: Sent, whom: For, admitted: int, held: Held) -> Recorded:
        """One call; whatever becomes of it is settled, counted and told. Raises Trouble."""
        begun = self.ground.clock()
        try:
            said = self.wire.call(Call(target.provider, target.name, request.messages, sent.accepted, target.key))
        except BaseException as error:
            trouble = error if isinstance(error, Trouble) else None
            (target.breaker.failed if trouble and trouble.sort == "failed" else target.breaker.left)()
            billed = trouble is None or trouble.billed
            cost = held.usd if billed else Decimal(0)  # what may have been billed counts as spent
            kind = trouble.sort if trouble else "failed"
            row = self._row(target, request, sent, whom, result=kind, cost=cost, begun=begun, estimated=billed)
            self.money.settle(held, cost, row)
            if not billed:
                self.limits.used(admitted, 0)
            raise
        target.breaker.succeeded()
        recorded = self._recorded(target, request, sent, said)
        cost, uncounted = recorded.cost_usd, "usage" in recorded.dropped
        row = self._row(
            target, request, sent, whom, result="answered", cost=cost, begun=begun, estimated=uncounted, said=recorded
        )
        self.money.settle(held, cost, row)
        self.limits.used(admitted, recorded.prompt_tokens + recorded.completion_tokens)
        return recorded

    def _recorded(self, target: _Model, request: Request, sent: Sent, said: Said) -> Recorded:
        uncounted = said.prompt_tokens is None or said.completion_tokens is None
        prompt = prompt_bound(request) if said.prompt_tokens is None else said.prompt_tokens
        completion = request.parameters.max_tokens if said.completion_tokens is None else said.completion_tokens
        dropped = dict(sent.dropped)
        if uncounted:
            dropped["usage"] = "the provider counted no tokens; the worst case stands"
        return Recorded(
            text=self.redact(said.text),
            provider=target.provider.name,
            model=said.model or target.name,
            requested=request.parameters.as_dict(),
            accepted=dict(sent.accepted),
            dropped={name: self.redact(why) for name, why in dropped.items()},
            finish=said.finish,
            fingerprint=said.fingerprint,
            price_map_digest=self.wire.price_map_digest(),
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost_usd=target.price.cost(prompt, completion),
        )

    def _waited(self, provider: Provider, trouble: Trouble, attempts: int) -> bool:
        """Wait before the next attempt; False if there is none, or if it asks for too long."""
        rule = provider.retries
        if attempts >= rule.attempts:
            return False
        wait = self.ground.chance() * min(rule.longest, rule.base * 2 ** (attempts - 1))
        if trouble.retry_after is not None:
            if trouble.retry_after > rule.longest_retry_after:
                return False
            wait = max(wait, trouble.retry_after)
        self.ground.sleep(wait)
        return True

    def _row(
        self,
        target: _Model,
        request: Request,
        sent: Sent,
        whom: For,
        *,
        result: str,
        cost: Decimal,
        begun: float,
        estimated: bool,
        said: Recorded | None = None,
    ) -> dict[str, Any]:
        """A call as the journal tells it. ``estimated``: nobody said what it cost, and the worst case counts."""
        now = self.ground.clock()
        return {
            **journal_row(request, whom, now),
            "provider": target.provider.name,
            "model": said.model if said else target.name,
            "result": result,
            "prompt_tokens": said.prompt_tokens if said else 0,
            "completion_tokens": said.completion_tokens if said else 0,
            "cost_usd": f"{cost:f}",
            "estimated": estimated,
            "latency_ms": max(0.0, now - begun) * 1000,
            "accepted": {name: sent.accepted[name] for name in OPTIONAL if name in sent.accepted},
        }


@dataclass(frozen=True, slots=True)
class _Passed:
    """A model that gave no answer."""

    reason: str
    next_model: bool = False  # whether another model of the provider may do better


def journal_row(request: Request, whom: For, now: float) -> dict[str, Any]:
    """What every line of the journal says."""
    return {
        "at": datetime.fromtimestamp(now, UTC).isoformat(),
        "key": whom.agent,
        "stage": whom.stage,
        "prompt": request.prompt,
        "request": request.digest,
        "sample": whom.sample,
        "reask": request.reask,
    }


def prompt_bound(request: Request) -> int:
    """Tokens of the messages at most: a token is at least one byte, so no tokenizer is needed for a worst case."""
    return sum(len(m["content"].encode("utf-8", "surrogatepass")) + _FRAME for m in request.messages)


def worst(price: Price, request: Request) -> Decimal:
    """US dollars that one call can cost at most."""
    return price.cost(prompt_bound(request), request.parameters.max_tokens)
