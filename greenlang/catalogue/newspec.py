"""What a person goes on writing: a spec, empty or from a template, or a template; with comments that say what is what.

Belongs here: these texts alone.
"""

from __future__ import annotations

from greenlang.specs import yamltext

_BLANK = """\
# A spec: what the agent takes, what it gives, which factors it refers to, how it is proved. See docs/specs.md.
schema_version: "2.0.0"
id: {id} # lower case, one or more /; id and version name the agent for good
name: {name} # what people read
version: "1.0.0" # a changed spec needs a new version
summary: {summary} # one sentence; part of the specification score
tags: [] # words to be found by
owners: ["@my-team"]
license: "Apache-2.0"
compute:
  inputs: # dtype float64, int32, string or bool; unit, range and description of each
    energy: {{dtype: float64, unit: kWh, ge: 0, le: 1000000000, description: "Energy of the gas burned, gross"}}
  outputs:
    co2e: {{dtype: float64, unit: kgCO2e, description: "Emissions of the gas burned"}}
  factors: # an alias for each; `greenlang factors search WORD` finds references
    gas: {{ref: "ef://desnz/fuels/2025/natural-gas/co2e-per-kwh-gross"}}
  formulas: # an expression, or {{formula: ID, bind: {{...}}}}; `greenlang formulas list WORD` finds formulas
    co2e: energy * factor(gas)
provenance: {{gwp_set: AR5}} # the GWP set of the factors
tests:
  golden: # cases that you worked out yourself; every output in two of them
    - name: one_megawatt_hour
      description: "1000 kWh x 0.18296 kg/kWh (UK 2025, gaseous fuels, natural gas) = 182.96 kg"
      input: {{energy: 1000}}
      expect: {{co2e: {{value: 182.96, tol: 0}}}}
    - name: a_household
      description: "11500 kWh x 0.18296 kg/kWh = 2104.04 kg"
      input: {{energy: 11500}}
      expect: {{co2e: {{value: 2104.04, tol: 0}}}}
  properties: # what always holds
    - {{name: grows, rule: "output.co2e is nondecreasing in input.energy"}}
"""
_COMMENTS = {
    "id:": "lower case, one or more /; id and version name the agent for good",
    "version:": "a changed spec needs a new version",
    "summary:": "",
    "compute:": "",
    "  inputs:": "dtype float64, int32, string or bool; unit, range and description of each",
    "  outputs:": "what the agent gives",
    "  factors:": "an alias for each; `greenlang factors search WORD` finds references",
    "  formulas:": "an expression, or {formula: ID, bind: {...}}; `greenlang formulas list WORD` finds formulas",
    "tests:": "how the agent is proved",
    "  golden:": "cases that were worked out apart from the formulas; every output in two of them",
    "  properties:": "what always holds",
    "metadata:": "where the spec comes from; kept in the pack",
}


_TEMPLATE = """\
# A template: a whole spec, and what a region or a sector changes in it. See docs/templates.md.
template: 1
name: {name} # that of the file
version: "1.0.0" # raise it when anything changes
title: "Electricity of Equipment" # what people read
for_whom: "Energy managers who account for what a piece of equipment takes." # one sentence
domain: {domain}
subdomains: [{subdomain}] # words of the catalogue: templates/specs/catalogue.yaml
serves: # category of the catalogue: what such an agent gets, one sentence
  Calculator: "Computes the electricity of the equipment and its life-cycle CO2e."
regions: grid # `any`, the name of a shared set of templates/specs/regions.yaml, or a change for each region
# sectors: {{SECTOR: {{refuse: "One sentence says why it is not served."}}}}
spec: # a spec without schema_version, id, name, version, owners, license: docs/specs.md
  summary: "Electricity of a piece of equipment and its life-cycle CO2e; no scope 2 figure."
  tags: ["electricity"]
  compute:
    inputs:
      power: {{dtype: float64, unit: kW, gt: 0, le: 100000, description: "Electrical power"}}
      hours: {{dtype: float64, unit: h, ge: 0, le: 8784, description: "Operating hours"}}
    outputs:
      electricity: {{dtype: float64, unit: kWh, description: "Electricity"}}
      co2e: {{dtype: float64, unit: kgCO2e, description: "Life-cycle CO2e"}}
    factors: # `grid` of the shared set changes this reference by region
      grid: {{ref: "ef://owid/grid-intensity/2026/electricity/world/co2e-per-kwh"}}
    formulas:
      electricity: power * hours
      co2e: electricity * factor(grid)
  tests:
    golden: # every output in two of them, worked out apart from the formulas; {{grid [unit]}} is the publisher's figure
      - name: a_day
        description: "5 kW x 24 h = 120 kWh"
        input: {{power: 5, hours: 24}}
        expect: {{electricity: 120, co2e: "= 120 * {{grid [kgCO2e/kWh]}}"}}
      - name: a_year
        description: "12 kW x 8760 h = 105120 kWh"
        input: {{power: 12, hours: 8760}}
        expect: {{electricity: 105120, co2e: "= 105120 * {{grid [kgCO2e/kWh]}}"}}
    properties: # what always holds
      - {{name: grows, rule: "output.co2e is nondecreasing in input.hours"}}
sources: # documents behind formulas, defaults and examples
  - "Our World in Data / Ember: Lifecycle carbon intensity of electricity generation, 2024"
"""


def blank_template(name: str, domain: str, subdomain: str) -> str:
    """A small complete template that a person changes; it is valid as it stands."""
    quoted = {k: yamltext.scalar(v) for k, v in (("name", name), ("domain", domain), ("subdomain", subdomain))}
    return _TEMPLATE.format(**quoted)


def blank(agent_id: str, name: str, summary: str) -> str:
    """A small complete spec that a person changes; it reads, resolves and is proved as it stands."""
    quoted = {k: yamltext.scalar(v) for k, v in (("id", agent_id), ("name", name), ("summary", summary))}
    return _BLANK.format(**quoted)


def commented(text: str, title: str) -> str:
    """A filled template under another title, with a comment at the start of each part."""
    lines = []
    for line in text.splitlines():
        if line.startswith("name:"):
            lines.append(f"name: {yamltext.scalar(title)} # what people read")
            continue
        start = next((s for s in _COMMENTS if line.startswith(s) and _COMMENTS[s]), None)
        lines.append(f"{line} # {_COMMENTS[start]}" if start else line)
    return "\n".join(lines) + "\n"
