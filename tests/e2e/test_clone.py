"""A clone of a built workspace is built without analysis; only differences are analysed."""

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
heavy = {"pydantic", "networkx", "diskcache", "numpy", "tomllib"}
print(*sorted(heavy & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def first(tmp_path: Path) -> Space:
    workspace = space(tmp_path, BUILD)
    workspace.write("a.txt", "a\n")
    workspace.write("tool.sh", 'cat "$1" > "$2/one"; echo two > "$2/two"\n')
    workspace.write("src/x.txt", "x")
    workspace.run("build", "//...", code=0)
    return workspace


def _clone(first: Space, name: str) -> Space:
    root = first.root.parent / name
    shutil.copytree(first.root, root, ignore=shutil.ignore_patterns("out", ".buildgraph"))
    return Space(root, first.cache)


def _build_and_list_imports(workspace: Space) -> tuple[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        cwd=workspace.root,
        env=workspace.environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr.splitlines()[-1].split()


def _read_outputs(workspace: Space, below: str = "") -> dict[str, bytes]:
    top = workspace.root / "out" / below
    return {
        os.path.relpath(os.path.join(folder, name), top): Path(folder, name).read_bytes()
        for folder, _, names in os.walk(top, followlinks=True)
        for name in names
        if name != ".gitignore"
    }


def test_a_clone_is_restored_without_analysis(first: Space) -> None:
    clone = _clone(first, "clone")
    stdout, modules = _build_and_list_imports(clone)
    assert modules == [] and "0 ran, " in stdout and "passed       lint" in stdout
    assert _read_outputs(clone) == _read_outputs(first)


def test_touched_build_files_cost_no_analysis_either(first: Space) -> None:
    (first.root / "BUILD.toml").write_text((first.root / "BUILD.toml").read_text())
    assert _build_and_list_imports(first)[1] == []


def test_other_inputs_of_the_analysis_are_analysed(first: Space) -> None:
    clone = _clone(first, "clone")
    clone.write(
        "BUILD.toml",
        BUILD.replace(
            '["cp", "{made}/one", "{o}"]', '["sh", "-c", "cat {made}/one {made}/one > {o}"]'
        ),
    )
    stdout, modules = _build_and_list_imports(clone)
    assert "pydantic" in modules and "1 ran" in stdout
    assert (clone.root / "out/b/b.txt").read_text() == "a\na\n"
    another = _clone(first, "another")
    another.write("src/y.txt", "y")  # a glob's folder lists another name
    assert "pydantic" in _build_and_list_imports(another)[1]
    assert sorted(map(os.path.basename, _read_outputs(another, "f"))) == ["x.txt", "y.txt"]
    third = _clone(first, "third")
    third.write("sub/BUILD.toml", '[c]\nrule = "files"\nsrcs = ["z"]\n')
    third.write("sub/z", "z")
    third.run("build", "//...", code=0)
    assert list(map(os.path.basename, _read_outputs(third, "sub"))) == ["z"]


def test_other_sources_run_what_reads_them(first: Space) -> None:
    clone = _clone(first, "clone")
    clone.write("a.txt", "aaa\n")
    stdout, modules = _build_and_list_imports(clone)
    assert modules == [] and "3 ran" in stdout
    assert (clone.root / "out/b/b.txt").read_text() == "aaa\n"
    clone.write("a.txt", "a\n")
    assert "0 ran" in clone.run("build", "//...", code=0).out
    assert _read_outputs(clone) == _read_outputs(first)


def test_a_missing_source_is_reported_with_its_line(first: Space) -> None:
    clone = _clone(first, "clone")
    (clone.root / "a.txt").unlink()
    done = clone.run("build", "//...", code=2)
    assert "BUILD.toml:7" in done.err and "a.txt" in done.err


def test_a_damaged_graph_is_none(first: Space) -> None:
    clone = _clone(first, "clone")
    _damage(first, b"graph\n")
    stdout, modules = _build_and_list_imports(clone)
    assert (
        "pydantic" in modules and "0 ran" in stdout and _read_outputs(clone) == _read_outputs(first)
    )


def _damage(workspace: Space, mark: bytes) -> None:
    """Change a byte after the last `mark` in the snapshot of the cache."""
    (path,) = Path(workspace.cache, "graphs").iterdir()
    data = path.read_bytes()
    at = data.rindex(mark) + len(mark) + 20
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


@pytest.mark.parametrize("mark", [b"results\n", b"line_sums:"])
def test_damaged_results_are_none(first: Space, mark: bytes) -> None:
    """The graph in front of the results is still used, with every action dirty."""
    clone = _clone(first, "clone")
    _damage(first, mark)
    stdout, modules = _build_and_list_imports(clone)
    assert not modules and "0 ran" in stdout and _read_outputs(clone) == _read_outputs(first)
    clone.write("a.txt", "aaa\n")
    assert (
        "3 ran" in _build_and_list_imports(clone)[0]
        and (clone.root / "out/b/b.txt").read_text() == "aaa\n"
    )


def test_a_damaged_record_is_none(first: Space) -> None:
    """The last bytes of a snapshot are the record of its last action."""
    clone = _clone(first, "clone")
    (path,) = Path(first.cache, "graphs").iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    stdout, modules = _build_and_list_imports(clone)
    assert not modules and "0 ran" in stdout and _read_outputs(clone) == _read_outputs(first)


def test_the_snapshot_of_other_build_files_is_none(first: Space) -> None:
    """Both snapshots have the same name, since BUILD.toml of the root is the same.

    The failed build saved no snapshot of its own.
    """
    broken = _clone(first, "broken")
    broken.write(
        "sub/BUILD.toml", '[c]\nrule = "command"\noutputs = { o = "o" }\nargv = ["false"]\n'
    )
    broken.run("build", "//...", code=1)
    again = _clone(broken, "again")
    assert "//sub:c" in again.run("build", "//...", code=1).err


def test_entries_that_the_cache_lost_are_built_again(first: Space) -> None:
    """A missing record makes its action run; a missing blob makes the action that writes it run."""
    records = [path for path in Path(first.cache, "results").rglob("*") if path.is_file()]
    for path in records:
        path.unlink()
    clone = _clone(first, "clone")
    assert "0 hits" in _build_and_list_imports(clone)[0] and _read_outputs(clone) == _read_outputs(
        first
    )
    for path in Path(first.cache, "blobs/sha256").iterdir():
        path.unlink()
    other = _clone(first, "other")
    assert other.run("build", "//...", code=0).code == 0 and _read_outputs(other) == _read_outputs(
        first
    )


def test_a_clone_goes_on_as_if_it_had_been_built_there(first: Space) -> None:
    """The clone has history, manifest and snapshot.

    A second build reports no change, `why` explains it, and an edit runs only its dependents.
    """
    clone = _clone(first, "clone")
    _build_and_list_imports(clone)
    deadline = time.monotonic() + 60
    while "nothing changed" not in _build_and_list_imports(clone)[0]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "nothing changed: the actions of //:b" in clone.run("why", "//:b", code=0).out
    clone.write("a.txt", "aa\n")
    stdout, modules = _build_and_list_imports(clone)
    assert not modules and "3 ran" in stdout


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
    """The snapshot of a graph is keyed by the text that analysis read, not by the later text."""
    edited = BUILD.replace(
        '["cp", "{made}/one", "{o}"]', '["sh", "-c", "cat {made}/one {made}/one > {o}"]'
    )
    script = f"""
import sys
from buildgraph.state import graph_cache
from buildgraph.cli import main
save_graph = graph_cache.save_graph
def save_late(*arguments):
    with open("BUILD.toml", "w") as file:
        file.write({edited!r})
    return save_graph(*arguments)
graph_cache.save_graph = save_late
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
