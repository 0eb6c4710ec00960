"""Help for labels and patterns that match no target, from the labels that exist."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..types.errors import did_you_mean
from ..types.label import Pattern
from .folder_listing import join


def suggest_label(label: str, known: Sequence[str]) -> str:
    """The help for a label that does not exist, or an empty text.

    It is a package of that name, a similar label, or the same name in another package.
    """
    package, _, name = label[2:].partition(":")
    for folder in [package] * (name == package.rpartition("/")[2]) + [join(package, name)]:
        if any(other.startswith(f"//{folder}:") for other in known):
            return f"//{folder} is a package: '//{folder}:*' are its targets"
        if any(other.startswith(f"//{folder}/") for other in known):
            return f"there are packages below //{folder}: '//{folder}/...' are their targets"
    same_name = [other for other in known if other.endswith(f":{name}")]
    if package == name:
        return _suggest_name(name, same_name, known)
    if hint := did_you_mean(label, known):
        return hint
    return f"did you mean {same_name[0]!r}?" if len(same_name) == 1 else ""


def _suggest_name(name: str, same_name: list[str], known: Sequence[str]) -> str:
    """The help for a name without a package."""
    similar = did_you_mean(name, {label.partition(":")[2] for label in known})
    if similar and not same_name:
        same_name = [label for label in known if label.endswith(f":{similar.split(chr(39))[1]}")]
    if same_name:
        return f"did you mean {' or '.join(map(repr, same_name[:3]))}?"
    package = did_you_mean(name, _packages(known)).rstrip("'?")
    return package and f"{package}', a package?"


def suggest_pattern(pattern: Pattern, known: Sequence[str]) -> str:
    """The help for a pattern that matches no target."""
    below = f"//{pattern.package}/".replace("///", "//")
    if similar := did_you_mean(pattern.package, sorted(_packages(known))):
        return similar
    if not pattern.recursive and any(label.startswith(below) for label in known):
        return f"'//{join(pattern.package, '...')}' are the targets of the packages below"
    if known:
        return "`buildgraph query list //...` lists all targets"
    return "no BUILD.toml of the workspace has a target"


def _packages(labels: Sequence[str]) -> Collection[str]:
    return {label[2:].partition(":")[0] for label in labels} - {""}
