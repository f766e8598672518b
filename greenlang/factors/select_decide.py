"""The steps that decide: region and year, edition, unit, parts and figures taken over, one answer.

Belongs here: these steps, in their order. Does not belong here: the words that never relax (``select_narrow``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from operator import attrgetter

from greenlang.factors.model import Factor
from greenlang.factors.select_case import Case, Found, others
from greenlang.factors.select_convert import Ratio, calorific_ratio, converted, is_energy, per_fits
from greenlang.factors.select_groups import SAID, Group
from greenlang.factors.select_model import SHOWN, Selection, SelectionRefused
from greenlang.factors.select_offers import Offer, Proposal
from greenlang.factors.select_places import Stage, off, stages
from greenlang.factors.select_words import telling

_but_unit = attrgetter(*(name for name in SAID if name != "per"))
_but_dataset = attrgetter(*(name for name in SAID if name != "dataset"))


def decided(case: Case, groups: list[Group]) -> Selection:
    """The one answer. Raises SelectionRefused for none and for several."""
    found = _edition(case, _region_and_year(case, groups))
    found = _own_unit_first(case, found)
    found = _same_figure(case, _wholes_and_originals(case, found))
    if len(found) > 1:
        raise _several(case, found)
    return _selection(case, found[0])


def _region_and_year(case: Case, groups: list[Group]) -> list[Found]:
    request, region = case.request, case.region
    near = bool(request.relax_years) and request.year is not None
    for stage in stages(region is not None, request.relax_region, near):
        found = [
            Found(group, place, row)
            for group in groups
            for place, row in case.places.rows(stage, group, region, request)
        ]
        if found:
            found = _newest(case, found, relaxed=stage.years)
            _record(case, stage, region, groups, found)
            return found
    raise _nowhere(case, groups, region)


def _newest(case: Case, found: list[Found], *, relaxed: bool) -> list[Found]:
    """Of each dataset's activity the own year nearest to the asked one; relaxed, the nearest, else the earlier.

    A newer figure never stands in for one with another boundary.
    """
    year = case.request.year
    if year is None or len(found) == 1:
        return found
    best: dict[tuple[str, ...] | None, tuple[int, int]] = {}
    marked = []
    for one in found:
        own = year if one.row.own_year is None else one.row.own_year
        mark = (off(one.row, year), own) if relaxed else (abs(own - year), own)
        place = None if relaxed else (one.group.dataset, one.group.activity, one.group.boundary, one.region)
        marked.append((one, mark, place))
        best[place] = min(best.get(place, mark), mark)
    return [one for one, mark, place in marked if mark == best[place]]


def _record(case: Case, stage: Stage, region: str | None, groups: list[Group], found: list[Found]) -> None:
    kept = frozenset(one.row.number for one in found)
    request = case.request
    texts = dict.fromkeys([case.places.text(one.region, one.row, one.group, request) for one in found])
    if stage.relaxes:
        hows = [case.places.relaxed(stage, one.region, one.row, one.group, region, request.year) for one in found]
        case.relaxed += dict.fromkeys(how for one in hows for how in one)
    case.trail.reject(f"not {_asked(case, region)}", case.trail.left - len(kept), partial(others, groups, kept))
    if region is not None or request.year is not None:
        text = "; ".join([*texts, *(f"relaxed: {how}" for how in case.relaxed)])
        case.trail.step("region and year", text)


def _asked(case: Case, region: str | None) -> str:
    return " ".join(f"for {part}" for part in (region, case.request.year) if part is not None)


def _nowhere(case: Case, groups: list[Group], region: str | None) -> SelectionRefused:
    asked = _asked(case, region)
    case.reject(groups, f"not {asked}")
    case.trail.step("region and year", asked)

    def proposal() -> Proposal:
        found = case.places.offers(groups, region, case.request)
        return found._replace(offers=(*_gases_apart(case), *found.offers))

    return case.refused(f"no figure {asked}", proposal=proposal)


def _gases_apart(case: Case) -> list[Offer]:
    """The gases of which the asked region has figures, where CO2e was meant."""
    here = sorted({group.gas for group in case.gases if case.region is not None and case.region in group.regions})
    if not here:
        return []
    ends = ", and bring each to CO2e with a GWP in a formula"
    changes = tuple({"gas": gas} for gas in here)
    return [Offer(f"for {case.region} gases stand apart", "ask for", changes, ends, relaxing=False)]


def _edition(case: Case, found: list[Found]) -> list[Found]:
    """Of several editions with the same own year the latest; an older one is superseded."""
    if len(found) == 1:
        return found
    latest: dict[tuple[int, str, int | None], tuple[object, ...]] = {}
    for one in found:
        place = (id(one.group), one.region, one.row.own_year)
        latest[place] = max(latest.get(place, one.row.edition), one.row.edition)
    left = [o for o in found if o.row.edition == latest[id(o.group), o.region, o.row.own_year]]
    _fall(case, found, left, "edition", "a later edition of the dataset holds the same year")
    return left


def _own_unit_first(case: Case, found: list[Found]) -> list[Found]:
    """Figures that differ in their unit alone: the one in the asked unit needs no conversion."""
    per = case.request.per
    if per is None or len({one.group.per for one in found}) < 2:
        return found
    alike: dict[tuple[object, ...], list[Found]] = {}
    for one in found:
        alike.setdefault((_but_unit(one.group), one.region, one.row.own_year, one.row.edition), []).append(one)
    left = []
    for same in alike.values():
        exact = [one for one in same if per_fits(one.group.per, per) == "same"]
        left += exact or same
    _fall(case, found, left, "unit", f"the publisher gives the same figure per {per}")
    return left


def _wholes_and_originals(case: Case, found: list[Found]) -> list[Found]:
    if len(found) < 2:
        return found
    keys = {case.table.keys[one.row.number] for one in found}
    wholes = [one for one in found if case.index.whole_of(one.row.number) not in keys]
    _fall(case, found, wholes, "wholes", "its whole is among the answers; a part never competes with it")
    own = {(name, one.group.boundary) for one in wholes for name in _names(one.group)}
    left = []
    for one in wholes:
        origin = case.index.taken_from[one.row.number].lower()
        if not origin or origin in _names(one.group) or (origin, one.group.boundary) not in own:
            left.append(one)
    _fall(case, wholes, left, "originals", "it was taken over from a publisher whose own figure is among the answers")
    return left


def _names(group: Group) -> tuple[str, str]:
    """Publisher and dataset, by which another names whom a figure was taken from."""
    return group.publisher, group.dataset.partition("/")[2]


def _same_figure(case: Case, found: list[Found]) -> list[Found]:
    """One publisher's figure that stands twice for an activity, alike in every word, edition and value: one answer."""
    if len(found) < 2:
        return found
    first: dict[tuple[object, ...], Found] = {}
    for one in sorted(found, key=lambda one: one.row.number):  # in the order of the keys
        factor = case.table.at(one.row.number)
        place = (_but_dataset(one.group), one.region, one.row.own_year, one.row.vintage)
        first.setdefault((*place, factor.value, factor.unit), one)
    left = list(first.values())
    _fall(case, found, left, "same figure", "the publisher prints the same figure twice; the first by key is cited")
    return left


def _fall(case: Case, before: list[Found], after: list[Found], rule: str, reason: str) -> None:
    if len(after) == len(before):
        return
    kept = {one.row.number for one in after}
    out = [one.row.number for one in before if one.row.number not in kept]
    case.trail.reject(reason, len(out), out.copy)
    case.trail.step(rule, reason)


def _several(case: Case, found: list[Found]) -> SelectionRefused:
    case.trail.step("one answer", f"{len(found)} rows remain: nothing is picked")
    keys = tuple(sorted(case.table.keys[one.row.number] for one in found))
    return case.refused(f"{len(keys)} rows remain", candidates=keys, proposal=partial(_telling_apart, case, found))


def _telling_apart(case: Case, found: list[Found]) -> Proposal:
    """The words that tell rows apart, each row's own values as a change; else the keys."""
    found = sorted(found, key=lambda one: one.row.number)  # in the order of the keys
    rows = [case.table.at(one.row.number) for one in found]
    columns = telling(rows, [one.row.own_year for one in found], unit_said=case.request.per is not None)
    words = {word: tuple(sorted(map(str, set(values)))) for word, values in columns.items()}
    said = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    changes = [one for one in said if one.get("year") != ""][:SHOWN]  # a figure for every year is asked by no year
    by_word = [Offer("", "decides", tuple(changes), values=words)] if columns else []
    refs = tuple(row.ref for row in rows)
    by_key = Offer(
        "no word tells them apart, name one by its key",
        "by key",
        tuple({"activity": ref} for ref in refs[:SHOWN]),
        values={"activity": refs},
    )
    boundaries = {row.boundary for row in rows}
    unlike = len(boundaries) > 1 and "boundary" not in columns
    shown = ", ".join(boundary or "not stated" for boundary in sorted(boundaries))
    always = f"their boundaries differ: {shown}" if unlike else ""
    return Proposal((*by_word, *_gases_apart(case)), (by_key,), always=always, words=words)


def _selection(case: Case, one: Found) -> Selection:
    factor = case.table.at(one.row.number)
    ratio: Ratio | None = None
    asked = case.request.calorific_basis
    if case.crossing and factor.calorific_basis != asked:
        ratio = calorific_ratio(factor, case.table, case.rule)
        if ratio is None:
            raise case.refused(
                f"the figure is on {factor.calorific_basis}, {asked} is asked, and {factor.publisher} publishes no "
                "pair of heating values for it",
                candidates=(factor.key,),
                proposal=partial(_own_basis, factor),
            )
    value, unit, conversion = converted(factor, case.request.per, ratio)
    unsaid = _unsaid(case, one.group)
    if unsaid:
        case.trail.step("not said", f"the one that is left has {unsaid}")
    if conversion.citation:
        text = f"from {conversion.source} to {conversion.target}: {conversion.citation}"
        case.trail.step("conversion", text)
    return Selection(
        request=case.request,
        factor=factor,
        value=value,
        unit=unit,
        conversion=conversion,
        relaxed=tuple(case.relaxed),
        warnings=tuple(_warnings(case, one.group, factor)),
        release=case.table.release,
        digest=case.table.digest,
        trail=case.trail,
    )


def _own_basis(factor: Factor) -> Proposal:
    change = {"calorific_basis": factor.calorific_basis}
    return Proposal((Offer("", "ask for", (change,), ", or convert the activity data by your own heating values"),))


def _unsaid(case: Case, group: Group) -> str:
    words = [
        f"{word.label} {value}"
        for word in case.rule.never_relaxes
        if getattr(case.request, word.word) is None and word.not_said is None and (value := getattr(group, word.word))
    ]
    return ", ".join(words)


def _warnings(case: Case, group: Group, factor: Factor) -> Iterator[str]:
    """Words that were left unsaid, and of which the answer has another value than is mostly meant."""
    if case.meant is None:
        return
    for word in case.rule.never_relaxes:
        if word.usual is None or getattr(case.request, word.word) is not None:
            continue
        value = getattr(group, word.word)
        if value in word.usual.values:
            continue
        stated = [usual for usual in word.usual.values if usual]
        if is_energy(group.per) or any(getattr(other, word.word) in stated for other in case.meant):
            yield (
                f"{word.label} was not said: {factor.ref} is {value}, not {word.usual.are} ({', '.join(stated)}); "
                f"say {word.word}={value} if that is meant"
            )
