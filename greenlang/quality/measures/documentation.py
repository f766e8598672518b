"""Documentation: docstrings, headings, pages that build, code blocks that run."""

from __future__ import annotations

import re

from greenlang.factory.outcome import Detail, MeasureResult
from greenlang.quality import documents, source
from greenlang.quality.dimensions import README_HEADINGS
from greenlang.quality.measures.results import NOT_RUN, inapplicable, none, place, share
from greenlang.quality.measures.subject import Subject


def measure(subject: Subject) -> list[MeasureResult]:
    """A result for each declared measure, in order."""
    names = list(source.public_names(subject.own))
    silent = [name for name, has in names if not has]
    pages = [subject.page(name) for name in documents.pages(subject.files)]
    readme = next((page for page in pages if page.name == "README.md"), None)
    absent = [h for h in README_HEADINGS if readme is None or h not in readme.headings]
    api = subject.files.text("docs/api.md")
    functions = [
        f for name, tree in subject.own.items() if name.endswith("/tools.py") for f in source.public_functions(tree)
    ]
    unnamed = [f for f in functions if not re.search(rf"\b{re.escape(f)}\b", api)]
    return [
        share("docstrings", len(names) - len(silent), len(names), "public names", silent),
        share("readme", len(README_HEADINGS) - len(absent), len(README_HEADINGS), "headings", absent),
        share("api page", len(functions) - len(unnamed), len(functions), "tools", unnamed),
        _build(subject, pages),
        _blocks(subject),
    ]


def _build(subject: Subject, pages: list[documents.Page]) -> MeasureResult:
    if not pages:
        return MeasureResult("build", 0.0, False, "there is no document", (Detail("there is no document"),))
    return none("build", [fault for page in pages for fault in documents.faults(page, subject.files)], "faults")


def _blocks(subject: Subject) -> MeasureResult:
    service = subject.case.trial.service
    if service is None:
        return inapplicable("code blocks", f"the code blocks: {NOT_RUN}")
    failed = [
        Detail(f"a code block fails: {block.message}", block.path, block.line, "code block")
        for block in service.blocks
        if block.outcome == "failed"
    ]
    ran = sum(block.outcome != "skipped" for block in service.blocks)
    if service.status != "passed" and not ran:
        ended = Detail(f"{service.status}: {service.detail}", rule=service.status)
        return MeasureResult("code blocks", 0.0, False, ended.message, (ended,))
    if not ran:
        skipped = tuple(Detail(b.message, b.path, b.line, "skipped", level="note") for b in service.blocks)
        said = "no code block could be run"
        return MeasureResult("code blocks", 0.0, False, said, (Detail(said), *skipped))
    return share("code blocks", ran - len(failed), ran, "blocks run", [place(d) for d in failed], failed)
