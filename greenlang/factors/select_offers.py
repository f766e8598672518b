"""What may be said instead where a request is refused, and what came of trying it.

Belongs here: these values. Does not belong here: which offers a step makes (``select_narrow``, ``select_decide``),
trying them out (``select_mend``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Changes = Mapping[str, Any]  # fields of a request, with what to say in their place
How = Literal["decides", "allows", "ask for", "there is", "perhaps", "by key", "leave out"]


class Offer(NamedTuple):
    """Changes to a request of which each may lead to an answer.

    ``says`` begins the sentence, ``how`` goes on with the changes, ``ends`` ends it; ``allowed`` is what is allowed.
    ``values`` are those of each word, where there are more than ``changes`` lists. ``relaxing``: region and year may
    be relaxed besides.
    """

    says: str
    how: How
    changes: tuple[Changes, ...]
    ends: str = ""
    allowed: str = "it"
    values: Mapping[str, tuple[str, ...]] = {}
    relaxing: bool = True


class Proposal(NamedTuple):
    """Everything that a refusing step offers, in its order. ``further`` are tried one by one where no offer leads on.

    ``otherwise`` is said where nothing leads to an answer, ``always`` in any case. ``words`` are those that would tell
    rows that remain apart.
    """

    offers: tuple[Offer, ...] = ()
    further: tuple[Offer, ...] = ()
    otherwise: str = ""
    always: str = ""
    words: Mapping[str, tuple[str, ...]] = {}


class Mend(NamedTuple):
    """Changes that were tried, and the reference that the rule gives with them."""

    changes: Changes
    ref: str


class Advice(NamedTuple):
    """One sentence that says what to do, and the mends it speaks of: each of them leads to an answer."""

    hint: str = ""
    words: Mapping[str, tuple[str, ...]] = {}
    mends: tuple[Mend, ...] = ()
