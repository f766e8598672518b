"""What each profile permits and refuses, as a page: ``docs/sandbox.md`` is made of this by ``python -m tools.docs``.

Belongs here: words, and figures read from the code that enforces them. Does not belong here: enforcing.
"""

from __future__ import annotations

from collections.abc import Iterable

from greenlang.sandbox import bubblewrap, confine, gate, gate_rules, server, syscalls, trials
from greenlang.settings import Settings

_INTRODUCTION = """\
# Sandbox

Generated code is foreign code. It runs in three processes, after a look at its source.

1. **The gate** looks at the files and syntax trees of a pack. What is not on its lists is refused and nothing runs.
2. **The supervisor** keeps the vectors and the expected outputs, holds the clock, and writes the verdict. It never
   imports a module of a pack.
3. **The fork server** has an empty environment and has imported Python's library, pydantic, pytest and the SDK once. A
   fork inherits memory, so no expected output and no secret is ever in it.
4. **The child** confines itself before it imports the first line of a pack. What it reports is a claim.

The supervisor checks a claim: the first line of a report, older than any foreign code, names the confinement in force;
the ids of tests are compared with the syntax trees; outputs are compared with what the supervisor expects, also for
inputs that no file of the pack holds; the answers are asked for again under another hash seed, time zone, locale, clock
and folder; and the tests run on mutants of the agent. Tests of which no mutant dies, or which fail on an unchanged
copy, have failed.

The supervisor reads, parses and compiles the Python of a pack once (compiling runs nothing). What the gate looked at is
what the children run: they get that code with their request, so a file that changes in between changes nothing. What is
the same for every pack, pytest's own start included, is done in the fork server before it forks. After a
few forks its memory is gathered into pages of two megabytes (`madvise`, Linux 6.1): a fork takes half of the time then.
"""

_RUNS = """\
## What runs of a pack

1. The tests, with branch coverage.
2. The agent on every input, by itself and in {threads} threads at once; the timed calls, HTTP and logs; the code blocks
   of the documents.
3. From a server with another hash seed, time zone, locale, clock and folder: the agent on every input again, and the
   tests on each mutant.

Each is a child of its own. Among the mutants are controls, copies in which nothing is changed; the child is not told
which. The first control that survives has met every test: that is the second run of the tests, by which flaky ones are
found. Where none survives, the tests are run again by themselves.
"""

_PROFILES = """\
## Profiles

`strict` is the default and needs Linux 5.13 or newer, Python, and nothing else: no privilege, no package. Where the
machine lacks a primitive (an older kernel, macOS) the run is refused and says what is missing. Only
`GREENLANG_SANDBOX=weak` runs it all the same; every verdict, the report and the certificate of the pack then carry the
weaknesses. It never falls back by itself.

"""
_AUDIT = """
*Refused inside Python* means an audit hook: it cannot be taken out, but native code goes past it. In both profiles it
also records what was tried, before the call is made.

What `strict` does not hide: whether a file elsewhere is there, and its size and times (Landlock refuses reading and
listing, not `stat`). Where bubblewrap is in force, such files are not there.
"""
_OUTER = """\
## bubblewrap, an outer layer

Where `bwrap` is installed and may make namespaces, each fork server is started below it, once: namespaces of its own
for processes, network, mounts, IPC, host name and users; no capabilities; a root that holds Python, the SDK and the
folder of the packs, read-only; a /tmp of {megabytes} MB in memory; and an end together with the supervisor. The profile
of a verdict then names it among its primitives. Where it is not installed or is refused, the profile notes the reason:
nothing rests on this layer.
"""
_GATE = """\
## The gate

It goes by lists of what is allowed; what a list does not hold is refused. A finding names file, line, rule and what to
do. One that no mistake leads to makes the verdict `escaped`, others make it `failed`. Nothing of the pack runs in
either case. What no syntax tree shows, a text that becomes code while the pack runs (an annotation, the condition of a
mark), a pickle, or a file opened by its number, is looked at by the child's audit hook and refused in both profiles.
What may be set is listed, not what may not: attributes of `self` where an object begins, names of the pack's own
modules by monkeypatch, and a few streams.
At most {findings} findings are told. A Python
file has at most {source} MB, a pack {pack} MB and {files}
files.

"""
_HOSTILE = """\
## Hostile packs

These {count} packs run in CI, each with the gate and without it; what stands here is declared beside them and compared
with what happens. A word in the third column is the rule by which the gate refuses the pack; a dash means that the gate
has nothing against it and the rest holds it alone.

"""
_VERDICTS = (
    ("`passed`", "every declared test ran and passed, and nothing was tried"),
    ("`failed`", "a test failed, the report does not fit the files, or the gate refused what a mistake may lead to"),
    ("`timed_out`", "the wall clock, held by the server, or the limit of processor time was reached"),
    ("`out_of_memory`", "the limit of the address space was reached, or the system ran out of memory"),
    ("`escaped`", "the code tried, or asked for, what no agent does; the attempts are recorded in the verdict"),
    ("`infrastructure`", "our fault: tried again, then told; never the agent's fault"),
)


def page(hostile: Iterable[tuple[str, str, str, str]]) -> str:
    """The page. ``hostile``: name, what it tries, what the gate says, what stops it without the gate."""
    runs = _RUNS.format(threads=trials.THREADS)
    parts = (_INTRODUCTION, runs, _profiles(), _limits(), _calls(), _outer(), _verdicts(), _gate(), _matrix(hostile))
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _profiles() -> str:
    rows = (
        ("reading files", "the pack itself, Python's library, installed packages, time zones", "refused inside Python"),
        ("writing files", "nowhere (Landlock; a file size limit of 0 bytes)", "file size limit of 0 bytes"),
        ("network", "none: no socket of any family, no look-up (seccomp)", "refused inside Python"),
        (
            "processes",
            "none: no fork, exec or clone of a process (seccomp, since root ignores RLIMIT_NPROC)",
            "RLIMIT_NPROC, and refused inside Python",
        ),
        (
            "threads",
            "none; in the evaluation with several threads, threads of its own, bounded by the address space",
            "RLIMIT_NPROC; none such in the evaluation with threads",
        ),
        ("signals", "to itself only (seccomp, and Landlock from its sixth version on)", "refused inside Python"),
        ("other processes' memory", "none: no ptrace, no process_vm_readv, no /proc", "refused inside Python"),
        ("system calls", f"those of the machine's own ABI, up to number {syscalls.NEWEST}; another ABI kills", "all"),
        ("time and memory", "limited", "limited"),
    )
    return _PROFILES + _table(("what", "`strict`", "`weak`"), rows) + _AUDIT


def _limits() -> str:
    fields = Settings.model_fields
    rows = (
        ("wall clock", f"{fields['test_seconds'].default} s", "`GREENLANG_TEST_SECONDS`; the parent kills"),
        ("processor time", "the same and one second", "RLIMIT_CPU"),
        (
            "address space",
            f"{fields['test_memory_mb'].default} MB above the warmed parent",
            "`GREENLANG_TEST_MEMORY_MB`; RLIMIT_AS",
        ),
        ("size of a written file", "0 bytes", "RLIMIT_FSIZE"),
        ("open files", f"{confine.OPEN_FILES}", "RLIMIT_NOFILE; none is inherited but the pipe of the report"),
        ("processes", "0", "RLIMIT_NPROC, and seccomp"),
        ("core files", "0 bytes", "RLIMIT_CORE"),
        ("report", f"{server.MAX_REPORT // 2**20} MB", "counted by the server"),
    )
    return "## Limits\n\n" + _table(("limit", "figure", "set by"), rows)


def _calls() -> str:
    rows = (
        ("kill the process", syscalls.KILLED),
        ("fail with EPERM", syscalls.REFUSED),
        ("do not exist (ENOSYS)", syscalls.ABSENT),
        ("depend on their arguments", syscalls.JUDGED),
    )
    told = [(what, f"{len(calls)}", ", ".join(f"`{name}`" for name in sorted(calls))) for what, calls in rows]
    return "## System calls that are treated specially\n\n" + _table(("they", "number", "calls"), told)


def _outer() -> str:
    return _OUTER.format(megabytes=bubblewrap.TMP_BYTES // 2**20)


def _verdicts() -> str:
    return "## Verdicts\n\n" + _table(("verdict", "meaning"), _VERDICTS)


def _gate() -> str:
    ruled = [
        (rule.name, rule.refuses, "`escaped`" if rule.attempt else "`failed`", rule.mend)
        for rule in gate_rules.RULES.values()
    ]
    common = set.intersection(*({*place.items()} for place in gate_rules.PLACES.values()))
    imports = [("every place", _modules(dict(common)))]
    imports += [
        (f"{place}, besides", _modules({k: v for k, v in allowed.items() if (k, v) not in common}))
        for place, allowed in gate_rules.PLACES.items()
    ]
    return (
        _GATE.format(
            findings=gate.MAX_FINDINGS,
            source=gate.MAX_SOURCE // 10**6,
            pack=gate.MAX_PACK // 10**6,
            files=f"{gate.MAX_FILES:,}",
        )
        + _table(("rule", "refuses", "verdict", "what to do"), ruled)
        + "\nWhat may be imported, beside the pack itself and `greenlang_sdk`:\n\n"
        + _table(("place", "modules and their names"), imports)
        + "\nBuilt-in names that may be used: "
        + ", ".join(f"`{n}`" for n in sorted(gate_rules.BUILTINS | gate_rules.HARMLESS))
        + "; `getattr`, `hasattr` and `setattr` with a plain word.\n"
    )


def _modules(allowed: dict[str, frozenset[str]]) -> str:
    told = []
    for module, names in sorted(allowed.items()):
        listed = "" if names is gate_rules.ANY else f" ({', '.join(sorted(names))})"
        told.append(f"`{module}`{listed}")
    return "; ".join(told) or "nothing"


def _matrix(hostile: Iterable[tuple[str, str, str, str]]) -> str:
    rows = list(hostile)
    return _HOSTILE.format(count=len(rows)) + _table(("pack", "what it does", "gate", "without the gate"), rows)
