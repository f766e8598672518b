"""Documents and manifests that state what is not so, beside an agent that is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quality.good import measures, unmet
from tests.quality.measures.planted import (
    FLEET,
    FUELS,
    UK,
    Wrong,
    check,
    example,
    judged,
    text,
)

PROSE: Wrong = {
    "figure in prose": (
        UK,
        text("README.md", "## Demos", "The grid emits 0.233 kg a unit.\n\n## Demos"),
        {"determinism.statements"},
        "0.233 comes from no spec",
    ),
    "figure of a row": (
        UK,
        text("README.md", "| 0.0459 |", "| 0.0549 |"),
        {"determinism.statements"},
        "0.0549 comes from no",
    ),
    "figures of two rows exchanged": (
        UK,
        text("README.md", "| 0.0459 |", "| 0.177 |"),
        {"determinism.statements"},
        "its value is 0.177, of the plan 0.0459",
    ),
    "unit of a row": (
        UK,
        text("README.md", "| 0.0459 | kgCO2e/kWh |", "| 0.0459 | kgCO2e/MWh |"),
        {"determinism.statements"},
        "the unit kgCO2e/MWh is none of kgCO2e/kWh",
    ),
    "unit of an output": (
        UK,
        text("README.md", "### scope2 [kgCO2e]", "### scope2 [kWh]"),
        {"determinism.statements"},
        "the unit kWh is none of kgCO2e",
    ),
    "unit of an input": (
        UK,
        text("README.md", "| float64 | kWh |", "| float64 | MWh |"),
        {"determinism.statements"},
        "the unit MWh is none of kWh",
    ),
    "limit of an input": (
        UK,
        text("README.md", "≤ 100000000000", "≤ 200000000000"),
        {"determinism.statements"},
        "200000000000 comes from no spec",
    ),
    "figure below what looks like a fence and is none": (
        UK,
        text("README.md", "## Inputs", "```ours```\n\n200000000000 kWh.\n\n## Inputs"),
        {"determinism.statements"},
        "200000000000 comes from no spec",
    ),
    "figure above a fence, behind lines that Markdown does not count": (
        UK,
        text("README.md", "## Inputs", "a\fb\fc\fd\n\n200000000000 kWh.\n\n```text\na\nb\nc\n```\n\n## Inputs"),
        {"determinism.statements"},
        "200000000000 comes from no spec",
    ),
    "source of a row": (
        UK,
        text("README.md", "Factors by Category!J3939 |", "Factors by Category!J3066 |"),
        {"determinism.statements"},
        "its source is",
    ),
    "licence of a row": (
        UK,
        text("README.md", "| Open Government Licence v3.0 |", "| Public domain |"),
        {"determinism.statements"},
        "its licence is Public domain",
    ),
    "row left out": (
        UK,
        lambda files: files.update(
            {"README.md": b"\n".join(s for s in files["README.md"].split(b"\n") if b"| 0.0459 |" not in s)}
        ),
        {"determinism.statements"},
        "it leaves out: | `ef://desnz/electricity/2025/electricity-generated-wtt",
    ),
    "formula": (
        UK,
        text("README.md", "`scope2 = consumption × generation`", "`scope2 = consumption × losses_ef`"),
        {"determinism.statements"},
        "the formula of scope2 is consumption × losses_ef",
    ),
    "unit of a formula": (
        UK,
        text("docs/api.md", "generation`, in `kgCO2e`", "generation`, in `tCO2`"),
        {"determinism.statements"},
        "tCO2",
    ),
    "GWP set": (
        UK,
        text("CHANGELOG.md", "AR5GWP100", "AR6GWP100"),
        {"determinism.statements"},
        "AR6GWP100 comes from no spec",
    ),
    "covered that is not": (
        FUELS,
        lambda files: files.update(
            {"README.md": b"\n".join(s for s in files["README.md"].split(b"\n") if b"`fuel_type` = `coal`" not in s)}
        ),
        {"determinism.statements"},
        "it leaves out: - `fuel_type` = `coal`",
    ),
    "summary of pack.yaml": (
        UK,
        text("pack.yaml", 'summary: "UK grid', 'summary: "French grid'),
        {"deployment_readiness.one story"},
        "summary is French grid",
    ),
    "GWP set of pack.yaml": (
        UK,
        text("pack.yaml", "gwp_set: AR5GWP100", "gwp_set: AR6GWP100"),
        {"deployment_readiness.one story"},
        "gwp_set",
    ),
    "description of the distribution": (
        UK,
        text("pyproject.toml", 'description = "UK grid', 'description = "French grid'),
        {"deployment_readiness.one story"},
        "it describes the agent as 'French grid",
    ),
    "image of another": (
        UK,
        text("deploy/k8s/deployment.yaml", "gl-electricity-location-based-uk-v1:1.0.0", "gl-other:1.0.0"),
        {"deployment_readiness.one story"},
        "it runs the image gl-other:1.0.0",
    ),
    "image file of another": (
        UK,
        lambda files: files.update(
            {"Dockerfile": files["Dockerfile"].replace(b"gl_electricity_location_based_uk_v1-", b"gl_other-")}
        ),
        {"deployment_readiness.one story"},
        "it installs the wheel gl_other",
    ),
    "name of another": (
        UK,
        text("pack.yaml", "Electricity, Location-Based (UK)", "Gas, Location-Based (UK)"),
        {"deployment_readiness.one story"},
        "name is Gas, Location-Based (UK)",
    ),
}


@pytest.mark.parametrize("name", PROSE)
def test_a_statement_that_is_not_so_is_told(name: str, tmp_path: Path) -> None:
    check(PROSE[name], tmp_path / "pack")


def test_an_index_in_a_formula_is_no_unit(tmp_path: Path) -> None:
    """``vehicle`` happens to be a unit, and is an input here."""
    plant = text(
        "README.md", "## Tests", "## Who asks\n\nThe fleet: `ch4 = distance × road_ch4[vehicle]` [1].\n\n## Tests"
    )
    judgement = judged(example(FLEET), tmp_path / "pack", plant)
    assert judgement.passed, unmet(judgement)


def test_a_row_far_down_a_table_is_held_to_its_head(tmp_path: Path) -> None:
    table = "| input | unit |\n|---|---|\n" + "| x | - |\n" * 5_000 + "| `volume` | MWh |\n"
    plant = text("README.md", "## Tests", f"## More\n\n{table}\n## Tests")
    judgement = judged(example(FLEET), tmp_path / "pack", plant)
    assert "the unit MWh is none of gallon" in measures(judgement)["determinism.statements"].text
