"""Run many verbs in one workspace, each in a fork of one warm process: words as JSON lines in, what came of them out.

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

HUNG = -1  # the exit code of what did not end in time
_ROOT = Path(__file__).parents[2]


def run_all(space: Space, verbs: Sequence[Sequence[str]], seconds: float) -> list[Ran]:
    """Run each list of words in a workspace; `code` is HUNG for one that takes longer than some seconds."""
    lines = "".join(f"{json.dumps(list(words))}\n" for words in verbs)
    env = space.environ() | {"PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.run_verbs", str(seconds)],
        cwd=space.root,
        env=env,
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds * len(verbs) + 60,
    )
    return [Ran(**json.loads(line)) for line in done.stdout.splitlines()]


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
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 98
        except BaseException:  # a traceback is what is looked for
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
