"""``python -m greenlang.formulas FILE...``: check files of the formula library, and print every mistake.

For authors: shape, units of every sub-expression, worked vectors, ids that stand twice; parameter tables; families and
the factor tables that they name. Without files, the library that is installed is checked.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from greenlang.formulas.checking import check_files


def main(arguments: list[str] | None = None) -> int:
    """Check, print, and return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m greenlang.formulas", description=__doc__.split("\n\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a YAML file or a folder of the library")
    done = check_files(parser.parse_args(arguments).files)
    for problem in done.problems:
        print(problem, file=sys.stderr)  # noqa: T201 - a command for the terminal
    counts = f"{done.formulas} formulas, {done.vectors} vectors ({done.published} published), {done.tables} tables"
    counts += f", {done.families} families" if done.families else ""
    wrong = len(done.problems)
    print(counts + (f"; {wrong} problem{'s' * (wrong != 1)}" if wrong else ": all in order"))  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
