"""Gates over sums: gases and stages against their whole, and gases multiplied by their GWP once more.

Belongs here: parts added up. Does not belong here: whether a part has a whole at all (``labels``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from greenlang.factors.gates.columns import ZERO, Columns, columns
from greenlang.factors.gates.compare import last_digit, ratio_of, short, vintage_pairs
from greenlang.factors.gates.concepts import Comparable, comparable
from greenlang.factors.gates.gwp import known_gwps, plain_name
from greenlang.factors.gates.report import Finding
from greenlang.factors.table import FactorTable

# EPA's own gases times the GWPs of AR4 give between 0.984 and 1.031 of its CO2e (data README, supply chain).
BY_GAS_RELATIVE = Decimal("0.04")
_DOUBLED = Decimal("0.02")
_GAS_ROLES = (("/of-co2", "CO2"), ("/of-ch4", "CH4"), ("/of-n2o", "N2O"))
# Methane times 25 to 30, N2O times 265 to 298, with room for what a year moves.
_AGAIN = {"CH4": (Decimal(22), Decimal(33)), "N2O": (Decimal(240), Decimal(320))}
_TINY = Decimal("0.05")  # gases that weigh less than this in the whole show no slip in it


def gases_add_up(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """A whole that its gases, its stages or its ingredients do not add up to, beyond the publisher's rounding."""
    del before
    rows, declared = columns(table), comparable()
    found: dict[str, Finding] = {}
    compared: set[str] = set()
    for whole, parts in _divisions(rows, declared):
        compared |= {rows.keys[place] for place in (whole, *parts)}
        total = sum((rows.values[place] for place in parts), ZERO)
        if abs(total - rows.values[whole]) > _allowed(rows, declared, whole, parts):
            kinds = rows.text("kind")[parts[0]].replace("-", " ")
            message = f"{rows.values[whole]:f} {rows.text('unit')[whole]}; {len(parts)} rows of kind {kinds}"
            message += f" add up to {total:f}"
            found[rows.keys[whole]] = Finding(
                "gases_add_up", rows.keys[whole], message, seen=f"{rows.values[whole]:f}, parts {total:f}"
            )
    by_gas, examined = _by_gas(rows, declared, table)
    for finding in by_gas:
        found.setdefault(finding.key, finding)
    return list(found.values()), compared | examined


def double_gwp(table: FactorTable, before: FactorTable | None) -> tuple[list[Finding], set[str]]:
    """Gases in CO2e that were multiplied by their GWP once more: UK diesel of 2.57 kg CO2e a litre becomes 11.26."""
    del before
    rows, declared = columns(table), comparable()
    gwps = known_gwps(table)
    pairs = vintage_pairs(rows, declared)
    found: dict[str, Finding] = {}
    compared: set[str] = set()
    slips = {}
    for whole, parts in rows.parts.items():
        slip = _slip(rows, whole, parts, gwps)
        if slip is None:
            continue
        slips[whole] = slip
        compared |= {rows.keys[place] for place in (whole, *parts)}
        plain, multiplied = slip
        if multiplied > plain * (1 + _TINY) and abs(rows.values[whole] - multiplied) <= _DOUBLED * multiplied:
            found[rows.keys[whole]] = _doubled(rows, whole, "its own gases, each times its GWP again")
    for pair in pairs:
        place, key = pair.place, rows.keys[pair.place]
        role = _role(key)
        if role in _AGAIN and rows.text("gas")[place] == "CO2e" and abs(pair.value - pair.other) > pair.difference:
            compared.add(key)
            ratio = ratio_of(pair.value, pair.other)
            low, high = _AGAIN[role]
            if ratio is not None and low <= ratio <= high:
                words = f"{pair.other:f} {pair.words}, times a GWP of {role}"
                found.setdefault(key, _doubled(rows, place, words, pair.needs))
        old = rows.places.get(f"{pair.source}{key[len(rows.edition[place]) :]}")
        if old in slips:
            plain, multiplied = slips[old]
            if multiplied > plain * (1 + 2 * _TINY) and abs(pair.value - multiplied) <= _TINY * multiplied:
                words = f"the gases {pair.words}, each times its GWP again"
                found.setdefault(key, _doubled(rows, place, words, pair.needs))
    return list(found.values()), compared


def _divisions(rows: Columns, declared: Comparable) -> Iterable[tuple[int, list[int]]]:
    """Wholes with the parts that make them up, once for gases, stages and ingredients each."""
    units, kinds = rows.text("unit"), rows.text("kind")
    partial = {place for known in declared.partial for pattern in known.figures for place, _ in rows.matching(pattern)}
    for whole, parts in rows.parts.items():
        by_kind: dict[str, list[int]] = defaultdict(list)
        for place in parts:
            if place not in partial and units[place] == units[whole]:
                by_kind[kinds[place]].append(place)
        for places in by_kind.values():
            yield whole, places


def _allowed(rows: Columns, declared: Comparable, whole: int, parts: list[int]) -> Decimal:
    """What rounding makes the sum differ by: half of each last printed digit, and what the dataset declares."""
    cells = rows.text("cell_text")
    rounding = declared.round_of(rows.edition[whole])
    largest = max(abs(rows.values[whole]), *(abs(rows.values[place]) for place in parts))
    digits = sum((last_digit(cells[place]) for place in (whole, *parts)), ZERO)
    return digits / 2 + rounding.absolute + rounding.relative * largest


def _by_gas(rows: Columns, declared: Comparable, table: FactorTable) -> tuple[list[Finding], set[str]]:
    """A CO2e row against its gases by mass, each times its GWP on the row's own label."""
    gwps = known_gwps(table)
    gases, sets = rows.text("gas"), rows.text("gwp_set")
    groups: dict[str, list[int]] = defaultdict(list)
    for pattern in declared.by_gas:
        for place, match in rows.matching(pattern):
            groups[pattern.group(rows.keys[place], match)].append(place)
    found, compared = [], set()
    for places in groups.values():
        whole = next((place for place in places if gases[place] == "CO2e"), None)
        if whole is None or len(places) < 2:
            continue
        known = gwps.get(sets[whole], {})
        masses = [place for place in places if place != whole]
        factors = [known.get(plain_name(gases[place])) for place in masses]
        if not known or None in factors:
            continue
        compared |= {rows.keys[place] for place in places}
        total = sum((rows.values[p] * f for p, f in zip(masses, factors, strict=True) if f is not None), ZERO)
        total += sum((rows.values[part] for part in rows.parts.get(whole, ()) if _is_gas(rows, part)), ZERO)
        if abs(total - rows.values[whole]) > BY_GAS_RELATIVE * max(abs(rows.values[whole]), abs(total)) + Decimal(
            "0.001"
        ):
            message = f"{rows.values[whole]:f} {rows.text('unit')[whole]}; its gases by mass give {short(total)}"
            message += f" on {sets[whole]}"
            found.append(Finding("gases_add_up", rows.keys[whole], message, seen=f"{rows.values[whole]:f}"))
    return found, compared


def _is_gas(rows: Columns, place: int) -> bool:
    return rows.text("kind")[place] == "gas-part"


def _role(key: str) -> str:
    return next((gas for mark, gas in _GAS_ROLES if mark in key), "")


def _slip(
    rows: Columns, whole: int, parts: list[int], gwps: dict[str, dict[str, Decimal]]
) -> tuple[Decimal, Decimal] | None:
    """(sum of the gases, what multiplying methane and N2O again would give), where they are given as CO2e."""
    known = gwps.get(rows.text("gwp_set")[whole]) or gwps.get("AR5GWP100")
    gas_parts = [place for place in parts if _is_gas(rows, place) and rows.text("gas")[place] == "CO2e"]
    roles = [_role(rows.keys[place]) for place in gas_parts]
    if known is None or not {"CH4", "N2O"} & set(roles):
        return None
    plain = sum((rows.values[place] for place in gas_parts), ZERO)
    more = sum(
        (
            rows.values[p] * (known[role.lower()] - 1)
            for p, role in zip(gas_parts, roles, strict=True)
            if role in {"CH4", "N2O"}
        ),
        ZERO,
    )
    return plain, plain + more


def _doubled(rows: Columns, place: int, words: str, against: str = "") -> Finding:
    value = f"{rows.values[place]:f}"
    message = f"{value} {rows.text('unit')[place]}; {words}"
    return Finding("double_gwp", rows.keys[place], message, seen=value, against=against)
