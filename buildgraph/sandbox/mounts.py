"""Root file systems of fork servers: a part shared by all actions, and private mounts of each.

The server enters a user namespace and builds the part that all its actions share; the host stays
mounted at /tmp. For each action it enters namespaces of that action for a moment and mounts what is
private: the action's folders, /dev/shm and pseudo terminals. The command mounts /proc for its own
processes, unmounts the host, and drops every capability in one more user namespace. The result is
the same as that of bubblewrap. Requires Linux >= 5.12 (`mount_setattr`). A refused call is an
OSError.
"""

from __future__ import annotations

import fcntl
import os
import struct

from ..lite import TYPE_CHECKING
from ..lite.libc import Word, check, libc, prctl, system_call

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER, TEMP = "/build", "/tmp"
# A path of the host below these would be hidden from actions by private mounts.
COVERED = (f"{FOLDER}/", f"{TEMP}/", "/proc/", "/dev/")
ACCOUNTS = {  # commands run as user 1000
    "/etc/passwd": b"root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
    b"build:x:1000:1000:build:/nonexistent:/bin/sh\n"
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

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
ACTION_NAMESPACES = NEWNS | NEWIPC | NEWNET  # besides those of processes and users
_READ_ONLY, _NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _SLAVE = 1, 2, 4, 8, 0x1000, 0x4000, 0x80000
_DETACH, _HERE, _RECURSIVE, _EMPTY, _CLONE, _MOVE_EMPTY = 2, -100, 0x8000, 0x1000, 1, 4
_ATTR_READ_ONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_SAFE = _ATTR_NOSUID | _ATTR_NODEV
_OPEN_TREE, _MOVE_MOUNT, _SETATTR = 428, 429, 442


def enter_shared_root(root: str, visible: Iterable[str], site: Iterable[tuple[str, str]]) -> None:
    """Build the shared part in the empty folder `root`, and make it the root of this process.

    `visible` are paths of the host to mount read-only. `site` are (name, target) of symlinks below
    /build/site. The caller has all capabilities within its new namespaces, and its next child is
    the first process of a process namespace.
    """
    user, group = os.geteuid(), os.getegid()
    check(libc.unshare(NEWUSER | NEWUTS | NEWCGROUP | NEWPID | ACTION_NAMESPACES))
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    _map_ids((0, user), (0, group), proc)
    os.close(proc)
    check(libc.sethostname(b"build", 5))
    _mount("", "/", "", _REC | _SLAVE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "mode=755")
    for folder in ("/proc", "/dev", _HOST, f"{FOLDER}/site"):
        os.makedirs(root + folder)
    for path in SYSTEM:
        if os.path.islink(path):
            os.symlink(os.readlink(path), root + path)
        else:
            _bind_read_only(path, root)
    for path in (*SYSTEM_FILES, *visible):
        _bind_read_only(path, root)
    for path, data in ACCOUNTS.items():
        _write(root + path, data)
    for name, target in site:
        os.symlink(target, f"{root}{FOLDER}/site/{name}")
    _mount_devices(f"{root}/dev")
    check(libc.pivot_root(os.fsencode(root), os.fsencode(root + _HOST)))
    os.chdir("/")
    _set_attributes("/", _ATTR_READ_ONLY | _SAFE)
    # Bind mounts of actions inherit these attributes from the host's mounts.
    _set_attributes(_HOST, _SAFE, recursive=True)


def mount_action_folders(stage: str, out: str, temp: str) -> int:
    """Mount the folders of an action at /build and /build/out, in new namespaces of the action.

    Returns a descriptor of its scratch folder for `detach_host`.
    """
    scratch = system_call(_OPEN_TREE, _HERE, os.fsencode(_HOST + temp), _CLONE | os.O_CLOEXEC)
    try:
        _mount("tmpfs", "/dev/shm", "tmpfs", _NOSUID | _NODEV, "mode=755")
        _mount(
            "devpts", "/dev/pts", "devpts", _NOSUID | _NOEXEC, "newinstance,ptmxmode=0666,mode=620"
        )
        _mount(_HOST + stage, FOLDER, "", _BIND)
        _set_attributes(FOLDER, _ATTR_READ_ONLY)
        _mount(_HOST + out, f"{FOLDER}/out", "", _BIND)
        _enable_loopback()
    except OSError:
        os.close(scratch)
        raise
    return scratch


def detach_host(scratch: int) -> int:
    """Unmount the host, and mount /proc and the scratch folder, in the process of the command.

    Returns a descriptor of the host's /proc for `drop_privileges`, to be closed before the command
    starts.
    """
    proc = os.open(f"{_HOST}/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    # Read-only, because root of the host can write kernel settings without any capability.
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC | _READ_ONLY)
    check(libc.umount2(os.fsencode(_HOST), _DETACH))
    system_call(_MOVE_MOUNT, scratch, b"", _HERE, os.fsencode(TEMP), _MOVE_EMPTY)
    return proc


def unshare_action() -> None:
    """Enter new namespaces for an action."""
    check(libc.unshare(ACTION_NAMESPACES))


def enter_namespaces(process: int, kinds: int) -> None:
    """Enter namespaces of a process (pidfd); only children enter a process namespace."""
    check(libc.setns(process, kinds))


def drop_privileges(proc: int) -> None:
    """Become user 1000 of a new user namespace that does not own the others, without capabilities.

    `proc` is a descriptor of the host's /proc.
    """
    check(libc.unshare(NEWUSER))
    _map_ids((1000, 0), (1000, 0), proc)
    drop_capabilities()
    prctl(38, 1)  # PR_SET_NO_NEW_PRIVS


def drop_capabilities() -> None:
    """Drop all capabilities and the bounding set, so that no program started later gets any."""
    capability = 0
    while libc.prctl(24, capability, 0, 0, 0) == 0:  # PR_CAPBSET_DROP fails beyond the last one
        capability += 1
    libc.capset(struct.pack("=2I", 0x20080522, 0), bytes(24))


def _map_ids(user: tuple[int, int], group: tuple[int, int], proc: int) -> None:
    """Map this user and group into a new user namespace; each is (id inside, id outside)."""
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


def _bind_read_only(path: str, root: str) -> None:
    if not os.path.exists(path):
        return
    _make_mount_point(path, root + path)
    _mount(path, root + path, "", _BIND | _REC)
    _set_attributes(root + path, _ATTR_READ_ONLY | _SAFE, recursive=True)


def _make_mount_point(path: str, target: str) -> None:
    """Create `target` as a folder or an empty file, as `path` is one."""
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


def _mount_devices(folder: str) -> None:
    _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV, "mode=755")
    for name in ("shm", "pts"):
        os.mkdir(f"{folder}/{name}", 0o755)
    for name in _DEVICES:
        _make_mount_point(f"/dev/{name}", f"{folder}/{name}")
        _mount(f"/dev/{name}", f"{folder}/{name}", "", _BIND)
        _set_attributes(f"{folder}/{name}", _ATTR_NOSUID)
    for target, name in _LINKS:
        os.symlink(target, f"{folder}/{name}")
    _set_attributes(folder, _ATTR_READ_ONLY | _SAFE)


def _enable_loopback() -> None:
    """Bring up the loopback interface; the kernel then assigns its addresses."""
    fd = libc.socket(2, 2, 0)  # AF_INET, SOCK_DGRAM
    check(fd)
    try:
        fcntl.ioctl(fd, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
    finally:
        os.close(fd)


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    check(
        libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            Word(flags),
            data.encode() or None,
        ),
        target,
    )


def _set_attributes(path: str, add: int, recursive: bool = False) -> None:
    """Add attributes to a mount; `mount_setattr(2)` keeps all others, such as locked flags."""
    words = struct.pack("=4Q", add, 0, 0, 0)
    system_call(_SETATTR, _HERE, os.fsencode(path), _RECURSIVE if recursive else 0, words, 32)
