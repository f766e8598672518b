"""The chart: Helm renders it, Kubernetes' schemas take it, and what it names is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from dagster_k8s import construct_dagster_k8s_job
from dagster_k8s.job import DagsterK8sJobConfig, UserDefinedDagsterK8sConfig

from greenlang.settings import ADDRESSES, SECRETS, Settings
from greenlang.telemetry import declared
from greenlang.telemetry.exposition import Metric
from tests.deploy.charts import CHART, RELEASE, ROOT, SETS, manifests, one, pods, rendered

SETTINGS = {f"GREENLANG_{name}".upper() for name in Settings.model_fields}
SECRET = {f"GREENLANG_{name}".upper() for name in (*SECRETS, *ADDRESSES)} | {"DAGSTER_PG_URL"}
OTHERS = {"OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "OTEL_EXPORTER_OTLP_HEADERS"}
RELEASES = ("1.29.0", "1.37.0")  # the oldest that Chart.yaml allows, and the newest known


def test_helm_lint_finds_nothing() -> None:
    for name in SETS:
        found = helm_python.lint(CHART, SETS[name], strict=True)
        assert found["errors"] == []
        assert [m for m in found["messages"] if m["severity"] > 1] == []


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("release", RELEASES)
def test_kubernetes_takes_every_manifest(name: str, release: str) -> None:
    for manifest in manifests(name):
        kubernetes_validate.validate(manifest, release, strict=True)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"worker": {"replicas": {"min": 2, "max": 50}}}, "min"),
        ({"worker": {"replicas": {"min": 3, "max": 51}}}, "max"),
        ({"api": {"replica": 3}}, "replica"),
        ({"machines": {"kind": "slurm"}}, "kind"),
        ({"image": {"tag": "latest"}}, "tag"),
        *(({"settings": {name: "x"}}, name) for name in sorted(SECRET)),
        *(({"environment": {name: "x"}}, name) for name in sorted(SECRET | OTHERS)),
        ({"settings": {"GREENLANG_API_JWKS": "https://eve:hunter2@h/keys"}}, "GREENLANG_API_JWKS"),
        ({"environment": {"HTTPS_PROXY": "http://eve:hunter2@proxy:3128"}}, "HTTPS_PROXY"),
        ({"secrets": {"alerts": {"smtp": "mail"}}}, "name"),
        ({"secrets": {"mirror": {"name": "No Name"}}}, "name"),
        ({"secrets": {"models": {"variables": {"OPENAI_API_KEY": "key"}}}}, "name"),
    ],
)
def test_values_that_cannot_be_are_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(helm_python.HelmError, match=named):
        rendered(given)


def test_an_ingress_without_tls_is_refused() -> None:
    with pytest.raises(helm_python.HelmError, match="without TLS"):
        rendered({"ingress": {"enabled": True, "host": "factory.example.org"}})


@pytest.mark.parametrize("name", SETS)
def test_variables_are_settings_and_secrets_are_named_and_not_held(name: str) -> None:
    seen = set()
    for pod in pods(manifests(name)).values():
        for variable in [v for container in pod["containers"] for v in container["env"]]:
            seen.add(variable["name"])
            if variable["name"].startswith("GREENLANG_"):
                assert variable["name"] in SETTINGS, variable
            if variable["name"] in SECRET or variable["name"].endswith("_API_KEY"):
                assert variable.keys() == {"name", "valueFrom"}
                assert variable["valueFrom"].keys() == {"secretKeyRef"}
    always = {"GREENLANG_REGISTRY_URL", "GREENLANG_REGISTRY_ADMIN_URL", "DAGSTER_PG_URL"}
    assert (SECRET if name == "everything" else always) <= seen
    assert not [m for m in manifests(name) if m["kind"] == "Secret"]


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, set()),
        ({"machines": {"kind": "k8s"}}, {6443}),
        ({"secrets": {"alerts": {"name": "alerts", "smtp": "mail"}}}, {25, 465, 587}),
        ({"secrets": {"alerts": {"name": "alerts", "webhook": "address"}}}, set()),
        ({"environment": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}}, {4317, 4318}),
        ({"environment": {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4317"}}, {4317, 4318}),
        ({"settings": {"GREENLANG_TRACES": "on"}}, {4317, 4318}),
        ({"networkPolicy": {"egressPorts": [443, 8000]}, "machines": {"kind": "k8s"}}, {8000, 6443}),
    ],
)
def test_the_network_lets_through_what_is_switched_on_and_no_more(given: dict[str, Any], more: set[int]) -> None:
    spec = one(rendered(given), "NetworkPolicy", RELEASE)["spec"]
    (anywhere,) = [rule for rule in spec["egress"] if "to" not in rule]
    ports = [port["port"] for port in anywhere["ports"]]
    usual = {443} if "networkPolicy" in given else {443, 5432, 6379}
    assert set(ports) == usual | more
    assert len(set(ports)) == len(ports)


def test_no_node_is_taken_from_under_a_run() -> None:
    stays = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    daemon = one(manifests("default"), "Deployment", f"{RELEASE}-daemon")["spec"]["template"]
    assert stays.items() <= daemon["metadata"]["annotations"].items()
    config = one(manifests("k8s"), "ConfigMap", f"{RELEASE}-dagster")["data"]
    run = yaml.safe_load(config["dagster.yaml"])["run_launcher"]["config"]["run_k8s_config"]
    assert run["pod_template_spec_metadata"]["annotations"] == stays
    autoscaler = yaml.safe_load((CHART.parent / "cluster-autoscaler.yaml").read_text())["extraArgs"]
    worker = yaml.safe_load((CHART / "values.yaml").read_text())["worker"]
    assert autoscaler["max-graceful-termination-sec"] >= worker["stopSeconds"]
    assert autoscaler["skip-nodes-with-local-storage"] is False  # each of our pods has such


@pytest.mark.parametrize("name", SETS)
def test_no_container_has_more_rights_than_it_needs(name: str) -> None:
    for pod in pods(manifests(name)).values():
        security = pod["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}  # lets Landlock and seccomp through
        for container in [*pod["containers"], *pod["initContainers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"].keys() == {"requests", "limits"}
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted <= {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("name", SETS)
def test_selectors_services_and_claims_name_what_is_there(name: str) -> None:
    found = manifests(name)
    names = {(m["kind"], m["metadata"]["name"]) for m in found}
    templates = [m["spec"]["template"] for m in found if m["kind"] == "Deployment"]
    labels = [template["metadata"]["labels"] for template in templates]
    for manifest in found:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "Service":
            chosen = [t for t in templates if spec["selector"].items() <= t["metadata"]["labels"].items()]
            (port,) = [p["name"] for t in chosen for c in t["spec"]["containers"] for p in c.get("ports", [])]
            assert spec["ports"][0]["targetPort"] == port
        elif manifest["kind"] == "PodDisruptionBudget":
            assert sum(spec["selector"]["matchLabels"].items() <= label.items() for label in labels) == 1
        elif manifest["kind"] == "HorizontalPodAutoscaler":
            assert ("Deployment", spec["scaleTargetRef"]["name"]) in names
            assert "replicas" not in one(found, "Deployment", spec["scaleTargetRef"]["name"])["spec"]
        elif manifest["kind"] == "Ingress":
            backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
            assert ("Service", backend) in names
    for pod in pods(found).values():
        for volume in pod["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                own = ("PersistentVolumeClaim", claim["claimName"])
                assert own in names or claim["claimName"] == SETS[name]["var"]["existingClaim"]
            if config := volume.get("configMap"):
                assert ("ConfigMap", config["name"]) in names


def test_workers_grow_from_three_to_fifty_with_the_queue() -> None:
    scaler = one(manifests("default"), "HorizontalPodAutoscaler", f"{RELEASE}-worker")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 50)
    external, cpu = scaler["metrics"]
    assert external["external"] == {
        "metric": {"name": "greenlang_factory_queue_size"},
        "target": {"type": "AverageValue", "averageValue": "10"},
    }
    assert cpu["resource"]["name"] == "cpu"
    adapter = yaml.safe_load((CHART.parent / "prometheus-adapter.yaml").read_text())["rules"]["external"]
    assert [rule["name"]["as"] for rule in adapter] == [external["external"]["metric"]["name"]]
    assert adapter[0]["seriesQuery"].startswith("greenlang_factory_queue_size{")


def test_prometheus_asks_one_address_of_the_factory_and_each_pod_for_its_own(tmp_path: Path) -> None:
    file = CHART.parent / "prometheus.yaml"
    factory, own = yaml.safe_load(file.read_text())["scrape_configs"]
    found = manifests("default")
    service = one(found, "Service", f"{RELEASE}-api")
    pod = one(found, "Deployment", f"{RELEASE}-api")["spec"]["template"]
    ports = {"service": service["spec"]["ports"], "pod": pod["spec"]["containers"][0]["ports"]}
    for job, role, labels in (
        (factory, "service", service["metadata"]["labels"]),
        (own, "pod", pod["metadata"]["labels"]),
    ):
        assert job["kubernetes_sd_configs"] == [{"role": role}]
        told = [labels[name] for name in ("app.kubernetes.io/name", "app.kubernetes.io/component")]
        kept = [rule for rule in job["relabel_configs"] if rule.get("action") == "keep"]
        assert [rule["regex"] for rule in kept] == [";".join(told), ports[role][0]["name"]]
        assert all(name.startswith(f"__meta_kubernetes_{role}_") for rule in kept for name in rule["source_labels"])
        assert "namespace" in {rule.get("target_label") for rule in job["relabel_configs"]}
    (split,), (rest,) = factory["metric_relabel_configs"], own["metric_relabel_configs"]
    assert (split["action"], rest["action"]) == ("drop", "keep")
    assert split["regex"] == rest["regex"]
    every = [metric for metric in vars(declared).values() if isinstance(metric, Metric)]
    per_process = {metric.name for metric in every if "process" in metric.labels}
    assert per_process
    assert {metric.name for metric in every if re.fullmatch(split["regex"], metric.name)} == per_process
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    (tmp_path / "token").touch()
    text = file.read_text().replace("/etc/prometheus/secrets/greenlang-metrics/token", str(tmp_path / "token"))
    text = re.sub(r"kubernetes_sd_configs: .*", "static_configs: [{targets: ['a:1']}]", text)  # not in Debian's build
    whole = tmp_path / "prometheus.yml"
    whole.write_text(text)
    done = subprocess.run([promtool, "check", "config", str(whole)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_queue_is_a_series_that_the_factory_has() -> None:
    from greenlang.telemetry.declared import QUEUE

    assert QUEUE.name == yaml.safe_load((CHART / "values.yaml").read_text())["worker"]["queue"]["metric"]
    assert "priority" in QUEUE.labels


def test_the_api_is_asked_where_it_answers() -> None:
    container = pods(manifests("default"))[f"{RELEASE}-api"]["containers"][0]
    paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"/health", "/ready"}
    served = re.findall(r"^\| `GET (\S+)` \|", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)  # a made page
    assert paths <= set(served)


def test_workers_stop_when_their_shard_has_ended_and_tasks_go_where_somebody_takes_them() -> None:
    from greenlang_pipelines.machines import HOME_QUEUE

    found = pods(manifests("default"))
    assert found[f"{RELEASE}-worker"]["terminationGracePeriodSeconds"] >= 600
    daemon = {c["name"]: c for c in found[f"{RELEASE}-daemon"]["containers"]}
    assert daemon["home"]["args"][:3] == ["worker", "-Q", HOME_QUEUE]
    assert found[f"{RELEASE}-worker"]["containers"][0]["args"][:3] == ["worker", "-Q", "dagster"]
    shared = {v["name"]: v for v in found[f"{RELEASE}-daemon"]["volumes"]}["var"]
    assert "persistentVolumeClaim" in shared  # home's; a worker's folder goes with it
    assert "emptyDir" in {v["name"]: v for v in found[f"{RELEASE}-worker"]["volumes"]}["var"]


@pytest.mark.parametrize("name", SETS)
def test_the_instance_is_that_of_the_checkout(name: str) -> None:
    ours = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text())
    told = yaml.safe_load(one(manifests(name), "ConfigMap", f"{RELEASE}-dagster")["data"]["dagster.yaml"])
    assert {key: told[key] for key in ours} == ours
    assert (told.keys() - ours.keys()) == ({"run_launcher"} if name == "k8s" else set())


@pytest.mark.parametrize("step", ["run_line", "build_shard"])
def test_dagster_makes_jobs_that_kubernetes_takes(step: str) -> None:
    """The launcher's configuration is Dagster's to read: it makes the Job, which is validated like the others."""
    config = one(manifests("k8s"), "ConfigMap", f"{RELEASE}-dagster")["data"]
    launcher = yaml.safe_load(config["dagster.yaml"])["run_launcher"]["config"]
    more = yaml.safe_load(config["executor.yaml"])["per_step_k8s_config"].get(step, {})
    run = launcher["run_k8s_config"]
    merged = {key: _merged(run.get(key, {}), more.get(key, {})) for key in run.keys() | more.keys()}
    job = construct_dagster_k8s_job(
        DagsterK8sJobConfig(
            job_image=launcher["job_image"],
            dagster_home=launcher["dagster_home"],
            instance_config_map=launcher["instance_config_map"],
            service_account_name=launcher["service_account_name"],
        ),
        ["dagster", "api", "execute_step"],
        "a-step",
        UserDefinedDagsterK8sConfig.from_dict(merged),
    )
    manifest = _given(json.loads(json.dumps(job.to_dict(), default=str)))
    kubernetes_validate.validate(manifest, RELEASES[-1], strict=True)
    pod = manifest["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert {m["name"] for m in container["volumeMounts"]} <= {v["name"] for v in pod["volumes"]}
    assert pod["securityContext"]["runAsUser"] == 10001
    variables = {variable["name"] for variable in container["env"]}
    assert {"GREENLANG_REGISTRY_URL", "DAGSTER_PG_URL", "GREENLANG_STORE"} <= variables
    assert ("GREENLANG_SCRATCH" in variables) == (step == "build_shard")


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """As Dagster merges what a run says with what a step says: lists are joined, what is nested is merged."""
    out = dict(one)
    for key, value in other.items():
        if isinstance(value, list):
            out[key] = [*out.get(key, []), *value]
        else:
            out[key] = _merged(out.get(key, {}), value) if isinstance(value, dict) else value
    return out


def _given(model: Any) -> Any:
    """A model of the Kubernetes client as a manifest: camel case, without what is not said."""
    if isinstance(model, list):
        return [_given(item) for item in model]
    if not isinstance(model, dict):
        return model
    said = {key: value for key, value in model.items() if value is not None}
    return {re.sub(r"_([a-z])", lambda m: m[1].upper(), key): _given(value) for key, value in said.items()}
