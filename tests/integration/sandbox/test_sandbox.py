"""Running jobs: results are equal at every level, and all processes end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from buildgraph.host.environment import choose_level
from buildgraph.sandbox import sandbox
from buildgraph.sandbox.job import LEVELS, Job, Level, Outcome
from buildgraph.sandbox.sandbox import best_level, find_obstacle, is_available, run
from buildgraph.types.errors import BuildError
from tests.integration.sandbox.build_process import begin, wait_for
from tests.integration.sandbox.test_escapes import all_gone, processes_with
from tests.support.requirements import absent


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Level:
    """Return every level that works here."""
    name: Level = request.param
    if name != "none" and not is_available(name):
        absent(f"the level {name} does not work here")
    return name


def shell(
    folder: Path, script: str, timeout: int = 20, env: tuple[tuple[str, str], ...] = (), *words: str
) -> Job:
    """Return a job of /bin/sh in a stage that has one input."""
    for name in ("stage", "stage/out", "temp"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "stage" / "input").write_text("given")
    stage = str(folder / "stage")
    return Job(
        ("/bin/sh", "-c", script, *words),
        env,
        stage,
        f"{stage}/out",
        str(folder / "temp"),
        (),
        timeout,
    )


def go(folder: Path, level: Level, script: str, timeout: int = 20) -> Outcome:
    """Run a script to its end."""
    return run(shell(folder, script, timeout), level)


def test_a_job_reads_its_inputs_and_writes_its_outputs(tmp_path: Path, level: Level) -> None:
    """Paths are relative to its folder, and it has a private folder for temporary files."""
    outcome = go(
        tmp_path, level, 'cat input > out/copy; echo t > "$TMPDIR/t"; cat "$TMPDIR/t"; echo e >&2'
    )
    assert (outcome.code, outcome.ended, outcome.level, outcome.log) == (
        0,
        "exit",
        level,
        b"t\ne\n",
    )
    assert (tmp_path / "stage/out/copy").read_text() == "given" and (tmp_path / "temp/t").exists()
    assert 0 < outcome.milliseconds < 20_000


def test_the_environment_is_what_the_job_sets(
    tmp_path: Path, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fixed defaults are added, and nothing of the host."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    outcome = run(
        shell(
            tmp_path, "/usr/bin/env", 20, (("A", "1 =\n2"), ("LANG", "C.UTF-8"), ("TMPDIR", "/x"))
        ),
        level,
    )
    names = {line.partition(b"=")[0] for line in outcome.log.splitlines() if b"=" in line}
    assert names - {b"_"} == {
        b"A",
        b"LANG",
        b"LOGNAME",
        b"HOME",
        b"PATH",
        b"PWD",
        b"TMPDIR",
        b"USER",
    }
    assert (
        b"A=1 =\n2\n" in outcome.log
        and b"HOME=/nonexistent\n" in outcome.log
        and b"TMPDIR=/x\n" in outcome.log
    )


@pytest.mark.parametrize("name", ["HOME", "LOGNAME", "PATH", "TMPDIR", "USER"])
def test_a_declared_variable_is_set(tmp_path: Path, level: Level, name: str) -> None:
    """This holds for variables that have a default."""
    outcome = run(shell(tmp_path, f'echo "${name}"', 20, ((name, "/usr/bin:/x"),)), level)
    assert outcome.log == b"/usr/bin:/x\n"


ASKS = "import getpass, os, pwd; print(getpass.getuser(), os.path.expanduser('~'))"


def test_a_command_finds_a_user_name(tmp_path: Path, level: Level) -> None:
    """It is the same on every machine."""
    outcome = run(shell(tmp_path, f'python3 -S -c "{ASKS}"'), level)
    assert (outcome.code, outcome.log) == (0, b"build /nonexistent\n"), outcome.log


def test_accounts_have_names_in_namespaces(tmp_path: Path) -> None:
    """They come from a file that is the same on every machine, not from the host."""
    if not is_available("namespaces"):
        pytest.skip("no namespaces here")
    outcome = go(tmp_path, "namespaces", "whoami; id -gn; echo ~build; wc -l < /etc/passwd")
    assert outcome.log == b"build\nbuild\n/nonexistent\n3\n"


def test_a_program_of_the_stage_can_be_run(tmp_path: Path, level: Level) -> None:
    """Its name may have a folder or not."""
    job = shell(tmp_path, "")
    program = tmp_path / "stage" / "tool"
    program.write_text("#!/bin/sh\necho ran $1\n")
    program.chmod(0o555)
    for word in ("tool", "./tool"):
        named = Job((word, "x"), (), job.stage, job.out, job.temp, (), 20)
        assert run(named, level).log == b"ran x\n"


def test_only_visible_paths_are_seen(tmp_path: Path, level: Level) -> None:
    """Visible paths of the host are read-only; the level `none` hides nothing."""
    for name in ("shown", "hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    job = shell(
        tmp_path, f"cat {tmp_path}/shown/file {tmp_path}/hidden/file; echo x > {tmp_path}/shown/new"
    )
    outcome = run(
        Job(job.argv, (), job.stage, job.out, job.temp, (str(tmp_path / "shown"),), 20), level
    )
    assert outcome.log.startswith(b"shown")
    assert (b"shownhidden" in outcome.log) == (level == "none")
    assert (os.listdir(tmp_path / "shown") == ["file"]) == (level != "none")


@pytest.mark.parametrize(
    ("script", "code", "ended"),
    [
        ("exit 3", 3, "exit"),
        ("kill -9 $$", 137, "signal"),
        ("kill -SEGV $$", 139, "signal"),
        ("exit 127", 127, "exit"),
    ],
)
def test_how_a_job_ended(tmp_path: Path, level: Level, script: str, code: int, ended: str) -> None:
    """Exit codes and signals are reported."""
    outcome = go(tmp_path, level, script)
    assert (outcome.code, outcome.ended) == (code, ended)


def test_a_program_that_does_not_exist(tmp_path: Path, level: Level) -> None:
    """The job fails, with the name in its log."""
    job = shell(tmp_path, "")
    outcome = run(Job(("/usr/bin/no-such",), (), job.stage, job.out, job.temp, (), 20), level)
    assert outcome.code != 0 and outcome.ended == "exit" and b"no-such" in outcome.log


STAYING = (
    'exec 3>&1; setsid sh -c "sleep 61" $0 & sleep 61 & (trap "" TERM INT HUP; sleep 61; : $0) & '
)


def test_a_timeout_ends_all(tmp_path: Path, level: Level) -> None:
    """The command, its children, new sessions and processes that ignore signals die."""
    token = os.urandom(8).hex()
    outcome = run(shell(tmp_path, STAYING + "echo started; sleep 61", 2, (), token), level)
    assert (
        outcome.ended == "timeout" and outcome.log == b"started\n" and outcome.milliseconds < 40_000
    )
    assert processes_with(token) == []


def test_cancellation_ends_all(tmp_path: Path, level: Level) -> None:
    """All processes die promptly."""
    token, cancel = os.urandom(8).hex(), threading.Event()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    began = time.monotonic()
    outcome = run(shell(tmp_path, STAYING + "sleep 61", 60, (), token), level, cancel)
    timer.join()
    assert (
        outcome.ended == "interrupted"
        and time.monotonic() - began < 30
        and processes_with(token) == []
    )


def test_processes_left_by_a_job_are_dead(tmp_path: Path, level: Level) -> None:
    """The job itself succeeds; its outputs are collected only after that."""
    token = os.urandom(8).hex()
    daemon = "setsid sh -c \"setsid sh -c 'while :; do echo x >> out/growing; done' $0 &\" $0 & "
    outcome = run(shell(tmp_path, daemon + "sleep 0.2; echo done", 20, (), token), level)
    size = os.path.getsize(tmp_path / "stage/out/growing")
    assert outcome.code == 0 and processes_with(token) == []
    time.sleep(0.1)
    assert os.path.getsize(tmp_path / "stage/out/growing") == size > 0


@pytest.mark.parametrize("output", [signal.SIGKILL, signal.SIGINT])
def test_a_builder_that_ends_takes_its_jobs_along(
    tmp_path: Path, level: Level, output: signal.Signals
) -> None:
    """The build is killed, or interrupted while waiting."""
    token = os.urandom(8).hex()
    job = shell(tmp_path, STAYING + "touch out/ready; sleep 61", 60, (), token)
    builder = begin(job, level)
    wait_for(tmp_path / "stage/out/ready")
    assert processes_with(token)
    builder.send_signal(output)
    builder.communicate(timeout=60)
    assert all_gone(token) == []


def test_a_long_log_keeps_both_ends(tmp_path: Path, level: Level) -> None:
    """The number of bytes left out is printed."""
    outcome = go(tmp_path, level, "echo first; head -c 3000000 /dev/zero; echo last")
    left = 3_000_000 + len(b"first\nlast\n") - (1 << 20)
    assert outcome.log.startswith(b"first\n") and outcome.log.endswith(b"last\n")
    assert b"\n... %d bytes left out ...\n" % left in outcome.log


def test_many_jobs_at_once(tmp_path: Path, level: Level) -> None:
    """No job reaps or delays another."""
    outcomes: list[Outcome] = []

    def one(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        outcomes.append(go(folder, level, f"sleep 0.1 & echo {number}; exit {number}"))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((outcome.code, outcome.log) for outcome in outcomes) == [
        (n, b"%d\n" % n) for n in range(6)
    ]


def test_an_unavailable_level_is_an_error_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is not attributed to the command."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: no permissions' >&2; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda *_, **__: str(fake))
    with pytest.raises(BuildError, match="no permissions") as fault:
        go(tmp_path, "namespaces", "true")
    assert fault.value.reason == "environment"
    assert best_level({}) != "namespaces" and "no permissions" in find_obstacle("namespaces")
    assert find_obstacle("none") == "it hides nothing"


BARE = """#!{0}
import os, subprocess, sys
init = subprocess.Popen(["sleep", "61.{1}"], start_new_session=True, stdin=subprocess.DEVNULL)
os.write(int(sys.argv[sys.argv.index("--info-fd") + 1]), b'{{\\n    "child-pid": %d' % init.pid)
os._exit(137)
"""


def test_a_sandbox_that_bubblewrap_left_behind_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bubblewrap is killed after its child has a new session, and before the child dies with it."""
    fake, token = tmp_path / "bwrap", str(int.from_bytes(os.urandom(6)))
    fake.write_text(BARE.format(sys.executable, token))
    fake.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda *_, **__: str(fake))
    assert go(tmp_path, "namespaces", "true").code == 137
    assert processes_with(token) == []


def test_a_command_without_supervision_does_not_run_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: Level
) -> None:
    """Descriptors run out: neither a process is left, and no descriptor."""

    def refused(_pid: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    token = os.urandom(8).hex()
    before = sorted(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "pidfd_open", refused)
        with pytest.raises(OSError, match="Too many open files"):
            run(shell(tmp_path, "sleep 61", 60, (), token), level)
    assert all_gone(token) == [] and sorted(os.listdir("/proc/self/fd")) == before


def _outcome(code: int, log: bytes) -> Outcome:
    return Outcome(code, "exit", log, "namespaces", 1, 1, 1)


@pytest.mark.parametrize(
    "came",
    [
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
        BuildError("bubblewrap cannot create a sandbox: Cannot allocate memory"),
        _outcome(1, b"bwrap: Can't fork: Resource temporarily unavailable"),
        _outcome(137, b""),
    ],
    ids=repr,
)
def test_a_transient_shortage_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, came: Exception | Outcome
) -> None:
    """A shortage ends a build; it does not make later builds use a weaker sandbox."""

    def tried(*_: object) -> Outcome:
        if isinstance(came, Exception):
            raise came
        return came

    with (
        monkeypatch.context() as patch,
        pytest.raises(BuildError, match="cannot be tried") as fault,
    ):
        patch.setattr(sandbox, "run", tried)
        choose_level("", str(tmp_path))
    assert fault.value.reason == "environment" and os.listdir(tmp_path) == []
    best = choose_level("", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "run", tried)
        assert choose_level("", str(tmp_path)) == best  # the result was saved


def test_a_weaker_level_can_be_chosen() -> None:
    """The environment may name any level that exists."""
    assert best_level({"BUILDGRAPH_SANDBOX": "none"}) == "none"
    assert best_level({"BUILDGRAPH_SANDBOX": "landlock"}) in ("landlock", "none")
    with pytest.raises(BuildError, match="BUILDGRAPH_SANDBOX"):
        best_level({"BUILDGRAPH_SANDBOX": "best"})


def test_no_network_unless_asked(tmp_path: Path, level: Level) -> None:
    """Only a job that declares the network can create a socket."""
    job = shell(tmp_path, "")
    python = os.path.realpath(sys.executable)
    script = (
        "import socket; socket.create_server(('127.0.0.1', 0)).close(); "
        "socket.create_connection(('127.0.0.1', 9))"
    )
    argv, visible = (python, "-I", "-S", "-c", script), (python, os.path.realpath(sys.base_prefix))
    on = run(Job(argv, (), job.stage, job.out, job.temp, visible, 20, network=True), level)
    assert b"ConnectionRefusedError" in on.log
    if level == "landlock":
        assert (
            b"PermissionError"
            in run(Job(argv, (), job.stage, job.out, job.temp, visible, 20), level).log
        )


def memory_limit(folder: str, size: int) -> str:
    """Create a control group with a memory limit; return the file that takes its processes."""
    if os.geteuid() != 0 or not os.path.isdir(os.path.dirname(folder)):
        absent("no memory control group can be made here")
    os.mkdir(folder)
    limit = next(
        (
            name
            for name in ("memory.limit_in_bytes", "memory.max")
            if os.path.exists(f"{folder}/{name}")
        ),
        None,
    )
    if limit is None:
        os.rmdir(folder)
        absent("no memory control group can be made here")
    Path(folder, str(limit)).write_text(str(size))
    return f"{folder}/cgroup.procs"


BUILDER = """
import os, sys
from pathlib import Path
from buildgraph.sandbox.job import Job
from buildgraph.sandbox.sandbox import run
tasks, level, ended, stage, out, temp, python, base = sys.argv[1:]
Path(tasks).write_text(str(os.getpid()))
argv = ("/bin/sh", "-c", '"$0" -I -S -c "bytearray(400 << 20)"; exit $?', python)
outcome = run(Job(argv, (), stage, out, temp, (python, base), 20), level)
Path(ended).write_text(f"{outcome.ended} {outcome.code} {outcome.log!r}")
"""


def test_running_out_of_memory_is_reported(tmp_path: Path, level: Level) -> None:
    """It must not be mistaken for an exit code of the command."""
    parent = "/sys/fs/cgroup/memory" if os.path.isdir("/sys/fs/cgroup/memory") else "/sys/fs/cgroup"
    folder = f"{parent}/buildgraph-test-{os.urandom(4).hex()}"
    tasks = memory_limit(folder, 150 << 20)
    job, python = shell(tmp_path, ""), os.path.realpath(sys.executable)
    # A small process: that of the test may use more than the limit already.
    words = (
        tasks,
        level,
        str(tmp_path / "ended"),
        job.stage,
        job.out,
        job.temp,
        python,
        os.path.realpath(sys.base_prefix),
    )
    done = subprocess.run(
        [sys.executable, "-c", BUILDER, *words],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
    try:
        assert (tmp_path / "ended").exists(), done
        assert (tmp_path / "ended").read_text().startswith("memory 137 ")
    finally:
        deadline = time.monotonic() + 60
        while Path(tasks).read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.rmdir(folder)
