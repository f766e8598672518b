"""Proof of single rows: digests of rows in chunks, a tree over each chunk, one root over all, in no order of rows.

A row's digest is SHA-256 over its canonical text (``batch_rows``). Rows belong to the chunk that the first hexadecimal
digits of their digest name, and stand in it sorted by digest, so threads and the order of rows change nothing; chunks
hold 65,536 rows at most on average. Every node of the tree has up to sixty-four parts, which keeps hashing cheap (one
SHA-256 over 2,048 bytes for sixty-four rows) and a path short.

    node       SHA-256(0x01, its parts one after another)
    chunk      SHA-256(0x02, "<prefix>:<number of rows>:", root of the tree over its rows)
    root       SHA-256(0x03, "<number of rows>:<digits of a prefix>:", root of the tree over the chunks in their order)

Belongs here: trees, paths and checking them. Does not belong here: what a row's text holds, certificates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greenlang.errors import GreenlangError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Digests = npt.NDArray[np.uint8]  # one row a digest, 32 columns

METHOD = "sha256-64ary-sorted/1"
SIZE = 32  # bytes of a digest
FANOUT = 64
CHUNK_ROWS = 65_536  # on average, at most
MAX_DIGITS = 6
AT_ONCE = CHUNK_ROWS * 16**2  # digests that are in memory at once: half a gigabyte
_BLOCK = 1 << 17  # digests that are read at once


class ProofImpossible(GreenlangError, LookupError):
    """A row that cannot be proved: it is not there, or its file is another than the certificate's."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: the digits that its digests start with, its rows, its root."""

    prefix: str
    rows: int
    root: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"prefix": self.prefix, "rows": self.rows, "root": self.root}


@dataclass(frozen=True, slots=True)
class Tree:
    """The chunks in their order, and the root over them."""

    rows: int
    digits: int
    chunks: tuple[Chunk, ...]

    @property
    def root(self) -> str:
        """The root in hexadecimal digits."""
        top = tree_root(b"".join(bytes.fromhex(chunk.root) for chunk in self.chunks))
        return _root(self.rows, self.digits, top).hex()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in a certificate."""
        return {
            "method": METHOD,
            "rows": self.rows,
            "digits": self.digits,
            "chunks": [chunk.as_dict() for chunk in self.chunks],
            "root": self.root,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One node on the way up: its parts but the one below, which stands after ``before``; or a line of its own.

    ``kind``: node, chunk or root. A chunk and a root have no other parts, but ``text`` before the one below.
    """

    kind: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    text: str = ""

    def up(self, below: bytes) -> bytes:
        """The digest of this node over the one below."""
        if self.kind == "node":
            parts = [*map(bytes.fromhex, self.before), below, *map(bytes.fromhex, self.after)]
            return _node(b"".join(parts))
        mark = b"\x02" if self.kind == "chunk" else b"\x03"
        return hashlib.sha256(mark + self.text.encode() + below).digest()

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, "before": list(self.before), "after": list(self.after), "text": self.text}


def check(digest: str, path: Sequence[Step], root: str) -> bool:
    """Whether the path leads from a row's digest to the root. It must be of the one form: nodes, chunk, nodes, root."""
    kinds = [step.kind for step in path]
    if kinds.count("chunk") != 1 or kinds.count("root") != 1 or kinds[-1:] != ["root"] or "node" not in kinds:
        return False
    if any(bool(step.text) == (step.kind == "node") or (step.text and (step.before or step.after)) for step in path):
        return False
    if not path[kinds.index("chunk")].text.startswith(digest[: _digits_of(path[-1].text)] + ":"):
        return False
    found = bytes.fromhex(digest)
    for step in path:
        found = step.up(found)
    return found.hex() == root


def read_path(content: Sequence[dict[str, Any]]) -> tuple[Step, ...]:
    """The steps that `Step.as_dict` wrote."""
    return tuple(
        Step(str(entry["kind"]), tuple(entry["before"]), tuple(entry["after"]), str(entry["text"])) for entry in content
    )


def digits_for(rows: int) -> int:
    """How many hexadecimal digits name a chunk."""
    digits = 0
    while rows > CHUNK_ROWS * 16**digits and digits < MAX_DIGITS:
        digits += 1
    return digits


def build(parquet: Path, column: str = "row_digest") -> Tree:
    """The tree over the digests in a column of a Parquet file. Memory: about 40 bytes a digest, 16 million at once.

    Raises ProofImpossible for rows without a digest.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(parquet) as file:
        count = file.metadata.num_rows
    digits = digits_for(count)
    chunks: list[Chunk] = []
    for part in _parts(count, digits):
        buckets = _buckets(parquet, column, part, digits)
        free = digits - len(part)
        names = [f"{part}{number:0{free}x}" if free else part for number in range(len(buckets))]
        chunks += (_chunk(name, _sorted(bucket)) for name, bucket in zip(names, buckets, strict=True))
    return Tree(count, digits, tuple(chunks))


def path_of(parquet: Path, digest: str, tree: Tree, column: str = "row_digest") -> tuple[Step, ...]:
    """The path from a row's digest to the root. Raises ProofImpossible if the file's chunk is not the tree's."""
    prefix = digest[: tree.digits]
    leaves = _sorted(_buckets(parquet, column, prefix, tree.digits)[0])
    chunk = tree.chunks[int(prefix or "0", 16)]
    below = bytes.fromhex(digest)
    places = [place for place in range(0, len(leaves), SIZE) if leaves[place : place + SIZE] == below]
    if not places:
        raise ProofImpossible("no row of these results has this digest")
    found = _chunk_root(prefix, len(leaves) // SIZE, tree_root(leaves)).hex()
    if found != chunk.root:
        raise ProofImpossible(f"chunk `{prefix}` of the results is not the one that was certified")
    steps = _climb(leaves, places[0] // SIZE)
    steps.append(Step("chunk", text=f"{prefix}:{chunk.rows}:"))
    roots = b"".join(bytes.fromhex(one.root) for one in tree.chunks)
    steps += _climb(roots, int(prefix or "0", 16))
    return (*steps, Step("root", text=f"{tree.rows}:{tree.digits}:"))


def tree_root(leaves: bytes) -> bytes:
    """The root of the tree over digests one after another, in their order."""
    while True:
        leaves = _level(leaves)
        if len(leaves) <= SIZE:
            return leaves


def _climb(leaves: bytes, place: int) -> list[Step]:
    """The nodes from a leaf to the root of the tree."""
    steps = []
    while True:
        start = place // FANOUT * FANOUT
        parts = [
            leaves[at : at + SIZE].hex()
            for at in range(start * SIZE, min(start + FANOUT, len(leaves) // SIZE) * SIZE, SIZE)
        ]
        inside = place - start
        steps.append(Step("node", tuple(parts[:inside]), tuple(parts[inside + 1 :])))
        leaves, place = _level(leaves), place // FANOUT
        if len(leaves) <= SIZE:
            return steps


def _level(leaves: bytes) -> bytes:
    width = FANOUT * SIZE
    if not leaves:
        return _node(b"")
    return b"".join([_node(leaves[at : at + width]) for at in range(0, len(leaves), width)])


def _node(parts: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + parts).digest()


def _chunk_root(prefix: str, rows: int, top: bytes) -> bytes:
    return Step("chunk", text=f"{prefix}:{rows}:").up(top)


def _root(rows: int, digits: int, top: bytes) -> bytes:
    return Step("root", text=f"{rows}:{digits}:").up(top)


def _digits_of(text: str) -> int:
    return int(text.split(":")[1])


def _chunk(prefix: str, leaves: bytes) -> Chunk:
    rows = len(leaves) // SIZE
    return Chunk(prefix, rows, _chunk_root(prefix, rows, tree_root(leaves)).hex())


def _firsts(digests: Digests) -> npt.NDArray[np.uint32]:
    """The first eight hexadecimal digits of each digest, as a number."""
    import numpy as np

    return digests[:, :4].copy().view(">u4").ravel().astype(np.uint32)


def _sorted(leaves: bytearray) -> bytes:
    """Digests one after another, in their order."""
    import numpy as np

    digests = np.frombuffer(leaves, dtype=np.uint8).reshape(-1, SIZE)
    keys = digests[:, :8].copy().view(">u8").ravel().astype(np.uint64)
    order = np.argsort(keys)
    keys = keys[order]
    alike = np.flatnonzero(keys[1:] == keys[:-1])
    if len(alike):  # equal in their first eight bytes: the same digest twice, or a chance of one in billions
        for start, stop in _runs(alike.tolist()):
            order[start:stop] = sorted(order[start:stop].tolist(), key=lambda place: digests[place].tobytes())
    return digests.take(order, axis=0).tobytes()  # several times as fast as digests[order]


def _runs(alike: list[int]) -> Iterator[tuple[int, int]]:
    """(start, stop) of each run of neighbours that are alike."""
    start = before = alike[0]
    for place in alike[1:]:
        if place != before + 1:
            yield start, before + 2
            start = place
        before = place
    yield start, before + 2


def _parts(count: int, digits: int) -> list[str]:
    """Prefixes whose digests are in memory at once: the empty one where all are, else the first digit or two."""
    wide = 0
    while count > AT_ONCE * 16**wide and wide < digits:
        wide += 1
    return [f"{number:0{wide}x}" if wide else "" for number in range(16**wide)]


def _buckets(parquet: Path, column: str, part: str, digits: int) -> list[bytearray]:
    """The digests whose prefix starts with ``part``, by chunk, in the order of the file.

    They are dealt out block by block: new memory costs more than sorting, so each digest is kept once.
    """
    import numpy as np

    free = digits - len(part)
    buckets = [bytearray() for _ in range(16**free)]
    for block in _blocks(parquet, column):
        firsts = _firsts(block)
        own = np.flatnonzero(firsts >> (32 - 4 * len(part)) == int(part, 16)) if part else np.arange(len(firsts))
        names = ((firsts[own] >> (32 - 4 * digits)) & (16**free - 1)).astype(np.uint16) if free else own[:0]
        order = own.take(np.argsort(names, kind="stable")) if free else own
        dealt = block.take(order, axis=0).data.cast("B")
        ends = (np.cumsum(np.bincount(names, minlength=16**free)) * SIZE).tolist() if free else [len(dealt)]
        for bucket, start, end in zip(buckets, [0, *ends], ends, strict=False):
            if end > start:
                bucket.extend(dealt[start:end])
    return buckets


def _blocks(parquet: Path, column: str) -> Iterator[Digests]:
    """The digests of a file, some at a time. Raises ProofImpossible for rows without one."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(parquet) as file:
        for batch in file.iter_batches(batch_size=_BLOCK, columns=[column]):
            texts = batch.column(0).cast(pa.binary())
            if texts.null_count:
                raise ProofImpossible("a row of the results has no digest")
            if not len(texts):
                continue
            offsets = np.frombuffer(texts.buffers()[1], dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
            if not bool((np.diff(offsets) == SIZE).all()):
                raise ProofImpossible("a row of the results has a digest of another length")
            data = np.frombuffer(texts.buffers()[2], dtype=np.uint8)
            yield data[int(offsets[0]) : int(offsets[-1])].reshape(-1, SIZE)
