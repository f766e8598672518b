"""What a pack is run with: Kubernetes manifests that fit the schemas, an image file, and the HTTP demo as a server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml

from greenlang.factory.generate import generate
from greenlang.factory.naming import image_tag, service_name
from greenlang.factory.pack import write_pack
from greenlang.resolution.plan import Resolution
from greenlang.specs.model import AgentSpec

KINDS = {
    "deployment": "Deployment",
    "service": "Service",
    "hpa": "HorizontalPodAutoscaler",
    "pdb": "PodDisruptionBudget",
    "networkpolicy": "NetworkPolicy",
}
RELEASES = ("1.28", "1.34")


def manifests(resolution: Resolution) -> dict[str, Any]:
    files = generate(resolution)
    return {name: yaml.safe_load(files[f"deploy/k8s/{name}.yaml"]) for name in KINDS}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", KINDS)
def test_each_manifest_fits_the_schema_of_its_kind(resolution: Resolution, name: str, release: str) -> None:
    manifest = manifests(resolution)[name]
    assert manifest["kind"] == KINDS[name]
    kubernetes_validate.validate(manifest, release, strict=True)


def test_the_schemas_notice_a_slip(combustion: Resolution) -> None:
    manifest = manifests(combustion)["hpa"]
    manifest["spec"]["minReplica"] = manifest["spec"].pop("minReplicas")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, RELEASES[-1], strict=True)


def test_the_manifests_speak_of_the_same_pods(combustion: Resolution) -> None:
    found = manifests(combustion)
    deployment = found["deployment"]["spec"]
    pod = deployment["template"]
    labels = pod["metadata"]["labels"]
    selectors = [
        deployment["selector"]["matchLabels"],
        found["service"]["spec"]["selector"],
        found["pdb"]["spec"]["selector"]["matchLabels"],
        found["networkpolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
    assert found["hpa"]["spec"]["scaleTargetRef"]["name"] == found["deployment"]["metadata"]["name"]
    (container,) = pod["spec"]["containers"]
    (port,) = container["ports"]
    assert found["service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    assert found["networkpolicy"]["spec"]["ingress"][0]["ports"][0]["port"] == port["containerPort"]
    assert {container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")} == {"/health"}


def test_the_container_runs_without_rights(combustion: Resolution) -> None:
    spec = manifests(combustion)["deployment"]["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    image = generate(combustion)["Dockerfile"].decode()
    assert "ARG BASE=python:3.11-slim-bookworm\nFROM ${BASE}\n" in image
    assert "\nUSER 10001\n" in image
    assert "\nHEALTHCHECK " in image


@pytest.mark.parametrize("agent_id", ["a/b", "x" * 40 + "/" + "y" * 60, "A/b_c_"])
def test_names_of_kubernetes_objects_are_legal_and_one_to_one(agent_id: str) -> None:
    name = service_name(AgentSpec("B", "0" * 64, agent_id, "1.0.0", agent_id))
    assert len(name) <= 55
    assert all(c.isascii() and (c.isdigit() or c.islower() or c == "-") for c in name)
    assert name[0].isalpha()
    assert name[-1] != "-"
    assert name != service_name(AgentSpec("B", "0" * 64, f"{agent_id}z", "1.0.0", agent_id))


def test_any_version_makes_a_tag() -> None:
    assert image_tag("1.0.0+build.5") == "1.0.0-build.5"
    assert len(image_tag("1.0.0-" + "x" * 200)) <= 63


class Server:
    """The HTTP demo of a pack on loopback."""

    def __init__(self, pack: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = os.environ | {"PYTHONPATH": str(pack), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(pack / "demos"), "api:app", "--port", str(port)]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False)

    def wait(self) -> None:
        for _ in range(300):
            assert self.process.poll() is None, self.process.communicate()[1]
            try:
                self.client.get("/health")
            except httpx.ConnectError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the server did not come up")

    def stop(self) -> list[dict[str, Any]]:
        """Its log lines."""
        self.client.close()
        self.process.terminate()
        _, said = self.process.communicate(timeout=30)
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def serve(resolution: Resolution, folder: Path) -> Iterator[Server]:
    write_pack(generate(resolution), folder)
    server = Server(folder)
    try:
        server.wait()
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture
def flat(combustion: Resolution, tmp_path: Path) -> Iterator[Server]:
    yield from serve(combustion, tmp_path / "pack")


@pytest.fixture
def several(toolbox: Resolution, tmp_path: Path) -> Iterator[Server]:
    yield from serve(toolbox, tmp_path / "pack")


@pytest.mark.slow
def test_the_http_demo_answers_refuses_and_logs(flat: Server, combustion: Resolution) -> None:
    vector = combustion.vectors[0]
    given = {name: str(value) for name, value in vector.input.items()}
    answered = flat.client.post("/run", json=given, headers={"X-Request-ID": "request-7"})
    assert answered.status_code == 200
    assert answered.headers["X-Request-ID"] == "request-7"
    assert answered.json()["data"]["co2e_kg"] == vector.expect["co2e_kg"]
    refused = flat.client.post("/run", json=given | {"fuel_type": "coal"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "not_covered"
    assert flat.client.post("/run", content=b"{").status_code == 400
    assert flat.client.post("/run", content=b"[]").status_code == 400
    assert flat.client.post("/run", content=b" " * 1_000_001).status_code == 413
    assert flat.client.get("/health").json()["status"] == "ok"
    assert flat.client.get("/metrics").json()["runs"] == 2
    assert "consumption" in flat.client.get("/schema").json()["input"]["properties"]
    assert "/run" in flat.client.get("/openapi.json").json()["paths"]
    first, second = flat.stop()
    assert (first["run_id"], first["provenance"]) == ("request-7", answered.json()["provenance"])
    assert second["errors"] == [{"code": "not_covered", "field": "fuel_type"}]
    assert second["run_id"] != "request-7"


@pytest.mark.slow
def test_the_http_demo_keeps_every_digit(flat: Server) -> None:
    """A JSON number with more digits than a double has, and its text, are the same input."""
    digits = "1000.0000000000000000001"
    texts = [f'{{"fuel_type": "diesel", "consumption": {d}, "country": "US"}}' for d in (digits, f'"{digits}"')]
    number, text = (flat.client.post("/run", content=t.encode()).json()["provenance"] for t in texts)
    assert number == text


@pytest.mark.slow
def test_the_http_demo_of_several_tools(several: Server) -> None:
    answered = several.client.post("/tools/Double", json={"a": 2})
    assert (answered.status_code, answered.json()["data"]) == (200, {"b": "4"})
    unknown = several.client.post("/tools/nothing", json={})
    assert unknown.status_code == 404
    assert "heat_pump" in unknown.json()["detail"]
    tools = several.client.get("/tools").json()
    assert several.client.post("/tools/heat_pump", json=tools["heat_pump"]["example"]).status_code == 200
