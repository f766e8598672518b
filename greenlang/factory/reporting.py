"""The quality report of one agent on disk: a page, JSON and SARIF under ``var/reports/<agent>``.

Belongs here: where reports lie, and writing them whole. Does not belong here: what they tell
(``greenlang.quality.report``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from greenlang.factory.examine import Examined
from greenlang.factory.outcome import AgentOutcome
from greenlang.llm.ask import Disclosure
from greenlang.quality import report as forms
from greenlang.quality.repair import dossier
from greenlang.registry.references import ReferenceAgent
from greenlang.settings import Settings
from greenlang.specs.model import slug

PAGE, JSON, SARIF, WHEEL = "index.html", "quality.json", "quality.sarif", "wheel.svg"


def folder_of(key: str) -> str:
    """The folder of an agent's report, relative to ``var``."""
    return f"reports/{slug(key)}"


def pages_of(settings: Settings, key: str) -> dict[str, str]:
    """The pages on an agent that a person can open now: ``report`` and ``dossier``, "" for one that is not there."""
    pages = {
        "report": settings.var / folder_of(key) / PAGE,
        "dossier": settings.var / "dossiers" / slug(key) / dossier.PAGE,
    }
    return {name: str(path) if path.is_file() else "" for name, path in pages.items()}


def write_report(
    settings: Settings,
    outcome: AgentOutcome,
    examined: Examined,
    near: Sequence[ReferenceAgent] = (),
    asked: Sequence[Disclosure] = (),
    drafts: Sequence[Disclosure] = (),
) -> str:
    """Write every form of the report, with the agents that are near and what models were asked; the short form.

    A kill in between leaves whole files of two runs side by side; the agent then has no outcome yet, and is told anew.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    made = forms.QualityReport.of(
        outcome,
        examined.judgement,
        examined.trial,
        at=now,
        literals=None
        if examined.literals is None
        else [forms.LiteralLine(t.path, t.line, t.number, t.origin) for t in examined.literals],
        references=[forms.Reference(r.agent_id, r.version, r.why, r.quality, r.figures) for r in near],
        models=[
            *(forms.ModelPart("a draft of the reviewed overlay", disclosure) for disclosure in drafts),
            *(forms.ModelPart("a repair of the code", disclosure) for disclosure in asked),
        ],
    )
    folder = settings.var / folder_of(outcome.key)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / PAGE, forms.html(made))
    _write(folder / JSON, forms.as_json(made))
    _write(folder / SARIF, json.dumps(forms.sarif(made), ensure_ascii=False))
    _write(folder / WHEEL, forms.wheel(made, alone=True))
    return forms.markdown(made, picture=False, page=f"{folder_of(outcome.key)}/{PAGE}")


def _write(path: Path, content: str | bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
    temporary.replace(path)
