"""Small specs of each dialect, for tests to change."""

from __future__ import annotations

from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec
from greenlang.specs.reader import read

A = """\
agent_metadata:
  agent_id: "industrial/heat_agent"
  agent_name: "HeatAgent"
  version: "1.0.0"
description:
  purpose: "Heat of a process."
tools:
  tools_list:
    - tool_id: "tool_1"
      name: "heat_demand"
      description: "Heat that a flow takes up"
      parameters:
        type: "object"
        properties:
          mass_flow:
            type: "number"
            description: "Mass flow in kg/s"
            minimum: 0
            required: true
          cp:
            type: "number"
            units: "kJ/(kg·K)"
            default: 4.18
        required: ["mass_flow"]
      returns:
        type: "object"
        properties:
          heat_kw:
            type: "number"
            units: "kW"
          method:
            type: "string"
            value: "Q = m × cp × ΔT"
      implementation:
        physics_formula: "heat_kw = mass_flow × cp × 10"
        data_source: "a handbook"
      example:
        input: {mass_flow: 2, cp: 4.18}
        output: {heat_kw: 83.6, method: "Q = m × cp × ΔT"}
"""
SECOND = """\
    - name: "cost"
      parameters:
        properties:
          energy: {type: number, units: kWh, required: true}
      returns:
        properties:
          cost_usd: {type: number, units: USD}
"""
C = """\
schema_version: "2.0.0"
pack:
  id: carbon-pack
  version: "1.0.0"
  name: Carbon
  description: Emissions of fuels.
agents:
  - id: fuel-agent
    name: Fuel
    inputs:
      - name: quantity_kwh
        type: float
        required: true
        description: Energy
        validation: {minimum: 0.0}
      - name: region
        type: string
        required: false
        default: US
        validation: {enum: [US, EU]}
    outputs:
      - name: emissions_kgco2e
        type: float
      - name: source
        type: string
    tools: [lookup]
tools:
  - id: lookup
    description: "emissions = quantity * factor"
factors:
  - ref: "ef://epa/grid/2024"
    value: 0.4
    unit: "kgCO2e/kWh"
    region: US
  - ref: "ef://epa/grid/2024"
    value: 0.3
    unit: "kgCO2e/kWh"
    region: EU
provenance: {gwp_set: AR6GWP100, retention_days: 10}
tests:
  golden:
    - name: one
      input: {quantity_kwh: 1000.0, region: US}
      expect: {emissions_kgco2e: 400.0, source: EPA}
      tolerance: {emissions_kgco2e: 0.4}
  properties:
    - name: positive
      rule: "outputs.emissions_kgco2e >= 0"
      iterations: 100
"""
D = """\
name: Intensity
version: 1.0.0
kind: pack
pack_schema_version: '1.0'
id: cbam/intensity_v1
summary: Carbon intensity of goods.
license: Apache-2.0
tags: [cbam]
ai: {json_mode: true}
provenance: {pin_ef: true, gwp_set: AR6GWP100}
inputs:
  - {name: emissions, type: number, unit: tCO2e, required: true}
  - {name: quantity, type: number, unit: t, minimum: 0, required: true}
outputs:
  - {name: intensity, type: number, unit: tCO2e/t, required: true}
tests:
  golden:
    - name: steel
      input: {emissions: 1850, quantity: 1000}
      expect: {intensity: {value: 1.85, tol: 0.01}}
"""


def good(text: str) -> AgentSpec:
    """The spec of a text that must be readable."""
    spec, findings = read(text.encode())
    assert spec is not None, [d.text() for d in findings if d.severity == "error"]
    return spec


def told(text: str, code: str) -> list[Diagnostic]:
    """The findings of one code."""
    return [d for d in read(text.encode())[1] if d.code == code]


def codes(text: str, severity: str = "error") -> set[str]:
    """The codes of the findings of one severity."""
    return {d.code for d in read(text.encode())[1] if d.severity == severity}


def changed(text: str, old: str, new: str) -> str:
    """The text with one piece of it changed."""
    assert text.count(old) == 1, (text.count(old), old)
    return text.replace(old, new)
