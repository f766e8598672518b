"""The ladder over the real sandbox and the real judge: an agent generated, damaged, tried and judged as by a build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from greenlang.factory.examine import Examiner
from greenlang.factory.generate import generate, package_name
from greenlang.factory.pack import write_pack
from greenlang.llm.replies import CodePatch, CodeRepair
from greenlang.quality.repair import Judged, RepairOutcome, RepairRequest, repair
from greenlang.quality.repair.split import cases, split
from greenlang.quality.tools import PackRef, prepare
from greenlang.resolution.plan import Resolution
from greenlang.settings import Settings
from tests.factory.made_agents import embedded, planned
from tests.line.line_tools import example
from tests.quality.repair.light import Scripted

pytestmark = pytest.mark.slow

PRODUCT = "return electricity * grid"


@dataclass
class Shop:
    """One agent, and the factory's own examiner."""

    resolution: Resolution
    examiner: Examiner
    files: Mapping[str, bytes]
    package: str
    judged: dict[str, Judged] = field(default_factory=dict)

    def judge(self, folder: Path) -> Judged:
        ref = PackRef(folder, self.package)
        findings = prepare([ref], self.examiner.cache)[folder]
        questions = self.examiner.questions(ref, self.resolution)
        trial = self.examiner.run(ref, questions, findings)
        examined = self.examiner.judge(ref, self.resolution, questions, trial, findings)
        return Judged(examined.judgement, examined.trial)

    def damaged(self, root: Path, file: str, old: str, new: str) -> RepairRequest:
        pack = root / "pack"
        write_pack(self.files, pack)
        path = pack / file.format(p=self.package)
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        return self.request(root, pack)

    def request(self, root: Path, pack: Path, **more: Any) -> RepairRequest:
        return RepairRequest(
            key="x/agent@1.0.0-00000000",
            package=self.package,
            resolution=self.resolution,
            work=root / "work",
            dossiers=root / "dossiers",
            pack=pack,
            judged=self.judge(pack),
            **more,
        )

    def climb(
        self, request: RepairRequest, *replies: CodeRepair, generator: bool = False
    ) -> tuple[RepairOutcome, Scripted]:
        model = Scripted({"code_repair": list(replies)})
        regenerate = (lambda: self.files) if generator else None
        return repair(request, try_pack=self.judge, regenerate=regenerate, model=model), model

    def patch(self, old: str, new: str) -> CodeRepair:
        one = CodePatch(file=f"{self.package}/tools.py", line=1, old=old, new=new, explanation="as the plan says")
        return CodeRepair(patches=(one,))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    resolution, _ = planned(example("heat_pump").decode())
    assert resolution is not None
    examiner = Examiner(Settings(var=tmp_path_factory.mktemp("var")), embedded())
    try:
        yield Shop(resolution, examiner, generate(resolution), package_name(resolution.spec))
    finally:
        examiner.sandbox.close()


def test_a_wrong_sign_is_mended_by_a_patch_and_passes_the_whole_judgement(shop: Shop, tmp_path: Path):
    request = shop.damaged(tmp_path, "{p}/tools.py", PRODUCT, "return -electricity * grid")
    assert request.judged is not None
    assert not request.judged.judgement.passed
    outcome, model = shop.climb(request, shop.patch("return -electricity * grid", PRODUCT))
    assert outcome.repaired, [(a.rung, a.status, a.reason) for a in outcome.attempts]
    assert outcome.rates is not None
    assert outcome.rates.gap == 0
    half = split(shop.resolution.spec.digest, cases(request.resolution), request.judged.trial.tests.tests)
    assert half.telling
    assert half.safe(model.prompts[0]) == model.prompts[0]


def test_code_that_knows_the_visible_answers_by_heart_does_not_pass(shop: Shop, tmp_path: Path):
    request = shop.damaged(tmp_path, "{p}/tools.py", PRODUCT, "return -electricity * grid")
    assert request.judged is not None
    half = split(shop.resolution.spec.digest, cases(request.resolution), request.judged.trial.tests.tests)
    seen = [v for v in shop.resolution.vectors if v.expect and v.name in half.visible]
    known = "; ".join(f"{n} {e}" for v in seen for n, e in v.expect.items())
    object.__setattr__(shop.resolution.spec, "raw", f"{shop.resolution.spec.raw}\n# {known} to 6 digits")
    lines = "".join(
        f'    if round(electricity, 6) == Decimal("{v.expect["electricity"]}"):\n'
        f'        return Decimal("{v.expect["heat_pump_emissions"]}")\n'
        for v in seen
    )
    bad = "    return -electricity * grid"
    outcome, _ = shop.climb(request, shop.patch(bad, f"{lines}{bad}"))
    first = next(a for a in outcome.attempts if a.rung == "code")
    assert first.status == "refused"
    assert first.digest_after, "it was tried, and not refused for its form"
    assert first.rates is not None
    assert first.rates.held_out is not None
    assert first.rates.held_out < 1
    assert outcome.dossier is not None


def test_code_that_opens_a_socket_is_shown_to_no_model_and_generated_anew(shop: Shop, tmp_path: Path):
    evil = 'import socket\n\nsocket.create_connection(("10.0.0.1", 80))\n\nfrom decimal import Decimal\n'
    request = shop.damaged(tmp_path, "{p}/tools.py", "from decimal import Decimal\n", evil)
    alone, model = shop.climb(request, shop.patch("a", "b"))
    assert not alone.repaired, "the linter would take the unused import away and hide what was tried"
    assert model.asked == []
    assert {"escape", "gate"} & {f.kind for f in alone.failures}
    mended, model = shop.climb(request, generator=True)
    assert (mended.reason, model.asked) == ("by template", [])


@pytest.mark.parametrize(
    ("file", "old", "new", "kind"),
    [
        ("{p}/tools.py", "def ", "def def ", "syntax"),
        ("{p}/tools.py", "from decimal import Decimal\n", "", "import"),
        ("tests/vectors.json", '"expect": {"', '"expect": {"no_such_output": "1", "', "test"),
    ],
)
def test_what_was_broken_is_classed_by_its_cause_and_generated_anew(shop, tmp_path, file, old, new, kind):
    request = shop.damaged(tmp_path, file, old, new)
    outcome, model = shop.climb(request, generator=True)
    assert kind in outcome.attempts[0].before
    assert (outcome.reason, model.asked) == ("by template", [])


def test_a_changed_factor_row_is_generated_anew(shop: Shop, tmp_path: Path):
    name = f"{shop.package}/factors.json"
    value = next(f for f in shop.resolution.pinned).value
    request = shop.damaged(tmp_path, name, f'"value": "{value}"', f'"value": "{value + 1}"')
    assert request.judged is not None
    assert not request.judged.judgement.passed
    outcome, _ = shop.climb(request, generator=True)
    assert outcome.reason == "by template"


def test_an_unused_import_is_mended_by_the_linter_alone(shop: Shop, tmp_path: Path):
    old = "from decimal import Decimal\n"
    request = shop.damaged(tmp_path, "{p}/tools.py", old, f"import json\n{old}")
    outcome, _ = shop.climb(request)
    assert outcome.reason == "by mechanical", [(a.rung, a.reason) for a in outcome.attempts]
    assert outcome.rows()[0]["error_class"] == "lint"
