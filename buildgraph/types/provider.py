"""Provider: what a rule returns. Apart from the other nouns, for rules subclass it as a dataclass, which is dear to import."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .action import Artifact


@dataclass(frozen=True)
class Provider:
    """All that a target tells those that depend on it; subclasses add frozen fields."""

    def outputs(self) -> dict[str, Artifact]:
        """The artifacts that `build LABEL` wants, by the field's name."""
        return {
            f.name: value
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Artifact)
        }
