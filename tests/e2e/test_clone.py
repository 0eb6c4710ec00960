"""A workspace that another one equals is built without parsing or analysing anything; what differs is looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from buildgraph.sandbox.sandbox import is_available
from tests.support.requirements import absent
from tests.support.workspace import Space, space

BUILD = """
[workspace]
name = "w"

[a]
rule = "command"
inputs = { text = "a.txt", tool = "tool.sh" }
outputs = { o = "tree/" }
argv = ["sh", "{tool}", "{text}", "{o}"]

[b]
rule = "command"
inputs = { made = ":a" }
outputs = { o = "b.txt" }
argv = ["cp", "{made}/one", "{o}"]

[f]
rule = "files"
srcs = ["src/*.txt"]

[lint]
rule = "gate"
inputs = { text = "a.txt" }
argv = ["grep", "-q", "a", "{text}"]
"""
IMPORTED = """
import sys
from buildgraph.cli import main
code = main(["build", "//..."])
print(*sorted(name for name in sys.modules if name in ("pydantic", "networkx", "diskcache", "numpy", "tomllib")), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def first(tmp_path: Path) -> Space:
    made = space(tmp_path, BUILD)
    made.write("a.txt", "a\n")
    made.write("tool.sh", 'cat "$1" > "$2/one"; echo two > "$2/two"\n')
    made.write("src/x.txt", "x")
    made.run("build", "//...", code=0)
    return made


def _clone(first: Space, name: str) -> Space:
    root = first.root.parent / name
    shutil.copytree(first.root, root, ignore=shutil.ignore_patterns("out", ".buildgraph"))
    return Space(root, first.cache)


def _imported(of: Space) -> tuple[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        cwd=of.root,
        env=of.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr.splitlines()[-1].split()


def _shown(of: Space, below: str = "") -> dict[str, bytes]:
    top = of.root / "out" / below
    return {
        os.path.relpath(os.path.join(folder, name), top): Path(folder, name).read_bytes()
        for folder, _, names in os.walk(top, followlinks=True)
        for name in names
        if name != ".gitignore"
    }


def test_a_clone_is_restored_without_analysis(first: Space) -> None:
    clone = _clone(first, "clone")
    said, imported = _imported(clone)
    assert imported == [] and "0 ran, " in said and "passed       lint" in said
    assert _shown(clone) == _shown(first)


def test_touched_build_files_cost_no_analysis_either(first: Space) -> None:
    (first.root / "BUILD.toml").write_text((first.root / "BUILD.toml").read_text())
    assert _imported(first)[1] == []


def test_other_content_of_what_decides_is_analysed(first: Space) -> None:
    clone = _clone(first, "clone")
    clone.write(
        "BUILD.toml",
        BUILD.replace(
            '["cp", "{made}/one", "{o}"]', '["sh", "-c", "cat {made}/one {made}/one > {o}"]'
        ),
    )
    said, imported = _imported(clone)
    assert "pydantic" in imported and "1 ran" in said
    assert (clone.root / "out/b/b.txt").read_text() == "a\na\n"
    another = _clone(first, "another")
    another.write("src/y.txt", "y")  # a glob's folder lists another name
    assert "pydantic" in _imported(another)[1]
    assert sorted(map(os.path.basename, _shown(another, "f"))) == ["x.txt", "y.txt"]
    third = _clone(first, "third")
    third.write("sub/BUILD.toml", '[c]\nrule = "files"\nsrcs = ["z"]\n')
    third.write("sub/z", "z")
    third.run("build", "//...", code=0)
    assert list(map(os.path.basename, _shown(third, "sub"))) == ["z"]


def test_other_sources_run_what_reads_them(first: Space) -> None:
    clone = _clone(first, "clone")
    clone.write("a.txt", "aaa\n")
    said, imported = _imported(clone)
    assert imported == [] and "3 ran" in said
    assert (clone.root / "out/b/b.txt").read_text() == "aaa\n"
    clone.write("a.txt", "a\n")
    assert "0 ran" in clone.run("build", "//...", code=0).out
    assert _shown(clone) == _shown(first)


def test_a_source_that_is_gone_is_told_with_its_line(first: Space) -> None:
    clone = _clone(first, "clone")
    (clone.root / "a.txt").unlink()
    done = clone.run("build", "//...", code=2)
    assert "BUILD.toml:7" in done.err and "a.txt" in done.err


def test_a_damaged_graph_is_none(first: Space) -> None:
    clone = _clone(first, "clone")
    _damage(first, b"graph\n")
    said, imported = _imported(clone)
    assert "pydantic" in imported and "0 ran" in said and _shown(clone) == _shown(first)


def _damage(of: Space, mark: bytes) -> None:
    """Change a byte behind the last occurrence of some bytes of the snapshot in the cache."""
    (path,) = Path(of.cache, "graphs").iterdir()
    data = path.read_bytes()
    at = data.rindex(mark) + len(mark) + 20
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


@pytest.mark.parametrize("mark", [b"results\n", b"line_sums:"])
def test_damaged_results_are_none(first: Space, mark: bytes) -> None:
    """The graph before them is used, with every action dirty."""
    clone = _clone(first, "clone")
    _damage(first, mark)
    said, imported = _imported(clone)
    assert not imported and "0 ran" in said and _shown(clone) == _shown(first)
    clone.write("a.txt", "aaa\n")
    assert "3 ran" in _imported(clone)[0] and (clone.root / "out/b/b.txt").read_text() == "aaa\n"


def test_a_damaged_record_is_none(first: Space) -> None:
    """The last bytes of a snapshot are the record of its last action."""
    clone = _clone(first, "clone")
    (path,) = Path(first.cache, "graphs").iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    said, imported = _imported(clone)
    assert not imported and "0 ran" in said and _shown(clone) == _shown(first)


def test_the_snapshot_of_other_build_files_is_none(first: Space) -> None:
    """It has the name of this one's, for the root's BUILD.toml is the same; a failed build left no other."""
    broken = _clone(first, "broken")
    broken.write(
        "sub/BUILD.toml", '[c]\nrule = "command"\noutputs = { o = "o" }\nargv = ["false"]\n'
    )
    broken.run("build", "//...", code=1)
    again = _clone(broken, "again")
    assert "//sub:c" in again.run("build", "//...", code=1).err


def test_what_the_cache_lost_is_made_again(first: Space) -> None:
    """A record that is gone makes its step run; a blob that is gone makes that which made it run."""
    records = [path for path in Path(first.cache, "results").rglob("*") if path.is_file()]
    for path in records:
        path.unlink()
    clone = _clone(first, "clone")
    assert "0 hits" in _imported(clone)[0] and _shown(clone) == _shown(first)
    for path in Path(first.cache, "blobs/sha256").iterdir():
        path.unlink()
    other = _clone(first, "other")
    assert other.run("build", "//...", code=0).code == 0 and _shown(other) == _shown(first)


def test_a_clone_goes_on_as_if_it_had_been_built_there(first: Space) -> None:
    """History, receipt and snapshot are there: nothing changed, `why` knows, a change runs what it reaches."""
    clone = _clone(first, "clone")
    _imported(clone)
    deadline = time.monotonic() + 60
    while "nothing changed" not in _imported(clone)[0]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "nothing changed: the actions of //:b" in clone.run("why", "//:b", code=0).out
    clone.write("a.txt", "aa\n")
    said, imported = _imported(clone)
    assert not imported and "3 ran" in said


def test_what_ran_in_a_weaker_sandbox_does_not_count_in_a_clone(tmp_path: Path) -> None:
    if not is_available("landlock"):
        absent("the rung landlock cannot be reached here")
    weak = space(tmp_path, BUILD)
    weak.env["BUILDGRAPH_SANDBOX"] = "none"
    for name, text in (
        ("a.txt", "a\n"),
        ("tool.sh", 'cat "$1" > "$2/one"; echo two > "$2/two"\n'),
        ("src/x.txt", "x"),
    ):
        weak.write(name, text)
    weak.run("build", "//...", code=0)
    strict = _clone(weak, "strict")
    strict.env["BUILDGRAPH_SANDBOX"] = "landlock"
    assert "0 hits" in strict.run("build", "//...", code=0).out


def test_a_build_file_that_is_edited_while_it_is_analysed_is_analysed_again(first: Space) -> None:
    """What analysis made is known by what it read, not by what the file holds when it has ended."""
    edited = BUILD.replace(
        '["cp", "{made}/one", "{o}"]', '["sh", "-c", "cat {made}/one {made}/one > {o}"]'
    )
    script = f"""
import sys
from buildgraph.build import run_build
from buildgraph.cli import main
save_graph = run_build.save_graph
def late(*given):
    with open("BUILD.toml", "w") as file:
        file.write({edited!r})
    save_graph(*given)
run_build.save_graph = late
sys.exit(main(["build", "//..."]))
"""
    clone = _clone(first, "clone")
    clone.write("BUILD.toml", BUILD + "\n# so that it is analysed\n")
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=clone.root,
        env=clone.environ(),
        capture_output=True,
        check=True,
    )
    clone.run("build", "//...", code=0)
    assert (clone.root / "out/b/b.txt").read_text() == "a\na\n"
