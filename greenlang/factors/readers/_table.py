"""Plain CSV tables with one header line: read whole, and refused where a line has not the header's columns.

Belongs here: the header and the number of columns. Does not belong here: what columns mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from greenlang.factors.catalogue import Edition
from greenlang.factors.readers._base import LayoutError, csv_rows


def read_table(
    edition: Edition, file: str, path: Path, headers: Sequence[Sequence[str]]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and every line with its number in the file, from 2.

    Raises LayoutError if the header is none of ``headers``, or a line has more or fewer columns.
    """
    lines = csv_rows(path)
    header = lines[0] if lines else []
    if header not in [list(known) for known in headers]:
        raise LayoutError(edition, file, wanted=" or ".join(str(list(known)) for known in headers), found=header)
    numbered = list(enumerate(lines[1:], start=2))
    for number, line in numbered:
        if len(line) != len(header):
            raise LayoutError(edition, file, wanted=f"{len(header)} columns", found=f"{len(line)} in line {number}")
    return header, numbered
