"""Gates over what rows say of themselves: the GWP set, wholes and parts, standing for an inventory.

Belongs here: labels held against each other and against the IPCC's figures. Does not belong here: magnitudes, sums of
gases.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from decimal import Decimal

from greenlang.factors.catalogue import catalogue
from greenlang.factors.gates.columns import ZERO, Columns, columns
from greenlang.factors.gates.concepts import Comparable, comparable
from greenlang.factors.gates.gwp import SETS, blend_gwp, composition, gwp_of, is_fossil, known_gwps
from greenlang.factors.gates.report import Finding
from greenlang.factors.table import FactorTable

# IPCC AR5 WG1 Table 8.A.1 note b and AR6 WG1 Table 7.15; AR4 has one methane only.
_FOSSIL = {"AR4GWP100": (Decimal(25),), "AR5GWP100": (Decimal(30),), "AR6GWP100": (Decimal("29.8"),)}
_BIOGENIC = {"AR6GWP100": (Decimal("27.9"), Decimal("27.0"), Decimal(27))}
_GWP_RELATIVE = Decimal("0.005")
_BLEND_RELATIVE = Decimal("0.01")
_NO_CLAIM = ("unstated", "mixed")
_ALL_OF_IT = Decimal("0.6")  # percent that the shares of a blend may miss 100 by
WORDS = re.compile(
    r"projection|projected|forecast|scenario|scénario|\bindicative\b|indicati[fv]e?s?\b|illustrat|worked example"
    r"|example only|placeholder|provisional|provisoire|prévision|projeté|\bfictive?s?\b|hypothétique|non certifié"
    r"|not certified"
)
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


def gwp_label(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A GWP, or a blend's, that is not the IPCC's under its label, or a label that its edition does not use."""
    del before
    rows, declared = columns(table), comparable()
    known = known_gwps(table)
    found: dict[str, Finding] = {}
    compared: set[str] = set()
    kinds, sets, gases = rows.text("kind"), rows.text("gwp_set"), rows.text("gas")
    blends = _compositions(rows)
    for place, kind in enumerate(kinds):
        name = sets[place]
        if kind != "gwp" or name not in known or rows.edition[place] == SETS[name]:
            continue
        key, value = rows.keys[place], rows.values[place]
        right = _right(gases[place], name, key, known)
        if right:
            compared.add(key)
            if all(abs(value - each) > max(Decimal("0.5"), _GWP_RELATIVE * each) for each in right):
                others = [other for other in SETS if value in _right(gases[place], other, key, known)]
                words = f"{gases[place]} is {value:f}; in {name} it is {right[0]:f}"
                words += f", {value:f} is that of {', '.join(others)}" if others else ""
                found[key] = Finding("gwp_label", key, words, seen=f"{value:f} {name}", against=SETS[name])
        elif (message := _blend(rows, place, blends, known)) is not None:
            compared.add(key)
            if message:
                against = blends.get(_blend_name(gases[place]), (SETS[name], {}))[0]
                found[key] = Finding("gwp_label", key, message, seen=f"{value:f} {name}", against=against)
    for finding in _labels(rows, declared):
        found.setdefault(finding.key, finding)
    return list(found.values()), compared


def parts_and_wholes(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A part whose whole is not there or is in another unit, and a whole that was added to its own parts."""
    del before
    rows = columns(table)
    units, values = rows.text("unit"), rows.values
    found: dict[str, Finding] = {}
    compared = set()
    for place, whole in enumerate(rows.text("part_of")):
        if not whole:
            continue
        key = rows.keys[place]
        compared.add(key)
        other = rows.places.get(whole)
        if other is None:
            found[key] = Finding("parts_and_wholes", key, f"part of `{whole}`, which is not there")
        elif units[other].partition("/")[2] != units[place].partition("/")[2]:
            found[key] = Finding("parts_and_wholes", key, f"in {units[place]}, its whole in {units[other]}")
    kinds = rows.text("kind")
    for other, parts in rows.parts.items():
        by_kind: dict[str, list[int]] = defaultdict(list)
        for place in parts:
            by_kind[kinds[place]].append(place)
        for places in by_kind.values():
            total = sum((values[place] for place in places), ZERO)
            if len(places) < 2 or not total or not values[other]:
                continue
            key = rows.keys[other]
            if _twice(values[other], total):
                words = f"{values[other]:f} is twice the sum of its {len(places)} parts, {total:f}"
            elif _twice(total, values[other]):
                words = f"its {len(places)} parts add up to {total:f}, twice the whole of {values[other]:f}"
            else:
                continue
            found[key] = Finding("parts_and_wholes", key, words, seen=f"{values[other]:f}, parts {total:f}")
    return list(found.values()), compared


def not_certified(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A projection, a scenario or an illustration that stands as a valid figure for inventories."""
    del before
    rows, declared = columns(table), comparable()
    known = {place for entry in declared.words for pattern in entry.figures for place, _ in rows.matching(pattern)}
    statuses, uses, wholes = rows.text("status"), rows.text("permitted_use"), rows.text("part_of")
    texts = [rows.text(name) for name in ("name", "note", "table", "category", "document")]
    said: dict[str, str] = {}
    found = []
    for place, status in enumerate(statuses):
        if status != "valid" or uses[place] != "inventory" or wholes[place] or place in known:
            continue
        key, published = rows.keys[place], rows.publication_years[place]
        year = rows.data_years[place]
        if year is not None and year > published:
            words = f"for {year}, published in {published}, and marked as valid"
        else:
            words = next((word for column in texts if (word := _word(column[place], said))), "")
            words = f"marked as valid, and says `{words}`" if words else _later(texts[0][place], published)
        if words:
            found.append(Finding("not_certified", key, words, seen=status))
    return found, set()  # reading the words of every row makes none of them checked


def _word(text: str, said: dict[str, str]) -> str:
    if text not in said:
        match = WORDS.search(text.lower())
        said[text] = match[0] if match else ""
    return said[text]


def _later(name: str, published: int) -> str:
    if "20" not in name:
        return ""
    years = [int(year) for year in _YEAR.findall(name) if published < int(year) <= published + 60]
    return f"names the year {years[0]}, published in {published}, and is marked as valid" if years else ""


def _twice(large: Decimal, small: Decimal) -> bool:
    return abs(large / small - 2) < Decimal("0.03")


def _right(gas: str, name: str, key: str, known: dict[str, dict[str, Decimal]]) -> tuple[Decimal, ...]:
    """The GWPs that the gas may have in that set; empty where it is not listed there."""
    if name not in known:
        return ()
    if gas == "CH4":
        if is_fossil(key):
            return _FOSSIL[name]
        if "/ch4b" in key or "biogenic" in key or "non-fossil" in key:
            return _BIOGENIC.get(name, (known[name]["ch4"],))
    value = gwp_of(gas, known[name])
    return () if value is None else (value,)


def _compositions(rows: Columns) -> dict[str, tuple[str, dict[str, Decimal]]]:
    """Blend -> an edition that prints a composition which adds up, and that composition."""
    found: dict[str, tuple[str, dict[str, Decimal]]] = {}
    for place, kind in enumerate(rows.text("kind")):
        note = rows.text("note")[place]
        if kind == "gwp" and "%" in note:
            shares = composition(note)
            if abs(sum(shares.values(), ZERO) - 100) <= _ALL_OF_IT:
                found.setdefault(_blend_name(rows.text("gas")[place]), (rows.edition[place], shares))
    return found


def _blend_name(gas: str) -> str:
    return re.sub(r"[\s\-]", "", gas).lower()


def _blend(
    rows: Columns,
    place: int,
    blends: dict[str, tuple[str, dict[str, Decimal]]],
    known: dict[str, dict[str, Decimal]],
) -> str | None:
    """What is wrong with a blend; empty if nothing, None if its composition is not known."""
    gas, value, gwps = rows.text("gas")[place], rows.values[place], known[rows.text("gwp_set")[place]]
    note = rows.text("note")[place]
    printed = composition(note) if "%" in note else {}
    total = sum(printed.values(), ZERO)
    if printed and abs(total - 100) > _ALL_OF_IT:
        return f"{value:f}; the composition that is printed beside it adds up to {total:f} %: {note}"
    shares = printed or blends.get(_blend_name(gas), ("", {}))[1]
    if not shares:
        return None
    ways = [blend_gwp(shares, gwps, without_ozone_depleting=without) for without in (True, False)]
    if printed:
        ways = ways[:1]
    given = [way for way in ways if way is not None]
    if not given:
        return None
    if any(abs(value - way) <= max(Decimal(2), _BLEND_RELATIVE * max(value, way)) for way in given):
        return ""
    return f"{gas} is {value:f}; its composition gives {given[-1]:.0f} in {rows.text('gwp_set')[place]}"


def _labels(rows: Columns, declared: Comparable) -> list[Finding]:
    """Rows whose set is neither that of their edition nor one that is known to stand there."""
    known = {place for entry in declared.labels for pattern in entry.figures for place, _ in rows.matching(pattern)}
    expected = {edition.name: edition.gwp_set for edition in catalogue() if edition.gwp_set}
    sets, gases = rows.text("gwp_set"), rows.text("gas")
    found = []
    for edition, (start, stop) in rows.editions.items():
        seen = Counter(sets[place] for place in range(start, stop) if gases[place] == "CO2e" and sets[place])
        if not seen:
            continue
        usual = expected.get(edition) or seen.most_common(1)[0][0]
        for place in range(start, stop):
            # a set that the publisher does not state is no claim that could be wrong
            if gases[place] == "CO2e" and sets[place] not in {usual, *_NO_CLAIM} and place not in known:
                words = f"labelled {sets[place] or 'without a set'}; the edition is on {usual}"
                found.append(Finding("gwp_label", rows.keys[place], words, seen=sets[place]))
    return found
