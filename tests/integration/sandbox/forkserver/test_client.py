"""A tool in a fork of a warm interpreter sees the same as in a new one, and ends alike."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from buildgraph.sandbox.forkserver.client import ForkServers
from buildgraph.sandbox.job import LEVELS, Job, Level, Outcome
from buildgraph.sandbox.mounts import COVERED
from buildgraph.sandbox.sandbox import is_available, run
from tests.support.requirements import absent

PYTHON = os.path.realpath(sys.executable)
ENV = (("LANG", "C.UTF-8"), ("OPENBLAS_NUM_THREADS", "1"), ("PYTHONHASHSEED", "0"), ("TZ", "UTC"))
ENDS = {
    "prints on both streams": (
        "import sys\nprint('out')\nprint('error', file=sys.stderr)\nprint('last', end='')"
    ),
    "exits with a code": "import sys; sys.exit(3)",
    "exits with a large code": "import sys; sys.exit(256 + 4)",
    "exits with True": "import sys; sys.exit(True)",
    "exits with None": "import sys; sys.exit()",
    "exits with a text": "import sys; sys.exit('no \u00fc')",
    "exits at once": "import os; print('lost'); os._exit(7)",
    "raises": "def inner():\n    raise ValueError('deep')\ndef outer():\n    inner()\nouter()",
    "raises from another": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e"
    ),
    "raises in a sibling": "import beside\nbeside.fail()",
    "raises a group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    "is no Python": "print('x'\nprint(",
    "evaluates what is no Python": "eval('1 +')",
    "warns": "import warnings\nwarnings.warn('careful')",
    "is interrupted": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time; time.sleep(5)"
    ),
    "kills itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "aborts": "import os\nprint('lost')\nos.abort()",
    "leaves a file open": "f = open('out/f', 'w')\nf.write('kept')",
    "leaves a file open in a cycle": (
        "class A: pass\na = A(); a.a = a; a.f = open('out/f', 'wb'); a.f.write(b'kept')"
    ),
    "leaves a file open in a sibling": (
        "import beside\nbeside.f = open('out/f', 'w')\nbeside.f.write('kept')"
    ),
    "leaves a file open in another's module": (
        "import json\njson.f = open('out/f', 'w')\njson.f.write('kept')"
    ),
    "is called at exit": (
        "import atexit\natexit.register(lambda: print('bye'))\natexit.register(lambda: 1 / 0)"
    ),
    "finalizes": "class A:\n    def __del__(self):\n        print('gone')\na = A()",
    "has a thread that ends later": (
        "import threading, time\ndef late():\n    time.sleep(0.2)\n    print('late')\n"
        "threading.Thread(target=late).start()\nprint('soon')"
    ),
    "closes its stream": "import sys\nprint('x')\nsys.stdout.close()",
    "has a hook for faults": (
        "import sys\nsys.excepthook = lambda *a: print('hooked', a[1])\nraise ValueError(1)"
    ),
    "forks": "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\nprint(pid > 0)",
    "starts itself": (
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-Sc', 'print(1)']).returncode)"
    ),
    "becomes another": "import os\nos.execv('/bin/echo', ['echo', 'other'])",
    "is imported by itself": (
        "import sys, __main__\nprint(sys.argv, __main__.__name__, __name__, __doc__)"
    ),
    "reads nothing": "import sys\nprint(repr(sys.stdin.read()))",
    "cannot import the engine": "import buildgraph",
    "pickles its own": (
        "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__module__)"
    ),
    "makes arrays": (
        "import numpy\nnumpy.save('out/a', numpy.arange(9) / 7)\nprint(numpy.float32(1) / 3)"
    ),
    "recurses": (
        "def f(n):\n    return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError as e:\n    print(e)"
    ),
}
SURROUNDINGS = """
import os, resource, signal, sys, time, threading, gc, numpy, numpy.lib.format
for name in ("argv", "orig_argv", "path", "flags", "executable", "prefix", "dont_write_bytecode",
             "warnoptions"):
    print(name, getattr(sys, name))
print({name: str(value).partition(" object")[0] for name, value in globals().items()
       if name[:2] == "__"})
print(dict(os.environ), os.getcwd(), os.umask(0), os.getuid(), os.getgid(), os.getgroups(),
      os.uname().nodename)
print(numpy.__file__, numpy.__path__, numpy.__spec__.origin, numpy.lib.format.__file__,
      "numpy.random" in sys.modules)
print(numpy.__spec__.submodule_search_locations, numpy.__loader__.path, gc.isenabled(),
      gc.get_threshold())
print([stream.line_buffering for stream in (sys.stdout, sys.stderr)], sys.stdin,
      sys.stdout.buffer.raw)
print([signal.getsignal(number) for number in sorted(signal.valid_signals())],
      signal.pthread_sigmask(0, ()))
print(threading.active_count(), threading.current_thread().name, time.tzname,
      sorted(os.listdir(".")))
print(os.listdir("site"), [resource.getrlimit(number) for number in range(16)])
print([fd for fd in range(3, 99) if os.path.exists(f"/dev/fd/{fd}")])
try:
    print(sorted(os.listdir("/")), sorted(os.listdir("/dev")),
          sorted(os.listdir(os.environ["TMPDIR"])))
    print(os.getpid())
    kinds = ("Cap", "NoN", "Sec", "Sig", "Uid", "Gid", "Gro")
    print([line for line in open("/proc/self/status") if line[:3] in kinds])
    print([open(f"/proc/self/{name}").read()
           for name in ("uid_map", "gid_map", "setgroups", "cgroup")])
except PermissionError:
    print("refused")
"""


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Level:
    """Return every level that works here."""
    name: Level = request.param
    if name != "none" and not is_available(name):
        absent(f"the level {name} does not work here")
    return name


def tool(folder: Path, text: str, numpy: bool = False, timeout: int = 20) -> Job:
    """Return a job that runs a tool in a new stage, with the flags that rules use."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("stage/out", "stage/tools", "temp"):
        (folder / name).mkdir(parents=True)
    (folder / "stage/tools/tool.py").write_text(text)
    (folder / "stage/tools/beside.py").write_text("def fail():\n    raise OSError('beside')\n")
    visible, env = [PYTHON, os.path.realpath(sys.base_prefix)], list(ENV)
    if numpy:
        import numpy as found

        (folder / "stage/site").mkdir()
        for name in ("numpy", "numpy.libs"):
            path = os.path.join(
                os.path.dirname(os.path.dirname(os.path.realpath(found.__file__))), name
            )
            if os.path.exists(path):
                (folder / "stage/site" / name).symlink_to(path)
                visible.append(path)
        env.append(("PYTHONPATH", "site"))
    stage = str(folder / "stage")
    return Job(
        (PYTHON, "-S", "-s", "-B", "tools/tool.py", "word"),
        tuple(sorted(env)),
        stage,
        f"{stage}/out",
        str(folder / "temp"),
        tuple(sorted(visible)),
        timeout,
    )


def servable(job: Job, level: Level) -> bool:
    """True when a server can show all visible paths; in namespaces, /tmp is covered."""
    return level != "namespaces" or not any(path.startswith(COVERED) for path in job.visible)


def forked(job: Job, level: Level, servers: ForkServers) -> Outcome:
    """Run a job, which must be served wherever possible."""
    before = servers.served
    outcome = run(job, level, None, servers)
    assert servers.served == before + servable(job, level), servers.obstacles()
    return outcome


def comparable(outcome: Outcome) -> tuple[int, str, str]:
    """Return the output that must be equal, without addresses of objects and process ids."""
    log = re.sub(r"0x[0-9a-f]{6,}", "", outcome.log.decode(errors="replace"))
    log = re.sub(r"SigQ:\\t\d+", "SigQ", log)  # signals queued for this user by any process
    return outcome.code, outcome.ended, log


def written_files(job: Job) -> dict[str, bytes]:
    """Return the files that it wrote."""
    return {path.name: path.read_bytes() for path in Path(job.out).iterdir()}


@pytest.fixture(scope="module", params=LEVELS)
def warm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> object:
    """Return a level, and servers that start with the first job."""
    if request.param != "none" and not is_available(request.param):
        absent(f"the level {request.param} does not work here")
    with ForkServers(str(tmp_path_factory.mktemp("servers")), fewest=1) as servers:
        yield request.param, servers


@pytest.mark.parametrize("what", ENDS)
def test_it_ends_as_in_a_fresh_interpreter(
    what: str, warm: tuple[Level, ForkServers], tmp_path: Path
) -> None:
    """Exit code, log and written files are equal, however it ends."""
    level, servers = warm
    folder = tmp_path / "action"
    job = tool(folder, ENDS[what], "numpy" in ENDS[what])
    fresh, wrote = run(job, level), written_files(job)
    again = forked(tool(folder, ENDS[what], "numpy" in ENDS[what]), level, servers)
    assert comparable(again) == comparable(fresh)
    assert written_files(job) == wrote


def test_it_sees_what_a_fresh_interpreter_sees(
    warm: tuple[Level, ForkServers], tmp_path: Path
) -> None:
    """Compare argv, paths, environment, descriptors, signals, limits, capabilities and mounts."""
    level, servers = warm
    fresh = run(tool(tmp_path / "a", SURROUNDINGS, numpy=True), level)
    again = forked(tool(tmp_path / "a", SURROUNDINGS, numpy=True), level, servers)
    assert fresh.code == 0, fresh.log.decode()
    pid = r"(?m)^\d+$" if level == "none" else r"$^"
    assert (
        re.sub(pid, "", comparable(again)[2]).splitlines()
        == re.sub(pid, "", comparable(fresh)[2]).splitlines()
    )
