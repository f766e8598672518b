"""`line_machines` as Kubernetes Jobs: the manifests that Dagster makes of deploy/k8s are valid, and their steps run.

There is no cluster here: whoever would create a Job validates it instead, and runs the arguments of its container.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner
from dagster import AssetKey, DagsterInstance, JobDefinition, execute_job, reconstructable

from greenlang import _paths
from greenlang.bucket import Bucket
from greenlang.settings import Settings
from tests import libraries
from tests.machines.services import ROOT

pytest.importorskip("dagster_k8s", reason="the extra k8s is not installed")

DEPLOYED = ROOT / "deploy" / "k8s"
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
    "users": [{"name": "none", "user": {}}],
}


def machines() -> JobDefinition:
    """The job, as the environment says."""
    from greenlang_pipelines.definitions import build_defs

    return build_defs().resolve_job_def("line_machines")


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The Jobs that were created, as manifests; one of a step is carried out at once, in this process."""
    from dagster._cli.api import api_cli  # what the container of a step calls
    from dagster_k8s.client import DagsterKubernetesClient
    from kubernetes.client import ApiClient

    made: list[dict[str, Any]] = []

    def create(_: object, body: Any, namespace: str) -> None:
        manifest = ApiClient().sanitize_for_serialization(body)
        made.append(manifest | {"namespace": namespace})
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        if container["args"][:3] == ["dagster", "api", "execute_step"]:
            with monkeypatch.context() as patch:
                for variable in container["env"]:
                    if variable["name"].startswith("DAGSTER_") and variable["name"] != "DAGSTER_HOME":
                        patch.setenv(variable["name"], variable["value"])
                done = CliRunner().invoke(api_cli, container["args"][2:], catch_exceptions=False)
            assert done.exit_code == 0, done.output

    monkeypatch.setattr(DagsterKubernetesClient, "create_namespaced_job_with_retries", create)
    return made


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """An instance with the launcher of deploy/k8s, which finds a cluster that is none."""
    config = yaml.safe_load((DEPLOYED / "dagster.yaml").read_text())
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(KUBECONFIG))
    config["run_launcher"]["config"] |= {
        "load_incluster_config": False,
        "kubeconfig_file": str(tmp_path / "kubeconfig"),
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as made:
        yield made


def valid(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod's specification of a manifest that fits the schema, in which every mount has its volume."""
    assert manifest["namespace"] == "greenlang"
    kubernetes_validate.validate({k: v for k, v in manifest.items() if k != "namespace"}, "1.31", strict=True)
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in (*pod["containers"], *pod["initContainers"]):
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    assert pod["serviceAccountName"] == "greenlang"
    return pod


def variables(pod: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable.get("value", "") for variable in pod["containers"][0]["env"]}


@pytest.mark.slow
def test_every_step_is_a_valid_job_and_the_batch_ends_well(
    jobs: list[dict[str, Any]], instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster._core.launcher import LaunchRunContext

    settings = Settings(var=tmp_path / "var")
    libraries.tell(settings.var)
    bucket = Bucket.open(settings.bucket_address)
    bucket.write("inbox/boiler.yaml", (_paths.data() / "templates/specs/examples/boiler.pack.yaml").read_bytes())
    for name, value in {
        "VAR": str(settings.var),
        "WORKERS": "1",
        "MUTANTS": "2",
        "SETTLE_SECONDS": "0",
        "EXECUTOR": "k8s",
        "EXECUTOR_CONFIG": str(DEPLOYED / "executor.yaml"),
    }.items():
        monkeypatch.setenv(f"GREENLANG_{name}", value)

    job = reconstructable(machines)
    with execute_job(job, instance=instance) as result:
        assert result.success
    steps = {manifest["metadata"]["labels"]["dagster/op"]: valid(manifest) for manifest in jobs}
    assert {name.split("-s000001")[0] for name in steps} == {"run_line", "build_shard", "close_batch"}
    (shard,) = (pod for name, pod in steps.items() if name.startswith("build_shard"))
    assert variables(shard)["GREENLANG_SCRATCH"] == "/scratch"
    assert {"name": "scratch", "emptyDir": {"sizeLimit": "20Gi"}} in shard["volumes"]
    assert shard["containers"][0]["resources"]["limits"] == {"cpu": "2", "memory": "6Gi"}
    assert "GREENLANG_SCRATCH" not in variables(steps["run_line"])
    assert {mount["mountPath"] for mount in steps["close_batch"]["containers"][0]["volumeMounts"]} >= {
        "/var/lib/greenlang",
        "/var/lib/greenlang-keys",
        "/opt/dagster/executor.yaml",
    }
    assert len(instance.get_materialized_partitions(AssetKey("registry_entry"))) == 1

    # The run itself is a Job too.
    jobs.clear()
    run = instance.create_run_for_job(machines(), job_code_origin=job.get_python_origin())
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    pod = valid(jobs[0])
    assert pod["containers"][0]["args"][:3] == ["dagster", "api", "execute_run"]
    assert pod["containers"][0]["image"] == "greenlang:0.1.0"
