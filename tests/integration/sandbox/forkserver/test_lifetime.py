"""Life of fork servers: jobs they serve, isolation of actions, and the end of all processes."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from buildgraph.sandbox.forkserver import client
from buildgraph.sandbox.forkserver.client import ForkServers, kind_of
from buildgraph.sandbox.job import Job, Level, Outcome
from buildgraph.sandbox.process import readable
from buildgraph.sandbox.sandbox import is_available, run
from tests.integration.sandbox.build_process import begin, wait_for
from tests.integration.sandbox.forkserver.test_client import forked, level, tool, written_files
from tests.integration.sandbox.test_escapes import all_gone, processes_with
from tests.support.requirements import absent

__all__ = ["level"]  # a fixture
LEAKING = """
import json, os, random, sys
import numpy
before = [getattr(json, "left", None), os.environ.get("LEFT"), numpy.geterr()["over"],
          os.path.exists(os.environ["TMPDIR"] + "/left"), os.path.exists("/dev/shm/TOKEN"),
          "beside" in sys.modules,
          os.getcwd() == os.environ["PWD"]]
import beside
json.left, os.environ["LEFT"] = 1, "1"
numpy.seterr(over="raise")
numpy.set_printoptions(precision=1)
open(os.environ["TMPDIR"] + "/left", "w").close()
try:
    open("/dev/shm/TOKEN", "x").close()
except OSError:
    pass
os.chdir("/")
print(before)
print(random.random(), numpy.random.random(), file=sys.stderr)
"""
STAYING = """
import os, subprocess, sys, time
sleep = ("import os, signal, sys, time; os.setsid(); signal.signal(15, signal.SIG_IGN); "
         "time.sleep(61)")
subprocess.Popen([sys.executable, "-S", "-c", sleep, {0!r}])
if not os.fork():
    os.execv(sys.executable, [sys.executable, "-S", "-c", sleep, {0!r}])
time.sleep(0.3)
print("started", flush=True)
open("out/ready", "w").close()
time.sleep({1})
"""

ORPHANS = """
import os, time
reading, writing = os.pipe()
if not os.fork():
    orphan = os.fork()
    if orphan:
        os.write(writing, str(orphan).encode())
        os._exit(0)
    os._exit(0)
os.wait()
orphan, end = int(os.read(reading, 9)), time.monotonic() + 10
while os.path.exists(f"/proc/{orphan}") and time.monotonic() < end:
    time.sleep(0.01)
print(os.path.exists(f"/proc/{orphan}"))
"""
FIRST = """
import ctypes, os, signal
libc, reached = ctypes.CDLL(None, use_errno=True), []
for number in signal.valid_signals():
    os.kill(1, number)
for name in ("mem", "environ", "maps", "fd/0", "fdinfo/0", "ns/mnt", "cwd/tmp", "root/tmp"):
    try:
        open(f"/proc/1/{name}", "rb").close()
        reached.append(name)
    except PermissionError:
        pass
word = ctypes.create_string_buffer(8)
one = (ctypes.c_uint64 * 2)(ctypes.addressof(word), 8)
for name, words in {"attach": (101, 16, 1, 0, 0), "seize": (101, 0x4206, 1, 0, 0),
                    "read": (310, 1, one, 1, one, 1, 0),
                    "write": (311, 1, one, 1, one, 1, 0),
                    "descriptor": (438, os.pidfd_open(1), 0, 0),
                    "join": (308, os.pidfd_open(1), 0x20000)}.items():
    if libc.syscall(*words) >= 0:
        reached.append(name)
print(reached, os.path.exists("/proc/1"))
"""


def staying(folder: Path, token: str, seconds: int, timeout: int) -> Job:
    """Return a tool that leaves processes behind that do not end."""
    return tool(folder, STAYING.format(token, seconds), timeout=timeout)


def test_nothing_stays_between_two_actions(tmp_path: Path, level: Level) -> None:
    """Modules, environment, folders and random generators are separate."""
    token = os.urandom(8).hex()
    text = LEAKING.replace("TOKEN", token)
    with ForkServers(str(tmp_path), fewest=1) as servers:
        logs = [
            forked(tool(tmp_path / "a", text, numpy=True), level, servers).log.splitlines()
            for _ in range(3)
        ]
    shm = [b"True" if level == "none" and number else b"False" for number in range(3)]
    for log, shown in zip(logs, shm, strict=True):
        words = sorted(log, key=lambda line: not line.startswith(b"["))
        assert words[0] == b"[None, None, 'warn', False, " + shown + b", False, True]", words
    if level == "none":
        os.unlink(f"/dev/shm/{token}")
    assert len({tuple(sorted(log))[:1] for log in logs}) == 3


def test_the_first_of_a_kind_is_not_served(tmp_path: Path, level: Level) -> None:
    """A server costs as much as an action; other settings make another kind."""
    with ForkServers(str(tmp_path)) as servers:
        for text in ("print(1)", "print(2)", "print(3)"):
            assert run(tool(tmp_path / "a", text), level, None, servers).code == 0
        assert servers.served == 2
        job = tool(tmp_path / "a", "import sys; print(sys.flags.hash_randomization)")
        other = replace(
            job,
            env=tuple(
                (name, "1" if name == "PYTHONHASHSEED" else value) for name, value in job.env
            ),
        )
        assert run(other, level, None, servers).log == b"1\n" and servers.served == 2
        assert run(other, level, None, servers).log == b"1\n" and servers.served == 3


@pytest.mark.parametrize(
    "argv",
    [
        ("-S", "-s", "-B", "-c", "print(1)"),
        ("-S", "-s", "tools/tool.py"),
        ("-S", "-s", "-B", "tools/none.py"),
        ("-S", "-s", "-B", "other.py"),
    ],
)
def test_other_commands_are_not_served(tmp_path: Path, level: Level, argv: tuple[str, ...]) -> None:
    """They run without a server."""
    with ForkServers(str(tmp_path), fewest=1) as servers:
        job = tool(tmp_path / "a", "print(1)")
        (tmp_path / "a/stage/other.py").write_text("print(1)")
        outcome = run(replace(job, argv=(job.argv[0], *argv)), level, None, servers)
        assert outcome.log == b"1\n" if "none" not in argv[-1] else outcome.code == 2
        assert run(replace(job, network=True), level, None, servers).log == b"1\n"
        assert servers.served == 0


def test_a_module_beside_the_tool_comes_first(tmp_path: Path, level: Level) -> None:
    """This holds even when the server has imported a module of that name."""
    with ForkServers(str(tmp_path), fewest=1) as servers:
        job = tool(tmp_path / "a", "import json; print(json.mine)")
        (tmp_path / "a/stage/tools/json.py").write_text("mine = 1")
        assert run(job, level, None, servers).log == b"1\n" and servers.served == 0


@pytest.fixture
def installed() -> Iterator[Path]:
    """Create a folder of distributions outside of /tmp, which belongs to each action."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def declared(folder: Path, text: str, init: str, installed: Path) -> Job:
    """Return a job that declares a distribution called numpy whose module prints `init`."""
    site = installed / "numpy"
    for path in (site, site / "lib", site / "typing"):
        path.mkdir(parents=True, exist_ok=True)
        (path / "__init__.py").write_text("")
    (site / "lib" / "format.py").write_text("")
    (site / "__init__.py").write_text(init)
    job = tool(folder, text)
    (folder / "stage/site").mkdir()
    (folder / "stage/site/numpy").symlink_to(site)
    return replace(job, env=(*job.env, ("PYTHONPATH", "site")), visible=(*job.visible, str(site)))


def test_the_declared_distribution_is_imported(
    tmp_path: Path, installed: Path, level: Level
) -> None:
    """The one of this interpreter is not."""
    with ForkServers(str(tmp_path), fewest=1) as servers:
        text = "import os, numpy; print(numpy.mine, os.path.realpath(numpy.__file__))"
        log = forked(declared(tmp_path / "a", text, "mine = 7", installed), level, servers).log
        assert log.decode().split() == ["7", str(installed / "numpy/__init__.py")]


def test_a_job_with_covered_paths_is_not_served(tmp_path: Path) -> None:
    """A distribution below /tmp is hidden by the private /tmp of each action."""
    job = replace(tool(tmp_path, "print(1)"), visible=("/tmp/somewhere",))
    assert kind_of(job, "namespaces") is None and kind_of(job, "landlock") is not None


@pytest.mark.parametrize(
    "init",
    [
        "raise OSError('broken')",
        "import os; os._exit(3)",
        "import sys; sys.exit(3)",
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    ],
)
def test_a_job_whose_server_cannot_start_runs_without_one(
    tmp_path: Path, installed: Path, level: Level, init: str
) -> None:
    """The reason is recorded."""
    with ForkServers(str(tmp_path), fewest=1) as servers:
        for _ in range(2):
            assert (
                run(declared(tmp_path / "a", "print(1)", init, installed), level, None, servers).log
                == b"1\n"
            )
        assert servers.served == 0 and len(servers.obstacles()) == 1


def test_a_job_runs_without_a_server_that_died(tmp_path: Path, level: Level) -> None:
    """The job runs without a server, and no message is printed."""
    with ForkServers(str(tmp_path), fewest=1) as servers:
        forked(tool(tmp_path / "a", "print(1)"), level, servers)
        (pid,) = children()
        life = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        assert readable(life, 10)
        os.close(life)
        for _ in range(2):
            assert run(tool(tmp_path / "a", "print(1)"), level, None, servers).log == b"1\n"
        assert servers.served == 1 and len(servers.obstacles()) == 1


def children(of: int = 0) -> list[int]:
    """Return the living fork servers of a process, or of this one."""
    pids = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
            if (
                int(words[1]) == (of or os.getpid())
                and b"child.main" in Path("/proc", name, "cmdline").read_bytes()
            ):
                pids.append(int(name))
        except OSError:
            continue
    return pids


def test_a_timeout_ends_all(tmp_path: Path, level: Level) -> None:
    """The tool and all its processes die; the server continues."""
    token = os.urandom(8).hex()
    with ForkServers(str(tmp_path / ""), fewest=1) as servers:
        outcome = forked(staying(tmp_path / "a", token, 61, 5), level, servers)
        assert (
            outcome.ended == "timeout"
            and outcome.log == b"started\n"
            and processes_with(token) == []
        )
        assert forked(tool(tmp_path / "a", "print(1)"), level, servers).log == b"1\n"


def test_processes_left_by_a_tool_are_dead(tmp_path: Path, level: Level) -> None:
    """The tool itself succeeds."""
    token = os.urandom(8).hex()
    with ForkServers(str(tmp_path), fewest=1) as servers:
        outcome = forked(staying(tmp_path / "a", token, 0, 20), level, servers)
        assert outcome.code == 0 and processes_with(token) == []


def test_orphaned_processes_are_reaped(tmp_path: Path, level: Level) -> None:
    """A program that waits until its daemon is gone sees that."""
    with ForkServers(str(tmp_path), fewest=1) as servers:
        assert run(tool(tmp_path / "a", ORPHANS), level).log == b"False\n"
        assert forked(tool(tmp_path / "a", ORPHANS), level, servers).log == b"False\n"


@pytest.mark.parametrize(
    "more", [(), (("PYTHONFAULTHANDLER", "1"),)], ids=["plain", "fault handlers"]
)
def test_the_first_process_is_out_of_reach(
    tmp_path: Path, more: tuple[tuple[str, str], ...]
) -> None:
    """It shares memory with the server.

    Signals have no effect on it, and it cannot be read, changed or joined.
    """
    if not is_available("namespaces"):
        absent("the level namespaces does not work here")
    if os.uname().machine != "x86_64":
        absent("the numbers of system calls are those of x86_64")
    with ForkServers(str(tmp_path), fewest=1) as servers:
        for text in (FIRST, "print(1)", FIRST):
            job = tool(tmp_path / "a", text)
            log = forked(replace(job, env=tuple(sorted(job.env + more))), "namespaces", servers).log
            assert log == (b"1\n" if text != FIRST else b"[] True\n")


def test_cancellation_ends_all(tmp_path: Path, level: Level) -> None:
    """All processes die promptly."""
    token, cancel = os.urandom(8).hex(), threading.Event()
    timer = threading.Timer(1, cancel.set)
    timer.start()
    with ForkServers(str(tmp_path), fewest=1) as servers:
        began = time.monotonic()
        outcome = run(staying(tmp_path / "a", token, 61, 60), level, cancel, servers)
        assert (
            outcome.ended == "interrupted"
            and time.monotonic() - began < 30
            and processes_with(token) == []
        )
    timer.join()


@pytest.mark.parametrize("victim", ["builder", "server"])
def test_all_dies_with_the_builder_and_with_the_server(
    tmp_path: Path, level: Level, victim: str
) -> None:
    """Either is killed by SIGKILL."""
    token = os.urandom(8).hex()
    builder = begin(staying(tmp_path / "a", token, 61, 60), level, str(tmp_path))
    wait_for(tmp_path / "a/stage/out/ready")
    assert processes_with(token)
    os.kill(builder.pid if victim == "builder" else children(builder.pid)[0], signal.SIGKILL)
    output, err = builder.communicate(timeout=60)
    assert all_gone(token) == []
    assert output == ("" if victim == "builder" else "signal"), err


def test_many_at_once(tmp_path: Path, level: Level) -> None:
    """Threads share a server; outputs are not mixed, and all processes end with it."""
    outcomes: list[tuple[int, bytes, dict[str, bytes]]] = []

    def one(number: int, servers: ForkServers) -> None:
        text = (
            f"import time; time.sleep(0.1)\nopen('out/n', 'w').write('{number}')\n"
            f"print({number})\nraise SystemExit({number})"
        )
        job = tool(tmp_path / str(number), text)
        outcome = run(job, level, None, servers)
        outcomes.append((outcome.code, outcome.log, written_files(job)))

    with ForkServers(str(tmp_path), fewest=1) as servers:
        threads = [threading.Thread(target=one, args=(number, servers)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert servers.served == 8 and len(children()) == 1
    assert sorted(outcomes) == [(n, b"%d\n" % n, {"n": b"%d" % n}) for n in range(8)]
    assert (
        children() == []
        and [name for name in os.listdir(tmp_path) if name.startswith("fork-")] == []
    )


def test_a_refused_job_does_not_affect_others(
    tmp_path: Path, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job is refused because descriptors run out; a job of another thread runs to its end."""
    text = (
        "import os, time\nopen('out/ready', 'w').close()\n"
        "while not os.path.exists('out/go'): time.sleep(0.01)\nprint('whole')"
    )
    outcomes: list[Outcome] = []
    with ForkServers(str(tmp_path), fewest=1) as servers:
        first, second = tool(tmp_path / "a", text, timeout=60), tool(tmp_path / "b", "print(2)")
        thread = threading.Thread(target=lambda: outcomes.append(forked(first, level, servers)))
        thread.start()
        wait_for(tmp_path / "a/stage/out/ready")
        with monkeypatch.context() as patch:
            patch.setattr(client, "memory_file", lambda _words: os.open("/none", os.O_RDONLY))
            assert servers.attempt(second, level) is None
        Path(first.out, "go").touch()
        thread.join()
        assert [(outcome.code, outcome.log) for outcome in outcomes] == [(0, b"whole\n")]
        assert run(second, level, None, servers).log == b"2\n"
    assert children() == []


def test_resource_use_is_known(tmp_path: Path, level: Level) -> None:
    """CPU time and memory include the children of the tool."""
    with ForkServers(str(tmp_path), fewest=1) as servers:
        text = (
            "import time\nx = bytearray(90 << 20)\nend = time.process_time() + 0.3\n"
            "while time.process_time() < end: pass"
        )
        outcome = forked(tool(tmp_path / "a", text), level, servers)
        assert 300 <= outcome.cpu_milliseconds < 3000 and 90 << 10 < outcome.peak_kib < 300 << 10


def test_settings_of_the_kernel_cannot_be_changed(tmp_path: Path, level: Level) -> None:
    """Root could write them without any capability; the level `none` does not prevent that."""
    if os.geteuid() != 0:
        absent("only root could")
    text = "open('/proc/sys/kernel/printk', 'r+b', buffering=0)"
    with ForkServers(str(tmp_path), fewest=1) as servers:
        for outcome in (
            run(tool(tmp_path / "a", text), level),
            forked(tool(tmp_path / "a", text), level, servers),
        ):
            kept = outcome.code == 1 and (
                b"Read-only" in outcome.log or b"PermissionError" in outcome.log
            )
            assert kept == (level != "none")
