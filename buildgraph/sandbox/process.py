"""Start one process and follow it to its end: output, time limit, cancellation, resource use."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress

from ..lite import TYPE_CHECKING
from ..lite.record import Record
from .job import Cancel
from .output_buffer import OutputBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Literal, TypeAlias

_TICK_MS = 100
_GRACE_S = 2.0  # between the signal that ends a process and SIGKILL
Cause: TypeAlias = "Literal['exit', 'timeout', 'interrupted']"


class ProcessSpec(Record):
    """A process to start: argv, environment, working folder, inherited descriptors.

    `stop` is the signal that ends the process with all its descendants.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    fds: tuple[int, ...]
    stop: signal.Signals


class ProcessResult(Record):
    """Exit code (128 + signal when killed), cause, log, CPU milliseconds, and peak KiB."""

    code: int
    cause: Cause
    log: bytes
    cpu: int
    peak: int


def readable(fd: int, seconds: float) -> bool:
    """True when a descriptor is readable within a time; `select` would limit its number."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


class RunningProcess:
    """A running command: its pidfd, its log pipe, and the signal that ends it.

    `close` is required.
    """

    def __init__(self, pidfd: int, pipe: int, stop: signal.Signals) -> None:
        self._pidfd, self._pipe, self._stop, self.log = pidfd, pipe, stop, OutputBuffer()
        os.set_blocking(pipe, False)
        self._result: ProcessResult | None = None

    def _used(self) -> tuple[int, int, int]:
        """Return (code, CPU ms, peak KiB) of an ended command; a negative code is a signal."""
        raise NotImplementedError

    def follow(
        self, timeout: float, cancel: Cancel | None, tick: Callable[[], None]
    ) -> ProcessResult:
        """Wait for the end, or end the command after `timeout` seconds or when `cancel` is set.

        `tick` is called about ten times a second.
        """
        poller = select.poll()
        poller.register(self._pidfd, select.POLLIN)
        poller.register(self._pipe, select.POLLIN)
        deadline, killed_at = time.monotonic() + timeout, 0.0
        cause: Cause = "exit"
        while True:
            ready = dict(poller.poll(_TICK_MS))
            if self._pipe in ready and not self._read():
                poller.unregister(self._pipe)
            if self._pidfd in ready:
                return self._reap(cause)
            tick()
            now = time.monotonic()
            if cause == "exit":
                if cancel is not None and cancel.is_set():
                    cause = "interrupted"
                elif now > deadline:
                    cause = "timeout"
                if cause != "exit":
                    killed_at = now
                    signal.pidfd_send_signal(self._pidfd, self._stop)
            elif now > killed_at + _GRACE_S:
                self._kill()

    def close(self) -> None:
        """Kill the command if it still runs, reap it, and close all descriptors."""
        if self._result is None:
            signal.pidfd_send_signal(self._pidfd, self._stop)
            if not readable(self._pidfd, _GRACE_S):
                self._kill()
            self._reap("interrupted")
        os.close(self._pipe)
        os.close(self._pidfd)

    def _kill(self) -> None:
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _reap(self, cause: Cause) -> ProcessResult:
        code, cpu, peak = self._used()
        while self._read():
            pass
        self._result = ProcessResult(
            code if code >= 0 else 128 - code, cause, self.log.text(), cpu, peak
        )
        return self._result

    def _read(self) -> bool:
        """Read available output; False when the pipe is closed or empty."""
        try:
            data = os.read(self._pipe, 1 << 16)
        except BlockingIOError:
            return False
        self.log.add(data)
        return bool(data)


class ChildProcess(RunningProcess):
    """A command that is a child of this process."""

    def __init__(self, spec: ProcessSpec) -> None:
        pipe, inner = os.pipe2(os.O_CLOEXEC)
        try:
            # No preexec_fn: it disables vfork and runs Python in a fork of a threaded process.
            self._process = subprocess.Popen(
                spec.argv,
                env=spec.env,
                cwd=spec.cwd,
                pass_fds=spec.fds,
                stdin=subprocess.DEVNULL,
                stdout=inner,
                stderr=inner,
                start_new_session=True,
                umask=0o022,
            )
            pidfd = self._open_pidfd()
        except BaseException:
            os.close(pipe)
            raise
        finally:
            os.close(inner)
        super().__init__(pidfd, pipe, spec.stop)

    def _open_pidfd(self) -> int:
        try:
            return os.pidfd_open(self._process.pid)
        except OSError:  # no descriptor is left: the command must not run without supervision
            self._kill()
            self._process.wait()
            raise

    def _kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)

    def _used(self) -> tuple[int, int, int]:
        # Before reaping, so that the number still belongs to its group: a bubblewrap that was
        # killed during its start leaves a child in it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = code = os.waitstatus_to_exitcode(status)
        return code, round((usage.ru_utime + usage.ru_stime) * 1000), usage.ru_maxrss


def memory_file(words: Iterable[str | bytes]) -> int:
    """Return a descriptor of an anonymous file with NUL-separated strings, at its start."""
    fd = os.memfd_create("orders", os.MFD_CLOEXEC)
    os.pwrite(fd, b"\0".join(map(os.fsencode, words)), 0)
    return fd
