"""A Dockerfile as its instructions, and the rules that it must keep.

Belongs here: parsing and rules of one file. Does not belong here: building an image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

# As a word of the name, so that TOKENIZERS_PARALLELISM is none; PASSWORD_FILE says where one is to be found.
_SECRET = re.compile(r"(?i)(?:^|_)(?:password|passwd|secret|token|api_?key|credentials?)(?:_(?!file$|path$)|$)")
_VARIABLE = re.compile(r"\$\{?(\w+)(?::-([^}]*))?\}?")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its line, its word in capitals, the rest."""

    line: int
    word: str
    rest: str


@dataclass(frozen=True)
class Dockerfile:
    """The instructions of a file, in order."""

    instructions: tuple[Instruction, ...]

    @cached_property
    def stage(self) -> tuple[Instruction, ...]:
        """The instructions that make the image: those of the last stage, behind those of the stages it starts from."""
        stages: dict[str, tuple[Instruction, ...]] = {}
        name, found = "", tuple[Instruction, ...]()
        for instruction in self.instructions:
            if instruction.word == "FROM":
                words = [w for w in instruction.rest.split() if not w.startswith("--")]
                found = stages.get(words[0].lower(), ()) if words else ()
                name = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else ""
                found = found or (instruction,)
            else:
                found = (*found, instruction)
            stages[name] = found
        return found

    def all(self, word: str) -> list[Instruction]:
        """Every instruction of this word that makes the image."""
        return [i for i in self.stage if i.word == word]

    def last(self, word: str) -> Instruction | None:
        """The last instruction of this word, which is the one in force."""
        found = self.all(word)
        return found[-1] if found else None

    @cached_property
    def arguments(self) -> Mapping[str, str]:
        """Build arguments with their defaults."""
        pairs = (i.rest.partition("=") for i in self.instructions if i.word == "ARG")
        return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}

    @property
    def base(self) -> str:
        """The image that the last stage stands on, arguments filled in; "" if there is none."""
        found = self.last("FROM")
        if found is None:
            return ""
        words = [w for w in found.rest.split() if not w.startswith("--")]
        return _VARIABLE.sub(lambda m: self.arguments.get(m[1]) or m[2] or "", words[0]) if words else ""

    @property
    def user(self) -> str:
        """The user in force at the end; "" is root."""
        found = self.last("USER")
        return found.rest.strip().partition(":")[0] if found else ""

    @property
    def ports(self) -> set[int]:
        """The ports that are exposed."""
        words = " ".join(i.rest for i in self.all("EXPOSE")).split()
        return {int(w.partition("/")[0]) for w in words if w.partition("/")[0].isdigit()}

    @property
    def command(self) -> list[str]:
        """The words of CMD in its exec form; empty for none, or for one through a shell."""
        found = self.last("CMD")
        return _words(found.rest) if found else []


def _words(text: str) -> list[str]:
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return words if isinstance(words, list) and all(isinstance(w, str) for w in words) else []


def parse(text: str) -> Dockerfile:
    """The instructions of a Dockerfile; comments are dropped, continued lines joined."""
    found: list[Instruction] = []
    start, held = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        start = start if held else number
        if bare.endswith("\\"):
            held += f"{bare[:-1].strip()} "
            continue
        word, _, rest = f"{held}{bare}".partition(" ")
        found.append(Instruction(start, word.upper(), rest.strip()))
        held = ""
    return Dockerfile(tuple(found))


def faults(file: Dockerfile) -> Iterator[tuple[int, str, str]]:
    """Rules that are broken: line, rule, what."""
    start = file.last("FROM")
    if start is None:
        yield 1, "base", "there is no FROM"
    else:
        name = file.base.rpartition("/")[2]
        if "@sha256:" not in file.base and (":" not in name or name.endswith(":latest")):
            yield start.line, "base", f"the base {file.base or start.rest} has neither a tag nor a digest"
    user = file.last("USER")
    if user is None or file.user in {"", "0", "root"}:
        yield user.line if user else 1, "user", "the container runs as root"
    check = file.last("HEALTHCHECK")
    if check is None or check.rest.upper().startswith("NONE"):
        yield check.line if check else 1, "healthcheck", "there is no health check"
    for instruction in file.instructions:
        yield from ((instruction.line, rule, what) for rule, what in _of(instruction))
    if file.last("CMD") is None and file.last("ENTRYPOINT") is None:
        yield 1, "command", "there is no CMD"


def _of(instruction: Instruction) -> Iterator[tuple[str, str]]:
    if instruction.word in {"ENV", "ARG"}:
        for name in re.findall(r"(?:^|\s)(\w+)=", instruction.rest) or instruction.rest.split()[:1]:
            if _SECRET.search(name):
                yield "secret", f"{instruction.word} {name} puts a secret into the image"
    elif instruction.word == "ADD" and re.search(r"https?://|git@", instruction.rest):
        yield "add", "ADD takes a file from an address without checking it"
    elif instruction.word in {"CMD", "ENTRYPOINT"} and not _words(instruction.rest):
        yield "shell", f"{instruction.word} goes through a shell, which keeps signals from the agent"
