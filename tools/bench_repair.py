"""Yield and cost of the rungs: example agents, damaged in many ways, really tried and judged.

``python -m tools.bench_repair [specs]`` prints a table by damage and one by rung, of the rungs that need no model.
``python -m tools.bench_repair --models [specs]`` plants faults that only a model can mend, and lets a scripted provider
on loopback answer. That measures what becomes of right and wrong answers and what a question costs, and not how often a
model is right: no live provider is asked. What live ones yield is in ``greenlang quality repairs``.
"""

from __future__ import annotations

import json
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
from greenlang.llm.ask import Model
from greenlang.llm.wire import LiteLLM
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
        trial = self.examiner.run(ref, questions, findings)
        examined = self.examiner.judge(ref, resolution, questions, trial, findings)
        return Judged(examined.judgement, examined.trial)

    def passes(self, resolution: Resolution) -> bool:
        """Whether an agent passes undamaged: only then does the ladder stand for what it mends."""
        write_pack(generate(resolution), self.folder / "pack")
        judgement = self.judge(resolution, self.folder / "pack").judgement
        if not judgement.passed:
            print(f"left out: {resolution.spec.agent_id} does not pass undamaged {judgement.mishap}")
        return judgement.passed

    def climb(
        self, resolution: Resolution, damage: Callable[[Path, str], bool], model: Model | None = None
    ) -> RepairOutcome | None:
        """With a model the damage is the generator's own: generating anew gives the same."""
        files, pack = dict(generate(resolution)), self.folder / "pack"
        write_pack(files, pack)
        if not damage(pack, package_name(resolution.spec)):
            return None
        if model is not None:
            files = {name: (pack / name).read_bytes() for name in files}
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
            explain=False,
        )
        return repair(request, try_pack=lambda f: self.judge(resolution, f), regenerate=lambda: files, model=model)


PRICED = "claude-sonnet-4-6"  # the first model of the built-in configuration, at the price map's price


def _fault(text: str) -> tuple[str, str]:
    """A line of the tools that multiplies, and what a generator with a fault would write; empty where there is none."""
    lines = [n for n in text.splitlines() if "return " in n and " * " in n and text.count(n) == 1]
    return (lines[0], lines[0].replace(" * ", " / ", 1)) if lines else ("", "")


def _answers(package: str, right: str, wrong: str) -> dict[str, list[dict[str, str | int]]]:
    """What the scripted provider says in each of its moods, as patches."""
    patch: dict[str, str | int] = {"file": f"{package}/tools.py", "line": 1, "old": wrong, "explanation": "bench"}
    return {
        "right": [{**patch, "new": right}],
        "another wrong formula": [{**patch, "new": right.replace(" * ", " + ", 1)}],
        "a number from nowhere": [{**patch, "new": right.replace("return ", 'return Decimal("1.0173") * ')}],
        "a changed test": [{**patch, "file": "tests/vectors.json", "old": "{", "new": "["}],
    }


def models(names: list[str]) -> None:
    """The code rung, with a provider on loopback in four moods; a question is priced as the first built-in model is."""
    from greenlang.llm.config import Gateways, Provider
    from greenlang.llm.gateway import Gateway
    from tests.llm.server import Provider as Server
    from tests.llm.server import says

    rows = defaultdict(list)
    with TemporaryDirectory() as folder:
        bench, server = Bench(Path(folder)), Server()
        server.start()
        price = LiteLLM().price(Gateways().providers[0], PRICED)
        assert price is not None
        raw = {"name": "loopback", "models": [PRICED], "base_url": server.base_url("loopback"), "api_key_env": None}
        raw["tokens_per_minute"] = 100_000_000  # nobody is spared here
        config = Gateways(providers=(Provider.model_validate({**raw, "prices": {PRICED: price}}),))
        for name in names or SPECS:
            resolution = bench.resolution(name)
            package = package_name(resolution.spec)
            right, wrong = _fault(generate(resolution)[f"{package}/tools.py"].decode())
            if not right or not bench.passes(resolution):
                continue
            damage = _swap("{p}/tools.py", right, wrong)
            for mood, patches in _answers(package, right, wrong).items():
                server.always["loopback"] = says(json.dumps({"patches": patches}), prompt=None)
                here = Settings(var=bench.folder / f"{package}-{mood.replace(' ', '-')}", llm="record")
                before, begin = len(server.heard), time.perf_counter()
                outcome = bench.climb(resolution, damage, Gateway(here, config=config, environment={}))
                heard = server.heard[before:]
                size = sum(len(h.text.encode()) for h in heard) // max(1, len(heard))
                if outcome is not None:
                    told = next(a for a in reversed(outcome.attempts) if a.rung == "code")
                    rows[mood].append((told.status, len(heard), size, outcome.usd, time.perf_counter() - begin))
        server.stop()
    print("| the provider says | climbs | mended | ended | calls | bytes a call | USD at most | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for mood, done in rows.items():
        ends = ", ".join(sorted({status for status, *_ in done}))
        calls, size, usd, spent = (sum(float(row[i]) for row in done) / len(done) for i in (1, 2, 3, 4))
        good = sum(status == "repaired" for status, *_ in done)
        print(f"| {mood} | {len(done)} | {good} | {ends} | {calls:.1f} | {size:,.0f} | {usd:.3f} | {spent:.1f} |")


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
    models([n for n in sys.argv[1:] if n != "--models"]) if "--models" in sys.argv else main(sys.argv[1:])
