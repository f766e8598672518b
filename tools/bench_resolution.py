"""How much of what people ask for gets a proved plan: ``python -m tools.bench_resolution [FOLDER]``.

Every spec of a folder (``<folder>/*/*.yaml``), by dialect: outputs that are declared, outputs with a proved plan as the
file stands, and with the reviewed overlay of ``tests/overlays/<folder>/<file>.overlay.yaml`` where there is one. An
output that an overlay leaves out, with its reason, counts as one without a plan. A spec that is refused for its form
counts no outputs; it is listed. Where the folder is missing, nothing is measured.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from greenlang.factors import FactorTable
from greenlang.formulas.library import library
from greenlang.resolution.resolve import resolve
from greenlang.specs.diagnostics import has_errors
from greenlang.specs.model import AgentSpec
from greenlang.specs.overlay import overlay_name
from greenlang.specs.reader import read

OVERLAYS = Path(__file__).parents[1] / "tests" / "overlays"
SHARED = Path(__file__).parents[2] / "shared" / "specs"


@dataclass
class Count:
    """What one dialect came to."""

    specs: int = 0
    outputs: int = 0
    planned: int = 0
    overlaid: int = 0
    complete: int = 0  # with overlays: specs whose every kept output has a plan, without an error
    left_out: int = 0
    means: Counter[str] = field(default_factory=Counter)


@dataclass
class Rates:
    """The counts by dialect, and what could not be read."""

    dialects: dict[str, Count] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


def measure(folder: Path, overlays: Path = OVERLAYS) -> Rates:
    """Resolve every spec of a folder, without and with its overlay."""
    table, formulas = FactorTable.load(), library()
    rates = Rates()
    for path in sorted(folder.glob("*/*.yaml")):
        spec, told = read(path.read_bytes(), path.name)
        if spec is None:
            rates.unread.append(f"{path.name}: {next(d.code for d in told if d.severity == 'error')}")
            continue
        count = rates.dialects.setdefault(spec.dialect, Count())
        bare = resolve(spec, table, formulas)
        count.specs += 1
        count.outputs += sum(len(one.outputs) for one in spec.parts or (spec,))
        count.planned += sum(len(one.order) for one in bare.flat)
        merged = _overlaid(path, overlays) or spec
        found = bare if merged is spec else resolve(merged, table, formulas)
        count.overlaid += sum(len(one.order) for one in found.flat)
        count.complete += found.complete and not has_errors(found.diagnostics)
        count.left_out += len(merged.overlay.left_out) if merged.overlay is not None else 0
        count.means.update(plan.means for one in found.flat for plan in one.plans.values())
    return rates


def _overlaid(path: Path, overlays: Path) -> AgentSpec | None:
    overlay = overlays / path.parent.name / overlay_name(path.name)
    if not overlay.is_file():
        return None
    spec, _ = read(path.read_bytes(), path.name, overlay=overlay.read_bytes(), overlay_name=overlay.name)
    return spec


def lines(rates: Rates) -> list[str]:
    """The table, the means, and what was not read."""
    head = ("dialect", "specs", "outputs", "planned", "rate", "with overlays", "rate", "left out", "complete")
    rows = []
    total = Count()
    for name, count in [*sorted(rates.dialects.items()), ("all", total)]:
        if count is not total:
            for key in ("specs", "outputs", "planned", "overlaid", "left_out", "complete"):
                setattr(total, key, getattr(total, key) + getattr(count, key))
            total.means.update(count.means)
        rows.append(
            (
                name,
                count.specs,
                count.outputs,
                count.planned,
                _rate(count.planned, count.outputs),
                count.overlaid,
                _rate(count.overlaid, count.outputs),
                count.left_out,
                f"{count.complete} of {count.specs}",
            )
        )
    out = [" | ".join(f"{h:>13}" for h in head)]
    out += [" | ".join(f"{c!s:>13}" for c in row) for row in rows]
    out.append("by means, with overlays: " + ", ".join(f"{m} {n}" for m, n in sorted(total.means.items())))
    if rates.unread:
        out.append("refused for their form: " + "; ".join(rates.unread))
    return out


def _rate(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    if not folder.is_dir():
        print("resolution rate: the folder of specs is not on this machine")
        return
    print("resolution rate: outputs with a proved plan; each reproduces its golden cases and examples or is refused")
    print("\n".join(lines(measure(folder))))


if __name__ == "__main__":
    main()
