"""The shapes of replies: what a model may say, typed. Each is a proposal that a deterministic check has still to pass.

Belongs here: pydantic types, with the sentences that the model is told about each field. Does not belong here: asking,
checking, applying. No field holds a number that enters a calculation: expressions are text, and audited.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Line = Annotated[str, Field(max_length=2_000)]
Text = Annotated[str, Field(max_length=40_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Closed(BaseModel):
    """A reply says nothing that its type does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProposedFormula(Closed):
    """A formula for one output: an expression in the formula language, or a formula of the library."""

    output: Name = Field(description="name of the output; part.output in a spec with parts")
    expression: Line = Field("", description="expression in the formula language; empty if `formula` is given")
    formula: Line = Field("", description="id of a library formula; empty if `expression` is given")
    formula_output: Line = Field("", description="which output of the library formula, where it has several")
    bind: dict[Name, Line] = Field(
        default_factory=dict, description="symbol of the library formula -> expression over the spec's inputs"
    )
    quote: Line = Field(description="the author's own words that state it, copied letter by letter from the spec")
    why: Line = Field("", description="one sentence: why these words mean this formula")


class OverlayProposal(Closed):
    """What would make an author's prose computable. An output that the prose does not state is left out."""

    formulas: tuple[ProposedFormula, ...] = Field((), max_length=200)
    units: dict[Name, Line] = Field(default_factory=dict, description="input or output -> unit, only where none is set")
    names: dict[Name, Line] = Field(default_factory=dict, description="symbol of the prose -> input or output it means")
    unsure: tuple[Line, ...] = Field((), max_length=200, description="outputs that are not stated, with the reason")


class CodePatch(Closed):
    """One replacement in one file. ``old`` stands in the file exactly once, or the patch is refused."""

    file: Name = Field(description="path inside the agent's own folder")
    line: int = Field(ge=1, le=1_000_000, description="line, counted from 1, where `old` begins")
    old: Annotated[str, Field(min_length=1, max_length=40_000)] = Field(description="the text that stands there now")
    new: Text = Field(description="the text to put in its place")
    explanation: Line = Field(description="why this mends the failure")


class CodeRepair(Closed):
    """Several patches that belong together; they are applied all or none."""

    patches: tuple[CodePatch, ...] = Field(min_length=1, max_length=50)


class FailureExplanation(Closed):
    """Why an agent failed, in a person's words. ``confidence`` is the model's own opinion; nothing is decided by it."""

    root_causes: tuple[Line, ...] = Field(min_length=1, max_length=20)
    fix_suggestions: tuple[CodePatch, ...] = Field((), max_length=50)
    confidence: float = Field(ge=0, le=1)
    complexity: Literal["low", "medium", "high"]


class NamesAndDocs(Closed):
    """A name and sentences for people. Proposals only: nothing is computed from them."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    summary: Line = Field(description="two or three plain sentences: what it computes, from what")
    inputs: dict[Name, Line] = Field(default_factory=dict, description="input -> one sentence")
    outputs: dict[Name, Line] = Field(default_factory=dict, description="output -> one sentence")
