"""Seccomp filter without libseccomp, against system calls that no build needs.

Refused are sockets, shared memory by key, tracing, mounts and other risky calls. The module imports
little, as `landlock.py`. A refused call fails with EPERM. A call of a foreign architecture kills
the process: x32 and i386 share a kernel with x86-64 but have other numbers.
"""

from __future__ import annotations

import os
import struct

from ..lite.libc import Pointer, address_of, prctl

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050001
_X32 = 0x40000000

# machine -> (AUDIT_ARCH, socket, others). In order: shmget semget msgget mq_open ptrace
# process_vm_readv process_vm_writev bpf perf_event_open mount umount2 pivot_root add_key
# request_key keyctl userfaultfd setns open_by_handle_at; then the numbers all machines share:
# io_uring_setup open_tree move_mount fsopen fsmount mount_setattr
_SHARED = (425, 428, 429, 430, 432, 442)
_MACHINES = {
    "x86_64": (
        0xC000003E,
        41,
        (29, 64, 68, 240, 101, 310, 311, 321, 298, 165, 166, 155, 248, 249, 250, 323, 308, 304),
    ),
    "aarch64": (
        0xC00000B7,
        198,
        (194, 190, 186, 180, 117, 270, 271, 280, 241, 40, 39, 41, 217, 218, 219, 282, 268, 265),
    ),
}


def program(machine: str, network: bool) -> bytes:
    """Return the filter as BPF instructions (`struct sock_filter`, 8 bytes each).

    OSError for an unknown machine.
    """
    if machine not in _MACHINES:
        raise OSError(f"there is no filter of system calls for {machine}")
    arch, socket, others = _MACHINES[machine]
    refused = (*others, *_SHARED) if network else (socket, *others, *_SHARED)
    code = [
        _op(_LOAD, 0, 0, 4),
        _op(_JUMP_EQUAL, 1, 0, arch),
        _op(_RETURN, 0, 0, _KILL),
        _op(_LOAD, 0, 0, 0),
    ]
    if machine == "x86_64":
        code.append(_op(_JUMP_AT_LEAST, len(refused) + 1, 0, _X32))
    for distance, number in zip(range(len(refused), 0, -1), refused):
        code.append(_op(_JUMP_EQUAL, distance, 0, number))
    return b"".join([*code, _op(_RETURN, 0, 0, _ALLOW), _op(_RETURN, 0, 0, _REFUSE)])


def restrict(network: bool) -> None:
    """Apply the filter to this process and its children; `no_new_privs` must be set before."""
    code = program(os.uname().machine, network)
    head = struct.pack("Hxxxxxx", len(code) // 8) + address_of(code)
    prctl(22, 2, Pointer(head))  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def _op(code: int, jump_true: int, jump_false: int, value: int) -> bytes:
    return struct.pack("HBBI", code, jump_true, jump_false, value)
