"""Our declaration of Kubernetes objects: it accepts nothing that the published schemas refuse."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from importlib.resources import files as resource
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from greenlang.quality import manifests
from tests.quality.good import files

RELEASES = ("1.28", "1.34")
KINDS = ("deployment", "service", "hpa", "pdb", "networkpolicy")


@cache
def manifest(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files()[f"deploy/k8s/{kind}.yaml"])
    return found


def published(document: Any) -> bool:
    """Whether the published schemas of both releases accept a document."""
    try:
        for release in RELEASES:
            kubernetes_validate.validate(document, release, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.InvalidSchemaError):
        return False
    return True


def ours(document: Any) -> bool:
    try:
        manifests.read(document)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_factory_writes_is_accepted_by_both(kind: str) -> None:
    assert ours(manifest(kind))
    assert published(manifest(kind))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


WRONG = st.sampled_from([None, 7, -1, 1.5, True, "", "x y", "Ünïcode", [], {}, ["x"], {"x": 1}, "REMOVE", "RENAME"])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_a_manifest_changed_anywhere_is_accepted_only_if_the_published_schemas_accept_it(
    kind: str, data: st.DataObject
) -> None:
    document = copy.deepcopy(manifest(kind))
    *path, last = data.draw(st.sampled_from([p for p in places(document) if p]))
    holder = document
    for key in path:
        holder = holder[key]
    value = data.draw(WRONG)
    if value == "REMOVE":
        del holder[last]
    elif value == "RENAME" and isinstance(holder, dict):
        holder[f"{last}s"] = holder.pop(last)
    else:
        holder[last] = value
    if ours(document):
        assert published(document), (path, last, value)


def models(of: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """A model and all that its fields hold."""
    if of not in seen:
        seen.add(of)
        for field in of.model_fields.values():
            for found in _inside(field.annotation):
                models(found, seen)
    return seen


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _inside(inner)


# the model that declares it -> the name of the published definition
DEFINITIONS = {
    manifests.Deployment: "io.k8s.api.apps.v1.Deployment",
    manifests.DeploymentSpec: "io.k8s.api.apps.v1.DeploymentSpec",
    manifests.Strategy: "io.k8s.api.apps.v1.DeploymentStrategy",
    manifests.RollingUpdate: "io.k8s.api.apps.v1.RollingUpdateDeployment",
    manifests.PodTemplate: "io.k8s.api.core.v1.PodTemplateSpec",
    manifests.PodSpec: "io.k8s.api.core.v1.PodSpec",
    manifests.PodSecurity: "io.k8s.api.core.v1.PodSecurityContext",
    manifests.Container: "io.k8s.api.core.v1.Container",
    manifests.ContainerSecurity: "io.k8s.api.core.v1.SecurityContext",
    manifests.ContainerPort: "io.k8s.api.core.v1.ContainerPort",
    manifests.Capabilities: "io.k8s.api.core.v1.Capabilities",
    manifests.Seccomp: "io.k8s.api.core.v1.SeccompProfile",
    manifests.Variable: "io.k8s.api.core.v1.EnvVar",
    manifests.Resources: "io.k8s.api.core.v1.ResourceRequirements",
    manifests.Probe: "io.k8s.api.core.v1.Probe",
    manifests.HttpGet: "io.k8s.api.core.v1.HTTPGetAction",
    manifests.Service: "io.k8s.api.core.v1.Service",
    manifests.ServiceSpec: "io.k8s.api.core.v1.ServiceSpec",
    manifests.ServicePort: "io.k8s.api.core.v1.ServicePort",
    manifests.Autoscaler: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    manifests.AutoscalerSpec: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec",
    manifests.ScaleTarget: "io.k8s.api.autoscaling.v2.CrossVersionObjectReference",
    manifests.Metric: "io.k8s.api.autoscaling.v2.MetricSpec",
    manifests.ResourceMetric: "io.k8s.api.autoscaling.v2.ResourceMetricSource",
    manifests.MetricTarget: "io.k8s.api.autoscaling.v2.MetricTarget",
    manifests.DisruptionBudget: "io.k8s.api.policy.v1.PodDisruptionBudget",
    manifests.DisruptionSpec: "io.k8s.api.policy.v1.PodDisruptionBudgetSpec",
    manifests.NetworkPolicy: "io.k8s.api.networking.v1.NetworkPolicy",
    manifests.NetworkPolicySpec: "io.k8s.api.networking.v1.NetworkPolicySpec",
    manifests.Ingress: "io.k8s.api.networking.v1.NetworkPolicyIngressRule",
    manifests.Egress: "io.k8s.api.networking.v1.NetworkPolicyEgressRule",
    manifests.Peer: "io.k8s.api.networking.v1.NetworkPolicyPeer",
    manifests.PolicyPort: "io.k8s.api.networking.v1.NetworkPolicyPort",
    manifests.Selector: "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
    manifests.Metadata: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    manifests.PodMetadata: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
}


def definitions(release: str) -> dict[str, Any]:
    folder = resource("kubernetes_validate") / "kubernetes-json-schema"
    name = next(entry.name for entry in folder.iterdir() if entry.name.startswith(f"v{release}."))
    found: dict[str, Any] = json.loads((folder / name / "_definitions.json").read_text())["$defs"]
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_every_declared_field_is_a_published_one_and_what_is_needed_is_needed(release: str) -> None:
    known = definitions(release)
    declared: set[type[BaseModel]] = set()
    for kind in manifests.Manifest.__args__:
        models(kind, declared)
    assert declared == set(DEFINITIONS)
    for model, name in DEFINITIONS.items():
        own = {field.alias or key: field.is_required() for key, field in model.model_fields.items()}
        assert own.keys() <= known[name]["properties"].keys(), name
        needed = set(known[name].get("required", ()))
        # a service of Kubernetes needs no port; the published schema of a port names what a container needs
        assert needed <= {key for key, required in own.items() if required}, name


def test_a_fault_is_told_by_its_field() -> None:
    document = copy.deepcopy(manifest("deployment"))
    container = document["spec"]["template"]["spec"]["containers"][0]
    container["resources"]["limits"]["memory"] = "much"
    container["imagePull"] = 1
    with pytest.raises(ValidationError) as caught:
        manifests.read(document)
    found = list(manifests.faults(caught.value))
    assert any(f.startswith("spec.template.spec.containers.0.resources.limits.memory: ") for f in found)
    assert "spec.template.spec.containers.0.imagePull: is not a field that we know" in found


@pytest.mark.parametrize("document", [None, "x", [], {"kind": "Pod"}, {"kind": "Secret", "data": {}}])
def test_what_is_no_object_that_we_know_is_refused(document: Any) -> None:
    assert not ours(document)


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("hpa", {"minReplicas": 11}, "minReplicas is above maxReplicas"),
        ("pdb", {"maxUnavailable": 1}, "one of minAvailable and maxUnavailable is needed"),
    ],
)
def test_what_no_schema_says_is_refused_too(kind: str, change: dict[str, int], said: str) -> None:
    document = copy.deepcopy(manifest(kind))
    document["spec"] |= change
    with pytest.raises(ValidationError, match=said):
        manifests.read(document)


QUANTITIES = {
    "2": "2",
    2: "2",
    0.5: "0.5",
    "500m": "0.5",
    ".5": "0.5",
    "5.": "5",
    "+1": "1",
    "1e3": "1000",
    "1E3": "1000",
    "1E": "1000000000000000000",
    "100k": "100000",
    "128Ki": "131072",
    "1.5Gi": "1610612736",
    "250u": "0.00025",
}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_quantities_are_those_of_kubernetes(quantity: str | float) -> None:
    document = copy.deepcopy(manifest("deployment"))
    document["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": quantity}}
    assert ours(document)
    assert published(document)
    assert manifests.amount(str(quantity)) == Decimal(QUANTITIES[quantity])


@pytest.mark.parametrize("quantity", ["128ki", "1mi", "1 Gi", "1GiB", "-1", -1, "", "m", "1e", "1e3Ki", True])
def test_what_is_no_quantity_is_refused(quantity: object) -> None:
    document = copy.deepcopy(manifest("deployment"))
    document["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": quantity}}
    assert not ours(document)


def test_what_a_server_refuses_though_its_schema_does_not() -> None:
    """Rules of the API server (validation.go), which no schema holds."""
    container = copy.deepcopy(manifest("deployment"))["spec"]["template"]["spec"]["containers"][0]
    more = container | {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1000Mi"}}}
    with pytest.raises(ValidationError, match="asks for 1Gi of memory, and may have 1000Mi"):
        manifests.Container.model_validate(more)
    twice = container | {"livenessProbe": container["livenessProbe"] | {"successThreshold": 2}}
    with pytest.raises(ValidationError, match="livenessProbe: successThreshold must be 1"):
        manifests.Container.model_validate(twice)
    manifests.Container.model_validate(
        container | {"readinessProbe": container["readinessProbe"] | {"successThreshold": 2}}
    )
    service = copy.deepcopy(manifest("service"))
    service["spec"]["ports"] = [{"port": 80, "name": "http"}, {"port": 81}]
    with pytest.raises(ValidationError, match="each needs a name of its own"):
        manifests.read(service)
