"""Files of rules that a workspace adds: `[workspace] rules = ["tools/my_rules.py"]`."""

from __future__ import annotations

import inspect
import os
import re
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

import buildgraph

from ..types.errors import BuildError, Location, did_you_mean
from ..workspace.workspace import Workspace
from .rule_api import Registry, Rule, rules_of
from .rule_modules import PREFIX, Modules


def add_user_rules(workspace: Workspace, shipped: Registry) -> Registry:
    """The shipped rules and those of the workspace; BuildError with file and line for a fault in one of its files."""
    registry = Registry()
    registry.rules.update(shipped.rules)
    modules = Modules(workspace) if workspace.settings.rules else None
    for index, path in enumerate(workspace.settings.rules):
        at = workspace.place("rules", index)
        name = workspace.file_tree.source("", path, at)
        if os.path.isdir(os.path.join(workspace.root, name)):
            raise BuildError(
                f"{path!r} is a folder",
                at,
                "name the Python files in it that define rules",
                "source",
            )
        assert modules is not None
        found = rules_of(_module(modules, name))
        if not found:
            raise BuildError(f"{name} defines no rule", at, "mark a function with @rule", "rule")
        for one in found:
            if one.name in registry.rules:
                line = one.function.__code__.co_firstlineno
                raise BuildError(
                    f"the rule {one.name!r} exists already",
                    Location(name, line),
                    "rename it",
                    "rule",
                )
            registry.add(Rule(one.name, modules.watching(one.function)))
    return registry


def _module(modules: Modules, name: str) -> ModuleType:
    """Run a file of rules as a module; a fault in it, or in a module that it imports, is told at its own line."""
    workspace = modules.workspace
    try:
        return modules.load(name)
    except BuildError:
        raise
    except SyntaxError as error:
        wrong = modules.inside(error.filename) if error.filename else name
        if wrong is None or wrong not in workspace.rule_files:
            raise BuildError(f"{name}: {error}", Location(name), reason="rule") from error
        at = Location(wrong, error.lineno or 0, error.offset or 0)
        raise BuildError(f"{wrong} is no Python: {error.msg}", at, reason="rule") from None
    except (Exception, SystemExit) as error:
        raise _fault_in(workspace, name, error) from error


def rule_error(
    workspace: Workspace, function: Callable[..., Any], error: BaseException
) -> BuildError | None:
    """The fault of a rule of the workspace that raised; None for one that ships with buildgraph: that is a bug."""
    path = inspect.unwrap(function).__code__.co_filename
    name = next((one for one in workspace.rule_files if _path(workspace, one) == path), None)
    return _fault_in(workspace, name, error) if name else None


def _fault_in(workspace: Workspace, name: str, error: BaseException) -> BuildError:
    """The fault of a user's rule, at the last line of the user's own files that was running."""
    own = {_path(workspace, one): one for one in workspace.rule_files}
    lines = [
        (own[frame.filename], frame.lineno or 0)
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in own
    ]
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    what = re.sub(rf"{PREFIX}[0-9a-f]+\.", "", what)
    missing = re.match(r"cannot import name '(\w+)' from 'buildgraph'", str(error))
    hint = did_you_mean(missing[1], buildgraph.__all__) if missing else ""
    return BuildError(what, Location(*lines[-1]) if lines else Location(name), hint, "rule")


def _path(workspace: Workspace, name: str) -> str:
    return os.path.join(os.path.abspath(workspace.root), name)
