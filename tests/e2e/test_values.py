"""A build after an edit of values in a BUILD.toml: it analyses what they reach, and goes on."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

ROOT = """
[workspace]
name = "w"

[a]
rule = "command"
inputs = { i = "s.txt" }
outputs = { o = "o" }
argv = ["sh", "-c", "cat {i} > $0", "{o}"]

[b]
rule = "command"
inputs = { i = "s.txt", d = "//p:c" }
outputs = { o = "o" }
argv = ["sh", "-c", "cat {i} {d} > $0", "{o}"]
env = { SALT = "0" }

[texts]
rule = "files"
srcs = ["texts/a*"]

[all]
rule = "group"
targets = ["//...", "-:all"]
"""
INNER = """
[c]
rule = "command"
outputs = { o = "o" }
argv = ["sh", "-c", "echo c > $0", "{o}"]
"""
OTHER_RULES = """
import os
from dataclasses import dataclass
from buildgraph import Ctx, Provider, rule

@dataclass(frozen=True)
class Nothing(Provider):
    pass

@rule
def nothing(ctx: Ctx) -> Nothing:
    return Nothing()
"""


@pytest.fixture
def built(tmp_path: Path) -> Space:
    """A workspace of two BUILD files that was built."""
    of = space(tmp_path, ROOT)
    of.env["BUILDGRAPH_SANDBOX"] = "none"
    for name in ("s.txt", "t.txt", "texts/a1", "texts/b1"):
        of.write(name, f"{name}\n")
    of.write("p/BUILD.toml", INNER)
    of.run("build", "//...")
    time.sleep(0.15)
    of.run("build", "//...")
    return of


def edit(of: Space, path: str, old: str, new: str) -> None:
    """Replace a text in a file, some time after the last build."""
    time.sleep(0.15)
    text = (of.root / path).read_text()
    assert old in text
    of.write(path, text.replace(old, new))


def build(of: Space, *, whole: bool = False) -> str:
    """Build, and check whether the build analysed everything, which hashes all sources."""
    of.env["PYTHONVERBOSE"] = "1"
    done = of.run("build", "//...")
    del of.env["PYTHONVERBOSE"]
    assert ("import 'buildgraph.store.gc_roots'" in done.err) and "import 'pydantic" in done.err
    assert ("import 'buildgraph.state.input_stamps'" in done.err) == whole
    time.sleep(0.15)
    assert "nothing changed" in of.run("build", "//...").out
    return done.out


def test_only_the_edited_action_and_its_users_run(built: Space) -> None:
    edit(built, "p/BUILD.toml", "echo c", "echo d")
    assert "2 ran" in build(built)
    assert (built.root / "out/b/o").read_text() == "s.txt\nd\n"
    edit(built, "BUILD.toml", 'SALT = "0"', 'SALT = "1"')
    assert "1 ran" in build(built)


def test_a_clone_goes_on_from_the_edited_graph(built: Space) -> None:
    edit(built, "p/BUILD.toml", "echo c", "echo d")
    build(built)
    shutil.rmtree(built.root / ".buildgraph")
    shutil.rmtree(built.root / "out")
    built.env["PYTHONVERBOSE"] = "1"
    done = built.run("build", "//...")
    assert "import 'pydantic" not in done.err and "0 ran" in done.out
    assert (built.root / "out/b/o").read_text() == "s.txt\nd\n"


def test_a_new_source_is_watched_and_the_old_one_is_not(built: Space) -> None:
    edit(built, "BUILD.toml", '{ i = "s.txt" }', '{ i = "t.txt" }')
    assert "1 ran" in build(built)
    assert (built.root / "out/a/o").read_text() == "t.txt\n"
    time.sleep(0.15)
    built.write("t.txt", "another\n")
    assert "1 ran" in built.run("build", "//...").out
    assert (built.root / "out/a/o").read_text() == "another\n"
    time.sleep(0.15)
    built.write("s.txt", "edited\n")  # only b reads it now
    assert "1 ran" in built.run("build", "//...").out


def test_a_new_glob_is_watched(built: Space) -> None:
    edit(built, "BUILD.toml", '"texts/a*"', '"texts/*1"')
    build(built)
    tree = built.root / "out/texts/tree/texts"
    assert sorted(path.name for path in tree.iterdir()) == ["a1", "b1"]
    time.sleep(0.15)
    built.write("texts/c1", "c\n")
    built.run("build", "//...")
    assert sorted(path.name for path in tree.iterdir()) == ["a1", "b1", "c1"]


def test_reordered_tables_run_nothing(built: Space) -> None:
    time.sleep(0.15)
    head, *tables = (built.root / "BUILD.toml").read_text().split("\n\n")
    built.write("BUILD.toml", "\n\n".join([head.strip(), *(t.strip() for t in tables[::-1])]))
    assert "0 ran" in build(built)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('outputs = { o = "o" }', 'outputs = { o = "other" }'),
        ('name = "w"', 'name = "v"'),
        ("[a]", "[aa]"),
        ('argv = ["sh", "-c", "cat {i} > $0", "{o}"]', 'argv = ["cp", "{i}", "{o}"]'),
        ('"-:all"', '"-:all", "-:texts"'),
    ],
)
def test_other_edits_need_the_whole(built: Space, old: str, new: str) -> None:
    edit(built, "BUILD.toml", old, new)
    build(built, whole=True)
    files = sorted(path.name for path in (built.root / "out").glob("*/*"))
    assert ("other" in files) == ("other" in new)
    assert (built.root / "out/a").exists() == (new != "[aa]")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('{ i = "s.txt" }', '{ i = "none.txt" }', "BUILD.toml:7"),
        ("//p:c", "//p:d", "BUILD.toml:13"),
        ('SALT = "0"', "SALT = 0", "BUILD.toml:16"),
        ('SALT = "0" }', 'SALT = "0"', "BUILD.toml:16"),
        ('d = "//p:c"', 'd = ":b"', "BUILD.toml:13"),
    ],
)
def test_an_error_is_reported_at_its_place(built: Space, old: str, new: str, place: str) -> None:
    edit(built, "BUILD.toml", old, new)
    assert place in built.run("build", "//...", code=2).err
    edit(built, "BUILD.toml", new, old)
    assert "0 ran" in built.run("build", "//...").out


def test_rules_of_the_workspace_need_the_whole(built: Space) -> None:
    built.write("rules.py", OTHER_RULES)
    edit(built, "BUILD.toml", 'name = "w"', 'name = "w"\nrules = ["rules.py"]')
    built.run("build", "//...")
    edit(built, "p/BUILD.toml", "echo c", "echo d")
    build(built, whole=True)


@pytest.mark.parametrize("kind", ["older", "a flipped bit", "a lost end"])
def test_a_snapshot_of_no_use_needs_the_whole(built: Space, kind: str) -> None:
    """No warning is printed, and the next build has one again."""
    for path in [*built.root.glob(".buildgraph/snapshots/*"), *built.cache.glob("graphs/*")]:
        data = path.read_bytes()
        at = data.index(b"SALT")
        changed = {
            "older": data.replace(b"snapshot 9", b"snapshot 8"),
            "a flipped bit": data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
            "a lost end": data[: len(data) // 2],
        }
        stamp = path.stat()
        path.chmod(0o600)
        path.write_bytes(changed[kind])
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    edit(built, "p/BUILD.toml", "echo c", "echo d")
    done = built.run("build", "//...")
    assert "2 ran" in done.out
    assert all(line.startswith("[") for line in done.err.splitlines()), done.err  # progress only
    assert (built.root / "out/b/o").read_text() == "s.txt\nd\n"
    edit(built, "BUILD.toml", 'SALT = "0"', 'SALT = "1"')
    assert "1 ran" in build(built)
