"""Packs to publish in `tools.bench_api`: one that the factory made, under as many names as are wanted, each signed.

Belongs here: zips. Does not belong here: sending them.
"""

from __future__ import annotations

import copy
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import yaml

from greenlang.factory.attest import envelope_path, sign
from greenlang.provenance import CERTIFICATE, PackCertificate, bytes_digest, canonical, files_digest
from greenlang.signing import signing_key

MANIFEST = "pack.yaml"
SPEC = Path(__file__).resolve().parents[1] / "templates" / "specs" / "examples" / "refrigerant_leakage.pack.yaml"


class Packs:
    """Zips of one pack; each call gives another agent."""

    def __init__(self, var: Path, keys: Path) -> None:
        command = [sys.executable, "-m", "greenlang.cli.main", "--var", str(var), "agent", "create", str(SPEC)]
        subprocess.run(command, check=True, capture_output=True)
        (found,) = {path.parent for path in (var / "packs").glob(f"*/{CERTIFICATE}")}
        self._pack, self._key, self._content = found, signing_key(keys), PackCertificate.load(found).content
        self._manifest = yaml.safe_load((found / MANIFEST).read_bytes())

    def zip(self, agent_id: str) -> bytes:
        """The pack as that agent's, with its envelope beside it."""
        content = copy.deepcopy(self._content)
        content["agent"]["id"] = agent_id
        manifest = yaml.safe_dump({**self._manifest, "id": agent_id}, sort_keys=False).encode()
        (self._pack / MANIFEST).write_bytes(manifest)
        content["files"][MANIFEST] = bytes_digest(manifest)
        content["pack_digest"] = files_digest(content["files"])
        (self._pack / CERTIFICATE).write_bytes(canonical(content))
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(self._pack.rglob("*")):
                if path.is_file():
                    archive.write(path, f"pack/{path.relative_to(self._pack)}")
            archive.writestr(envelope_path(Path("pack")).name, sign(self._pack, self._key))
        return made.getvalue()
