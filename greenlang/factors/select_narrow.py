"""The steps that narrow by words: activity, source, standing, what never relaxes, unit.

Belongs here: these steps, in their order. Does not belong here: region, year and everything after (``select_decide``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from greenlang.factors.select_case import Case, count, others
from greenlang.factors.select_convert import is_energy, per_fits
from greenlang.factors.select_groups import Group
from greenlang.factors.select_model import SHOWN, SelectionRefused
from greenlang.factors.select_rule import Word
from greenlang.factors.table import SCHEME, split_ref

_OTHER_BASIS = {"HHV": "LHV", "LHV": "HHV"}


def narrowed(case: Case) -> list[Group]:
    """The groups that fit every word of the request. Raises SelectionRefused where none is left."""
    asked = _source_asked(case)
    case.region = _region(case)
    groups = _standing(case, _activity(case, asked))
    for word in case.rule.never_relaxes:
        groups = _word(case, word, groups)
    return _unit(case, groups)


def _activity(case: Case, source: tuple[str, str, str]) -> list[Group]:
    value = case.request.activity.strip()
    if value.startswith(SCHEME) or case.table.position(value) is not None:
        return _source(case, _by_reference(case, value), *source)
    meant = case.index.meant(value)
    if meant is None:
        raise case.refused(
            f"no activity is called `{value}`",
            hint="give the publisher's path, a reviewed alias, or a key; `greenlang factors search` finds them",
        )
    case.trail.step("activity", f"`{value}` is {meant.text}", meant.rows)
    return _source(case, meant.groups, *source)


def _by_reference(case: Case, value: str) -> list[tuple[Group, frozenset[str]]]:
    path, release = split_ref(value)
    if release is not None and release != case.table.release:
        raise case.refused(
            f"`{value}` asks for release {release}, but the release here is {case.table.release}",
            hint="load that release, or leave the `@` out",
        )
    rows = case.table.below(path)
    if not rows:
        nearest = "; ".join(f"{ref} ({why})" for ref, why in case.table.nearest(value))
        raise case.refused(f"no factor `{value}` in release {case.table.release}", hint=f"nearest: {nearest}")
    numbers: dict[str, list[int]] = {}
    exact = len(rows) == 1 and rows[0].key == path
    for row in rows:
        number = case.table.position(row.key)
        assert number is not None
        if exact or not case.index.repeats(number, path):
            numbers.setdefault(row.activity, []).append(number)
    groups = [g for activity, found in numbers.items() for g in case.index.grouped(found, activity, by_key=exact)]
    case.trail.step("activity", f"the reference names {'this row' if exact else 'the rows below it'}", len(rows))
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
    case.trail.step("source", asked, count(left))
    if not left:
        there = sorted({group.dataset for group, _ in groups})
        raise case.refused(f"`{asked}` has no such activity", hint=f"it stands in {', '.join(there[:SHOWN])}")
    return left


def _vintage(case: Case, groups: list[Group], source: str, vintage: str) -> list[Group]:
    cuts = [(group, group.edition(case.index.edition_meant(source, vintage, group.dataset))) for group in groups]
    for group, cut in cuts:
        if out := len(group) - len(cut):
            rest = partial(others, (group,), frozenset(cut.numbers))
            case.trail.reject(f"its edition is not {vintage}", out, rest)
    return [cut for _, cut in cuts if len(cut)]


def _standing(case: Case, groups: list[Group]) -> list[Group]:
    left = [group for group in groups if not group.closed]
    if len(left) < len(groups):
        _reject_by(case, [group for group in groups if group.closed], lambda group: group.closed)
        case.trail.step("standing", "rows that may stand for an answer", count(left))
    if not left:
        raise case.refused(
            f"every row is kept out: {'; '.join(sorted({group.closed for group in groups}))}",
            hint="name one row by its key to take it all the same",
        )
    return left


def _word(case: Case, word: Word, groups: list[Group]) -> list[Group]:
    asked = getattr(case.request, word.word)
    said = asked is not None
    asked = word.not_said if asked is None else asked
    if asked is None:
        return groups
    left: list[Group] = []
    out: list[Group] = []
    for group in groups:
        value = getattr(group, word.word)
        (left if value == asked or not _applies(word, group) else out).append(group)
    if word.word == "calorific_basis" and (crossing := _other_basis(case, str(asked), left, out)):
        return crossing
    if out:
        _reject_by(case, out, lambda group: _is(word, getattr(group, word.word)))
    if said or out:
        text = f"{_shown(asked)}" if said else f"{_shown(asked)}, as nothing else was said"
        case.trail.step(word.label, text, count(left))
    if not left:
        raise _no_word(case, word, asked, out)
    return left


def _other_basis(case: Case, asked: str, left: list[Group], out: list[Group]) -> list[Group]:
    """Energy is asked and no figure is on the asked basis: those on the other one, to be led over by a ratio."""
    per = case.request.per
    if any(group.calorific_basis == asked for group in left) or (per and not is_energy(per)) or (left and not per):
        return []
    crossing = [group for group in out if group.calorific_basis == _OTHER_BASIS.get(asked)]
    if not crossing:
        return []
    case.reject([group for group in out if group not in crossing], "calorific basis is not stated")
    case.crossing = True
    text = f"{asked}; the figures are on {_OTHER_BASIS[asked]}, so a cited ratio of heating values is needed"
    case.trail.step("calorific basis", text, count(left) + count(crossing))
    return left + crossing


def _no_word(case: Case, word: Word, asked: object, out: list[Group]) -> SelectionRefused:
    there = sorted({_shown(getattr(group, word.word)) for group in out})
    hint = f"there is {', '.join(there[:SHOWN])}; {word.label} never relaxes: {word.why}"
    if word.word == "gas" and asked == "CO2e":
        hint = f"there is {', '.join(there[:SHOWN])}: ask for a gas, and bring it to CO2e with a GWP in a formula"
    return case.refused(f"no figure with {word.label} {_shown(asked)}", hint=hint)


def _unit(case: Case, groups: list[Group]) -> list[Group]:
    per = case.request.per
    if per is None:
        return groups
    left = [group for group in groups if per_fits(group.per, per) in {"same", "converts"}]
    if len(left) < len(groups):
        out = [group for group in groups if per_fits(group.per, per) not in {"same", "converts"}]
        _reject_by(case, out, lambda group: per_fits(group.per, per))
    case.trail.step("unit", f"per {per}, or what converts into it", count(left))
    if not left:
        there = sorted({group.per for group in groups})
        raise case.refused(f"no figure per {per}", hint=f"there is one per {', '.join(there[:SHOWN])}")
    return left


def _reject_by(case: Case, groups: Sequence[Group], reason: Callable[[Group], str]) -> None:
    """Record groups that fell out, those with one reason together."""
    by_reason: dict[str, list[Group]] = {}
    for group in groups:
        by_reason.setdefault(reason(group), []).append(group)
    for text, fallen in by_reason.items():
        case.reject(fallen, text)


def _applies(word: Word, group: Group) -> bool:
    if word.applies_to == "co2e":
        return bool(group.gas == "CO2e" or group.kind == "gwp")
    return word.applies_to != "energy" or is_energy(group.per)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "biogenic" if value else "not biogenic"
    return str(value) or "not stated"


def _is(word: Word, value: object) -> str:
    return f"it is {_shown(value)}" if isinstance(value, bool) else f"{word.label} is {_shown(value)}"
