"""A build with options is incremental: it uses the state of the last build with equal options."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

BUILD = """[workspace]
name = "w"

[upper]
rule = "command"
inputs = { text = "a.txt" }
outputs = { upper = "upper.txt" }
argv = ["sh", "-c", "tr a-z A-Z < {text} > {upper}"]

[lint]
rule = "gate"
inputs = { text = "a.txt" }
argv = ["grep", "-q", "a", "{text}"]
"""
RUN = """
import sys
from buildgraph.cli import main
code = main(["build", *sys.argv[1:], "//..."])
names = {"pydantic", "networkx", "tomllib"}
print("loaded", *sorted(names.intersection(sys.modules)), file=sys.stderr)
sys.exit(code)
"""
OPTIONS = (
    ("-j2",),
    ("--keep-going",),
    ("--quiet",),
    ("--json",),
    ("--no-gates",),
    ("--sandbox=none",),
    ("--trace=../t.json",),
    ("--sandbox=none", "--no-gates", "-k", "-j1"),
)


def _build(workspace: Space, *options: str) -> tuple[str, bool]:
    """The output of a build, and True if it parsed or analysed."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *options],
        cwd=workspace.root,
        env=workspace.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.rpartition("loaded")[2]
    return done.stdout, bool(loaded.split())


def _settle(workspace: Space, *options: str) -> str:
    """Build until nothing changed and no BUILD.toml was read, which needs files of some age."""
    deadline = time.monotonic() + 60
    while True:
        output, analysed = _build(workspace, *options)
        if not analysed and (
            "nothing changed" in output or '"unchanged":true' in output or "--quiet" in options
        ):
            return output
        assert time.monotonic() < deadline, f"{options}: no build is incremental: {output}"
        time.sleep(0.3)


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_a_build_with_options_is_incremental(tmp_path: Path, options: tuple[str, ...]) -> None:
    workspace = space(tmp_path, BUILD)
    workspace.write("a.txt", "a\n")
    output = _settle(workspace, *options)
    if "--json" in options:
        events = [json.loads(line) for line in output.splitlines()]
        assert [event["label"] for event in events if event["event"] == "built"] == ["//:upper"]
        assert [(event["title"], event["how"]) for event in events if event["event"] == "done"] == [
            ("sh", "hit"),
            ("gate lint", "hit"),
        ]
        assert events[0]["actions"] == 2 and events[-1]["ran"] == 0 and events[-1]["unchanged"]
    else:
        assert "out/upper/upper.txt" in output
        assert ("gates of" in output) == ("--no-gates" not in options and "--quiet" not in options)
    workspace.write("a.txt", "ab\n")
    _build(workspace, *options)
    assert (workspace.root / "out/upper/upper.txt").read_text() == "AB\n"


def test_builds_with_different_options_have_separate_states(tmp_path: Path) -> None:
    """The state of a build without gates or sandbox is not used by a build with them."""
    workspace = space(tmp_path, BUILD)
    workspace.write("a.txt", "bcd\n")
    _settle(workspace, "--no-gates", "--sandbox=none")
    failed = workspace.run("build", "//...", code=1)
    assert "gates of //:lint" in failed.out and "failed" in failed.out
    assert "nothing changed" in _settle(workspace, "--no-gates", "--sandbox=none")


def test_a_source_that_was_edited_during_the_build_is_hashed_again(tmp_path: Path) -> None:
    """Its stamp is too young to be trusted.

    The next build hashes it, parses nothing and runs nothing.
    """
    workspace = space(tmp_path, BUILD)
    workspace.write("a.txt", "a\n")
    _settle(workspace)
    workspace.write("a.txt", "abc")
    # The file is young on a busy machine, too.
    script = f"import buildgraph.files.stamp as stamp\nstamp.FINE_NS = 60 * 10**9\n{RUN}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=workspace.root,
        env=workspace.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2 ran" in done.stdout and "pydantic" not in done.stderr
    output, analysed = _build(workspace)
    assert not analysed and "0 ran, 2 hits" in output, output
    assert "nothing changed" in _build(workspace)[0]
    assert (workspace.root / "out/upper/upper.txt").read_text() == "ABC"
