"""Start one process and stay with it to its end: its log, its time limit, the wish to stop, what it used."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress

from ..lite import TYPE_CHECKING
from ..lite.record import record
from .job import Cancel
from .output_buffer import OutputBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Literal, TypeAlias

_TICK_MS = 100
_GRACE = 2.0
Why: TypeAlias = "Literal['exit', 'timeout', 'interrupted']"


@record
class ProcessSpec:
    """What to start: argv, environment, working folder, descriptors it keeps, and the signal that ends all of it."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    fds: tuple[int, ...]
    stop: signal.Signals


@record
class ProcessResult:
    """Exit code (128 + signal when killed), why it ended, log, and CPU milliseconds and peak KiB of what was reaped."""

    code: int
    why: Why
    log: bytes
    cpu: int
    peak: int


def readable(fd: int, seconds: float) -> bool:
    """Whether a descriptor can be read within a time; `select` would refuse those beyond 1023."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


class RunningProcess:
    """A command that runs somewhere: its pidfd, its log pipe, and the signal that ends all of it; always `close` it."""

    def __init__(self, life: int, pipe: int, stop: signal.Signals) -> None:
        self._life, self._pipe, self._stop, self.log = life, pipe, stop, OutputBuffer()
        os.set_blocking(pipe, False)
        self._ended: ProcessResult | None = None

    def _used(self) -> tuple[int, int, int]:
        """(code, CPU ms, peak KiB) of a command that has ended; a negative code is a signal."""
        raise NotImplementedError

    def follow(
        self, timeout: float, cancel: Cancel | None, tick: Callable[[], None]
    ) -> ProcessResult:
        """Stay to the end; `tick` is called about ten times a second."""
        poller = select.poll()
        poller.register(self._life, select.POLLIN)
        poller.register(self._pipe, select.POLLIN)
        deadline, killed_at = time.monotonic() + timeout, 0.0
        why: Why = "exit"
        while True:
            ready = dict(poller.poll(_TICK_MS))
            if self._pipe in ready and not self._read():
                poller.unregister(self._pipe)
            if self._life in ready:
                return self._reap(why)
            tick()
            now = time.monotonic()
            if why == "exit":
                if cancel is not None and cancel.is_set():
                    why = "interrupted"
                elif now > deadline:
                    why = "timeout"
                if why != "exit":
                    killed_at = now
                    signal.pidfd_send_signal(self._life, self._stop)
            elif now > killed_at + _GRACE:
                self._kill()

    def close(self) -> None:
        """Kill what still runs, reap it, and close all descriptors."""
        if self._ended is None:
            signal.pidfd_send_signal(self._life, self._stop)
            if not readable(self._life, _GRACE):
                self._kill()
            self._reap("interrupted")
        os.close(self._pipe)
        os.close(self._life)

    def _kill(self) -> None:
        signal.pidfd_send_signal(self._life, signal.SIGKILL)

    def _reap(self, why: Why) -> ProcessResult:
        code, cpu, peak = self._used()
        while self._read():
            pass
        self._ended = ProcessResult(
            code if code >= 0 else 128 - code, why, self.log.text(), cpu, peak
        )
        return self._ended

    def _read(self) -> bool:
        """Take what stands in the pipe; False when it is closed or, for now, empty."""
        try:
            data = os.read(self._pipe, 1 << 16)
        except BlockingIOError:
            return False
        self.log.add(data)
        return bool(data)


class ChildProcess(RunningProcess):
    """A command started as a process of this one."""

    def __init__(self, start: ProcessSpec) -> None:
        pipe, inner = os.pipe2(os.O_CLOEXEC)
        try:
            # No preexec_fn: it would turn vfork off and run Python between fork and exec of a threaded process.
            self._process = subprocess.Popen(
                start.argv,
                env=start.env,
                cwd=start.cwd,
                pass_fds=start.fds,
                stdin=subprocess.DEVNULL,
                stdout=inner,
                stderr=inner,
                start_new_session=True,
                umask=0o022,
            )
            life = self._pidfd()
        except BaseException:
            os.close(pipe)
            raise
        finally:
            os.close(inner)
        super().__init__(life, pipe, start.stop)

    def _pidfd(self) -> int:
        try:
            return os.pidfd_open(self._process.pid)
        except OSError:  # there is no descriptor left for it: it must not run on unseen
            self._kill()
            self._process.wait()
            raise

    def _kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    def _used(self) -> tuple[int, int, int]:
        # While it is not reaped its number is its own: a bubblewrap killed at its start leaves a child in its group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = code = os.waitstatus_to_exitcode(status)
        return code, round((usage.ru_utime + usage.ru_stime) * 1000), usage.ru_maxrss


def memory_file(words: Iterable[str | bytes]) -> int:
    """A descriptor of a file without a name that holds orders, read from its start."""
    fd = os.memfd_create("orders", os.MFD_CLOEXEC)
    os.pwrite(fd, b"\0".join(map(os.fsencode, words)), 0)
    return fd
