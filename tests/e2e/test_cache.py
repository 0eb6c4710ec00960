"""Test `buildgraph cache`: removed results, kept results with reasons, and repairs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from buildgraph.store.auto_gc import DAY, HOUR, is_due, mark_gc_done
from tests.support.workspace import Space, space

TOML = """
[workspace]
name = "w"

[a]
rule = "command"
inputs = { text = "words.txt" }
outputs = { o = "a.txt" }
argv = ["sh", "-c", "cat {text} {text} > {o}"]

[b]
rule = "command"
inputs = { text = ":a" }
outputs = { o = "b.txt" }
argv = ["sh", "-c", "wc -c < {text} > {o}"]
"""


@pytest.fixture
def two(tmp_path: Path) -> Space:
    """Return a built workspace with two commands in a chain."""
    workspace = space(tmp_path, TOML)
    workspace.write("words.txt", "words\n" * 1000)
    workspace.build("//...")
    return workspace


def document_of(of: Space, *words: str, code: int = 0) -> dict[str, Any]:
    """Return the JSON document that a verb prints."""
    document: dict[str, Any] = json.loads(of.run("cache", *words, "--json", code=code).out)
    return document


def age(of: Space, days: float) -> None:
    """Set the last use of everything in the cache to some days ago."""
    then = time.time() - days * DAY
    for path in of.cache.rglob("*"):
        os.utime(path, (then, then), follow_symlinks=False)


def test_gc_keeps_results_of_the_last_build_and_drops_the_rest(two: Space) -> None:
    two.write("words.txt", "other words\n" * 1000)
    two.build("//...")
    age(two, 40)
    dry = two.run("cache", "gc", "--dry-run").out
    assert f"keep    2 results, 23.4 KiB: the last builds of {two.root}" in dry
    assert "remove  2 results, 11.7 KiB: unused for too long" in dry
    assert (
        "unused for 40 d  sh -c cat words.txt words.txt > out/a.txt" in dry
        and "would remove 2 results" in dry
    )
    before = document_of(two, "stats")
    freed = document_of(two, "gc")["freed"]
    after = document_of(two, "stats")
    assert (
        before["results"] == 4
        and after["results"] == 2
        and before["blob_bytes"] - after["blob_bytes"] == freed > 0
    )
    two.write("words.txt", "other words\n" * 1000 + "x")
    assert len(two.build("//...").titles("ran")) == 2
    two.write("words.txt", "other words\n" * 1000)
    assert len(two.build("//...").titles("hit")) == 2


def test_gc_by_size_takes_the_least_used(two: Space) -> None:
    for number in range(4):
        age(two, 1)
        two.write("words.txt", f"{number}\n" * 3000)
        two.build("//...")
    assert document_of(two, "gc", "--max-size", "20KiB")["kept_bytes"] <= 20 * 1024
    two.write("words.txt", "3\n" * 3000)
    assert len(two.build("//...").titles("hit")) == 2


def test_gc_of_a_deleted_workspace_removes_all(two: Space) -> None:
    subprocess.run(["rm", "-rf", str(two.root)], check=True)
    two.root.mkdir()
    assert document_of(two, "gc", "--max-size", "0B")["kept_bytes"] == 0
    assert document_of(two, "stats")["blobs"] == 0 == document_of(two, "stats")["results"]


def test_gc_beside_a_running_build_keeps_its_results(two: Space) -> None:
    two.write(
        "BUILD.toml",
        TOML + '\n[slow]\nrule = "command"\ninputs = { text = ":b" }\noutputs = { o = "s" }\n'
        'argv = ["sh", "-c", "while ! test -e $0; do sleep 0.1; done; cat {text} > {o}", '
        f'"{two.root}/go"]\n',
    )
    two.env["BUILDGRAPH_SANDBOX"] = "none"  # so that the command sees the file that ends it
    two.write("words.txt", "new\n")
    process = subprocess.Popen(
        two.command("build", "//:slow"),
        cwd=two.root,
        env=two.environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while document_of(two, "stats")["results"] < 4:
        assert process.poll() is None and time.monotonic() < deadline, (
            "nothing is published while it runs"
        )
        time.sleep(0.05)
    document = document_of(two, "gc", "--max-size", "0B", "--max-age", "0s")
    two.write("go", "")
    assert process.wait(60) == 0 and "making it again" not in str(
        process.stderr and process.stderr.read()
    )
    assert "a running build" in {result["why"] for result in document["results"]}
    assert (two.root / "out/slow/s").read_text().strip() == "8"


def test_gc_without_a_cache_creates_none(tmp_path: Path) -> None:
    of = space(tmp_path, TOML)
    assert (
        document_of(of, "gc")["freed"] == 0
        and document_of(of, "verify")["checked"] == 0
        and not of.cache.exists()
    )


@pytest.mark.parametrize(
    "words",
    [
        ("gc", "--max-size", "10"),
        ("gc", "--max-age", "30"),
        ("gc", "//:a"),
        ("rm",),
        ("rm", "//:none"),
        ("what",),
    ],
)
def test_wrong_words_are_refused(two: Space, words: tuple[str, ...]) -> None:
    assert "error" in two.run("cache", *words, code=2).err


def damage(of: Space, kind: str) -> None:
    """Flip a bit of a blob or of a record, its stamps kept."""
    folder = of.cache / ("blobs/sha256" if kind == "blob" else "results")
    path = max(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    stamp, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.chmod(0o600)
    path.write_bytes(data)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


@pytest.mark.parametrize("kind", ["blob", "record"])
def test_verify_reports_damage_and_repairs_it_on_request(two: Space, kind: str) -> None:
    assert "0 damaged" in two.run("cache", "verify").out
    damage(two, kind)
    for _ in range(2):
        assert len(document_of(two, "verify", code=3)["damaged"]) == 1
    assert "verify --repair" in two.run("cache", "verify", code=3).out
    assert document_of(two, "verify", "--repair")["repaired"] is True
    assert document_of(two, "verify")["damaged"] == [] == document_of(two, "verify")["dangling"]
    two.write("words.txt", "x")
    two.build("//...")
    two.write("words.txt", "words\n" * 1000)
    assert len(two.build("//...").titles("ran")) >= 1
    assert (two.root / "out/b/b.txt").read_text().strip() == "12000"


def test_rm_makes_the_actions_of_a_label_run_again(two: Space) -> None:
    deadline = time.monotonic() + 60
    while (
        "nothing changed" not in two.run("build", "//...").out
    ):  # while files are younger than the racy window
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert "removed 1 result" in two.run("cache", "rm", "//:a").out
    assert (
        two.build("//...").titles("ran") == ["sh"]
        and "nothing changed" not in two.run("build", "//:b").out
    )


def swept(of: Space, days: float) -> None:
    """Set the last collection to some days ago."""
    then = time.time() - days * DAY
    os.utime(of.cache / "swept", (then, then))


def test_a_build_collects_garbage_once_a_day(two: Space) -> None:
    """Results in use are kept; only a build that ran an action collects garbage."""
    two.write("words.txt", "other words\n" * 1000)
    two.build("//...")
    age(two, 40)
    swept(two, 2)
    two.write("words.txt", "words\n" * 1000)
    assert (
        "from the cache" not in two.run("build", "//...").err
        and document_of(two, "stats")["results"] == 4
    )  # all actions were hits
    age(two, 40)
    swept(two, 0.5)
    two.write("words.txt", "third\n" * 1000)
    assert (
        "from the cache" not in two.run("build", "//...").err
        and document_of(two, "stats")["results"] == 6
    )
    age(two, 40)
    swept(two, 2)
    two.write("words.txt", "fourth\n" * 1000)
    assert "removed 6 results (" in two.run("build", "//...").err
    assert (
        document_of(two, "stats")["results"] == 2
        and "from the cache" not in two.run("build", "//...").err
    )
    two.write("words.txt", "fourth\n" * 999)
    two.build("//...")
    two.write("words.txt", "fourth\n" * 1000)
    assert two.build("//...").titles("ran") == []


@pytest.mark.parametrize(
    ("env", "left"),
    [
        ({"BUILDGRAPH_CACHE_GC": "off", "BUILDGRAPH_CACHE_SIZE": "0B"}, 4),
        ({"BUILDGRAPH_CACHE_AGE": "60d"}, 4),
        ({"BUILDGRAPH_CACHE_SIZE": "13KiB", "BUILDGRAPH_CACHE_AGE": "60d"}, 2),
        ({}, 2),
        ({"BUILDGRAPH_CACHE_SIZE": "much"}, 4),
        ({"BUILDGRAPH_CACHE_AGE": "long"}, 4),
    ],
    ids=str,
)
def test_the_environment_sets_the_limits(two: Space, env: dict[str, str], left: int) -> None:
    """A malformed limit is reported, and nothing is removed."""
    age(two, 40)
    swept(two, 2)
    two.write("words.txt", "other words\n" * 1000)
    two.env |= env
    err = two.run("build", "//...").err
    assert document_of(two, "stats")["results"] == left
    assert ("warning: garbage collection of the cache was skipped" in err) == bool(
        {"much", "long"} & set(env.values())
    )
    assert two.run("cache", "gc", "--dry-run", code=None).code == (2 if "warning" in err else 0)


def test_stats_show_the_time_saved(two: Space) -> None:
    """The time saved is that of the original run; a result without a time adds nothing."""
    two.write("BUILD.toml", TOML.replace("cat {text} {text}", "sleep 0.3; cat {text} {text}"))
    two.build("//...")
    clone = Space(two.root.with_name("clone"), two.cache)
    for name in ("BUILD.toml", "words.txt"):
        clone.write(name, (two.root / name).read_bytes())
    assert len(clone.build("//...").titles("hit")) == 2
    stats = document_of(clone, "stats")
    assert (stats["builds"], stats["ran"], stats["hits"]) == (3, 3, 3)
    assert 300 <= stats["saved_milliseconds"] < stats["ran_milliseconds"] + 1000
    text = clone.run("cache", "stats").out
    assert "3 builds, 3 actions ran in" in text and "3 hits saved 0." in text
    (two.cache / "ledger").write_bytes(b"\xff damaged\n1 2 3\n")
    assert (
        document_of(clone, "stats")["hits"] == 0
        and "hits saved" not in clone.run("cache", "stats").out
    )


def test_a_long_ledger_is_compacted(two: Space) -> None:
    """It is compacted with a collection, and the sums are kept."""
    with open(two.cache / "ledger", "a") as file:
        file.write("1600000000 1 2 3 4 5\n" * 4000)
    before = document_of(two, "stats")
    swept(two, 2)
    two.write("words.txt", "other words\n")
    two.build("//...")
    after = document_of(two, "stats")
    assert (two.cache / "ledger").stat().st_size < 200 and after["since"] == 1600000000
    assert (
        after["builds"] == before["builds"] + 1
        and after["saved_milliseconds"] == before["saved_milliseconds"]
    )


def test_the_program_does_not_touch_a_foreign_or_open_cache(two: Space) -> None:
    two.cache.chmod(0o777)
    for words in (("gc",), ("verify", "--repair"), ("rm", "//:a")):
        assert "others can write" in two.run("cache", *words, code=30).err


def test_builds_that_end_together_do_not_both_collect(tmp_path: Path) -> None:
    """A stamp slightly ahead is of another build; one far ahead is of a clock set back."""
    mark_gc_done(str(tmp_path))
    noted = os.stat(tmp_path / "swept").st_mtime
    assert not is_due(str(tmp_path), noted - 0.1) and not is_due(str(tmp_path), noted + 100)
    assert is_due(str(tmp_path), noted - 2 * HOUR) and is_due(str(tmp_path), noted + DAY)
