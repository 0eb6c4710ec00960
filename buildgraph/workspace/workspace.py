"""The workspace: BUILD.toml files, read when a label asks for them, and the targets they make."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..files.stamp import Stamp, stamp_of
from ..types.digest import Digest
from ..types.errors import BuildError, BuildErrors, Location, did_you_mean
from ..types.label import FORM, Label, Pattern, qualify_pattern, resolve_shorthand
from ..types.target import Target
from .file_tree import FileTree, join
from .matrix import is_matrix, matrix_cells
from .root import BUILD, cache_within, unreadable_error
from .targets import target_tables
from .toml import BYTES, Document, parse
from .toml_positions import KEY, Path

_KEYS = ("name", "rules")
HINTS = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """The [workspace] table: the workspace's name (its folder's where none is `given`) and files of rules."""

    name: str
    rules: tuple[str, ...] = ()
    declared_name: str = ""


class Workspace:
    """Targets by label; files are read when first needed, and each is read once."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.file_tree = FileTree(root, cache_within(root, os.environ))
        self.rule_files: set[str] = set()
        self.digests: dict[str, Digest] = {}  # what the files that were read held then
        self.stamps: dict[str, Stamp] = {}  # of these files, taken before they were read
        self.fetch: Callable[[str], None] = lambda name: (
            None
        )  # writes a file of rules where only its name is there
        self._documents: dict[str, Document | None] = {}
        self._targets: dict[Label, Target] = {}
        self._folded: dict[str, Label] = {}
        self._matrices: set[Label] = set()
        self._expanded: set[Label] = set()
        self._hints = HINTS

    @property
    def files_read(self) -> tuple[str, ...]:
        """What was looked at, relative to the root, sorted: BUILD.toml files, files of rules, and folders listed.

        A folder (the root is the empty path) counts when an entry that comes or goes could change what was found.
        """
        files = {
            join(folder, BUILD)
            for folder, document in self._documents.items()
            if document is not None
        }
        return tuple(sorted(files | self.rule_files | self.file_tree.folders))

    @cached_property
    def settings(self) -> Settings:
        """The checked [workspace] table; BuildErrors for all that is wrong in it."""
        document = self._document("")
        table = document.values.get("workspace") if document else None
        if document is None or not isinstance(table, dict):
            raise BuildError(
                f"{BUILD} has no [workspace] table",
                Location(BUILD, 1),
                "add [workspace]",
                "workspace",
            )
        faults = [
            BuildError(
                f"unknown key {key!r} in [workspace]",
                document.positions.get(("workspace", key, KEY)),
                did_you_mean(key, _KEYS) or f"it has {', '.join(_KEYS)}",
                "table",
            )
            for key in table
            if key not in _KEYS
        ]
        name, rules = (
            table.get("name", os.path.basename(os.path.abspath(self.root))),
            table.get("rules", []),
        )
        good = {
            "name": isinstance(name, str),
            "rules": isinstance(rules, list)
            and all(isinstance(r, str) and r.endswith(".py") for r in rules),
        }
        wants = {"name": "text", "rules": 'a list of Python files: ["tools/my_rules.py"]'}
        faults += [
            BuildError(
                f"[workspace] {key} wants {wants[key]}",
                document.positions.get(("workspace", key)),
                reason="table",
            )
            for key, fine in good.items()
            if not fine
        ]
        _raise(faults)
        return Settings(name, tuple(rules), table.get("name", ""))

    def place(self, *path: str | int) -> Location:
        """Where a value of the [workspace] table stands."""
        document = self._document("")
        return (document and document.positions.get(("workspace", *path))) or Location(BUILD)

    def target(self, label: Label, at: Location | None = None) -> Target:
        """The target of a label; BuildError at `at`, with the nearest known label, when there is none."""
        found = self._find(label)
        if found is None:
            raise self._missing(label, at)
        return found

    def targets(
        self, patterns: Iterable[str], package: str = "", at: Location | None = None
    ) -> list[Label]:
        """The labels that patterns mean, sorted; `:x` is seen from `package`, `-pattern` takes from those before it.

        BuildError for a pattern that finds nothing.
        """
        found: set[Label] = set()
        parsed = [self._pattern(text, package, at) for text in patterns]
        if parsed and all(pattern.negative for pattern in parsed):
            parsed.insert(0, Pattern("", None, True, False))
        for pattern in parsed:
            labels = self.matching(pattern)
            if not labels and not pattern.negative:
                if pattern.name is not None:
                    raise self._missing(Label(pattern.package, pattern.name), at)
                raise self._nothing(pattern, at)
            found = found.difference(labels) if pattern.negative else found.union(labels)
        return sorted(found)

    def _pattern(self, text: str, package: str, at: Location | None) -> Pattern:
        try:
            return Pattern.parse(qualify_pattern(text, package), package, at)
        except BuildError as error:
            raise self.with_suggestions(error, text, package) from None

    def with_suggestions(self, error: BuildError, text: str, package: str) -> BuildError:
        """The fault of a text that is no label, with the labels or patterns that would work in its place."""
        likely = resolve_shorthand(text)
        known = self._known()
        good = [
            one for one in likely if self.matching(Pattern.parse(one.removeprefix("-"), package))
        ]
        if good:
            fix = f"did you mean {' or '.join(map(repr, good))}?"
        else:
            near = [
                self._nearest(one if one.startswith("//") else f"//{one[1:]}:{one[1:]}", known)
                for one in likely
            ]
            fix = next(
                filter(None, near), error.fix if not error.fix.startswith("did you mean") else FORM
            )
        return BuildError(error.what, error.at, fix, error.reason)

    def matching(self, pattern: Pattern) -> list[Label]:
        """The labels that belong to a pattern, its sign aside; none is no fault here."""
        if pattern.name is not None:
            label = Label(pattern.package, pattern.name)
            return [label] if self._find(label) is not None else []
        self._load_above(pattern.package)
        if pattern.recursive:
            self._load_below(pattern.package)
        for label in sorted(label for label in self._matrices if pattern.matches(label)):
            self._expand(label)
        return sorted(label for label in self._targets if pattern.matches(label))

    def _find(self, label: Label) -> Target | None:
        self._load_above(label.package)
        for matrix in sorted(one for one in self._matrices if one.package == label.package):
            if label == matrix or label.name.startswith(f"{matrix.name}."):
                self._expand(matrix)
        return self._targets.get(label)

    def _missing(self, label: Label, at: Location | None) -> BuildError:
        """No such target; the first few get the nearest label, for the search looks at every one."""
        self._hints -= 1
        hint = self._nearest(str(label), self._known() if self._hints >= 0 else [])
        return BuildError(
            f"no target {label}",
            at,
            hint or "`buildgraph query list //...` lists all targets",
            "missing",
        )

    def _nearest(self, label: str, known: Sequence[str]) -> str:
        """The hint for a label that does not exist: a package of that name, the nearest label, or the same name elsewhere."""
        package, _, name = label[2:].partition(":")
        for folder in [package] * (name == package.rpartition("/")[2]) + [join(package, name)]:
            if any(one.startswith(f"//{folder}:") for one in known):
                return f"//{folder} is a package: '//{folder}:*' are its targets"
            if any(one.startswith(f"//{folder}/") for one in known):
                return f"there are packages below //{folder}: '//{folder}/...' are their targets"
        named = [one for one in known if one.endswith(f":{name}")]
        if package == name:  # a name alone
            near = did_you_mean(name, {one.partition(":")[2] for one in known})
            named = named or [
                one for one in known if near and one.endswith(f":{near.split(chr(39))[1]}")
            ]
            others = did_you_mean(
                package, {one[2:].partition(":")[0] for one in known} - {""}
            ).rstrip("'?")
            return (
                f"did you mean {' or '.join(map(repr, named[:3]))}?"
                if named
                else others and f"{others}', a package?"
            )
        return did_you_mean(label, known) or (
            f"did you mean {named[0]!r}?" if len(named) == 1 else ""
        )

    def _known(self) -> list[str]:
        """Every label that can be read, for a hint; faults of other files are no part of this one."""
        try:
            return [str(label) for label in self.matching(Pattern("", None, True, False))]
        except BuildError:
            return sorted(map(str, self._targets))

    def _nothing(self, pattern: Pattern, at: Location | None) -> BuildError:
        text = (
            f"//{join(pattern.package, '...')}" if pattern.recursive else f"//{pattern.package}:*"
        )
        known = self._known()
        packages = {one[2:].partition(":")[0] for one in known} - {""}
        near = did_you_mean(pattern.package, sorted(packages))
        every = (
            "`buildgraph query list //...` lists all targets"
            if known
            else "no BUILD.toml of the workspace has a target"
        )
        if not pattern.recursive and any(
            one.startswith(f"//{pattern.package}/".replace("///", "//")) for one in known
        ):
            every = f"'//{join(pattern.package, '...')}' are the targets of the packages below"
        return BuildError(f"no target matches {text}", at, near or every, "missing")

    def _load_above(self, package: str) -> None:
        """Read the files that may make targets of a package: those of its folder and of the folders above."""
        folder = ""
        self._load("")
        for part in filter(None, package.split("/")):
            folder = join(folder, part)
            if self.file_tree.skips(folder) or not self._load(folder):
                return

    def _load_below(self, package: str) -> None:
        waiting = [package] if self._inside(package) else []
        while waiting:
            folder = waiting.pop()
            if self._load(folder):
                waiting += self.file_tree.subfolders(folder)

    def _inside(self, package: str) -> bool:
        """Whether the folder of a package is one of this workspace's own."""
        parts = package.split("/") if package else []
        folders = ["/".join(parts[:end]) for end in range(len(parts) + 1)]
        return not any(map(self.file_tree.skips, folders[1:])) and all(map(self._load, folders))

    def _load(self, folder: str) -> bool:
        """Read the BUILD.toml of a folder, if any; whether the folder belongs to this workspace."""
        return not _foreign(self._document(folder), folder)

    def _document(self, folder: str) -> Document | None:
        if folder in self._documents:
            return self._documents[folder]
        path = join(folder, BUILD)
        document = None
        entry = self.file_tree.entries(folder).get(BUILD)
        if entry is None:
            self.file_tree.record_lookup(folder)
        else:
            document = parse(self._bytes(entry, path), path)
        self._documents[folder] = document
        if document is not None and not _foreign(document, folder):
            self._add(document, folder)
        return document

    def _bytes(self, entry: os.DirEntry[str], path: str) -> bytes:
        """What a BUILD.toml holds, cut behind what it may hold; BuildError when it is no file of this workspace."""
        self.file_tree.check_regular(entry, path, True, Location(path))
        if not entry.is_file():
            raise BuildError(
                f"{path!r} is a folder",
                Location(path),
                "that name is for the file that declares targets",
                "source",
            )
        try:
            return self.read(path, BYTES + 1)
        except OSError as fault:
            raise unreadable_error(path, fault, Location(path)) from None

    def read(self, path: str, most: int = -1) -> bytes:
        """The bytes of a file of the workspace, remembered as an input of analysis; OSError when it cannot be read."""
        with open(os.path.join(self.root, path), "rb") as file:
            stamp = stamp_of(os.fstat(file.fileno()))
            data = file.read(most)
        self.digests[path], self.stamps[path] = Digest.of(data), stamp
        return data

    def _add(self, document: Document, folder: str) -> None:
        tables = target_tables(document, folder)
        faults = list(tables.errors)
        for target in tables.targets:
            other = self._folded.setdefault(str(target.label).casefold(), target.label)
            if target.label in self._targets or other != target.label:
                faults.append(self._twice(target, other))
                continue
            self._targets[target.label] = target
            if is_matrix(target):
                self._matrices.add(target.label)
        _raise(faults)

    def _twice(self, target: Target, other: Label) -> BuildError:
        first = self._targets[other].place() if other in self._targets else ""
        if other == target.label:
            return BuildError(
                f"{target.label} is made twice",
                target.place(),
                f"the first stands at {first}",
                "twice",
            )
        return BuildError(
            f"{target.label} and {other} differ only in case",
            target.place(),
            f"rename one; the other stands at {first}",
            "twice",
        )

    def _expand(self, label: Label) -> None:
        """Put the cells of a matrix in its place; a matrix that is being expanded stands for nothing yet."""
        if label in self._expanded:
            return
        self._expanded.add(label)
        target = self._targets.pop(label)
        try:
            made = matrix_cells(target, lambda text, path: self._axis(target, text, path))
        except BuildError:
            self._targets[label] = target
            self._expanded.discard(label)
            raise
        for cell in made:
            if cell.label in self._targets:
                raise self._twice(cell, cell.label)
            self._targets[cell.label] = cell

    def _axis(self, target: Target, text: str, path: Path) -> Sequence[Label] | None:
        if not text.startswith(("//", ":")):
            return None
        # Cells name targets that exist; a label or pattern that finds none is told at its own place.
        return self.targets([text], target.label.package, target.place(*path))


def _foreign(document: Document | None, folder: str) -> bool:
    """Whether a folder is the root of another workspace."""
    return bool(folder) and document is not None and "workspace" in document.values


def _raise(faults: list[BuildError]) -> None:
    if faults:
        raise faults[0] if len(faults) == 1 else BuildErrors(faults)
