"""The page on the metrics is derived, complete and up to date."""

from __future__ import annotations

from pathlib import Path

from greenlang.metrics.catalogue import descriptions, view_fields, views_sql
from greenlang.metrics.docs import page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date() -> None:
    found = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert found == page(), "run: python -m greenlang.metrics.docs > docs/metrics.md"


def test_every_view_and_column_is_described() -> None:
    assert set(descriptions()) == set(views_sql(Path("x")))
    for view, description in descriptions().items():
        assert description
        for name, field in view_fields(view).items():
            assert field.description, f"{view}.{name}"
