"""Run many verbs in one workspace, each in a fork of one warm process.

Arguments are read and results are written as JSON lines.

python -m tests.support.run_verbs SECONDS < words > results
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.support.workspace import Ran, Space

HUNG = -1  # exit code of a verb that exceeded the time limit
_ROOT = Path(__file__).parents[2]


def run_all(space: Space, verbs: Sequence[Sequence[str]], seconds: float) -> list[Ran]:
    """Run each list of arguments; the exit code of a run longer than `seconds` is HUNG."""
    lines = "".join(f"{json.dumps(list(words))}\n" for words in verbs)
    env = space.environ() | {"PYTHONPATH": str(_ROOT)}
    process = subprocess.run(
        [sys.executable, "-m", "tests.support.run_verbs", str(seconds)],
        cwd=space.root,
        env=env,
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds * len(verbs) + 60,
    )
    return [Ran(**json.loads(line)) for line in process.stdout.splitlines()]


def _main(seconds: float) -> None:
    import buildgraph.build.from_source
    import buildgraph.build.run_build
    import buildgraph.cli.dispatch

    assert buildgraph.cli.dispatch.VERBS
    for line in sys.stdin.read().splitlines():
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = _fork(json.loads(line), seconds, (out, err))
            texts = [_text(stream) for stream in (out, err)]
        print(json.dumps({"code": code, "out": texts[0], "err": texts[1]}), flush=True)


def _fork(words: list[str], seconds: float, streams: tuple[IO[bytes], IO[bytes]]) -> int:
    from buildgraph.cli.dispatch import dispatch

    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        for stream, number in zip(streams, (1, 2)):
            os.dup2(stream.fileno(), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = 99
        try:
            code = dispatch(words)
            sys.stdout.flush()
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 98
        except BaseException:  # the tests look for tracebacks
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return HUNG


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")


if __name__ == "__main__":
    _main(float(sys.argv[1]))
