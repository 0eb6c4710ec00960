"""Analyse 5,000 BUILD.toml files with random damage: each is accepted or refused with a place."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.analysis import table_checks
from buildgraph.analysis.rule_api import Rule
from buildgraph.analysis.rule_schema import RuleSchema, schema_of
from tests.fault.hostile import errors_of, odd_files, refusal
from tests.support.fault_counts import TIMES, Tally

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.filterwarnings("error")]
CASES, GROUPS = 5000 * TIMES, 10
NUMBERS = [
    "0",
    "-1",
    "1.5",
    "nan",
    "-inf",
    "1e999",
    "9" * 25,
    "1_000",
    "0x7f",
    "true",
    "1979-05-27",
    "07:32:00",
    "1979-05-27T07:32:00Z",
]
TEXTS = [
    '""',
    '"x"',
    '"\\u0000"',
    '"\\n"',
    '"\\u202e"',
    '"\\ud7ff"',
    '"{x}"',
    '"{"',
    '"{f}{f}"',
    '"//:t"',
    '":t"',
    '"//..."',
    '"-//..."',
    '"//:*"',
    '"//models:*"',
    '"//:t#o"',
    '"//:t#x"',
    '"//:u"',
    '"//a:b:c"',
    '"../x"',
    '"/etc/passwd"',
    '"*"',
    '"**/*"',
    '"[z-a]"',
    '"~"',
    '"none.txt"',
    '"pipe"',
    '"loop"',
    '"folder"',
    '"BUILD.toml"',
    '"1s"',
    '"-1MiB"',
    '"1e400GiB"',
    '"9e15d"',
    '"' + "y" * 300 + '"',
]
NESTS = [
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "{ a = {} }",
    '[["x"]]',
    '{ x = "x" }',
    "{ x = 1979-05-27 }",
    "{ x = nan }",
    '{ "" = "" }',
    "[1, 2]",
    '["x", 1]',
    '["//models:*", "//:x"]',
    '{ hardware = ["//board:pi", "//board:pi"] }',
    "{ cores = [1, 2, 1979-05-27] }",
    '{ rule = ["group"] }',
    '{ a = "//:t" }',
    "[1979-05-27]",
    "{ x = [1e999, { y = 07:32:00 }] }",
]
WORDS = ["", *NUMBERS, *TEXTS, *NESTS]
MARKS: list[str] = [
    *"[]{}\"'=.,#\n\\:/*$-+_ \t",
    "\0",
    "\x7f",
    "\u00e4",
    "\u202e",
    "\r",
    "\r\n",
    "\ufeff",
    "//:",
    '"""',
    "'" * 3,
    "1e9",
    "\n[[t]]\n",
    "\n[t]\n",
    "\n[workspace]\n",
    "a.b = 1\n",
    "matrix = { rule = [1] }\n",
]
KEYS = [
    "rule",
    "matrix",
    "source",
    "inputs",
    "outputs",
    "argv",
    "env",
    "timeout",
    "probe",
    "inference",
    "agents",
    "links",
    "budget",
    "args",
    "copies",
    "name",
    "rules",
    "x",
    '""',
    '"a b"',
    "a.b",
    "self",
    "class",
    "f_argv",
    "model_config",
    "__class__",
    "ctx",
]
GOOD = """
[workspace]
name = "w"

[models.a]
rule = "model"
source = "a.npz"
inference = { policy_len = 2, gamma = 4.0 }
probe = { episodes = 2, steps = 8, seed = 1 }

[models.b]
rule = "model"
source = "b.py"
entry = "make"
args = { size = 3, name = "n", deep = { list = [1, 2.5, "x"] } }
packages = ["numpy"]

[models.c]
rule = "model"
source = "c.md"
layout = { B = "action,previous,next" }
runtime = "native"

[models.d]
rule = "model"
source = "d.pomdp"
preferences = { good = 1.5 }

[team]
rule = "coalition"
agents = { a = "//models:a", b = { model = "//models:b", replicas = 2 } }
links = [{ from = "a.action.0", to = "b.observation.1" }]
tick = "100ms"
deadline = "20ms"
copies = 3
io = "http"

[board.pi]
rule = "hardware"
profile = "raspberry-pi-5"
cores = 4

[board.pc]
rule = "hardware"
profile = "x86-64-generic"
memory = "2GiB"

[out]
rule = "export"
matrix = { hardware = ["//board:*"] }
coalition = ":team"
budget = { image = "2MiB", memory = "8MiB", step_p99 = "5ms" }

[both]
rule = "index"
exports = ["//:out.pi", ":out.pc"]

[chip]
rule = "firmware"
core = "cortex-m4f"
coalition = "//:team"
flash = "64KiB"

[t]
rule = "command"
inputs = { f = "f.txt", u = ":u" }
outputs = { o = "o.txt", d = "d/" }
argv = ["sh", "-c", "cat {f} {u} > {o}"]
env = { A = "b" }
programs = ["cat"]
timeout = "5s"

[u]
rule = "files"
srcs = ["*.txt", "!no*.txt"]

[g]
rule = "gate"
inputs = { t = ":t#o" }
argv = ["python3", "-c", "x", "{t}"]

[all]
rule = "group"
targets = [":t", ":u", "//:g", "//models:*", "-//models:b"]
"""
TEXT, NEST = re.compile(r'"[^"\n]*"'), re.compile(r"(?<== )[\[{].*[\]}]")
VALUES: dict[re.Pattern[str], list[str]] = {
    TEXT: TEXTS,
    NEST: NESTS,
    re.compile(r"(?<== )[\d.]+\b"): NUMBERS,
}
KEY = re.compile(r"[\w.]+(?= =|\]\n)")
SECTIONS = GOOD.strip().split("\n\n")


def lines_of(dice: random.Random, text: str) -> str:
    """Delete, repeat, swap or insert a line."""
    lines = text.split("\n")
    at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case _:
            lines.insert(at, f"{dice.choice(KEYS)} = {dice.choice(WORDS)}")
    return "\n".join(lines)


def random_span(dice: random.Random, pattern: re.Pattern[str], text: str) -> tuple[int, int]:
    """Return the span of a random match of a pattern; (0, 0) if there is none."""
    return dice.choice([match.span() for match in pattern.finditer(text)] or [(0, 0)])


def values_of(dice: random.Random, text: str) -> str:
    """Replace a value, mostly by one of the same kind: valid TOML that rules have to check."""
    kind = dice.choice(list(VALUES))
    start, end = random_span(dice, kind, text)
    if kind is TEXT and dice.random() < 0.4 and end > start:
        at = dice.randrange(start + 1, end + 1)
        return text[:at] + dice.choice(MARKS[:30]) + text[at:]
    return text[:start] + dice.choice(VALUES[kind] if dice.random() < 0.8 else WORDS) + text[end:]


def keys_of(dice: random.Random, text: str) -> str:
    """Replace a key or the name of a table."""
    start, end = random_span(dice, KEY, text)
    return text[:start] + dice.choice(KEYS) + text[end:]


def letters_of(dice: random.Random, text: str) -> str:
    """Cut, repeat, insert or rotate the text anywhere."""
    at = dice.randrange(len(text) + 1)
    end = at + dice.randint(1, 30)
    match dice.randrange(4):
        case 0:
            return text[:at] + text[end:]
        case 1:
            return text[:end] + text[at:]
        case 2:
            return text[:at] + dice.choice(MARKS) + text[at:]
        case _:
            return text[end:] + text[:at]


def damaged(seed: int) -> bytes:
    """Return a damaged BUILD.toml.

    Even seeds give some tables with up to five edits, odd ones all tables with one or two edits that
    rules have to notice.
    """
    dice = random.Random(seed)
    if seed % 2:
        text, ways, edits = GOOD, (values_of, values_of, keys_of), dice.randint(1, 2)
    else:
        some = dice.sample(SECTIONS[1:], dice.randint(1, len(SECTIONS) - 1))
        text, ways, edits = (
            "\n\n".join([SECTIONS[0], *some]),
            (lines_of, letters_of, values_of),
            dice.randint(1, 5),
        )
    for _ in range(edits):
        text = dice.choice(ways)(dice, text)
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if dice.random() < 0.03 and data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return bytes(data)


@pytest.fixture
def cached_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the schema of each shipped rule once: it takes most of the time, and no file changes it."""
    known = dict[str, RuleSchema]()

    def cached(rule: Rule) -> RuleSchema:
        if rule.name not in known:
            known[rule.name] = schema_of(rule)
        return known[rule.name]

    monkeypatch.setattr(table_checks, "schema_of", cached)


@pytest.mark.usefixtures("cached_schemas")
@pytest.mark.parametrize("group", range(GROUPS))
def test_damaged_at_random(tmp_path: Path, group: int, tally: Callable[[str, int], Tally]) -> None:
    """Each is accepted or refused with places, within the limits of time and memory of `refusal`."""
    seeds = range(group, CASES, GROUPS)
    count, accepted = tally("BUILD.toml at random", len(seeds)), 0
    root = odd_files(tmp_path)
    for name in ("f.txt", "a.npz", "a.json", "b.py", "c.md", "d.pomdp"):
        (tmp_path / name).write_text("x")
    for seed in seeds:
        data = damaged(seed)
        (tmp_path / "BUILD.toml").write_bytes(data)
        error = refusal(root)
        accepted += error is None
        for entry in errors_of(error) if error else ():
            is_empty = (
                entry.what == "no target matches //..."
            )  # an error of the request: the file has no target
            assert entry.what and (
                is_empty or (entry.at and entry.at.path == "BUILD.toml" and entry.at.line)
            ), (seed, data, entry)
        count.survived()
    assert 0 < accepted < len(seeds) / 2, "too few or too many files were accepted"
