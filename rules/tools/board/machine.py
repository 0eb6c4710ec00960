"""A board in QEMU: the machine `virt`, a disk, a console, and two lines of text.

The console and both lines are descriptors that QEMU inherits, so nothing has a name or a port.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from board.bundle import Bundle
from board.errors import BoardError

QEMU = "qemu-system-aarch64"
_PAUTH = ",pauth-impdef=on"  # the architected algorithm makes emulated kernels five times slower


@dataclass(frozen=True)
class Hardware:
    """Emulated hardware: a core of QEMU, memory in bytes, and options of boardinit."""

    cpu: str
    memory: int
    options: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """Return the options of QEMU."""
        cpu = self.cpu + _PAUTH * (self.cpu == "max")
        return ["-M", "virt", "-cpu", cpu, "-m", f"{max(1, self.memory >> 20)}M"]


@dataclass(frozen=True)
class Software:
    """Files to boot: a kernel, its first file system, and the disk with the data partition."""

    kernel: Path
    initramfs: Path
    disk: Path


class Machine:
    """A running board; `with` ends it. Every wait has a limit of seconds and ends in BoardError."""

    def __init__(self, hardware: Hardware, software: Software, log: Path | None = None) -> None:
        """Switch it on. `log` records the writes of the disk (see `board.write_log`)."""
        self.console = ""
        self._read = 0  # characters of the console that a wait has consumed
        self._ended = False  # the console is closed, and all of it has been read
        self._lines = {name: _Line() for name in ("console", "step", "control")}
        words = _words(hardware, software, log)
        fds = []
        for name, line in self._lines.items():
            fds.append(line.theirs.fileno())
            words += ["-chardev", f"socket,id={name},fd={fds[-1]}"]
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=fds,
        )
        self._selector = selectors.DefaultSelector()
        for name, line in self._lines.items():
            line.theirs.close()
            self._selector.register(line.ours, selectors.EVENT_READ, name)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cut_power()
        self._selector.close()
        for line in self._lines.values():
            line.ours.close()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def wait_for(self, words: str, limit: float = 120, unless: str = "") -> str:
        """Return the rest of the next line of the console that has `words`.

        A line with `unless` before it is an error.
        """
        until = time.monotonic() + limit
        while True:
            line, rest = self._find(words), self._find(unless) if unless else None
            if rest and (not line or rest[0] < line[0]):
                raise BoardError(rest[1])
            if line:
                self._read = line[0]
                return line[1]
            self._pump(until, f"the console did not show {words!r}")

    def _find(self, words: str) -> tuple[int, str] | None:
        """Return the end and the rest of the next whole line with `words`."""
        at = self.console.find(words, self._read)
        end = self.console.find("\n", at) if at >= 0 else -1
        return (end, self.console[at + len(words) : end].strip()) if end >= 0 else None

    def step(self, line: str, limit: float = 120) -> dict[str, Any]:
        """Send a line to the program and return its answer."""
        return self._ask("step", line, limit)

    def status(self, limit: float = 120) -> dict[str, Any]:
        """Return what boardinit says of slot, trial, health, steps and the last roll-back."""
        return self._ask("control", "status", limit)

    def update(self, bundle: Bundle) -> None:
        """Send a bundle."""
        self.send_update(bundle.digest, bundle.content)

    def send_update(self, digest: str, content: bytes) -> None:
        """Send bytes as the bundle with a digest."""
        self._send("control", f"receive {digest} {len(content)}\n".encode() + content)

    def power_off(self, limit: float = 120) -> None:
        """Ask boardinit to end the board, and wait until it has."""
        self._send("control", b"poweroff\n")
        self.wait_for("boardinit: the board ends", limit)
        self._wait(limit)

    def cut_power(self) -> None:
        """End it at once: what the disk has not got is lost."""
        self._process.kill()
        self._process.wait()

    def _wait(self, limit: float) -> None:
        try:
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            raise BoardError("the board did not switch itself off") from None

    def _ask(self, name: str, question: str, limit: float) -> dict[str, Any]:
        line, until = self._lines[name], time.monotonic() + limit
        self._send(name, question.encode() + b"\n")
        while b"\n" not in line.buffer:
            self._pump(until, f"no answer to {question[:80]!r}")
        answer, _, line.buffer = line.buffer.partition(b"\n")
        try:
            document = json.loads(answer)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise BoardError(f"{question[:80]!r} was answered with {answer[:200]!r}")
        return document

    def _send(self, name: str, data: bytes) -> None:
        try:
            self._lines[name].ours.sendall(data)
        except OSError:
            raise BoardError(self._describe_end()) from None

    def _pump(self, until: float, complaint: str) -> None:
        """Read what has arrived; BoardError at the limit, or after the end of the board."""
        if self._ended:
            self._wait(10)
            raise BoardError(f"{complaint}: {self._describe_end()}")
        events = self._selector.select(max(0.0, until - time.monotonic()))
        if not events:
            raise BoardError(f"{complaint}; the console's end: {self._tail()}")
        for key, _ in events:
            line = self._lines[key.data]
            data = _receive(line.ours)
            if not data:
                self._selector.unregister(line.ours)
                self._ended = self._ended or key.data == "console"
            elif key.data == "console":
                self.console += data.decode("utf-8", "replace").replace("\r\n", "\n")
            else:
                line.buffer += data

    def _describe_end(self) -> str:
        assert self._process.stderr is not None
        words = self._process.stderr.read().decode("utf-8", "replace").strip()[-400:]
        return f"the board ended; {words or self._tail()}"

    def _tail(self) -> str:
        return " / ".join(self.console.strip().splitlines()[-4:])


class _Line:
    """A pair of connected sockets: ours, and the one that QEMU inherits."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.buffer = b""


def _receive(ours: socket.socket) -> bytes:
    try:
        return ours.recv(1 << 16)
    except ConnectionError:
        return b""


def _words(hardware: Hardware, software: Software, log: Path | None) -> list[str]:
    """Return the command of QEMU without its character devices."""
    settings = " ".join(
        ("data=/dev/vda", "step=/dev/vport0p1", "control=/dev/vport0p2", *hardware.options)
    )
    words = [QEMU, *hardware.words(), "-nodefaults", "-no-user-config", "-display", "none"]
    words += ["-no-reboot", "-kernel", str(software.kernel), "-initrd", str(software.initramfs)]
    words += ["-append", f"console=ttyAMA0 quiet panic=-1 -- {settings}"]
    words += [*_disk(software.disk, log), "-device", "virtio-blk-device,drive=data"]
    words += ["-serial", "chardev:console", "-device", "virtio-serial-device"]
    for number, name in enumerate(("step", "control"), 1):
        words += ["-device", f"virtserialport,chardev={name},name={name},nr={number}"]
    return words


def _disk(disk: Path, log: Path | None) -> Sequence[str]:
    plain = f"driver=file,filename={disk},node-name=file"
    if log is None:
        return ["-blockdev", plain, "-blockdev", "driver=raw,file=file,node-name=data"]
    logged = "driver=blklogwrites,file=file,log=log,log-sector-size=512,node-name=data"
    words = ["-blockdev", plain, "-blockdev", f"driver=file,filename={log},node-name=log"]
    log.touch()
    return [*words, "-blockdev", logged]


def make_disk(folder: Path, disk: Path, size: int) -> None:
    """Write a disk of `size` bytes: ext4 with the files of a folder, owned by root."""
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.truncate(size)
    path = os.environ.get("PATH", "/usr/bin:/bin")
    env = {"PATH": f"{path}:/usr/sbin:/sbin", "E2FSPROGS_FAKE_TIME": "1"}
    options = "root_owner=0:0,hash_seed=00000000-0000-0000-0000-000000000001"
    words = ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", "-E", options, "-d", str(folder)]
    done = subprocess.run([*words, str(disk)], env=env, capture_output=True, text=True)
    if done.returncode:
        raise BoardError(f"mke2fs: {done.stderr.strip()}")
