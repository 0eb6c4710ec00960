"""Host tools: programs and Python distributions, each with the identity that enters keys.

A program is identified by the SHA-256 of its file, and an interpreter by its version as well. A
distribution is identified by its version, by the SHA-256 of its RECORD, which lists a digest of
every installed file, and by each file that differs from the RECORD. The modules that resolve
distributions are imported late, because an incremental build resolves none.
"""

from __future__ import annotations

import os
import sys

from ..files.stamp import Stamp, fingerprint
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.record import Record
from ..types.digest import Digest
from ..types.errors import BuildError, Location
from .source_files import SourceChanged, SourceFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.metadata import Distribution as Metadata

    from ..types.action import Action
    from .requirements import NameAndExtras

SEARCH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


class HostTool(Record):
    """A program of this host: path, identity, and the paths that must be visible to run it."""

    path: str
    identity: str
    visible: tuple[str, ...]


class Distribution(Record):
    """An installed distribution: identity, entries as (name, path on the host), and RECORD."""

    identity: str
    entries: tuple[tuple[str, str], ...]
    record: str


class HostTools:
    """Programs and distributions by name, each resolved once in a build."""

    def __init__(self, sources: SourceFiles) -> None:
        self._sources = sources
        self._programs: dict[str, HostTool | None] = {}
        self._closures: dict[str, dict[str, Distribution]] = {}
        # Of folders and RECORDs that a resolution depends on, taken before they were read.
        self._stamps: dict[str, Stamp] = {}

    def find(self, name: str) -> HostTool | None:
        """Return a program by name; None when this host has none."""
        if name not in self._programs:
            self._programs[name] = self._resolve(name)
        return self._programs[name]

    def program(self, name: str, at: Location | None = None) -> HostTool:
        """Return a program by name; BuildError when this host has none."""
        tool = self.find(name)
        if tool is None:
            raise BuildError(
                f"the program {name!r} is not installed",
                at,
                f"install it in one of {SEARCH.replace(':', ', ')}",
                "environment",
            )
        return tool

    def identities(self, action: Action) -> dict[str, str]:
        """Return the identities in the key of an action, as `program:NAME` and `distribution:NAME`.

        BuildError when this host lacks one of them.
        """
        names = {f"program:{name}": self.program(name, action.at) for name in action.programs}
        identities = {name: program.identity for name, program in names.items()}
        for name, distribution in self.distributions(action.distributions, action.at).items():
            identities[f"distribution:{name}"] = distribution.identity
        return identities

    def dump(self) -> list[str]:
        """Encode everything that was resolved as strings, for a snapshot."""
        words = [str(len(self._programs))]
        for name, tool in self._programs.items():
            if tool is None:
                words += [name, "", "", ""]
            else:
                words += [name, tool.path, tool.identity, str(len(tool.visible)), *tool.visible]
        for requested, closure in self._closures.items():
            words += [requested, str(len(closure))]
            for name, dist in closure.items():
                words += [name, dist.identity, dist.record, str(len(dist.entries))]
                words += [word for entry in dist.entries for word in entry]
        return words

    def restore(self, dumped: Sequence[str]) -> None:
        """Decode what `dump` encoded, when the stamps of the snapshot are unchanged."""
        words = iter(dumped)
        for _ in range(int(next(words))):
            name, path, identity, count = (next(words) for _ in range(4))
            visible = tuple(next(words) for _ in range(int(count or 0)))
            self._programs[name] = HostTool(path, identity, visible) if count else None
        for requested in words:
            closure = dict(_decode_distribution(words) for _ in range(int(next(words))))
            self._closures[requested] = closure

    @staticmethod
    def without_paths(dumped: Sequence[str]) -> list[str]:
        """A dump without the paths of its host, which `matches` does not need."""
        other = HostTools(SourceFiles("", None, lambda: 0, 0))
        other.restore(dumped)
        words = [str(len(other._programs))]
        for name, tool in sorted(other._programs.items()):
            words += [name, "", tool.identity, "0"] if tool else [name, "", "", ""]
        for requested, closure in sorted(other._closures.items()):
            words += [requested, str(len(closure))]
            for name, dist in sorted(closure.items()):
                words += [name, dist.identity, "", "0"]
        return words

    def matches(self, dumped: Sequence[str]) -> bool:
        """True when every name in a dump of another build has the same identity here.

        Paths may differ.
        """
        other = HostTools(self._sources)
        other.restore(dumped)
        try:
            return all(
                _identity(self.find(name)) == _identity(tool)
                for name, tool in other._programs.items()
            ) and all(
                [dist.identity for dist in self.distributions((requested,)).values()]
                == [dist.identity for _, dist in sorted(closure.items())]
                for requested, closure in other._closures.items()
            )
        except BuildError:
            return False

    @property
    def stamps(self) -> dict[str, Stamp]:
        """Return the stamps of all files and folders that the resolved names depend on.

        Each was taken before the file or folder was read.
        """
        paths = [tool.path for tool in self._programs.values() if tool and tool.path]
        return {
            **self._stamps,
            **{path: self._sources.stamps[os.path.realpath(path)] for path in paths},
        }

    def distributions(
        self, names: tuple[str, ...], at: Location | None = None
    ) -> dict[str, Distribution]:
        """Return distributions and all that they require, by normalised name, sorted."""
        closure: dict[str, Distribution] = {}
        for name in names:
            if name not in self._closures:
                self._closures[name] = self._closure(name, at)
            closure |= self._closures[name]
        return dict(sorted(closure.items()))

    def _add_stamps(self, stamps: Mapping[str, Stamp]) -> None:
        """Add stamps; of two stamps of a path the older one is kept."""
        self._stamps = {**stamps, **self._stamps}

    def _resolve(self, name: str) -> HostTool | None:
        if name == "python3":
            return self._interpreter()
        if name == "an x86-64 host":  # a gate's requirement on the processor
            return HostTool("", "x86-64", ()) if os.uname().machine in ("x86_64", "AMD64") else None
        return self._program(name)

    def _interpreter(self) -> HostTool:
        path = os.path.realpath(sys.executable)
        digest, _ = self._sources.digest(path)
        version = sys.version.partition(" ")[0]
        identity = f"{sys.implementation.name}-{version} {digest.oci}"
        return HostTool(path, identity, tuple(sorted({path, os.path.realpath(sys.base_prefix)})))

    def _program(self, name: str) -> HostTool | None:
        # Importing shutil for `which` costs as much as a thousand of these look-ups.
        for folder in SEARCH.split(":"):
            path, before = os.path.join(folder, name), _stamps([folder])
            if os.access(path, os.X_OK) and os.path.isfile(path):
                real = os.path.realpath(path)
                return HostTool(
                    path, self._sources.digest(real)[0].oci, tuple(sorted({path, real}))
                )
            self._add_stamps(before)  # a program that is installed here later takes precedence
        return None

    def _closure(self, requested: str, at: Location | None) -> dict[str, Distribution]:
        from .requirements import normalize_name, parse_requirement

        closure: dict[str, Distribution] = {}
        waiting, seen = [parse_requirement(requested, at)], set[tuple[str, frozenset[str]]]()
        while waiting:
            name, extras = waiting.pop()
            if (normalize_name(name), extras) in seen:
                continue
            seen.add((normalize_name(name), extras))
            distribution, requires = self._distribution(name, extras, requested, at)
            closure[normalize_name(name)] = distribution
            waiting += requires
        return closure

    def _distribution(
        self, name: str, extras: frozenset[str], requested: str, at: Location | None
    ) -> tuple[Distribution, list[NameAndExtras]]:
        """Return a distribution and what it requires; BuildError when it cannot be identified."""
        from importlib import metadata

        from .distributions import InstalledDistribution
        from .requirements import install_command, parse_requires, suggest_distribution

        before = _stamps(map(os.path.abspath, sys.path))
        try:
            dist = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise BuildError(
                f"the Python distribution {name!r} is not installed",
                at,
                suggest_distribution(name) or install_command(requested),
                "environment",
            ) from None
        _check_not_editable(dist, name, at)
        lines = (dist.read_text("RECORD") or "").splitlines()
        record = _record_path(lines, name, at)
        installed = InstalledDistribution(str(dist.locate_file("")), lines)
        path = os.path.join(installed.site, record)
        self._add_stamps(_stamps([path]))
        if (dist.read_text("RECORD") or "").splitlines() != lines:
            raise SourceChanged(path)
        changed = installed.changes(self._sources)
        identity = f"{dist.version} {_record_digest(lines).oci}{f' {changed}' if changed else ''}"
        earlier = [folder for folder in _folders_before(installed.site) if folder in before]
        self._add_stamps({folder: before[folder] for folder in earlier})
        distribution = Distribution(identity, installed.entries(), path)
        return distribution, parse_requires(dist.requires or [], extras)


def _identity(tool: HostTool | None) -> str:
    return tool.identity if tool is not None else ""


def _decode_distribution(words: Iterator[str]) -> tuple[str, Distribution]:
    name, identity, record, count = (next(words) for _ in range(4))
    entries = tuple((next(words), next(words)) for _ in range(int(count)))
    return name, Distribution(identity, entries, record)


def _stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """Return the stamps of the files and folders that exist."""
    stamps: dict[str, Stamp] = {}
    for path in paths:
        with suppress(OSError):
            stamps[path] = fingerprint(path)
    return stamps


def _record_path(lines: list[str], name: str, at: Location | None) -> str:
    """Return the path of the RECORD as it lists itself; BuildError when there is none."""
    from .distributions import RECORD

    for line in lines:
        path = line.partition(",")[0]
        if path.endswith(RECORD):
            return path
    raise BuildError(
        f"the distribution {name!r} has no RECORD of its files, so its content cannot be "
        "identified",
        at,
        f"install it from a wheel, without -e: pip install --force-reinstall {name}",
        "environment",
    )


def _record_digest(lines: list[str]) -> Digest:
    """Return the digest of the RECORD lines of files that are imported.

    Scripts contain the path of the interpreter, and installers add notes. Both are left out, so a
    wheel has the same digest in every folder.
    """
    from .distributions import is_note

    return Digest.of(
        "\n".join(sorted(line for line in lines if line and not is_note(line))).encode()
    )


def _check_not_editable(dist: Metadata, name: str, at: Location | None) -> None:
    """Raise BuildError for a distribution of `pip install -e`, whose files no RECORD lists."""
    import json

    direct_url: dict[str, object] = {}
    with suppress(ValueError):
        direct_url = json.loads(dist.read_text("direct_url.json") or "{}")
    folder = str(direct_url.get("url", "")).removeprefix("file://")
    if (
        '"editable": true' in json.dumps(direct_url)
        or "\n__editable__" in f"\n{dist.read_text('RECORD')}"
    ):
        raise BuildError(
            f"the distribution {name!r} is installed editable (development mode), so its files can "
            "change at any moment and cannot be part of a key",
            at,
            f"install it without -e: pip install {folder or name}",
            "environment",
        )


def _folders_before(site: str) -> list[str]:
    """Return the folders of sys.path before `site`, where a new distribution takes precedence."""
    paths = [os.path.abspath(path) for path in sys.path]
    return paths[: paths.index(os.path.abspath(site))] if os.path.abspath(site) in paths else []
