"""Stability: the same question asked k times; whether the answers behave alike, not whether they read alike.

Belongs here: asking the samples, comparing, keeping the measurement. Does not belong here: what "behave" means for a
kind of reply: the caller hands that in (an expression's normal form, the figures that a plan gives).

Only a difference in behaviour gates. Replies without a behaviour (texts for people) are counted and reported, and
nothing hangs on them.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from greenlang.errors import FormulaError
from greenlang.formulas.normal import named_form
from greenlang.formulas.parse import parse
from greenlang.llm.ask import Answer, Ask, Model, NoAnswer
from greenlang.provenance import canonical, digest

Reply = TypeVar("Reply", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Stability:
    """The measurement. ``stable`` is None where nothing gates: no behaviour was asked for, or fewer than two answers.

    ``texts`` and ``behaviours`` count distinct ones among the ``answered`` of ``asked`` samples; ``agreeing`` is how
    many share the most frequent behaviour.
    """

    prompt: str
    request_digest: str  # of the first answered sample
    asked: int
    answered: int
    texts: int
    behaviours: int | None
    agreeing: int | None
    stable: bool | None
    models: tuple[str, ...]
    unanswered: tuple[str, ...] = ()  # reasons

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Sampled(Generic[Reply]):
    """The answers in the order of their samples, and how alike they are."""

    answers: tuple[Answer[Reply], ...]
    stability: Stability


def stability(
    model: Model,
    question: Ask[Reply],
    k: int,
    *,
    behaviour: Callable[[Reply], object] | None = None,
    folder: Path | None = None,
) -> Sampled[Reply]:
    """Ask samples 0 .. k-1 of a question and compare them.

    ``behaviour`` gives what a reply does, in canonical JSON's types. The measurement is kept in ``folder``, if one is
    given, as ``<digest>-<k>.json``. A refusal for the budget, the rounds or want of a model ends the sampling.
    """
    answers: list[Answer[Reply]] = []
    unanswered: list[str] = []
    for sample in range(k):
        outcome = model.ask(replace(question, sample=sample))
        if isinstance(outcome, NoAnswer):
            hint = f" ({outcome.hint})" if outcome.hint else ""
            unanswered.append(f"sample {sample}: {outcome.why}: {outcome.reason}{hint}")
            if outcome.why in {"budget", "night_budget", "rounds", "no_model"}:
                break
        else:
            answers.append(outcome)
    texts = {digest(a.value.model_dump(mode="json")) for a in answers}
    behaviours = Counter(digest(behaviour(a.value)) for a in answers) if behaviour is not None else None
    measured = Stability(
        prompt=answers[0].disclosure.prompt if answers else question.prompt,
        request_digest=answers[0].disclosure.request_digest if answers else "",
        asked=k,
        answered=len(answers),
        texts=len(texts),
        behaviours=None if behaviours is None else len(behaviours),
        agreeing=None if behaviours is None else max(behaviours.values(), default=0),
        stable=None if behaviours is None or len(answers) < 2 else len(behaviours) == 1,
        models=tuple(sorted({a.disclosure.model for a in answers})),
        unanswered=tuple(unanswered),
    )
    if folder is not None and answers:
        _keep(folder / f"{measured.request_digest}-{k}.json", measured)
    return Sampled(tuple(answers), measured)


def expression_behaviour(text: str) -> str:
    """What an expression does, as far as its text tells: its tree without spelling and the order of terms and factors.

    A text that is no expression behaves like nothing but itself.
    """
    try:
        return named_form(parse(text))
    except FormulaError as error:
        return f"no expression: {error}: {text}"


def _keep(path: Path, measured: Stability) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(canonical(measured.as_dict()) + b"\n")
    Path(name).replace(path)
