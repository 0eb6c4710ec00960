"""Resource use of processes that this one does not reap."""

from __future__ import annotations

import pytest

from buildgraph.sandbox import usage

HOST = {"/proc/vmstat": b"nr_free 1\noom_kill 70\nx 2\n"}
FIRST = {
    "/proc/self/cgroup": b"4:cpu,memory:/a/b\n1:name=systemd:/\n0::/\n",
    "/sys/fs/cgroup/memory/a/b/memory.oom_control": b"oom_kill_disable 0\n"
    b"under_oom 0\noom_kill 3\n",
}
SECOND = {
    "/proc/self/cgroup": b"0::/a\n",
    "/sys/fs/cgroup/a/memory.events.local": b"low 0\noom 9\noom_kill 4\n",
}


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        (HOST | FIRST, 3),
        (HOST | SECOND, 4),
        (HOST | {"/proc/self/cgroup": FIRST["/proc/self/cgroup"]}, 70),
        (
            HOST
            | FIRST
            | {
                "/sys/fs/cgroup/memory/a/b/memory.oom_control": b"oom_kill_disable 0\nunder_oom 0\n"
            },
            70,
        ),
        (HOST, 70),
        ({}, 0),
    ],
)
def test_oom_kills_are_counted_in_our_own_group(
    files: dict[str, bytes], kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill in another group must not be reported as the cause of an action that was killed."""
    monkeypatch.setattr(usage, "_read", lambda path: files.get(path, b""))
    assert usage.count_oom_kills() == kills
