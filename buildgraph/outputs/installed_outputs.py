"""The outputs that a build has in the workspace."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.record import Record

if TYPE_CHECKING:
    from typing import TypeAlias

    from ..files.stamp import Stamp
    from ..types.events import Built
    from ..types.result import Node

    # An output: path below the workspace, name of its file or folder, content.
    PlacedOutput: TypeAlias = tuple[str, str, Node]


class InstalledOutputs(Record):
    """The outputs after a build: event and content of each, and the stamps of all files.

    A stamp is that of the file that was written or compared, so a file that another build or a user
    puts in its place later has another one. Folders that are outputs have stamps, too.
    """

    events: tuple[Built, ...]
    outputs: tuple[PlacedOutput, ...]
    files: dict[str, Stamp]
