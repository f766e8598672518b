"""The quality report of one agent: a page for people, JSON and SARIF for programs, a short form for the Dagster UI.

    model      `QualityReport`, the value that every form is made from
    page       one HTML page; ``charts`` and ``palette`` serve it, the templates lie in ``templates/report``
    machine    canonical JSON, its schema, reading it back
    sarif      findings for code hosts and editors
    brief      Markdown
    steps      what to do next

Belongs here: telling. Does not belong here: judging, running, choosing where a report is kept.
"""

from greenlang.quality.report.brief import markdown
from greenlang.quality.report.machine import as_json, from_json, schema
from greenlang.quality.report.model import LiteralLine, ModelPart, QualityReport, Reference
from greenlang.quality.report.page import html, wheel
from greenlang.quality.report.sarif import sarif
from greenlang.quality.report.steps import Step, steps

__all__ = [
    "LiteralLine",
    "ModelPart",
    "QualityReport",
    "Reference",
    "Step",
    "as_json",
    "from_json",
    "html",
    "markdown",
    "sarif",
    "schema",
    "steps",
    "wheel",
]
