"""Deployment readiness: image file, manifests, what they say of each other, and the wheel."""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import Parser
from functools import cached_property
from itertools import pairwise

import yaml
from packaging.utils import canonicalize_name
from pydantic import ValidationError

from greenlang.factory.naming import distribution_name, image_tag, service_name
from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.factory.text import one_line
from greenlang.factory.wheels import agent_wheel
from greenlang.quality import dockerfile, manifests
from greenlang.quality.measures import resolved
from greenlang.quality.measures.integration import declared_names
from greenlang.quality.measures.results import either, inapplicable, none
from greenlang.quality.measures.subject import Subject
from greenlang.quality.source import nodes

IMAGE, FOLDER, API = "Dockerfile", "deploy/k8s/", "demos/api.py"
_WHEEL = re.compile(r"([\w.*-]+)\.whl\b")
_PROBES = ("startup_probe", "readiness_probe", "liveness_probe")


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    deployed = Deployed(subject)
    if deployed.image is None:
        gone = Detail(f"there is no {IMAGE}", IMAGE, rule="image")
        image = either("image file", [gone], "")
    else:
        broken = [Detail(what, IMAGE, line, rule) for line, rule, what in dockerfile.faults(deployed.image)]
        image = none("image file", broken, "faults")
    pods = list(deployed.pods)
    return [
        image,
        none("manifests", deployed.faults, "faults"),
        none("one story", [*_contradictions(deployed), *resolved.contradictions(subject)], "contradictions"),
        _of_pods("probes", pods, [d for pod in pods for d in _probes(deployed, *pod)]),
        _of_pods("confinement", pods, [d for pod in pods for d in _confinement(*pod)]),
        _wheel(subject),
    ]


def _of_pods(name: str, pods: list[tuple[str, manifests.Deployment]], found: list[Detail]) -> MeasureResult:
    return none(name, found, "faults") if pods else inapplicable(name, "no valid Deployment; see manifests")


@dataclass
class Deployed:
    """Dockerfile, manifests and API of a pack, parsed."""

    subject: Subject

    def __post_init__(self) -> None:
        self.faults: list[Detail] = []
        self.objects = list(self._objects())
        kinds = {type(one) for _, one in self.objects}
        if not self.faults:
            self.faults += [
                Detail(f"there is no {kind.__name__}", FOLDER, rule="manifest")
                for kind in (manifests.Deployment, manifests.Service)
                if kind not in kinds
            ]

    @cached_property
    def image(self) -> dockerfile.Dockerfile | None:
        """The image file, None if there is none."""
        text = self.subject.files.text(IMAGE)
        return dockerfile.parse(text) if text else None

    @property
    def pods(self) -> Iterator[tuple[str, manifests.Deployment]]:
        """Every deployment with its file."""
        return ((name, one) for name, one in self.objects if isinstance(one, manifests.Deployment))

    @cached_property
    def routes(self) -> set[str]:
        """The paths that the API answers to GET."""
        tree = self.subject.case.findings.trees.get(API)
        return set(_routes(tree)) if tree else set()

    def _objects(self) -> Iterator[tuple[str, manifests.Manifest]]:
        for name in self.subject.files.names:
            if not name.startswith(FOLDER) or not name.endswith((".yaml", ".yml")):
                continue
            try:
                for document in self.subject.files.yaml(name):
                    yield name, manifests.read(document)
            except yaml.YAMLError as error:
                mark = getattr(error, "problem_mark", None)
                self.faults.append(Detail(f"is no YAML: {error}", name, mark.line + 1 if mark else 0, "manifest"))
            except ValidationError as error:
                self.faults += [Detail(said, name, rule="manifest") for said in manifests.faults(error)]


def _routes(tree: ast.Module) -> Iterator[str]:
    functions = (node for node in nodes(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    for mark in (mark for function in functions for mark in function.decorator_list):
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "get":
            yield from (str(given.value) for given in mark.args[:1] if isinstance(given, ast.Constant))


def _contradictions(deployed: Deployed) -> Iterator[Detail]:
    pods = list(deployed.pods)
    for name, one in deployed.objects:
        for said in _against(one, [pod for _, pod in pods]):
            yield Detail(said, name, rule="contradiction")
    image = deployed.image
    for name, pod in pods:
        served = {port.container_port for c in pod.spec.template.spec.containers for port in c.ports}
        if image is not None and served != image.ports:
            said = f"containers listen on {sorted(served)}, the image exposes {sorted(image.ports)}"
            yield Detail(said, name, rule="contradiction")
        version = pod.metadata.labels.get("app.kubernetes.io/version")
        if version != deployed.subject.spec.version:
            yield Detail(f"it is labelled version {version}, the agent is another", name, rule="contradiction")
        user = pod.spec.template.spec.security_context.run_as_user if pod.spec.template.spec.security_context else None
        if image is not None and user is not None and str(user) != image.user:
            yield Detail(f"it runs as {user}, the image as {image.user or 'root'}", name, rule="contradiction")
    yield from _of_another(deployed, pods)
    if image is not None and image.command:
        port = _after(image.command, "--port")
        if port is not None and {int(port)} != image.ports:
            yield Detail(f"CMD serves port {port}, which is not exposed", IMAGE, rule="contradiction")


def _of_another(deployed: Deployed, pods: list[tuple[str, manifests.Deployment]]) -> Iterator[Detail]:
    """Images, wheels and words that are not this agent's."""
    spec, project = deployed.subject.spec, deployed.subject.files.project
    wanted = f"{distribution_name(spec)}:{image_tag(spec.version)}"
    for name, pod in pods:
        for container in pod.spec.template.spec.containers:
            if container.image.rpartition("/")[2] != wanted:
                yield Detail(
                    f"it runs the image {container.image}, the agent's is {wanted}", name, rule="contradiction"
                )
        if pod.metadata.name != service_name(spec):
            said = f"it deploys {pod.metadata.name}, the agent is {service_name(spec)}"
            yield Detail(said, name, rule="contradiction")
    for wheel in sorted(set(_WHEEL.findall(deployed.subject.files.text(IMAGE)))):
        if wheel.rstrip("-*") not in {deployed.subject.case.package, "greenlang_sdk"}:
            yield Detail(f"it installs the wheel {wheel}.whl, which is not the agent's", IMAGE, rule="contradiction")
    said = one_line(spec.summary or spec.name)
    if project and project.get("description") != said:
        yield Detail(
            f"it describes the agent as {project.get('description')!r}", "pyproject.toml", rule="contradiction"
        )


def _after(words: list[str], option: str) -> str | None:
    following = dict(pairwise(words)).get(option)
    return following if following is not None and following.isdigit() else None


def _against(one: manifests.Manifest, pods: list[manifests.Deployment]) -> Iterator[str]:
    """What an object says that no deployment bears out."""
    labels = [pod.spec.template.metadata.labels for pod in pods]
    ports = {p.container_port for pod in pods for c in pod.spec.template.spec.containers for p in c.ports}
    names = {p.name for pod in pods for c in pod.spec.template.spec.containers for p in c.ports}
    if isinstance(one, manifests.Autoscaler):
        if one.spec.scale_target_ref.name not in {pod.metadata.name for pod in pods}:
            yield f"it scales {one.spec.scale_target_ref.name}, which is not deployed"
        return
    if isinstance(one, manifests.Service):
        selector: dict[str, str] = dict(one.spec.selector)
        for port in one.spec.ports:
            target = port.target_port if port.target_port is not None else port.port
            if target not in ports | names:
                yield f"it sends to port {target}, on which no container listens"
    elif isinstance(one, manifests.NetworkPolicy):
        selector = dict(one.spec.pod_selector.match_labels)
        for rule in one.spec.ingress:
            for allowed in rule.ports:
                if allowed.port not in ports | names:
                    yield f"it opens port {allowed.port}, on which no container listens"
    else:
        selector = dict(one.spec.selector.match_labels)
    if not any(manifests.selected(found, selector) for found in labels):
        yield "its selector meets no pod"


def _probes(deployed: Deployed, name: str, pod: manifests.Deployment) -> Iterator[Detail]:
    for container in pod.spec.template.spec.containers:
        ports = {p.container_port for p in container.ports} | {p.name for p in container.ports}
        for field in _PROBES:
            probe = getattr(container, field)
            said = f"{container.name}: {field.replace('_', ' ')}"
            if probe is None:
                yield Detail(f"{said} is missing", name, rule="probe")
                continue
            if probe.http_get.path not in deployed.routes:
                yield Detail(f"{said} asks {probe.http_get.path}, which {API} does not answer", name, rule="probe")
            if probe.http_get.port not in ports:
                yield Detail(f"{said} asks port {probe.http_get.port}, on which nobody listens", name, rule="probe")


def _confinement(name: str, pod: manifests.Deployment) -> Iterator[Detail]:
    spec = pod.spec.template.spec
    whole = spec.security_context or manifests.PodSecurity()
    if spec.automount_service_account_token is not False:
        yield Detail("the token of the service account is mounted", name, rule="confinement")
    for container in spec.containers:
        own = container.security_context or manifests.ContainerSecurity()
        wanted = {
            "runs as root": not (own.run_as_non_root or whole.run_as_non_root),
            "may gain rights": own.allow_privilege_escalation is not False,
            "is privileged": bool(own.privileged),
            "may write to its image": own.read_only_root_filesystem is not True,
            "keeps capabilities": own.capabilities is None or "ALL" not in own.capabilities.drop,
            "has no seccomp profile": (own.seccomp_profile or whole.seccomp_profile) is None,
            "asks for no CPU": "cpu" not in container.resources.requests,
            "asks for no memory": "memory" not in container.resources.requests,
            "has no limit of memory": "memory" not in container.resources.limits,
        }
        yield from (Detail(f"{container.name} {what}", name, rule="confinement") for what, bad in wanted.items() if bad)


def _wheel(subject: Subject) -> MeasureResult:
    try:
        name, data = agent_wheel(subject.case.pack)
    except Exception as error:  # noqa: BLE001 - flit raises whatever foreign metadata makes it raise; all of it is told
        problem = Detail(f"cannot be built: {type(error).__name__}: {error}", "pyproject.toml", rule="wheel")
        return either("wheel", [problem], "")
    faults = [Detail(said, "pyproject.toml", rule="wheel") for said in _wheel_faults(subject, name, data)]
    return none("wheel", faults, "faults")


def _wheel_faults(subject: Subject, name: str, data: bytes) -> Iterator[str]:
    project = subject.files.project
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        names = set(wheel.namelist())
        home = next((n.partition("/")[0] for n in names if n.endswith(".dist-info/METADATA")), "")
        metadata = Parser().parsestr(wheel.read(f"{home}/METADATA").decode())
        record = wheel.read(f"{home}/RECORD").decode()
        digests = {n: hashlib.sha256(wheel.read(n)).digest() for n in names if not n.endswith("/RECORD")}
    if canonicalize_name(str(metadata["Name"])) != canonicalize_name(str(project.get("name", ""))):
        yield f"it is called {metadata['Name']}"
    if metadata["Version"] != project.get("version"):
        yield f"its version is {metadata['Version']}"
    needs = {
        canonicalize_name(_word(line)) for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line
    }
    if needs != set(declared_names(subject)):
        yield f"it needs {', '.join(sorted(needs)) or 'nothing'}"
    if f"{subject.case.package}/__init__.py" not in names:
        yield f"it holds no package {subject.case.package}"
    own = {n for n in subject.files.names if n.startswith(f"{subject.case.package}/")}
    yield from (f"{missing} is not in it" for missing in sorted(own - names))
    for n, digest in digests.items():
        if f"{n},sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}," not in record:
            yield f"its RECORD does not hold {n}"


def _word(line: str) -> str:
    return next((line[:i] for i, c in enumerate(line) if not (c.isalnum() or c in "-_.")), line)
