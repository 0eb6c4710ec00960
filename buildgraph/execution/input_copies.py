"""Copy source files and contents for an action, and verify them while they are copied."""

from __future__ import annotations

import os
from stat import S_ISREG

from ..host.source_files import SourceChanged
from ..keys.action_key import SOURCE
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..store.file_ops import FileOps, NewFile, copy_hashed, write_all
from ..types.action import Artifact, Content, Source
from ..types.digest import Digest
from ..types.result import File, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_OPS = FileOps()
_TEXT, _TEXTS = 16 << 10, 256 << 10  # bytes of a source kept with a result, and of all of them


def copy_input(
    artifact: Artifact, node: File, host: str, path: str, create: Callable[[str], int] | None
) -> None:
    """Write the content of an artifact to a path; `host` is the path of a file on this host.

    SourceChanged if the content is not `node` any more.
    """
    with NewFile(_OPS, path, node.digest.size, node.executable, create) as target:
        if isinstance(artifact, Content):
            digest = Digest.of(artifact.data)
            write_all(_OPS, target, artifact.data)
        else:
            digest = _copy(artifact.name, host, target)
        if digest != node.digest:
            raise SourceChanged(artifact.name)


def copy_small_texts(
    inputs: Iterable[tuple[str, Artifact, Node, str]], stage: str = ""
) -> dict[str, bytes]:
    """The contents of small source files, by name of the part of a result.

    `stage` is the folder with their copies; without one they are read in the workspace. A file that
    has changed is left out. `why` compares the contents with later ones.
    """
    texts: dict[str, bytes] = {}
    room = _TEXTS
    for path, artifact, node, host in inputs:
        if (
            isinstance(artifact, Source)
            and isinstance(node, File)
            and node.digest.size <= min(room, _TEXT)
        ):
            with suppress(OSError), open(f"{stage}/{path}" if stage else host, "rb") as file:
                text = file.read(_TEXT)
                if Digest.of(text) == node.digest:
                    texts[f"{SOURCE}{path}"] = text
                room -= node.digest.size
    return texts


def _copy(name: str, host: str, target: int) -> Digest:
    try:
        source = os.open(host, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # The next attempt reports it with the place of its name in BUILD.toml.
        raise SourceChanged(name) from None
    try:
        if not S_ISREG(os.fstat(source).st_mode):
            raise SourceChanged(name)
        return Digest(*copy_hashed(_OPS, source, target))
    finally:
        os.close(source)
