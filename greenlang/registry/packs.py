"""Packs that were built elsewhere, taken in: unpacked within bounds, verified by certificate and signature, entered.

What a certificate says of tests and quality is believed because a key that is known here signed it: the factory's own,
or one that an operator put into ``trusted`` beside it (``*.pem``). Anybody can write a certificate; few have a key.

Belongs here: from the bytes of a zip to an entry of the registry. Does not belong here: building packs
(`greenlang.factory`), HTTP.
"""

from __future__ import annotations

import io
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import greenlang
from greenlang.errors import PackError
from greenlang.provenance import PackCertificate
from greenlang.registry.entry import Pin, Port, RegistryEntry
from greenlang.registry.store import Registered, Registry
from greenlang.signing import PUBLIC, read_public_key

MOST_FILES = 2000
MOST_BYTES = 200_000_000  # unpacked
TRUSTED = "trusted"  # folder of foreign public keys, in the folder of one's own
_MANIFEST, _ENVELOPE = "pack.yaml", ".dsse.json"


def publish(registry: Registry, data: bytes, var: Path, keys: Path) -> tuple[Registered, RegistryEntry]:
    """Enter the pack of a zip: one folder, and beside it its envelope ``<folder>.dsse.json``, as they lie in ``packs``.

    The pack is kept below ``var`` by its certificate's digest. Raises PackError for one that is not as it was certified
    or that no known key signed, RegistryConflict where the version stands with other bytes, QuotaExceeded.
    """
    home = var / "packs"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".incoming-", dir=home) as incoming:
        pack = unpacked(data, Path(incoming))
        certificate = verified(pack, known_keys(keys))
        place = f"packs/published/{certificate.digest}"
        entry, pins = described(pack, certificate, place)
        target = var / place
        made = not target.is_dir()
        if made:
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(pack.with_name(pack.name + _ENVELOPE), target.with_name(target.name + _ENVELOPE))
            pack.rename(target)
    return registry.publish(entry, pins=pins), entry


def unpacked(data: bytes, folder: Path) -> Path:
    """Unpack a zip into an empty folder; where the pack lies in it. Raises PackError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [info for info in archive.infolist() if not info.is_dir()]
            _check(files)
            for info in files:
                path = folder / info.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.read(info)  # a size that is not as declared is an error of the archive
                path.write_bytes(content)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        if isinstance(error, PackError):
            raise
        raise PackError(f"this is no zip that can be unpacked: {error}") from error
    tops = sorted(path.name for path in folder.iterdir())
    if len(tops) != 2 or tops[1] != tops[0] + _ENVELOPE or not (folder / tops[0]).is_dir():
        raise PackError(
            f"the zip must hold one folder NAME and NAME{_ENVELOPE} beside it; it holds {', '.join(tops[:5])}"
        )
    return folder / tops[0]


def _check(files: list[zipfile.ZipInfo]) -> None:
    if len(files) > MOST_FILES or sum(info.file_size for info in files) > MOST_BYTES:
        raise PackError(f"a pack has at most {MOST_FILES:,} files and {MOST_BYTES:,} bytes")
    names = {info.filename.casefold() for info in files}
    if len(names) != len(files):
        raise PackError("the zip holds a name twice")
    for info in files:
        path = PurePosixPath(info.filename)
        odd = path.is_absolute() or ".." in path.parts or "\\" in info.filename or not info.filename.isprintable()
        if odd or stat.S_ISLNK(info.external_attr >> 16):
            raise PackError(f"the zip holds {info.filename!r}, which is no file of a pack")


def known_keys(folder: Path) -> list[Ed25519PublicKey]:
    """The public keys whose packs are taken: the one of this folder, and those of its ``trusted``."""
    own = [folder / PUBLIC] if (folder / PUBLIC).is_file() else []
    return [read_public_key(path) for path in (*own, *sorted((folder / TRUSTED).glob("*.pem")))]


def verified(pack: Path, keys: Iterable[Ed25519PublicKey]) -> PackCertificate:
    """The certificate of a pack that is as certified, and signed by one of the keys. Raises PackError."""
    from greenlang.factory.attest import envelope_path, verify

    try:
        certificate = PackCertificate.load(pack)
        findings = certificate.verify(pack)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise PackError(f"the pack has no certificate that can be read: {error}") from error
    if findings:
        raise PackError(f"the pack is not as it was certified: {'; '.join(findings[:5])}")
    envelope = envelope_path(pack).read_bytes()
    wrong = [verify(pack, envelope, key) for key in keys]
    if all(wrong):
        said = "; ".join(wrong[-1][:3]) if wrong else "no key is known here"
        raise PackError(
            f"no key that is known here signed the pack: {said}. An operator makes a key known by putting its .pem "
            f"into the folder {TRUSTED} beside the factory's own"
        )
    return certificate


def described(pack: Path, certificate: PackCertificate, place: str) -> tuple[RegistryEntry, list[Pin]]:
    """The entry of a verified pack, and what it pins. Raises PackError for a form that is not ours."""
    content = certificate.content
    try:
        manifest = yaml.load((pack / _MANIFEST).read_bytes(), Loader=yaml.CSafeLoader)
        compute = manifest["compute"]
        tests = content["tests"]
        quality = {one["name"]: one for one in content["quality"]}
        pins = [_pin(row["key"], row["digest"]) for row in content["factors"]["rows"]] + _formulas(content)
        entry = RegistryEntry(
            agent_id=content["agent"]["id"],
            version=content["agent"]["version"],
            spec_digest=content["spec"]["sha256"],
            pack_digest=certificate.pack_digest,
            certificate_digest=certificate.digest,
            name=manifest["name"],
            summary=manifest["summary"],
            domain=content["agent"]["id"].partition("/")[0],
            tags=tuple(manifest["tags"]),
            inputs=_ports(compute, "inputs"),
            outputs=_ports(compute, "outputs"),
            score=_score(quality.values()),
            coverage=_coverage(tests["coverage"]),
            tests_passed=tests["passed"],
            tests_total=tests["total"],
            factor_release=content["factors"]["release"],
            pack=place,
            judgement={name: {"status": q["status"], "score": _number(q["score"])} for name, q in quality.items()},
        )
    except (OSError, KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise PackError(
            f"the pack's certificate or its {_MANIFEST} is not of a form that is known here: {error}"
        ) from error
    return entry, pins


def _pin(key: str, digest: str) -> Pin:
    return Pin("parameter", key, digest) if key.startswith("table://") else Pin("factor", f"ef://{key}", digest)


def _formulas(content: Mapping[str, Any]) -> list[Pin]:
    """The formulas of the library that outputs are computed by; another greenlang's are not known here."""
    if content["engine"]["greenlang"] != greenlang.__version__:
        return []
    from greenlang.formulas.library import library

    known = library()
    named = sorted({one["formula_id"] for one in content["outputs"] if one["formula_id"]})
    return [Pin("formula", name, formula.digest) for name in named if (formula := known.get(name)) is not None]


def _ports(compute: Mapping[str, Any], which: str) -> tuple[Port, ...]:
    parts = compute["tools"].items() if "tools" in compute else [("", compute)]
    return tuple(
        Port(f"{part}.{name}" if part else name, port["dtype"], port["unit"], port.get("description", ""))
        for part, own in parts
        for name, port in own[which].items()
    )


def _score(dimensions: Iterable[Mapping[str, Any]]) -> float | None:
    """The weighted mean of the dimensions that have a score, as `greenlang.quality.judge` takes it."""
    scored = [(float(one["score"]), float(one["weight"])) for one in dimensions if one["score"] is not None]
    weight = sum(weight for _, weight in scored)
    return round(sum(score * weight for score, weight in scored) / weight, 2) if weight else None


def _coverage(measured: Mapping[str, Any] | None) -> float | None:
    """Percent of lines and branches together."""
    if measured is None:
        return None
    covered, total = (sum(measured[kind][n] for kind in ("lines", "branches")) for n in (0, 1))
    return 100 * covered / total if total else None


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)
