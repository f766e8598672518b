"""Pages of docs/ that are made from the code: ``python -m tools.docs``. A test fails when one is out of date.

``python -m tools.docs ../shared/data`` also writes the page of the sources, which needs the publishers' files.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from greenlang.api.page import filled as api_page
from greenlang.calc.certificate import schema
from greenlang.factors import FactorTable
from greenlang.factors.catalogue import catalogue
from greenlang.factors.fields import docs_table
from greenlang.factors.gates.page import page as plausibility_page
from greenlang.factors.select_docs import filled
from greenlang.factors.sources_page import sources_page
from greenlang.factors.stats import count
from greenlang.metrics.analysts import filled as analysts_page
from greenlang.metrics.docs import page as metrics_page
from greenlang.quality import page as quality_page
from greenlang.quality.report import schema as report_schema
from greenlang.registry.page import page as lifecycle_page
from greenlang.registry.roles import page as roles_table
from greenlang.sandbox.profiles import page as sandbox_page
from greenlang.settings import Settings
from greenlang.specs.codes import CODES
from greenlang.specs.diff import RULES
from greenlang.specs.schemas import overlay_schema, schema_of
from greenlang.sync import releases, sync
from greenlang.telemetry.declared import page as telemetry_tables
from tests.sandbox.hostile.packs import table as hostile_packs

DOCS = Path(__file__).resolve().parents[1] / "docs"


def _settings() -> str:
    lines = [
        "# Settings",
        "",
        "Every setting has an embedded, local default. Set it in the environment.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, info in Settings.model_fields.items():
        default = "one a core" if info.default_factory else ("" if info.default is None else str(info.default))
        lines.append(f"| `GREENLANG_{name.upper()}` | {f'`{default}`' if default else '–'} | {info.description} |")
    return "\n".join(lines) + "\n"


def _codes() -> str:
    lines = [
        "# Findings by code",
        "",
        "A finding has a severity, a code, a place in your file, a message and a mend. All come in one pass.",
        "",
        "| code | meaning | example |",
        "|---|---|---|",
        *(f"| {code} | {c.title} | {c.example} |" for code, c in CODES.items()),
    ]
    return "\n".join(lines) + "\n"


def _with_rules(page: str) -> str:
    """The page with the table of version steps between its two marks."""
    start, end = "<!-- steps -->\n", "<!-- /steps -->"
    rows = ["| change | step |", "|---|---|", *(f"| {change} | {bump} |" for change, bump in RULES)]
    return page[: page.index(start) + len(start)] + "\n".join(["", *rows, "", ""]) + page[page.index(end) :]


def _with_metrics(page: str) -> str:
    """The page with the tables of Prometheus' metrics between its two marks."""
    start, end = "<!-- metrics -->\n", "<!-- /metrics -->"
    return page[: page.index(start) + len(start)] + "\n" + telemetry_tables() + "\n\n" + page[page.index(end) :]


def _with_roles(page: str) -> str:
    """The page with the table of roles between its two marks."""
    start, end = "<!-- roles -->\n", "<!-- /roles -->"
    return page[: page.index(start) + len(start)] + "\n" + roles_table() + "\n" + page[page.index(end) :]


def _factors() -> str:
    table = FactorTable.load()
    counts = Counter((f.publisher, f.dataset, f.vintage, f.licence) for f in table)
    lines = [
        "# Factors",
        "",
        f"The embedded base `{table.release}` holds {len(table):,} figures, each cited to its cell. A reference names "
        "one row (`ef://epa/stationary-combustion/2025/natural-gas/co2-per-mmbtu`) or a table "
        "(`ef://epa/stationary-combustion/2025`); `@release` at its end pins the release.",
        "",
        "## Sources",
        "",
        "| reference | figures | licence |",
        "|---|---|---|",
        *(f"| `ef://{p}/{d}/{v}` | {n} | {licence} |" for (p, d, v, licence), n in sorted(counts.items())),
        "",
        "## Columns",
        "",
        docs_table(),
    ]
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """File name -> content."""
    return {
        "settings.md": _settings(),
        "diagnostics.md": _codes(),
        "lifecycle.md": lifecycle_page(),
        "quality.md": quality_page(),
        "metrics.md": metrics_page(),
        "analysts.md": analysts_page((DOCS / "analysts.md").read_text()),
        "factors.md": _factors(),
        "result-certificate.schema.json": json.dumps(schema(), indent=2) + "\n",
        "plausibility.md": plausibility_page(),
        "governance.md": _with_roles((DOCS / "governance.md").read_text()),
        "sandbox.md": sandbox_page(hostile_packs()),
        "api.md": api_page((DOCS / "api.md").read_text()),
        "telemetry.md": _with_metrics((DOCS / "telemetry.md").read_text()),
        "selection.md": filled((DOCS / "selection.md").read_text()),
        "specs-tools.md": _with_rules((DOCS / "specs-tools.md").read_text()),
        "schemas/quality-report.schema.json": json.dumps(report_schema(), indent=2) + "\n",
        "schemas/overlay.schema.json": json.dumps(overlay_schema(), indent=2) + "\n",
        **{f"schemas/dialect-{d.lower()}.schema.json": json.dumps(schema_of(d), indent=2) + "\n" for d in "ABCD"},
    }


def sources(settings: Settings) -> str:
    """`sources.md`, from the release in force, which holds every set of the catalogue."""
    store = releases(settings)
    return sources_page(count(store.table(), store.get(store.pinned), catalogue()), catalogue())


def main(arguments: list[str]) -> None:
    """Write every page; with a folder of publishers' files, `sources.md` too."""
    for name, content in pages().items():
        (DOCS / name).write_text(content)
    for folder in arguments[:1]:
        with TemporaryDirectory() as var:
            settings = Settings(var=Path(var))
            sync(settings, folder=Path(folder), wanted=tuple(e.name for e in catalogue() if not e.open))
            (DOCS / "sources.md").write_text(sources(settings))


if __name__ == "__main__":
    main(sys.argv[1:])
