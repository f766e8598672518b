"""The gateway: a question in, a typed answer or the reason why there is none out.

Belongs here: the way of a question past cassettes, rounds, calls and re-asks. Does not belong here: what becomes of an
answer. `Gateway.ask` never raises for what a provider does; it raises for a prompt that cannot be rendered.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self, TypeVar

from pydantic import BaseModel

from greenlang.errors import PackError
from greenlang.llm import config as configuration
from greenlang.llm.accounts import Accounts
from greenlang.llm.ask import Answer, Ask, NoAnswer
from greenlang.llm.calling import Caller, For, Ground, journal_row
from greenlang.llm.cassettes import Cassettes, Recorded
from greenlang.llm.disclosing import Exchange, disclosed
from greenlang.llm.parsing import parse
from greenlang.llm.prompts import render
from greenlang.llm.purse import Money, purse_of
from greenlang.llm.request import ASIDE, Parameters, Request, request, round_digest
from greenlang.llm.secrets import Redactor
from greenlang.llm.slots import Slots
from greenlang.llm.usage import flush
from greenlang.llm.wire import LiteLLM, Wire
from greenlang.settings import Settings

Reply = TypeVar("Reply", bound=BaseModel)

_LOOK = "see whether `var` can be written, and whether the disk is full"
_FLUSH = 200  # replays that wait in memory (they cost nothing; a call that does is noted at once)


class Gateway:
    """Asks models. ``with Gateway(settings) as model: model.ask(...)`` writes the journal of calls at its end.

    Raises SettingsError for a configuration that cannot be read. One a process; safe between threads.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        config: configuration.Gateways | None = None,
        environment: Mapping[str, str] | None = None,
        wire: Wire | None = None,
        ground: Ground | None = None,
    ) -> None:
        self.settings = settings
        self.config = config or configuration.load(settings)
        self.ground = ground or Ground()
        self.cassettes = Cassettes(settings.cassettes)
        self.accounts = Accounts(settings.var / "llm")
        keys = {}
        if settings.llm != "replay":  # whoever replays needs no key, and holds none
            named = configuration.environment() if environment is None else environment
            found = {p.name: p.key(named) for p in self.config.providers}
            keys = {name: key for name, key in found.items() if key is not None}
        self.caller = Caller(
            self.config,
            keys,
            wire=wire or LiteLLM(self.ground.clock),
            money=Money(self.accounts, purse_of(settings)),
            limits=Accounts(settings.llm_shared),
            slots=Slots(settings.llm_shared / "slots"),
            redact=Redactor(keys.values()),
            ground=self.ground,
        )
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._replays: list[dict[str, Any]] = []
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"Gateway({self.settings.llm}, providers: {', '.join(self.caller.providers) or 'none'})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def flush(self) -> int:
        """Write the journal of calls to the metrics; return how many calls were written."""
        with self._lock:
            mine, self._replays = (self._replays if self._process == os.getpid() else []), []
        if mine:
            self.accounts.note(mine)
        return flush(self.settings, self.accounts, now=self.ground.clock())

    def ask(self, question: Ask[Reply]) -> Answer[Reply] | NoAnswer:
        """Answer one question, from cassettes where they hold it.

        Raises TemplateError for a prompt that is not there or lacks a value: that is our mistake, not a provider's.
        """
        rendered = render(question.prompt, question.values)
        parameters = Parameters(self.config.temperature, self.config.seed, self.config.max_tokens)
        known = {**question.values} | dict.fromkeys(question.aside, ASIDE)
        named = render(question.prompt, known) if question.aside else rendered
        asked = request(rendered, question.reply.model_json_schema(), parameters, question.sample, named)
        round_ = round_digest(asked) if rendered.round else None
        whom = For(question.agent, question.stage, question.sample, self.settings.llm_budget_usd)
        done: list[Exchange] = []
        problems: tuple[str, ...] = ()
        for _ in range(self.config.reasks + 1):
            try:
                exchange = self._exchange(asked, whom, round_)
            except OSError as error:  # a reservation stands then: a call may have been made
                exchange = NoAnswer("unavailable", f"the accounts of models: {self._plain(error)}", _LOOK)
            if isinstance(exchange, NoAnswer):
                told = (disclosed(done),) if done else ()
                return replace(exchange, disclosures=(*told, *exchange.disclosures))
            done.append(exchange)
            value, problems = _read(question, exchange.recorded)
            if value is not None:
                return Answer(value, disclosed(done))
            asked = asked.again(exchange.recorded.text, problems)
        reason = f"no usable reply after {len(done)} attempts; the last: {'; '.join(problems)}"
        return NoAnswer("malformed", reason, "ask another sample, or anew with GREENLANG_LLM=live", (disclosed(done),))

    def _exchange(self, asked: Request, whom: For, round_: str | None) -> Exchange | NoAnswer:
        mode = self.settings.llm
        with self._only(asked.digest):
            try:
                recorded = None if mode == "live" else self.cassettes.get(asked)
            except (PackError, OSError) as error:
                return NoAnswer("not_recorded", self._plain(error), "see `greenlang llm cassettes verify`")
            if recorded is not None:
                self._note_replay(asked, whom, recorded)
                return Exchange(asked, recorded, replayed=True)
            if mode == "replay":
                return NoAnswer(
                    "not_recorded",
                    f"no cassette holds {asked.digest[:12]} ({asked.prompt}, sample {whom.sample}), and"
                    " GREENLANG_LLM=replay forbids calls",
                    "record it where a key is set, then `greenlang llm cassettes export` and `import`",
                )
            if not self.caller.providers:
                names = ", ".join(p.api_key_env for p in self.config.providers if p.api_key_env)
                return NoAnswer("no_model", "no provider of language models has a key", f"set one of {names}")
            if missing := self.caller.wire.missing():
                return NoAnswer("no_model", "the gateway cannot call anybody", missing)
            if round_ is not None and not self.accounts.begin_round(
                whom.agent, whom.stage, round_, self.settings.llm_rounds
            ):
                return NoAnswer(
                    "rounds",
                    f"{whom.agent or 'the questions without an agent'} used all {self.settings.llm_rounds} rounds"
                    f" of {whom.stage or 'no stage'}",
                    "raise GREENLANG_LLM_ROUNDS, or let a person decide",
                )
            called = self.caller.call(asked, whom)
            if isinstance(called, NoAnswer):
                return called
            try:
                kept = self.cassettes.put(asked, called, replace=mode == "live")
            except (PackError, OSError) as error:  # an answer that cannot be replayed is none
                paid = disclosed([Exchange(asked, called, replayed=False)])
                return NoAnswer("unavailable", f"the reply could not be recorded: {self._plain(error)}", _LOOK, (paid,))
            return Exchange(asked, kept, replayed=False)

    def _plain(self, error: Exception) -> str:
        """What went wrong, without this machine's folders."""
        folders = ((str(self.settings.cassettes), "cassettes"), (str(self.settings.var), "var"))
        text = str(error)
        for folder, name in folders:
            text = text.replace(folder, name)
        return text

    def _note_replay(self, asked: Request, whom: For, recorded: Recorded) -> None:
        row = {
            **journal_row(asked, whom, self.ground.clock()),
            "provider": recorded.provider,
            "model": recorded.model,
            "result": "replayed",
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "cost_usd": "0",
            "estimated": False,
            "latency_ms": 0.0,
            "accepted": {},
        }
        with self._lock:
            if self._process != os.getpid():  # after a fork: what waited is the parent's to write
                self._process, self._replays = os.getpid(), []
            self._replays.append(row)
            full = len(self._replays) >= _FLUSH
        if full:
            self.flush()

    @contextmanager
    def _only(self, digest: str) -> Iterator[None]:
        """One thread at a time for one request: the second finds the first one's cassette."""
        with self._lock:
            lock = self._locks.setdefault(digest, threading.Lock())
        with lock:
            yield


def _read(question: Ask[Reply], recorded: Recorded) -> tuple[Reply | None, tuple[str, ...]]:
    """The typed reply, if it also passes the question's own check; else what is wrong with it."""
    parsed = parse(recorded.text, question.reply)
    if parsed.value is None:
        cut = ("the reply was cut off at its longest length",) if recorded.finish == "length" else ()
        return None, (*cut, *parsed.problems)
    problems = tuple(question.check(parsed.value)) if question.check is not None else ()
    return (None, problems) if problems else (parsed.value, ())
