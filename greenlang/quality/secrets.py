"""Texts of a pack that look like a secret.

A pattern is tried only where one of its marks stands in the text, so that a clean pack costs little more than looking
for the marks. Three ways to be found: the shape that a provider gives its keys, a value beside a word such as
``password``, and a quoted word that looks drawn at random.

Belongs here: shapes and entropy. Does not belong here: scores.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

from greenlang.quality.files import Files

_TEXT = (".py", ".md", ".yaml", ".yml", ".json", ".toml", ".txt", ".cfg", ".ini", ".sh", ".env", ".pem", ".key")


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of secret: a text holds one only if it holds one of the marks."""

    kind: str
    marks: tuple[str, ...]
    pattern: re.Pattern[str]


def _shape(kind: str, marks: str, pattern: str) -> Shape:
    return Shape(kind, tuple(marks.split()), re.compile(pattern))


MOST = 100  # of a file; who finds so many need not find them all
SHAPES = (
    _shape("AWS access key", "AKIA ASIA ABIA ACCA", r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    _shape("private key", "PRIVATE", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    _shape("PuTTY private key", "PuTTY-User-Key-File", r"PuTTY-User-Key-File-\d"),
    _shape("age secret key", "AGE-SECRET-KEY", r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    _shape("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[0-9A-Za-z]{36,}"),
    _shape("GitHub token", "github_pat_", r"\bgithub_pat_[0-9A-Za-z_]{22,}"),
    _shape(
        "GitLab token", "glpat- gldt- glrt- glptt- GR1348941", r"\b(?:gl(?:pat|dt|rt|ptt)-|GR1348941)[0-9A-Za-z_-]{20,}"
    ),
    _shape("Slack token", "xox", r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    _shape("Slack hook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}"),
    _shape("Discord token", "iscord ISCORD", r"\b[MNO][0-9A-Za-z_-]{23,25}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,}"),
    _shape("Telegram token", ":AA", r"\b\d{8,10}:AA[0-9A-Za-z_-]{33}\b"),
    _shape("Stripe key", "sk_live_ rk_live_ sk_test_ rk_test_", r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}"),
    _shape("model provider key", "sk- gsk_ hf_ r8_", r"\b(?:sk-|gsk_|hf_|r8_)(?=[0-9A-Za-z_-]*\d)[0-9A-Za-z_-]{20,}"),
    _shape("Google key", "AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
    _shape("Google client secret", "GOCSPX-", r"\bGOCSPX-[0-9A-Za-z_-]{20,}"),
    _shape("Google access token", "ya29.", r"\bya29\.[0-9A-Za-z_-]{20,}"),
    _shape("SendGrid key", "SG.", r"\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    _shape("Twilio key", "SK AC", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    _shape("Mailchimp key", "-us", r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    _shape("Mailgun key", "key-", r"\bkey-[0-9a-f]{32}\b"),
    _shape("npm token", "npm_", r"\bnpm_[0-9A-Za-z]{36}\b"),
    _shape("npm token", "_authToken", r"_authToken\s*=\s*[0-9A-Za-z-]{20,}"),
    _shape("PyPI token", "pypi-AgE", r"\bpypi-AgE[0-9A-Za-z_-]{50,}"),
    _shape("Square token", "sq0 EAAA", r"\b(?:sq0(?:atp|csp|idp)-[0-9A-Za-z_-]{22,}|EAAA[0-9A-Za-z_-]{60})"),
    _shape("DigitalOcean token", "dop_v1_ doo_v1_", r"\bdo[op]_v1_[0-9a-f]{64}\b"),
    _shape("Databricks token", "dapi", r"\bdapi[0-9a-f]{32}\b"),
    _shape("Artifactory token", "AKC", r"\bAKC[0-9A-Za-z]{60,}"),
    _shape("Azure storage key", "AccountKey=", r"AccountKey=[0-9A-Za-z+/]{60,}={0,2}"),
    _shape("Azure shared access", "sig=", r"[?&]sig=[0-9A-Za-z%+/]{30,}"),
    _shape("web token", "eyJ", r"\beyJ[0-9A-Za-z_-]{10,2000}\.eyJ[0-9A-Za-z_-]{10,4000}\.[0-9A-Za-z_-]*"),
    _shape(
        "password in an address",
        "://",
        r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'`{}<>]{0,64}:[^\s/@\"'`{}<>$]{3,}@[\w.-]+",
    ),
    _shape("authorization header", "earer asic", r"\b(?:[Bb]earer|[Bb]asic)\s+(?=\S*\d)[0-9A-Za-z+/_.~-]{20,}={0,2}"),
)
_MARKS: dict[str, tuple[str, ...]] = {}  # first letter -> the marks that begin with it
for _mark in dict.fromkeys(mark for shape in SHAPES for mark in shape.marks):
    _MARKS[_mark[0]] = (*_MARKS.get(_mark[0], ()), _mark)
_BEGUN = tuple(  # all marks of a letter are looked for in one go, which is half the work of one after the other
    (re.compile(f"{re.escape(first)}(?:{'|'.join(re.escape(mark[1:]) for mark in marks)})"), marks)
    for first, marks in _MARKS.items()
)
_WORDS = ("passw", "passphrase", "pwd", "secret", "apikey", "token", "credential", "_key", "-key")
_BESIDE = re.compile(
    r"""(?x) [\w-]{0,60} ["']? \s* (?::=|=>|[:=]) \s*
    (?: "(?P<double>[^"\s]{6,400})" | '(?P<single>[^'\s]{6,400})' | (?P<bare>[^\s"'`,;(){}\[\]<>|]{8,400}) )""",
)
_HARMLESS = re.compile(
    r"(?i)\$|\{|<|%|\*{3}|x{4}|\.\.\.|example|placeholder|changeme|your[_-]|none$|null$|true$|false$"
)
_QUOTED = re.compile(r"""["']([0-9A-Za-z+/_=-]{20,128})["']""")
_LEAST_CHANGES = 0.45  # a letter, from small to capital or digit; drawn from 62 there are 0.6, in words 0.2
_LEAST_BITS = 4.0  # a character; 20 drawn from 64 have 4.1 on average, words joined by signs 3.2


def secrets(files: Files) -> list[tuple[str, int, str]]:
    """Places in the texts of a pack that look like a secret: file, line, kind; never the secret itself."""
    found: dict[tuple[str, int, str], None] = {}
    for name in files.names:
        end = name.rpartition("/")[2]
        if name.endswith(_TEXT) or "." not in end or end.startswith("."):
            for offset, kind in _first(files.text(name)):
                found[name, files.text(name).count("\n", 0, offset) + 1, kind] = None
    return sorted(found)


@lru_cache(maxsize=512)
def _first(text: str) -> tuple[tuple[int, str], ...]:
    """The first of them. Many files of a pack are those of the pack before."""
    return tuple(islice(in_text(text), MOST))


def in_text(text: str) -> Iterator[tuple[int, str]]:
    """Offset and kind of everything in a text that looks like a secret."""
    taken: list[tuple[int, int]] = []
    there = {mark for begun, marks in _BEGUN if begun.search(text) for mark in marks if mark in text}
    for shape in SHAPES:
        if not there.isdisjoint(shape.marks):
            for match in shape.pattern.finditer(text):
                taken.append(match.span())
                yield match.start(), shape.kind
    for start in _words(text):
        beside = _BESIDE.match(text, start)
        if beside is None or _overlaps(taken, beside):
            continue
        if _telling(beside["double"] or beside["single"] or beside["bare"], quoted=beside["bare"] is None):
            taken.append(beside.span())
            yield start, "value beside a secret's name"
    for match in _QUOTED.finditer(text):
        if not _overlaps(taken, match) and _random(match[1]):
            yield match.start(), "text of high entropy"


def _words(text: str) -> Iterator[int]:
    """Where a word stands that names a secret, in any case."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters beyond ASCII become two
        lower = "".join(c.lower() if c.isascii() else c for c in text)
    for word in _WORDS:
        at = lower.find(word)
        while at >= 0:
            yield at
            at = lower.find(word, at + len(word))


def _overlaps(taken: Iterable[tuple[int, int]], match: re.Match[str]) -> bool:
    return any(start < match.end() and match.start() < end for start, end in taken)


def _telling(value: str, *, quoted: bool) -> bool:
    """Whether a value beside the name of a secret is one: no stand-in, and where it is bare, no word or code."""
    if _HARMLESS.search(value):
        return False
    return quoted or (any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and "." not in value)


def _random(word: str) -> bool:
    """Whether a word looks drawn from an alphabet of 64. Hexadecimal words are digests here, and are left out."""
    if word.islower() or word.isalpha() or word.isupper() or word.count("/") > len(word) // 10:
        return False
    if word.count("_") + word.count("-") > len(word) // 8:
        return False
    kinds = ["d" if c.isdigit() else "l" if c.islower() else "u" if c.isupper() else "s" for c in word]
    if sum(a != b for a, b in pairwise(kinds)) < _LEAST_CHANGES * len(word):
        return False  # words written together change their kind of letter rarely
    count = Counter(word)
    return -sum(n / len(word) * math.log2(n / len(word)) for n in count.values()) >= _LEAST_BITS
