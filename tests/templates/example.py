"""A small template as text, for tests that change one thing in it; and a small catalogue."""

from __future__ import annotations

from pathlib import Path

from greenlang.catalogue.reading import read
from greenlang.catalogue.template import Template
from greenlang.specs.diagnostics import Diagnostic

TEMPLATE = """\
template: 1
name: small-motor
version: "1.2.0"
title: "Electricity of a Motor"
for_whom: "Energy managers who account for what a motor takes."
domain: Industrial
subdomains: [Process Heat, Heat Recovery]
serves:
  Calculator: "Gives the electricity of a motor and its life-cycle CO2e."
  Monitor: "Gives the CO2e of each hour, the indicator that is followed."
regions: grid
sectors:
  Mining: {refuse: "The limits of the motor are not those of mines."}
  Steel: {inputs: {load: {default: 0.8}}, source: "A handbook, page 1", note: "The load is that of rolling mills."}
spec:
  summary: "Electricity of a motor and its life-cycle CO2e."
  tags: [motor]
  compute:
    inputs:
      power: {dtype: float64, unit: kW, gt: 0, le: 1000, description: "Rated power"}
      load: {dtype: float64, unit: "1", gt: 0, le: 1, default: 0.5, description: "Part load"}
      hours: {dtype: float64, unit: h, ge: 0, le: 8784, description: "Operating hours"}
    outputs:
      energy: {dtype: float64, unit: kWh, description: "Electricity"}
      co2e: {dtype: float64, unit: kgCO2e, description: "Life-cycle CO2e"}
    factors:
      grid: {ref: "ef://owid/grid-intensity/2026/electricity/world/co2e-per-kwh"}
    formulas:
      energy: power * load * hours
      co2e: energy * factor(grid)
  tests:
    golden:
      - name: half_load
        description: "10 x 0.5 x 100 = 500 kWh"
        input: {power: 10, load: 0.5, hours: 100}
        expect: {energy: 500, co2e: "= 500 * {grid [kgCO2e/kWh]}"}
      - name: full_load
        input: {power: 20, load: 1, hours: 300}
        expect: {energy: 6000, co2e: {value: "= 6000 * {grid} / 1000", tol: 1e-12}}
    properties:
      - {name: grows, rule: "output.co2e is nondecreasing in input.hours"}
sources: ["A handbook, page 1"]
"""
HEADER = (
    "Agent_ID,Blueprint_Name,Agent_Name,Domain,Subdomain,Category,Level,Sector_Instance,Region,Priority,Complexity,"
    "Market_Size_USD_Bn\n"
)


def findings_of(text: str, *, folder: str = "industrial", name: str = "small-motor") -> tuple[Diagnostic, ...]:
    """What reading finds."""
    return read(text.encode(), Path(folder) / f"{name}.yaml")[1]


def template_of(text: str = TEMPLATE, *, name: str = "small-motor", domain: str = "industrial") -> Template:
    """The template in a text that is right."""
    template, findings = read(text.encode(), Path(domain) / f"{name}.yaml")
    assert template is not None, findings
    assert findings == ()
    return template


def row(number: int, **words: str) -> str:
    """A line of a catalogue."""
    known = {
        "id": f"GLA-{number:05}",
        "blueprint": "Industrial Process Heat Calculator",
        "name": f"Process Heat Calculator {number}",
        "domain": "Industrial",
        "subdomain": "Process Heat",
        "category": "Calculator",
        "level": "Site",
        "sector": "Cement",
        "region": "UK",
        "priority": "P0",
        "complexity": "High",
        "market": "2.0",
    }
    return ",".join((known | words).values()) + "\n"
