"""What runs: the host's programs and Python distributions, each with the identity that enters keys.

A program is known by the SHA-256 of its file, an interpreter also by its version, a distribution by its version, the SHA-256
of its RECORD, which lists a digest of every file that it installed, and by each file that is not what the RECORD says.
"""

from __future__ import annotations

import os
import sys

from .. import DISTRIBUTION
from ..files.stamp import Stamp, fingerprint
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.record import record
from ..types.digest import Digest
from ..types.errors import BuildError, Location
from .distributions import InstalledDistribution, is_note
from .source_files import SourceChanged, SourceFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.metadata import Distribution as MetadataOf
    from typing import TypeAlias

    Asked: TypeAlias = tuple[str, frozenset[str]]  # a name and the extras of it

_RECORD = ".dist-info/RECORD"
_MODULES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "pymdp": "inferactively-pymdp",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
SEARCH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@record
class HostTool:
    """A tool of this host: the path to run, its identity, and the paths that must be visible for it to work."""

    path: str
    identity: str
    visible: tuple[str, ...]


@record
class Distribution:
    """An installed distribution: its identity and its top-level entries, as (name, path of the host)."""

    identity: str
    entries: tuple[tuple[str, str], ...]
    record: str


class HostTools:
    """Resolves names of programs and distributions, each once."""

    def __init__(self, sources: SourceFiles) -> None:
        self._sources = sources
        self._programs: dict[str, HostTool | None] = {}
        self._closures: dict[str, dict[str, Distribution]] = {}
        self._stamps: dict[
            str, Stamp
        ] = {}  # of folders and RECORDs that decided, each from before it was read

    def find(self, name: str) -> HostTool | None:
        """A program by name, or None when this host has none."""
        if name not in self._programs:
            self._programs[name] = self._resolve(name)
        return self._programs[name]

    def program(self, name: str, at: Location | None = None) -> HostTool:
        """A program by name; BuildError when this host has none."""
        found = self.find(name)
        if found is None:
            raise BuildError(
                f"the program {name!r} is not installed",
                at,
                f"install it so that it stands in one of {SEARCH.replace(':', ', ')}",
                "environment",
            )
        return found

    def dump(self) -> list[str]:
        """All that was resolved, in words, for a snapshot."""
        words = [str(len(self._programs))]
        for name, found in self._programs.items():
            words += [
                name,
                *(
                    [found.path, found.identity, str(len(found.visible)), *found.visible]
                    if found
                    else ["", "", ""]
                ),
            ]
        for wanted, closure in self._closures.items():
            words += [wanted, str(len(closure))]
            for name, dist in closure.items():
                words += [
                    name,
                    dist.identity,
                    dist.record,
                    str(len(dist.entries)),
                    *(w for pair in dist.entries for w in pair),
                ]
        return words

    def restore(self, dumped: Sequence[str]) -> None:
        """Take over what was resolved when a snapshot was made, whose stamps still hold."""
        words = iter(dumped)
        for _ in range(int(next(words))):
            name, path, identity, count = (next(words) for _ in range(4))
            visible = tuple(next(words) for _ in range(int(count or 0)))
            self._programs[name] = HostTool(path, identity, visible) if count else None
        for wanted in words:
            self._closures[wanted] = dict(_restored(words) for _ in range(int(next(words))))

    def matches(self, dumped: Sequence[str]) -> bool:
        """Whether all that was resolved elsewhere is the same here, wherever it stands."""
        other = HostTools(self._sources)
        other.restore(dumped)
        try:
            return all(
                _identity(self.find(name)) == _identity(found)
                for name, found in other._programs.items()
            ) and all(
                [each.identity for each in self.distributions((wanted,)).values()]
                == [dist.identity for _, dist in sorted(closure.items())]
                for wanted, closure in other._closures.items()
            )
        except BuildError:
            return False

    @property
    def stamps(self) -> dict[str, Stamp]:
        """Files and folders whose change could change what a name resolves to, with their stamps from before they were read."""
        paths = [found.path for found in self._programs.values() if found and found.path]
        return {
            **self._stamps,
            **{path: self._sources.stamps[os.path.realpath(path)] for path in paths},
        }

    def _note(self, stamps: Mapping[str, Stamp]) -> None:
        """Remember the stamps of files and folders that decided; the oldest of each counts."""
        self._stamps = {**stamps, **self._stamps}

    def distributions(
        self, names: tuple[str, ...], at: Location | None = None
    ) -> dict[str, Distribution]:
        """The distributions and all that they require, by normalised name, sorted."""
        found: dict[str, Distribution] = {}
        for name in names:
            if name not in self._closures:
                self._closures[name] = self._closure(name, at)
            found |= self._closures[name]
        return dict(sorted(found.items()))

    def _resolve(self, name: str) -> HostTool | None:
        if name == "python3":
            return self._interpreter()
        if name == "an x86-64 host":  # what a gate needs that is no program
            return HostTool("", "x86-64", ()) if os.uname().machine in ("x86_64", "AMD64") else None
        return self._program(name)

    def _interpreter(self) -> HostTool:
        path = os.path.realpath(sys.executable)
        digest, _ = self._sources.digest(path)
        version = sys.version.partition(" ")[0]
        identity = f"{sys.implementation.name}-{version} {digest.oci}"
        return HostTool(path, identity, tuple(sorted({path, os.path.realpath(sys.base_prefix)})))

    def _program(self, name: str) -> HostTool | None:
        # shutil.which does the same, and to import it costs as much as to look through a thousand files.
        for folder in SEARCH.split(":"):
            path, before = os.path.join(folder, name), _stamps([folder])
            if os.access(path, os.X_OK) and os.path.isfile(path):
                real = os.path.realpath(path)
                return HostTool(
                    path, self._sources.digest(real)[0].oci, tuple(sorted({path, real}))
                )
            self._note(before)  # one that comes there would be found instead
        return None

    def _closure(self, wanted: str, at: Location | None) -> dict[str, Distribution]:
        found: dict[str, Distribution] = {}
        front, seen = [_asked(wanted, at)], set[tuple[str, frozenset[str]]]()
        while front:
            name, extras = front.pop()
            if (normalize_name(name), extras) in seen:
                continue
            seen.add((normalize_name(name), extras))
            made, requires = self._distribution(name, extras, wanted, at)
            found[normalize_name(name)] = made
            front += requires
        return found

    def _distribution(
        self, name: str, extras: frozenset[str], wanted: str, at: Location | None
    ) -> tuple[Distribution, list[Asked]]:
        from importlib import metadata

        before = _stamps(map(os.path.abspath, sys.path))
        try:
            dist = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise BuildError(
                f"the Python distribution {name!r} is not installed",
                at,
                _provider(name) or _install(wanted),
                "environment",
            ) from None
        _check_not_editable(dist, name, at)
        lines = (dist.read_text("RECORD") or "").splitlines()
        record = next(
            (
                path
                for path, _, _ in (line.partition(",") for line in lines)
                if path.endswith(_RECORD)
            ),
            "",
        )
        if not record:
            raise BuildError(
                f"the distribution {name!r} lists no files, so what it holds cannot be known",
                at,
                f"install it from a wheel, without -e: pip install --force-reinstall {name}",
                "environment",
            )
        installed = InstalledDistribution(str(dist.locate_file("")), lines)
        path = os.path.join(installed.site, record)
        self._note(_stamps([path]))
        if (dist.read_text("RECORD") or "").splitlines() != lines:
            raise SourceChanged(path)
        changed = installed.changes(self._sources)
        identity = f"{dist.version} {_recorded(lines).oci}{f' {changed}' if changed else ''}"
        self._note(
            {folder: before[folder] for folder in _passed_over(installed.site) if folder in before}
        )
        made = Distribution(identity, installed.entries(), path)
        return made, _requires(dist.requires or [], extras)


def _identity(found: HostTool | None) -> str:
    return found.identity if found is not None else ""


def _restored(words: Iterator[str]) -> tuple[str, Distribution]:
    name, identity, record, count = (next(words) for _ in range(4))
    return name, Distribution(
        identity, tuple((next(words), next(words)) for _ in range(int(count))), record
    )


def _stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """The stamps of the files and folders that are there."""
    found: dict[str, Stamp] = {}
    for path in paths:
        with suppress(OSError):
            found[path] = fingerprint(path)
    return found


def normalize_name(name: str) -> str:
    """The normal form of a distribution's name (PEP 503)."""
    import re

    return re.sub(r"[-_.]+", "-", name).lower()


def _recorded(lines: list[str]) -> Digest:
    """What a RECORD says of the files that are imported.

    Scripts name the interpreter's path and installers leave notes: neither belongs to what is imported, and both
    would make the same wheel another thing in another folder.
    """
    return Digest.of(
        "\n".join(sorted(line for line in lines if line and not is_note(line))).encode()
    )


def _check_not_editable(dist: MetadataOf, name: str, at: Location | None) -> None:
    """BuildError for a distribution of `pip install -e`: its files stand elsewhere, and no RECORD lists them."""
    import json

    said: dict[str, object] = {}
    with suppress(ValueError):
        said = json.loads(dist.read_text("direct_url.json") or "{}")
    folder = str(said.get("url", "")).removeprefix("file://")
    if (
        '"editable": true' in json.dumps(said)
        or "\n__editable__" in f"\n{dist.read_text('RECORD')}"
    ):
        raise BuildError(
            f"the distribution {name!r} is installed editable (development mode), so what it holds can change at "
            "any moment and cannot be part of a key",
            at,
            f"install it without -e: pip install {folder or name}",
            "environment",
        )


def _passed_over(site: str) -> list[str]:
    """The folders of sys.path that have no such distribution: one that comes there would be found instead."""
    paths = [os.path.abspath(path) for path in sys.path]
    return paths[: paths.index(os.path.abspath(site))] if os.path.abspath(site) in paths else []


def _asked(text: str, at: Location | None) -> Asked:
    """The name and extras that a table says: `jax`, `jax[cuda]`."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(text)
    except InvalidRequirement:
        raise BuildError(
            f"{text!r} is not the name of a Python distribution",
            at,
            _provider(text) or 'such as "numpy" or "jax[cuda]"',
        ) from None
    if wanted.specifier or wanted.url or wanted.marker:
        raise BuildError(
            f"packages wants the name of an installed distribution, not the requirement {text!r}",
            at,
            f'write "{wanted.name}": the version that is installed is used, and is part of the key',
        )
    return wanted.name, frozenset(map(normalize_name, wanted.extras))


def _requires(specs: list[str], extras: frozenset[str]) -> list[Asked]:
    if not specs:
        return []
    from packaging.requirements import (
        Requirement,  # dear, and most of what tools declare requires nothing
    )

    wanted = [Requirement(spec) for spec in specs]
    return [
        (need.name, frozenset(map(normalize_name, need.extras)))
        for need in wanted
        if need.marker is None
        or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def _provider(name: str) -> str:
    """What to write for a module whose distribution has another name: an installed one, or a known one; or nothing."""
    from importlib import metadata

    found = (
        sorted(set(metadata.packages_distributions().get(name, ())))
        or _MODULES.get(name, "").split()
    )
    return (
        f"{name!r} is a module of the distribution {' or '.join(map(repr, found))}: name that one"
        if found
        else ""
    )


def _install(name: str) -> str:
    if normalize_name(name) == "buildgraph":
        return f"the distribution of this program is called {DISTRIBUTION!r}; {name!r} on the public index is another project"
    return f"pip install '{DISTRIBUTION}[pymdp]'" if "pymdp" in name else f"pip install {name}"
