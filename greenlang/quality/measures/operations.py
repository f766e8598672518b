"""Operations: health, metrics and logs of the agent, as it answered and wrote them when it was run."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality.measures import doors
from greenlang.quality.measures.results import NOT_RUN, either, inapplicable, place, share
from greenlang.quality.measures.subject import Subject, json_object
from greenlang.sandbox.trial import Service

_KEYS = ("time", "level", "message", "run_id")
_KNOWN = frozenset({*_KEYS, "agent", "version", "tool", "errors", "provenance", "seconds"})
_ERROR_KEYS = frozenset({"code", "field"})
_SPACE = re.compile(r"\s")


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    service = subject.case.trial.service
    if service is None:
        names = ("health", "one answer", "metrics", "logs", "logs keep still")
        return [inapplicable(name, f"the service: {NOT_RUN}") for name in names]
    return [
        _health(subject, service),
        doors.measure(subject, service),
        _metrics(service),
        _logs(service),
        _still(subject, service),
    ]


def _health(subject: Subject, service: Service) -> MeasureResult:
    blind = []
    if service.damaged == "ok":
        blind = [Detail("it says ok over a pinned row that was changed", "factors.json", rule="health")]
    if service.http_status == 0 and service.status == "passed" and not blind:
        return inapplicable("health", service.detail or "the API was not served")
    wanted = {"status": "ok", "agent": subject.spec.agent_id, "version": subject.spec.version}
    problems = blind
    if service.http_status != 200 and not (blind and service.status == "passed"):
        said = f"GET /health answered {service.http_status or 'nothing'} {service.detail}".rstrip()
        problems.append(Detail(said, "demos/api.py", rule="health"))
    problems += [
        Detail(f"GET /health says {name} {service.health.get(name)!r}, not {value!r}", "demos/api.py", rule="health")
        for name, value in wanted.items()
        if service.http_status == 200 and service.health.get(name) != value
    ]
    good = "GET /health answered 200 and ok" + ("" if service.damaged is None else ", and a damaged row is told")
    return either("health", problems, good)


def _metrics(service: Service) -> MeasureResult:
    if service.http_status == 0 and service.status == "passed":
        return inapplicable("metrics", service.detail or "the API was not served")
    counts = {k: v for k, v in service.metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    problems = []
    if not counts:
        problems.append(Detail("GET /metrics gives no count", "demos/api.py", rule="metrics"))
    elif not any(counts.values()):
        problems.append(Detail("GET /metrics counts nothing, though runs were made", "demos/api.py", rule="metrics"))
    made = sum(name.startswith("POST ") for name in service.http)
    for name, wanted in {"runs": made, "succeeded": sum(_ok(service, n) for n in service.http)}.items():
        if made and name in counts and counts[name] != wanted:
            said = f"GET /metrics counts {counts[name]} {name}, where {wanted} were made"
            problems.append(Detail(said, "demos/api.py", rule="metrics"))
    return either("metrics", problems, f"GET /metrics gives {', '.join(sorted(counts))}")


def _ok(service: Service, name: str) -> bool:
    return name.startswith("POST ") and service.http[name][0] == 200


def _logs(service: Service) -> MeasureResult:
    if not service.logs:
        said = Detail("an answered and a refused run wrote no log line", rule="logs")
        return MeasureResult("logs", 0.0, False, said.message, (said,))
    wrong = [
        Detail(f"log line {number}: {what}", rule="logs")
        for number, line in enumerate(service.logs, 1)
        if (what := _lacks(line))
    ]
    if not wrong and len({json_object(line)["run_id"] for line in service.logs}) < len(service.logs):
        wrong.append(Detail("two runs have one run id", rule="logs"))
    total = len(service.logs)
    return share("logs", max(0, total - len(wrong)), total, "lines are structured", [place(d) for d in wrong], wrong)


def _lacks(line: str) -> str:
    """What a line lacks of a structured one."""
    values = json_object(line)
    if not values:
        return "is no JSON object"
    absent = [key for key in _KEYS if not values.get(key)]
    if absent:
        return f"has no {', '.join(absent)}"
    try:
        when = datetime.fromisoformat(str(values["time"]))
    except ValueError:
        return "its time is none"
    return "" if when.tzinfo is not None else "its time has no zone"


def _still(subject: Subject, service: Service) -> MeasureResult:
    if not service.logs:
        return inapplicable("logs keep still", "there is no log line")
    names = {name for part in subject.case.resolution.flat for name in (*part.spec.inputs, *part.spec.outputs)}
    wrong = [
        Detail(f"log line {number}: {what}", rule="logs")
        for number, line in enumerate(service.logs, 1)
        if (what := _tells(json_object(line), names))
    ]
    total = len(service.logs)
    return share("logs keep still", total - len(wrong), total, "lines", [place(d) for d in wrong], wrong)


def _tells(values: dict[str, Any], names: Collection[str]) -> str:
    """What a line tells that is no business of a log."""
    unknown = [key for key in values if key not in _KNOWN]
    if unknown:
        return f"holds {', '.join(unknown)}"
    errors = values.get("errors") or []
    if not isinstance(errors, list) or not all(_plain_error(e, names) for e in errors):
        return "an error holds more than code and field"
    figures = [k for k, v in values.items() if isinstance(v, int | float | dict) and k != "seconds"]
    if re.search(r"\d", str(values.get("message", ""))):
        figures.append("message")
    return f"{', '.join(figures)} holds a figure" if figures else ""


def _plain_error(error: object, names: Collection[str]) -> bool:
    """Whether an error is a code and a field; several words are a sentence, unless they are a name of the spec."""
    if not isinstance(error, dict) or set(error) - _ERROR_KEYS:
        return False
    return all(str(value) in names or not _SPACE.search(str(value)) for value in error.values())
