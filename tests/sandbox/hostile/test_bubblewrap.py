"""The outer layer: named where it is in force, noted where it is not, and never needed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from greenlang.sandbox import Sandbox, bubblewrap
from greenlang.settings import Settings
from tests.sandbox.hostile.declared import PACKAGE, Hostile
from tests.sandbox.hostile.test_matrix import built

GOOD = Hostile("good", "", {}, "", "passed")
needed = pytest.mark.skipif(bool(bubblewrap.layer().reason), reason=bubblewrap.layer().reason or "it is there")


def settings(folder: Path) -> Settings:
    return Settings(var=folder / "var", sandbox="strict", test_seconds=20, test_memory_mb=256)


@needed
def test_it_is_named_where_it_is_in_force(tmp_path: Path) -> None:
    with Sandbox(settings(tmp_path)) as box:
        verdict = box.run_tests(built(GOOD, tmp_path), PACKAGE)
    assert (verdict.status, verdict.detail) == ("passed", "")
    assert bubblewrap.layer().primitive in verdict.profile.primitives
    assert verdict.profile.notes == ()


@needed
def test_the_root_inside_holds_python_and_the_packs_and_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "keys").mkdir()
    code = (
        "import os, sys\n"
        "told = [os.path.exists(p) for p in sys.argv[1:]]\n"
        "try:\n    open('/left', 'w')\nexcept OSError as error:\n    told.append(error.errno)\n"
        "print(told, os.getpid() < 10, os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize)"
    )
    asked = [str(tmp_path / "packs"), str(tmp_path / "keys"), "/etc/passwd", "/home"]
    words = bubblewrap.command(bubblewrap.layer().program, [tmp_path / "packs"])
    run = subprocess.run(
        [*words, sys.executable, "-I", "-c", code, *asked],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={},
    )
    assert run.stdout.strip() == f"[True, False, False, False, 30] True {bubblewrap.TMP_BYTES}"


@needed
def test_a_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    place = built(GOOD, tmp_path)
    with Sandbox(settings(tmp_path)) as box:
        starter = threading.Thread(target=box.run_tests, args=(place, PACKAGE))
        starter.start()
        starter.join()
        before = {handle.process.pid for handle in box._handles.values()}
        assert box.run_tests(place, PACKAGE).status == "passed"
        assert {handle.process.pid for handle in box._handles.values()} == before


@pytest.mark.parametrize("reason", ["bubblewrap is not installed", "bubblewrap is refused here: no namespaces"])
def test_without_it_the_same_holds_and_the_profile_says_so(
    reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bubblewrap, "layer", lambda: bubblewrap.Layer(reason=reason))
    with Sandbox(settings(tmp_path)) as box:
        verdict = box.run_tests(built(GOOD, tmp_path), PACKAGE)
    assert verdict.status == "passed"
    assert not any(p.startswith("bubblewrap") for p in verdict.profile.primitives)
    assert verdict.profile.weaknesses == ()
    assert verdict.profile.notes == (f"no outer layer: {reason}",)


def test_what_the_machine_lacks_is_a_reason_and_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "_PLACES", str(tmp_path))
    ask = bubblewrap.layer.__wrapped__
    assert ask().reason == "bubblewrap is not installed"
    program = tmp_path / "bwrap"
    program.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 9.9 && exit 0\necho no namespaces >&2\nexit 1\n'
    )
    program.chmod(0o755)
    assert ask().reason == "bubblewrap is refused here: no namespaces"


def test_a_server_does_not_name_a_layer_that_is_not_there() -> None:
    assert bubblewrap.inside() == (Path("/proc/1/comm").read_text().strip() == "bwrap")
    assert not bubblewrap.inside() or os.getpid() < 100


def test_the_folder_of_a_pack_is_no_top_folder_and_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setattr(tempfile, "tempdir", "/var/tmp")
    found = {
        "/var/tmp/run-0/case/pack": "/var/tmp/run-0",
        "/var/tmp/run-0/pack": "/var/tmp/run-0",
        "/var/tmp/pack": "/var/tmp/pack",
        "/srv/packs/pack": "/srv/packs",
        "/packs/pack": "/packs/pack",
        "/home/somebody/pack": "/home/somebody/pack",
        "/home/somebody/packs/pack": "/home/somebody/packs",
    }
    assert {pack: str(bubblewrap.folder_of(Path(pack))) for pack in found} == found
