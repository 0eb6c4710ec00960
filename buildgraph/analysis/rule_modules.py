"""Import the modules of a workspace that define rules, and those that they import in turn.

A rule may import the standard library, buildgraph, and modules of the workspace: those in the
folder of its file, then those in the root. Modules are compiled from their text (bytecode is not
read or written), have names that no other module has, and count as files of rules.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any, TypeVar

from ..files.entries import named
from ..workspace.folder_listing import join
from ..workspace.workspace import Workspace
from .rule_monitor import EVENTS, RuleMonitor

Returned = TypeVar("Returned")
PREFIX = "buildgraph_rules_"
_DOT = "\N{ONE DOT LEADER}"  # replaces dots of folders and files in the names of modules
_by_prefix: dict[str, RuleModules] = {}
_running: list[RuleModules] = []  # those whose code runs now, the innermost last
_hooks_are_installed: list[bool] = []


class RuleModules:
    """The modules that the rules of one workspace import."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.monitor = workspace, RuleMonitor(workspace)
        self.root = self.monitor.root
        digest = hashlib.sha256(self.root.encode("utf-8", "surrogateescape")).hexdigest()
        self.prefix = f"{PREFIX}{digest[:16]}"
        self.folders = list(
            dict.fromkeys(path.rpartition("/")[0] for path in workspace.settings.rules)
        )
        self._builtins = {**vars(builtins), "__import__": self._import}
        for name in [name for name in sys.modules if name.partition(".")[0] == self.prefix]:
            del sys.modules[name]  # from an earlier analysis of this workspace
        _by_prefix[self.prefix] = self
        if not _hooks_are_installed:
            _hooks_are_installed.append(True)
            sys.meta_path.insert(0, _Finder())
            sys.addaudithook(_audit)

    def load(self, name: str) -> ModuleType:
        """Import a file of rules by its path; exceptions of its code pass through."""
        with self.running():
            return importlib.import_module(self._full_name(name.removesuffix(".py")))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Monitor the code of rules meanwhile, and give it a sys.path of its own."""
        paths, known = list(sys.path), set(sys.modules)
        _running.append(self)
        try:
            yield
        finally:
            _running.pop()
            self.folders += [
                folder
                for entry in sys.path
                if (folder := self.monitor.path_inside(entry)) is not None
                and folder not in self.folders
                and entry not in paths
            ]
            sys.path[:] = paths
            for name in set(sys.modules) - known:
                loader = getattr(sys.modules[name], "__loader__", None)
                if isinstance(loader, _Loader) and name.partition(".")[0] not in _by_prefix:
                    # A plain name may be another module in another workspace.
                    del sys.modules[name]
        if self.monitor.error is not None:
            raise self.monitor.error

    def monitored(self, function: Callable[..., Returned]) -> Callable[..., Returned]:
        """Return a rule that is monitored while it runs."""

        @wraps(function)
        def run(*args: Any, **named: Any) -> Returned:
            with self.running():
                return function(*args, **named)

        return run

    def spec(self, module: str, within: str, plain: str) -> ModuleSpec | None:
        """Return the spec of a module in a folder of the workspace; None if it is not there.

        `module` is its full name, `plain` the name that the rule imports.
        """
        file_tree, settings = self.workspace.file_tree, self.workspace.settings
        path, entries = join(within, plain.replace(_DOT, ".")), file_tree.entries(within)
        base = os.path.basename(path)
        folder, file = entries.get(base), entries.get(f"{base}.py")
        is_rule_file = f"{path}.py" in settings.rules
        if is_rule_file:  # BUILD.toml names the file, so a package of this name does not hide it
            folder = None
        elif any(f"{known}/".startswith(f"{path}/") for known in self.folders):
            file = None  # a folder that contains files of rules
        else:
            for name in (base, f"{base}.py"):  # a new file there could be found instead
                file_tree.record_lookup(within, named(name))
        if folder is not None and folder.is_dir():
            file_tree.check_regular(folder, path, True, None)
            file_tree.record_lookup(path, named("__init__.py"))
            inits = file_tree.entries(path)
            if "__init__.py" in inits:
                return self._spec(module, f"{path}/__init__.py", inits["__init__.py"], path)
        if file is not None and file.is_file():
            return self._spec(module, f"{path}.py", file, None)
        if folder is not None and folder.is_dir():
            return _namespace(module, os.path.join(self.root, path))
        return None

    def _spec(
        self, module: str, name: str, entry: os.DirEntry[str], folder: str | None
    ) -> ModuleSpec | None:
        self.workspace.file_tree.check_regular(entry, name, True, None)
        loader: Any = _Loader(self, name)
        return spec_from_file_location(
            module,
            os.path.join(self.root, name),
            loader=loader,
            submodule_search_locations=None
            if folder is None
            else [os.path.join(self.root, folder)],
        )

    def execute(self, module: ModuleType, name: str) -> None:
        """Execute a file of the workspace as a module."""
        vars(module)["__builtins__"] = self._builtins
        path = os.path.join(self.root, name)
        code = compile(self.monitor.read(name), path, "exec", dont_inherit=True)
        exec(code, vars(module))

    def _full_name(self, path: str) -> str:
        parts = (part.replace(".", _DOT) for part in path.split("/") if part)
        return ".".join([self.prefix, *parts])

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """The `__import__` of rules."""
        top = name.partition(".")[0]
        if level or top in sys.stdlib_module_names or top == "buildgraph":
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        folders = self.search_folders(globals)
        for folder in folders:
            base = self._full_name(folder)
            if self.spec("", folder, top) is not None:
                module = builtins.__import__(f"{base}.{name}", globals, locals, fromlist or (), 0)
                return module if fromlist else sys.modules[f"{base}.{top}"]
        where = " or ".join(folder or "the root" for folder in folders)
        raise ModuleNotFoundError(
            f"there is no module {name!r} in {where} of the workspace; a rule may import modules "
            "from there, the standard library, and buildgraph",
            name=name,
        )

    def search_folders(self, globals: Mapping[str, object] | None) -> list[str]:
        """Return the folders in which a module looks for others.

        These are the folder of its rules, those that it added to sys.path, and the root.
        """
        inside = self.monitor.path_inside
        file = (globals or {}).get("__file__")
        here = (inside(file) or "").rpartition("/")[0] if isinstance(file, str) else ""
        above = [here, *(here.rsplit("/", count)[0] for count in range(1, here.count("/") + 1))]
        own = [folder for folder in above if folder in self.folders][:1]
        added: list[str] = []
        if self in _running:
            added = [folder for entry in sys.path if (folder := inside(entry)) is not None]
        return list(dict.fromkeys([*own, *added, *self.folders, ""]))


def _namespace(name: str, folder: str) -> ModuleSpec:
    """Return the spec of a package without `__init__.py`."""
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [folder]
    return spec


class _Loader:
    """Compiles a module from its text at each import."""

    def __init__(self, modules: RuleModules, name: str) -> None:
        self.modules, self.name = modules, name

    def create_module(self, spec: ModuleSpec) -> None:
        """Return None: the interpreter creates the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the file of the module."""
        self.modules.execute(module, self.name)


class _Finder:
    """Finds modules of workspaces by their full names, and while a rule runs by plain names.

    Plain names come from `importlib.import_module`.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module; None if it is not one of a workspace."""
        prefix, _, rest = name.partition(".")
        owner = _by_prefix.get(prefix)
        if owner is not None and not rest:
            return _namespace(name, owner.root)
        if owner is None and (
            not _running or prefix in sys.stdlib_module_names or prefix == "buildgraph"
        ):
            return None
        modules = owner or _running[-1]
        if path is None:
            folders: list[str | None] = [*modules.search_folders(None)]
        else:
            folders = [modules.monitor.path_inside(entry) for entry in path]
        for folder in folders:
            if folder is not None:
                spec = modules.spec(name, folder, name.rpartition(".")[2])
                if spec is not None:
                    return spec
        return None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _running and event in EVENTS:
        _running[-1].monitor.handle(event, args)
