"""An agent that is right through the SDK and wrong at another door: HTTP, command line, demo, log, health."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quality.measures.planted import (
    API,
    UK,
    Wrong,
    check,
    text,
)

DOORS: Wrong = {
    "the API answers something else": (
        UK,
        text(
            API,
            "    given = await payload(request)\n    RUN_ID",
            '    given = {**await payload(request), "consumption": 7}\n    RUN_ID',
        ),
        {"operations.one answer"},
        "POST /run of demos/api.py: data is",
    ),
    "the API keeps its first answer": (
        UK,
        text(
            API,
            "return answer(agent.run(given))",
            'return answer(KEPT.setdefault("first", agent.run(given)))',
            ("LARGEST =", "KEPT: dict[str, Any] = {}\nLARGEST ="),
        ),
        {"operations.one answer"},
        "POST /run #",
    ),
    "the API says another source": (
        UK,
        text(API, "        result.canonical(),", '        result.canonical().replace(b"J3066", b"J1"),'),
        {"operations.one answer"},
        "which is no pinned row",
    ),
    "the API cites nothing": (
        UK,
        text(
            API,
            "        result.canonical(),",
            "        re.sub(rb'\"citations\":\\[.*?\\]', b'\"citations\":[]', result.canonical()),",
        ),
        {"operations.one answer"},
        "it cites nothing",
    ),
    "the API of a tool answers something else": (
        "toolbox",
        text(API, "return answer(agent.call(tool, given))", 'return answer(agent.call("Double", {"a": 9}))'),
        {"operations.one answer"},
        "POST /tools/burn_fuel of demos/api.py",
    ),
    "the command line answers something else": (
        UK,
        text("*/__main__.py", "agent = Agent()", "agent = Agent()\nagent.version = '2.0.0'"),
        {"operations.one answer"},
        "python -m: provenance is",
    ),
    "the demo prints another unit": (
        UK,
        text("demos/command_line.py", "{units.get(name, '')}", "tCO2e"),
        {"operations.one answer"},
        "it prints losses = 18.53 tCO2e, the agent answers losses = 18.53 kgCO2e",
    ),
    "the demo prints another source": (
        UK,
        text("demos/command_line.py", "({citation.text})", "(own measurement)"),
        {"operations.one answer"},
        "which is no pinned row",
    ),
    "the demo calculates something else": (
        UK,
        text("demos/command_line.py", '"consumption": 1000', '"consumption": 1001'),
        {"operations.one answer"},
        "demos/command_line.py: it prints",
    ),
    "the log tells another provenance": (
        UK,
        text("*/logs.py", '"provenance": result.provenance,', '"provenance": "ab" if result.provenance else "",'),
        {"operations.one answer"},
        "the provenance of the answered run is another",
    ),
    "metrics of runs that were not made": (
        UK,
        text(API, "return agent.metrics.as_dict()", 'return agent.metrics.as_dict() | {"runs": 1000}'),
        {"operations.metrics"},
        "counts 1000 runs, where 2 were made",
    ),
    "health that always says ok": (
        UK,
        text(
            "*/agent.py",
            "    def factor_tables(self)",
            '    def health(self) -> dict[str, object]:\n        """Fine."""\n'
            '        return {"status": "ok", "agent": self.agent_id, "version": self.version}\n\n'
            "    def factor_tables(self)",
        ),
        {"operations.health"},
        "it says ok over a pinned row that was changed",
    ),
}


@pytest.mark.parametrize("name", DOORS)
def test_a_door_that_answers_something_else_is_told(name: str, tmp_path: Path) -> None:
    check(DOORS[name], tmp_path / "pack")
