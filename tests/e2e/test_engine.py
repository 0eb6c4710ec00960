"""The engine in real workspaces: the program runs, and tests count the actions that ran."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

CHAIN = """
[workspace]
name = "chain"

[upper]
rule = "command"
inputs = { text = "words.txt", tool = "upper.py" }
outputs = { text = "upper.txt" }
argv = ["python3", "{tool}", "{text}", "{text_out}"]

[count]
rule = "command"
inputs = { text = ":upper", tool = "count.py" }
outputs = { number = "count.txt" }
argv = ["python3", "{tool}", "{text}", "{number}"]
""".replace('outputs = { text = "upper.txt" }', 'outputs = { text_out = "upper.txt" }')
UPPER = "import sys\nopen(sys.argv[2], 'w').write(open(sys.argv[1]).read().upper().split('#')[0])\n"
COUNT = "import sys\nopen(sys.argv[2], 'w').write(str(len(open(sys.argv[1]).read())))\n"


@pytest.fixture
def chain(tmp_path: Path) -> Space:
    """Create a chain of two commands: words -> upper (drops text after a #) -> count."""
    workspace = space(tmp_path, CHAIN)
    workspace.write("words.txt", "hello world#1")
    workspace.write("upper.py", UPPER)
    workspace.write("count.py", COUNT)
    return workspace


def build_and_list_ran(workspace: Space, *patterns: str) -> list[str]:
    """Build and return the labels of the actions that ran."""
    events = workspace.build(*(patterns or ("//:count",))).events
    return sorted(
        event["label"] for event in events if event["event"] == "done" and event["how"] == "ran"
    )


def test_a_build_makes_its_outputs_and_a_second_runs_nothing(chain: Space) -> None:
    assert build_and_list_ran(chain) == ["//:count", "//:upper"]
    assert (chain.root / "out/count/count.txt").read_text() == "11"
    assert build_and_list_ran(chain) == []


def test_an_output_that_comes_out_equal_stops_the_rebuild(chain: Space) -> None:
    build_and_list_ran(chain)
    chain.write("words.txt", "hello world#2")
    assert build_and_list_ran(chain) == ["//:upper"]


def test_a_reverted_edit_runs_nothing(chain: Space) -> None:
    build_and_list_ran(chain)
    chain.write("words.txt", "other#")
    assert build_and_list_ran(chain) == ["//:count", "//:upper"]
    chain.write("words.txt", "hello world#1")
    assert build_and_list_ran(chain) == []
    assert (chain.root / "out/count/count.txt").read_text() == "11"


def test_a_touch_and_a_comment_in_build_toml_run_nothing(chain: Space) -> None:
    build_and_list_ran(chain)
    os.utime(chain.root / "words.txt")
    chain.write("BUILD.toml", "# a comment\n" + CHAIN)
    assert build_and_list_ran(chain) == []


def test_the_same_size_and_mtime_with_other_content_is_seen(chain: Space) -> None:
    build_and_list_ran(chain)
    path = chain.root / "words.txt"
    stamp = path.stat()
    path.write_text("HELLO WORLD#1".replace("O", "0"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert "//:upper" in build_and_list_ran(chain)


def test_a_deleted_or_damaged_output_comes_back(chain: Space) -> None:
    build_and_list_ran(chain)
    output = chain.root / "out/count/count.txt"
    built_file = output.resolve()
    built_file.chmod(0o644)
    built_file.write_text("99")
    assert build_and_list_ran(chain) == []
    assert output.read_text() == "11"
    output.resolve().unlink()
    assert build_and_list_ran(chain) == []
    assert output.read_text() == "11"


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_a_damaged_blob_is_made_again(chain: Space, damage: str) -> None:
    build_and_list_ran(chain)
    for blob in (chain.cache / "blobs/sha256").iterdir():
        if blob.read_bytes() == b"HELLO WORLD":
            blob.chmod(0o644)
            blob.unlink() if damage == "delete" else blob.write_bytes(
                b"HELLO W0RLD" if damage == "flip" else b"HELL"
            )
    chain.write("count.py", COUNT + "# again\n")
    assert "//:count" in build_and_list_ran(chain)
    assert (chain.root / "out/count/count.txt").read_text() == "11"


def test_the_cache_deleted_is_made_again(chain: Space) -> None:
    before = chain.build("//:count").digests()
    subprocess.run(["rm", "-rf", str(chain.cache)], check=True)
    chain.write("words.txt", "hello world#3")
    assert chain.build("//:count").digests() == before


def test_a_second_checkout_shares_the_cache(chain: Space, tmp_path: Path) -> None:
    build_and_list_ran(chain)
    other = space(tmp_path / "elsewhere", CHAIN, chain.cache)
    other.write("words.txt", "hello world#1")
    other.write("upper.py", UPPER)
    other.write("count.py", COUNT)
    assert build_and_list_ran(other) == []
    assert (other.root / "out/count/count.txt").read_text() == "11"


def test_a_failing_action_shows_its_log_and_is_not_remembered(chain: Space) -> None:
    chain.write("upper.py", "import sys\nprint('this is the log')\nsys.exit(3)\n")
    failed = chain.run("build", "//:count", code=1)
    assert (
        "this is the log" in failed.err
        and "exit code 3" in failed.err
        and "--sandbox-debug" in failed.err
    )
    chain.write("upper.py", UPPER)
    assert build_and_list_ran(chain) == ["//:count", "//:upper"]


def test_keep_going_builds_what_does_not_need_the_failure(chain: Space) -> None:
    chain.write(
        "BUILD.toml",
        CHAIN
        + """
[other]
rule = "command"
outputs = { o = "o.txt" }
argv = ["sh", "-c", "echo x > {o}"]
""",
    )
    chain.write("upper.py", "import sys; sys.exit(1)\n")
    assert chain.run("build", "-k", "-j1", "//...", code=1).code == 1
    assert (chain.root / "out/other/o.txt").read_text() == "x\n"


def test_a_missing_and_an_undeclared_output_fail(chain: Space) -> None:
    chain.write("upper.py", "")
    assert "upper.txt" in chain.run("build", "//:upper", code=1).err
    chain.write("upper.py", UPPER + "open('out/extra', 'w')\n")
    assert "extra" in chain.run("build", "//:upper", code=1).err


def test_sandbox_debug_keeps_a_folder_in_which_the_command_runs_by_hand(chain: Space) -> None:
    chain.write("upper.py", "import sys\nprint('by hand')\nsys.exit(3)\n")
    for _ in range(2):  # a second run keeps the folder of the first
        failed = chain.run("build", "//:upper", "--sandbox-debug", code=1)
    line = next(line for line in failed.err.splitlines() if "env -i" in line)
    process = subprocess.run(
        ["sh", "-c", line[line.index("cd ") :]], capture_output=True, text=True, check=False
    )
    assert process.returncode == 3 and "by hand" in process.stdout


def test_an_environment_variable_cannot_influence_an_action(chain: Space) -> None:
    chain.write(
        "upper.py",
        "import os, sys\nopen(sys.argv[2], 'w').write(os.environ.get('SECRET', 'none'))\n",
    )
    chain.env["SECRET"] = "value"
    build_and_list_ran(chain, "//:upper")
    assert (chain.root / "out/upper/upper.txt").read_text() == "none"


def test_equal_actions_run_once(tmp_path: Path) -> None:
    table = """
[{name}]
rule = "command"
outputs = {{ o = "o" }}
argv = ["sh", "-c", "sleep 0.3; echo x > {{o}}"]
"""
    workspace = space(
        tmp_path,
        '[workspace]\nname = "w"\n' + "".join(table.format(name=f"t{n}") for n in range(4)),
    )
    result = workspace.build("-j4", "//...")
    assert (
        len(result.titles("ran")) == 1
        and len(result.titles("ran") + result.titles("shared") + result.titles("hit")) == 4
    )


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(chain: Space, stop: signal.Signals) -> None:
    chain.write("upper.py", "import os, time\nprint(flush=True)\ntime.sleep(600.125)\n")
    process = subprocess.Popen(
        chain.command("build", "//:count"),
        cwd=chain.root,
        env=chain.environ(),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    work = chain.cache / "work"
    deadline = time.monotonic() + 60
    while not list(work.glob("*/action-*")):
        assert process.poll() is None and time.monotonic() < deadline, "no action begins"
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(stop)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, 143) and "Traceback" not in err
    assert not list(work.iterdir())
    processes = subprocess.run(
        ["pgrep", "-f", str(work)], capture_output=True, text=True, check=False
    ).stdout
    assert not processes
    chain.write("upper.py", UPPER)
    assert build_and_list_ran(chain) == ["//:count", "//:upper"]


def test_a_build_killed_in_the_middle_is_right_the_next_time(chain: Space) -> None:
    chain.write("count.py", "import time\ntime.sleep(5)\n" + COUNT)
    process = subprocess.Popen(
        chain.command("build", "//:count"),
        cwd=chain.root,
        env=chain.environ(),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    time.sleep(1.5)
    process.kill()
    process.wait()
    chain.write("count.py", COUNT)
    build_and_list_ran(chain)
    assert (chain.root / "out/count/count.txt").read_text() == "11"
    assert not list((chain.cache / "work").iterdir())


def test_a_file_edited_while_it_is_being_built_never_poisons_the_cache(chain: Space) -> None:
    chain.write("upper.py", "import time\ntime.sleep(1.5)\n" + UPPER)
    process = subprocess.Popen(
        chain.command("build", "//:count"),
        cwd=chain.root,
        env=chain.environ(),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    time.sleep(1.0)
    chain.write("words.txt", "changed#")
    process.wait(timeout=60)
    chain.write("words.txt", "hello world#1")
    chain.build("//:count")
    assert (chain.root / "out/upper").exists() is False
    assert (chain.root / "out/count/count.txt").read_text() == "11"
    chain.write("words.txt", "changed#")
    chain.build("//:count")
    assert (chain.root / "out/count/count.txt").read_text() == "7"
