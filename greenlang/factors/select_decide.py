"""The steps that decide: region and year, edition, unit, parts and figures taken over, one answer.

Belongs here: these steps, in their order. Does not belong here: the words that never relax (``select_narrow``).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from greenlang.factors.select_case import Case, Found, count, others
from greenlang.factors.select_convert import Ratio, calorific_ratio, converted, per_fits
from greenlang.factors.select_groups import SAID, Group
from greenlang.factors.select_model import Selection, SelectionRefused
from greenlang.factors.select_places import Stage, off, stages
from greenlang.factors.select_words import deciding, sentence


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
    """Of each dataset's activity the own year nearest to the asked one; relaxed, the nearest, else the earlier."""
    year = case.request.year
    if year is None:
        return found
    best: dict[tuple[str, str, str] | None, tuple[int, int]] = {}
    marked = []
    for one in found:
        own = year if one.row.own_year is None else one.row.own_year
        mark = (off(one.row, year), own) if relaxed else (abs(own - year), own)
        place = None if relaxed else (one.group.dataset, one.group.activity, one.region)
        marked.append((one, mark, place))
        best[place] = min(best.get(place, mark), mark)
    return [one for one, mark, place in marked if mark == best[place]]


def _record(case: Case, stage: Stage, region: str | None, groups: list[Group], found: list[Found]) -> None:
    kept = frozenset(one.row.number for one in found)
    request = case.request
    texts = dict.fromkeys(case.places.text(one.region, one.row, one.group, request) for one in found)
    hows = (
        how for one in found for how in case.places.relaxed(stage, one.region, one.row, one.group, region, request.year)
    )
    case.relaxed += dict.fromkeys(hows)
    case.trail.reject(f"not {_asked(case, region)}", count(groups) - len(kept), partial(others, groups, kept))
    if region is not None or request.year is not None:
        text = "; ".join([*texts, *(f"relaxed: {how}" for how in case.relaxed)])
        case.trail.step("region and year", text, len(kept))


def _asked(case: Case, region: str | None) -> str:
    return " ".join(f"for {part}" for part in (region, case.request.year) if part is not None)


def _nowhere(case: Case, groups: list[Group], region: str | None) -> SelectionRefused:
    asked = _asked(case, region)
    case.trail.reject(f"not {asked}", count(groups), partial(others, groups, frozenset()))
    case.trail.step("region and year", asked, 0)
    return case.refused(f"no figure {asked}", hint=case.places.mend(groups, region, case.request))


def _edition(case: Case, found: list[Found]) -> list[Found]:
    """Of several editions with the same own year the latest; an older one is superseded."""
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
    if per is None or len(found) < 2:
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
    origins = {name for one in wholes for name in (one.group.publisher, one.group.dataset.partition("/")[2])}
    left = []
    for one in wholes:
        origin = case.index.taken_from[one.row.number].lower()
        own = {one.group.publisher, one.group.dataset.partition("/")[2]}
        if not origin or origin in own or origin not in origins:
            left.append(one)
    _fall(case, wholes, left, "originals", "it was taken over from a publisher whose own figure is among the answers")
    return left


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
    case.trail.step(rule, reason, len(after))


def _several(case: Case, found: list[Found]) -> SelectionRefused:
    rows = [case.table.at(one.row.number) for one in found]
    words = deciding(rows, [one.row.own_year for one in found], unit_said=case.request.per is not None)
    case.trail.step("one answer", f"{len(rows)} rows remain: nothing is picked", len(rows))
    keys = tuple(sorted(row.key for row in rows))
    return case.refused(f"{len(rows)} rows remain", candidates=keys, words=words, hint=sentence(words, keys))


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
                hint=f"ask for {factor.calorific_basis}, or convert the activity data by your own heating values",
            )
    value, unit, conversion = converted(factor, case.request.per, ratio)
    unsaid = _unsaid(case, one.group)
    if unsaid:
        case.trail.step("not said", f"the one that is left has {unsaid}", 1)
    if conversion.citation:
        text = f"from {conversion.source} to {conversion.target}: {conversion.citation}"
        case.trail.step("conversion", text, 1)
    return Selection(
        request=case.request,
        factor=factor,
        value=value,
        unit=unit,
        conversion=conversion,
        relaxed=tuple(case.relaxed),
        release=case.table.release,
        digest=case.table.digest,
        trail=replace(case.trail),
    )


def _unsaid(case: Case, group: Group) -> str:
    words = [
        f"{word.label} {value}"
        for word in case.rule.never_relaxes
        if getattr(case.request, word.word) is None and word.not_said is None and (value := getattr(group, word.word))
    ]
    return ", ".join(words)


def _but_unit(group: Group) -> tuple[object, ...]:
    return tuple(getattr(group, name) for name in SAID if name != "per")


def _but_dataset(group: Group) -> tuple[object, ...]:
    return tuple(getattr(group, name) for name in SAID if name != "dataset")
