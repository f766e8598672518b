"""The tables of docs/selection.md, written from `emission_factors/selection.yaml`.

Belongs here: Markdown out of the rule. Does not belong here: the text of the page, which stands in docs/.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from greenlang.factors.select_rule import Rule, Word, YearRule, declared_rule

_BLOCK = re.compile(r"(<!-- from selection\.yaml: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, rule: Rule | None = None) -> str:
    """The page with every table between its marks written anew. Raises KeyError for a mark that is not known."""
    rule = rule or declared_rule()
    tables = {
        "never-relaxes": _never_relaxes,
        "years": _years,
        "regions": _regions,
        "heating-values": _heating_values,
    }
    return _BLOCK.sub(lambda match: f"{match[1]}\n{tables[match['name']](rule)}\n{match[3]}", text)


def _never_relaxes(rule: Rule) -> str:
    applies = {"co2e": "figures of CO2e, and GWPs", "energy": "figures per unit of energy, heating values", "": "all"}
    rows = []
    for word in rule.never_relaxes:
        rows.append((f"`{word.word}`", applies[word.applies_to], _unsaid(word), word.why))
    return _table(("word", "applies to", "not said means", "why"), rows)


def _unsaid(word: Word) -> str:
    if word.not_said is None:
        text = "left open: refused if several values remain"
    else:
        text = f"`{str(word.not_said).lower() if isinstance(word.not_said, bool) else word.not_said}`"
    if word.open_for:
        text += f"; left open for kind {' and '.join(f'`{kind}`' for kind in word.open_for)}"
    if word.usual:
        text += f"; an answer that is not of {word.usual.are} carries a warning"
    return text


def _years(rule: Rule) -> str:
    rows = [
        (", ".join(f"`{name}`" for name in entry.datasets), _own_year(entry), entry.why, entry.evidence)
        for entry in rule.years
    ]
    return _table(("datasets", "a figure stands for", "because", "evidence"), rows)


def _own_year(entry: YearRule) -> str:
    if entry.any:
        return "every year"
    if entry.from_ is not None:
        return f"every year from {entry.from_} on"
    parts = []
    for name in entry.fields:
        after = entry.after.get(name, 0) if isinstance(entry.after, dict) else entry.after
        more = " and all later ones" if after == "any" else f" and the {after} after it" if after else ""
        parts.append(f"its {name.replace('_', ' ').replace('vintage', 'edition')}{more}")
    return ", else ".join(parts)


def _regions(rule: Rule) -> str:
    regions = rule.regions
    rows = [("`US-CA`, `FR-IDF`, ...", "the country", regions.subdivisions.why, regions.subdivisions.evidence)]
    rows += [(", ".join(entry.regions), f"`{entry.parent}`", entry.why, entry.evidence) for entry in regions.parents]
    rows += [
        (f"`{known.region}` of `{known.publisher}`", "nothing", known.why, "") for known in regions.subdivisions.except_
    ]
    rows += [
        (
            f"regions that {', '.join(f'`{name}`' for name in entry.datasets)} does not list",
            f"`{entry.region}`",
            entry.why,
            entry.evidence,
        )
        for entry in regions.fall_backs
    ]
    return _table(("region", "lies in", "because", "evidence"), rows)


def _heating_values(rule: Rule) -> str:
    pairs = rule.calorific_pairs
    rows = [
        (f"`{fuel.fuel}`", fuel.net, fuel.gross, f"{pairs.sheet}, row {fuel.row}")
        for fuel in sorted(pairs.fuels, key=lambda fuel: fuel.fuel)
    ]
    head = f"`{pairs.publisher}`, edition {pairs.vintage}: {pairs.document}.\n\n"
    return head + _table(("fuel", f"net {pairs.unit}", f"gross {pairs.unit}", "place"), rows)


def _table(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"
