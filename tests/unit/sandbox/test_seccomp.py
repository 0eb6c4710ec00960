"""Seccomp filter, run by a small BPF interpreter, with numbers of own and foreign machines."""

from __future__ import annotations

import struct

import pytest

from buildgraph.sandbox.seccomp import program

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050001
X86, ARM, I386 = 0xC000003E, 0xC00000B7, 0x40000003


def verdict(machine: str, arch: int, number: int, network: bool = False) -> int:
    """Return the answer of the filter to a system call."""
    code = list(struct.iter_unpack("HBBI", program(machine, network)))
    at = loaded = 0
    while True:
        operation, yes, no, value = code[at]
        at += 1
        if operation == 0x20:
            loaded = {0: number, 4: arch}[value]
        elif operation == 0x15:
            at += yes if loaded == value else no
        elif operation == 0x35:
            at += yes if loaded >= value else no
        else:
            assert operation == 0x06
            return int(value)


@pytest.mark.parametrize(
    ("machine", "arch", "refused", "allowed"),
    [
        (
            "x86_64",
            X86,
            {
                "socket": 41,
                "ptrace": 101,
                "mount": 165,
                "shmget": 29,
                "last of the list": 304,
                "io_uring": 425,
                "mount_setattr": 442,
                "x32 socket": 0x40000029,
                "x32 read": 0x40000000,
            },
            {"read": 0, "socketpair": 53, "execve": 59, "futex": 202, "clone3": 435},
        ),
        (
            "aarch64",
            ARM,
            {
                "socket": 198,
                "ptrace": 117,
                "mount": 40,
                "shmget": 194,
                "last of the list": 265,
                "io_uring": 425,
            },
            {"read": 63, "socketpair": 199, "execve": 221, "futex": 98, "clone3": 435},
        ),
    ],
)
def test_calls(machine: str, arch: int, refused: dict[str, int], allowed: dict[str, int]) -> None:
    """A call is refused or allowed by its number on that machine."""
    assert {
        name for name, number in refused.items() if verdict(machine, arch, number) != REFUSE
    } == set()
    assert {
        name for name, number in allowed.items() if verdict(machine, arch, number) != ALLOW
    } == set()


@pytest.mark.parametrize(
    ("machine", "foreign"), [("x86_64", I386), ("x86_64", ARM), ("aarch64", X86)]
)
def test_a_foreign_architecture_ends_the_process(machine: str, foreign: int) -> None:
    """The numbers of another architecture are other calls."""
    assert verdict(machine, foreign, 0) == KILL


def test_the_network_opens_sockets_only() -> None:
    """All other calls are refused as before."""
    assert (
        verdict("x86_64", X86, 41, network=True) == ALLOW
        and verdict("aarch64", ARM, 198, network=True) == ALLOW
    )
    assert verdict("x86_64", X86, 101, network=True) == REFUSE


def test_an_unknown_machine_cannot_be_confined() -> None:
    """A filter with wrong numbers would be worse than an error."""
    with pytest.raises(OSError, match="no filter"):
        program("m68k", False)
