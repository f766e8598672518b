"""The codes of findings: one line each, and an example that gives it. The docs page is made from this table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A stable code: what it means, and a piece of a spec that gives it."""

    title: str
    example: str


CODES: dict[str, Code] = {
    "GLS001": Code("not UTF-8", "a file saved as Latin-1"),
    "GLS002": Code("not YAML, or nested too deep", "`a: [1, 2`"),
    "GLS003": Code("a key or alias stands twice", "`name: A` and `name: B` in one mapping"),
    "GLS004": Code("the file is too large", "a spec of 50 MB; the limit is 2 MB"),
    "GLS005": Code("aliases blow the file up", "anchors that refer to anchors that refer to ..."),
    "GLS006": Code("the file is empty", "no bytes, or comments only"),
    "GLS007": Code("not a mapping", "`- 1`"),
    "GLS008": Code("another dialect, or none", "`apiVersion: greenlang.io/v2`"),
    "GLS010": Code("unknown key", "`minimum: 0` for an input; it is called `ge`"),
    "GLS011": Code("a key is missing", "no `compute.outputs`"),
    "GLS012": Code("a value of the wrong type or size", "`ge: yes`, or `ge: 9e999999`"),
    "GLS013": Code("no agent id", "`id: ../../etc/x`"),
    "GLS014": Code("no semantic version", "`version: one`"),
    "GLS015": Code("a name that code cannot have", "an input called `class`"),
    "GLS016": Code("a golden case does not fit the inputs and outputs", "it gives an input that is not declared"),
    "GLS020": Code("unknown unit", "`unit: kWhh`"),
    "GLS021": Code("bounds, enum or default contradict each other", "`ge: 5, le: 1`"),
    "GLS022": Code("a pattern that cannot be used", "`pattern: '['`, or a look-around: the engine has none"),
    "GLS023": Code("unknown GWP set", "`provenance: {gwp_set: AR9}`"),
    "GLS024": Code("CO2e of unlike or undeclared GWP sets", "an AR5 factor in a spec that declares AR6"),
    "GLS025": Code("asks for an agent that is not deterministic", "`deterministic: false`"),
    "GLS030": Code("not a reference", "`ref: epa/combustion`"),
    "GLS031": Code("a reference that names no factor", "`ref: ef://epa/combustion/2031`; the three nearest are listed"),
    "GLS040": Code("a formula that cannot be read", "`co2e: energy *`"),
    "GLS041": Code("units that do not fit", "`co2e: energy + mass`"),
    "GLS042": Code("circular outputs", "`a: b * 2` and `b: a / 2`"),
    "GLS043": Code("a temperature in a product counts from absolute zero (warning)", "`heat: c * t` with t in degC"),
    "GLS050": Code("a property that is not understood (warning)", "`rule: emissions look plausible`"),
    "GLS051": Code("a golden case that the formulas do not reproduce", "177 computed, 200 expected"),
    "GLS052": Code("a property that does not hold", "`output.co2e is nonincreasing in input.energy`"),
    "GLS060": Code("an input without influence (warning)", "an input that no formula uses"),
    "GLS061": Code(
        "an allowed value without a factor (warning)", "`light-rial` in the enum of an input that selects a row"
    ),
    "GLS062": Code("a reference that nothing uses (warning)", "an alias under `compute.factors` in no formula"),
    "GLS070": Code("not a spec file", "`notes.txt` in the inbox"),
    "GLS071": Code("same id and version, other bytes", "a changed file without a new version"),
    "GLS079": Code("the reader itself failed", "a fault of GreenLang; please report it"),
}
