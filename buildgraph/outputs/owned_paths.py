"""Old outputs that a request may remove: those of all labels that its patterns cover."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..types.errors import BuildError
from ..types.events import Listener, Warned
from ..types.label import Label, Pattern, qualify_pattern
from .open_folders import OwnedPaths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..types.request import Request


def owned_paths(
    root: str, request: Request, labels: Collection[str], paths: Iterable[str], listen: Listener
) -> OwnedPaths:
    """The scope of a request that asks for these labels and for outputs at these paths."""
    patterns = [
        Pattern.parse(qualify_pattern(text, request.package), request.package)
        for text in request.patterns
    ]
    if all(pattern.negative for pattern in patterns):
        patterns.insert(0, Pattern("", None, True, False))

    def covers(label: str) -> bool:
        try:
            parsed = Label.parse(label)
        except BuildError:
            return False
        covered = label in labels
        for pattern in patterns:
            if pattern.matches(parsed):
                covered = not pattern.negative
        return covered

    return OwnedPaths(
        frozenset(paths),
        covers,
        lambda label, path: _declares(root, label, path),
        lambda text: listen(Warned(text)),
    )


def _declares(root: str, label: str, path: str) -> bool:
    """True if a target still declares an output, or if its declaration cannot be read."""
    from ..analysis.declared_outputs import (
        declared_outputs,  # imports pydantic and NetworkX
    )

    try:
        return path in declared_outputs(root, label)
    except BuildError:
        return True
