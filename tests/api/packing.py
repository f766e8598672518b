"""Small packs, certified and signed as the factory does it, and zips of them.

Belongs here: making them, good and bad. Does not belong here: what is asserted.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import yaml

import greenlang
from greenlang.factory.attest import sign_pack
from greenlang.provenance import CERTIFICATE, canonical, files_digest, tree


def pack(folder: Path, keys: Path, *, version: str = "1.0.0", code: str = "x = 1\n", **changes: Any) -> Path:
    """A signed pack `heat/kiln` in ``folder``."""
    made = folder / f"heat.kiln@{version}"
    (made / "heat_kiln").mkdir(parents=True)
    (made / "heat_kiln" / "agent.py").write_text(code)
    port = {"dtype": "float64", "unit": "kWh", "description": "energy"}
    manifest = {
        "id": "heat/kiln",
        "version": version,
        "name": "Kiln",
        "summary": "CO2e of a kiln",
        "tags": ["scope1"],
        "compute": {"inputs": {"energy": port}, "outputs": {"co2e_kg": {**port, "unit": "kgCO2e"}}},
    }
    (made / "pack.yaml").write_text(yaml.safe_dump(manifest))
    files = tree(made)
    dimension = {"status": "passed", "threshold": "80", "required": True}
    content = {
        "certificate": 1,
        "agent": {"id": "heat/kiln", "version": version, "package": "heat_kiln", "distribution": "heat-kiln"},
        "spec": {"sha256": "a" * 64, "dialect": "A"},
        "engine": {"greenlang": greenlang.__version__, "greenlang_sdk": greenlang.__version__},
        "outputs": [{"output": "co2e_kg", "formula_id": None}],
        "tests": {
            "status": "passed",
            "passed": 9,
            "total": 9,
            "coverage": {"lines": [90, 100], "branches": [10, 10]},
        },
        "quality": [
            {"name": "tests", "score": "90", "weight": "3", **dimension},
            {"name": "security", "score": "100", "weight": "1", **dimension},
            {"name": "dependencies", "score": None, "weight": "5", **dimension, "status": "not_applicable"},
        ],
        "factors": {
            "release": "embedded-1.3.0",
            "rows": [
                {"key": "epa/x/2025/gas/co2", "digest": "f" * 64},
                {"key": "table://oxidation/factor/gas", "digest": "e" * 64},
            ],
        },
        "files": files,
        "pack_digest": files_digest(files),
        **changes,
    }
    (made / CERTIFICATE).write_bytes(canonical(content))
    sign_pack(made, keys)
    return made


def zipped(made: Path, extra: dict[str, bytes] | None = None) -> bytes:
    """The zip that is published: the folder, and its envelope beside it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(made.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(made.parent))
        envelope = made.with_name(f"{made.name}.dsse.json")
        if envelope.is_file():
            archive.write(envelope, envelope.name)
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return out.getvalue()


def recertified(made: Path) -> None:
    """Make the certificate fit what lies there now; the signature does not."""
    certificate = json.loads((made / CERTIFICATE).read_bytes())
    certificate["files"] = tree(made)
    certificate["pack_digest"] = files_digest(certificate["files"])
    (made / CERTIFICATE).write_bytes(canonical(certificate))
