"""Where factor tables and templates lie: in a wheel as ``greenlang/_data``, beside the package in a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def data() -> Path:
    """The folder that holds ``emission_factors/`` and ``templates/``.

    Raises FileNotFoundError if neither the wheel's copy nor a checkout is there.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "_data", package.parent):
        if (candidate / "emission_factors").is_dir() and (candidate / "templates").is_dir():
            return candidate
    raise FileNotFoundError(
        f"no emission_factors/ and templates/ in {package / '_data'} or {package.parent}: reinstall greenlang"
    )
