"""BUILD.toml is data: whatever stands in it, the answer is a fault with a place, soon, and never a traceback."""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildgraph import loading
from buildgraph.errors import BuildError, BuildErrors
from tests.fault.counts import Tally

pytestmark = pytest.mark.fault
GOOD = '[workspace]\nname = "w"\n'
TABLE = GOOD + '[t]\nrule = "command"\noutputs = { o = "o" }\nargv = ["sh"]\n'
SECONDS = 5   # two on an idle machine


def command(**values: str) -> str:
    """A command's table with some values in place of good ones."""
    table = {"rule": '"command"', "outputs": '{ o = "o" }', "argv": '["sh", "{o}"]'} | values
    return GOOD + "[t]\n" + "".join(f"{name} = {value}\n" for name, value in table.items())


def texts() -> Iterator[tuple[str, bytes]]:
    """(name, content) of a BUILD.toml that is refused."""
    plain = {
        "dotted": "a." * 100_000 + "a = 1", "brackets": "a = " + "[" * 500, "braces": "a = " + "{a=" * 500,
        "tables": "[" + "a." * 5000 + "a]", "deep tables": "".join(f"[{'a.' * n}a]\n" for n in range(200)),
        "long integer": "a = 1" + "0" * 5000, "long line": "a = '" + "x" * 70_000 + "'",
        "large": "# " + "x" * 60 + "\n",
        "open string": 'a = "x', "open multi": 'a = """x', "no value": "a =", "no key": "= 1", "twice": "a = 1\na = 2",
        "table twice": "[a]\n[a]", "nan": command(timeout="nan"), "inf": command(timeout="inf"),
        "negative": command(timeout="-1"), "date": command(argv="1979-05-27"), "bool": command(argv="true"),
        "escape": r'a = "\u12"', "surrogate": r'a = "\ud800"', "control": "a = '\x01'", "delete": 'a = "\x7f"',
        "no rule": GOOD + '[t]\nrule = "nothing"', "rule is a list": GOOD + "[t]\nrule = []",
        "rule is empty": GOOD + '[t]\nrule = ""', "unknown key": command(unknown="1"), "no argv": command(argv="[]"),
        "argv of numbers": command(argv="[1]"), "no outputs": command(outputs="{}"),
        "brace": command(argv='["{"]'), "field": command(argv='["{o.__class__}"]'), "index": command(argv='["{o[0]}"]'),
        "conversion": command(argv='["{o!r}"]'), "format": command(argv='["{o:>99999999999}"]'),
        "nul in argv": command(argv='["a\\u0000b"]'), "nul in env": command(env='{ A = "\\u0000" }'),
        "nul in a name": command(env='{ "A\\u0000" = "" }'), "env =": command(env='{ "A=B" = "" }'),
        "empty env": command(env='{ "" = "" }'), "long output": command(outputs=f'{{ o = "{"x" * 300}" }}'),
        "no such name": command(argv='["{nothing}"]'), "position": command(argv='["{0}"]'),
        "void": command(argv='["{}"]'),
        "two of one path": command(outputs='{ o = "x", p = "x" }'), "self": command(inputs='{ i = ":t" }'),
        "no label": command(inputs='{ i = ":nothing" }'), "no package": command(inputs='{ i = "//no/where:x" }'),
        "cycle": command(inputs='{ i = ":u" }') + command(inputs='{ i = ":t" }').replace("[t]", "[u]").replace(GOOD, ""),
        "homoglyph": GOOD + '[t]\nrule = "c\u043emmand"', "bidi": command(argv='["\u202e"]') + '[\u202e]\nrule = "x"',
        "table of two": GOOD + '[[t]]\nrule = "command"', "matrix": command(matrix='{ a = [] }'),
        "matrix bomb": command(matrix="{ " + ", ".join(f"k{n} = {list(range(50))}" for n in range(8)) + " }"),
        "only a dot": ".", "carriage": "a = 1\rb = 2", "only a quote": '"', "unclosed table": "[a",
        "hash in key": "a#b = 1",
    }
    plain["large"] = plain["large"] * 80_000
    yield from ((name, text.encode("utf-8", "surrogatepass")) for name, text in plain.items())
    yield from {"bom16": "\ufeffa = 1".encode("utf-16"), "latin": b'a = "\xe4"', "nul": b"a = 1\0",
                "binary": os.urandom(999),
                "overlong": b'a = "\xc0\xaf"', "half": b'a = "\xf0\x9f"', "zeros": bytes(9999)}.items()
    bad = ["/etc/passwd", "../x", "a/../../x", "./x", "x//y", "a/./b", "a\\\\b", "", ".", "..", "/", "~/x/..",
           "a\\u0000b"]
    for path in bad:
        yield f"output {path!r}", command(outputs=f'{{ o = "{path}" }}').encode()
    for path in [*bad, "none", "loop", "out/x", "pipe", "dangling", "outside"]:
        yield f"input {path!r}", command(inputs=f'{{ i = "{path}" }}').encode()
    for name in ["a b", "\u00e4", "a/b", "a:b", "..", "a\\u0000", "a" * 5000, "", "CON.", "a\\n", "*", "\U0001f600"]:
        yield f"label {name[:9]!r}", command().replace("[t]", f'["{name}"]').encode()
    for label in ["//", "//:", ":", "//a:", "//../a:b", "///a:b", "//a//b:c", "//a:b:c", "//A\u0301:b", "// :b",
                  "//:t#none"]:
        yield f"reference {label!r}", command(inputs=f'{{ i = "{label}" }}').encode()
    for glob in ["/etc/*", "../*", "**/../*", "", "none/*", "[", "a\\u0000*"]:
        yield f"glob {glob!r}", f'{GOOD}[t]\nrule = "files"\nsrcs = ["{glob}"]\n'.encode()
    for value in ["1s", "-1s", "1e999s", "", "9" * 99 + "h", "1 year"]:
        yield f"duration {value[:9]!r}", command(timeout=f'"{value}"', argv="3").encode()


CORPUS = list(texts())


def strewn(folder: Path) -> str:
    """A folder in which also unfriendly things stand."""
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "outside").symlink_to("/etc/hostname")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    return str(folder)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case[0])
def test_it_is_refused(tmp_path: Path, case: tuple[str, bytes], tally: Callable[[str, int], Tally]) -> None:
    """With faults that say where; the word [workspace] in front makes it one."""
    count = tally("BUILD.toml", 1)
    root = strewn(tmp_path)
    (tmp_path / "BUILD.toml").write_bytes(case[1] if b"[workspace]" in case[1] else b"[workspace]\n" + case[1])
    began = time.monotonic()
    with pytest.raises(BuildError) as error:
        loading.load(root, ("//...",))
    assert time.monotonic() - began < SECONDS
    faults = error.value.faults if isinstance(error.value, BuildErrors) else (error.value,)
    assert all(fault.what and (fault.at is None or fault.at.path == "BUILD.toml") for fault in faults)
    assert any(fault.at for fault in faults), error.value
    count.survived()


def test_the_good_one_is_taken(tmp_path: Path) -> None:
    """Or the refusals would mean nothing."""
    (tmp_path / "BUILD.toml").write_text(command())
    assert len(loading.load(strewn(tmp_path), ("//...",)).labels) == 1
    assert len(CORPUS) >= 100


def chained(size: int) -> str:
    """A chain of targets, each taking the output of the one before."""
    table = '[t{n}]\nrule = "command"\noutputs = {{ o = "o" }}\nargv = ["sh", "{{o}}"]\n{more}'
    return GOOD + "".join(table.format(n=n, more=f'inputs = {{ i = ":t{n - 1}" }}\n' if n else "") for n in range(size))


def test_a_long_chain_is_taken(tmp_path: Path) -> None:
    """Nothing recurses along the graph."""
    (tmp_path / "BUILD.toml").write_text(chained(3000))
    assert len(loading.load(str(tmp_path), ("//...",)).labels) == 3000


EDITS = st.lists(st.tuples(st.sampled_from(["cut", "double", "put", "swap"]), st.integers(0, 400), st.integers(1, 30),
                           st.sampled_from(list('[]{}"\'=.,#\n\\:/*$\0\u00e4\u202e') + ["//:", '"""', "1e9", "true"])),
                 min_size=1, max_size=4)


@settings(max_examples=600, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_whatever_is_done_to_a_good_one(tmp_path: Path, edits: list[tuple[str, int, int, str]]) -> None:
    """It is taken, or refused by a BuildError; nothing else ever comes out."""
    text = command(inputs='{ i = "f.txt", j = ":u" }', env='{ A = "b" }', timeout='"5s"') + (
        '\n[u]\nrule = "files"\nsrcs = ["*.txt"]\n')
    for kind, at, size, word in edits:
        at %= len(text) + 1
        end = at + size
        text = {"cut": text[:at] + text[end:], "double": text[:end] + text[at:], "put": text[:at] + word + text[at:],
                "swap": text[end:] + text[:end]}[kind]
    (tmp_path / "BUILD.toml").write_text(text)
    (tmp_path / "f.txt").write_text("x")
    try:
        loading.load(str(tmp_path), ("//...",))
    except BuildError as fault:
        assert fault.what
