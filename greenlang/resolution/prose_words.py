"""What the symbols of formulas mean: reviewed tables that bind ``η`` to an efficiency, ``T_h`` to a hot temperature.

Belongs here: declarations that a reviewer can read in one go. Does not belong here: how they are used (``prose_bind``).

Symbols follow ISO 80000-4, -5 and -6 and common use in energy engineering. A symbol may have several meanings; which of
them holds is decided by the units and words of the parameters, and where two remain the symbol is not bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of quantity: ``units`` of its dimensions, ``words`` that name it (any of them suffices).

    ``form``: what the unit itself looks like, for quantities per anything (emission factors, prices).
    """

    name: str
    units: tuple[str, ...]
    words: frozenset[str]
    form: str = ""

    def has(self, unit: str, same: Callable[[str, str], bool]) -> bool:
        """Whether a unit is one of this quantity."""
        if self.form and re.match(self.form, unit):
            return True
        return any(same(unit, u) and (u != "s/year" or "/" in unit) for u in self.units)


def _quantity(name: str, units: str, words: str, form: str = "") -> Quantity:
    return Quantity(name, tuple(units.split()), frozenset(words.split()), form)


QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        _quantity("heat", "J J/year W", "heat heating thermal energy cooling demand load"),
        _quantity("energy", "J J/year", "energy heat electricity consumption fuel"),
        _quantity("electric energy", "J J/year W", "electricity electrical electric power work compressor"),
        _quantity("power", "W", "power heat rate capacity load demand electrical electric thermal compressor"),
        _quantity("pressure", "Pa", "pressure"),
        _quantity("price", "USD EUR GBP", "price cost rate tariff charge", r"(?:USD|EUR|GBP)/(?!year)"),
        _quantity("temperature", "K", "temperature"),
        _quantity("temperature difference", "K", "difference lift rise drop delta lmtd approach spread"),
        _quantity("efficiency", "1", "efficiency"),
        _quantity("effectiveness", "1", "effectiveness"),
        _quantity("emissivity", "1", "emissivity"),
        _quantity("cop", "1", "cop performance"),
        _quantity("mass", "kg kg/year", "mass weight"),
        _quantity("mass flow", "kg/s", "mass flow rate production throughput"),
        _quantity("specific heat", "J/kg/K", "specific heat capacity cp"),
        _quantity("latent heat", "J/kg", "latent vaporization vaporisation evaporation fusion enthalpy"),
        _quantity("enthalpy", "J/kg", "enthalpy"),
        _quantity("density", "kg/m^3", "density"),
        _quantity("volume", "m^3", "volume"),
        _quantity("volume flow", "m^3/s", "flow volumetric"),
        _quantity("velocity", "m/s", "velocity speed"),
        _quantity("area", "m^2", "area surface aperture"),
        _quantity("length", "m", "length thickness distance height depth head"),
        _quantity("thickness", "m", "thickness"),
        _quantity("height", "m", "height head"),
        _quantity("radius", "m", "radius"),
        _quantity("diameter", "m", "diameter"),
        _quantity("time", "s s/year", "time hour duration period lifetime life term horizon year"),
        _quantity("heat transfer coefficient", "W/m^2/K", "transfer coefficient transmittance value htc"),
        _quantity("thermal conductivity", "W/m/K", "conductivity"),
        _quantity("thermal resistance", "m^2*K/W K/W", "resistance"),
        _quantity("emissions", "kgCO2e kgCO2e/year kgCO2 kgCO2/year", "emission co2 co2e ghg carbon"),
        _quantity(
            "emission factor",
            "kgCO2e",
            "factor emission intensity ef",
            r"(?:[kM]?g|k?t|lb)(?:CO2e?|CH4|N2O)/(?!year)",
        ),
        _quantity("heating value", "J/kg J/m^3 J", "heating calorific lhv hhv ncv gcv value"),
        _quantity("voltage", "volt", "voltage"),
        _quantity("current", "ampere", "current amps"),
        _quantity("power factor", "1", "factor"),
        _quantity("irradiance", "W/m^2 J/m^2 J/m^2/year", "irradiance irradiation insolation radiation dni ghi solar"),
        _quantity("rate of interest", "1", "discount interest rate"),
        _quantity("rotational speed", "rpm", "speed rpm rotational"),
        _quantity("number", "1", "number count stages"),
        _quantity("solar fraction", "1", "solar fraction"),
        _quantity("ntu", "1", "ntu transfer units"),
        _quantity("heat capacity ratio", "1", "capacity ratio cr"),
        _quantity("heat capacity rate", "W/K", "capacity rate"),
        _quantity("stress", "Pa", "stress"),
        _quantity("conductance", "W/K", "conductance coefficient ua"),
        _quantity("power coefficient", "1", "coefficient"),
        _quantity("dynamic viscosity", "Pa*s", "viscosity"),
        _quantity("kinematic viscosity", "m^2/s", "viscosity"),
        _quantity("gravity", "m/s^2", "gravity gravitational acceleration"),
    )
}

# symbol -> the quantities that it may be. The key is the symbol without subscript, in its own case.
SYMBOLS: dict[str, tuple[str, ...]] = {
    "Q": ("heat", "volume flow"),
    "Q_dot": ("heat", "volume flow"),
    "q": ("heat", "volume flow"),
    "E": ("energy", "emissions"),
    "W": ("electric energy",),
    "W_dot": ("power",),
    "P": ("power", "pressure", "price"),
    "p": ("pressure", "price"),
    "T": ("temperature",),
    "t": ("time", "temperature"),
    "theta": ("temperature",),
    "Delta_T": ("temperature difference",),
    "Delta_t": ("temperature difference", "time"),
    "delta_T": ("temperature difference",),
    "dT": ("temperature difference",),
    "LMTD": ("temperature difference",),
    "Delta_p": ("pressure",),
    "Delta_P": ("pressure",),
    "Delta_h": ("enthalpy", "height"),
    "eta": ("efficiency",),
    "eff": ("efficiency",),
    "epsilon": ("effectiveness", "emissivity"),
    "COP": ("cop",),
    "EER": ("cop",),
    "m": ("mass", "mass flow"),
    "m_dot": ("mass flow",),
    "M": ("mass",),
    "cp": ("specific heat",),
    "c_p": ("specific heat",),
    "Cp": ("specific heat",),
    "C_p": ("specific heat", "power coefficient"),
    "UA": ("conductance",),
    "mu": ("dynamic viscosity",),
    "nu": ("kinematic viscosity",),
    "c": ("specific heat",),
    "L": ("latent heat", "length", "thickness"),
    "L_v": ("latent heat",),
    "h_fg": ("latent heat",),
    "h": ("enthalpy", "height", "heat transfer coefficient"),
    "H": ("enthalpy", "height", "heating value", "conductance", "irradiance"),
    "rho": ("density",),
    "V": ("volume", "volume flow", "voltage"),
    "V_dot": ("volume flow",),
    "v": ("velocity",),
    "A": ("area",),
    "d": ("length", "diameter", "thickness"),
    "D": ("diameter", "length"),
    "g": ("gravity",),
    "U": ("heat transfer coefficient", "voltage"),
    "k": ("thermal conductivity",),
    "lambda": ("thermal conductivity",),
    "R": ("thermal resistance",),
    "sigma": ("stress",),
    "EF": ("emission factor",),
    "CO2e": ("emissions",),
    "CO2": ("emissions",),
    "GHG": ("emissions",),
    "LHV": ("heating value",),
    "HHV": ("heating value",),
    "NCV": ("heating value",),
    "GCV": ("heating value",),
    "I": ("current", "irradiance"),
    "G": ("irradiance",),
    "PF": ("power factor",),
    "r": ("rate of interest", "radius"),
    "i": ("rate of interest",),
    "n": ("number", "time", "rotational speed"),
    "N": ("number", "rotational speed", "time"),
    "SF": ("solar fraction",),
    "NTU": ("ntu",),
    "Cr": ("heat capacity ratio",),
    "C_r": ("heat capacity ratio",),
}

# times: a lifetime is no better one than a warranty, so a word of the quantity chooses none
ANY_TIME = frozenset(("t", "n", "N"))

# symbols that are written together and multiplied
PRODUCTS: dict[str, tuple[str, ...]] = {
    "mc": ("m", "c"),
    "mcp": ("m", "cp"),
    "mgh": ("m", "g", "h"),
    "UA": ("U", "A"),
    "hA": ("h", "A"),
    "kA": ("k", "A"),
    "VI": ("V", "I"),
    "IV": ("I", "V"),
}

# a subscript or a short word -> the words that it may stand for
SHORT: dict[str, tuple[str, ...]] = {
    "h": ("hot", "heating"),
    "c": ("cold", "cooling"),
    "in": ("inlet", "input", "entering", "indoor", "inside", "inner"),
    "i": ("inlet", "inside", "initial"),
    "out": ("outlet", "output", "leaving", "outdoor", "outside", "outer"),
    "o": ("outlet", "outside", "outdoor", "outer"),
    "s": ("source", "supply", "steam", "surface"),
    "si": ("internal", "inside", "interior", "indoor"),
    "se": ("external", "outside", "exterior", "outdoor"),
    "l": ("loss", "leak"),
    "ref": ("reference",),
    "is": ("isentropic",),
    "fg": ("flue gas",),
    "r": ("return",),
    "w": ("water",),
    "fw": ("feedwater",),
    "g": ("gas", "flue"),
    "f": ("fuel", "final", "feedwater"),
    "a": ("air", "ambient"),
    "amb": ("ambient",),
    "el": ("electrical", "electric", "electricity"),
    "e": ("electrical", "electric", "electricity"),
    "th": ("thermal", "heat"),
    "b": ("boiler", "baseline"),
    "hp": ("pump",),
    "comp": ("compressor",),
    "cap": ("capacity",),
    "max": ("maximum", "max", "peak"),
    "min": ("minimum", "min"),
    "avg": ("average", "mean"),
    "mean": ("average", "mean"),
    "tot": ("total",),
    "req": ("required", "requirement"),
    "amount": ("amount", "quantity"),
    "temp": ("temperature",),
    "temps": ("temperature",),
    "eff": ("efficiency",),
    "consumed": ("consumption", "consumed"),
    "delivered": ("delivered", "delivery"),
    "required": ("required", "requirement"),
    "electrical": ("electrical", "electric", "electricity"),
    "electric": ("electrical", "electric", "electricity"),
    "elec": ("electrical", "electric", "electricity"),
    "lhv": ("lhv", "lower"),
    "hhv": ("hhv", "higher"),
    "plr": ("part load ratio",),
    "ef": ("emission factor",),
    "gwp": ("gwp",),
    "htc": ("heat transfer coefficient",),
    "adp": ("acid dew point",),
    "sat": ("saturation", "saturated"),
    "stack": ("stack", "flue"),
    "hours": ("hour",),
    "qty": ("quantity",),
    "vol": ("volume",),
    "temperature": ("temperature",),
    "panel": ("panel", "pv", "module", "collector"),
    "photovoltaic": ("photovoltaic", "pv"),
    "swept": ("swept", "rotor"),
    "freight": ("freight", "cargo", "goods", "payload"),
}

# words of a temperature that is the higher and of one that is the lower of a pair: ΔT is the first minus the second
PAIRS: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(a.split()), frozenset(b.split()))
    for a, b in (
        ("outlet leaving", "inlet entering"),
        ("required requirement target setpoint final process", "inlet initial entering ambient feed start"),
        ("hot", "cold"),
        ("supply flow", "return"),
        ("sink delivery", "source"),
        ("indoor inside internal", "outdoor outside external ambient"),
        ("stack flue", "ambient"),
    )
)

# words of a stream that gives its heat away: whether its ΔT is outlet less inlet or the other way is then in doubt
COOLED = frozenset(
    """
    cool cooled cooler cooling chilled chiller chw refrigeration rejected rejection reject recovered recovery
    recoverable released released removed gain exhaust flue condensed condensate condenser condensing
    """.split()  # noqa: SIM905
)

UNIT_WORDS = frozenset(
    """
    kg g t tonne ton lb kw mw w gw kwh mwh gwh twh wh kj mj gj tj j btu mmbtu therm m2 m3 ft2 ft3 sqft sqm ft km mm cm
    mile liter litre gallon gal hr h hrs year yr day month minute second s ms percent pct c f k r degc degf celsius
    fahrenheit kelvin rankine kpa mpa pa bar psi mmhg ppmv ppm usd eur gbp kgco2e tco2e gco2e kgco2 tco2 co2e co2 pax
    """.split()  # noqa: SIM905
)


def _sets(*pairs: str) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """``a b | c``: what says a or b, and what says c."""
    sides = ([frozenset(side.split()) for side in pair.split("|")] for pair in pairs)
    return tuple((a, b) for a, b in sides)


# what a symbol says and what a parameter must then not say
OPPOSITES = _sets(
    "net lower lhv ncv nhv | gross higher hhv gcv ghv",
    "location | market",
    "wtt upstream | ttw downstream",
    "biogenic non-fossil | fossil",
    "baseline before | project after",
    "primary | final",
    "supply | return",
    "hot | cold",
    "inlet entering | outlet leaving",
    "suction | discharge",
    "import imported | export exported",
    "indoor inside inner | outdoor outside outer",
    "peak maximum max | average mean avg minimum min",
    "average mean avg | minimum min",
    "annual yearly | monthly daily hourly",
    "monthly | daily hourly",
    "daily | hourly",
    "heating | cooling",
    "thermal heat | electrical electric electricity",
    "condensing condenser | evaporating evaporator",
    "wet | dry",
    "gwp20 | gwp100",
)

# two parameters of one equation, or one and its result, that must not differ in this where a symbol leaves it open
UNLIKE = _sets(
    "lhv ncv net | hhv gcv gross",
    "location | market",
    "wtt | ttw",
    "biogenic | fossil",
    "heating | cooling",
)

# a result of one side of a heat pump or chiller, and what is above the line in its COP
HEAT_SIDES = (frozenset(("heating", "condenser")), frozenset(("cooling", "evaporator", "evaporating")))

# words of a part of a whole
SHARES = frozenset(("share", "fraction", "percentage", "percent", "proportion", "ratio"))

# quantity -> what it may be of: one that multiplies something else is of the same
_FUELS = {
    "electricity": frozenset("electricity electric electrical grid".split()),  # noqa: SIM905
    "gas": frozenset(("gas",)),
    "diesel": frozenset(("diesel",)),
    "petrol": frozenset(("petrol", "gasoline")),
    "oil": frozenset(("oil",)),
    "coal": frozenset(("coal",)),
    "biomass": frozenset(("biomass", "wood")),
    "hydrogen": frozenset(("hydrogen",)),
}
_MATTER = {k: v for k, v in _FUELS.items() if k != "electricity"} | {
    "water": frozenset(("water",)),
    "steam": frozenset(("steam",)),
    "air": frozenset(("air",)),
}
CARRIERS = (*_FUELS.values(), *(v for k, v in _MATTER.items() if k not in _FUELS))
STUFF = {
    "emission factor": _FUELS,
    "price": _FUELS,
    "density": _MATTER,
    "specific heat": _MATTER,
    "efficiency": {
        "electricity": _FUELS["electricity"],
        "heat": frozenset(("heat", "thermal", "steam")),
    },
}

# words that an author adds to what a symbol is without saying which
NEUTRAL = frozenset(
    """
    total value rate amount given number specific overall level quantity flow power energy mass volume area length
    temperature pressure speed velocity volumetric factor coefficient cost price time period demand load use
    used consumption intensity
    year hour day unit measured calculated
    """.split()  # noqa: SIM905
)
