"""BUILD.toml files that must be refused, and checks of the refusal."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from buildgraph.build import from_source
from buildgraph.types.errors import BuildError, BuildErrors
from buildgraph.types.request import Request
from buildgraph.ui.diagnostics import format_error

GOOD = '[workspace]\nname = "w"\n'
TABLE = GOOD + '[t]\nrule = "command"\noutputs = { o = "o" }\nargv = ["sh"]\n'
SECONDS, MEMORY = (
    6.0,
    256 << 20,
)  # CPU time (of a slow machine), and bytes above what the process had


def chained(size: int) -> str:
    """A chain of targets, each taking the output of the one before."""
    table = '[t{n}]\nrule = "command"\noutputs = {{ o = "o" }}\nargv = ["sh", "{{o}}"]\n{more}'
    return GOOD + "".join(
        table.format(n=n, more=f'inputs = {{ i = ":t{n - 1}" }}\n' if n else "")
        for n in range(size)
    )


def command(**values: str) -> str:
    """A command's table with some values in place of good ones."""
    table = {"rule": '"command"', "outputs": '{ o = "o" }', "argv": '["sh", "{o}"]'} | values
    return GOOD + "[t]\n" + "".join(f"{name} = {value}\n" for name, value in table.items())


def _syntax() -> dict[str, str]:
    """Texts that are not valid TOML, or too large."""
    return {
        "dotted": "a." * 100_000 + "a = 1",
        "brackets": "a = " + "[" * 500,
        "braces": "a = " + "{a=" * 500,
        "tables": "[" + "a." * 5000 + "a]",
        "deep tables": "".join(f"[{'a.' * n}a]\n" for n in range(200)),
        "long integer": "a = 1" + "0" * 5000,
        "long line": "a = '" + "x" * 70_000 + "'",
        "large": ("# " + "x" * 60 + "\n") * 80_000,
        "open string": 'a = "x',
        "open multi": 'a = """x',
        "no value": "a =",
        "no key": "= 1",
        "twice": "a = 1\na = 2",
        "table twice": "[a]\n[a]",
        "nan": command(timeout="nan"),
        "inf": command(timeout="inf"),
        "negative": command(timeout="-1"),
        "date": command(argv="1979-05-27"),
        "bool": command(argv="true"),
        "escape": r'a = "\u12"',
        "surrogate": r'a = "\ud800"',
        "control": "a = '\x01'",
        "delete": 'a = "\x7f"',
    }


def _values() -> dict[str, str]:
    """Targets with invalid values."""
    return {
        "no rule": GOOD + '[t]\nrule = "nothing"',
        "rule is a list": GOOD + "[t]\nrule = []",
        "rule is empty": GOOD + '[t]\nrule = ""',
        "unknown key": command(unknown="1"),
        "no argv": command(argv="[]"),
        "argv of numbers": command(argv="[1]"),
        "no outputs": command(outputs="{}"),
        "brace": command(argv='["{"]'),
        "field": command(argv='["{o.__class__}"]'),
        "index": command(argv='["{o[0]}"]'),
        "conversion": command(argv='["{o!r}"]'),
        "format": command(argv='["{o:>99999999999}"]'),
        "nul in argv": command(argv='["a\\u0000b"]'),
        "nul in env": command(env='{ A = "\\u0000" }'),
        "nul in a name": command(env='{ "A\\u0000" = "" }'),
        "env =": command(env='{ "A=B" = "" }'),
        "empty env": command(env='{ "" = "" }'),
        "long output": command(outputs=f'{{ o = "{"x" * 300}" }}'),
        "no such name": command(argv='["{nothing}"]'),
        "position": command(argv='["{0}"]'),
        "void": command(argv='["{}"]'),
        "two of one path": command(outputs='{ o = "x", p = "x" }'),
        "self": command(inputs='{ i = ":t" }'),
        "no label": command(inputs='{ i = ":nothing" }'),
        "no package": command(inputs='{ i = "//no/where:x" }'),
        "cycle": command(inputs='{ i = ":u" }')
        + command(inputs='{ i = ":t" }').replace("[t]", "[u]").replace(GOOD, ""),
        "homoglyph": GOOD + '[t]\nrule = "c\u043emmand"',
        "bidi": command(argv='["\u202e"]') + '[\u202e]\nrule = "x"',
        "table of two": GOOD + '[[t]]\nrule = "command"',
        "matrix": command(matrix="{ a = [] }"),
        "matrix bomb": command(
            matrix="{ " + ", ".join(f"k{n} = {list(range(50))}" for n in range(8)) + " }"
        ),
    }


def _oddities() -> dict[str, str]:
    """Letters that look like others, and other large inputs."""
    return {
        "only a dot": ".",
        "carriage": "a = 1\rb = 2",
        "only a quote": '"',
        "unclosed table": "[a",
        "hash in key": "a#b = 1",
        "a million lines": "a = 1\n" * 1_000_000,
        "a long chain": chained(100_000),
        "half a million words": "a = [" + "1,\n" * 600_000 + "]",
        "quoted parts": ".".join(['"a.b"'] * 40) + " = 1",
        "long comment": "# " + "x" * 70_000,
        "nested strings": 'a = """' + '\\"' * 40_000,
        "key of blanks": TABLE + '"   " = 1',
        "argv of a date": command(argv="[1979-05-27]"),
        "env of a number": command(env="{ A = 1 }"),
        "time": command(timeout="07:32:00"),
        "large number": command(timeout="9" * 25),
        "timeout of a list": command(timeout="[]"),
        "table for text": command(argv='[{ a = "b" }]'),
        "inputs as a list": command(inputs='["a"]'),
        "case": TABLE + TABLE.replace("[t]", "[T]").replace(GOOD, ""),
        "composed": command(inputs='{ i = "\u00e9" }'),
        "soft hyphen": GOOD + '[t]\nrule = "com\u00admand"',
        "full width": GOOD + '[t]\nrule = "\uff43ommand"',
        "zero width": GOOD + '["t\u200b"]\nrule = "command"',
        "right to left": f"{TABLE}# \u202e\nx = 1",
        "next line": "a = 1\u0085b = 2",
        "form feed": "a = 1\fb = 2",
        "a ring of thousands": chained(3000).replace("[t0]", '[t0]\ninputs = { i = ":t2999" }'),
        "all of all": GOOD
        + "".join(f'[g{n}]\nrule = "group"\ntargets = ["//..."]\n' for n in range(99)),
        "matrix of dates": command(matrix="{ timeout = [1979-05-27] }"),
        "matrix twice": command(matrix='{ argv = [["sh"]] }'),
        "matrix of tables": command(matrix="{ timeout = [{ a = 1 }] }"),
        "matrix of rules": command(matrix='{ rule = ["group"] }'),
        "date for a program": GOOD
        + '[t]\nrule = "model"\nsource = "m.py"\nargs = { when = { at = [1979-05-27] } }',
        "no core": GOOD + '[t]\nrule = "firmware"\ncore = "x"\ncoalition = ":t"',
        "no board": GOOD + '[t]\nrule = "hardware"\nprofile = "\\u202e"',
        "many errors": GOOD + "".join(f'[t{n}]\nrule = "c\u043emmand"\n' for n in range(3000)),
    }


def texts() -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of BUILD.toml files that are refused."""
    plain = _syntax() | _values() | _oddities()
    yield from ((name, text.encode("utf-8", "surrogatepass")) for name, text in plain.items())
    yield from {
        "bom16": "\ufeffa = 1".encode("utf-16"),
        "latin": b'a = "\xe4"',
        "nul": b"a = 1\0",
        "binary": os.urandom(999),
        "bom8": b"\xef\xbb\xbfa = 1",
        "bom32": "\ufeffa = 1".encode("utf-32"),
        "overlong": b'a = "\xc0\xaf"',
        "half": b'a = "\xf0\x9f"',
        "zeros": bytes(9999),
    }.items()
    yield from _names()


def _names() -> Iterator[tuple[str, bytes]]:
    """Targets with invalid paths, labels, globs and durations."""
    bad = [
        "/etc/passwd",
        "../x",
        "a/../../x",
        "./x",
        "x//y",
        "a/./b",
        "a\\\\b",
        "",
        ".",
        "..",
        "/",
        "~/x/..",
        "a\\u0000b",
    ]
    for path in bad:
        yield f"output {path!r}", command(outputs=f'{{ o = "{path}" }}').encode()
    for path in [*bad, "none", "loop", "out/x", "pipe", "dangling", "outside"]:
        yield f"input {path!r}", command(inputs=f'{{ i = "{path}" }}').encode()
    for name in [
        "a b",
        "\u00e4",
        "a/b",
        "a:b",
        "..",
        "a\\u0000",
        "a" * 5000,
        "",
        "CON.",
        "a\\n",
        "*",
        "\U0001f600",
    ]:
        yield f"label {name[:9]!r}", command().replace("[t]", f'["{name}"]').encode()
    for label in [
        "//",
        "//:",
        ":",
        "//a:",
        "//../a:b",
        "///a:b",
        "//a//b:c",
        "//a:b:c",
        "//A\u0301:b",
        "// :b",
        "//:t#none",
    ]:
        yield f"reference {label!r}", command(inputs=f'{{ i = "{label}" }}').encode()
    for glob in [
        "/etc/*",
        "../*",
        "**/../*",
        "",
        "none/*",
        "[",
        "a\\u0000*",
        "[z-a]",
        "**/" * 25 + "x",
        "*a" * 25 + "b",
        "l*",
        "dang*",
    ]:
        yield f"glob {glob!r}", f'{GOOD}[t]\nrule = "files"\nsrcs = ["{glob}"]\n'.encode()
    for value in ["1s", "-1s", "1e999s", "", "9" * 99 + "h", "1 year"]:
        yield f"duration {value[:9]!r}", command(timeout=f'"{value}"', argv="3").encode()


def odd_files(folder: Path) -> str:
    """Add pipes, links and folders to a folder, and return its path."""
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "outside").symlink_to("/etc/hostname")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    return str(folder)


def _peak(name: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(f"{name}:"))


def refusal(root: str) -> BuildError | None:
    """Evaluate a workspace and return its error, or None; check that it took little time and memory."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak
    resident, began = _peak("VmRSS"), time.process_time()
    try:
        from_source.evaluate_request(root, Request(("//...",)), lambda program: True)
        error: BuildError | None = None
    except BuildError as raised:
        error = raised
    assert time.process_time() - began < SECONDS
    assert _peak("VmHWM") - resident < MEMORY
    return error


def errors_of(error: BuildError) -> tuple[BuildError, ...]:
    """Return all errors, and check that they print without control characters."""
    shown = format_error(error, lambda path, line: "\x1b[2J\u202e\0" * 99)
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    return error.errors if isinstance(error, BuildErrors) else (error,)
