"""Whether the agent answers the same at every door: over HTTP, on the command line, in its demo, in its log.

Belongs here: each door against the evaluation, whose figures are held to the plan elsewhere
(`greenlang.quality.measures.determinism`). Does not belong here: asking (`greenlang.sandbox.child_doors`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from greenlang.factors.model import row_digest
from greenlang.factory import whole
from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.formulas.tree import If, Lookup, walk
from greenlang.quality.measures.results import inapplicable, place, share, short
from greenlang.quality.measures.subject import Subject, json_object
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.trial import Service, posted

NAME = "one answer"
_API, _SHELL = "demos/api.py", "demos/command_line.py"


def measure(subject: Subject, service: Service) -> MeasureResult:
    """How many doors answer what the agent answers."""
    if not subject.lines:
        return inapplicable(NAME, "the agent gave no answers to compare with")
    doors = _Doors(subject, service)
    found = dict(doors.all())
    if not found:
        return inapplicable(NAME, service.detail or "the agent has no other door")
    wrong = [Detail(f"{door}: {said}", rule="door") for door, said in found.items() if said]
    return share(NAME, len(found) - len(wrong), len(found), "doors answer alike", [place(d) for d in wrong], wrong)


class _Doors:
    def __init__(self, subject: Subject, service: Service) -> None:
        self.subject = subject
        self.service = service
        self.resolution = subject.case.resolution
        self.toolbox = whole.is_toolbox(self.resolution)

    def all(self) -> Iterator[tuple[str, str]]:
        """Every door that was tried, with what is wrong at it; "" where nothing is."""
        if self.service.http_status:
            for name, at in posted(self.subject.case.inputs, toolbox=self.toolbox).items():
                status, body = self.service.http.get(name, (0, ""))
                yield f"{name} of {_API}", self._http(at, status, body)
        printed = self.service.printed
        if "python -m" in printed:
            yield "python -m", self._result(0, json_object(printed["python -m"]))
        if _SHELL in printed and not self.resolution.missing:
            yield _SHELL, self._shown(printed[_SHELL].splitlines())
        if self.service.logs:
            lines = [json_object(line) for line in self.service.logs]
            yield "log lines", self._logged([line for line in lines if line])  # what is no object is told elsewhere

    def _answer(self, at: int) -> Mapping[str, Any]:
        return self.subject.answers[at] if at < len(self.subject.answers) else {}

    def _http(self, at: int, status: int, body: str) -> str:
        wanted = 200 if self._answer(at).get("ok") is True else 422
        if status != wanted:
            return f"status {status} instead of {wanted}"
        return self._result(at, json_object(body))

    def _result(self, at: int, said: Mapping[str, Any]) -> str:
        """What a result says otherwise than the answer to the same input."""
        answer = self._answer(at)
        who = {"agent": self.subject.spec.agent_id, "version": self.subject.spec.version}
        errors = said.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else None
        pairs = {
            "success": (said.get("success"), answer.get("ok")),
            "data": (said.get("data"), answer.get("data")),
            "error": (first, answer.get("error")),
            "provenance": (said.get("provenance") or None, answer.get("provenance")),
            "metadata": ({k: (said.get("metadata") or {}).get(k) for k in who}, who),
        }
        for name, (own, wanted) in pairs.items():
            if own != wanted and not (name in {"data", "provenance"} and answer.get("ok") is not True):
                return f"{name} is {_short(own)}, the agent answers {_short(wanted)}"
        return self._cited(at, said.get("citations")) if answer.get("ok") is True else ""

    def _cited(self, at: int, citations: object) -> str:
        """Every citation is a pinned row, word for word; an answer that rests on a row cites one."""
        cited = [c for c in citations if isinstance(c, dict)] if isinstance(citations, list) else []
        for one in cited:
            if (one.get("ref"), one.get("text"), one.get("digest")) not in self._rows:
                return f"it cites {_short(one.get('ref'))}, {_short(one.get('text'))}, which is no pinned row"
        return "" if cited or not self._rests(at) else "it cites nothing, and rests on pinned rows"

    @cached_property
    def _rows(self) -> set[tuple[object, ...]]:
        rows = {(row.ref, row.citation, row_digest(row)) for row in self.resolution.pinned}
        return rows | {(row.key, row.citation, row.digest) for row in whole.parameters(self.resolution)}

    def _rests(self, at: int) -> bool:
        """Whether some plan reads a row whatever the input is."""
        tool = self.subject.case.inputs[at].get("tool") if self.toolbox else ""
        parts = [part for part in self.resolution.flat if not self.toolbox or part.spec.part == tool]
        trees = [list(walk(plan.expression)) for part in parts for plan in part.plans.values()]
        return any(
            any(isinstance(n, Lookup) for n in tree) and not any(isinstance(n, If) for n in tree) for tree in trees
        )

    def _shown(self, lines: list[str]) -> str:
        """The demo shows the example of each tool, which is its first answered vector."""
        start = 0
        for part in self.resolution.flat:
            if self.toolbox:
                head = f"{part.spec.part}:"
                if head not in lines[start:]:
                    return f"{part.spec.part} is not shown"
                start = lines.index(head, start)
            at = self._example(part)
            data = self._answer(at).get("data") if at is not None else None
            for name, value in data.items() if isinstance(data, dict) else ():
                line = next((line for line in lines[start:] if line.startswith(f"{name} = ")), "")
                wanted = f"{name} = {value} {self._unit(part, name)}".rstrip()
                if line != wanted:
                    return f"it prints {_short(line or 'nothing')}, the agent answers {_short(wanted)}"
        known = {f"source: {ref} ({text})" for ref, text, _ in self._rows}
        strange = next((line for line in lines if line.startswith("source: ") and line not in known), "")
        return f"it prints {_short(strange)}, which is no pinned row" if strange else ""

    def _example(self, part: Resolution) -> int | None:
        head = f"{part.spec.part}-" if self.toolbox else ""
        names = [f"{head}{vector.name}" for vector in part.vectors if not vector.error]
        vectors = [vector.name for vector in self.subject.vectors]
        return vectors.index(names[0]) if names else None

    @staticmethod
    def _unit(part: Resolution, name: str) -> str:
        plan = part.plans.get(name)
        return part.spec.outputs[name].unit if plan is not None and plan.decimals is not None else ""

    def _logged(self, lines: list[dict[str, Any]]) -> str:
        """The log of the first answered run, and of a refused one."""
        answered = next((a for a in self.subject.answers if a.get("ok") is True), {})
        for line in lines:
            who = (line.get("agent"), line.get("version"))
            if who != (self.subject.spec.agent_id, self.subject.spec.version):
                return f"a line is of {who[0]} {who[1]}"
            if line.get("provenance") not in ("", None, answered.get("provenance")):
                return "the provenance of the answered run is another"
            if line.get("message") == "answered" and not line.get("provenance"):
                return "an answered run has no provenance"
        return ""


def _short(value: object) -> str:
    return short(str(value))
