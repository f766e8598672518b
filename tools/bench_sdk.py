"""``make bench``: how long importing the SDK takes, beside pydantic alone; and how large its wheel is.

Each figure is of fresh interpreters, taken in turn so that noise falls on all alike. Quote the ratio before the
milliseconds: they are of this machine at this moment.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from greenlang.factory.wheels import sdk_wheel

RUNS = 15
TARGET = 150
STATEMENTS = {
    "one pydantic model": "import pydantic\nclass Model(pydantic.BaseModel): x: int",
    "greenlang_sdk.agent": "import greenlang_sdk.agent",
    "greenlang_sdk.toolbox, .command": "import greenlang_sdk.toolbox, greenlang_sdk.command",
}


def milliseconds(statement: str) -> float:
    """Wall milliseconds of a statement in a fresh interpreter."""
    code = f"import time\nstart = time.perf_counter()\n{statement}\nprint((time.perf_counter() - start) * 1000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    for statement in STATEMENTS.values():
        milliseconds(statement)  # the first run writes the byte code
    taken: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(RUNS):
        for name, statement in STATEMENTS.items():
            taken[name].append(milliseconds(statement))
    print(f"import, milliseconds, {RUNS} fresh interpreters each (target: under {TARGET})")
    base = median(next(iter(taken.values())))
    for name, values in taken.items():
        print(
            f"  {name:32} least {min(values):5.0f}   median {median(values):5.0f}   ratio {median(values) / base:4.2f}"
        )
    name, wheel = sdk_wheel()
    print(f"  {name}: {len(wheel) / 1024:.0f} KB")


if __name__ == "__main__":
    main()
