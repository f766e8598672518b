"""The report in short as Markdown: for the Dagster UI, and wherever Markdown is shown.

Belongs here: the short form. Foreign text is put where it can neither break a table nor become a link or markup.
"""

from __future__ import annotations

import re

from greenlang.pages import clean, figure
from greenlang.quality.report.model import QualityReport
from greenlang.quality.report.page import verdict_sentences, wheel_address
from greenlang.quality.report.steps import steps

_SIGN = {"passed": "✔ passed", "failed": "✘ failed", "not_applicable": "– not applicable"}
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
STEPS = 10


def markdown(report: QualityReport, *, picture: bool = True, page: str = "") -> str:
    """Verdict and score, the wheel, the twelve dimensions, the next steps.

    ``page`` is the path or address of the whole report. Without ``picture`` the wheel is left away: the Dagster UI
    (1.13) drops every address in Markdown that is not http, https or mailto, a picture's data address among them.
    """
    word = {"passed": "Passed", "failed": "Failed", "undecided": "Not decided"}[report.result]
    parts = [f"**{word}**. " + " ".join(quoted(s) for s in verdict_sentences(report))]
    parts.append(f"Score **{figure(report.score)}** of 100, apart from the verdict.")
    if picture and report.dimensions:
        parts.append(f"![Score wheel; the table below says the same]({wheel_address(report)})")
    rows = ["| | dimension | result | score | least | why |", "|---|---|---|---:|---:|---|"]
    for number, d in enumerate(report.dimensions, 1):
        score = "–" if d.score is None else figure(d.score)
        title = f"**{quoted(d.title)}**" if d.required else quoted(d.title)
        rows.append(
            f"| {number} | {title} | {_SIGN[d.status]} | {score} | {figure(d.threshold)} | {quoted(d.reason, 240)} |"
        )
    parts += ["\n".join(rows), "Dimensions in bold are required."]
    found = steps(report)
    if found:
        lines = []
        for number, step in enumerate(found[:STEPS], 1):
            where = f" ({', '.join(quoted(p) for p in step.places[:3])})" if step.places else ""
            stops = "**blocks the pass**: " if step.blocking else ""
            why = f" {quoted(step.why, 240)}" if step.why else ""
            lines.append(f"{number}. {stops}{quoted(step.text, 240)}{where}{why}")
        left = len(found) - STEPS
        more = f"\n\nand {left} more in the whole report." if left > 0 else ""
        parts.append("What to do next:\n\n" + "\n".join(lines) + more)
    if report.survivors:
        parts.append(f"{len(report.survivors)} of {len(report.mutants) - len(report.controls)} mutants survived.")
    if report.differences:
        parts.append(f"{len(report.differences)} answers differ between agent and back-ends.")
    if page:
        parts.append(f"The whole report: `{page}`")
    return "\n\n".join(parts) + "\n"


def quoted(text: str, most: int = 0) -> str:
    """A foreign text on one line, without effect as Markdown or HTML."""
    one = " ".join(clean(text).split())
    if most and len(one) > most:
        one = one[: most - 1] + "…"
    return _MARKUP.sub(r"\\\1", one).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("://", "&#58;//")
