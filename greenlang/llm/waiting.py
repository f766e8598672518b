"""What an agent waits for where a model was wanted and gave no answer, and whether that has come since.

Belongs here: marks of what was at hand (providers with a key, recordings, budget, rounds), and comparing them. Does not
belong here: asking, which agents are built (``greenlang.factory.line``). A mark holds no key and no part of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property

from greenlang.llm import config as configuration
from greenlang.llm.ask import Why
from greenlang.llm.cassettes import Cassettes
from greenlang.provenance import digest
from greenlang.settings import Settings

_PROVIDER = "provider"


class AtHand:
    """What these settings have at hand for questions to models. Read once; take a new one to look again.

    Raises SettingsError for a configuration that cannot be read, and only when a mark is made or compared.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.environment = environment

    def mark(self, why: Why | None) -> str:
        """What an agent waits for that got no answer for this reason; empty where nothing that comes would help.

        ``model <digest>`` changes with the providers that have a key and with the recordings, ``budget <USD>`` and
        ``rounds <n>`` with the limits; ``night <name>`` waits for another night, or the day; a provider that failed is
        worth another try whenever agents are built.
        """
        if why in {"no_model", "not_recorded"}:
            return f"model {self._models}"
        if why == "budget":
            return f"budget {self.settings.llm_budget_usd}"
        if why == "night_budget":
            return f"night {self.settings.night}"
        if why == "rounds":
            return f"rounds {self.settings.llm_rounds}"
        return _PROVIDER if why == "unavailable" else ""

    def came(self, mark: str) -> bool:
        """Whether there is now what an agent with this mark waits for."""
        kind, _, then = mark.partition(" ")
        if kind == "model":
            return then != self._models
        if kind == "budget":
            return self.settings.llm_budget_usd > Decimal(then)
        if kind == "night":
            return then != self.settings.night
        if kind == "rounds":
            return self.settings.llm_rounds > int(then)
        return kind == _PROVIDER

    @cached_property
    def _models(self) -> str:
        from greenlang.llm.wire import LiteLLM  # and with it an HTTP client: only where an agent waits

        named = configuration.environment() if self.environment is None else self.environment
        providers = configuration.load(self.settings).providers if self.settings.llm != "replay" else ()
        ready = [[p.name, p.kind, p.base_url, list(p.models)] for p in providers if p.key(named) is not None]
        missing = LiteLLM().missing() if ready else ""
        recorded = Cassettes(self.settings.cassettes).names()
        return digest([ready, missing, recorded])[:16]
