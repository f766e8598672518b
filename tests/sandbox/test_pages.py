"""Huge pages of a fork server: the kernel has made what is counted, and what stood in memory stands there still."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
from pathlib import Path
from greenlang.sandbox import pages
data = [bytes([n % 251]) * 400 for n in range(100_000)]
before = sum(map(sum, data[::997]))
made = pages.collapse()
rollup = Path("/proc/self/smaps_rollup").read_text()
huge = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("AnonHugePages:"))
print(made, huge // 2048, before == sum(map(sum, data[::997])))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages of two megabytes are asked for on Linux alone")
def test_memory_is_gathered_into_huge_pages() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    made, huge, same = done.stdout.split()
    assert same == "True"
    if int(made) == 0:
        pytest.skip("this kernel gathers no pages")
    assert int(huge) >= int(made) >= 10
