"""Wheels of a pack: the agent's and the SDK's, the same bytes from the same files.

Files inside are stored, not compressed: two builds of zlib may compress the same bytes differently.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import greenlang_sdk
from flit_core.common import Metadata, Module
from flit_core.wheel import WheelBuilder

from greenlang._paths import data

_EPOCH = (2020, 1, 1, 0, 0, 0)


class _StoredZip(zipfile.ZipFile):
    def open(self, name: Any, mode: Any = "r", pwd: Any = None, *, force_zip64: bool = False) -> Any:
        if isinstance(name, zipfile.ZipInfo) and mode == "w":
            name.compress_type = zipfile.ZIP_STORED
            name.create_system = 3  # Unix, on every system
        return super().open(name, mode, pwd, force_zip64=force_zip64)


def _build(make: Any) -> tuple[str, bytes]:
    buffer = io.BytesIO()
    builder = make(buffer)
    builder.wheel_zip.close()
    buffer.seek(0)
    buffer.truncate()
    builder.wheel_zip = _StoredZip(buffer, "w", compression=zipfile.ZIP_STORED)
    builder.source_time_stamp = _EPOCH
    builder.build()
    return str(builder.wheel_filename), buffer.getvalue()


def agent_wheel(folder: Path) -> tuple[str, bytes]:
    """File name and bytes of the wheel that a pack's pyproject.toml describes."""
    return _build(lambda target: WheelBuilder.from_ini_path(folder / "pyproject.toml", target))


@cache
def sdk_wheel() -> tuple[str, bytes]:
    """File name and bytes of the SDK's wheel, made of the SDK that this process runs."""
    home = Path(greenlang_sdk.__file__).resolve().parent
    metadata = Metadata(
        {
            "name": "greenlang-sdk",
            "version": greenlang_sdk.__version__,
            "summary": "What a generated GreenLang agent needs to run: exact decimals, canonical JSON, results.",
            "requires_python": ">=3.11",
            "requires_dist": ["pydantic>=2.11"],
            "license_expression": "Apache-2.0",
            "license_files": ["LICENSE"],
        }
    )
    with TemporaryDirectory(prefix="greenlang-sdk-") as scratch:  # an installed SDK has no licence's text beside it
        source = Path(scratch)
        shutil.copytree(home, source / home.name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(data() / "templates" / "agent" / "licences" / "Apache-2.0.jinja", source / "LICENSE")
        module = Module(home.name, source)
        return _build(lambda target: WheelBuilder(source, module, metadata, {}, target, None))
