"""How a process confines itself, through ctypes: no_new_privs, Landlock, a seccomp filter, rlimits.

Belongs here: primitives of the operating system and what they refuse. Does not belong here: who is confined and when
(`greenlang.sandbox.server`). Nothing here imports a Linux-only module; on other systems `probe` says what is missing.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from greenlang.sandbox import syscalls

_PR_SET_PDEATHSIG = 1
_PR_GET_SECCOMP = 21
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same on both architectures

_FS_WRITE_FILE, _FS_READ_FILE, _FS_READ_DIR, _FS_TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
_TRUNCATE_ABI, _NETWORK_ABI, _IOCTL_ABI, _SCOPE_ABI = 3, 4, 5, 6

# audit architecture (linux/audit.h) and index into the tables of `syscalls`
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NR, _ARCH, _ARG0 = 0, 4, 16  # offsets in struct seccomp_data; an argument is 8 bytes, low word first
OPEN_FILES = 64
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag of clone(2)
_NOBODY = 0x7EEDFACE  # stands for a process that is not there yet: numbers of processes end at 2**22


class ConfinementError(Exception):
    """A primitive that should be there refused."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


@dataclass(frozen=True, slots=True)
class Probe:
    """What this machine offers. ``missing`` names each primitive that it lacks, with the reason."""

    landlock_abi: int
    seccomp: bool
    missing: tuple[str, ...]


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    libc = _libc()
    libc.syscall.restype = ctypes.c_long
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    return result


def _failed(what: str) -> ConfinementError:
    code = ctypes.get_errno()
    return ConfinementError(f"{what}: {errno.errorcode.get(code, code)} {os.strerror(code)}")


def probe() -> Probe:
    """Ask the kernel what it has; changes nothing."""
    if not sys.platform.startswith("linux"):
        why = f"{platform.system()} is not Linux"
        return Probe(0, False, (f"Landlock ({why})", f"seccomp ({why})"))
    missing = []
    abi = _call(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if abi < 1:
        code = ctypes.get_errno()
        name = errno.errorcode.get(code, str(code))
        missing.append(f"Landlock (kernel {platform.release()}: {name}; Linux 5.13 or newer has it)")
    seccomp = _libc().prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0
    if not seccomp:
        missing.append(f"seccomp (kernel {platform.release()} is built without it)")
    elif platform.machine() not in _ARCHITECTURES or sys.maxsize < 2**32:
        seccomp = False
        missing.append(f"seccomp (no filter is written for {platform.machine()})")
    return Probe(max(abi, 0), seccomp, tuple(missing))


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends (Linux); elsewhere nothing."""
    if sys.platform.startswith("linux"):
        _libc().prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def no_new_privileges() -> None:
    """Give up set-uid programs and file capabilities for good: the condition for what follows."""
    if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _failed("no_new_privs")


def landlock(abi: int, readable: Iterable[Path]) -> None:
    """Refuse every file access but reading below ``readable`` (and /dev/null), TCP, and signals to others."""
    handled = (1 << 13) - 1
    for since, bit in ((2, 1 << 13), (_TRUNCATE_ABI, _FS_TRUNCATE), (_IOCTL_ABI, 1 << 15)):
        handled |= bit if abi >= since else 0
    attributes = struct.pack("=QQQ", handled, 3, 3)
    size = 24 if abi >= _SCOPE_ABI else 16 if abi >= _NETWORK_ABI else 8
    ruleset = _call(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        raise _failed("landlock_create_ruleset")
    for path in readable:
        rights = _FS_READ_FILE | _FS_READ_DIR if path.is_dir() else _FS_READ_FILE
        _allow(ruleset, path, rights)
    _allow(ruleset, Path(os.devnull), (_FS_READ_FILE | _FS_WRITE_FILE | _FS_TRUNCATE) & handled)
    if _call(_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) != 0:
        raise _failed("landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    rule = struct.pack("=Qi", rights, handle)
    if _call(_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0)) != 0:
        raise _failed(f"landlock_add_rule {path}")
    os.close(handle)


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def _only(pid: int) -> bytes:
    """Go on where the word is this process's number, past the next instruction otherwise."""
    return _instruction(_JUMP_EQUAL, pid, 0, 1)


def _refusal(number: int) -> int:
    return _ERRNO | number


def seccomp_program(machine: str, pid: int, landlock_abi: int, *, threads: bool = False) -> bytes:
    """The BPF program for one process: a list of refusals, by number and by argument.

    A call of another architecture (i386, x32) kills the process. ``pid`` is the only process it may signal.
    ``threads``: threads of its own may be started (their number is bounded by the address space), never processes.
    Raises KeyError for a machine that has no table.
    """
    architecture, index = _ARCHITECTURES[machine]
    program = [
        _instruction(_LOAD, _ARCH),
        _instruction(_JUMP_EQUAL, architecture, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NR),
    ]
    if index == 0:
        program += [_instruction(_JUMP_GE, _X32_BIT, 0, 1), _instruction(_RETURN, _KILL)]
    program += [
        _instruction(_JUMP_GE, syscalls.NEWEST + 1, 0, 1),
        _instruction(_RETURN, _refusal(errno.ENOSYS)),
        _instruction(_JUMP_EQUAL, syscalls.FCHMODAT2, 0, 1),
        _instruction(_RETURN, _refusal(errno.EPERM)),
    ]
    for table, action in (
        (syscalls.KILLED, _KILL),
        (syscalls.REFUSED, _refusal(errno.EPERM)),
        (syscalls.ABSENT, _refusal(errno.ENOSYS)),
    ):
        for numbers in table.values():
            number = numbers[index]
            if number is not None:
                program += [_instruction(_JUMP_EQUAL, number, 0, 1), _instruction(_RETURN, action)]
    for name, numbers in syscalls.JUDGED.items():
        number = numbers[index]
        if number is not None:
            body = _judged(name, pid, landlock_abi, threads)
            if body:
                program += [_instruction(_JUMP_EQUAL, number, 0, len(body)), *body]
    program.append(_instruction(_RETURN, _ALLOW))
    return b"".join(program)


def _judged(name: str, pid: int, landlock_abi: int, threads: bool) -> list[bytes]:
    """Instructions for a call that depends on its arguments; they end in a return on every path."""
    allow, kill = _instruction(_RETURN, _ALLOW), _instruction(_RETURN, _KILL)
    refuse = _instruction(_RETURN, _refusal(errno.EPERM))
    if name == "clone":  # a thread fails as if there were no room, a process is an attempt to escape
        return [
            _instruction(_LOAD, _ARG0),
            _instruction(_JUMP_SET, _CLONE_NAMESPACES, 2, 0),
            _instruction(_JUMP_SET, _CLONE_THREAD, 0, 1),
            allow if threads else _instruction(_RETURN, _refusal(errno.EAGAIN)),
            kill,
        ]
    if name in ("kill", "tkill", "tgkill"):  # abort() and raise() of the process itself are honest
        return [_instruction(_LOAD, _ARG0), _only(pid), allow, kill]
    if name == "prlimit64":  # reading a limit is allowed, setting one is not: both words of the pointer are 0
        return [
            _instruction(_LOAD, _ARG0 + 16),
            _instruction(_JUMP_EQUAL, 0, 0, 2),
            _instruction(_LOAD, _ARG0 + 20),
            _instruction(_JUMP_EQUAL, 0, 1, 0),
            refuse,
            allow,
        ]
    if name in syscalls.SIGNALLING:
        return _signalling(name, kill, allow)
    if landlock_abi >= _TRUNCATE_ABI:
        return []
    flags = _ARG0 + (16 if name == "openat" else 8)  # an older Landlock does not see truncation
    return [_instruction(_LOAD, flags), _instruction(_JUMP_SET, os.O_TRUNC, 0, 1), refuse, allow]


def _signalling(name: str, kill: bytes, allow: bytes) -> list[bytes]:
    """Kill where the command (the second argument, 32 bits for the kernel too) asks for signals to others."""
    body = [_instruction(_LOAD, _ARG0 + 8)]
    for command in syscalls.SIGNALLING[name].values():
        body += [_instruction(_JUMP_EQUAL, command, 0, 1), kill]
    if name == "fcntl":  # F_SETFL with O_ASYNC is FIOASYNC by another name
        body += [
            _instruction(_JUMP_EQUAL, syscalls.F_SETFL, 0, 3),
            _instruction(_LOAD, _ARG0 + 16),
            _instruction(_JUMP_SET, syscalls.O_ASYNC, 0, 1),
            kill,
        ]
    return [*body, allow]


@functools.cache
def _for_nobody(machine: str, landlock_abi: int, *, threads: bool) -> bytes:
    return seccomp_program(machine, _NOBODY, landlock_abi, threads=threads)


def seccomp_ready(landlock_abi: int, *, threads: bool = False) -> bytes:
    """The program for this process; all but its number is made once, in the process that it was forked from."""
    made = _for_nobody(platform.machine(), landlock_abi, threads=threads)
    return made.replace(_only(_NOBODY), _only(os.getpid()))


def seccomp(landlock_abi: int, *, threads: bool = False) -> None:
    """Install the filter on this process, for good. ``threads``: as for `seccomp_program`."""
    program = seccomp_ready(landlock_abi, threads=threads)
    code = ctypes.create_string_buffer(program, len(program))
    wanted = _Program(len(program) // 8, ctypes.cast(code, ctypes.c_void_p))
    if _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(wanted), 0, 0) != 0:
        raise _failed("seccomp filter")


def rlimits(*, seconds: int, memory_bytes: int | None, threads: bool = False) -> tuple[str, ...]:
    """Set the limits of this process, for good; returns the names of those that the system refused.

    ``threads``: as for `seccomp_program`; the limit of processes counts threads too, so it is not set then.
    """
    import resource

    wanted: list[tuple[str, int]] = [
        ("CPU", seconds),
        ("FSIZE", 0),
        ("NOFILE", OPEN_FILES),
        ("CORE", 0),
    ]
    if not threads:
        wanted.append(("NPROC", 0))
    if memory_bytes is not None:
        wanted.append(("AS", memory_bytes))
    refused = []
    for name, limit in wanted:
        try:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
        except (ValueError, OSError, AttributeError):
            refused.append(name)
    return tuple(refused)
