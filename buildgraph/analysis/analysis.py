"""From labels to providers: tables checked against the signatures of their rules, then each rule run once, in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..types.action import Artifact, Source
from ..types.errors import BuildError, BuildErrors, Location, did_you_mean
from ..types.label import Label, Pattern
from ..types.provider import Provider
from ..types.target import Target
from ..workspace.toml_positions import Path
from ..workspace.workspace import Workspace
from .diagnostics import ambiguity_error, dotted_key, to_error
from .placeholders import (
    CheckedTable,
    FileRefs,
    LabelRef,
    LabelRefs,
    arguments,
    label_refs,
)
from .rule_api import Ctx, Registry
from .rule_schema import Kinds, Scope, Signature, signature
from .target_graph import TargetGraph
from .user_rules import add_user_rules, rule_error


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What the targets asked for, and all that they need, provide.

    `order` has every label after its `deps`; `files_read` are the workspace-relative files and folders that were looked
    at besides the sources that actions name.
    """

    providers: dict[Label, Provider]
    order: tuple[Label, ...]
    deps: dict[Label, tuple[Label, ...]]
    files_read: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A target whose table is good, and the labels in it with where they were written."""

    target: Target
    made: CheckedTable
    refs: tuple[tuple[Path, LabelRef], ...]

    @property
    def deps(self) -> tuple[Label, ...]:
        """What it depends on directly, sorted."""
        return tuple(sorted({ref.label for _, ref in self.refs}))


def analyse(workspace: Workspace, labels: Iterable[Label], rules: Registry) -> Analysis:
    """Analyse labels and all that they need; BuildErrors with every fault found in them."""
    checks = _Checks(workspace, add_user_rules(workspace, rules))
    checked = checks.reach(sorted(set(labels)))
    faults = checks.faults
    order = _order(checked, faults)
    if not faults:
        providers = _Run(workspace, checked, faults).providers(order)
    if faults:
        raise faults[0] if len(faults) == 1 else BuildErrors(faults)
    deps = {label: checked[label].deps for label in order}
    return Analysis(providers, tuple(order), deps, workspace.files_read)


class _Checks:
    """The first pass: every reachable table against its rule's signature."""

    def __init__(self, workspace: Workspace, rules: Registry) -> None:
        self.workspace, self.rules = workspace, rules
        self.faults: list[BuildError] = []
        self._noted: set[tuple[str, Location | None]] = set()
        self._signatures: dict[str, Signature] = {}

    def reach(self, labels: Sequence[Label]) -> dict[Label, Checked]:
        """The checked targets that labels reach; a stack and no recursion, for chains may be long."""
        found: dict[Label, Checked] = {}
        seen, waiting = set(labels), list(reversed(labels))
        while waiting:
            label = waiting.pop()
            checked = self._target(label)
            if checked is None:
                continue
            found[label] = checked
            new = [dep for dep in checked.deps if dep not in seen]
            seen.update(new)
            waiting += reversed(new)
        return found

    def _target(self, label: Label) -> Checked | None:
        try:
            target = self.workspace.target(label)
            signed = self.signature(target)
        except BuildError as error:
            self.note(error)
            return None
        keys = signed.keys()
        for path in target.nested:
            if path[0] in keys:
                self.note(ambiguity_error(target, path))
                return None
        made = signed.check(target.values, _Here(self, target))
        if isinstance(made, CheckedTable):
            return Checked(target, made, tuple(label_refs(made)))
        for mistake in made:
            self.note(to_error(target, mistake, signed.keys(mistake.path[:-1])))
        return None

    def signature(self, target: Target) -> Signature:
        """The signature of a target's rule; BuildError when there is no such rule."""
        known = self._signatures.get(target.rule)
        if known is None:
            rule = self.rules.rules.get(target.rule)
            if rule is None:
                known_rules = f"the rules are {', '.join(sorted(self.rules.rules))}"
                raise BuildError(
                    f"no rule {target.rule!r}",
                    target.place("rule"),
                    did_you_mean(target.rule, self.rules.rules) or known_rules,
                    "rule",
                )
            try:
                known = self._signatures[target.rule] = signature(rule)
            except BuildError as error:
                raise BuildError(error.what, target.place("rule"), error.fix, "rule") from error
        return known

    def provides(self, label: Label) -> type[Provider] | None:
        """What a target's rule says it provides; None when its rule is not known, a fault that is told elsewhere."""
        try:
            return self.signature(self.workspace.target(label)).provides
        except BuildError as error:
            if error.reason != "rule":
                raise
            return None

    def note(self, error: BuildError) -> None:
        """Remember a fault, once."""
        for fault in error.errors if isinstance(error, BuildErrors) else (error,):
            if (fault.what, fault.at) not in self._noted:
                self._noted.add((fault.what, fault.at))
                self.faults.append(fault)


class _Here(Scope):
    """The texts of one target's table."""

    def __init__(self, checks: _Checks, target: Target) -> None:
        self.checks, self.target = checks, target

    def labels(self, text: str, kinds: Kinds) -> LabelRefs:
        """Labels by text; of a pattern only those that provide what is wanted."""
        package = self.target.label.package
        try:
            pattern = Pattern.parse(_local(text, package), package)
        except BuildError as error:
            raise self.checks.workspace.with_suggestions(error, text, package) from None
        if pattern.name is None:
            return self._pattern(text, pattern, kinds)
        label = Label(pattern.package, pattern.name)
        found = self.checks.provides(label)
        if found is not None and not issubclass(found, kinds):
            wanted = " or ".join(f"{_article(kind.__name__)} {kind.__name__}" for kind in kinds)
            raise BuildError(
                f"wants {wanted}, but {label} provides {found.__name__}", reason="kind"
            )
        return LabelRefs((LabelRef(label),), pattern.negative)

    def _pattern(self, text: str, pattern: Pattern, kinds: Kinds) -> LabelRefs:
        labels = [
            label for label in self.checks.workspace.matching(pattern) if label != self.target.label
        ]
        fits = [
            label
            for label in labels
            if issubclass(self.checks.provides(label) or type(None), kinds)
        ]
        if not fits and not pattern.negative:
            names = " or ".join(kind.__name__ for kind in kinds)
            raise BuildError(f"no target that {text} matches provides {names}", reason="missing")
        return LabelRefs(tuple(map(LabelRef, fits)), pattern.negative)

    def artifact(self, text: str) -> LabelRef | FileRefs:
        """A path is a file beside BUILD.toml; a label is the one output of a target, or the one after `#`."""
        if not text.startswith((":", "//")):
            try:
                return FileRefs(
                    (self.checks.workspace.file_tree.source(self.target.folder, text, None),)
                )
            except BuildError as error:
                if ":" not in text:
                    raise
                raise self.checks.workspace.with_suggestions(
                    error, text, self.target.label.package
                ) from None
        name, _, field = text.partition("#")
        label = Label.parse(name, self.target.label.package)
        self.checks.provides(label)
        return LabelRef(label, True, field)

    def files(self, glob: str) -> FileRefs:
        """The files of a glob; one that finds nothing is a fault, unless it takes away (`!`)."""
        negative = glob.startswith("!")
        names = self.checks.workspace.file_tree.glob(self.target.folder, glob[negative:], None)
        if not names and not negative:
            raise BuildError(
                f"no file matches {glob!r}",
                reason="source",
                fix=self.checks.workspace.file_tree.explain_no_match(self.target.folder),
            )
        return FileRefs(tuple(names), negative)

    def label(self, text: str) -> Label:
        """A label as a mere name."""
        return Label.parse(text, self.target.label.package)


def _local(text: str, package: str) -> str:
    return f"//{package}{text}" if text in (":*", ":all") else text


def _article(name: str) -> str:
    return "an" if name[:1] in "AEIOU" else "a"


def _order(checked: dict[Label, Checked], faults: list[BuildError]) -> list[Label]:
    """Labels after their deps, the same every time; a cycle is a fault at the place that closes it."""
    graph = TargetGraph(
        {label: [dep for dep in checked[label].deps if dep in checked] for label in sorted(checked)}
    )
    order = graph.order()
    if checked and not order:
        faults.append(_cycle(checked, graph.cycle()[:-1]))
    return order


def _cycle(checked: dict[Label, Checked], labels: list[Label]) -> BuildError:
    first = labels.index(min(labels))
    ring = labels[first:] + labels[:first]
    places = [
        next(
            checked[label].target.place(*path)
            for path, ref in checked[label].refs
            if ref.label == after
        )
        for label, after in zip(ring, ring[1:] + ring[:1])
    ]
    shown = list(
        map(str, ring if len(ring) <= 12 else [*ring[:6], f"... ({len(ring) - 7} more)", ring[-1]])
    )
    text = " -> ".join([*shown, shown[0]])
    others = ", ".join(f"{label} at {place}" for label, place in list(zip(ring, places))[1:6])
    fix = f"cut one of the links; the others: {others}" if others else "a target cannot need itself"
    return BuildError(f"targets depend on each other: {text}", places[0], fix, "cycle")


class _Run:
    """The second pass: placeholders filled, rules called."""

    def __init__(
        self, workspace: Workspace, checked: dict[Label, Checked], faults: list[BuildError]
    ) -> None:
        self.workspace, self.checked, self.faults = workspace, checked, faults
        self.made: dict[Label, Provider] = {}

    def providers(self, order: Iterable[Label]) -> dict[Label, Provider]:
        """What each target provides; a target whose deps failed is left out."""
        for label in order:
            one = self.checked[label]
            if all(dep in self.made for dep in one.deps):
                try:
                    self.made[label] = self._call(one)
                except BuildErrors as errors:
                    self.faults += errors.errors
                except BuildError as error:
                    self.faults.append(error)
        return self.made

    def _call(self, one: Checked) -> Provider:
        target = one.target
        try:
            given = arguments(one.made, (), _Take(self.made, target))
            provider = one.made.kind(
                Ctx(target, workspace=self.workspace.settings.declared_name), **given
            )
            if not isinstance(provider, Provider):
                raise TypeError(f"the rule gave {provider!r}, which is no Provider")
        except BuildErrors:
            raise
        except BuildError as error:
            named = (
                error.what
                if str(target.label) in error.what or error.at
                else f"{target.label}: {error.what}"
            )
            raise BuildError(named, error.at or target.place(), error.fix, error.reason) from error
        except (Exception, SystemExit) as error:
            fault = rule_error(self.workspace, one.made.kind, error)
            if fault is None:
                raise
            raise BuildError(
                f"{target.label}: {fault.what}", fault.at, fault.fix, fault.reason
            ) from error
        return provider


class _Take:
    """Gives providers and artifacts for the placeholders of one target."""

    def __init__(self, made: dict[Label, Provider], target: Target) -> None:
        self.made, self.target = made, target

    def source(self, path: Path, name: str) -> Source:
        """The file, with where it was named."""
        return Source(name, self.target.lazy_location(*path))

    def ref(self, path: Path, ref: LabelRef) -> Provider | Artifact:
        """The provider of a label, or the one artifact meant."""
        provider = self.made[ref.label]
        if not ref.artifact:
            return provider
        outputs = provider.outputs()
        field = ref.field or (
            "default" if "default" in outputs else next(iter(outputs)) if len(outputs) == 1 else ""
        )
        if field in outputs:
            return outputs[field]
        choices = ", ".join(f"{ref.label}#{name}" for name in outputs)
        what = (
            f"{ref.label} has no output {field!r}"
            if field
            else f"{ref.label} has {len(outputs)} outputs"
        )
        hint = did_you_mean(field, outputs) or (
            f"name one of {choices}" if choices else "it makes no file"
        )
        raise BuildError(
            f"{self.target.label}: {dotted_key(path)}: {what}",
            self.target.place(*path),
            hint,
            "output",
        )
