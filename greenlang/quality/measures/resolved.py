"""What pack.yaml repeats of the plan: identity, licence, inputs, outputs, emission factors.

Belongs here: comparing. Does not belong here: what pack.yaml holds (`greenlang.factory.manifest`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import yaml
from greenlang_sdk.decimals import normal_text

from greenlang.factory import text, whole
from greenlang.factory.manifest import ports
from greenlang.factory.outcome import Detail
from greenlang.quality.measures.results import short
from greenlang.quality.measures.subject import Subject, mapping

PACK = "pack.yaml"
_UNTOLD = ("evidence",)  # prose on how a formula was found; nothing calculates with it


def contradictions(subject: Subject) -> Iterator[Detail]:
    """Every statement of pack.yaml that is not the plan's. A pack without pack.yaml says nothing here."""
    if not subject.files.text(PACK):
        return
    try:
        said = subject.files.yaml(PACK)[0]
        compute = dict(said["compute"])
        rows = {str(row["key"]): row for row in compute["factors"]}
    except (yaml.YAMLError, RecursionError, LookupError, TypeError, ValueError):
        yield _contradiction("it is no manifest of a pack")
        return
    resolution, spec = subject.case.resolution, subject.spec
    if resolution.missing:
        return
    wanted: dict[str, Any] = {
        "id": spec.agent_id,
        "name": spec.name,
        "summary": text.one_line(spec.summary),
        "license": spec.license,
        "resolved_from": {"sha256": spec.digest, "gwp_set": spec.gwp_set},
    }
    own: dict[str, Any] = {name: said.get(name) for name in wanted}
    known = wanted["resolved_from"]
    own["resolved_from"] = {name: value for name, value in mapping(own["resolved_from"]).items() if name in known}
    if whole.is_toolbox(resolution):
        wanted["tools"] = {part.spec.part: ports(part) for part in resolution.flat}
        own["tools"] = compute.get("tools")
    else:
        wanted |= ports(resolution)
        own |= {name: compute.get(name) for name in ("inputs", "outputs")}
    wanted["factors"] = {f.key: {"value": f.value, "unit": f.unit, "citation": f.citation} for f in resolution.pinned}
    wanted["factors"] |= {
        row.key: {"value": row.value, "unit": row.unit, "citation": row.citation}
        for row in whole.parameters(resolution)
    }
    own["factors"] = {key: {name: row.get(name) for name in ("value", "unit", "citation")} for key, row in rows.items()}
    for place, ours, theirs in _differing("", as_read(wanted), own):
        yield _contradiction(f"{place} is {_short(theirs)}, of the plan {_short(ours)}")


def as_read(value: Any) -> Any:
    """A value as whoever reads the YAML that we write of it (`text.yaml`) gets it: figures are texts there."""
    if isinstance(value, Mapping):
        return {str(name): as_read(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_read(inner) for inner in value]
    if isinstance(value, Decimal):
        return normal_text(value)
    return value if value is None or isinstance(value, int) else str(value)


def _differing(place: str, ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    """Where two documents part: the deepest key, what we say, what they say."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for name in {**ours, **theirs}:
            if name not in _UNTOLD:
                yield from _differing(f"{place}.{name}".lstrip("."), ours.get(name), theirs.get(name))
    elif ours != theirs and (ours or theirs):
        yield place, ours, theirs


def _short(value: Any) -> str:
    return "not said" if value is None else short(str(value), 60)


def _contradiction(message: str) -> Detail:
    return Detail(message, PACK, rule="contradiction")
