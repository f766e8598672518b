"""Signed statements: beside the pack, of one key, proof against any change, the same bytes again."""

from __future__ import annotations

import base64
import json
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from greenlang.errors import PackError
from greenlang.factory.attest import envelope_path, opened, sign, sign_pack, verify
from greenlang.factory.generate import generate
from greenlang.factory.pack import finish_pack, write_pack
from greenlang.provenance import PackCertificate, bytes_digest, tree
from greenlang.resolution.plan import Resolution
from greenlang.sandbox.verdict import Profile, Verdict
from greenlang.signing import PRIVATE, PUBLIC, read_public_key, signing_key


@pytest.fixture
def pack(combustion: Resolution, tmp_path: Path) -> Path:
    folder = tmp_path / "packs" / "agent@1.0.0-00000000"
    write_pack(generate(combustion), folder)
    verdict = Verdict("passed", Profile("weak", ()), (), None, 0.1)
    finish_pack(folder, combustion, dimensions=(), verdict=verdict, release="r-7", tables_digest="ab" * 32)
    return folder


def test_the_envelope_lies_beside_the_pack_and_outside_its_digest(pack: Path, tmp_path: Path) -> None:
    before = tree(pack)
    path = sign_pack(pack, tmp_path / "keys")
    assert path == envelope_path(pack) == pack.parent / "agent@1.0.0-00000000.dsse.json"
    assert tree(pack) == before
    assert verify(pack, path.read_bytes(), read_public_key(tmp_path / "keys" / PUBLIC)) == []


def test_the_statement_is_in_toto_and_names_every_file(pack: Path, tmp_path: Path) -> None:
    path = sign_pack(pack, tmp_path / "keys")
    said = opened(path.read_bytes(), read_public_key(tmp_path / "keys" / PUBLIC)).statement
    certificate = PackCertificate.load(pack)
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    subjects = {s["name"]: s["digest"]["sha256"] for s in said["subject"]}
    assert subjects == tree(pack) | {"certificate.json": certificate.digest}
    assert said["predicate"]["packDigest"] == certificate.pack_digest
    assert said["predicate"]["factorRelease"] == "r-7"


def test_the_signature_is_over_the_bytes_that_dsse_names(pack: Path) -> None:
    key = Ed25519PrivateKey.generate()
    envelope = json.loads(sign(pack, key))
    payload = base64.b64decode(envelope["payload"])
    kind = b"application/vnd.in-toto+json"
    # DSSE 1.0: PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body
    wanted = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    key.public_key().verify(base64.b64decode(envelope["signatures"][0]["sig"]), wanted)


def test_signing_again_gives_the_same_bytes(pack: Path, tmp_path: Path) -> None:
    path = sign_pack(pack, tmp_path / "keys")
    first, place = path.read_bytes(), path.stat().st_ino
    assert sign_pack(pack, tmp_path / "keys").read_bytes() == first
    assert path.stat().st_ino == place


def test_the_key_is_made_once_and_is_its_owner_s(tmp_path: Path) -> None:
    signing_key(tmp_path / "keys")
    first = (tmp_path / "keys" / PRIVATE).read_bytes()
    signing_key(tmp_path / "keys")
    assert (tmp_path / "keys" / PRIVATE).read_bytes() == first
    assert stat.S_IMODE((tmp_path / "keys" / PRIVATE).stat().st_mode) == 0o600
    assert sorted(p.name for p in (tmp_path / "keys").iterdir()) == sorted([PRIVATE, PUBLIC])
    (tmp_path / "keys" / PRIVATE).chmod(0o640)
    with pytest.raises(PackError, match="may be read by others"):
        signing_key(tmp_path / "keys")


def test_every_change_is_found(pack: Path, tmp_path: Path) -> None:
    envelope = sign_pack(pack, tmp_path / "keys").read_bytes()
    public = read_public_key(tmp_path / "keys" / PUBLIC)
    (pack / "README.md").write_text("changed")
    (pack / "LICENSE").unlink()
    (pack / "more.txt").write_text("more")
    (pack / "certificate.json").write_text("{}")
    assert verify(pack, envelope, public) == [
        "LICENSE is signed and missing",
        "README.md is not what was signed",
        "certificate.json is not what was signed",
        "more.txt is not signed",
    ]


def test_an_envelope_of_another_key_or_another_content_is_refused(pack: Path, tmp_path: Path) -> None:
    envelope = sign_pack(pack, tmp_path / "keys").read_bytes()
    public = read_public_key(tmp_path / "keys" / PUBLIC)
    other = Ed25519PrivateKey.generate().public_key()
    assert verify(pack, envelope, other) == ["no signature of the envelope is of this key"]
    content = json.loads(envelope)
    payload = base64.b64decode(content["payload"]).replace(b"r-7", b"r-8")
    forged = json.dumps(content | {"payload": base64.b64encode(payload).decode()}).encode()
    assert verify(pack, forged, public) == ["no signature of the envelope is of this key"]
    renamed = json.dumps(content | {"payloadType": "text/plain"}).encode()
    assert verify(pack, renamed, public) == ["the envelope holds text/plain, no in-toto statement"]
    for broken in (b"{", b"[]", b'{"payloadType": 1}', b'{"payload": "?", "payloadType": "x", "signatures": []}'):
        assert verify(pack, broken, public)[0].startswith("this is no DSSE envelope")


def test_another_pack_does_not_fit_the_envelope(pack: Path, heat_pump: Resolution, tmp_path: Path) -> None:
    envelope = sign_pack(pack, tmp_path / "keys").read_bytes()
    shutil.rmtree(pack)
    write_pack(generate(heat_pump), pack)
    assert verify(pack, envelope, read_public_key(tmp_path / "keys" / PUBLIC))


def test_what_is_no_public_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(PackError, match="no public key in PEM"):
        read_public_key(tmp_path / "key.pem")


def test_the_key_id_names_the_key(pack: Path, tmp_path: Path) -> None:
    key = signing_key(tmp_path / "keys")
    envelope = json.loads(sign(pack, key))
    raw = key.public_key().public_bytes_raw()
    assert envelope["signatures"][0]["keyid"] == bytes_digest(raw)
