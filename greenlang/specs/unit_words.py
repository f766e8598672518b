"""Units as authors write them: in a key of their own, at the end of a name, in a sentence.

Belongs here: spellings, and which of them are beyond doubt. Does not belong here: what units mean
(``greenlang.units``), findings (the readers make them).

A spelling that two trades read differently (``tons``: short, metric, or of refrigeration?) gives no unit but a reason.
A figure per year is a rate: ``kg CO2e/year`` is kgCO2e/year, a year of 365.25 days. A temperature that the name calls
a difference (rise, lift, margin) is in K or delta_degF, because 110 degF of lift is not 110 degF on a thermometer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from greenlang import units
from greenlang.errors import UnitError


@dataclass(frozen=True, slots=True)
class Reading:
    """What a spelling means: a unit for ``greenlang.units``, or an empty text and why there is none."""

    unit: str
    doubt: str = ""


def _table(text: str) -> dict[str, str]:
    """``a=b c=d`` as a mapping."""
    return dict(pair.split("=", 1) for pair in text.split())


_SIGNS = str.maketrans(
    {"·": ".", "⋅": ".", "×": "*", "²": "2", "³": "3", "₂": "2", "₄": "4", "μ": "µ", "℃": "°C", "℉": "°F"}
)
_DIMENSIONLESS = frozenset(
    ("1", "-", "dimensionless", "unitless", "fraction", "ratio", "decimal", "decimal fraction", "0-1", "index", "cop")
)
# One word -> the word that greenlang.units reads. Keys are compared as written first, then in lower case.
_WORDS: dict[str, str] = _table(
    """
    $=USD US$=USD €=EUR £=GBP usd=USD eur=EUR gbp=GBP dollars=USD %=percent pct=percent percentage=percent
    vol%=percent wt%=percent mol%=percent ppmv=ppm ppm=ppm celsius=degC fahrenheit=degF kelvin=K kelvins=K °c=degC
    °f=degF °k=K degc=degC degf=degF degk=K °=degree degrees=degree deg=degree sqft=ft^2 sqm=m^2 cuft=ft^3 ft2=ft^2
    ft3=ft^3 m2=m^2 m3=m^3 km2=km^2 cfm=ft^3/minute gpm=gallon/minute lpm=liter/minute kwh=kWh mwh=MWh gwh=GWh
    twh=TWh kw=kW gw=GW kj=kJ gj=GJ tj=TJ btu=Btu btus=Btu kbtu=kBtu mmbtu=MMBtu kwth=kW kwe=kW kwt=kW kwp=kW
    kwel=kW kw_th=kW kw_e=kW kw_el=kW mwth=MW mwe=MW mwt=MW mwp=MW mwel=MW mw_th=MW mw_e=MW kwhth=kWh kwhe=kWh
    kwh_th=kWh kwh_e=kWh mwhth=MWh mwhe=MWh mwh_th=MWh kilowatts=kW megawatts=MW kilowatt-hours=kWh
    megawatt-hours=MWh gallons=gallon gal=gallon litres=liter liters=liter litre=liter l=liter lbs=lb pounds=lb
    kilograms=kg kilogram=kg kgs=kg grams=g gram=g tonnes=tonne tonne=tonne feet=ft foot=ft meters=m metres=m
    inches=inch miles=mile kilometers=km kilometres=km kms=km hectares=hectare ha=hectare hr=hour hrs=hour h=hour
    hours=hour yr=year yrs=year years=year annum=year a=year mo=month months=month days=day d=day weeks=week
    minutes=minute min=minute mins=minute seconds=second sec=second secs=second ms=millisecond
    milliseconds=millisecond people=person persons=person occupants=person employees=person fte=person capita=person
    items=item pieces=item passengers=passenger vehicles=vehicle rooms=room heads=head count=count therms=therm
    bars=bar pascal=Pa pascals=Pa kt=kilotonne barrels=barrel acres=acre
    """
)
_PHRASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), plain)
    for pattern, plain in (
        (r"\b(?:degrees?|deg\.?|°)\s*(?:celsius|c)\b", "degC"),
        (r"\b(?:degrees?|deg\.?)\s*(?:fahrenheit|f)\b|°\s*(?:fahrenheit|f)\b", "degF"),
        (r"°\s*(?:celsius|c)\b", "degC"),
        (r"\b(?:square|sq\.?)[ _]?(?:feet|foot|ft)\b", "ft^2"),
        (r"\b(?:square|sq\.?)[ _]?(?:meters?|metres?|m)\b", "m^2"),
        (r"\b(?:cubic|cu\.?)[ _]?(?:feet|foot|ft)\b", "ft^3"),
        (r"\b(?:cubic|cu\.?)[ _]?(?:meters?|metres?|m)\b", "m^3"),
        (r"\bUS dollars?\b", "USD"),
        (r"\bkilowatt[ -]hours?\b", "kWh"),
        (r"\bmegawatt[ -]hours?\b", "MWh"),
        (r"\btons? of refrigeration\b|\brefrigeration tons?\b|\btons? refrigeration\b", "refrigeration_ton"),
        (r"\bshort tons?\b", "short_ton"),
        (r"\blong tons?\b", "long_ton"),
        (r"\bmetric[ _-]tons?\b|\bmetric[ _-]tonnes?\b", "tonne"),
        (r"\bmillion Btu\b", "MMBtu"),
        (r"\bkilograms?\b|\bkgs\b", "kg"),
        (r"\bgrams?\b", "g"),
        (r"\bpounds?\b(?![ _-]force)|\blbs\b", "lb"),
        (r"\bgigawatt[ -]hours?\b", "GWh"),
        (r"\s*\bper (?:annum|year)\b|\bp\.\s?a\.|\bannually\b", "/year"),
        (r"\s*\bper\s+", "/"),
        # W/mK is watts per metre and kelvin; read letter by letter it would be millikelvin
        (r"/\s*\(?m\.?K\)?(?=$|[^A-Za-z])", "/(m*K)"),
        (r"/\s*\(?m2[. *-]?K\^?4\)?(?=$|[^A-Za-z0-9])", "/(m^2*K^4)"),
        (r"/\s*\(?m2[. *-]?K\)?(?=$|[^A-Za-z0-9^])", "/(m^2*K)"),
        (r"^\(?m2[. *-]?K\)?/W$", "m^2*K/W"),
        (r"/\s*s2(?=$|[^A-Za-z0-9])", "/s^2"),
        (r"/\s*\(?kg[. *-]?K\)?(?=$|[^A-Za-z])", "/(kg*K)"),
    )
)
IMPERIAL = re.compile(r"(?<![A-Za-z])(?i:imperial|imp\.?|UK|British)[ _-](?i:gal(?:lon)?s?)(?![A-Za-z])")
OF_IMPERIAL = "a gallon is the one of the US; an imperial one is 4.54609 L: give the volume in L"
_DOUBTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (IMPERIAL.pattern, OF_IMPERIAL),
        (
            r"(?<![A-Za-z_])[Tt]ons?(?![A-Za-z_])",
            "`ton` is a short ton, a tonne or a ton of refrigeration; write short_ton, t or refrigeration_ton",
        ),
        (
            r"(?<![A-Za-z_])(?:MT|mt)(?![A-Za-z_])|(?<![A-Za-z_])(?:MT|mt) ?CO2",
            "`MT` is a tonne or a million tonnes; write t or Mt",
        ),
        (
            r"(?<![A-Za-z_])units?(?![A-Za-z_])",
            "`unit` names nothing that is measured; write item for a piece, or the unit itself",
        ),
        (
            r"(?<![A-Za-z_])(?:psig|barg|kPag|bar\(g\)|psi\(g\))(?![A-Za-z_])",
            "a gauge pressure counts from the air around it; write the absolute pressure in psi or bar",
        ),
        (
            r"(?<![A-Za-z_])(?:mcf|Mcf|MCF|MMcf|mmcf|Mscf|MMscf|MBH|MBtu|MBTU|Mbtu|Mlb|mlb|Mlbs|Mlbm)(?![A-Za-z_])",
            "M is a thousand to some and a million to others; write kscf, kBtu or klb, or MMBtu",
        ),
        (
            r"(?<![A-Za-z_])(?:ccf|CCF)(?![A-Za-z_])",
            "a hundred cubic feet of gas, under which conditions? write scf or ft^3",
        ),
        (r"\bor\b|,|;", "it names several units"),
    )
)
_GAS = re.compile(
    r"\b(k?g|t|tonnes?|kt|Mt|Gt|lb)[ _]?(?:of )?(CO2(?:[ _-]?(?:equivalents?|eq|e))?|CH4|N2O)\b", re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z_°$€£%µ]+[A-Za-z0-9_°%²³$]*(?:-[A-Za-z]+)?|[0-9.]+")
_SCALES = {"g": "g", "kg": "kg", "t": "t", "tonne": "t", "tonnes": "t", "kt": "kt", "mt": "Mt", "lb": "lb"}
# What may stand behind a spelling, by Pint's own names without prefix. Pint knows more (a nit, a fermi): `cfm` would
# be centifermi and `unit` micro-nit.
_FIELD = frozenset(
    """
    meter foot inch yard mile gram metric_ton pound ounce short_ton ton long_ton second minute hour day week month year
    kelvin degree_Celsius degree_Fahrenheit delta_degree_Celsius delta_degree_Fahrenheit degree radian
    joule watt_hour watt british_thermal_unit Btu_international mmBtu therm calorie electron_volt horsepower volt_ampere
    pascal bar pound_force_per_square_inch standard_atmosphere millimeter_Hg inch_Hg torr atmosphere newton
    liter gallon barrel acre hectare mole hertz volt ampere ohm percent ppm count refrigeration_ton
    gCO2e tCO2e lbCO2e scf scf_68F Sm3 Nm3 passenger vehicle room person head item USD EUR GBP XPF
    tonne_of_oil_equivalent tep passenger_km passenger_mile vehicle_km vehicle_mile tonne_km ton_mile room_night
    cubic_foot square_foot square_mile
    kWh kilowatt_hour short_tonCO2 decibel revolutions_per_minute boiler_horsepower fluid_ounce quart person_hour
    centimeter_H2O inch_H2O_39F foot_H2O quadrillion_Btu micron hundred_item hundred_km angstrom lux lumen bit byte
    """.split()  # noqa: SIM905
)
_WATT_HOUR = re.compile(r"[a-z]*watt_hour\Z")


@lru_cache(maxsize=4096)
def read_unit(text: str, *, sure: bool = False) -> Reading:
    """A unit that stands in a key of its own; with ``sure``, in a sentence: only what is certainly one."""
    clean = " ".join(text.strip().strip("\"'").translate(_SIGNS).split())
    if clean.lower() in _DIMENSIONLESS:
        return Reading("1")
    if not clean:
        return Reading("")
    if clean in {"C", "F"}:
        return Reading(f"deg{clean}")
    if len(clean) > 60:
        return Reading("", "it is a sentence")
    for pattern, plain in _PHRASES:
        clean = pattern.sub(plain, clean)
    for pattern, why in _DOUBTS:
        if pattern.search(clean):
            return Reading("", why)
    clean = _GAS.sub(_gas, clean).strip()
    clean = re.sub(r"(?<=[A-Za-z0-9])-(?=[A-Za-z])", ".", clean)
    clean = _WORD.sub(_plain_word, clean)
    if clean not in {"degC", "degF"}:  # in a quotient, a temperature is a difference
        clean = re.sub(r"\bdegC\b|(?<=[./*(])C\b", "K", clean)
        clean = re.sub(r"\bdegF\b|(?<=[./*(])F\b", "delta_degF", clean)
    if certain(clean):
        return Reading(clean)
    if sure:
        return Reading("", "it is no unit")
    try:
        parsed = units.parse_unit(clean)
    except UnitError as error:
        return Reading("", str(error).removeprefix(f"unit `{clean}`").lstrip(": ") or "it is unknown")
    strange = [name for name in map(str, parsed._units) if not _of_the_field(name)]
    if strange:
        return Reading("", f"it would mean {strange[0]}")
    return Reading(clean)


# Words that a test proves against Pint once and for all, so that reading a spec need not build its registry.
_TOKENS = frozenset(
    """
    1 m km cm mm ft inch mile kg g mg t tonne kilotonne Mt lb klb short_ton s second minute hour day week month year ms
    millisecond K degC degF delta_degF degree kWh MWh GWh TWh Wh kW MW GW W mW J kJ MJ GJ TJ Btu kBtu MMBtu therm hp
    kVA Pa kPa MPa bar psi mmHg L liter gallon barrel acre hectare mol kmol Hz V A percent ppm count refrigeration_ton
    gCO2e kgCO2e tCO2e ktCO2e MtCO2e lbCO2e gCO2 kgCO2 tCO2 lbCO2 kgCH4 tCH4 kgN2O tN2O scf Sm3 Nm3
    person passenger vehicle room head item USD EUR GBP
    hours days months years seconds minutes degrees tonnes gallons liters therms m2 m3 ft2 ft3 BTU MMBTU
    """.split()  # noqa: SIM905
)
_POWER = r"(?:\^-?[2-9])?"
_ONE = rf"(?:1|[A-Za-z_][A-Za-z_0-9]*{_POWER})"
_SIMPLE = re.compile(rf"{_ONE}(?:[*/]{_ONE})*(?:/\({_ONE}(?:\*{_ONE})*\))?")


@lru_cache(maxsize=4096)
def certain(unit: str) -> bool:
    """Whether a unit is made of words that are known to be right: nothing needs to be looked up then."""
    if not _SIMPLE.fullmatch(unit):
        return False
    return _TOKENS.issuperset(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", unit))


def nearest(text: str) -> str:
    """The unit that a misspelt word comes close to; empty if none does."""
    return next(iter(get_close_matches(text.strip(), sorted(_TOKENS), n=1, cutoff=0.75)), "")


def _gas(match: re.Match[str]) -> str:
    gas = match[2].upper()
    gas = "CO2e" if gas.startswith("CO2") and gas != "CO2" else gas
    scale = match[1] if match[1] in {"Mt", "kt", "Gt"} else _SCALES.get(match[1].lower(), match[1])
    return f"{scale}{gas}"


def _plain_word(match: re.Match[str]) -> str:
    word = match[0]
    return _WORDS.get(word) or _WORDS.get(word.lower() if word not in _KEPT else "", word)


_KEPT = frozenset(("MW", "Mw", "mW", "MJ", "mJ", "A", "D", "L", "H", "MS"))  # their case means something


@lru_cache(maxsize=512)
def _of_the_field(name: str) -> bool:
    if name in _FIELD or _WATT_HOUR.match(name):
        return True
    return any(base in _FIELD or _gases(base) for _, base, _ in units.registry().parse_unit_name(name))


def _gases(name: str) -> bool:
    return bool(re.fullmatch(r"(?:g|t|lb)(?:CO2e|CO2b?|CH4[fb]?|N2O|SF6|NF3|HFC|PFC|CF4|C2F6)", name))


# --- in a name -------------------------------------------------------------------------------------------------------

_SUFFIXES: dict[str, str] = _table(
    """
    kw=kW mw=MW gw=GW kwh=kWh mwh=MWh gwh=GWh twh=TWh kj=kJ mj=MJ gj=GJ tj=TJ btu=Btu kbtu=kBtu mmbtu=MMBtu
    therms=therm kg=kg tonnes=tonne lb=lb lbs=lb m2=m^2 m3=m^3 ft2=ft^2 ft3=ft^3 sqft=ft^2 sqm=m^2 ft=ft km=km mm=mm
    cm=cm miles=mile liters=liter litres=liter gallons=gallon gal=gallon cfm=ft^3/minute gpm=gallon/minute
    hours=hour hrs=hour hr=hour years=year days=day months=month seconds=second minutes=minute ms=millisecond
    percent=percent pct=percent percentage=percent degc=degC degf=degF celsius=degC fahrenheit=degF kelvin=K kpa=kPa
    mpa=MPa pa=Pa bar=bar psi=psi mmhg=mmHg ppmv=ppm ppm=ppm usd=USD eur=EUR gbp=GBP kgco2e=kgCO2e tco2e=tCO2e
    gco2e=gCO2e kgco2=kgCO2 tco2=tCO2 kg_co2e=kgCO2e kg_co2=kgCO2 t_co2e=tCO2e tonnes_co2e=tCO2e g_co2e=gCO2e
    lb_co2e=lbCO2e kg_ch4=kgCH4 kg_n2o=kgN2O kg_s=kg/s kg_h=kg/hour kg_hr=kg/hour m_s=m/s m3_h=m^3/hour
    m3_hr=m^3/hour m3_s=m^3/s l_s=liter/s lb_hr=lb/hour btu_hr=Btu/hour mmbtu_hr=MMBtu/hour mm_yr=mm/year
    usd_yr=USD/year kwh_yr=kWh/year mwh_yr=MWh/year w_k=W/K w_mk=W/(m*K) w_m2k=W/(m^2*K) m2k_w=m^2*K/W kj_kg=kJ/kg
    kj_kgk=kJ/(kg*K) kg_m3=kg/m^3 pa_s=Pa*s kwh_m2=kWh/m^2 w_m2=W/m^2 mj_kg=MJ/kg mj_m3=MJ/m^3
    """
)
_BELOW: dict[str, str] = {  # what may stand after `per`
    **{k: v for k, v in _SUFFIXES.items() if "/" not in v and "*" not in v},
    **_table(
        """
    hour=hour year=year day=day month=month week=week person=person capita=person kilometer=km mile=mile liter=liter
    litre=liter gallon=gallon tonne=tonne therm=therm item=item l=liter employee=person second=second minute=minute
        """
    ),
}
_LETTER = {"c": "degC", "f": "degF", "k": "K"}
_HEAT = frozenset(
    ("temp", "temperature", "dew", "lmtd", "saturation", "subcooling", "superheat", "lift", "margin", "inlet", "outlet")
)
_DIFFERENCES = frozenset(
    (
        "difference",
        "diff",
        "delta",
        "lift",
        "rise",
        "drop",
        "margin",
        "lmtd",
        "mtd",
        "subcooling",
        "superheat",
        "approach",
        "spread",
        "tolerance",
        "depression",
        "dt",
    )
)
_OF_A_YEAR = frozenset(("annual", "annually", "yearly", "year"))
_MASSES = frozenset(("kg", "tonne", "lb"))
_EMITTED = frozenset(("emission", "emissions", "ghg", "co2", "carbon"))
_PURE = frozenset(("cop", "ntu", "fraction", "ratio", "effectiveness"))


@lru_cache(maxsize=4096)
def unit_of_name(name: str) -> Reading:
    """The unit that a name ends in: ``_kw``, ``_kg_co2e``, ``_usd_per_kwh``, ``_c`` of a temperature."""
    words = name.lower().split("_")
    below = ""
    if "per" in words[1:-1]:
        at = len(words) - 1 - words[::-1].index("per")
        below = _BELOW.get("_".join(words[at + 1 :]), "")
        if not below:
            return Reading("", read_unit(words[at + 1]).doubt if words[at + 1] in {"ton", "tons"} else "")
        words = words[:at]
    found = _ending(words)
    if found in _MASSES and "co2e" in words:
        found = {"kg": "kgCO2e", "tonne": "tCO2e", "lb": "lbCO2e"}[found]
    elif found in _MASSES and _EMITTED & set(words):
        return Reading("", f"emissions in {found}, but of which gas? write kgCO2e or kgCO2")
    if below:
        return Reading(f"{found}/{below}" if found else "")
    if not found and (words[-1] in _PURE or words[0] == "cop" or words[:2] == ["number", "of"] or words[0] == "num"):
        return Reading("1")
    if not found and words[-1] in {"latitude", "longitude", "lat", "lon"}:
        return Reading("degree")
    if not found and len(words) > 1 and words[1] in {"since", "until"}:
        return Reading(
            _SUFFIXES.get(words[0], "") if words[0] in {"hours", "days", "months", "years", "minutes"} else ""
        )
    if found in {"degC", "degF"} and _DIFFERENCES & set(words):
        found = "K" if found == "degC" else "delta_degF"
    if found and _OF_A_YEAR & set(words[:-1]) and _extensive(found):
        found = f"{found}/year"
    return Reading(found)


def _ending(words: list[str]) -> str:
    for length in (2, 1):
        if len(words) >= length and (unit := _SUFFIXES.get("_".join(words[-length:]))):
            return unit
    letter = _LETTER.get(words[-1]) if words else None
    return letter if letter and _HEAT & set(words[:-1]) else ""


def _extensive(unit: str) -> bool:
    """Whether a unit counts an amount (energy, mass, money), which in a year is a rate."""
    return unit in {
        "kWh",
        "MWh",
        "GWh",
        "TWh",
        "kJ",
        "MJ",
        "GJ",
        "TJ",
        "Btu",
        "kBtu",
        "MMBtu",
        "therm",
        "kg",
        "tonne",
        "lb",
        "kgCO2e",
        "tCO2e",
        "gCO2e",
        "kgCO2",
        "tCO2",
        "lbCO2e",
        "USD",
        "EUR",
        "GBP",
        "m^3",
        "gallon",
        "liter",
    }


# --- in a sentence ---------------------------------------------------------------------------------------------------

_BRACKETS = re.compile(r"\[([^\]]{1,40})\]")
_ROUND = re.compile(r"\(([^()]{1,30}(?:\([^()]*\)[^()]*)?)\)")
_IN = re.compile(
    r"\bin ((?:[^\s,;.()\[\]]+)(?: (?:[^\s,;.()\[\]]+)){0,3}(?:\([^()]*\))?)(?=\s*(?:\bor\b|[,;.()\[\]]|$))",
    re.IGNORECASE,
)
_SHARE = re.compile(
    r"\(\s*0(?:\.0)?\s*(?:-|–|to)\s*1(?:\.0)?\b[^)]*\)"
    r"|\b0(?:\.0)?\s*(?:-|–|to)\s*1(?:\.0)?\b(?!\d)(?! ?%)"
    r"|\bas (?:a )?(?:fraction|decimal)\b",
    re.IGNORECASE,
)
_EITHER = re.compile(r"\bin \S+ or \S*/?\S+", re.IGNORECASE)


@lru_cache(maxsize=4096)
def unit_of_text(text: str) -> Reading:
    """The unit that a description states: ``... [kW]``, ``... (kJ/kg)``, ``... in kg/hr``, ``... (0-1)``."""
    for inner in _BRACKETS.findall(text):
        if (found := read_unit(inner, sure=True)).unit:
            return found
    if match := _EITHER.search(text):
        words = re.split(r"\s+or\s+", match[0][3:], maxsplit=1)
        if any(read_unit(w, sure=True).unit not in {"", "1"} for w in words):
            return Reading("", f"the description names several units ({match[0][3:]})")
    for inner in _IN.findall(text):
        for length in range(inner.count(" ") + 1, 0, -1):
            found = read_unit(" ".join(inner.split(" ")[:length]), sure=True)
            if found.unit not in {"", "1"} and (len(inner) > 1 or inner in {"K", "W", "J"}):
                return found
    for inner in _ROUND.findall(text):
        found = read_unit(inner, sure=True)
        if found.unit not in {"", "1"} and len(inner) > 1 and not inner.isdigit():
            return found
    if _SHARE.search(text):
        return Reading("1")
    return Reading("")


# --- together --------------------------------------------------------------------------------------------------------


def is_difference(name: str) -> bool:
    """Whether a name calls a temperature a difference."""
    return bool(_DIFFERENCES & set(name.lower().split("_")))


def as_difference(unit: str) -> str:
    """The unit of a difference of temperatures that was written in degC or degF."""
    return {"degC": "K", "degF": "delta_degF"}.get(unit, unit)


def refined(a: str, b: str) -> str | None:
    """The more exact of two units that may both be meant (kg and kgCO2e/year), or None if they contradict."""
    if a == b:
        return a
    for rough, exact in ((a, b), (b, a)):
        if _covers(rough, exact):
            return exact
    return a if units.parse_unit(a) == units.parse_unit(b) else None


_PERIODS = ("year", "month", "day")


def _covers(rough: str, exact: str) -> bool:
    head, _, tail = exact.partition("/")
    head_rough, _, tail_rough = rough.partition("/")
    longer = tail in _PERIODS if tail_rough == "" else tail in {f"{tail_rough}/{period}" for period in _PERIODS}
    if tail != tail_rough and not longer:
        return False
    if head == head_rough or (
        head_rough in {"kg", "tonne", "t", "lb", "g"}
        and re.fullmatch(rf"{'t' if head_rough == 'tonne' else head_rough}(?:CO2e?|CH4|N2O)", head) is not None
    ):
        return True
    try:
        return head_rough != "" and units.parse_unit(head) == units.parse_unit(head_rough)
    except UnitError:
        return False
