"""The first rung: what ruff mends by itself, and what follows from a changed file.

Belongs here: safe fixes, import order and formatting of the files that a repair may touch, and the bill of materials,
whose serial number follows from the files. Does not belong here: anything that needs an opinion.
"""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path

from greenlang.factory.generate import SBOM, distribution_name
from greenlang.factory.sbom import sbom
from greenlang.provenance import CERTIFICATE, bytes_digest, files_digest
from greenlang.quality.repair.patches import allowed_files, contents
from greenlang.quality.tools import LINT_RULES
from greenlang.resolution.plan import Resolution

_SECONDS = 60
_UNBUILT = "wheels/"


def mend(folder: Path, package: str) -> None:
    """Apply ruff's safe fixes with our rules, sort imports and format, in the files that a repair may touch.

    A file that does not parse stays as it is. Raises RuntimeError if ruff itself fails: that is never the pack's fault.
    """
    files = [str(folder / name) for name in allowed_files(folder, package)]
    if not files:
        return
    common = ["--isolated", "--no-cache", "--quiet", "--line-length=100", "--target-version=py311"]
    own = json.dumps([package])
    check = [
        "check",
        *common,
        "--fix",
        "--exit-zero",
        "--ignore=E741",
        f"--select={','.join(LINT_RULES)}",
        f"--config=lint.isort.known-first-party={own}",
        "--no-respect-gitignore",
    ]
    _ruff([*check, *files])
    _ruff(["format", *common, "--no-respect-gitignore", *files], good=(0, 2))  # 2: a file does not parse


def refresh_bill(folder: Path, resolution: Resolution) -> None:
    """Write the bill of materials anew, if there is one: its serial number follows from the files of the pack."""
    path = folder / SBOM
    if not path.is_file() or path.is_symlink():
        return
    files = {
        name: bytes_digest(data)
        for name, data in contents(folder).items()
        if name not in {SBOM, CERTIFICATE} and not name.startswith(_UNBUILT)
    }
    spec = resolution.spec
    made = sbom(
        distribution=distribution_name(spec), version=spec.version, license_id=spec.license, digest=files_digest(files)
    )
    path.write_bytes(made)


def _ruff(arguments: list[str], *, good: tuple[int, ...] = (0,)) -> None:
    binary = importlib.import_module("ruff").find_ruff_bin()
    run = subprocess.run([binary, *arguments], capture_output=True, check=False, timeout=_SECONDS)
    if run.returncode not in good:
        raise RuntimeError(f"ruff failed: {run.stderr.decode(errors='replace')[-2000:]}")
