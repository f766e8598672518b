"""The Kubernetes objects that a pack may carry, declared field by field; a field that is not declared is a fault.

The declaration is a part of Kubernetes's own schemas (apps/v1, v1, autoscaling/v2, policy/v1, networking.k8s.io/v1):
what it accepts they accept, which the tests hold against the published schemas of two releases. It costs a twentieth of
validating against those, which are 108 MB, at every pack.

Belongs here: form. Does not belong here: whether objects fit each other (`greenlang.quality.measures`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
LabelKey = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
]
LabelValue = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", max_length=63)]
Labels = dict[LabelKey, LabelValue]


def _written(value: object) -> object:
    """A number of YAML as its text: a server takes both."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


# 2, 0.5, 500m, 128Mi, 1e9 (apimachinery, resource.Quantity); "ki" is none
_QUANTITY = r"^\+?([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$"
Quantity = Annotated[str, BeforeValidator(_written), StringConstraints(pattern=_QUANTITY)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
PortName = Annotated[
    str, StringConstraints(pattern=r"^([a-z0-9-]*[a-z0-9])?[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=15)
]
Share = Annotated[int, Field(ge=0)] | Annotated[str, StringConstraints(pattern=r"^[0-9]+%$")]
Positive = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _stated(cls, data: Any) -> Any:
        """A field without a value is a slip of the pen, and not every server takes it for one that is not there."""
        if isinstance(data, dict) and None in data.values():
            raise ValueError(f"{next(key for key, value in data.items() if value is None)} has no value")
        return data


class Metadata(_Part):
    """Name, labels and annotations of an object."""

    name: Name
    namespace: Name | None = None
    labels: Labels = {}
    annotations: dict[LabelKey, str] = {}


class Selector(_Part):
    """Which pods are meant."""

    match_labels: Labels = {}


class HttpGet(_Part):
    """The request of a probe."""

    path: Annotated[str, StringConstraints(pattern=r"^/")]
    port: PortNumber | PortName
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"


class Probe(_Part):
    """A probe over HTTP."""

    http_get: HttpGet
    initial_delay_seconds: Annotated[int, Field(ge=0)] = 0
    period_seconds: Positive = 10
    timeout_seconds: Positive = 1
    success_threshold: Positive = 1
    failure_threshold: Positive = 3


class Resources(_Part):
    """What a container asks for, and what it may have at most."""

    requests: dict[Literal["cpu", "memory", "ephemeral-storage"], Quantity] = {}
    limits: dict[Literal["cpu", "memory", "ephemeral-storage"], Quantity] = {}

    @model_validator(mode="after")
    def _within(self) -> Resources:
        """A server refuses a pod that asks for more than it may have."""
        for name, asked in self.requests.items():
            if name in self.limits and amount(asked) > amount(self.limits[name]):
                raise ValueError(f"asks for {asked} of {name}, and may have {self.limits[name]}")
        return self


class Seccomp(_Part):
    """The seccomp profile."""

    type: Literal["RuntimeDefault", "Unconfined"]


class Capabilities(_Part):
    """Capabilities of Linux."""

    add: list[str] = []
    drop: list[str] = []


class ContainerSecurity(_Part):
    """Rights of a container."""

    allow_privilege_escalation: bool | None = None
    read_only_root_filesystem: bool | None = None
    privileged: bool | None = None
    run_as_non_root: bool | None = None
    run_as_user: Annotated[int, Field(ge=0)] | None = None
    run_as_group: Annotated[int, Field(ge=0)] | None = None
    capabilities: Capabilities | None = None
    seccomp_profile: Seccomp | None = None


class PodSecurity(_Part):
    """Rights of a pod."""

    run_as_non_root: bool | None = None
    run_as_user: Annotated[int, Field(ge=0)] | None = None
    run_as_group: Annotated[int, Field(ge=0)] | None = None
    fs_group: Annotated[int, Field(ge=0)] | None = None
    seccomp_profile: Seccomp | None = None


class ContainerPort(_Part):
    """A port that a container listens on."""

    name: PortName | None = None
    container_port: PortNumber
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class Variable(_Part):
    """A variable of the environment, by value."""

    name: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")]
    value: str = ""


class Container(_Part):
    """A container of a pod."""

    name: Name
    image: Annotated[str, StringConstraints(min_length=1)]
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    command: list[str] = []
    args: list[str] = []
    env: list[Variable] = []
    ports: list[ContainerPort] = []
    resources: Resources = Resources()
    security_context: ContainerSecurity | None = None
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None

    @model_validator(mode="after")
    def _once(self) -> Container:
        """A server takes no other value: a container that starts or lives once does."""
        for name, probe in (("startupProbe", self.startup_probe), ("livenessProbe", self.liveness_probe)):
            if probe is not None and probe.success_threshold != 1:
                raise ValueError(f"{name}: successThreshold must be 1")
        return self


class PodSpec(_Part):
    """What runs in a pod."""

    containers: Annotated[list[Container], Field(min_length=1)]
    automount_service_account_token: bool | None = None
    security_context: PodSecurity | None = None
    termination_grace_period_seconds: Annotated[int, Field(ge=0)] | None = None
    service_account_name: Name | None = None


class PodMetadata(_Part):
    """Labels and annotations of a pod."""

    labels: Labels = {}
    annotations: dict[LabelKey, str] = {}


class PodTemplate(_Part):
    """What a deployment makes its pods of."""

    metadata: PodMetadata
    spec: PodSpec


class RollingUpdate(_Part):
    """How many pods may be missing or too many during an update."""

    max_unavailable: Share | None = None
    max_surge: Share | None = None


class Strategy(_Part):
    """How a deployment is updated."""

    type: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(_Part):
    """What a deployment runs."""

    replicas: Annotated[int, Field(ge=0)] | None = None
    revision_history_limit: Annotated[int, Field(ge=0)] | None = None
    selector: Selector
    strategy: Strategy | None = None
    template: PodTemplate


class Deployment(_Part):
    """apps/v1 Deployment."""

    api_version: Literal["apps/v1"]
    kind: Literal["Deployment"]
    metadata: Metadata
    spec: DeploymentSpec


class ServicePort(_Part):
    """A port of a service."""

    name: PortName | None = None
    port: PortNumber
    target_port: PortNumber | PortName | None = None
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class ServiceSpec(_Part):
    """How pods are reached."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    selector: Labels
    ports: Annotated[list[ServicePort], Field(min_length=1)]

    @model_validator(mode="after")
    def _told_apart(self) -> ServiceSpec:
        """Of several ports each needs a name of its own."""
        names = [port.name for port in self.ports]
        if len(names) > 1 and (None in names or len(set(names)) < len(names)):
            raise ValueError("several ports: each needs a name of its own")
        return self


class Service(_Part):
    """v1 Service."""

    api_version: Literal["v1"]
    kind: Literal["Service"]
    metadata: Metadata
    spec: ServiceSpec


class ScaleTarget(_Part):
    """What is scaled."""

    api_version: str
    kind: str
    name: Name


class MetricTarget(_Part):
    """The figure that is aimed at."""

    type: Literal["Utilization"]
    average_utilization: Positive


class ResourceMetric(_Part):
    """A resource that is watched."""

    name: Literal["cpu", "memory"]
    target: MetricTarget


class Metric(_Part):
    """By what it is scaled."""

    type: Literal["Resource"]
    resource: ResourceMetric


class AutoscalerSpec(_Part):
    """Between how many replicas, by what."""

    scale_target_ref: ScaleTarget
    min_replicas: Positive = 1
    max_replicas: Positive
    metrics: list[Metric] = []

    @model_validator(mode="after")
    def _ordered(self) -> AutoscalerSpec:
        if self.min_replicas > self.max_replicas:
            raise ValueError("minReplicas is above maxReplicas")
        return self


class Autoscaler(_Part):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    api_version: Literal["autoscaling/v2"]
    kind: Literal["HorizontalPodAutoscaler"]
    metadata: Metadata
    spec: AutoscalerSpec


class DisruptionSpec(_Part):
    """How many pods must stay."""

    min_available: Share | None = None
    max_unavailable: Share | None = None
    selector: Selector

    @model_validator(mode="after")
    def _one(self) -> DisruptionSpec:
        if (self.min_available is None) == (self.max_unavailable is None):
            raise ValueError("one of minAvailable and maxUnavailable is needed")
        return self


class DisruptionBudget(_Part):
    """policy/v1 PodDisruptionBudget."""

    api_version: Literal["policy/v1"]
    kind: Literal["PodDisruptionBudget"]
    metadata: Metadata
    spec: DisruptionSpec


class Peer(_Part):
    """Whom traffic may come from or go to."""

    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None


class PolicyPort(_Part):
    """A port of a rule."""

    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    port: PortNumber | PortName


class Ingress(_Part):
    """What may come in."""

    from_: list[Peer] = Field(default=[], alias="from")
    ports: list[PolicyPort] = []


class Egress(_Part):
    """What may go out."""

    to: list[Peer] = []
    ports: list[PolicyPort] = []


class NetworkPolicySpec(_Part):
    """Which traffic pods may have."""

    pod_selector: Selector
    policy_types: list[Literal["Ingress", "Egress"]] = []
    ingress: list[Ingress] = []
    egress: list[Egress] = []


class NetworkPolicy(_Part):
    """networking.k8s.io/v1 NetworkPolicy."""

    api_version: Literal["networking.k8s.io/v1"]
    kind: Literal["NetworkPolicy"]
    metadata: Metadata
    spec: NetworkPolicySpec


Manifest = Deployment | Service | Autoscaler | DisruptionBudget | NetworkPolicy
_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Annotated[Manifest, Field(discriminator="kind")])


_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_NUMBER = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)([A-Za-z]*)")


def amount(quantity: str) -> Decimal:
    """A quantity as a number: 500m is 0.5, 1Ki is 1024."""
    found = _NUMBER.fullmatch(quantity)
    assert found is not None, quantity
    number, suffix = Decimal(found[1]), found[2]
    if suffix.endswith("i"):
        return number * Decimal(1024) ** ("KMGTPE".index(suffix[0]) + 1)
    return number.scaleb(_SUFFIXES[suffix])


def read(document: Any) -> Manifest:
    """A document as the object that it declares. Raises ValidationError."""
    return _ADAPTER.validate_python(document)


def faults(error: ValidationError) -> Iterator[str]:
    """What is wrong with a document, one a field: ``spec.template.spec.containers.0.image: Field required``."""
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(map(str, fault["loc"][1:])) or "kind"
        said = "is not a field that we know" if fault["type"] == "extra_forbidden" else fault["msg"]
        yield f"{where}: {said}"


def selected(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    """Whether a selector meets these labels."""
    return bool(selector) and selector.items() <= labels.items()
