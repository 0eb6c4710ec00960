"""The first pass of analysis: check the table of every reachable target against its rule's schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..types.errors import BuildError, BuildErrors, Location, did_you_mean
from ..types.label import Label, Pattern, qualify_pattern
from ..types.provider import Provider
from ..types.target import Target
from ..workspace.toml_positions import Path
from ..workspace.workspace import Workspace
from .diagnostics import ambiguity_error, to_error
from .placeholders import CheckedTable, FileRefs, LabelRef, LabelRefs, label_refs
from .rule_api import Registry
from .rule_schema import RuleSchema, schema_of
from .scope import Kinds


@dataclass(frozen=True, slots=True, eq=False)
class CheckedTarget:
    """A target whose table is valid, and the (position, label) pairs in the table."""

    target: Target
    table: CheckedTable
    refs: tuple[tuple[Path, LabelRef], ...]

    @property
    def deps(self) -> tuple[Label, ...]:
        """The direct dependencies, sorted."""
        return tuple(sorted({ref.label for _, ref in self.refs}))


class TableChecker:
    """Checks tables; `errors` collects all errors, each once."""

    def __init__(self, workspace: Workspace, rules: Registry) -> None:
        self.workspace, self.rules = workspace, rules
        self.errors: list[BuildError] = []
        self._reported: set[tuple[str, Location | None]] = set()
        self._schemas: dict[str, RuleSchema] = {}

    def check_reachable(self, labels: Sequence[Label]) -> dict[Label, CheckedTarget]:
        """Check the targets that labels reach. Iterative: chains may exceed the recursion limit."""
        targets: dict[Label, CheckedTarget] = {}
        seen, waiting = set(labels), list(reversed(labels))
        while waiting:
            label = waiting.pop()
            target = self._check(label)
            if target is None:
                continue
            targets[label] = target
            new = [dep for dep in target.deps if dep not in seen]
            seen.update(new)
            waiting += reversed(new)
        return targets

    def _check(self, label: Label) -> CheckedTarget | None:
        try:
            target = self.workspace.target(label)
            schema = self.schema(target)
        except BuildError as error:
            self.report(error)
            return None
        keys = schema.keys()
        for path in target.nested:
            if path[0] in keys:
                self.report(ambiguity_error(target, path))
                return None
        table = schema.check(target.values, _TargetScope(self, target))
        if isinstance(table, CheckedTable):
            return CheckedTarget(target, table, tuple(label_refs(table)))
        for mistake in table:
            self.report(to_error(target, mistake, schema.keys(mistake.path[:-1])))
        return None

    def schema(self, target: Target) -> RuleSchema:
        """Return the schema of a target's rule; raise BuildError if there is no such rule."""
        schema = self._schemas.get(target.rule)
        if schema is not None:
            return schema
        rule = self.rules.rules.get(target.rule)
        if rule is None:
            known = f"the rules are {', '.join(sorted(self.rules.rules))}"
            raise BuildError(
                f"no rule {target.rule!r}",
                target.place("rule"),
                did_you_mean(target.rule, self.rules.rules) or known,
                "rule",
            )
        try:
            schema = self._schemas[target.rule] = schema_of(rule)
        except BuildError as error:
            raise BuildError(error.what, target.place("rule"), error.fix, "rule") from error
        return schema

    def provides(self, label: Label) -> type[Provider] | None:
        """Return the provider class of a target's rule.

        Returns None for an unknown rule: that error is reported when the target itself is checked.
        Other errors are raised.
        """
        try:
            return self.schema(self.workspace.target(label)).provides
        except BuildError as error:
            if error.reason != "rule":
                raise
            return None

    def report(self, error: BuildError) -> None:
        """Add an error, or all errors of a BuildErrors, unless they were added before."""
        for entry in error.errors if isinstance(error, BuildErrors) else (error,):
            if (entry.what, entry.at) not in self._reported:
                self._reported.add((entry.what, entry.at))
                self.errors.append(entry)


class _TargetScope:
    """The scope of one target's table."""

    def __init__(self, checker: TableChecker, target: Target) -> None:
        self.checker, self.workspace, self.target = checker, checker.workspace, target

    def labels(self, text: str, kinds: Kinds) -> LabelRefs:
        """Return the targets of a label or pattern; of a pattern only those that fit `kinds`."""
        package = self.target.label.package
        try:
            pattern = Pattern.parse(qualify_pattern(text, package), package)
        except BuildError as error:
            raise self.workspace.with_suggestions(error, text, package) from None
        if pattern.name is None:
            return self._pattern(text, pattern, kinds)
        label = Label(pattern.package, pattern.name)
        provided = self.checker.provides(label)
        if provided is not None and not issubclass(provided, kinds):
            names = " or ".join(f"{_article(kind.__name__)} {kind.__name__}" for kind in kinds)
            what = f"must be {names}, but {label} provides {provided.__name__}"
            raise BuildError(what, reason="kind")
        return LabelRefs((LabelRef(label),), pattern.negative)

    def _pattern(self, text: str, pattern: Pattern, kinds: Kinds) -> LabelRefs:
        refs = tuple(
            LabelRef(label)
            for label in self.workspace.matching(pattern)
            if label != self.target.label
            and issubclass(self.checker.provides(label) or type(None), kinds)
        )
        if not refs and not pattern.negative:
            names = " or ".join(kind.__name__ for kind in kinds)
            raise BuildError(f"no target that {text} matches provides {names}", reason="missing")
        return LabelRefs(refs, pattern.negative)

    def artifact(self, text: str) -> LabelRef | FileRefs:
        """Return a file beside BUILD.toml, or an output of a label; `#` precedes its name."""
        if not text.startswith((":", "//")):
            try:
                source = self.workspace.file_tree.source(self.target.folder, text, None)
            except BuildError as error:
                if ":" not in text:
                    raise
                raise self.workspace.with_suggestions(
                    error, text, self.target.label.package
                ) from None
            return FileRefs((source,))
        name, _, field = text.partition("#")
        label = Label.parse(name, self.target.label.package)
        self.checker.provides(label)  # raises if there is no such target
        return LabelRef(label, True, field)

    def files(self, glob: str) -> FileRefs:
        """Return the files of a glob; raise BuildError if a glob without `!` matches none."""
        negative = glob.startswith("!")
        file_tree = self.workspace.file_tree
        names = file_tree.glob(self.target.folder, glob[negative:], None)
        if not names and not negative:
            raise BuildError(
                f"no file matches {glob!r}",
                reason="source",
                fix=file_tree.explain_no_match(self.target.folder),
            )
        return FileRefs(tuple(names), negative)

    def label(self, text: str) -> Label:
        """Parse a label that is used as a name only."""
        return Label.parse(text, self.target.label.package)


def _article(name: str) -> str:
    return "an" if name[:1] in "AEIOU" else "a"
