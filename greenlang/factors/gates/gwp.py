"""The IPCC's GWPs as the gates know them, and the many names of a gas.

Belongs here: names and look-ups. Does not belong here: any check, any figure: those are cited rows of the embedded
base.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from greenlang.factors.gates.columns import Columns, columns
from greenlang.factors.table import FactorTable

SETS = {"AR4GWP100": "ipcc/gwp/ar4", "AR5GWP100": "ipcc/gwp/ar5", "AR6GWP100": "ipcc/gwp/ar6"}
# Refrigerant numbers of substances that the IPCC lists by formula (ASHRAE 34, Table 1), and French names of ADEME's.
_OTHER_NAMES = {
    "r14": "cf4",
    "pfc14": "cf4",
    "r116": "c2f6",
    "pfc116": "c2f6",
    "r218": "c3f8",
    "pfc218": "c3f8",
    "r318": "cc4f8",
    "rc318": "cc4f8",
    "pfc318": "cc4f8",
    "r3110": "c4f10",
    "pfc3110": "c4f10",
    "r4112": "c5f12",
    "pfc4112": "c5f12",
    "r5114": "c6f14",
    "pfc5114": "c6f14",
    "r1211": "halon1211",
    "r1301": "halon1301",
    "r2402": "halon2402",
    "bromuredeméthyle": "ch3br",
    "chlorométhane": "ch3cl",
    "chloruredeméthylène": "ch2cl2",
    "chloroformedeméthyle": "ch3ccl3",
    "tétrachlorométhane": "ccl4",
    "trifluoromethylpentafluoruredesoufre": "sf5cf3",
}
_SHARE = re.compile(r"([\d.]+)\s*%?\s+([A-Za-z][A-Za-z\- /]*[\w\-]*)")
_COUNTED_AS_ZERO = ("propane", "propylene", "butane", "isobutane", "pentane", "isopentane", "butane/pentane")


def known_gwps(table: FactorTable) -> dict[str, dict[str, Decimal]]:
    """GWP set -> plain name of the gas -> GWP, of the IPCC's rows in the embedded base."""
    rows = columns(table)
    if "gwps" not in rows.memo:
        rows.memo["gwps"] = _known(rows)
    found: dict[str, dict[str, Decimal]] = rows.memo["gwps"]
    return found


def _known(rows: Columns) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for name, edition in SETS.items():
        start, stop = rows.editions.get(edition, (0, 0))
        for place in range(start, stop):
            if rows.text("gwp_set")[place] == name and not is_fossil(rows.keys[place]):
                found[name][plain_name(rows.text("gas")[place])] = rows.values[place]
    return dict(found)


def plain_name(gas: str) -> str:
    """A gas without capitals, hyphens and remarks in brackets, under the IPCC's name."""
    name = re.sub(r"[\s\-]", "", re.sub(r"\(.*?\)", "", gas)).lower()
    return _OTHER_NAMES.get(name, name)


def gwp_of(gas: str, known: dict[str, Decimal]) -> Decimal | None:
    """The GWP of a gas under one of its names: R134a is HFC-134a, R12 is CFC-12."""
    name = plain_name(gas)
    tried = [name]
    if re.fullmatch(r"r\d+[a-z]*", name):
        tried += [f"{family}{name[1:]}" for family in ("hfc", "hcfc", "cfc", "hfe", "pfc")]
    return next((known[each] for each in tried if each in known), None)


def is_fossil(key: str) -> bool:
    """Whether a row is of fossil methane, which has a GWP of its own from AR5 on."""
    return "fossil" in key or "ch4f" in key


def composition(note: str) -> dict[str, Decimal]:
    """Shares by substance, in percent, as EPA prints a blend: ``44% HFC-125, 4% HFC-134a, 52% HFC-143a``."""
    return dict(_shares(note.partition(";")[0]))


def _shares(text: str) -> Iterator[tuple[str, Decimal]]:
    for piece in text.split(","):
        match = _SHARE.fullmatch(piece.strip())
        if match:
            yield match[2].strip(), Decimal(match[1])


def blend_gwp(
    shares: dict[str, Decimal], known: dict[str, Decimal], *, without_ozone_depleting: bool
) -> Decimal | None:
    """The GWP that a composition gives, or None where a substance is unknown. Hydrocarbons count as zero.

    ``without_ozone_depleting`` counts HCFCs and CFCs as zero, as EPA does: they are not in the Kyoto Protocol.
    """
    total = Decimal(0)
    for name, share in shares.items():
        plain = plain_name(name)
        if plain in _COUNTED_AS_ZERO:
            continue
        if without_ozone_depleting and plain.startswith(("hcfc", "cfc")):
            continue
        value = gwp_of(name, known)
        if value is None:
            return None
        total += value * share / 100
    return total
