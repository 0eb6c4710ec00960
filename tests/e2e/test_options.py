"""Options of `build` do not make it start over: it goes on from what the last build with the same meaning left."""

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
print("loaded", *sorted(name for name in sys.modules if name in ("pydantic", "networkx", "tomllib")), file=sys.stderr)
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


def _build(made: Space, *options: str) -> tuple[str, bool]:
    """What a build says, and whether it parsed or analysed."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *options],
        cwd=made.root,
        env=made.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stderr.rpartition("loaded")
    return done.stdout, bool(said[2].split())


def _settle(made: Space, *options: str) -> str:
    """What a build says that found nothing to do and looked at no BUILD.toml, once the files are old enough."""
    deadline = time.monotonic() + 60
    while True:
        said, analysed = _build(made, *options)
        if not analysed and (
            "nothing changed" in said or '"unchanged":true' in said or "--quiet" in options
        ):
            return said
        assert time.monotonic() < deadline, f"{options} never goes on from the last build: {said}"
        time.sleep(0.3)


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_a_build_with_options_goes_on_from_the_last_one(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    made = space(tmp_path, BUILD)
    made.write("a.txt", "a\n")
    said = _settle(made, *options)
    if "--json" in options:
        events = [json.loads(line) for line in said.splitlines()]
        assert [event["label"] for event in events if event["event"] == "built"] == ["//:upper"]
        assert [(event["title"], event["how"]) for event in events if event["event"] == "done"] == [
            ("sh", "hit"),
            ("gate lint", "hit"),
        ]
        assert events[0]["actions"] == 2 and events[-1]["ran"] == 0 and events[-1]["unchanged"]
    else:
        assert "out/upper/upper.txt" in said
        assert ("gates of" in said) == ("--no-gates" not in options and "--quiet" not in options)
    made.write("a.txt", "ab\n")
    _build(made, *options)
    assert (made.root / "out/upper/upper.txt").read_text() == "AB\n"


def test_each_meaning_has_an_answer_of_its_own(tmp_path: Path) -> None:
    """A build that checked no gates, or ran without a sandbox, answers for none that asks for more."""
    made = space(tmp_path, BUILD)
    made.write("a.txt", "bcd\n")
    _settle(made, "--no-gates", "--sandbox=none")
    failed = made.run("build", "//...", code=1)
    assert "gates of //:lint" in failed.out and "failed" in failed.out
    assert "nothing changed" in _settle(made, "--no-gates", "--sandbox=none")


def test_an_edit_in_the_moment_of_the_build_costs_the_next_one_a_look(tmp_path: Path) -> None:
    """The source is too young to be known by its stamp, so it is hashed again; nothing is parsed, and nothing runs."""
    made = space(tmp_path, BUILD)
    made.write("a.txt", "a\n")
    _settle(made)
    made.write("a.txt", "abc")
    script = f"import buildgraph.files.stamp\nbuildgraph.stamp.FINE_NS = 60 * 10**9   # young, on a busy machine, too\n{RUN}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=made.root,
        env=made.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2 ran" in done.stdout and "pydantic" not in done.stderr
    said, analysed = _build(made)
    assert not analysed and "0 ran, 2 hits" in said, said
    assert "nothing changed" in _build(made)[0]
    assert (made.root / "out/upper/upper.txt").read_text() == "ABC"
