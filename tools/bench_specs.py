"""How long it takes to read a spec and find all its mistakes: ``python -m tools.bench_specs [FOLDER]``.

Read, checked and accounted for to the last key, without factor tables and plans. With a folder, every *.yaml of it is
read as well.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from greenlang.specs.reader import report
from greenlang.specs.sarif import sarif

SIZE = 46_000  # bytes of the spec that is made up: as large as the large ones that people write
_PORTS = """\
          flow_{n}_{i}:
            type: "number"
            description: "Mass flow of stream {i} in kg/s"
            minimum: 0
            maximum: 1000
            required: true
"""
_TOOL = """\
    - tool_id: "tool_{n}"
      name: "heat_of_streams_{n}"
      description: "Heat that the streams take up"
      deterministic: true
      parameters:
        type: "object"
        properties:
{ports}        required: [{names}]
      returns:
        type: "object"
        properties:
          heat_kw:
            type: "number"
            units: "kW"
          energy_mwh:
            type: "number"
            units: "MWh/year"
      implementation:
        physics_formula: "heat_kw = flow_{n}_0 × cp × ΔT"
        accuracy: "±2%"
      example:
        input: {{{given}}}
        output: {{heat_kw: 83.6, energy_mwh: 732.3}}
"""


def made_up(size: int = SIZE) -> bytes:
    """A spec of dialect A of at least that size."""
    text = 'agent_metadata: {agent_id: "bench/spec", version: "1.0.0"}\ntools:\n  tools_list:\n'
    n = 0
    while len(text) < size:
        names = [f"flow_{n}_{i}" for i in range(10)]
        text += _TOOL.format(
            n=n,
            ports="".join(_PORTS.format(n=n, i=i) for i in range(10)),
            names=", ".join(names),
            given=", ".join(f"{name}: 2" for name in names),
        )
        n += 1
    return text.encode()


def fastest(work: Callable[[], object], times: int = 15) -> float:
    """Milliseconds of the fastest of several runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best * 1000


def main(arguments: list[str]) -> None:
    """Print the figures."""
    data = made_up()
    start = time.perf_counter()
    found = report(data)
    first = (time.perf_counter() - start) * 1000
    assert found.spec is not None
    print(f"specs: {len(data) / 1000:.0f} KB of dialect A, {len(found.ledger)} keys, {len(found.diagnostics)} findings")
    print(f"specs: first read {first:.1f} ms, then {fastest(lambda: report(data)):.1f} ms (aim: under 50)")
    print(f"specs: its findings as SARIF {fastest(lambda: sarif({'bench.yaml': found.diagnostics})):.1f} ms")
    for path in sorted(p for folder in arguments[:1] for p in Path(folder).rglob("*.yaml")):
        content = path.read_bytes()
        print(f"specs: {path.name}: {len(content) / 1000:.0f} KB {fastest(lambda c=content: report(c), 5):.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
