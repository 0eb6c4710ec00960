"""What running processes use, read from /proc: for those that no one of ours will reap."""

from __future__ import annotations

import os

_TICK = os.sysconf("SC_CLK_TCK")
_KILLS = b"oom_kill "  # the same in all three files


def count_oom_kills() -> int:
    """How many processes the kernel has killed for want of memory; 0 when it does not say.

    Of this process's control group where that can be seen, for others of the host may meet the end of theirs meanwhile.
    """
    for line in _read("/proc/self/cgroup").decode(errors="replace").splitlines():
        _, kinds, group = line.split(":", 2)
        path = "" if kinds else f"/sys/fs/cgroup{group}/memory.events.local"
        if "memory" in kinds.split(","):
            path = f"/sys/fs/cgroup/memory{group}/memory.oom_control"
        if path and b"\n" + _KILLS in _read(path):
            return _field(path, _KILLS)
    return _field("/proc/vmstat", _KILLS)


def process_tree_usage(pid: int) -> tuple[int, int]:
    """(CPU milliseconds, largest peak KiB) of a process, its living descendants and those they have reaped."""
    cpu, peak, front = 0, 0, [pid]
    while front:
        process = front.pop()
        times = _read(f"/proc/{process}/stat").rpartition(b")")[2].split()[11:15]
        cpu += sum(int(ticks) for ticks in times)
        peak = max(peak, _field(f"/proc/{process}/status", b"VmHWM:"))
        front += [int(child) for child in _read(f"/proc/{process}/task/{process}/children").split()]
    return cpu * 1000 // _TICK, peak


def _field(path: str, name: bytes) -> int:
    _, found, rest = _read(path).partition(b"\n" + name)
    return int(rest.split(maxsplit=1)[0]) if found else 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""
