"""`AgentFactory`: the factory for a Python program, as in document 000, section 5.

    factory = AgentFactory(budget_per_agent_usd=5.00, max_refinements=3)
    result = await factory.generate_agent(AgentSpec.from_yaml("boiler.yaml"))     # or generate_agent_sync

Belongs here: the caller's side of a call. Does not belong here: what is done (``errand``, in a process of its own), so
that this module is imported in a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenlang.factory.errand import Done, Errand, Fate
    from greenlang.factory.validators import QualityResult
    from greenlang.metrics.totals import FactoryMetrics
    from greenlang.settings import Settings
    from greenlang.specs.model import AgentSpec

_CHILD = "import sys; from greenlang.factory.errand import main; main(int(sys.argv[1]))"
_LOOK = 0.02  # seconds between two looks whether a process has ended
_GRACE = 30.0  # seconds that a call which is taken back has for undoing what it began


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """What came of one spec.

    ``success``: what was asked for is there. ``outcome`` is that of the line, or ``generated`` for an agent of which
    tests, documents or validation were left out: nothing was run or registered, and ``error`` says why.
    ``files``: every text of the pack by its path in it. ``validation``: the twelve dimensions, as `QualityValidator`
    tells them. ``cost_usd``: what models cost in this call; ``seconds``: the agent's own stages.
    """

    agent_id: str
    version: str
    outcome: Fate
    error: str
    validation: QualityResult
    package: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    pack: Path | None = None
    cost_usd: Decimal = Decimal(0)
    seconds: float = 0.0

    @property
    def success(self) -> bool:
        """Whether the agent is there: registered, or generated where no more was asked for."""
        return self.outcome in {"registered", "generated"}

    @property
    def registered(self) -> bool:
        """Whether the registry holds it."""
        return self.outcome == "registered"

    @property
    def agent_code(self) -> str:
        """The module that defines ``Agent``; ``code`` has those that it imports. Empty where there is none."""
        return self.files.get(f"{self.package}/agent.py", "")

    @property
    def code(self) -> dict[str, str]:
        """The agent's package, by path: what `QualityValidator` takes as ``agent_code``."""
        return {name: text for name, text in self.files.items() if name.startswith(f"{self.package}/")}

    @property
    def tests(self) -> dict[str, str]:
        """Its tests, by path: what `QualityValidator` takes as ``test_code``."""
        return {name: text for name, text in self.files.items() if name.startswith("tests/")}


class AgentFactory:
    """Makes agents of specs, in the factory that ``settings`` name (by default: the environment's).

    ``budget_per_agent_usd`` and ``max_refinements`` bound what language models may cost and be asked for one agent;
    None takes the settings'. ``enable_validation=False`` generates only, and registers nothing. ``timeout_seconds``
    bounds every call, which then raises TimeoutError.

    Each call runs in a process of its own. A call that is cancelled, times out, or whose caller dies is taken back:
    its processes end, and a spec that was not decided leaves the factory. Several factories may be used at once; over
    one folder ``var`` their batches wait for each other.
    """

    def __init__(
        self,
        budget_per_agent_usd: Decimal | float | None = None,
        max_refinements: int | None = None,
        enable_validation: bool = True,
        *,
        settings: Settings | None = None,
        timeout_seconds: float | None = None,
    ) -> None:
        from greenlang.errors import SettingsError
        from greenlang.settings import Settings

        given: dict[str, Any] = {}
        if budget_per_agent_usd is not None:
            given["llm_budget_usd"] = Decimal(str(budget_per_agent_usd))
        if max_refinements is not None:
            given["llm_rounds"] = max_refinements
        if any(value < 0 for value in given.values()):
            raise SettingsError("budget_per_agent_usd and max_refinements are 0 or more")
        self.settings = (settings or Settings()).model_copy(update=given)
        self.enable_validation = enable_validation
        self.timeout_seconds = timeout_seconds

    # One agent

    async def generate_agent(
        self, spec: AgentSpec, skip_tests: bool = False, skip_docs: bool = False
    ) -> GenerationResult:
        """The agent of a spec: generated, tested, judged, certified, registered.

        With ``skip_tests`` or ``skip_docs`` it is generated without these, and neither judged nor registered, since no
        agent is registered without. What is wrong with the spec is in the result. Raises SpecError for a spec that no
        file holds, TimeoutError, and what the factory itself lacks: SandboxUnavailable, SettingsError, BucketError.
        """
        (result,) = await self._call([spec], 1, skip_tests=skip_tests, skip_docs=skip_docs)
        return result

    def generate_agent_sync(
        self, spec: AgentSpec, skip_tests: bool = False, skip_docs: bool = False
    ) -> GenerationResult:
        """As `generate_agent`, for a program without an event loop, or a cell of a notebook."""
        (result,) = self._call_sync([spec], 1, skip_tests=skip_tests, skip_docs=skip_docs)
        return result

    # Several

    async def generate_batch(
        self, specs: Sequence[AgentSpec], max_concurrent: int | None = None
    ) -> list[GenerationResult]:
        """The agents of several specs, in their order, ``max_concurrent`` of them (default: the settings' workers) at
        a time. One that fails stops no other. Raises as `generate_agent`.
        """
        return await self._call(specs, max_concurrent)

    def generate_batch_sync(
        self, specs: Sequence[AgentSpec], max_concurrent: int | None = None
    ) -> list[GenerationResult]:
        """As `generate_batch`, for a program without an event loop, or a cell of a notebook."""
        return self._call_sync(specs, max_concurrent)

    # What else document 000 asks for

    def refine_spec(self, spec: AgentSpec, errors: Sequence[str] = ()) -> AgentSpec:
        """The spec with what can be repaired without judgement (units, types, spellings; `greenlang agent validate
        --fix` does the same to a file). The same spec comes back where there are no ``errors``, or nothing can be
        repaired so: what remains is its author's to decide. Raises SpecError for a spec that no file holds.
        """
        from greenlang.specs.files import contents
        from greenlang.specs.fix import fix
        from greenlang.specs.reader import read

        data, overlay = contents(spec)
        if not errors:
            return spec
        fixed = fix(data, spec.slug)
        if not fixed.changes:
            return spec
        name = spec.overlay.name if spec.overlay else ""
        better, _ = read(
            fixed.data, spec.slug, overlay=overlay, overlay_name=name, max_bytes=self.settings.max_spec_bytes
        )
        return better or spec

    def get_metrics(self) -> FactoryMetrics:
        """Figures over every spec that this factory's folder ``var`` knows of, whoever had it made."""
        from greenlang.metrics.totals import totals

        return totals(self.settings)

    # The calls

    def _errand(
        self, specs: Sequence[AgentSpec], workers: int | None, *, skip_tests: bool = False, skip_docs: bool = False
    ) -> Errand:
        from greenlang.factory.errand import Errand
        from greenlang.factory.source import SpecSource
        from greenlang.specs.files import contents
        from greenlang.specs.overlay import overlay_name

        if workers is not None and workers < 1:
            raise ValueError("max_concurrent is 1 or more")
        names = [f"{spec.slug}.yaml" for spec in specs]
        sources = tuple(
            SpecSource(name, *contents(spec), overlay_name(name) if spec.overlay else "")
            for name, spec in zip(names, specs, strict=True)
        )
        return Errand(
            self.settings,
            tuple(spec.partition for spec in specs),
            sources,
            workers or self.settings.workers,
            tests=not skip_tests,
            documents=not skip_docs,
            judge=self.enable_validation,
        )

    async def _call(self, specs: Sequence[AgentSpec], workers: int | None, **left_out: bool) -> list[GenerationResult]:
        if not specs:
            return []
        call = Call(self._errand(specs, workers, **left_out))
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await call.spoken()
                done = await asyncio.to_thread(call.answer)  # unpickling imports what the answer is made of
        except (asyncio.CancelledError, TimeoutError):
            await _through(asyncio.ensure_future(call.taken_back()))
            raise
        finally:
            call.close()
        return [_result(spec, one) for spec, one in zip(specs, done, strict=True)]

    def _call_sync(self, specs: Sequence[AgentSpec], workers: int | None, **left_out: bool) -> list[GenerationResult]:
        if not specs:
            return []
        with Call(self._errand(specs, workers, **left_out)) as call:
            done = call.answer(self.timeout_seconds)
        return [_result(spec, one) for spec, one in zip(specs, done, strict=True)]


async def _through(work: asyncio.Future[None]) -> None:
    """Wait until it is done, however often the waiting is cancelled."""
    while not work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(work)


class Call:
    """An errand under way in a process of its own. A context manager: who leaves by an error takes it back."""

    def __init__(self, errand: Errand) -> None:
        from multiprocessing import Pipe

        from greenlang.factory.errand import SIZE

        self.errand = errand
        self._ear, mouth = Pipe(duplex=False)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        command = [sys.executable, "-P", "-c", _CHILD, str(mouth.fileno())]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stderr=self._errors,
            stdout=subprocess.DEVNULL,
            pass_fds=[mouth.fileno()],
            start_new_session=True,
        )
        mouth.close()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died: `answer` says so
            asked = pickle.dumps(errand)
            self.process.stdin.write(len(asked).to_bytes(SIZE, "big") + asked)
            self.process.stdin.flush()

    def __enter__(self) -> Call:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.take_back()
        self.close()

    def answer(self, timeout: float | None = None) -> list[Done]:
        """What came of each spec. Raises what the factory raised; TimeoutError; ConnectionError if it died."""
        if not self._ear.poll(timeout):
            raise TimeoutError(f"no agent within {timeout:g} seconds; the call is taken back")
        try:
            kind, content = self._ear.recv()
        except EOFError as error:
            code = self.process.wait()
            self._errors.seek(0)
            words = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
            raise ConnectionError(
                f"the process that made the agent ended ({code}): {''.join(words) or 'no word of it'}"
            ) from error
        if kind == "raised":
            raise content
        done: list[Done] = content
        return done

    async def spoken(self) -> None:
        """Wait until there is an answer, or the end of the process."""
        loop = asyncio.get_running_loop()
        heard = asyncio.Event()
        loop.add_reader(self._ear.fileno(), heard.set)
        try:
            await heard.wait()
        finally:
            loop.remove_reader(self._ear.fileno())

    def take_back(self) -> None:
        """Have the other process undo what it began, and end."""
        self._hang_up()
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._kill()

    async def taken_back(self) -> None:
        """As `take_back`, without holding up the loop."""
        self._hang_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while self.process.poll() is None:
                    await asyncio.sleep(_LOOK)
        self._kill()

    def close(self) -> None:
        """Let go of the process, which has answered or was taken back."""
        self._hang_up()
        self.process.wait()
        self._ear.close()
        self._errors.close()

    def _hang_up(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def _kill(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _result(spec: AgentSpec, done: Done) -> GenerationResult:
    assert done.validation is not None
    return GenerationResult(
        spec.agent_id,
        spec.version,
        done.fate,
        done.reason,
        done.validation,
        done.package,
        done.files or {},
        done.pack,
        done.cost_usd,
        done.seconds,
    )
