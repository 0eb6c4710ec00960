"""`build --audit`: what an action reads undeclared is named with the line that declares it, and that line is right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.checks.undeclared_reads import opened
from buildgraph.sandbox.sandbox import probe
from tests.support.requirements import absent, need
from tests.support.workspace import Space, space

TOML = """
[workspace]
name = "w"

[t]
rule = "command"
inputs = {{ {inputs} }}
outputs = {{ o = "o.txt" }}
argv = ["sh", "-c", {script!r}, "{{o}}"]
"""


def made(folder: Path, script: str, inputs: str = 'a = "a.txt"') -> Space:
    """A workspace whose only command runs a shell script; $0 is its output."""
    found = space(folder, TOML.format(inputs=inputs, script=script))
    found.write("a.txt", "a\n")
    found.write("data/b c.txt", "b\n")
    return found


def faults(of: Space, *words: str, code: int) -> list[str]:
    """What the audit says of each fault."""
    need("strace")
    events = of.run("build", "--audit", "--json", *words, code=code).events
    return [
        event["why"]
        for event in events
        if event["event"] == "judged" and event["gate"].startswith("audit: ")
    ]


def test_what_is_declared_passes(tmp_path: Path) -> None:
    of = made(
        tmp_path,
        "cat a.txt > $0; echo x > $TMPDIR/y; cat $TMPDIR/y >> $0; head -c 3 /dev/urandom > /dev/null",
    )
    assert faults(of, "//...", code=0) == []
    assert "audit: 1 action read only what they declare" in of.run("build", "--audit", "//...").out


def test_actions_are_traced_side_by_side_and_one_after_the_other(tmp_path: Path) -> None:
    of = made(tmp_path, "cat a.txt > $0")
    text = TOML.format(inputs='a = "a.txt"', script="cat a.txt > $0")
    of.write(
        "BUILD.toml",
        text
        + "".join(text[text.index("[t]") :].replace("[t]", f"[t{number}]") for number in range(4)),
    )
    for jobs in ("-j1", "-j4"):
        assert faults(of, jobs, "//...", code=0) == []


def test_an_undeclared_file_by_absolute_path_is_named_and_the_line_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "w/data/b c.txt"
    of = made(tmp_path, f"cat a.txt '{path}' > $0")
    (why,) = faults(of, "//...", code=1)
    assert (
        why
        == 'reads data/b c.txt, which is not declared: inputs = { b_c = "data/b c.txt" } (BUILD.toml:5:1)'
    )
    inputs = 'a = "a.txt", b_c = "data/b c.txt"'
    of.write("BUILD.toml", TOML.format(inputs=inputs, script="cat a.txt 'data/b c.txt' > $0"))
    assert faults(of, "//...", code=0) == []
    of.build("//...")


def test_an_undeclared_file_by_its_relative_path_is_named_though_the_action_fails(
    tmp_path: Path,
) -> None:
    of = made(tmp_path, "cat a.txt 'data/b c.txt' > $0")
    assert "No such file" in of.run("build", "//...", code=1).err
    (why,) = faults(of, "//...", code=1)
    assert why.startswith("looks for data/b c.txt, which is not declared: inputs = { b_c =")


def test_a_file_outside_and_a_listed_folder_are_named(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    of = made(tmp_path, f"cat {outside} a.txt > $0; ls {tmp_path / 'w/data'} >> $0")
    one, two = sorted(faults(of, "//...", code=1))
    assert str(outside) in one and "no part of the workspace" in one
    assert two.startswith("reads the folder data,") and "'files'" in two


def test_a_symlink_is_named_by_where_it_leads(tmp_path: Path) -> None:
    link = tmp_path / "link"
    of = made(tmp_path, f"cat {link} > $0")
    link.symlink_to(of.root / "data/b c.txt")
    (why,) = faults(of, "//...", code=1)
    assert "data/b c.txt" in why


def test_an_audited_result_does_not_count_for_a_sandboxed_build(tmp_path: Path) -> None:
    of = made(tmp_path, f"cat '{tmp_path / 'w/data/b c.txt'}' > $0")
    assert faults(of, "//...", code=1) and (of.root / "out/t/o.txt").read_text() == "b\n"
    if probe(os.environ) == "none":
        absent("this machine has no sandbox that hides files")
    assert "exit code 1" in of.run("build", "//...", code=1).err


def test_without_strace_it_says_so(tmp_path: Path) -> None:
    of = made(tmp_path, "cat a.txt > $0")
    of.env["PATH"] = str(tmp_path)
    said = of.run("build", "--audit", "//...", code=30).err
    assert "strace" in said and "install" in said


LINES = [
    (b'openat(AT_FDCWD</a>, "b/f", O_RDONLY) = 3</a/b/f>', ("b/f", "/a/b/f", "/a")),
    (
        b'openat(AT_FDCWD</a>, "n\\303\\274 \\"x", O_RDONLY|O_CLOEXEC) = 3</a/n\\303\\274 "x>',
        ('n\u00fc "x', '/a/n\u00fc "x', "/a"),
    ),
    (b'openat(5</a>, "f", O_RDWR|O_CREAT, 0666) = 4</a/f>', ("f", "/a/f", "/a")),
    (b'open("/x", O_RDONLY) = 3</x>', ("/x", "/x", "")),
    (
        b'openat(AT_FDCWD</a>, "no", O_RDONLY) = -1 ENOENT (No such file or directory)',
        ("no", "", "/a"),
    ),
    (b'openat(AT_FDCWD</a>, "f", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</a/f>', None),
    (b'openat(AT_FDCWD</a>, "f", O_RDONLY) = -1 EACCES (Permission denied)', None),
    (b"--- SIGCHLD {si_signo=SIGCHLD} ---", None),
    (b"+++ exited with 0 +++", None),
    (b'execve("rel", ["rel"], 0x1 /* 3 vars */) = 0', None),
]


@pytest.mark.parametrize("case", LINES, ids=lambda case: case[0].decode())
def test_a_line_of_strace_is_understood(case: tuple[bytes, tuple[str, str, str] | None]) -> None:
    assert opened(case[0]) == case[1]
