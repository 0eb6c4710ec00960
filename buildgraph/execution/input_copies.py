"""Files of the user and known contents, copied for an action and verified while they are copied."""

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
_TEXT, _TEXTS = (
    16 << 10,
    256 << 10,
)  # bytes of a source that is kept with a result, and of all of them


def copy_input(
    artifact: Artifact, node: File, host: str, path: str, create: Callable[[str], int] | None
) -> None:
    """Write what an artifact holds to a path, of `host` where it is a file there; Moved when that is not `node` any more."""
    with NewFile(_OPS, path, node.digest.size, node.executable, create) as target:
        if isinstance(artifact, Content):
            seen = Digest.of(artifact.data)
            write_all(_OPS, target, artifact.data)
        else:
            seen = _copy(artifact.name, host, target)
        if seen != node.digest:
            raise SourceChanged(artifact.name)


def copy_small_texts(
    inputs: Iterable[tuple[str, Artifact, Node, str]], stage: str
) -> dict[str, bytes]:
    """What small sources held, kept with the result: `why` compares it with what they hold later."""
    found: dict[str, bytes] = {}
    room = _TEXTS
    for path, artifact, node, _ in inputs:
        if (
            isinstance(artifact, Source)
            and isinstance(node, File)
            and node.digest.size <= min(room, _TEXT)
        ):
            with suppress(OSError), open(f"{stage}/{path}", "rb") as file:
                found[f"{SOURCE}{path}"] = file.read(_TEXT)
                room -= node.digest.size
    return found


def _copy(name: str, host: str, target: int) -> Digest:
    try:
        source = os.open(host, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (
        FileNotFoundError,
        NotADirectoryError,
        PermissionError,
    ):  # the next attempt knows the place of its name
        raise SourceChanged(name) from None
    try:
        if not S_ISREG(os.fstat(source).st_mode):
            raise SourceChanged(name)
        return Digest(*copy_hashed(_OPS, source, target))
    finally:
        os.close(source)
