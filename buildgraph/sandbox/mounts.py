"""A root file system of one's own by system call, as bubblewrap makes it: shared by a server, a view for each action.

The server enters a user namespace and builds the part that all its actions share; the host stays mounted at /tmp. For
each action it goes into namespaces of that action for a moment to add what is private (the action's folders, /dev/shm,
pseudo terminals). The command adds what only it can, the view of its own processes, takes the host away, and then gives up
every capability in one more user namespace.
Needs Linux >= 5.12 (`mount_setattr`); what the kernel refuses is an OSError.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct

from ..lite import TYPE_CHECKING
from .landlock import call, libc, prctl

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER, TEMP = "/build", "/tmp"
COVERED = (
    f"{FOLDER}/",
    f"{TEMP}/",
    "/proc/",
    "/dev/",
)  # what a server shows below these, no action would see
ACCOUNTS = {  # user 1000 is who runs commands in namespaces
    "/etc/passwd": b"root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nbuild:x:1000:1000:build:/nonexistent:/bin/sh\n"
    b"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": b"root:x:0:\nbuild:x:1000:\nnogroup:x:65534:\n",
}
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
_HOST = TEMP
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = (
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("/proc/self/fd", "fd"),
    ("/proc/kcore", "core"),
    ("pts/ptmx", "ptmx"),
)

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000,
    0x2000000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
ACTION_NAMESPACES = (
    NEWNS | NEWIPC | NEWNET
)  # what an action has of its own, besides its processes and users
_READ_ONLY, _NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _SLAVE = 1, 2, 4, 8, 0x1000, 0x4000, 0x80000
_DETACH, _HERE, _RECURSIVE, _EMPTY, _CLONE, _MOVE_EMPTY = 2, -100, 0x8000, 0x1000, 1, 4
_ATTR_READ_ONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_SAFE = _ATTR_NOSUID | _ATTR_NODEV
_OPEN_TREE, _MOVE_MOUNT, _SETATTR = 428, 429, 442


def enter_shared_root(root: str, visible: Iterable[str], site: Iterable[tuple[str, str]]) -> None:
    """Build the shared part on the empty folder `root` and make it the root: `visible` paths of the host, read-only.

    `site` are (name, target) of links below /build/site. The caller has all capabilities in here, and only in here; its
    next child is the first process of a namespace of processes.
    """
    user, group = os.geteuid(), os.getegid()
    _checked(libc.unshare(NEWUSER | NEWUTS | NEWCGROUP | NEWPID | ACTION_NAMESPACES))
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    _become((0, user), (0, group), proc)
    os.close(proc)
    _checked(libc.sethostname(b"build", 5))
    _mount("", "/", "", _REC | _SLAVE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "mode=755")
    for folder in ("/proc", "/dev", _HOST, f"{FOLDER}/site"):
        os.makedirs(root + folder)
    for path in SYSTEM:
        if os.path.islink(path):
            os.symlink(os.readlink(path), root + path)
        else:
            _show(path, root)
    for path in (*SYSTEM_FILES, *visible):
        _show(path, root)
    for path, data in ACCOUNTS.items():
        _write(root + path, data)
    for name, target in site:
        os.symlink(target, f"{root}{FOLDER}/site/{name}")
    _devices(f"{root}/dev")
    _checked(libc.pivot_root(os.fsencode(root), os.fsencode(root + _HOST)))
    os.chdir("/")
    _attributes("/", _ATTR_READ_ONLY | _SAFE)
    _attributes(
        _HOST, _SAFE, recursive=True
    )  # what actions bind from there is so from the beginning


def mount_action_folders(stage: str, out: str, temp: str) -> int:
    """In new namespaces of an action: its folders at /build and /build/out; a descriptor of its scratch folder for `close`."""
    scratch = call(_OPEN_TREE, _HERE, os.fsencode(_HOST + temp), _CLONE | os.O_CLOEXEC)
    try:
        _mount("tmpfs", "/dev/shm", "tmpfs", _NOSUID | _NODEV, "mode=755")
        _mount(
            "devpts", "/dev/pts", "devpts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,mode=620"
        )
        _mount(_HOST + stage, FOLDER, "", _BIND)
        _attributes(FOLDER, _ATTR_READ_ONLY)
        _mount(_HOST + out, f"{FOLDER}/out", "", _BIND)
        _loopback()
    except OSError:
        os.close(scratch)
        raise
    return scratch


def detach_host(scratch: int) -> int:
    """In the process that becomes the command: /proc of its own processes, the scratch folder at /tmp, the host gone.

    Returns a descriptor of the host's /proc for `give_up`, to be closed before the command is let loose.
    """
    proc = os.open(f"{_HOST}/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    # Read-only, for root of the host owns the settings of the kernel even without any capability.
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC | _READ_ONLY)
    _checked(libc.umount2(os.fsencode(_HOST), _DETACH))
    call(_MOVE_MOUNT, scratch, b"", _HERE, os.fsencode(TEMP), _MOVE_EMPTY)
    return proc


def unshare_action() -> None:
    """Go on in new namespaces, those of an action."""
    _checked(libc.unshare(ACTION_NAMESPACES))


def enter_namespaces(process: int, kinds: int) -> None:
    """Enter namespaces of a process (pidfd); that of processes counts for children only."""
    _checked(libc.setns(process, kinds))


def drop_privileges(proc: int) -> None:
    """In the command itself: user 1000 of a namespace that has no say over the others, and no capability even there."""
    _checked(libc.unshare(NEWUSER))
    _become((1000, 0), (1000, 0), proc)
    drop_capabilities()
    prctl(38, 1)  # PR_SET_NO_NEW_PRIVS


def drop_capabilities() -> None:
    """Without the bounding set, no program started from here has any capability."""
    capability = 0
    while (
        libc.prctl(24, capability, 0, 0, 0) == 0
    ):  # PR_CAPBSET_DROP, up to the last that the kernel knows
        capability += 1
    head, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capset(ctypes.byref(head), ctypes.byref(none))


def _become(user: tuple[int, int], group: tuple[int, int], proc: int) -> None:
    """Be a user and a group of the new namespace: each as (inside, outside)."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", "%d %d 1" % user),
        ("gid_map", "%d %d 1" % group),
    ):
        fd = os.open(f"self/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def _show(path: str, root: str) -> None:
    if not os.path.exists(path):
        return
    _point(path, root + path)
    _mount(path, root + path, "", _BIND | _REC)
    _attributes(root + path, _ATTR_READ_ONLY | _SAFE, recursive=True)


def _point(path: str, target: str) -> None:
    """Something of the right kind to mount on."""
    if os.path.isdir(path):
        os.makedirs(target, 0o755, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o444))


def _write(path: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def _devices(folder: str) -> None:
    _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV, "mode=755")
    for name in ("shm", "pts"):
        os.mkdir(f"{folder}/{name}", 0o755)
    for name in _DEVICES:
        _point(f"/dev/{name}", f"{folder}/{name}")
        _mount(f"/dev/{name}", f"{folder}/{name}", "", _BIND)
        _attributes(f"{folder}/{name}", _ATTR_NOSUID)
    for target, name in _LINKS:
        os.symlink(target, f"{folder}/{name}")
    _attributes(folder, _ATTR_READ_ONLY | _SAFE)


def _loopback() -> None:
    """Bring up the only interface that there is; the kernel gives it its addresses."""
    fd = libc.socket(2, 2, 0)  # AF_INET, SOCK_DGRAM
    _checked(fd)
    try:
        fcntl.ioctl(fd, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    finally:
        os.close(fd)


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    _checked(
        libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        ),
        target,
    )


def _attributes(path: str, add: int, recursive: bool = False) -> None:
    """`mount_setattr(2)` keeps what it is not told to change, such as flags that the host locked."""
    words = (ctypes.c_uint64 * 4)(add, 0, 0, 0)
    call(
        _SETATTR, _HERE, os.fsencode(path), _RECURSIVE if recursive else 0, ctypes.byref(words), 32
    )


def _checked(result: int, about: str = "") -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), about or None)
