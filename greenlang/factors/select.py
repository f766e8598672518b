"""One factor by one written rule, or a refusal that says which further word would decide.

The rule is `emission_factors/selection.yaml`; docs/selection.md says it in words. Steps, in this order: activity,
source, standing, the words that never relax, unit, region and year, edition, parts and figures taken over, one answer.
Each is recorded with the number of rows that it left, and every row that fell out with its reason.

Belongs here: carrying the rule out. Does not belong here: reading the rule (``select_rule``), groups of rows
(``select_index``), units (``select_convert``), search for people (``search``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from greenlang.factors.aliases import Aliases, declared_aliases
from greenlang.factors.select_convert import Ratio, calorific_ratio, converted, is_energy, per_fits
from greenlang.factors.select_index import SAID, Group, Index, Row
from greenlang.factors.select_model import (
    SHOWN,
    Conversion,
    Rejected,
    Request,
    Selection,
    SelectionRefused,
    Step,
    Trail,
)
from greenlang.factors.select_places import Places, Stage, off, stages
from greenlang.factors.select_rule import Rule, Word, declared_rule
from greenlang.factors.select_words import deciding, sentence
from greenlang.factors.table import SCHEME, FactorTable, split_ref

__all__ = ["Conversion", "Rejected", "Request", "Selection", "SelectionRefused", "Selector", "Step"]

_KEPT = 65_536  # answers that are kept
_OTHER_BASIS = {"HHV": "LHV", "LHV": "HHV"}


@dataclass(frozen=True, slots=True)
class _Found:
    """A row that passed every word, in its group and region."""

    group: Group
    region: str
    row: Row


class Selector:
    """Answers requests over one table. Indexes are built when first needed, answers are kept."""

    def __init__(self, table: FactorTable, *, rule: Rule | None = None, aliases: Aliases | None = None) -> None:
        self.table = table
        self.rule = rule or declared_rule()
        self.index = Index(table, self.rule, aliases or declared_aliases())
        self.places = Places(self.rule, self.index, aliases or declared_aliases())
        self._answers: dict[Request, Selection | SelectionRefused] = {}

    def select(self, request: Request) -> Selection:
        """The one factor for a request, in the asked unit. Raises SelectionRefused for none and for several."""
        answer = self._answers.get(request)
        if answer is None:
            try:
                answer = _Run(self, request).answer()
            except SelectionRefused as refused:
                answer = refused
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            self._answers[request] = answer
        if isinstance(answer, SelectionRefused):
            raise answer.fresh()
        return answer

    def warm(self) -> None:
        """Build every index now, so that no later request pays for it."""
        self.index.warm()


class _Run:
    """One request on its way through the rule."""

    def __init__(self, selector: Selector, request: Request) -> None:
        self.table = selector.table
        self.rule = selector.rule
        self.index = selector.index
        self.places = selector.places
        self.request = request
        self.trail = Trail(lambda number: self.table.keys[number])
        self.relaxed: list[str] = []
        self.crossing = False  # whether the calorific basis is to be converted by a cited ratio

    def answer(self) -> Selection:
        """The selection. Raises SelectionRefused."""
        groups = self._activity()
        groups = self._standing(groups)
        for word in self.rule.never_relaxes:
            groups = self._word(word, groups)
        groups = self._unit(groups)
        found = self._region_and_year(groups)
        found = self._edition(found)
        found = self._own_unit_first(found)
        found = self._same_figure(self._wholes_and_originals(found))
        if len(found) > 1:
            raise self._several(found)
        return self._selection(found[0])

    # activity and source

    def _activity(self) -> list[Group]:
        value = self.request.activity.strip()
        if value.startswith(SCHEME) or self.table.position(value) is not None:
            return self._source(self._by_reference(value))
        named = self.index.named(value)
        if not named:
            raise self._refused(
                f"no activity is called `{value}`",
                hint="give the publisher's path, a reviewed alias, or a key; `greenlang factors search` finds them",
            )
        pairs: dict[tuple[str, str], set[str]] = {}
        for entry in named:
            pairs.setdefault((entry.dataset, entry.activity), set()).add(entry.source)
        groups = [(group, sources) for place, sources in pairs.items() for group in self.index.groups(*place)]
        activities = sorted({activity for _, activity in pairs})
        hows = "; ".join(dict.fromkeys(entry.how for entry in named[:3]))
        more = f" and {len(activities) - 1} more" if len(activities) > 1 else ""
        self.trail.step(
            "activity", f"`{value}` is {activities[0]}{more}: {hows}", sum(len(group) for group, _ in groups)
        )
        return self._source(groups)

    def _by_reference(self, value: str) -> list[tuple[Group, set[str]]]:
        path, release = split_ref(value)
        if release is not None and release != self.table.release:
            raise self._refused(
                f"`{value}` asks for release {release}, but the release here is {self.table.release}",
                hint="load that release, or leave the `@` out",
            )
        rows = self.table.below(path)
        if not rows:
            nearest = "; ".join(f"{ref} ({why})" for ref, why in self.table.nearest(value))
            raise self._refused(f"no factor `{value}` in release {self.table.release}", hint=f"nearest: {nearest}")
        numbers: dict[str, list[int]] = {}
        for row in rows:
            number = self.table.position(row.key)
            assert number is not None
            numbers.setdefault(row.activity, []).append(number)
        exact = len(rows) == 1 and rows[0].key == path
        groups = [g for activity, found in numbers.items() for g in self.index.grouped(found, activity, by_key=exact)]
        self.trail.step("activity", f"the reference names {'this row' if exact else 'the rows below it'}", len(rows))
        return [(group, {group.dataset}) for group in groups]

    def _source(self, groups: Sequence[tuple[Group, set[str]]]) -> list[Group]:
        if self.request.source is None:
            return [group for group, _ in groups]
        asked = self.request.source.strip().strip("/").lower()
        publisher, *further = asked.split("/")
        dataset = "/".join((publisher, *further[:1])) if further else ""
        if len(further) > 2 or not all((publisher, *further)):
            raise self._refused(f"`{asked}` is no source", hint="a source is publisher[/dataset[/vintage]]")
        self._known_source(publisher, dataset)

        def of(group: Group, sources: set[str]) -> bool:
            return group.publisher == publisher and (not dataset or group.dataset == dataset or dataset in sources)

        left = [group for group, sources in groups if of(group, sources)]
        for group, sources in groups:
            if not of(group, sources):
                self.trail.reject(f"its source is {group.dataset}", len(group), group.numbers.copy)
        if len(further) == 2:
            left = self._vintage(left, dataset, further[1])
        self.trail.step("source", asked, _count(left))
        if not left:
            there = sorted({group.dataset for group, _ in groups})
            raise self._refused(f"`{asked}` has no such activity", hint=f"it stands in {', '.join(there[:SHOWN])}")
        return left

    def _known_source(self, publisher: str, dataset: str) -> None:
        if publisher not in self.index.publishers:
            meant = self.places.publisher_meant(publisher)
            hint = f"perhaps `{meant}`" if meant else f"there are {', '.join(sorted(self.index.publishers))}"
            raise self._refused(f"no publisher is called `{publisher}`", hint=hint)
        if dataset and dataset not in self.index.datasets:
            there = sorted(name for name in self.index.datasets if name.startswith(f"{publisher}/"))
            raise self._refused(f"no dataset is called `{dataset}`", hint=f"there are {', '.join(there)}")

    def _vintage(self, groups: list[Group], source: str, vintage: str) -> list[Group]:
        cuts = [(group, group.edition(self.index.edition_meant(source, vintage, group.dataset))) for group in groups]
        for group, cut in cuts:
            if out := len(group) - len(cut):
                others = partial(_others, (group,), frozenset(cut.numbers))
                self.trail.reject(f"its edition is not {vintage}", out, others)
        return [cut for _, cut in cuts if len(cut)]

    # what never relaxes

    def _standing(self, groups: list[Group]) -> list[Group]:
        left = [group for group in groups if not group.closed]
        if len(left) < len(groups):
            self._drop(group for group in groups if group.closed)
            self.trail.step("standing", "rows that may stand for an answer", _count(left))
        if not left:
            raise self._refused(
                f"every row is kept out: {'; '.join(sorted({group.closed for group in groups}))}",
                hint="name one row by its key to take it all the same",
            )
        return left

    def _drop(self, groups: Iterable[Group]) -> None:
        for group in groups:
            self.trail.reject(group.closed, len(group), group.numbers.copy)

    def _word(self, word: Word, groups: list[Group]) -> list[Group]:
        asked = getattr(self.request, word.word)
        said = asked is not None
        asked = word.not_said if asked is None else asked
        if asked is None:
            return groups
        left: list[Group] = []
        out: list[Group] = []
        for group in groups:
            value = getattr(group, word.word)
            (left if value == asked or not _applies(word, group) else out).append(group)
        if word.word == "calorific_basis" and (crossing := self._other_basis(str(asked), left, out)):
            return crossing
        for group in out:
            self.trail.reject(_is(word, getattr(group, word.word)), len(group), group.numbers.copy)
        if said or out:
            text = f"{_shown(asked)}" if said else f"{_shown(asked)}, as nothing else was said"
            self.trail.step(word.label, text, _count(left))
        if not left:
            raise self._no_word(word, asked, out)
        return left

    def _other_basis(self, asked: str, left: list[Group], out: list[Group]) -> list[Group]:
        """Energy is asked and no figure is on the asked basis: those on the other one, to be led over by a ratio."""
        per = self.request.per
        if any(group.calorific_basis == asked for group in left) or (per and not is_energy(per)) or (left and not per):
            return []
        crossing = [group for group in out if group.calorific_basis == _OTHER_BASIS.get(asked)]
        if not crossing:
            return []
        for group in out:
            if group not in crossing:
                self.trail.reject("calorific basis is not stated", len(group), group.numbers.copy)
        self.crossing = True
        text = f"{asked}; the figures are on {_OTHER_BASIS[asked]}, so a cited ratio of heating values is needed"
        self.trail.step("calorific basis", text, _count(left) + _count(crossing))
        return left + crossing

    def _no_word(self, word: Word, asked: object, out: list[Group]) -> SelectionRefused:
        there = sorted({_shown(getattr(group, word.word)) for group in out})
        hint = f"there is {', '.join(there[:SHOWN])}; {word.label} never relaxes: {word.why}"
        if word.word == "gas" and asked == "CO2e":
            hint = f"there is {', '.join(there[:SHOWN])}: ask for a gas, and bring it to CO2e with a GWP in a formula"
        return self._refused(f"no figure with {word.label} {_shown(asked)}", hint=hint)

    def _unit(self, groups: list[Group]) -> list[Group]:
        per = self.request.per
        if per is None:
            return groups
        left, problems = [], set()
        for group in groups:
            fits = per_fits(group.per, per)
            if fits in {"same", "converts"}:
                left.append(group)
            else:
                problems.add(fits)
                self.trail.reject(fits, len(group), group.numbers.copy)
        self.trail.step("unit", f"per {per}, or what converts into it", _count(left))
        if not left:
            there = sorted({group.per for group in groups})
            raise self._refused(f"no figure per {per}", hint=f"there is one per {', '.join(there[:SHOWN])}")
        return left

    # what may relax

    def _region_and_year(self, groups: list[Group]) -> list[_Found]:
        request, region = self.request, self._region()
        near = bool(request.relax_years) and request.year is not None
        for stage in stages(region is not None, request.relax_region, near):
            found = [
                _Found(group, place, row)
                for group in groups
                for place, row in self.places.rows(stage, group, region, request)
            ]
            if found:
                found = self._newest(found, relaxed=stage.years)
                self._record(stage, region, groups, found)
                return found
        raise self._nowhere(groups, region)

    def _region(self) -> str | None:
        if self.request.region is None:
            return None
        found = self.places.region(self.request.region)
        if len(found) != 1:
            problem = "is no region that is known" if not found else f"means {', '.join(found)}"
            raise self._refused(
                f"`{self.request.region}` {problem}",
                hint="give an ISO 3166 code such as GB or US-CA, the name of a country, or a code of the publisher",
            )
        return found[0]

    def _newest(self, found: list[_Found], *, relaxed: bool) -> list[_Found]:
        """Of each dataset's activity the own year nearest to the asked one; relaxed, the nearest, else the earlier."""
        year = self.request.year
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

    def _record(self, stage: Stage, region: str | None, groups: list[Group], found: list[_Found]) -> None:
        kept = frozenset(one.row.number for one in found)
        request = self.request
        texts = dict.fromkeys(self.places.text(one.region, one.row, one.group, request) for one in found)
        hows = (
            how
            for one in found
            for how in self.places.relaxed(stage, one.region, one.row, one.group, region, request.year)
        )
        self.relaxed += dict.fromkeys(hows)

        self.trail.reject(f"not {self._asked(region)}", _count(groups) - len(kept), partial(_others, groups, kept))
        if region is not None or request.year is not None:
            text = "; ".join([*texts, *(f"relaxed: {how}" for how in self.relaxed)])
            self.trail.step("region and year", text, len(kept))

    def _asked(self, region: str | None) -> str:
        return " ".join(f"for {part}" for part in (region, self.request.year) if part is not None)

    def _nowhere(self, groups: list[Group], region: str | None) -> SelectionRefused:
        asked = self._asked(region)
        self.trail.reject(f"not {asked}", _count(groups), partial(_others, groups, frozenset()))
        self.trail.step("region and year", asked, 0)
        return self._refused(f"no figure {asked}", hint=self.places.mend(groups, region, self.request))

    # one answer

    def _edition(self, found: list[_Found]) -> list[_Found]:
        """Of several editions with the same own year the latest; an older one is superseded."""
        latest: dict[tuple[int, str, int | None], tuple[object, ...]] = {}
        for one in found:
            place = (id(one.group), one.region, one.row.own_year)
            latest[place] = max(latest.get(place, one.row.edition), one.row.edition)
        left = [o for o in found if o.row.edition == latest[id(o.group), o.region, o.row.own_year]]
        self._fall(found, left, "edition", "a later edition of the dataset holds the same year")
        return left

    def _own_unit_first(self, found: list[_Found]) -> list[_Found]:
        """Figures that differ in their unit alone: the one in the asked unit needs no conversion."""
        per = self.request.per
        if per is None or len(found) < 2:
            return found
        alike: dict[tuple[object, ...], list[_Found]] = {}
        for one in found:
            alike.setdefault((_but_unit(one.group), one.region, one.row.own_year, one.row.edition), []).append(one)
        left = []
        for same in alike.values():
            exact = [one for one in same if per_fits(one.group.per, per) == "same"]
            left += exact or same
        self._fall(found, left, "unit", f"the publisher gives the same figure per {per}")
        return left

    def _wholes_and_originals(self, found: list[_Found]) -> list[_Found]:
        if len(found) < 2:
            return found
        keys = {self.table.keys[one.row.number] for one in found}
        wholes = [one for one in found if self.index.whole_of(one.row.number) not in keys]
        self._fall(found, wholes, "wholes", "its whole is among the answers; a part never competes with it")
        origins = {name for one in wholes for name in (one.group.publisher, one.group.dataset.partition("/")[2])}
        left = []
        for one in wholes:
            origin = self.index.taken_from[one.row.number].lower()
            own = {one.group.publisher, one.group.dataset.partition("/")[2]}
            if not origin or origin in own or origin not in origins:
                left.append(one)
        self._fall(
            wholes, left, "originals", "it was taken over from a publisher whose own figure is among the answers"
        )
        return left

    def _same_figure(self, found: list[_Found]) -> list[_Found]:
        """One publisher's figure of one activity that stands twice, alike in every word and in value, is one answer."""
        if len(found) < 2:
            return found
        first: dict[tuple[object, ...], _Found] = {}
        for one in sorted(found, key=lambda one: one.row.number):  # in the order of the keys
            factor = self.table.at(one.row.number)
            first.setdefault((_but_dataset(one.group), one.region, factor.value, factor.unit), one)
        left = list(first.values())
        self._fall(found, left, "same figure", "the publisher prints the same figure twice; the first by key is cited")
        return left

    def _fall(self, before: list[_Found], after: list[_Found], rule: str, reason: str) -> None:
        if len(after) == len(before):
            return
        kept = {one.row.number for one in after}
        out = [one.row.number for one in before if one.row.number not in kept]
        self.trail.reject(reason, len(out), out.copy)
        self.trail.step(rule, reason, len(after))

    def _several(self, found: list[_Found]) -> SelectionRefused:
        rows = [self.table.at(one.row.number) for one in found]
        own_years = {one.row.number: one.row.own_year for one in found}
        words = deciding(rows, [own_years[one.row.number] for one in found])
        self.trail.step("one answer", f"{len(rows)} rows remain: nothing is picked", len(rows))
        keys = tuple(sorted(row.key for row in rows))
        return self._refused(f"{len(rows)} rows remain", candidates=keys, words=words, hint=sentence(words, keys))

    def _selection(self, one: _Found) -> Selection:
        factor = self.table.at(one.row.number)
        ratio: Ratio | None = None
        asked = self.request.calorific_basis
        if self.crossing and factor.calorific_basis != asked:
            ratio = calorific_ratio(factor, self.table, self.rule)
            if ratio is None:
                raise self._refused(
                    f"the figure is on {factor.calorific_basis}, {asked} is asked, and {factor.publisher} publishes no "
                    "pair of heating values for it",
                    candidates=(factor.key,),
                    hint=f"ask for {factor.calorific_basis}, or convert the activity data by your own heating values",
                )
        value, unit, conversion = converted(factor, self.request.per, ratio)
        unsaid = self._unsaid(one.group)
        if unsaid:
            self.trail.step("not said", f"the one that is left has {unsaid}", 1)
        if conversion.citation:
            text = f"from {conversion.source} to {conversion.target}: {conversion.citation}"
            self.trail.step("conversion", text, 1)
        return Selection(
            request=self.request,
            factor=factor,
            value=value,
            unit=unit,
            conversion=conversion,
            relaxed=tuple(self.relaxed),
            release=self.table.release,
            digest=self.table.digest,
            trail=replace(self.trail),
        )

    def _unsaid(self, group: Group) -> str:
        words = [
            f"{word.label} {value}"
            for word in self.rule.never_relaxes
            if getattr(self.request, word.word) is None
            and word.not_said is None
            and (value := getattr(group, word.word))
        ]
        return ", ".join(words)

    def _refused(
        self,
        message: str,
        *,
        hint: str = "",
        candidates: tuple[str, ...] = (),
        words: dict[str, tuple[str, ...]] | None = None,
    ) -> SelectionRefused:
        return SelectionRefused(
            message, request=self.request, trail=self.trail, candidates=candidates, words=words, hint=hint
        )


def _others(groups: Iterable[Group], kept: frozenset[int]) -> list[int]:
    return [number for group in groups for number in group.numbers if number not in kept]


def _count(groups: Iterable[Group]) -> int:
    return sum([len(group.numbers) for group in groups])


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


def _but_unit(group: Group) -> tuple[object, ...]:
    return tuple(getattr(group, name) for name in SAID if name != "per")


def _but_dataset(group: Group) -> tuple[object, ...]:
    return tuple(getattr(group, name) for name in SAID if name != "dataset")
