"""The steps that narrow by words: activity, source, standing, what never relaxes, unit.

Belongs here: these steps, in their order. Does not belong here: region, year and everything after (``select_decide``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from greenlang.factors.select_case import Case, count, others
from greenlang.factors.select_convert import is_energy, per_fits
from greenlang.factors.select_groups import Group
from greenlang.factors.select_model import SHOWN, SelectionRefused
from greenlang.factors.select_offers import How, Offer, Proposal
from greenlang.factors.select_rule import Word
from greenlang.factors.table import SCHEME, split_ref

_OTHER_BASIS = {"HHV": "LHV", "LHV": "HHV"}


def narrowed(case: Case) -> list[Group]:
    """The groups that fit every word of the request. Raises SelectionRefused where none is left."""
    asked = _source_asked(case)
    case.region = _region(case)
    groups = _standing(case, _activity(case, asked))
    for word in case.rule.never_relaxes:
        if word.not_said is not None or getattr(case.request, word.word) is not None:
            groups = _word(case, word, groups)
    return _unit(case, groups)


def _activity(case: Case, source: tuple[str, str, str]) -> list[Group]:
    value = case.request.activity.strip()
    if value.startswith(SCHEME) or case.table.position(value) is not None:
        return _source(case, _by_reference(case, value), *source)
    meant = case.index.meant(value)
    if meant is None:
        raise case.refused(f"no activity is called `{value}`", proposal=partial(_like, case, value))
    case.meant = meant.all_groups
    case.trail.left = meant.rows
    case.trail.step("activity", f"`{value}` is {meant.text}")
    return _source(case, meant.groups, *source)


def _like(case: Case, value: str) -> Proposal:
    """Activities that an everyday word may mean."""
    found = tuple({"activity": activity} for activity in case.index.suggestions.find(value))
    ways = "give the publisher's path, a reviewed alias, or a key; `greenlang factors search` finds them"
    return Proposal((Offer("perhaps", "perhaps", found),) if found else (), always=ways)


def _by_reference(case: Case, value: str) -> list[tuple[Group, frozenset[str]]]:
    path, release = split_ref(value)
    if release is not None and release != case.table.release:
        raise case.refused(
            f"`{value}` asks for release {release}, but the release here is {case.table.release}",
            hint="load that release, or leave the `@` out",
        )
    rows = case.table.below(path)
    if not rows:
        raise case.refused(
            f"no factor `{value}` in release {case.table.release}",
            proposal=lambda: Proposal(otherwise=case.table.nearest_text(value)),
        )
    numbers: dict[str, list[int]] = {}
    exact = len(rows) == 1 and rows[0].key == path
    for row in rows:
        number = case.table.position(row.key)
        assert number is not None
        if exact or not case.index.repeats(number, path):
            numbers.setdefault(row.activity, []).append(number)
    groups = [g for activity, found in numbers.items() for g in case.index.grouped(found, activity, by_key=exact)]
    case.trail.left = count(groups)
    case.trail.step("activity", f"the reference names {'this row' if exact else 'the rows below it'}")
    case.meant = None if exact else tuple(groups)
    return [(group, frozenset((group.dataset,))) for group in groups]


def _source_asked(case: Case) -> tuple[str, str, str]:
    """``(publisher, publisher/dataset, edition)`` of the asked source; what is not asked is empty."""
    if case.request.source is None:
        return "", "", ""
    asked = case.request.source.strip().strip("/").lower()
    publisher, *further = asked.split("/")
    dataset = "/".join((publisher, *further[:1])) if further else ""
    if len(further) > 2 or not all((publisher, *further)):
        raise case.refused(f"`{asked}` is no source", hint="a source is publisher[/dataset[/vintage]]")
    if publisher not in case.index.publishers:
        meant = case.places.publisher_meant(publisher)
        hint = f"perhaps `{meant}`" if meant else f"there are {', '.join(sorted(case.index.publishers))}"
        raise case.refused(f"no publisher is called `{publisher}`", hint=hint)
    if dataset and dataset not in case.index.datasets:
        there = sorted(name for name in case.index.datasets if name.startswith(f"{publisher}/"))
        raise case.refused(f"no dataset is called `{dataset}`", hint=f"there are {', '.join(there)}")
    return publisher, dataset, further[1] if len(further) == 2 else ""


def _region(case: Case) -> str | None:
    if case.request.region is None:
        return None
    found = case.places.region(case.request.region)
    if len(found) != 1:
        problem = "is no region that is known" if not found else f"means {', '.join(found)}"
        raise case.refused(
            f"`{case.request.region}` {problem}",
            hint="give an ISO 3166 code such as GB or US-CA, the name of a country, or a code of the publisher",
        )
    return found[0]


def _source(
    case: Case, groups: Sequence[tuple[Group, frozenset[str]]], publisher: str, dataset: str, vintage: str
) -> list[Group]:
    if not publisher:
        return [group for group, _ in groups]
    left: list[Group] = []
    out: dict[str, list[Group]] = {}
    for group, sources in groups:
        if group.publisher == publisher and (not dataset or group.dataset == dataset or dataset in sources):
            left.append(group)
        else:
            out.setdefault(group.dataset, []).append(group)
    for name, fallen in out.items():
        case.reject(fallen, f"its source is {name}")
    if vintage:
        left = _vintage(case, left, dataset, vintage)
    asked = "/".join(filter(None, (dataset or publisher, vintage)))
    case.trail.step("source", asked)
    if not left:
        raise _not_there(case, groups, asked, dataset, vintage)
    return left


def _not_there(
    case: Case, groups: Sequence[tuple[Group, frozenset[str]]], asked: str, dataset: str, vintage: str
) -> SelectionRefused:
    there = case.index.editions_of(dataset) if vintage else ()
    if there and vintage not in there:
        offer = Offer(f"there is {', '.join(there)}", "ask for", ({"source": dataset},))
        message, otherwise = f"{dataset} has no edition {vintage} that is loaded", f"there is {', '.join(there)}"
    else:
        names = sorted({group.dataset for group, _ in groups})
        offer = Offer("", "ask for", tuple({"source": name} for name in names))
        message, otherwise = f"`{asked}` has no such activity", f"it stands in {', '.join(names[:SHOWN])}"
    return case.refused(message, proposal=lambda: Proposal((offer,), otherwise=otherwise))


def _vintage(case: Case, groups: list[Group], source: str, vintage: str) -> list[Group]:
    cuts = [(group, group.edition(case.index.edition_meant(source, vintage, group.dataset))) for group in groups]
    for group, cut in cuts:
        if out := len(group) - len(cut):
            rest = partial(others, (group,), frozenset(cut.numbers))
            case.trail.reject(f"its edition is not {vintage}", out, rest)
    return [cut for _, cut in cuts if len(cut)]


def _standing(case: Case, groups: list[Group]) -> list[Group]:
    left: list[Group] = []
    closed: dict[str, list[Group]] = {}
    for group in groups:
        if group.closed:
            closed.setdefault(group.closed, []).append(group)
        else:
            left.append(group)
    for reason, fallen in closed.items():
        case.reject(fallen, reason)
    if closed:
        case.trail.step("standing", "rows that may stand for an answer")
    if not left:
        raise case.refused(
            f"every row is kept out: {'; '.join(sorted(closed))}",
            hint="name one row by its key to take it all the same",
        )
    return left


def _word(case: Case, word: Word, groups: list[Group]) -> list[Group]:
    asked = getattr(case.request, word.word)
    said = asked is not None
    asked = word.not_said if asked is None else asked
    if asked == word.not_said and case.request.kind in word.open_for:
        case.trail.step(word.label, f"that of the activity, as kind {case.request.kind} was said")
        return groups
    left: list[Group] = []
    by_value: dict[object, list[Group]] = {}
    for group in groups:
        value = getattr(group, word.word)
        if value == asked or not _applies(word, group):
            left.append(group)
        else:
            by_value.setdefault(value, []).append(group)
    out = [group for fallen in by_value.values() for group in fallen]
    if word.word == "calorific_basis" and (crossing := _other_basis(case, str(asked), left, out)):
        return crossing
    for value, fallen in by_value.items():
        case.reject(fallen, _is(word, value))
    if said or out:
        text = f"{_shown(asked)}" if said else f"{_shown(asked)}, as nothing else was said"
        case.trail.step(word.label, text)
    if word.word == "gas" and asked == word.not_said:
        case.gases = out
    if not left:
        raise _no_word(case, word, asked, list(by_value))
    return left


def _other_basis(case: Case, asked: str, left: list[Group], out: list[Group]) -> list[Group]:
    """Energy is asked and no figure is on the asked basis: those on the other one, to be led over by a ratio."""
    per = case.request.per
    if any(group.calorific_basis == asked for group in left) or (per and not is_energy(per)) or (left and not per):
        return []
    if case.request.kind == "property":
        return []  # a heating value is what leads from one basis to the other
    crossing = [group for group in out if group.calorific_basis == _OTHER_BASIS.get(asked)]
    if not crossing:
        return []
    case.reject([group for group in out if group not in crossing], "calorific basis is not stated")
    case.crossing = True
    text = f"{asked}; the figures are on {_OTHER_BASIS[asked]}, so a cited ratio of heating values is needed"
    case.trail.step("calorific basis", text)
    return left + crossing


def _no_word(case: Case, word: Word, asked: object, there: list[object]) -> SelectionRefused:
    if word.word == "gas" and asked == word.not_said:
        why = ", and bring each to CO2e with a GWP in a formula"
    else:
        why = f"; {word.label} never relaxes: {word.why}"
    message = f"no figure with {word.label} {_shown(asked)}"
    return case.refused(message, proposal=lambda: _values(word.word, there, why))


def _values(word: str, values: Iterable[object], ends: str) -> Proposal:
    """Each value of a word that there is."""
    there = sorted(values, key=str)
    texts = ", ".join(_shown(value) for value in there[:SHOWN])
    how: How = "ask for" if word in {"gas", "kind", "per"} else "there is"
    offer = Offer("", how, tuple({word: value} for value in there[:SHOWN]), ends, relaxing=False)
    return Proposal((offer,), otherwise=f"there is {texts}, but not with the rest of what is asked{ends}")


def _unit(case: Case, groups: list[Group]) -> list[Group]:
    per = case.request.per
    if per is None:
        return groups
    left: list[Group] = []
    by_reason: dict[str, list[Group]] = {}
    for group in groups:
        fits = per_fits(group.per, per)
        if fits in {"same", "converts"}:
            left.append(group)
        else:
            by_reason.setdefault(fits, []).append(group)
    for reason, fallen in by_reason.items():
        case.reject(fallen, reason)
    case.trail.step("unit", f"per {per}, or what converts into it")
    if not left:
        raise case.refused(f"no figure per {per}", proposal=lambda: _values("per", {g.per for g in groups}, ""))
    return left


def _applies(word: Word, group: Group) -> bool:
    if word.applies_to == "co2e":
        return bool(group.gas == "CO2e" or group.kind == "gwp")
    heating_value = group.kind == "property" and group.calorific_basis
    return word.applies_to != "energy" or is_energy(group.per) or bool(heating_value)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "biogenic" if value else "not biogenic"
    return str(value) or "not stated"


def _is(word: Word, value: object) -> str:
    return f"it is {_shown(value)}" if isinstance(value, bool) else f"{word.label} is {_shown(value)}"
