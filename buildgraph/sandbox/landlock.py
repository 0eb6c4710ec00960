"""Landlock by system calls (Linux >= 5.13): restrict this process and its children.

The module imports little, because `supervisor.py` loads it for every command. Numbers are those of
`linux/landlock.h`. Each version ("ABI") of Landlock knows the first N rights.
"""

from __future__ import annotations

import ctypes
import os

_CREATE, _ADD, _RESTRICT = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_BLOCK, _TRUNCATE, _IOCTL_DEV = 64, 2048, 1 << 14, 1 << 15
_ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEV
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15}  # number of rights on files; 16 from ABI 5

READ = EXECUTE | READ_FILE | READ_DIR
CHANGE = (1 << 16) - 1 & ~(_MAKE_CHAR | _MAKE_BLOCK)
USE_DEVICE = READ_FILE | WRITE_FILE

libc = ctypes.CDLL(None, use_errno=True)


class _Rules(ctypes.Structure):
    _fields_ = [
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("access", ctypes.c_uint64), ("fd", ctypes.c_int32)]


def call(number: int, *arguments: object) -> int:
    """Make a system call by number; OSError when it fails."""
    result: int = libc.syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), f"system call {number}")
    return result


def prctl(option: int, *arguments: int) -> None:
    """Call `prctl(2)`; OSError when it fails."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    if libc.prctl(option, *(ctypes.c_ulong(word) for word in padded)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), f"prctl {option}")


def abi() -> int:
    """Return the version of Landlock in the kernel; 0 if absent or forbidden by a container."""
    try:
        return call(_CREATE, None, 0, 1)
    except OSError:
        return 0


def restrict(grants: list[tuple[str, int]], network: bool) -> None:
    """Drop every access to files, except the granted (path, rights), for good.

    Granted paths that do not exist are skipped. TCP (unless `network`), abstract sockets of other
    processes and signals to them are refused too, where the kernel supports that. OSError when the
    kernel has no Landlock.
    """
    version = abi()
    if not version:
        raise OSError("this kernel has no Landlock")
    files = (1 << _RIGHTS_OF_ABI.get(version, 16)) - 1
    rules = _Rules(files, 0 if network or version < 4 else 3, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = call(_CREATE, ctypes.byref(rules), size, 0)
    for path, rights in grants:
        _grant(ruleset, path, rights & files)
    prctl(38, 1)  # PR_SET_NO_NEW_PRIVS, which the next call requires
    call(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= _ON_FILES
    call(_ADD, ruleset, 1, ctypes.byref(_Beneath(rights, fd)), 0)
    os.close(fd)
