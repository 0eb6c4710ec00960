"""Run a command and report the cost of all its processes as one line of JSON.

Usage: `python -I -S meter.py OUTPUT WORD...`. This is a small process of its own, because a child
inherits the peak memory of the process that starts it. Processes that the command leaves behind
become children of this one, and are counted if they end within 0.3 seconds. A daemon continues;
the caller counts it.
"""

import ctypes
import os
import resource
import sys
import time

SUBREAPER = 36
MOMENT = 0.3  # seconds


def main(output: str, words: list[str]) -> None:
    """Run the command with both its streams in a file."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    begin = time.perf_counter()
    pid = os.posix_spawnp(
        words[0],
        words,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)],
    )
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    deadline = time.perf_counter() + MOMENT
    while time.perf_counter() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            break
    total = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f'{{"code": {os.waitstatus_to_exitcode(status)}, '
        f'"cpu": {total.ru_utime + total.ru_stime}, "wall": {wall}, '
        f'"rss": {max(used.ru_maxrss, total.ru_maxrss) * 1024}}}'
    )


main(sys.argv[1], sys.argv[2:])
