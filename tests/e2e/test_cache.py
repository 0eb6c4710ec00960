"""`buildgraph cache` as a user meets it: what goes, what stays and why, and what is mended."""
from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.space import Space, space

TOML = '''
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
'''
DAY = 86400


@pytest.fixture
def two(tmp_path: Path) -> Space:
    """Two commands in a row, built."""
    made = space(tmp_path, TOML)
    made.write("words.txt", "words\n" * 1000)
    made.build("//...")
    return made


def told(of: Space, *words: str, code: int = 0) -> dict[str, Any]:
    """What a verb says in JSON."""
    found: dict[str, Any] = json.loads(of.run("cache", *words, "--json", code=code).out)
    return found


def age(of: Space, days: float) -> None:
    """Let everything in the cache have been used some days ago, and nothing since."""
    then = time.time() - days * DAY
    for path in of.cache.rglob("*"):
        os.utime(path, (then, then), follow_symlinks=False)


def test_gc_keeps_what_the_last_build_stands_on_and_drops_the_rest(two: Space) -> None:
    two.write("words.txt", "other words\n" * 1000)
    two.build("//...")
    age(two, 40)
    dry = two.run("cache", "gc", "--dry-run").out
    assert f"keep  2 results, 23.4 KiB: the last builds of {two.root}" in dry
    assert "drop  2 results, 11.7 KiB: unused for too long" in dry
    assert "unused for 40 d  sh -c cat words.txt words.txt > out/a.txt" in dry and "would drop 2 results" in dry
    before = told(two, "stats")
    freed = told(two, "gc")["freed"]
    after = told(two, "stats")
    assert before["results"] == 4 and after["results"] == 2 and before["blob_bytes"] - after["blob_bytes"] == freed > 0
    two.write("words.txt", "other words\n" * 1000 + "x")
    assert len(two.build("//...").titles("ran")) == 2
    two.write("words.txt", "other words\n" * 1000)
    assert len(two.build("//...").titles("hit")) == 2


def test_gc_by_size_takes_the_least_used(two: Space) -> None:
    for number in range(4):
        age(two, 1)
        two.write("words.txt", f"{number}\n" * 3000)
        two.build("//...")
    assert told(two, "gc", "--max-size", "20KiB")["kept_bytes"] <= 20 * 1024
    two.write("words.txt", "3\n" * 3000)
    assert len(two.build("//...").titles("hit")) == 2


def test_gc_of_a_workspace_that_is_gone_takes_all(two: Space) -> None:
    subprocess.run(["rm", "-rf", str(two.root)], check=True)
    two.root.mkdir()
    assert told(two, "gc", "--max-size", "0B")["kept_bytes"] == 0
    assert told(two, "stats")["blobs"] == 0 == told(two, "stats")["results"]


def test_gc_beside_a_running_build_takes_nothing_of_it(two: Space) -> None:
    two.write("BUILD.toml", TOML + '\n[slow]\nrule = "command"\ninputs = { text = ":b" }\noutputs = { o = "s" }\n'
                                   'argv = ["sh", "-c", "sleep 2; cat {text} > {o}"]\n')
    two.write("words.txt", "new\n")
    process = subprocess.Popen(two.command("build", "//:slow"), cwd=two.root, env=two.environ(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while told(two, "stats")["results"] < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    found = told(two, "gc", "--max-size", "0B", "--max-age", "0s")
    assert process.wait(60) == 0 and "making it again" not in str(process.stderr and process.stderr.read())
    assert "a running build" in {result["why"] for result in found["results"]}
    assert (two.root / "out/slow/s").read_text().strip() == "8"


def test_gc_of_nothing_makes_nothing(tmp_path: Path) -> None:
    of = space(tmp_path, TOML)
    assert told(of, "gc")["freed"] == 0 and told(of, "verify")["checked"] == 0 and not of.cache.exists()


@pytest.mark.parametrize("words", [("gc", "--max-size", "10"), ("gc", "--max-age", "30"), ("gc", "//:a"), ("rm",),
                                   ("rm", "//:none"), ("what",)])
def test_wrong_words_are_refused(two: Space, words: tuple[str, ...]) -> None:
    assert "error" in two.run("cache", *words, code=2).err


def damage(of: Space, kind: str) -> None:
    """Flip a bit of a blob or of a record, its stamps kept."""
    folder = of.cache / ("blobs/sha256" if kind == "blob" else "results")
    path = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    stamp, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.chmod(0o600)
    path.write_bytes(data)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


@pytest.mark.parametrize("kind", ["blob", "record"])
def test_verify_finds_damage_and_mends_it_when_told(two: Space, kind: str) -> None:
    assert "0 damaged" in two.run("cache", "verify").out
    damage(two, kind)
    for _ in range(2):
        assert len(told(two, "verify", code=3)["damaged"]) == 1
    assert "verify --repair" in two.run("cache", "verify", code=3).out
    assert told(two, "verify", "--repair")["repaired"] is True
    assert told(two, "verify")["damaged"] == [] == told(two, "verify")["dangling"]
    two.write("words.txt", "x")
    two.build("//...")
    two.write("words.txt", "words\n" * 1000)
    assert len(two.build("//...").titles("ran")) >= 1
    assert (two.root / "out/b/b.txt").read_text().strip() == "12000"


def test_rm_makes_the_actions_of_a_label_run_again(two: Space) -> None:
    deadline = time.monotonic() + 30
    while "nothing changed" not in two.run("build", "//...").out:   # while anything that was read is young
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert "1 result forgotten" in two.run("cache", "rm", "//:a").out
    assert two.build("//...").titles("ran") == ["sh"] and "nothing changed" not in two.run("build", "//:b").out


def test_the_program_does_not_touch_a_foreign_or_open_cache(two: Space) -> None:
    two.cache.chmod(0o777)
    for words in (("gc",), ("verify", "--repair"), ("rm", "//:a")):
        assert "others can write" in two.run("cache", *words, code=30).err
