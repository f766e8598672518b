"""The canonical request: what is asked, independent of who answers. Its digest names the cassette.

Belongs here: the request's content, its digest, the follow-up of a reply that did not fit. Does not belong here: files,
providers.

Provider and model are NOT part of the digest. A rebuild must find the same answer whichever provider gave it then,
after a fall-back as well as after a change of the configuration; who answered stands in the cassette and in the
disclosure. To ask another model anew, run with ``GREENLANG_LLM=live``. Nor are values that are sent aside
(`Ask.aside`): which agents stand near in a registry must not lose a recording.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from greenlang.llm.prompts import Rendered, visible
from greenlang.provenance import digest

_FORMAT = 1
ASIDE = "(sent aside; not part of the question)"
_TELL = (
    "Your reply was not usable:\n{problems}\n\n"
    "Answer again with one JSON object of the schema, complete, and nothing else."
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is asked of a provider. Those that it refuses are dropped, and told."""

    temperature: float
    seed: int
    max_tokens: int

    def as_dict(self) -> dict[str, Any]:
        """By name, as sent."""
        return {"max_tokens": self.max_tokens, "seed": self.seed, "temperature": self.temperature}


@dataclass(frozen=True, slots=True)
class Request:
    """One exchange. ``content`` is what the digest is taken over; ``root`` the digest of the first of its question.

    ``messages`` are sent; ``named`` are the first of them without what is sent aside, as the digest counts them.
    """

    content: Mapping[str, Any]
    messages: tuple[Mapping[str, str], ...]
    parameters: Parameters
    prompt: str
    schema: str
    root: str = ""
    reask: int = 0
    named: tuple[Mapping[str, str], ...] = ()

    @property
    def recorded(self) -> tuple[Mapping[str, str], ...]:
        """The messages as a cassette holds them: those that the digest is taken over."""
        return (*self.named, *self.messages[len(self.named) :])

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical content."""
        return digest(self.content)

    def again(self, reply: str, problems: tuple[str, ...]) -> Request:
        """The follow-up that tells what was wrong.

        Its digest is made of the first request's and of the reply, not of the told sentences: those come partly from
        pydantic, and a new version of it must not lose the recordings.
        """
        root = self.root or self.digest
        told = _TELL.format(problems="\n".join(f"- {visible(p)}" for p in problems))
        said = hashlib.sha256(reply.encode("utf-8", "surrogatepass")).hexdigest()
        content = {"format": _FORMAT, "first": root, "reask": self.reask + 1, "reply": said}
        talk = ({"role": "assistant", "content": reply or "(empty)"}, {"role": "user", "content": told})
        return replace(self, content=content, messages=(*self.messages, *talk), root=root, reask=self.reask + 1)


def request(
    rendered: Rendered,
    schema: Mapping[str, Any],
    parameters: Parameters,
    sample: int,
    named: Rendered | None = None,
) -> Request:
    """The first request of a question. Each sample has a seed of its own: seed + sample.

    ``named`` is the prompt without what is sent aside.
    """
    parameters = replace(parameters, seed=parameters.seed + sample)
    text = json.dumps(schema, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (system, user), (_, counted) = rendered.messages(), (named or rendered).messages()
    system = {**system, "content": f"{rendered.system}\n\nJSON Schema of the answer:\n{text}"}
    content: dict[str, Any] = {
        "format": _FORMAT,
        "prompt": rendered.prompt,
        "rendered": digest([system["content"], counted["content"]]),
        "schema": digest(_strict(schema)),
        "parameters": _strict(parameters.as_dict()),
        "sample": sample,
    }
    schema_digest = content["schema"]
    whole = Request(content, (system, user), parameters, rendered.prompt, schema_digest, named=(system, counted))
    return replace(whole, root=whole.digest)


def round_digest(first: Request) -> str:
    """What a round is counted by: the question without its sample, so that k samples are one round."""
    kept = {key: value for key, value in first.content.items() if key not in {"sample", "parameters"}}
    return digest(kept)


def _strict(value: Any) -> Any:
    """Numbers that are equal become equal: 0 and 0.0 are one temperature."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value
