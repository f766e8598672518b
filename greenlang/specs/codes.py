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
    "GLS008": Code("no spec of an agent", "`apiVersion: greenlang.io/v2`, or a solution pack's `components`"),
    "GLS009": Code("keys of two dialects", "`compute` and `agent_metadata` in one file"),
    "GLS010": Code("unknown key", "`minimum: 0` for an input; it is called `ge`"),
    "GLS011": Code("a key is missing", "no `compute.outputs`"),
    "GLS012": Code("a value of the wrong type or size", "`ge: yes`, or `ge: 9e999999`"),
    "GLS013": Code("no agent id", "`id: ../../etc/x`"),
    "GLS014": Code("no semantic version", "`version: one`"),
    "GLS015": Code("a name that code cannot have", "an input called `class`"),
    "GLS016": Code(
        "a golden case or a worked example does not fit the inputs and outputs",
        "it gives an input that is not declared",
    ),
    "GLS017": Code(
        "a list or an object, with which nothing is computed (warning)", "`dtype: list` for an input, without `columns`"
    ),
    "GLS018": Code("a key that is not read (information; warning where it may mean something)", "`tooltip: mass`"),
    "GLS019": Code("a thing is said twice, differently", "`unit: kg` and `units: t`, or `minimum: 0` and `ge: 1`"),
    "GLS020": Code(
        "a unit that is unknown, that two trades read differently, or that stands with a text",
        "`unit: kWhh`, or `units: tons`",
    ),
    "GLS021": Code("bounds, enum or default contradict each other", "`ge: 5, le: 1`"),
    "GLS022": Code("a pattern that cannot be used", "`pattern: '['`, or a look-around: the engine has none"),
    "GLS023": Code("unknown GWP set", "`provenance: {gwp_set: AR9}`"),
    "GLS024": Code("CO2e of unlike or undeclared GWP sets", "an AR5 factor in a spec that declares AR6"),
    "GLS025": Code("asks for an agent that is not deterministic", "`deterministic: false`"),
    "GLS026": Code("not an entry point", "`entrypoint: compute.py`; it is written python://module:function"),
    "GLS027": Code("nothing to generate", "a manifest without outputs, or a tool without `returns`"),
    "GLS028": Code("a tool that is named and not defined", "`tools: [converter]` in an agent of a pack without it"),
    "GLS029": Code("circular dependencies", "two agents that receive data from each other"),
    "GLS030": Code("not a reference", "`ref: epa/combustion`"),
    "GLS031": Code("a reference that names no factor", "`ref: ef://epa/combustion/2031`; the three nearest are listed"),
    "GLS032": Code(
        "a reference of another store, read as ours (information; warning where it is not the same)",
        "`ref: ef://uk_defra/2023/fuels`",
    ),
    "GLS033": Code(
        "a unit taken from a name or a description, or read as a plainer one (information)",
        "`heat_kw` without a unit: kW",
    ),
    "GLS034": Code("a number whose unit nobody states (information)", "`quantity: {type: number}`"),
    "GLS035": Code("a name and a unit that contradict each other (warning)", "`power_kw` with `units: MW`"),
    "GLS036": Code("no range of versions", "`needs: {core/fuel_agent: newest}`; it is written >=1.2,<2"),
    "GLS040": Code("a formula that cannot be read", "`co2e: energy *`"),
    "GLS041": Code("units that do not fit", "`co2e: energy + mass`"),
    "GLS042": Code("circular outputs", "`a: b * 2` and `b: a / 2`"),
    "GLS043": Code("a temperature in a product counts from absolute zero (warning)", "`heat: c * t` with t in degC"),
    "GLS044": Code(
        "a number in a formula converts units that the language converts itself (warning)",
        "`tonnes: mass / 1000` with mass in kg and tonnes in t",
    ),
    "GLS050": Code("a property that is not understood (warning)", "`rule: emissions look plausible`"),
    "GLS051": Code("a golden case that the formulas do not reproduce", "177 computed, 200 expected"),
    "GLS052": Code("a property that does not hold", "`output.co2e is nonincreasing in input.energy`"),
    "GLS053": Code(
        "a worked example that the plans contradict, or a golden case that an overlay sets aside (warning)",
        "an example that says 15,589 gallons where its own formula gives 155,875",
    ),
    "GLS054": Code(
        "an overlay's formula beside something else that the spec says of the output (warning)",
        "a formula for an output that a property defines",
    ),
    "GLS060": Code("an input without influence (warning)", "an input that no formula uses"),
    "GLS061": Code(
        "an allowed value without a factor (warning)", "`light-rial` in the enum of an input that selects a row"
    ),
    "GLS062": Code("a reference that nothing uses (warning)", "an alias under `compute.factors` in no formula"),
    "GLS070": Code("not a spec file", "`notes.txt` in the inbox"),
    "GLS071": Code("same id and version, other bytes", "a changed file without a new version"),
    "GLS072": Code(
        "a needed agent of which there is no such version (warning)",
        "`needs: {core/fuel_agent: '>=2'}` where 1.4.0 is the newest",
    ),
    "GLS078": Code("taken back", "a program that stopped waiting for `AgentFactory.generate_agent`"),
    "GLS079": Code("the reader itself failed", "a fault of GreenLang; please report it"),
    "GLS080": Code("an overlay for another spec", "another id, version or SHA-256 than the spec beside it"),
    "GLS081": Code("an overlay that names what the spec has not", "`units: {mas: kg}` for a spec with `mass`"),
    "GLS082": Code("an overlay without a source, a reason or a reviewer", "a formula without `source`"),
}
