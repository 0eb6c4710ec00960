"""Thousands of damaged files: every importer returns a model or a ModelError, no other exception,
and soon.
"""

from __future__ import annotations

import io
import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agentc.importers import npz as ingest
from agentc.importers.gnn import reader as ingest_gnn
from agentc.importers.pomdp import reader as ingest_pomdp
from agentc.ir.types import ModelError

from tests.support.small_models import EXAMPLES

FORMATS = EXAMPLES.parents[1] / "formats/models"
PIECES = (
    b"99999999999",
    b"1e308",
    b"-1",
    b"nan",
    b"inf",
    b"\0",
    b"\xff",
    b"0",
    b"((((((((",
    b"[]",
    b"{}",
    b"null",
    b"true",
    b"1e-400",
    b"\xe2\x80\xae",
    b"'",
    b'"',
    b"\\",
    b":",
    b"#",
    b"*",
)
SECONDS = 5.0
"""For one file; the slowest of 4 000 took 0.01 s."""


def damaged(data: bytes, drawn: random.Random, reach: int = 1 << 30) -> bytes:
    """A few of the first `reach` bytes changed, dropped, doubled or replaced by odd values."""
    result = bytearray(data)
    for _ in range(drawn.randint(1, 4)):
        at = drawn.randrange(min(len(result), reach) or 1)
        match drawn.randrange(5):
            case 0:
                result[at : at + 1] = bytes([drawn.randrange(256)])
            case 1:
                result[at : at + 1] = drawn.choice(b"0123456789.-{}()[],:=* \n'\"#<>|").to_bytes()
            case 2:
                del result[at : at + drawn.randint(1, 20)]
            case 3:
                begin = drawn.randrange(len(result) or 1)
                result[at:at] = result[begin : begin + drawn.randint(1, 40)]
            case _:
                result[at:at] = drawn.choice(PIECES)
    return bytes(result)


def pomdp(folder: Path, drawn: random.Random) -> Any:
    (folder / "m.pomdp").write_bytes(damaged((FORMATS / "ferry.pomdp").read_bytes(), drawn))
    return ingest_pomdp.make(folder / "m.pomdp", None, "{}")


def gnn(folder: Path, drawn: random.Random) -> Any:
    (folder / "m.md").write_bytes(damaged((FORMATS / "lamplighter.md").read_bytes(), drawn))
    return ingest_gnn.make(folder / "m.md", '{"B_lamp":"action,previous,next"}', "{}")


def words(folder: Path, drawn: random.Random) -> Any:
    (folder / "m.npz").write_bytes((EXAMPLES / "tmaze.npz").read_bytes())
    (folder / "m.json").write_bytes(damaged((EXAMPLES / "tmaze.json").read_bytes(), drawn))
    return ingest.make(folder / "m.npz", folder / "m.json", "{}")


def archive(folder: Path, drawn: random.Random) -> Any:
    """The whole archive damaged, or one member, mostly its header."""
    (folder / "m.json").write_bytes((EXAMPLES / "tmaze.json").read_bytes())
    whole = (EXAMPLES / "tmaze.npz").read_bytes()
    if drawn.random() < 0.4:
        (folder / "m.npz").write_bytes(damaged(whole, drawn))
    else:
        with (
            zipfile.ZipFile(io.BytesIO(whole)) as values,
            zipfile.ZipFile(folder / "m.npz", "w") as built,
        ):
            hit = drawn.choice(values.namelist())
            for name in values.namelist():
                built.writestr(
                    name,
                    damaged(values.read(name), drawn, 140) if name == hit else values.read(name),
                )
    return ingest.make(folder / "m.npz", folder / "m.json", "{}")


@pytest.mark.parametrize(
    ("read", "files"),
    [(pomdp, 1500), (gnn, 1500), (words, 500), (archive, 700)],
    ids=["pomdp", "gnn", "json", "npz"],
)
def test_damaged_files(
    read: Callable[[Path, random.Random], Any], files: int, tmp_path: Path
) -> None:
    drawn, models, refused, slowest = random.Random(12), 0, 0, 0.0
    for _ in range(files):
        before = time.process_time()
        try:
            read(tmp_path, drawn)
            models += 1
        except ModelError as error:
            refused += 1
            assert error.errors and all(line.strip() for line in error.errors)
        slowest = max(slowest, time.process_time() - before)
    assert models and refused > files // 4 and slowest < SECONDS
