"""`build --audit` reports each undeclared read with the TOML line that declares it."""

from __future__ import annotations

import os
from pathlib import Path

from buildgraph.sandbox.sandbox import best_level
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


def shell_workspace(folder: Path, script: str, inputs: str = 'a = "a.txt"') -> Space:
    """A workspace whose only command runs a shell script; $0 is its output."""
    workspace = space(folder, TOML.format(inputs=inputs, script=script))
    workspace.write("a.txt", "a\n")
    workspace.write("data/b c.txt", "b\n")
    return workspace


def violations(workspace: Space, *words: str, code: int) -> list[str]:
    """The sentences that the audit prints."""
    need("strace")
    events = workspace.run("build", "--audit", "--json", *words, code=code).events
    return [
        event["why"]
        for event in events
        if event["event"] == "judged" and event["gate"].startswith("audit: ")
    ]


def test_declared_reads_pass(tmp_path: Path) -> None:
    workspace = shell_workspace(
        tmp_path,
        "cat a.txt > $0; echo x > $TMPDIR/y; cat $TMPDIR/y >> $0; head -c 3 /dev/urandom > /dev/null",
    )
    assert violations(workspace, "//...", code=0) == []
    assert (
        "audit: 1 action read only declared files" in workspace.run("build", "--audit", "//...").out
    )


def test_actions_are_traced_in_parallel_and_in_sequence(tmp_path: Path) -> None:
    workspace = shell_workspace(tmp_path, "cat a.txt > $0")
    text = TOML.format(inputs='a = "a.txt"', script="cat a.txt > $0")
    workspace.write(
        "BUILD.toml",
        text
        + "".join(text[text.index("[t]") :].replace("[t]", f"[t{number}]") for number in range(4)),
    )
    for jobs in ("-j1", "-j4"):
        assert violations(workspace, jobs, "//...", code=0) == []


def test_the_printed_line_declares_a_file_read_by_absolute_path(tmp_path: Path) -> None:
    path = tmp_path / "w/data/b c.txt"
    workspace = shell_workspace(tmp_path, f"cat a.txt '{path}' > $0")
    (why,) = violations(workspace, "//...", code=1)
    assert (
        why
        == 'reads data/b c.txt, which is not declared: inputs = { b_c = "data/b c.txt" } (BUILD.toml:5:1)'
    )
    inputs = 'a = "a.txt", b_c = "data/b c.txt"'
    workspace.write(
        "BUILD.toml", TOML.format(inputs=inputs, script="cat a.txt 'data/b c.txt' > $0")
    )
    assert violations(workspace, "//...", code=0) == []
    workspace.build("//...")


def test_a_failing_action_names_the_relative_path_that_it_misses(
    tmp_path: Path,
) -> None:
    workspace = shell_workspace(tmp_path, "cat a.txt 'data/b c.txt' > $0")
    assert "No such file" in workspace.run("build", "//...", code=1).err
    (why,) = violations(workspace, "//...", code=1)
    assert why.startswith("looks for data/b c.txt, which is not declared: inputs = { b_c =")


def test_a_file_outside_and_a_listed_folder_are_named(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    workspace = shell_workspace(
        tmp_path, f"cat {outside} a.txt > $0; ls {tmp_path / 'w/data'} >> $0"
    )
    one, two = sorted(violations(workspace, "//...", code=1))
    assert str(outside) in one and "outside the workspace" in one
    assert two.startswith("reads the folder data,") and "'files'" in two


def test_a_symlink_is_named_by_its_target(tmp_path: Path) -> None:
    link = tmp_path / "link"
    workspace = shell_workspace(tmp_path, f"cat {link} > $0")
    link.symlink_to(workspace.root / "data/b c.txt")
    (why,) = violations(workspace, "//...", code=1)
    assert "data/b c.txt" in why


def test_a_sandboxed_build_does_not_reuse_an_audited_result(tmp_path: Path) -> None:
    workspace = shell_workspace(tmp_path, f"cat '{tmp_path / 'w/data/b c.txt'}' > $0")
    assert (
        violations(workspace, "//...", code=1)
        and (workspace.root / "out/t/o.txt").read_text() == "b\n"
    )
    if best_level(os.environ) == "none":
        absent("this machine has no sandbox that hides files")
    assert "exit code 1" in workspace.run("build", "//...", code=1).err


def test_a_missing_strace_is_reported(tmp_path: Path) -> None:
    workspace = shell_workspace(tmp_path, "cat a.txt > $0")
    workspace.env["PATH"] = str(tmp_path)
    errors = workspace.run("build", "--audit", "//...", code=30).err
    assert "strace" in errors and "install" in errors
