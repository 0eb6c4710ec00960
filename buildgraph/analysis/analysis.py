"""Analysis of targets: check their tables, order them by dependency, and call each rule once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..types.action import Artifact, Source
from ..types.errors import BuildError, BuildErrors, did_you_mean
from ..types.label import Label
from ..types.provider import Provider
from ..types.target import Target
from ..workspace.toml_positions import Path
from ..workspace.workspace import Workspace
from .diagnostics import dotted_key
from .placeholders import LabelRef, arguments
from .rule_api import Ctx, Registry
from .table_checks import CheckedTarget, TableChecker
from .target_graph import TargetGraph
from .user_rules import add_user_rules, rule_error

_MAX_CYCLE = 12  # labels; of a longer cycle the middle is left out


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The providers of the requested targets and of all that they depend on.

    `order` has every label after its `deps`. `files_read` are the workspace-relative files and
    folders that analysis looked at; the sources of actions are not among them.
    """

    providers: dict[Label, Provider]
    order: tuple[Label, ...]
    deps: dict[Label, tuple[Label, ...]]
    files_read: tuple[str, ...]


def analyse(workspace: Workspace, labels: Iterable[Label], rules: Registry) -> Analysis:
    """Analyse labels and all that they depend on; raise BuildErrors with every error in them."""
    checker = TableChecker(workspace, add_user_rules(workspace, rules))
    targets = checker.check_reachable(sorted(set(labels)))
    errors = checker.errors
    order = _order(targets, errors)
    providers: dict[Label, Provider] = {}
    if not errors:
        providers = _RuleRunner(workspace, targets, errors).run(order)
    if errors:
        raise errors[0] if len(errors) == 1 else BuildErrors(errors)
    deps = {label: targets[label].deps for label in order}
    return Analysis(providers, tuple(order), deps, workspace.files_read)


def _order(targets: Mapping[Label, CheckedTarget], errors: list[BuildError]) -> list[Label]:
    """Return labels after their dependencies, in a stable order; a cycle is added to the errors."""
    graph = TargetGraph(
        {label: [dep for dep in targets[label].deps if dep in targets] for label in sorted(targets)}
    )
    order = graph.order()
    if targets and not order:
        errors.append(_cycle_error(targets, graph.cycle()[:-1]))
    return order


def _cycle_error(targets: Mapping[Label, CheckedTarget], labels: list[Label]) -> BuildError:
    first = labels.index(min(labels))
    cycle = labels[first:] + labels[:first]
    places = [
        next(
            targets[label].target.place(*path)
            for path, ref in targets[label].refs
            if ref.label == dep
        )
        for label, dep in zip(cycle, cycle[1:] + cycle[:1])
    ]
    names = list(map(str, cycle))
    if len(names) > _MAX_CYCLE:
        names[6:-1] = [f"... ({len(names) - 7} more)"]
    others = [f"{label} at {place}" for label, place in zip(cycle, places)][1:6]
    return BuildError(
        f"targets depend on each other: {' -> '.join([*names, names[0]])}",
        places[0],
        f"remove one of the dependencies; the others: {', '.join(others)}"
        if others
        else "a target cannot depend on itself",
        "cycle",
    )


class _RuleRunner:
    """Resolves placeholders and calls rules, in the order of dependencies."""

    def __init__(
        self,
        workspace: Workspace,
        targets: Mapping[Label, CheckedTarget],
        errors: list[BuildError],
    ) -> None:
        self.workspace, self.targets, self.errors = workspace, targets, errors
        self.providers: dict[Label, Provider] = {}

    def run(self, order: Iterable[Label]) -> dict[Label, Provider]:
        """Return the provider of each target; a target whose dependencies failed is skipped."""
        for label in order:
            target = self.targets[label]
            if all(dep in self.providers for dep in target.deps):
                try:
                    self.providers[label] = self._call(target)
                except BuildErrors as errors:
                    self.errors += errors.errors
                except BuildError as error:
                    self.errors.append(error)
        return self.providers

    def _call(self, checked: CheckedTarget) -> Provider:
        target, table = checked.target, checked.table
        try:
            values = arguments(table, (), _TargetResolver(self.providers, target))
            name = self.workspace.settings.declared_name
            provider = table.kind(Ctx(target, workspace=name), **values)
            if not isinstance(provider, Provider):
                raise TypeError(f"the rule returned {provider!r}, which is not a Provider")
        except BuildErrors:
            raise
        except BuildError as error:
            names_target = str(target.label) in error.what or error.at
            what = error.what if names_target else f"{target.label}: {error.what}"
            raise BuildError(what, error.at or target.place(), error.fix, error.reason) from error
        except (Exception, SystemExit) as error:
            cause = rule_error(self.workspace, table.kind, error)
            if cause is None:
                raise
            what = f"{target.label}: {cause.what}"
            raise BuildError(what, cause.at, cause.fix, cause.reason) from error
        return provider


class _TargetResolver:
    """Resolves the placeholders of one target."""

    def __init__(self, providers: Mapping[Label, Provider], target: Target) -> None:
        self.providers, self.target = providers, target

    def source(self, path: Path, name: str) -> Source:
        """Return the file, with the place where BUILD.toml names it."""
        return Source(name, self.target.lazy_location(*path))

    def ref(self, path: Path, ref: LabelRef) -> Provider | Artifact:
        """Return the provider of a label, or the artifact that the reference names."""
        provider = self.providers[ref.label]
        if not ref.artifact:
            return provider
        outputs = provider.outputs()
        field = ref.field
        if not field and "default" in outputs:
            field = "default"
        elif not field and len(outputs) == 1:
            field = next(iter(outputs))
        if field in outputs:
            return outputs[field]
        choices = ", ".join(f"{ref.label}#{name}" for name in outputs)
        what = f"has no output {field!r}" if field else f"has {len(outputs)} outputs"
        raise BuildError(
            f"{self.target.label}: {dotted_key(path)}: {ref.label} {what}",
            self.target.place(*path),
            did_you_mean(field, outputs)
            or (f"name one of {choices}" if choices else "it makes no file"),
            "output",
        )
