"""Landlock by system calls (Linux >= 5.13): restrict this process and its children.

The module imports little, because `supervisor.py` loads it for every command. Numbers are those of
`linux/landlock.h`. Each version ("ABI") of Landlock knows the first N rights.
"""

from __future__ import annotations

import os
import struct

from ..lite.libc import prctl, system_call

_CREATE, _ADD, _RESTRICT = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
_MAKE_CHAR, _MAKE_BLOCK, _TRUNCATE, _IOCTL_DEV = 64, 2048, 1 << 14, 1 << 15
_ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEV
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15}  # number of rights on files; 16 from ABI 5

READ = EXECUTE | READ_FILE | READ_DIR
CHANGE = (1 << 16) - 1 & ~(_MAKE_CHAR | _MAKE_BLOCK)
USE_DEVICE = READ_FILE | WRITE_FILE


def abi() -> int:
    """Return the version of Landlock in the kernel; 0 if absent or forbidden by a container."""
    try:
        return system_call(_CREATE, None, 0, 1)
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
    rules = struct.pack("=3Q", files, 0 if network or version < 4 else 3, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = system_call(_CREATE, rules, size, 0)
    for path, rights in grants:
        _grant(ruleset, path, rights & files)
    prctl(38, 1)  # PR_SET_NO_NEW_PRIVS, which the next call requires
    system_call(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= _ON_FILES
    system_call(_ADD, ruleset, 1, struct.pack("=Qi", rights, fd), 0)
    os.close(fd)
