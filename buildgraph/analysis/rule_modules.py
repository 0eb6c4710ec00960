"""Modules of the workspace that its files of rules import, and the files that these read: all of it decides what rules make.

A rule may import the standard library, buildgraph, and modules of the workspace: those in the folder of its file, then those
in the root. They are compiled from their text (no bytecode is read or written), get names that no other module has, and
count as files of rules. So do data files that a rule opens. What cannot be followed is refused.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any, TypeVar

from ..types.errors import BuildError, Location
from ..workspace.folder_listing import join
from ..workspace.workspace import Workspace

Made = TypeVar("Made")
PREFIX = "buildgraph_rules_"
_DOT = "\N{ONE DOT LEADER}"  # stands for the dots of folders and files in the names of modules
_STARTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"}
)
_LISTS = frozenset({"os.listdir", "os.scandir"})
_ADVICE = "a rule only declares actions: let an action do this (ctx.run)"
_open: dict[str, Modules] = {}  # by the prefix of their names
_running: list[Modules] = []  # those whose code runs now, the innermost last
_hooked: list[bool] = []


class Modules:
    """The modules of one workspace that its rules import."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.root = os.path.abspath(workspace.root)
        self.real = os.path.realpath(workspace.root)
        self.prefix = f"{PREFIX}{hashlib.sha256(self.root.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
        self.folders = list(
            dict.fromkeys(path.rpartition("/")[0] for path in workspace.settings.rules)
        )
        self.fault: BuildError | None = None
        self._aside = False  # reading for ourselves
        self._builtins = {**vars(builtins), "__import__": self._import}
        for name in [name for name in sys.modules if name.partition(".")[0] == self.prefix]:
            del sys.modules[name]  # of an earlier look at this workspace
        _open[self.prefix] = self
        if not _hooked:
            _hooked.append(True)
            sys.meta_path.insert(0, _Finder())
            sys.addaudithook(_audit)

    def load(self, name: str) -> ModuleType:
        """The module of a file of rules, by its path in the workspace."""
        with self.running():
            return importlib.import_module(self._module(name.removesuffix(".py")))

    @contextmanager
    def running(self) -> Iterator[None]:
        """While code of the workspace runs: what it imports and opens is seen, and its sys.path is its own."""
        before, known = list(sys.path), set(sys.modules)
        _running.append(self)
        try:
            yield
        finally:
            _running.pop()
            self.folders += [
                folder
                for entry in sys.path
                if (folder := self.inside(entry)) is not None
                and folder not in self.folders
                and entry not in before
            ]
            sys.path[:] = before
            for name in set(sys.modules) - known:
                if (
                    isinstance(getattr(sys.modules[name], "__loader__", None), _Loader)
                    and name.partition(".")[0] not in _open
                ):
                    del sys.modules[
                        name
                    ]  # imported by a plain name, which is another module elsewhere
        if self.fault is not None:
            raise self.fault

    def watching(self, function: Callable[..., Made]) -> Callable[..., Made]:
        """A rule whose imports and files are seen while it runs, too."""
        from functools import wraps

        @wraps(function)
        def run(*given: Any, **named: Any) -> Made:
            with self.running():
                return function(*given, **named)

        return run

    def inside(self, path: str | bytes) -> str | None:
        """The path in the workspace of one of this host; None for one elsewhere, or of what builds make."""
        text = os.fsdecode(path)
        for full in (os.path.abspath(text), os.path.realpath(text)):
            for root in (self.root, self.real):
                if full == root or full.startswith(root + os.sep):
                    name = full[len(root) + 1 :]
                    return (
                        None if name.partition("/")[0] in ("out", ".buildgraph", ".git") else name
                    )
        return None

    def spec(self, module: str, within: str, plain: str) -> ModuleSpec | None:
        """How to load a module by its full name from a folder of the workspace, where it is called `plain`."""
        listing = self.workspace.file_tree
        path, entries = join(within, plain.replace(_DOT, ".")), listing.entries(within)
        folder, file = (
            entries.get(os.path.basename(path)),
            entries.get(f"{os.path.basename(path)}.py"),
        )
        above = any(f"{known}/".startswith(f"{path}/") for known in self.folders)
        if (
            above or f"{path}.py" in self.workspace.settings.rules
        ):  # that it is named in BUILD.toml decides which it is
            folder, file = (
                (folder, None)
                if above and f"{path}.py" not in self.workspace.settings.rules
                else (None, file)
            )
        else:
            listing.record_lookup(within)  # a module that comes there may be found instead
        if folder is not None and folder.is_dir():
            listing.check_regular(folder, path, True, None)
            listing.record_lookup(path)
            inits = listing.entries(path)
            if "__init__.py" in inits:
                return self._spec(module, f"{path}/__init__.py", inits["__init__.py"], path)
        if file is not None and file.is_file():
            return self._spec(module, f"{path}.py", file, None)
        if folder is not None and folder.is_dir():
            found = ModuleSpec(module, None, is_package=True)
            found.submodule_search_locations = [os.path.join(self.root, path)]
            return found
        return None

    def _spec(
        self, module: str, name: str, entry: os.DirEntry[str], folder: str | None
    ) -> ModuleSpec | None:
        self.workspace.file_tree.check_regular(entry, name, True, None)
        places = None if folder is None else [os.path.join(self.root, folder)]
        loader: Any = _Loader(self, name)
        return spec_from_file_location(
            module, os.path.join(self.root, name), loader=loader, submodule_search_locations=places
        )

    def run(self, module: ModuleType, name: str) -> None:
        """Execute a file of the workspace as a module."""
        vars(module)["__builtins__"] = self._builtins
        exec(
            compile(self._read(name), os.path.join(self.root, name), "exec", dont_inherit=True),
            vars(module),
        )

    def _read(self, name: str) -> bytes:
        """What a file holds, which decides what rules make from now on."""
        aside, self._aside = self._aside, True
        try:
            real = os.path.relpath(os.path.realpath(os.path.join(self.root, name)), self.real)
            self.workspace.fetch(real)
            data = self.workspace.read(name)
        finally:
            self._aside = aside
        self.workspace.rule_files.add(name)
        return data

    def _module(self, path: str) -> str:
        return ".".join(
            [self.prefix, *(part.replace(".", _DOT) for part in path.split("/") if part)]
        )

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        top = name.partition(".")[0]
        if level or top in sys.stdlib_module_names or top == "buildgraph":
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        for folder in self.places(globals):
            base = self._module(folder)
            if self.spec("", folder, top) is not None:
                made = builtins.__import__(f"{base}.{name}", globals, locals, fromlist or (), 0)
                return made if fromlist else sys.modules[f"{base}.{top}"]
        where = " or ".join(folder or "the root" for folder in self.places(globals))
        raise ModuleNotFoundError(
            f"there is no module {name!r} in {where} of the workspace; a rule may import modules "
            "from there, the standard library, and buildgraph",
            name=name,
        )

    def places(self, globals: Mapping[str, object] | None) -> list[str]:
        """The folders in which a module looks for others: that of its rules, those it added to sys.path, the root."""
        file = (globals or {}).get("__file__")
        here = (self.inside(file) or "").rpartition("/")[0] if isinstance(file, str) else ""
        above = [here, *(here.rsplit("/", count)[0] for count in range(1, here.count("/") + 1))]
        own = [folder for folder in above if folder in self.folders][:1]
        added = (
            [folder for entry in sys.path if (folder := self.inside(entry)) is not None]
            if self in _running
            else []
        )
        return list(dict.fromkeys([*own, *added, *self.folders, ""]))

    def seen(self, event: str, given: Sequence[Any]) -> None:
        """What the interpreter tells of code that runs: files are noted; what a rule may not do is refused."""
        if self._aside:
            return
        if event in _STARTS:
            self._refuse(
                "starts a program" if event != "socket.connect" else "opens a connection", _ADVICE
            )
        if not given or not isinstance(given[0], (str, bytes)):
            return
        self._aside = True
        try:
            if event == "open":
                self._opened(given[0], given[2])
            elif event in _LISTS:
                folder = self.inside(given[0])
                if folder is not None:
                    self.workspace.file_tree.record_lookup(folder)
        finally:
            self._aside = False

    def _opened(self, path: str | bytes, flags: int) -> None:
        name, full = self.inside(path), os.path.realpath(path)
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self._refuse(f"writes {os.fsdecode(path)!r}", _ADVICE)
        if name is None:
            if not os.fsdecode(full).startswith(_known()):
                self._refuse(
                    f"reads {os.fsdecode(path)!r}, which is no source of this workspace",
                    "an edit of it would not be seen: put it into the workspace, or let an action read it",
                )
        elif os.path.isfile(full):
            self._read(name)
        else:
            self.workspace.file_tree.record_lookup(name.rpartition("/")[0])

    def _refuse(self, what: str, fix: str) -> None:
        frame, at = sys._getframe(), None
        while frame is not None and at is None:
            name = self.inside(frame.f_code.co_filename)
            at = Location(name, frame.f_lineno) if name in self.workspace.rule_files else None
            frame = frame.f_back  # type: ignore[assignment]
        if at is not None:
            self.fault = self.fault or BuildError(f"{at.path} {what}", at, fix, "rule")
            raise self.fault


class _Loader:
    """Compiles a module from its text, each time."""

    def __init__(self, modules: Modules, name: str) -> None:
        self.modules, self.name = modules, name

    def create_module(self, spec: ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        """Run its file."""
        self.modules.run(module, self.name)


class _Finder:
    """Finds the modules of workspaces by their full names, and by plain names while a rule runs (importlib.import_module)."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to load one."""
        prefix, _, rest = name.partition(".")
        owner = _open.get(prefix)
        if owner is not None and not rest:
            made = ModuleSpec(name, None, is_package=True)
            made.submodule_search_locations = [owner.root]
            return made
        if owner is None and (
            not _running or prefix in sys.stdlib_module_names or prefix == "buildgraph"
        ):
            return None
        modules = owner or _running[-1]
        within = (
            [modules.inside(place) for place in path] if path is not None else modules.places(None)
        )
        specs = (
            modules.spec(name, folder, name.rpartition(".")[2])
            for folder in within
            if folder is not None
        )
        return next((spec for spec in specs if spec is not None), None)


def _audit(event: str, given: tuple[Any, ...]) -> None:
    if _running and (event == "open" or event in _STARTS or event in _LISTS):
        _running[-1].seen(event, given)


def _known() -> tuple[str, ...]:
    """Where files stand that Python and buildgraph read for themselves."""
    paths = {
        *sysconfig.get_paths().values(),
        sys.prefix,
        sys.base_prefix,
        os.path.dirname(os.path.dirname(__file__)),
    }
    return (
        *sorted(os.path.realpath(path) + os.sep for path in paths if path != "/usr"),
        "/dev/",
        "/proc/self/",
        os.path.join(os.path.realpath(sys.base_prefix), "lib", ""),
    )
