"""The chart, rendered by Helm's own code.

Belongs here: rendering. Does not belong here: what must hold of the manifests.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "greenlang"
RELEASE, NAMESPACE = "greenlang", "factory"


def values(name: str) -> dict[str, Any]:
    """A file of values beside the chart's own."""
    return dict(yaml.safe_load((CHART / name).read_text(encoding="utf-8")))


SETS: dict[str, dict[str, Any]] = {
    "default": {},
    "small": values("values-small.yaml"),
    "large": values("values-large.yaml"),
    "home": {"machines": {"kind": "home"}, "networkPolicy": {"enabled": False}},
    "k8s": {"machines": {"kind": "k8s"}, "image": {"pullSecrets": [{"name": "registry"}]}},
    "everything": {
        "image": {"repository": "ghcr.io/x/y", "digest": f"sha256:{'0' * 64}"},
        "secrets": {
            "models": {"name": "models", "variables": {"ANTHROPIC_API_KEY": "anthropic"}},
            "mirror": {"name": "mirror", "url": "address"},
            "alerts": {"name": "alerts", "webhook": "address", "webhookKey": "key", "smtp": "mail"},
        },
        "environment": {"AWS_REGION": "eu-central-1", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
        "variablesFrom": [{"configMapRef": {"name": "more"}}],
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/f"}},
        "var": {"existingClaim": "factory-var"},
        "ingress": {"enabled": True, "host": "factory.example.org", "tlsSecret": "tls"},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "batch", "operator": "Exists", "effect": "NoSchedule"}],
    },
}


def rendered(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every manifest for these values. Raises what Helm raises."""
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(dict(given))
        files = chart.render(dict(given), name=RELEASE, namespace=NAMESPACE)
    texts = [text for name, text in sorted(files.items()) if name.endswith(".yaml")]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


@cache
def manifests(name: str) -> list[dict[str, Any]]:
    """Every manifest of a set of values."""
    return rendered(SETS[name])


def pods(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Name of a workload -> the specification of its pods."""
    kinds = {"Deployment", "Job", "StatefulSet"}
    return {m["metadata"]["name"]: m["spec"]["template"]["spec"] for m in found if m["kind"] in kinds}


def one(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The manifest of this kind and name."""
    (manifest,) = [m for m in found if m["kind"] == kind and m["metadata"]["name"] == name]
    return manifest
