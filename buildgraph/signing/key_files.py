"""Files of keys: private ones are readable by their owner alone, and never in a source tree."""

from __future__ import annotations

import os
import stat

from ..files.regular_file import open_regular
from ..types.errors import BuildError, Location
from ..workspace.root import BUILD, find_root
from .keys import PrivateKey, PublicKey, generate_key, parse_private_key, parse_public_key

SUFFIX = ".pub"
"""What the name of a public key adds to that of its private key."""
_MAX_BYTES = 1 << 16


def create_key(path: str) -> PrivateKey:
    """Make a key: the private part at `path` with mode 0600, the public part at `path`.pub.

    BuildError if the folder is in a workspace or a git work tree, or one of the files exists.
    """
    _refuse_source_tree(path)
    for name in (path, path + SUFFIX):
        if os.path.lexists(name):
            raise BuildError(
                f"{name} exists, and a key is never overwritten",
                fix="choose another path, or remove the old key yourself",
                reason="signing-key",
            )
    key = generate_key()
    _create(path, key.to_pem(), 0o600)
    try:
        _create(path + SUFFIX, key.public.to_pem().encode(), 0o644)
    except BaseException:
        os.unlink(path)
        raise
    return key


def read_private_key(path: str) -> PrivateKey:
    """Read a private key; BuildError if others can read it, or if it is in a source tree."""
    _refuse_source_tree(path)
    fd = _open(path)
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise BuildError(
                f"other users can read the private key {path} "
                f"(mode {stat.S_IMODE(status.st_mode):04o})",
                fix=f"chmod 600 {path}",
                reason="signing-key",
            )
        if status.st_uid not in (0, os.geteuid()):
            raise BuildError(
                f"the private key {path} belongs to another user",
                fix="copy it to a file of your own",
                reason="signing-key",
            )
        return parse_private_key(file.read(_MAX_BYTES), path)


def read_public_key(path: str, at: Location | None = None, name: str = "") -> PublicKey:
    """Read a public key file. Errors show `name` (default: the path) and point to `at`."""
    with open(_open(path, at, name), "rb") as file:
        return parse_public_key(file.read(_MAX_BYTES), name or path, at)


def read_any_key(path: str) -> PublicKey:
    """The public key of a file that has a private or a public key."""
    with open(_open(path), "rb") as file:
        is_private = b"PRIVATE KEY" in file.read(_MAX_BYTES)
    return read_private_key(path).public if is_private else read_public_key(path)


def _open(path: str, at: Location | None = None, name: str = "") -> int:
    """Open a key file. Secrets of CI services may be links, so links are followed."""
    try:
        return open_regular(os.path.realpath(path))
    except FileNotFoundError:
        what, fix = "there is no key file", "`buildgraph key new PATH` makes one"
    except OSError as error:
        what, fix = f"cannot read the key file ({error.strerror})", "name a readable file"
    raise BuildError(f"{what}: {name or path}", at, fix, "signing-key")


def _create(path: str, content: bytes, mode: int) -> None:
    """Write a new file to disk, or leave none."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError as error:
        raise BuildError(
            f"cannot create {path}: {error.strerror}",
            fix="choose a folder that exists and that you can write to",
            reason="signing-key",
        ) from None
    try:
        with open(fd, "wb") as file:
            os.fchmod(fd, mode)  # whatever the umask is
            file.write(content)
            file.flush()
            os.fsync(fd)
    except BaseException:
        os.unlink(path)
        raise


def _refuse_source_tree(path: str) -> None:
    """BuildError if a private key is where a commit or an action could take it along."""
    folder = os.path.dirname(os.path.realpath(path))
    tree = _workspace_of(folder) or _git_tree_of(folder)
    if tree:
        raise BuildError(
            f"the private key {path} is in the source tree {tree}",
            fix="keep it outside, for example in ~/.config/buildgraph",
            reason="signing-key",
        )


def _workspace_of(folder: str) -> str:
    try:
        return find_root(folder)
    except BuildError as error:
        # A BUILD.toml that cannot be read may be that of a workspace.
        return folder if BUILD in error.what and os.path.lexists(f"{folder}/{BUILD}") else ""


def _git_tree_of(folder: str) -> str:
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    return folder
