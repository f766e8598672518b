"""Packs on disk: written whole or not at all, finished with wheels and certificate.

A pack is first written beside where it will stand, tested there, finished there, and then moved into place. Being
killed at any moment leaves either the old pack or the new one, or leftovers that the next call clears.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import greenlang_sdk
from greenlang_sdk.decimals import normal_text, to_decimal

import greenlang
from greenlang.factors.model import row_digest
from greenlang.factory import whole
from greenlang.factory.attest import envelope_path, sign_pack
from greenlang.factory.generate import distribution_name, package_name
from greenlang.factory.outcome import DimensionResult
from greenlang.factory.wheels import agent_wheel, sdk_wheel
from greenlang.formulas.library import library
from greenlang.provenance import CERTIFICATE, PackCertificate, bytes_digest, canonical, files_digest, tree
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.verdict import Verdict


@dataclass(frozen=True, slots=True)
class PackInfo:
    """A finished pack. ``digest`` is over every file but the certificate, ``files`` is path -> SHA-256."""

    digest: str
    certificate_digest: str
    files: dict[str, str]


def write_pack(files: Mapping[str, bytes], target: Path) -> None:
    """Make ``target`` a folder with exactly these files; nothing happens if it already is.

    Raises ValueError for a path that would leave the folder.
    """
    recover_pack(target)
    if target.is_dir() and tree(target) == {name: bytes_digest(data) for name, data in sorted(files.items())}:
        return
    fresh = _beside(target, "new")
    for name, data in files.items():
        path = fresh / name
        if not path.resolve().is_relative_to(fresh.resolve()):
            raise ValueError(f"{name} lies outside the pack")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    fresh.mkdir(parents=True, exist_ok=True)
    publish_pack(fresh, target)


def publish_pack(folder: Path, target: Path) -> None:
    """Move a finished folder (on the same file system) to where it belongs, in place of what stands there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    old = _beside(target, "old")
    if old.exists():
        recover_pack(target, keep_new=True)
    if target.exists():
        target.rename(old)
    folder.rename(target)
    if old.exists():
        shutil.rmtree(old)


def put_aside(target: Path, builds: Path, keys: Path, *, but: str) -> None:
    """Before another build takes its place, move a finished pack to ``builds/<digest of its certificate>``.

    There it stays as long as the registry wants it (`forget_build`). Nothing happens where no finished pack stands, or
    the one whose certificate has the digest ``but``.
    """
    try:
        digest = PackCertificate.load(target).digest
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return
    kept = builds / digest
    if digest == but or kept.exists():
        return
    builds.mkdir(parents=True, exist_ok=True)
    target.rename(kept)
    sign_pack(kept, keys)


def forget_build(builds: Path, certificate_digest: str) -> None:
    """Remove a build that was put aside, if it was."""
    kept = builds / certificate_digest
    if kept.is_dir():
        envelope_path(kept).unlink(missing_ok=True)
        shutil.rmtree(kept)


def _beside(target: Path, suffix: str) -> Path:
    return target.with_name(f".{target.name}.{suffix}")


def recover_pack(target: Path, *, keep_new: bool = False) -> None:
    """Clear what a killed process left: an old pack that was moved aside comes back if no new one took its place."""
    old, new = _beside(target, "old"), _beside(target, "new")
    if old.exists():
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
    if new.exists() and not keep_new:
        shutil.rmtree(new)


def finish_pack(
    folder: Path,
    resolution: Resolution,
    *,
    dimensions: Sequence[DimensionResult],
    verdict: Verdict,
    release: str,
    tables_digest: str,
    repair: Mapping[str, Any] | None = None,
) -> PackInfo:
    """Add wheels and certificate to a pack that is not yet published. Calling it again changes nothing.

    ``repair`` says what changed the pack after it was generated, and which models had a part in that; it stands in the
    certificate of a pack that was repaired, and in no other. ``overlay`` stands there for a reviewed overlay that a
    model drafted.
    """
    _clear(folder)
    wheels = folder / "wheels"
    wheels.mkdir()
    for name, data in (agent_wheel(folder), sdk_wheel()):
        (wheels / name).write_bytes(data)
    files = tree(folder)
    content = _content(resolution, dimensions, verdict) | {
        "factors": _factors(resolution) | {"release": release, "tables_digest": tables_digest},
        "files": files,
        "pack_digest": files_digest(files),
    }
    if formulas := _formulas(resolution):
        content["formulas"] = formulas
    if repair:
        content["repair"] = repair
    if weak := verdict.profile.weaknesses:  # what a strict run was confined by is the machine's; this is the proof's
        content["sandbox"] = {"profile": verdict.profile.name, "weaknesses": list(weak)}
    if (overlay := resolution.spec.overlay) is not None and overlay.proposed:
        content["overlay"] = {"sha256": overlay.digest, "reviewer": overlay.reviewer, "models": list(overlay.proposed)}
    certificate = canonical(content)
    (folder / CERTIFICATE).write_bytes(certificate)
    return PackInfo(str(content["pack_digest"]), bytes_digest(certificate), files)


def _clear(folder: Path) -> None:
    """Remove what an earlier finish or a test run left."""
    shutil.rmtree(folder / "wheels", ignore_errors=True)
    (folder / CERTIFICATE).unlink(missing_ok=True)
    for name in ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"):
        for path in sorted(folder.rglob(name)):
            shutil.rmtree(path, ignore_errors=True)


def _content(resolution: Resolution, dimensions: Sequence[DimensionResult], verdict: Verdict) -> dict[str, Any]:
    """What the certificate says beside factors and files. No times and no machine: they are no property of the pack."""
    spec = resolution.spec
    return {
        "certificate": 1,
        "agent": {
            "id": spec.agent_id,
            "version": spec.version,
            "package": package_name(spec),
            "distribution": distribution_name(spec),
        },
        "spec": {"sha256": spec.digest, "dialect": spec.dialect},
        "engine": {"greenlang": greenlang.__version__, "greenlang_sdk": greenlang_sdk.__version__},
        "outputs": [_output(resolution, part, name) for part in resolution.flat for name in part.order],
        "gaps": [
            {
                "selectors": [list(pair) for pair in gap.selectors],
                "reason": gap.reason,
                "candidates": list(gap.candidates),
            }
            for gap in whole.gaps(resolution)
        ],
        "tests": _tests(verdict),
        "quality": [
            {
                "name": d.name,
                "status": d.status,
                "score": None if d.score is None else _figure(d.score),
                "threshold": _figure(d.threshold),
                "weight": _figure(d.weight),
                "required": d.required,
            }
            for d in dimensions
        ],
    }


def _output(resolution: Resolution, part: Resolution, name: str) -> dict[str, Any]:
    plan = part.plans[name]
    return {
        "output": f"{part.spec.part}.{name}" if whole.is_toolbox(resolution) else name,
        "unit": part.spec.outputs[name].unit,
        "means": plan.means,
        "formula": plan.text,
        "formula_id": plan.formula_id,
        "citation": plan.citation,
        "decimals": plan.decimals,
        "evidence": [{"kind": e.kind, "text": e.text} for e in plan.evidence],
    }


def _factors(resolution: Resolution) -> dict[str, Any]:
    return {
        "rows": [
            {
                "key": f.key,
                "value": f.value,
                "unit": f.unit,
                "citation": f.citation,
                "digest": row_digest(f),
            }
            for f in resolution.pinned
        ]
        + [
            {"key": r.key, "value": r.value, "unit": r.unit, "citation": r.citation, "digest": r.digest}
            for r in whole.parameters(resolution)
        ]
    }


def _formulas(resolution: Resolution) -> dict[str, str]:
    """The formulas of the library that outputs are computed by: id -> digest."""
    named = {plan.formula_id for plan in whole.plans(resolution).values() if plan.formula_id}
    return {one: formula.digest for one in sorted(named) if (formula := library().get(one)) is not None}


def _tests(verdict: Verdict) -> dict[str, Any]:
    measured = verdict.coverage
    return {
        "status": verdict.status,
        "passed": verdict.passed,
        "total": len(verdict.tests),
        "results": sorted([t.id, t.category, t.outcome] for t in verdict.tests),
        "coverage": None
        if measured is None
        else {
            "lines": [measured.lines_covered, measured.lines_total],
            "branches": [measured.branches_covered, measured.branches_total],
        },
    }


def _figure(value: float) -> str:
    """A score as text: floats have no place in what is hashed."""
    return normal_text(round(to_decimal(value), 6))
