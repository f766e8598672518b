"""The page for data stewards: every gate with its limits, what is comparable, and the reviewed list by cause.

Belongs here: the page, from the gates, `concepts.yaml` and `findings/*.yaml`. Does not belong here: any check.
"""

from __future__ import annotations

import inspect
from collections import Counter
from pathlib import Path
from typing import Any

from greenlang._paths import data
from greenlang.factors._yaml import read_yaml
from greenlang.factors.gates import labels, slips, sums, vintages, zeros
from greenlang.factors.gates.all import GATES
from greenlang.factors.gates.compare import GROSS
from greenlang.factors.gates.concepts import Comparable, Concept, comparable
from greenlang.factors.gates.run import gate_name

_HOW = """\
# Plausibility

Publishers' files hold slips, and so do readers. Before a factor release is made, every row of the candidate goes
through the gates on this page. A gate never changes a figure. It raises a **finding**, and a person decides on each:

- **keep**: the figure is right, or harmless; it stays as it is.
- **exclude**: the row stays in the catalogue, and is never taken unless somebody names it.

The decisions are files, `emission_factors/findings/<publisher>.yaml`, and go through review as code does. A release is
blocked by a finding that nobody has decided on, and by a decision whose finding is gone: the publishers' untouched
files give exactly the reviewed list, no more and no fewer.

## How to decide on a finding

`greenlang factors sync` lists what is open (with `--json` each finding whole: `seen` and `against` are what an entry
needs), and the asset checks of `factors` show the same. For each:

1. Look at the cell (`greenlang factors show <reference>` names file, sheet and cell), then at its neighbours, the
   vintage before and the other publishers that the message names.
2. If the publisher's file really says so and there is a cause, decide `keep` and write the cause down. If the cell is
   broken, or nobody can say why it is out of line with everything else, decide `exclude`. If the reader made the slip,
   mend the reader.
3. Write the entry. `keys` maps each row to the figures that the finding is about (`seen`): if they change, the decision
   no longer holds, and the finding is open again.

```yaml
against_previous_vintage:      # the gate
- decision: exclude            # or keep
  reason: One honest sentence, for all keys that share the cause.
  against: epa/ghg-hub/2023    # what the finding cannot arise without, if that may be missing
  also: [epa/ghg-hub/2024/co2] # rows that fall with these although no gate finds them; seldom
  keys:
    epa/ghg-hub/2024/ch4: '0.0063 -> 0'
```

Where editions are not loaded, what was compared with them is neither found nor missed: a single publisher, or the open
sets without those on request, never block a release. A publisher is no witness against himself, nor for figures that
others took from him (`taken_from`): those are judged by him, and count as nobody's second opinion.
"""

# Gate -> what it compares, and its limit with the reason.
_ABOUT: dict[str, tuple[str, str]] = {
    "as_printed": (
        "every value with the text of its own cell; rows of the embedded base with the row that a reader takes from the"
        " same cell",
        "none: they are equal to 15 significant digits",
    ),
    "against_other_publishers": (
        "figures of one concept (below) in one unit, calorific basis and, for grids, country and years nearby: each"
        " with the median of every dataset of another publisher",
        f"the concept's own ratio, just above what the untouched files differ by; {GROSS} times while vintages of the"
        " other dataset are missing, since its median may then be another",
    ),
    "against_siblings": (
        "members of a family (below) with the median of the others; all figures of an edition in units that convert"
        " into each other with the range of nearly all of them (without the hundredth at each end)",
        "{siblings}; {range} times outside the usual range: more finds tap water and teas, less lets a factor of a"
        " thousand through",
    ),
    "against_previous_release": (
        "the same key in the release before",
        f"{vintages.RELEASE_RATIO} times: a key names the edition of a file, so that nothing but a new reading moves"
        " it. Its findings last for one release and are never missed",
    ),
    "against_previous_vintage": (
        "the same path in the vintage before; further back where that has none",
        "{vintages}; zero against a figure, and another sign, always; one rounding step never",
    ),
    "unit_scale": (
        "the vintage before, other publishers, and rows of one edition that say the same in two units (per km and per"
        " mile, per kWh and per GJ)",
        "powers of ten, 3.6, 2.2046, 3.785, 4.546, 4.1868, 44/12 and the GWPs of methane and N2O, within 2 %; 1.609,"
        f" 1.102, 1.459 and 1.2009 within 0.1 %, and only where {slips.STILL:.0%} of the table stood still: of 47,000"
        " pairs of one vintage and the next 3,000 are apart by 1.102 within 2 %, and none by a power of ten. Two units:"
        " {units}",
    ),
    "dropped_point": (
        "the vintage before and other publishers",
        "the same digits with the point elsewhere; one pair of the untouched files is so, a GWP below 1",
    ),
    "gases_add_up": (
        "a whole with its gases, its stages and its ingredients; CO2e per USD with its gases by mass, times the GWPs on"
        " its label",
        "half a step of every last printed digit, and the publisher's rounding (below); by mass"
        f" {sums.BY_GAS_RELATIVE:.0%}, since EPA's own sums give 0.984 to 1.031 of its CO2e",
    ),
    "double_gwp": (
        "a whole with what its gases would give if methane and N2O were multiplied again; gases and wholes with those"
        " of the vintage before",
        "2 % of that product, and only where it differs from the sum by 5 % and more; from one vintage to the next 22"
        " to 33 times for methane and 240 to 320 times for N2O",
    ),
    "gwp_label": (
        "a GWP with the IPCC's under the set on its label; a blend with its composition (EPA counts HCFCs and CFCs as"
        " zero); the label of every CO2e row with that of its edition",
        "0.5 %, and a half for rounding to whole numbers; blends 1 % or 2; fossil methane is 30 in AR5, 29.8 in AR6",
    ),
    "parts_and_wholes": (
        "a part with its whole, and the sum of all parts with the whole",
        "the whole is there, in the same unit, and is neither half nor twice the sum (3 %)",
    ),
    "not_certified": (
        "the words of a row, in English and French, and the years it names",
        "no word for a projection, scenario or illustration, and no year after publication, on a valid figure for"
        " inventories",
    ),
    "zero_or_repeated": (
        "wholes that are zero or negative with the others of their edition and unit; yearly figures with the next year",
        f"fewer than one in {zeros.RARE} of at least {zeros.LEAST}; {zeros.DIGITS} digits and more repeat for a reason",
    ),
}


def page(folder: Path | None = None) -> str:
    """The page in Markdown, from the declarations of this installation."""
    declared = comparable()
    source = folder or data() / "emission_factors"
    raw = read_yaml(source / "concepts.yaml")
    parts = [
        _HOW,
        _gates(declared, raw),
        _comparisons(raw),
        _concepts(declared.concepts),
        _reviewed(source / "findings"),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _gates(declared: Comparable, raw: dict[str, Any]) -> str:
    numbers = {
        "siblings": ", ".join(f"{family.ratio} times for {family.name}" for family in declared.siblings),
        "range": declared.range_ratio,
        "vintages": ", ".join(
            f"{e['ratio']} times for {e.get('dataset', 'all others')} ({e['why']})" for e in raw["vintages"]
        ),
        "units": f"{declared.units_relative:.0%} and the rounding of both",
    }
    lines = ["## The gates", "", "| gate | finds | compares | limit, and why |", "|---|---|---|---|"]
    for gate in GATES:
        compares, limit = _ABOUT[gate_name(gate)]
        limit = limit.format(**numbers) if "{" in limit else limit
        lines.append(f"| `{gate_name(gate)}` | {inspect.getdoc(gate)} | {compares} | {limit} |")
    lines += ["", f"Words that `not_certified` looks for: `{labels.WORDS.pattern}`."]
    return "\n".join(lines) + "\n"


def _comparisons(raw: dict[str, Any]) -> str:
    lines = ["## What is comparable", "", "Declared in `emission_factors/concepts.yaml`.", ""]
    lines += ["### Rounding", "", "| dataset | absolute | relative | why |", "|---|---|---|---|"]
    for entry in raw["rounding"]:
        lines.append(
            f"| {entry.get('dataset', 'all others')} | {entry['absolute']} | {entry['relative']} | {entry['why']} |"
        )
    lines += ["", "### Families", "", "| family | limit | why | rows |", "|---|---|---|---|"]
    for entry in raw["siblings"]:
        rows = ", ".join(f"`{pattern}`" for pattern in entry["figures"])
        lines.append(f"| {entry['name']} | {entry['ratio']} | {entry['why']} | {rows} |")
    lines += ["", "### What is known and left alone", "", "| by | why | rows |", "|---|---|---|"]
    for name in ("zeros", "negatives", "labels", "words", "partial"):
        for entry in raw[name]:
            rows = ", ".join(f"`{pattern}`" for pattern in entry["figures"])
            lines.append(f"| {name} | {entry['why']} | {rows} |")
    return "\n".join(lines) + "\n"


def _concepts(concepts: tuple[Concept, ...]) -> str:
    lines = ["### Concepts", "", "| concept | limit | per | publishers |", "|---|---:|---|---|"]
    for concept in concepts:
        publishers = sorted({pattern.dataset.partition("/")[0] for pattern in concept.figures})
        limit = f"{concept.ratio}" + (f", and {concept.difference} kg/{concept.per[0]}" if concept.difference else "")
        lines.append(f"| {concept.name} | {limit} | {', '.join(concept.per)} | {', '.join(publishers)} |")
    return "\n".join(lines) + "\n"


def _reviewed(folder: Path) -> str:
    lines = ["## The reviewed list", ""]
    total: Counter[tuple[str, str]] = Counter()
    body = []
    for path in sorted(folder.glob("*.yaml")):
        by_cause: dict[tuple[str, str, str], list[str]] = {}
        for gate, entries in (read_yaml(path) or {}).items():
            for entry in entries:
                cause = (gate, entry["decision"], " ".join(entry["reason"].split()))
                by_cause.setdefault(cause, []).extend(entry["keys"])
                total[gate, entry["decision"]] += len(entry["keys"])
        body += [f"### {path.stem}", "", "| gate | decision | rows | reason | for example |", "|---|---|---:|---|---|"]
        for (gate, decision, reason), keys in by_cause.items():
            body.append(f"| {gate} | {decision} | {len(keys)} | {reason} | `{keys[0]}` |")
        body.append("")
    lines += [
        f"{sum(total.values())} findings in the publishers' untouched files, by gate and decision:",
        "",
        "| gate | keep | exclude |",
        "|---|---:|---:|",
    ]
    for gate in GATES:
        name = gate_name(gate)
        lines.append(f"| `{name}` | {total[name, 'keep']} | {total[name, 'exclude']} |")
    return "\n".join([*lines, "", *body]) + "\n"
