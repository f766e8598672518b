"""Write the golden packs anew: ``make regen``, then read the difference before you commit it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from greenlang.factory.generate import generate
from greenlang.factory.pack import write_pack

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
PACKS = ("combustion", "heat_pump", "odd", "smallest", "toolbox")


def resolutions() -> ModuleType:
    """The hand-made resolutions that the tests of the factory use."""
    spec = importlib.util.spec_from_file_location("factory_conftest", ROOT / "tests" / "factory" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Regenerate every golden pack."""
    builders = resolutions().BUILDERS
    for name in PACKS:
        write_pack(generate(builders[name]()), GOLDEN / name)
        sys.stdout.write(f"{GOLDEN / name}\n")


if __name__ == "__main__":
    main()
