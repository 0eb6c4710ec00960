"""Resource use of running processes, read from /proc, for processes that this one does not reap."""

from __future__ import annotations

import os

_TICK = os.sysconf("SC_CLK_TCK")
_OOM_KILLS = b"oom_kill "  # the name of the counter in all three files


def count_oom_kills() -> int:
    """Return the number of processes that the kernel killed because memory ran out; 0 if unknown.

    The counter of this process's control group is preferred, because that of the whole host grows
    when other programs run out of memory.
    """
    for line in _read("/proc/self/cgroup").decode(errors="replace").splitlines():
        _, kinds, group = line.split(":", 2)
        path = "" if kinds else f"/sys/fs/cgroup{group}/memory.events.local"
        if "memory" in kinds.split(","):
            path = f"/sys/fs/cgroup/memory{group}/memory.oom_control"
        if path and b"\n" + _OOM_KILLS in _read(path):
            return _field(path, _OOM_KILLS)
    return _field("/proc/vmstat", _OOM_KILLS)


def process_tree_usage(pid: int) -> tuple[int, int]:
    """Return (CPU milliseconds, largest peak KiB) of a process and its descendants.

    Descendants that have ended count once their parent has reaped them.
    """
    cpu, peak, waiting = 0, 0, [pid]
    while waiting:
        process = waiting.pop()
        times = _read(f"/proc/{process}/stat").rpartition(b")")[2].split()[11:15]
        cpu += sum(int(ticks) for ticks in times)
        peak = max(peak, _field(f"/proc/{process}/status", b"VmHWM:"))
        children = _read(f"/proc/{process}/task/{process}/children").split()
        waiting += [int(child) for child in children]
    return cpu * 1000 // _TICK, peak


def _field(path: str, name: bytes) -> int:
    _, separator, rest = _read(path).partition(b"\n" + name)
    return int(rest.split(maxsplit=1)[0]) if separator else 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""
