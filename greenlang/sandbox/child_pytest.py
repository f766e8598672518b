"""pytest's settings for a pack, made before the fork, in the fork server and in the confined child.

Belongs here: how pytest is called. Does not belong here: what is run and recorded (`greenlang.sandbox.child_tests`).

Reading its own command line and registering its own plugins takes pytest longer than most packs' tests take. All of it
is the same for every pack but the folder, which is put in afterwards.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from _pytest import config as pytest_config

_OFF = (
    *("cacheprovider", "faulthandler", "junitxml", "pastebin", "stepwise", "doctest", "debugging", "logging"),
    *("warnings", "setuponly", "setupplan", "unraisableexception", "threadexception", "subtests"),
)
_prepared: list[pytest.Session] = []  # at most one; a child uses it up


def arguments(pack: Path, *, rewrite: bool) -> list[str]:
    """The command line of pytest: nothing is read from, or left in, a folder of anyone."""
    return [
        str(pack / "tests"),
        "-q",
        "--tb=short",
        f"--assert={'rewrite' if rewrite else 'plain'}",
        "--capture=sys",
        "--noconftest",
        "--import-mode=importlib",
        f"--rootdir={pack}",
        f"--confcutdir={pack}",
        "-c",
        os.devnull,
        *(part for name in _OFF for part in ("-p", f"no:{name}")),
    ]


def prepare(without_streams: Callable[[], None], folder: Path) -> None:
    """Make the session of the children to come. ``folder`` is there now and stands for their packs.

    The capture keeps the streams of this moment and shows them where a test turns it off: foreign code may have no
    others than those of ``without_streams``.
    """
    names = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
    kept = {name: getattr(sys, name) for name in names}
    without_streams()
    try:
        config = pytest_config._prepareconfig(arguments(folder, rewrite=False), None)
        session = pytest.Session.from_config(config)
        config._do_configure()
        config.hook.pytest_sessionstart(session=session)
        _move(session, folder)
    except (AttributeError, TypeError):
        return  # another pytest: each child begins at the beginning
    finally:
        vars(sys).update(kept)
    _prepared[:] = [session]


def main(pack: Path, plugins: Sequence[object], *, rewrite: bool) -> int:
    """Run the tests of a pack; the value is pytest's exit code."""
    if rewrite or not _prepared:
        return pytest.main(arguments(pack, rewrite=rewrite), plugins=[*plugins])
    session = _prepared.pop()
    _move(session, pack)
    for plugin in plugins:
        session.config.pluginmanager.register(plugin)
    return int(_run(session))


def _run(session: pytest.Session) -> int:
    """What pytest does with a session that has begun. It is not ended: the process ends right after it."""
    hook = session.config.hook
    try:
        hook.pytest_collection(session=session)
        hook.pytest_runtestloop(session=session)
    except pytest.UsageError:
        return pytest.ExitCode.USAGE_ERROR
    except session.Failed:
        return pytest.ExitCode.TESTS_FAILED
    except pytest.exit.Exception as ended:
        return pytest.ExitCode.INTERRUPTED if ended.returncode is None else ended.returncode
    except KeyboardInterrupt:
        return pytest.ExitCode.INTERRUPTED
    except BaseException:  # noqa: BLE001 - as pytest itself: whatever foreign code raises ends the session
        return pytest.ExitCode.INTERNAL_ERROR
    if session.testsfailed:
        return pytest.ExitCode.TESTS_FAILED
    return pytest.ExitCode.OK if session.testscollected else pytest.ExitCode.NO_TESTS_COLLECTED


def _move(session: pytest.Session, pack: Path) -> None:
    """Turn a session to a pack. Raises AttributeError where pytest looks different inside than it does today."""
    config = session.config
    names = session._bestrelpathcache
    places = ((config, "_rootpath"), (config.pluginmanager, "_confcutdir"), (session, "path"), (names, "path"))
    for owner, name in places:
        getattr(owner, name)
        setattr(owner, name, pack)
    names.clear()
    config.args = [str(pack / "tests")]
    config.option.rootdir = config.option.confcutdir = str(pack)
    config.option.file_or_dir = config.args
    config.invocation_params = pytest.Config.InvocationParams(
        args=arguments(pack, rewrite=False), plugins=None, dir=Path.cwd()
    )
