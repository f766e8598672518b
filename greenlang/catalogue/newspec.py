"""A spec to go on writing: empty with comments, or from a template with comments. Belongs here: these texts alone."""

from __future__ import annotations

from greenlang.catalogue import yamltext

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
