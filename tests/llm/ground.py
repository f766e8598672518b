"""A clock that stands until somebody waits, and what the tests of the gateway share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from greenlang.llm.ask import Ask
from greenlang.llm.calling import Ground
from greenlang.llm.config import Gateways, Price, Provider
from greenlang.llm.gateway import Gateway
from greenlang.llm.replies import NamesAndDocs
from greenlang.llm.wire import Call, Said
from greenlang.settings import Settings

KEY = "sk-planted-0123456789abcdef"
GOOD = '{"title": "Boiler", "summary": "Emissions of a boiler."}'


@dataclass
class Clock:
    """Time for tests: waiting moves it on."""

    now: float = 1_700_000_000.0
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@dataclass
class Script:
    """A wire that carries nothing: it says what it was told, in order, the last for ever."""

    says: Sequence[str | Exception | Said]
    price_: Price | None = field(
        default_factory=lambda: Price(input_usd_per_million=Decimal(3), output_usd_per_million=Decimal(15))
    )
    calls: list[tuple[str, str, tuple[Mapping[str, str], ...], dict[str, Any]]] = field(default_factory=list)

    def missing(self) -> str:
        return ""

    def supported(self, provider: Provider, model: str) -> frozenset[str] | None:
        return None

    def price(self, provider: Provider, model: str) -> Price | None:
        return self.price_

    def price_map_digest(self) -> str:
        return "0" * 64

    def call(self, call: Call) -> Said:
        assert call.key.get_secret_value() == KEY
        self.calls.append((call.provider.name, call.model, tuple(call.messages), dict(call.parameters)))
        said = self.says[min(len(self.calls), len(self.says)) - 1]
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Said):
            return said
        return Said(said, f"{call.model}-real", "stop", "fp", 100, 20)


def provider(name: str = "openai", **more: Any) -> Provider:
    return Provider.model_validate(
        {"name": name, "kind": "openai", "models": ("gpt-4.1",), "api_key_env": "KEY", **more}
    )


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(var=folder / "var", **{"llm": "record", **more})  # whatever CI sets


def gateway(
    folder: Path, wire: Script | None = None, *, clock: Clock | None = None, config: Gateways | None = None, **more: Any
) -> Gateway:
    clock = clock or Clock()
    return Gateway(
        settings(folder, **more),
        config=config or Gateways(providers=(provider(),)),
        environment={"KEY": KEY},
        wire=wire or Script([GOOD]),
        ground=Ground(clock, clock.sleep, lambda: 1.0),
    )


def question(text: str = "a boiler", **more: Any) -> Ask[NamesAndDocs]:
    values = {"spec": text, "ports": ["fuel [kWh]"], "plan": "fuel * factor"}
    return Ask("names_and_docs", values, NamesAndDocs, agent="boiler@1.0.0-12345678", stage="doc_generation", **more)
