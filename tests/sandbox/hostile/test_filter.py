"""The filter of system calls, run by a small machine of our own: what it answers for either architecture."""

from __future__ import annotations

import errno
import os
import platform
import struct

import pytest

from greenlang.sandbox.confine import seccomp_program, seccomp_ready
from greenlang.sandbox.syscalls import ABSENT, F_SETFL, JUDGED, KILLED, NEWEST, O_ASYNC, REFUSED, SIGNALLING

ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
I386 = 0x40000003
PID = 4242
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
THREAD, SIGCHLD, NEW_USER = 0x3D0F00, 17, 0x10000000  # what pthread_create asks for; what fork asks for


def answer(program: bytes, number: int, architecture: int, *arguments: int) -> str:
    """Run the program on one call, as the kernel does."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *(a & (2**64 - 1) for a in (*arguments, *[0] * 6)[:6]))
    code = [struct.unpack_from("=HBBI", program, i) for i in range(0, len(program), 8)]
    place = accumulator = 0
    while True:
        operation, if_true, if_false, operand = code[place]
        place += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("=I", data, operand)[0]
        elif operation == 0x06:
            if operand & 0xFFFF0000 == ERRNO:
                return errno.errorcode[operand & 0xFFFF]
            return {ALLOW: "allowed", KILL: "killed"}[operand]
        else:
            true = {
                0x15: accumulator == operand,
                0x35: accumulator >= operand,
                0x45: bool(accumulator & operand),
            }[operation]
            place += if_true if true else if_false


@pytest.fixture(params=sorted(ARCHITECTURES))
def machine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def ask(machine: str, call: str | int, *arguments: int, threads: bool = False, abi: int = 7) -> str:
    architecture, index = ARCHITECTURES[machine]
    number = call
    if isinstance(call, str):
        number = {**KILLED, **REFUSED, **ABSENT, **JUDGED}[call][index]  # type: ignore[assignment]
    assert isinstance(number, int)
    return answer(seccomp_program(machine, PID, abi, threads=threads), number, architecture, *arguments)


def test_every_call_of_a_list_gets_the_answer_of_the_list(machine: str) -> None:
    index = ARCHITECTURES[machine][1]
    for calls, wanted in ((KILLED, "killed"), (REFUSED, "EPERM"), (ABSENT, "ENOSYS")):
        found = {name: ask(machine, name) for name, numbers in calls.items() if numbers[index] is not None}
        assert found == dict.fromkeys(found, wanted)


@pytest.mark.skipif(platform.machine() not in ARCHITECTURES, reason=f"no filter is written for {platform.machine()}")
@pytest.mark.parametrize("threads", [False, True])
def test_a_filter_that_was_made_before_its_process_is_the_one_of_that_process(
    monkeypatch: pytest.MonkeyPatch, *, threads: bool
) -> None:
    for pid in (os.getpid(), PID):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        assert seccomp_ready(7, threads=threads) == seccomp_program(platform.machine(), pid, 7, threads=threads)


def test_calls_of_another_abi_kill(machine: str) -> None:
    program = seccomp_program(machine, PID, 7)
    others = {I386, *(code for name, (code, _) in ARCHITECTURES.items() if name != machine)}
    assert {answer(program, number, other) for other in others for number in range(500)} == {"killed"}
    if machine == "x86_64":
        assert {ask(machine, 0x40000000 + number) for number in range(600)} == {"killed"}


def test_a_call_that_nobody_has_looked_at_does_not_exist(machine: str) -> None:
    assert {ask(machine, number) for number in range(NEWEST + 1, NEWEST + 200)} == {"ENOSYS"}


def test_no_process_is_made_and_threads_only_where_they_are_wanted(machine: str) -> None:
    assert ask(machine, "clone", SIGCHLD) == "killed"
    assert ask(machine, "clone", SIGCHLD, threads=True) == "killed"
    assert ask(machine, "clone", THREAD) == "EAGAIN"
    assert ask(machine, "clone", THREAD, threads=True) == "allowed"
    assert ask(machine, "clone", THREAD | NEW_USER, threads=True) == "killed"
    assert ask(machine, "clone3", threads=True) == "ENOSYS"


def test_signals_go_to_itself_only(machine: str) -> None:
    for call in ("kill", "tkill", "tgkill"):
        assert ask(machine, call, PID, 6) == "allowed"
        assert {ask(machine, call, other, 9) for other in (-1, 0, 1, PID + 1)} == {"killed"}


def test_limits_are_read_and_not_set(machine: str) -> None:
    assert ask(machine, "prlimit64", 0, 9, 0, 1) == "allowed"
    assert ask(machine, "prlimit64", 0, 9, 4096, 0) == "EPERM"
    assert ask(machine, "prlimit64", 0, 9, 1 << 32, 0) == "EPERM"


def test_an_older_landlock_does_not_see_truncation_so_the_filter_does(machine: str) -> None:
    assert ask(machine, "openat", 0, 0, 0o1000, abi=1) == "EPERM"
    assert ask(machine, "openat", 0, 0, 0, abi=1) == "allowed"
    assert ask(machine, "openat", 0, 0, 0o1000, abi=3) == "allowed"


@pytest.mark.parametrize("abi", [1, 3, 5, 6, 7])
def test_no_descriptor_is_made_to_signal_anyone_at_any_abi(machine: str, abi: int) -> None:
    for call, commands in SIGNALLING.items():
        assert {ask(machine, call, 3, number, PID, abi=abi) for number in commands.values()} == {"killed"}
        high = {ask(machine, call, 3, number | 1 << 32, PID, abi=abi) for number in commands.values()}
        assert high == {"killed"}  # the kernel reads 32 bits of it
    assert ask(machine, "fcntl", 3, F_SETFL, O_ASYNC | 0o4000, abi=abi) == "killed"
    assert ask(machine, "fcntl", 3, F_SETFL, 0o4000, abi=abi) == "allowed"
    assert {ask(machine, "fcntl", 3, number, O_ASYNC, abi=abi) for number in (0, 1, 2, 3, 1030)} == {"allowed"}
    assert {ask(machine, "ioctl", 3, number, abi=abi) for number in (0x5421, 0x541B, 0x5401)} == {"allowed"}


def test_the_commands_are_those_of_this_system() -> None:
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    for name, number in {**SIGNALLING["fcntl"], **SIGNALLING["ioctl"], "F_SETFL": F_SETFL}.items():
        for module in (fcntl, termios):
            assert getattr(module, name, number) == number, name
