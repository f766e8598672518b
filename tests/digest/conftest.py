"""The four nights, written once."""

from __future__ import annotations

import pytest

from greenlang.settings import Settings
from tests.digest.nights import four_nights


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A factory of four nights; its tables are not to be written to."""
    return four_nights(tmp_path_factory.mktemp("nights") / "var")
