"""Gases and blends as the UK conversion factors print them -> the designations that all publishers' rows share.

Belongs here: names. Does not belong here: GWPs, which are each publisher's.

Formulas of the perfluorocarbons: IPCC AR5 WG1 Table 8.A.1. Refrigerant numbers: ISO 817 and ANSI/ASHRAE Standard 34
(R-404A, R-600a).
"""

from __future__ import annotations

import re
from functools import lru_cache

OWN_UNITS = frozenset({"CO2", "CH4", "N2O", "SF6", "NF3"})  # gases that are units of their own in greenlang.units

# In neither set of `globalwarmingpotentials`: "In some cases AR4, AR6 or estimates presented in the EU F-gas
# regulations annexes are used instead where AR5 values are not available" (2025 full set, Refrigerant & other).
NO_IPCC_SET = frozenset(
    {"R-1270", "R-170", "R-290", "R-600", "R-600a", "R-601", "R-601a", "HFO-1234yf", "HFO-1234ze", "HFE-E170"}
)

_NAMES = {
    "Carbon dioxide": "CO2",
    "Methane": "CH4",
    "Nitrous oxide": "N2O",
    "Sulphur hexafluoride (SF6)": "SF6",
    "Nitrogen trifluoride": "NF3",
    "Carbon tetrachloride": "CCl4",
    "Methyl bromide": "CH3Br",
    "Methyl chloroform": "CH3CCl3",
    "Methylene chloride": "CH2Cl2",
    "Methyl chloride": "CH3Cl",
    "Dimethylether": "HFE-E170",
    "Trifluoromethyl sulphur pentafluoride": "SF5CF3",
    "Perfluorocyclopropane": "c-C3F6",
    "PFC-9-1-18": "C10F18",
    "HFC-43-I0mee": "HFC-43-10mee",  # the letter I stands in every vintage
    "Perfluoromethane (PFC-14)": "CF4",
    "Perfluoroethane (PFC-116)": "C2F6",
    "Perfluoropropane (PFC-218)": "C3F8",
    "Perfluorocyclobutane (PFC-318)": "c-C4F8",
    "Perfluorobutane (PFC-3-1-10)": "C4F10",
    "Perfluoropentane (PFC-4-1-12)": "C5F12",
    "Perfluorohexane (PFC-5-1-14)": "C6F14",
    "R1234yf": "HFO-1234yf",
    "R1234ze": "HFO-1234ze",
}
_PRINTED_TWICE = re.compile(r"(H?CFC-\d+)/R\d+ = .*")  # CFC-11/R11 = trichlorofluoromethane
_TRADE_NAME = re.compile(r"(HC?FE-\S+) \(.*\)")  # HFE-449sl (HFE-7100)
_HYDROCARBON = re.compile(r"R(\d+)(A?) = .*")  # R600A = isobutane
_BLEND = re.compile(r"R(\d{3})([A-Za-z]?)")


@lru_cache(maxsize=1024)
def gas(printed: str) -> str | None:
    """The designation of a refrigerant or other gas; None if the text names none that is known."""
    if printed in _NAMES:
        return _NAMES[printed]
    for pattern, form in (
        (_PRINTED_TWICE, "{0}"),
        (_TRADE_NAME, "{0}"),
        (_HYDROCARBON, "R-{0}{1}"),
        (_BLEND, "R-{0}{2}"),
    ):
        if match := pattern.fullmatch(printed):
            one, two = match.group(1), match.group(2) if pattern.groups > 1 else ""
            return form.format(one, two.lower(), two.upper())
    return printed if re.fullmatch(r"(HFC|HCFC|CFC|HFE|HCFE|Halon)-[0-9A-Za-z-]+|PFPMIE", printed) else None
