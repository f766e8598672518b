"""Units that nobody states and that the author's own formula, or figures, leave no doubt about.

``Adjusted = Baseline × (1 − share)``: where the result is in kgCO2e, a `baseline_emissions_kg` can be nothing else. A
`coincidence_factor` whose default is 0.85 is no percentage. Where two units are possible, none is taken.

Belongs here: which unit a parameter without one must have. Does not belong here: what its name, description or a key
of its own says (the readers of specs), conversions (``prose_numbers``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from greenlang.formulas.check import Scope
from greenlang.resolution.prose import ProseFinder
from greenlang.resolution.prove import scope_of
from greenlang.specs.diagnostics import Diagnostic
from greenlang.specs.model import AgentSpec, InputSpec, OutputSpec

_SHARES = frozenset(("efficiency", "share", "probability"))
_FACTORS = frozenset(
    """
    load coincidence degradation capacity correction diversity utilization utilisation oxidation derating performance
    power availability friction
    """.split()  # noqa: SIM905
)
_NOT_SHARES = frozenset(("chiller", "cooling", "refrigeration", "fuel", "vehicle", "luminous", "energy", "cost"))
_SCALES = {"kg": "kg", "t": "t", "tonnes": "t", "tonne": "t", "g": "g", "lb": "lb"}
_GASES = ("CO2e", "CO2", "CH4", "N2O")
_SAID_GAS = re.compile(r"\b(CO2E|CO2|CH4|N2O)\b")
_TONS = ("t", "short_ton")
Port = InputSpec | OutputSpec


def supplied(spec: AgentSpec) -> tuple[AgentSpec, list[Diagnostic]]:
    """The spec with the units that can only be one, and what was taken; the spec itself where nothing is certain."""
    findings: list[Diagnostic] = []
    for port in [p for p in _ports(spec) if p.numeric and not p.unit]:
        if why := _share(spec, port):
            spec = _with(spec, port, "1")
            findings.append(_told(port, "1", why, spec))
    finder = ProseFinder(spec)
    for port in [p for p in _ports(spec) if p.numeric and not p.unit] if not finder.empty else []:
        fits = [(unit, made, text) for unit in _possible(port) for made, text in _fitting(spec, port, unit)]
        if len({unit for unit, _, _ in fits}) == 1:
            unit, spec, text = fits[0]
            findings.append(_told(port, unit, f"no other fits {text}", spec))
    return spec, findings


def _ports(spec: AgentSpec) -> list[Port]:
    return [*spec.inputs.values(), *spec.outputs.values()]


def _with(spec: AgentSpec, port: Port, unit: str) -> AgentSpec:
    if isinstance(port, InputSpec):
        return replace(spec, inputs=spec.inputs | {port.name: replace(port, unit=unit, unit_from="name")})
    return replace(spec, outputs=spec.outputs | {port.name: replace(port, unit=unit, unit_from="name")})


def _told(port: Port, unit: str, why: str, spec: AgentSpec) -> Diagnostic:
    line = next((p.line for p in spec.prose if p.line), 0)
    message = f"the unit of `{port.name}` is taken to be {'a pure number' if unit == '1' else unit}: {why}"
    return Diagnostic("GLS033", "info", message, "state it in a key of its own", line, 1 if line else 0)


# --- shares ---------------------------------------------------------------------------------------------------------


def _share(spec: AgentSpec, port: Port) -> str:
    """Why a parameter is a share and no percentage: its default, or every figure in the cases, lies below one."""
    words = set(port.name.split("_"))
    if re.search(r"%|\bper ?cent|/|\bper\b", port.description, re.IGNORECASE):
        return ""  # the description says of what
    if words & _NOT_SHARES or not (words & _SHARES or ("factor" in words and words & _FACTORS)):
        return ""
    figures = list(_figures(spec, port))
    if not figures or not all(0 <= f <= 1 for f in figures) or not any(0 < f < 1 for f in figures):
        return ""
    return f"its figures lie below one ({', '.join(f'{f:f}' for f in dict.fromkeys(figures))})"


def _figures(spec: AgentSpec, port: Port) -> Iterator[Decimal]:
    values: list[object] = [port.default] if isinstance(port, InputSpec) else []
    for case in spec.golden:
        values.append(case.input.get(port.name))
        if isinstance(port, OutputSpec) and port.name in case.expect:
            values.append(case.expect[port.name].value)
    for value in values:
        if isinstance(value, Decimal | int) and not isinstance(value, bool):
            yield Decimal(value)


# --- what the formula leaves ----------------------------------------------------------------------------------------


def _possible(port: Port) -> list[str]:
    """The units that a name leaves open: kg of which gas, per which ton."""
    words = port.name.split("_")
    if "per" in words[1:-1] and words[-1] in {"ton", "tons"}:
        above = "_".join(words[: words.index("per", 1)])
        heads = [s + g for s in ("kg", "t") for g in _GASES if above.endswith((s + g.lower(), f"{s}_{g.lower()}"))]
        return [f"{head}/{ton}" for head in heads for ton in _TONS]
    if {"emission", "emissions"} & set(words) and words[-1] in _SCALES:
        said = set(_SAID_GAS.findall(f"{' '.join(words)} {port.description}".upper()))
        gases = [gas for gas in _GASES if not said or gas.upper() in said]
        return [f"{_SCALES[words[-1]]}{gas}{per}" for gas in gases for per in ("", "/year")]
    return []


def _fitting(spec: AgentSpec, port: Port, unit: str) -> Iterator[tuple[AgentSpec, str]]:
    """The spec with the unit, for each equation with the parameter that is then certain."""
    made = _with(spec, port, unit)
    finder = ProseFinder(made)
    everything = dict.fromkeys(made.outputs, None)
    for out in made.outputs.values():
        if out.numeric and out.unit:
            for found in finder.search(out, everything, Scope(scope_of(made), None), []).found:
                used = port.name == out.name or found.uses(port.name)
                if found.reading.certain and used:
                    yield made, found.written.label
