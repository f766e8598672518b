"""Milliseconds to generate the pack of a ten-tool agent: ``make bench``, on one core.

Beside it, for the same number of files of the same size: copier, and Jinja alone. Both only lay out; neither plans
tests, checks names or writes a bill of materials.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import jinja2

from greenlang.factory.generate import generate
from greenlang.factory.pack import write_pack
from greenlang.resolution.plan import Resolution
from tools.regen_golden import resolutions

TOOLS = 10
TARGET = 30


def ten_tools() -> Resolution:
    """An agent of ten tools, like those of the factory's tests: factors, look-ups, branches, roots, sums."""
    room = resolutions()
    kinds = (room.build_combustion, room.build_heat_pump, room.build_odd, room.build_constant, room.build_smallest)
    whole = room.spec("bench/ten_tools", [], [], summary="Ten tools in one agent")
    parts = tuple(room.as_part(kinds[i % len(kinds)](), whole, f"tool_{i}") for i in range(TOOLS))
    return Resolution(replace(whole, parts=tuple(p.spec for p in parts)), {}, (), {}, parts=parts)


def median(work: Callable[[], object], times: int) -> tuple[float, float]:
    """Milliseconds on the clock and of the processor, the medians of several runs."""
    work()
    clock, processor = [], []
    for _ in range(times):
        begin, used = time.perf_counter(), time.process_time()
        work()
        clock.append((time.perf_counter() - begin) * 1000)
        processor.append((time.process_time() - used) * 1000)
    return statistics.median(clock), statistics.median(processor)


def as_template(content: bytes) -> str:
    """A file as a template that renders to it, with one name to fill in."""
    return "{% raw %}" + content.decode().replace("{% endraw %}", "") + "{% endraw %}{{ name }}"


def written(files: dict[str, bytes], folder: Path) -> None:
    """A pack on disk, anew."""
    shutil.rmtree(folder, ignore_errors=True)
    write_pack(files, folder)


def bare_jinja(files: dict[str, bytes]) -> Callable[[], list[str]]:
    """Render as many templates, compiled before, in memory."""
    environment = jinja2.Environment(autoescape=False)
    compiled = [environment.from_string(as_template(content)) for content in files.values()]
    return lambda: [template.render(name="x") for template in compiled]


def copier_run(files: dict[str, bytes], folder: Path) -> Callable[[], None]:
    """Copy as many templates by copier."""
    import copier

    template = folder / "template"
    for name, content in files.items():
        path = template / f"{name}.jinja"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_template(content))
    (template / "copier.yml").write_text("_templates_suffix: .jinja\nname:\n  type: str\n  default: x\n")

    def run() -> None:
        shutil.rmtree(folder / "copied", ignore_errors=True)
        copier.run_copy(str(template), folder / "copied", defaults=True, quiet=True, unsafe=True)

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30)
    times = parser.parse_args().times
    agent = ten_tools()
    files = generate(agent)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = [
            ("generated, in memory", median(lambda: generate(agent), times)),
            ("generated and written", median(lambda: written(generate(agent), folder / "pack"), times)),
            ("bare Jinja, in memory", median(bare_jinja(files), times)),
            ("copier, written", median(copier_run(files, folder), max(3, times // 10))),
        ]
    size = sum(map(len, files.values()))
    print(f"\nA ten-tool agent: {len(files)} files, {size / 1000:.0f} kB; medians on one core (target: {TARGET} ms)")
    ours = rows[0][1][0]
    for label, (clock, processor) in rows:
        print(f"  {label:<22} {clock:8.1f} ms   processor {processor:8.1f} ms   {clock / ours:6.2f} of ours")


if __name__ == "__main__":
    main()
