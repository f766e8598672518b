"""Servers start, die, are replaced and leave nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from greenlang.errors import SandboxUnavailable
from greenlang.sandbox import Sandbox
from greenlang.sandbox.supervisor import decide, environment
from greenlang.settings import Settings

SETTINGS = Settings(sandbox="strict", test_seconds=5, test_memory_mb=256)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # a zombie does not count
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def gone(pid: int, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def server_pid(box: Sandbox, seed: int = 0) -> int:
    return box._handles[seed].process.pid


def test_closing_ends_the_server(make_pack):
    with Sandbox(SETTINGS) as box:
        assert box.profile.name == "strict"
        pid = server_pid(box)
        assert alive(pid)
    assert gone(pid)


def test_what_the_machine_can_do_is_proved_without_a_warm_server():
    with Sandbox(SETTINGS) as box:
        assert box.prove() == box.profile
    with Sandbox(SETTINGS) as box:
        box.prove()
        assert box._handles == {}


def test_a_dead_server_is_replaced_and_the_agent_not_blamed(make_pack):
    pack = make_pack()
    with Sandbox(SETTINGS) as box:
        assert box.run_tests(pack, "mini").status == "passed"
        first = server_pid(box)
        os.kill(first, signal.SIGKILL)
        assert box.run_tests(pack, "mini").status == "passed"
        assert server_pid(box) != first


def test_a_server_that_keeps_dying_is_infrastructure(make_pack, monkeypatch):
    from greenlang.sandbox import wire

    pack = make_pack()
    with Sandbox(SETTINGS) as box:
        assert box.profile

        def broken(*_: object) -> None:
            raise wire.Broken("cut")

        monkeypatch.setattr(wire, "send", broken)
        verdict = box.run_tests(pack, "mini")
    assert verdict.status == "infrastructure"
    assert verdict.detail.startswith("the fork server failed twice: cut")


SUPERVISOR = """
import sys
from pathlib import Path
from greenlang.sandbox import Sandbox
from greenlang.settings import Settings
box = Sandbox(Settings(sandbox="strict", test_seconds=60))
box._reach(Path(sys.argv[1]))  # what run_tests does first; it may start the server anew
box.profile
print(box._handles[0].process.pid, flush=True)
box.run_tests(Path(sys.argv[1]), "mini")
"""


@pytest.mark.slow
def test_killing_the_supervisor_takes_server_and_child_along(make_pack):
    pack = make_pack(tests="def test_it():\n    while True: pass\n")
    run = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(pack)], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    server = int(run.stdout.readline())
    children: list[int] = []
    while not children:
        time.sleep(0.1)
        children = [int(p) for p in Path(f"/proc/{server}/task/{server}/children").read_text().split()]
    run.kill()
    run.wait()
    run.stdout.close()
    assert gone(server)
    assert all(gone(child) for child in children)


def _work(pack: str) -> tuple[str, int]:
    with Sandbox(SETTINGS) as box:
        return box.run_tests(Path(pack), "mini").status, server_pid(box)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_processes_have_servers_of_their_own(method, make_pack):
    pack = str(make_pack())
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        found = list(pool.map(_work, [pack] * 4))
    assert [status for status, _ in found] == ["passed"] * 4
    assert all(gone(pid) for _, pid in found)


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # xdist runs threads
def test_a_fork_of_the_supervisor_does_not_touch_its_servers(make_pack, sandbox):
    pack = make_pack()
    assert sandbox.run_tests(pack, "mini").status == "passed"
    mine = server_pid(sandbox)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            good = sandbox.run_tests(pack, "mini").status == "passed" and server_pid(sandbox) != mine
            sandbox.close()
            code = 0 if good else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert sandbox.run_tests(pack, "mini").status == "passed"
    assert server_pid(sandbox) == mine


def hello(**changes: object) -> dict[str, object]:
    lines = '{"confined": ["landlock abi 7", "seccomp", "rlimits", "proved"]}\n{"result": {}}\n'
    return {"missing": [], "trial": {"tried": True, "report": lines}, **changes}


def test_what_is_missing_is_named_and_never_passed_over():
    assert decide(hello(), "strict").primitives == ("landlock abi 7", "seccomp", "rlimits")
    with pytest.raises(SandboxUnavailable) as error:
        decide(hello(missing=["Landlock (kernel 5.4: ENOSYS)"], trial={"tried": False}), "strict")
    assert str(error.value) == (
        "the strict sandbox is not possible on this machine; missing: Landlock (kernel 5.4: ENOSYS). "
        "Set GREENLANG_SANDBOX=weak to run generated code with resource limits only."
    )
    for lines in (
        '{"confined": ["landlock abi 7", "seccomp", "rlimits"]}\n',
        '{"unconfined": "seccomp filter: EPERM"}\n',
        "",
    ):
        with pytest.raises(SandboxUnavailable, match="GREENLANG_SANDBOX=weak"):
            decide(hello(trial={"tried": True, "report": lines}), "strict")


def test_the_weak_profile_says_what_it_lacks(weak, make_pack):
    assert weak.run_tests(make_pack(), "mini").status == "passed"
    profile = weak.profile
    assert profile.name == "weak"
    assert [p for p in profile.primitives if not p.startswith("bubblewrap")] == ["rlimits"]
    assert "native code may open sockets, start programs and signal other processes" in profile.weaknesses


def test_the_weak_profile_still_refuses_inside_python_and_limits(weak, make_pack, tmp_path):
    code = f"def test_it():\n    open({str(tmp_path / 'left')!r}, 'w').write('x')\n"
    verdict = weak.run_tests(make_pack(tests=code), "mini")
    assert verdict.status == "escaped"
    assert not (tmp_path / "left").exists()
    verdict = weak.run_tests(make_pack(tests="def test_it():\n    bytearray(2**33)\n"), "mini")
    assert verdict.status == "out_of_memory"


def test_the_filter_exists_for_both_architectures():
    from greenlang.sandbox.confine import seccomp_program

    for machine in ("x86_64", "aarch64"):
        for abi in (1, 7):
            program = seccomp_program(machine, 4242, abi)
            assert len(program) % 8 == 0
            assert len(program) // 8 < 4096
    with pytest.raises(KeyError):
        seccomp_program("riscv64", 1, 7)


# --- evaluations -----------------------------------------------------------------------------------------------


def test_the_environment_changes_with_the_seed():
    assert environment(0) != environment(1)
    assert environment(0)["TZ"] != environment(1)["TZ"]
    assert environment(0)["LC_ALL"] != environment(1)["LC_ALL"]
    assert "PATH" not in environment(0)


AGENT = """
class Result:
    error = None
    provenance = ""
    def __init__(self, value): self.value = value
    def as_dict(self): return {{"data": {{"x": self.value}}}}

class Agent:
    def run(self, given):
        return Result({expression})
"""


@pytest.mark.parametrize(
    ("expression", "same"),
    [
        ("'7'", True),
        ("str({'alpha', 'beta', 'gamma', 'delta', 'epsilon'})", False),
        ("str(hash('alpha'))", False),
        ("str(__import__('random').random())", False),
        ("str(__import__('time').strftime('%z'))", False),
        ("str(__import__('time').time_ns())", False),
        ("open(__file__).encoding", False),
        ("given['amount']", True),
    ],
)
def test_two_seeds_show_what_is_not_deterministic(expression, same, make_pack, sandbox):
    pack = make_pack(agent=AGENT.format(expression=expression))
    outputs = []
    for seed in (0, 1):
        evaluation = sandbox.evaluate(pack, "mini", [{"amount": "1"}, {"amount": "2"}], hash_seed=seed)
        assert evaluation.status == "passed", evaluation.detail
        assert evaluation.output.count(b"\n") == 2
        outputs.append(evaluation.output)
    assert (outputs[0] == outputs[1]) is same


@pytest.mark.parametrize(
    ("expression", "status", "detail"),
    [
        ("1 / 0", "failed", "ZeroDivisionError: division by zero"),
        ("open('/etc/passwd').read()", "escaped", "it read /etc/passwd"),
        ("len(bytearray(2**34))", "out_of_memory", "it asked for more than 256 MB"),
        ("__import__('os')._exit(0)", "failed", "the process ended without a result (exit code 0)"),
    ],
)
def test_an_evaluation_that_goes_wrong_says_how(expression, status, detail, make_pack, sandbox):
    evaluation = sandbox.evaluate(make_pack(agent=AGENT.format(expression=expression)), "mini", [{}], hash_seed=0)
    assert (evaluation.status, evaluation.detail, evaluation.output) == (status, detail, b"")


@pytest.mark.parametrize(
    "first", [b'{"unconfined": "seccomp filter: EPERM"}\n', b'{"crashed": "x"}\n', b'{"result": {}}\n']
)
def test_a_report_that_does_not_begin_with_the_confinement_counts_for_nothing(first):
    from greenlang.sandbox import claims

    claim = claims.parse(first + b'{"result": {"tests": []}}\n')
    assert claim.unconfined
    assert (claim.ended, claim.result) == (False, {})
