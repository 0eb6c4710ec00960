"""The paths of the outputs that a target declares."""

from __future__ import annotations

from ..keys.action_graph import requested_outputs
from ..types.label import Label, Pattern
from ..workspace.workspace import Workspace
from .analysis import analyse
from .builtin_rules import builtin_rules


def declared_outputs(root: str, label: str) -> frozenset[str]:
    """Return the paths of all outputs of a target; empty if there is no such target.

    Raises BuildError for an error in the target or in what it depends on.
    """
    workspace, parsed = Workspace(root), Label.parse(label)
    if not workspace.matching(Pattern(parsed.package, parsed.name, False, False)):
        return frozenset()
    provider = analyse(workspace, (parsed,), builtin_rules()).providers[parsed]
    return frozenset(output.path for output in requested_outputs(parsed, provider))
