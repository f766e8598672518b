"""What a hostile pack holds or says is judged like anything else: no crash, no endless work, and it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenlang.quality import judge
from greenlang.quality.files import Files
from greenlang.quality.secrets import MOST, secrets
from greenlang.resolution.plan import Vector
from tests.quality.good import case, evaluations, output, service, trial, unmet

DEEP = "[" * 200_000
LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
FILES = {
    "deep bill": ("sbom.cdx.json", DEEP, {"compliance_security.sbom schema"}),
    "bill of anything": (
        "sbom.cdx.json",
        '{"components": [1, {"name": 7, "hashes": [3], "purl": null}], "dependencies": [5, {"dependsOn": 3}]}',
        {"compliance_security.sbom schema", "compliance_security.sbom true", "compliance_security.component licences"},
    ),
    "bill without an object": ("sbom.cdx.json", "[]", {"compliance_security.sbom schema"}),
    "anchors": ("deploy/k8s/hpa.yaml", LAUGHS, {"deployment_readiness.manifests"}),
    "deep manifest": ("deploy/k8s/hpa.yaml", "[" * 5000, {"deployment_readiness.manifests"}),
    "another object": ("deploy/k8s/more.yaml", "kind: ClusterRoleBinding\n", {"deployment_readiness.manifests"}),
    "deep command": (
        "Dockerfile",
        "FROM a:1\nUSER 1\nHEALTHCHECK CMD x\nCMD " + DEEP,
        {"deployment_readiness.image file"},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_made_to_break_a_reader_fail_their_measure(name: str, pack: Path) -> None:
    file, text, wanted = FILES[name]
    (pack / file).write_text(text)
    assert wanted <= unmet(judge(case(pack)))


@pytest.mark.parametrize("line", [DEEP, '{"ok":true,"data":' + DEEP, "null", '"x"', '{"ok":1,"data":[]}', "\ud800"])
def test_answers_that_are_made_to_break_a_reader_fail(line: str, pack: Path) -> None:
    lines = [line.encode("utf-8", errors="replace"), *output().splitlines()[1:]]
    said = b"\n".join(lines) + b"\n"
    assert "determinism.as expected" in unmet(judge(case(pack, trial=trial(evaluations=evaluations(said, said)))))


@pytest.mark.parametrize("line", [DEEP, "{}", "[]", "7", '{"time":7,"level":"x","message":"y","run_id":{}}'])
def test_log_lines_that_are_made_to_break_a_reader_fail(line: str, pack: Path) -> None:
    assert "operations.logs" in unmet(judge(case(pack, trial=trial(service=service(logs=(line, line))))))


def test_a_number_beyond_all_measure_is_not_the_one_expected() -> None:
    from greenlang.quality.judge import difference

    vector = Vector("v", "golden", {}, {"total": "8"}, tolerances={"total": "0.1"})
    for text in ("1E+999999999999", "9E999999999999999999", "NaN", "Infinity", "x"):
        assert "expected 8" in difference(vector, f'{{"ok":true,"data":{{"total":"{text}"}}}}'.encode())


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["token", "eyJ", "password=", "://a:", "AKIA", "Bearer ", "'", "secret: a1b2c3d4 "])
def test_a_text_of_one_word_again_and_again_is_read_in_passing(piece: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(piece * 20_000)
    assert len(secrets(Files(tmp_path))) <= MOST


def test_links_out_of_the_pack_and_symbolic_links_are_not_followed(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.md").write_text("AKIAABCDEFGHIJKLMNOP\n")
    (pack / "docs" / "more.md").symlink_to(tmp_path / "outside.md")
    (pack / "docs" / "folder").symlink_to(tmp_path)
    assert unmet(judge(case(pack))) == set()
