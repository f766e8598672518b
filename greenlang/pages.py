"""Pages for people: one way to make HTML and SVG of templates, in which foreign text stays text.

Belongs here: the template environment, what no page may hold, figures as people read them. Does not belong here: what a
page says (`greenlang.quality.report`, `greenlang.api.console`).
"""

from __future__ import annotations

import re

import jinja2

from greenlang._paths import data

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would show a text in another order than it has


def environment(folder: str) -> jinja2.Environment:
    """The templates of ``templates/<folder>``: everything is escaped and clean, and a name that is not there fails."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(data() / "templates" / folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
        auto_reload=False,
        cache_size=-1,
    )
    made.filters["figure"] = figure
    return made


def clean(text: str) -> str:
    """A text without what no page may hold: control characters, lone surrogates, orders to turn the reading round."""
    if text.isprintable():  # nearly all are; and what is printable is none of these
        return text
    return _BIDI.sub("", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))


def figure(value: float) -> str:
    """A figure for people: at most four significant digits behind a small number, no exponent."""
    if value == 0 or 0.0001 <= abs(value) < 1:
        return f"{value:.4g}"
    return f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) >= 0.0001 else "<0.0001"
