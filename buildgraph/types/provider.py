"""The value that a rule returns.

Rules subclass it as a dataclass, so this module imports `dataclasses`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from .action import Artifact


@dataclass(frozen=True)
class Provider:
    """The interface of a target for the targets that depend on it; subclasses add frozen fields."""

    def outputs(self) -> dict[str, Artifact]:
        """The artifacts that `build LABEL` builds, by the name of their field."""
        return {
            f.name: value
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Artifact)
        }
