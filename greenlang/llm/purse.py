"""The purse of a night: what models may cost in it over all agents, tenants and processes.

Belongs here: setting aside from the agent's account and from the night's together. Does not belong here: how an account
is kept (``greenlang.llm.accounts``), which night it is (``greenlang.nightly``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from greenlang.llm.accounts import Accounts, Reservation, Short
from greenlang.settings import Settings

_NO_LIMIT = Decimal(1_000_000_000)  # what is spent is counted all the same


class NightShort(Short):
    """A reservation that the agent's budget allows, and the night's does not."""


@dataclass(frozen=True, slots=True)
class Held:
    """Money that a call may cost at most, out of the agent's account and of the night's, where there is one."""

    agent: Reservation
    night: Reservation | None

    @property
    def usd(self) -> Decimal:
        """How much it is, in US dollars."""
        return self.agent.usd


@dataclass(frozen=True, slots=True)
class Purse:
    """The account of the night ``night``, in accounts that all tenants share. ``limit`` None: counted, not limited.

    What a killed process had set aside stays taken until the night is over: nobody knows whether it was billed.
    """

    accounts: Accounts
    night: str
    limit: Decimal | None

    def taken(self) -> Decimal:
        """US dollars spent in this night, and set aside for calls that are under way."""
        account = self.accounts.account(self.night)
        return account.spent + account.reserved

    def reserve(self, usd: Decimal) -> Reservation | NightShort:
        """Set money aside for one call."""
        limit = _NO_LIMIT if self.limit is None else self.limit
        held = self.accounts.reserve(self.night, usd, limit)
        return held if isinstance(held, Reservation) else NightShort(held.left, held.needed)


def purse_of(settings: Settings) -> Purse | None:
    """The purse of the night that these settings are of; None by day."""
    if not settings.night:
        return None
    return Purse(Accounts(settings.llm_shared / "nights"), settings.night, settings.nightly_budget_usd)


@dataclass(frozen=True, slots=True)
class Money:
    """Where calls are paid from: the agents' accounts, and by night its purse."""

    accounts: Accounts
    purse: Purse | None

    def reserve(
        self, agent: str, usd: Decimal, limit: Decimal, *, until: float, call: Mapping[str, Any]
    ) -> Held | Short:
        """Set money aside in both, or in neither; see `Accounts.reserve`."""
        first = self.accounts.reserve(agent, usd, limit, until=until, call=call)
        if isinstance(first, Short):
            return first
        second = self.purse.reserve(usd) if self.purse else None
        if isinstance(second, Short):
            self.accounts.settle(first, Decimal(0))
            return second
        return Held(first, second)

    def settle(self, held: Held, usd: Decimal, call: Mapping[str, Any]) -> None:
        """Replace what was set aside by what the call cost, and tell the journal; see `Accounts.settle`."""
        self.accounts.settle(held.agent, usd, call)
        if self.purse is not None and held.night is not None:
            self.purse.accounts.settle(held.night, usd)
