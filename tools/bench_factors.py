"""``make bench``, the factors: a release from the publishers' files, look-ups, the start of the calculation.

Figures are of this machine at this moment; quote the ratios. Needs the publishers' files: ``../shared/data``, or a
folder named on the command line; without them only the embedded base is measured.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from greenlang.factors import FactorTable
from greenlang.factors.catalogue import catalogue
from greenlang.settings import Settings
from greenlang.sync import releases, sync
from tools.bench_select import bench, lines

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def only_opened(folder: Path) -> None:
    """Open every file with the library that the readers use, and take no meaning from it."""
    from greenlang.factors.readers._base import csv_rows, workbook

    for edition in catalogue():
        for file in edition.needed if not edition.cross_check else ():
            path = folder / file.folder / file.name
            if path.suffix == ".csv":
                encoding = "cp1252" if "Base_Carbone" in file.name else "utf-8-sig"
                csv_rows(path, encoding=encoding, delimiter=";" if "Base_Carbone" in file.name else ",")
            elif path.suffix in {".xls", ".xlsx"}:
                book = workbook(path)
                for name in book.sheet_names:
                    book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            else:
                path.read_bytes()


def starts(code: str) -> float:
    """Seconds of a fresh interpreter that runs ``code``, the best of five."""
    return min(seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True)) for _ in range(5))


def main() -> None:
    """Measure and print."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    names = tuple(edition.name for edition in catalogue() if not edition.open)
    table = FactorTable.load()
    with tempfile.TemporaryDirectory(prefix="greenlang-bench-") as var:
        if folder.is_dir():
            settings = Settings(var=Path(var))
            opened = seconds(lambda: only_opened(folder))
            whole = seconds(lambda: sync(settings, folder=folder, wanted=names))
            again = seconds(lambda: sync(settings, folder=folder, wanted=names))
            table = releases(settings).table()
            print(f"release of {len(table):,} rows from publishers' files: {whole:.1f} s, {settings.workers} workers;")
            print(f"  {whole / opened:.1f} times as long as opening the files alone ({opened:.1f} s);")
            print(f"  again, with nothing changed: {again:.1f} s")
        else:
            print(f"the publishers' files are not in {folder}: the embedded base alone is measured")
    bare, calc = starts("pass"), starts("import greenlang.calc")
    print(f"import of greenlang.calc: {calc - bare:.3f} s over a bare interpreter ({calc / bare:.1f} times its start)")
    for line in lines(bench(table)):
        print(line)


if __name__ == "__main__":
    main()
