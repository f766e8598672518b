"""Mends of a refused request: each is tried out by the rule itself before a sentence names it.

A change that leads to a further refusal is followed for two more steps, so that one sentence names everything that is
needed: `relax_region and relax_years=1 allow it, and source (ademe, owid) decides`.

Belongs here: trying offers, saying them. Does not belong here: the offers of each step (``select_narrow``,
``select_decide``), the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from greenlang.factors.select_model import SHOWN, Request, Selection, SelectionRefused
from greenlang.factors.select_offers import Advice, Changes, Mend, Offer

Answer = Callable[[Request], Selection | SelectionRefused]

_STEPS = 2  # further words after the first change
_FEW = 6  # changes that are tried at each further step
_MOST = 100  # requests that are tried for one refusal
_PERHAPS = 5  # activities that are offered for a word


class _Tries:
    """Asks changed requests, up to a number of them."""

    def __init__(self, request: Request, answer: Answer) -> None:
        self.request = request
        self._answer = answer
        self._left = _MOST

    def __call__(self, changes: Changes) -> Selection | SelectionRefused | None:
        """The answer to the request with the changes; None where enough were tried."""
        if not self._left:
            return None
        self._left -= 1
        return self._answer(replace(self.request, **changes))


def advice(refused: SelectionRefused, answer: Answer) -> Advice:
    """What would mend a refusal. ``answer`` gives the rule's plain answer to another request."""
    proposal, tries = refused.proposal(), _Tries(refused.request, answer)
    for offers in (proposal.offers, *((offer,) for offer in proposal.further)):
        said, mends = _tried(offers, tries)
        if said:
            break
    else:
        said = [proposal.otherwise]
    return Advice("; ".join(filter(None, (*said, proposal.always))), proposal.words, tuple(mends))


def _tried(offers: Iterable[Offer], tries: _Tries) -> tuple[list[str], list[Mend]]:
    said: list[str] = []
    mends: list[Mend] = []
    for offer in offers:
        if offer.how == "perhaps":
            said.append(_perhaps(offer, tries, mends))
            continue
        led = [_leading(changes, tries, _STEPS, relaxing=offer.relaxing) for changes in offer.changes]
        found = [mend for one in led for mend in one]
        if found:
            said.append(_sentence(offer, found, whole=all(led)))
            mends += found
    return said, mends


def _perhaps(offer: Offer, tries: _Tries, mends: list[Mend]) -> str:
    """Activities for a word: those that answer or need a further word come first."""
    near: list[str] = []
    far: list[str] = []
    for changes in offer.changes:
        got = tries(changes)
        if isinstance(got, Selection):
            mends.append(Mend(changes, got.factor.ref))
        here = isinstance(got, Selection) or (got is not None and got.candidates)
        (near if here else far).append(f"`{changes['activity']}`")
    return f"{offer.says} {', '.join((near + far)[:_PERHAPS])}"


def _leading(changes: Changes, tries: _Tries, steps: int, *, relaxing: bool) -> list[Mend]:
    """The changes, with further ones where they need them, that lead to an answer."""
    got = tries(changes)
    if isinstance(got, Selection):
        return [Mend(changes, got.factor.ref)]
    if got is None or not steps:
        return []
    for offer in got.proposal().offers:
        if offer.how == "allows" and not relaxing:
            continue
        further = [more for more in offer.changes[:_FEW] if not more.keys() & changes.keys()]
        found = [m for more in further for m in _leading({**changes, **more}, tries, steps - 1, relaxing=relaxing)]
        if found:
            return found
    return []


def _sentence(offer: Offer, mends: Sequence[Mend], *, whole: bool) -> str:
    """The offer in words. ``whole``: every change led on, so that values beyond those tried may be named."""
    own = list(dict.fromkeys(word for changes in offer.changes for word in changes))
    values = {word: _values(word, mends) for word in dict.fromkeys(word for mend in mends for word in mend.changes)}
    if whole:
        values.update(offer.values)
    first = [_shown(word, values[word]) for word in own if word in values]
    then = [_shown(word, some) for word, some in values.items() if word not in own]
    match offer.how:
        case "decides":
            text = _decide([*first, *then])
        case "allows":
            text = f"{_and(first)} {'allow' if len(first) > 1 else 'allows'} {offer.allowed}"
            text += f", and {_decide(then)}" if then else ""
        case "leave out":
            text = f"leave the {_and(own)} out" + (f", and {_decide(then)}" if then else "")
        case "by key":
            keys = values[own[0]]
            text = f"{', '.join(keys[:SHOWN])}{f' and {len(keys) - SHOWN} more' if len(keys) > SHOWN else ''}"
        case _:
            text = f"{offer.how} {_and([*first, *then])}"
    return (f"{offer.says}: {text}" if offer.says else text) + offer.ends


def _values(word: str, mends: Sequence[Mend]) -> tuple[Any, ...]:
    return tuple(sorted({mend.changes[word] for mend in mends if word in mend.changes}, key=str))


def _shown(word: str, values: Sequence[Any]) -> str:
    """``relax_region``, ``relax_years=1``, ```source` (ademe, owid)``."""
    if len(values) == 1 and values[0] is True:
        return word
    texts = [str(value) or '""' for value in values[:SHOWN]]
    if len(values) == 1:
        return f"{word}={texts[0]}"
    return f"`{word}` ({', '.join(texts)}{', ...' if len(values) > SHOWN else ''})"


def _decide(parts: Sequence[str]) -> str:
    return f"{_and(parts)} {'decides' if len(parts) == 1 else 'decide'}"


def _and(parts: Sequence[str]) -> str:
    return " and ".join(parts)
