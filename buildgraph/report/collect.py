"""Outcomes of the targets of a build, collected from its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..types.events import Built, Event, Failed, Judged, Skipped


@dataclass
class Outcome:
    """Outcome of one target: paths of its outputs by name, gates, and a failed action."""

    outputs: dict[str, str] = field(default_factory=dict)
    image: str = ""
    gates: list[dict[str, Any]] = field(default_factory=list)
    failed_action: str = ""

    @property
    def failure(self) -> str:
        """Why there are no outputs; the failed action of a gate is in the gate's verdict."""
        return "" if self.outputs else self.failed_action


class OutcomeCollector:
    """A listener that collects the outcome of each target of a build, by its label."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def __call__(self, event: Event) -> None:
        """Keep what the page shows."""
        if isinstance(event, Built):
            outcome = self._of(event.label)
            outcome.outputs[event.name] = event.path
            outcome.image = event.image or outcome.image
        elif isinstance(event, Judged):
            evidence = event.evidence or {}
            self._of(event.label).gates.append(
                {
                    "gate": event.gate,
                    "verdict": event.verdict,
                    "why": event.why,
                    "checks": evidence.get("checks", []),
                }
            )
        elif isinstance(event, Failed):
            self._of(event.label).failed_action = f"{event.title}: {event.why}"
        elif isinstance(event, Skipped):
            outcome = self._of(event.label)
            skipped = f"{event.title}: {event.because} failed"
            outcome.failed_action = outcome.failed_action or skipped

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _of(self, label: str) -> Outcome:
        return self.outcomes.setdefault(label, Outcome())
