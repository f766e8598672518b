"""What the factory did, told: the morning report of one night, and the dashboard over many.

    nights     which night a moment belongs to
    source     the stored rows, opened for questions about any night
    night      `Night`, the value that a morning report is made from; ``changes`` compares builds and factor releases
    series     `Dashboard`, the value that the dashboard is made from
    telling, board   what either says, as sections; ``charts`` draws
    page       the same sections as HTML and as Markdown
    files      where the pages lie

Belongs here: figures over whole nights, and how they are told. Does not belong here: the rows (`greenlang.metrics`),
when a report is made (the pipelines), whom it is sent to (`greenlang.alerts`).
"""

from greenlang.digest.files import dashboard_markdown, forms, message, write_dashboard, write_morning
from greenlang.digest.night import Night, night_of
from greenlang.digest.nights import last_night
from greenlang.digest.series import Dashboard, dashboard_of
from greenlang.digest.telling import summary_text

__all__ = [
    "Dashboard",
    "Night",
    "dashboard_markdown",
    "dashboard_of",
    "forms",
    "last_night",
    "message",
    "night_of",
    "summary_text",
    "write_dashboard",
    "write_morning",
]
