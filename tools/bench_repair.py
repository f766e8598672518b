"""Yield and cost of the rungs that need no model: example agents, damaged in many ways, really tried and judged.

``python tools/bench_repair.py [specs]`` prints a table by damage and one by rung. The rungs of a model
are measured where a model is: ``greenlang query`` over the table ``repairs`` (docs/repair.md has the text).
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from greenlang import _paths
from greenlang.factors.table import FactorTable
from greenlang.factory.examine import Examiner
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.formulas.library import library
from greenlang.quality.repair import Judged, RepairOutcome, RepairRequest, repair
from greenlang.quality.tools import PackRef, prepare
from greenlang.resolution.plan import Resolution
from greenlang.resolution.resolve import resolve
from greenlang.settings import Settings
from greenlang.specs.reader import read

SPECS = ("heat_pump", "boiler", "mobile_combustion", "refrigerant_leakage", "waste", "electricity_uk")
FIRST = "from decimal import Decimal\n"


def _swap(file: str, old: str, new: str, count: int = 1) -> Callable[[Path, str], bool]:
    def damage(pack: Path, package: str) -> bool:
        path = pack / file.format(p=package)
        text = path.read_text() if path.is_file() else ""
        if old not in text:
            return False
        path.write_text(text.replace(old, new, count))
        return True

    return damage


def _delete(file: str) -> Callable[[Path, str], bool]:
    def damage(pack: Path, package: str) -> bool:
        (pack / file.format(p=package)).unlink()
        return True

    return damage


DAMAGES: dict[str, Callable[[Path, str], bool]] = {
    "unused import": _swap("{p}/tools.py", FIRST, f"import json\n{FIRST}"),
    "import order": _swap(
        "{p}/agent.py", "from greenlang_sdk", "from .tools import TOOLS as _T  # moved\nfrom greenlang_sdk"
    ),
    "old spelling of a type": _swap(
        "{p}/tools.py", FIRST, f"from typing import Dict\n{FIRST}\n_X: Dict[str, str] = {{}}\n"
    ),
    "syntax error": _swap("{p}/tools.py", "def ", "def def "),
    "missing import": _swap("{p}/tools.py", FIRST, ""),
    "wrong operation": _swap("{p}/tools.py", " * ", " / "),
    "untraced number": _swap("{p}/tools.py", "    return ", '    return Decimal("1.01") * '),
    "changed factor row": _swap("{p}/factors.json", '"value": "', '"value": "1'),
    "deleted test": _delete("tests/test_boundary.py"),
    "changed vector": _swap("tests/vectors.json", '"expect": {"', '"expect": {"no_such_output": "1", "'),
    "socket": _swap("{p}/tools.py", FIRST, f"import socket\n{FIRST}"),
    "randomness": _swap("{p}/tools.py", FIRST, f"import random\n{FIRST}\nrandom.random()\n"),
    "endless loop": _swap("{p}/tools.py", FIRST, f"{FIRST}\nwhile True:\n    pass\n"),
    "planted secret": _swap("README.md", "#", "password = 'hunter2hunter2'\n\n#"),
    "emptied manifest": _swap("deploy/k8s/deployment.yaml", "securityContext", "noContext", 99),
}


class Bench:
    """One examiner over several agents."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        table = FactorTable.in_force(folder / "no-tables")
        self.examiner = Examiner(Settings(var=folder / "var", test_seconds=5), table)
        self.table = table

    def resolution(self, name: str) -> Resolution:
        data = (_paths.data() / "templates" / "specs" / "examples" / f"{name}.pack.yaml").read_bytes()
        spec, findings = read(data, name)
        if spec is None:
            raise SystemExit("\n".join(d.text() for d in findings))
        return resolve(spec, self.table, library())

    def judge(self, resolution: Resolution, folder: Path) -> Judged:
        ref = PackRef(folder, package_name(resolution.spec))
        findings = prepare([ref], self.examiner.cache)[folder]
        questions = self.examiner.questions(ref, resolution)
        examined = self.examiner.judge(ref, resolution, questions, self.examiner.run(ref, questions), findings)
        return Judged(examined.judgement, examined.trial)

    def passes(self, resolution: Resolution) -> bool:
        """Whether an agent passes undamaged: only then does the ladder stand for what it mends."""
        write_pack(generate(resolution), self.folder / "pack")
        judgement = self.judge(resolution, self.folder / "pack").judgement
        if not judgement.passed:
            print(f"left out: {resolution.spec.agent_id} does not pass undamaged {judgement.mishap}")
        return judgement.passed

    def climb(self, resolution: Resolution, damage: Callable[[Path, str], bool]) -> RepairOutcome | None:
        files, pack = generate(resolution), self.folder / "pack"
        write_pack(files, pack)
        if not damage(pack, package_name(resolution.spec)):
            return None
        judged = self.judge(resolution, pack)
        if judged.judgement.passed:
            return None
        request = RepairRequest(
            key="x/y@1.0.0-00000000",
            package=package_name(resolution.spec),
            resolution=resolution,
            work=self.folder / "work",
            dossiers=self.folder / "dossiers",
            pack=pack,
            judged=judged,
        )
        return repair(request, try_pack=lambda f: self.judge(resolution, f), regenerate=lambda: files)


def main(names: list[str]) -> None:
    """Print both tables."""
    rungs: dict[str, list[tuple[str, float]]] = defaultdict(list)
    print("| damage | damaged and failed | classes | mended by | seconds a ladder |\n|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        plans = [r for n in names or SPECS if bench.passes(r := bench.resolution(n))]
        for name, damage in DAMAGES.items():
            begin, done = time.perf_counter(), [o for r in plans if (o := bench.climb(r, damage)) is not None]
            spent = time.perf_counter() - begin
            mended, kinds = defaultdict(int), set()
            for outcome in done:
                mended[outcome.reason.removeprefix("by ") if outcome.repaired else outcome.status] += 1
                for attempt in outcome.attempts:
                    kinds |= attempt.before.keys() if attempt is outcome.attempts[0] else set()
                    rungs[attempt.rung].append((attempt.status, attempt.seconds))
            told, found = ", ".join(f"{k} {n}" for k, n in sorted(mended.items())), ", ".join(sorted(kinds))
            mean = spent / max(1, len(done))
            print(f"| {name} | {len(done)} of {len(plans)} | {found} | {told} | {mean:.2f} |", flush=True)
    print("\n| rung | tried | mended | yield | mean seconds | USD |\n|---|---|---|---|---|---|")
    for rung, tries in rungs.items():
        real = [(s, t) for s, t in tries if s != "skipped"]
        good = sum(s == "repaired" for s, _ in real)
        mean = sum(t for _, t in real) / max(1, len(real))
        print(f"| {rung} | {len(real)} | {good} | {100 * good / max(1, len(real)):.0f} % | {mean:.2f} | 0 |")


if __name__ == "__main__":
    main(sys.argv[1:])
