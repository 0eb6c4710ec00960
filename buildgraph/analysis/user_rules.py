"""Rules that a workspace adds: `[workspace] rules = ["tools/my_rules.py"]`."""

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
from .rule_modules import PREFIX, RuleModules


def add_user_rules(workspace: Workspace, shipped: Registry) -> Registry:
    """Return the shipped rules and those of the workspace.

    Raises BuildError, at the file and line, for an error in a file of rules.
    """
    registry = Registry()
    registry.rules.update(shipped.rules)
    if not workspace.settings.rules:
        return registry
    modules = RuleModules(workspace)
    for index, path in enumerate(workspace.settings.rules):
        at = workspace.place("rules", index)
        name = workspace.file_tree.source("", path, at)
        if os.path.isdir(os.path.join(workspace.root, name)):
            fix = "name the Python files in it that define rules"
            raise BuildError(f"{path!r} is a folder", at, fix, "source")
        rules = rules_of(_load(modules, name))
        if not rules:
            raise BuildError(f"{name} defines no rule", at, "mark a function with @rule", "rule")
        for rule in rules:
            if rule.name in registry.rules:
                line = rule.function.__code__.co_firstlineno
                what = f"the rule {rule.name!r} exists already"
                raise BuildError(what, Location(name, line), "rename it", "rule")
            registry.add(Rule(rule.name, modules.monitored(rule.function)))
    return registry


def _load(modules: RuleModules, name: str) -> ModuleType:
    """Import a file of rules; raise BuildError at the line of an error in it or what it imports."""
    workspace = modules.workspace
    try:
        return modules.load(name)
    except BuildError:
        raise
    except SyntaxError as error:
        file = modules.monitor.path_inside(error.filename) if error.filename else name
        if file is None or file not in workspace.rule_files:
            raise BuildError(f"{name}: {error}", Location(name), reason="rule") from error
        at = Location(file, error.lineno or 0, error.offset or 0)
        raise BuildError(f"{file} is not valid Python: {error.msg}", at, reason="rule") from None
    except (Exception, SystemExit) as error:
        raise _error_in(workspace, name, error) from error


def rule_error(
    workspace: Workspace, function: Callable[..., Any], error: BaseException
) -> BuildError | None:
    """Return the error of a rule of the workspace that raised `error`.

    Returns None for a rule that ships with buildgraph: its exception is a bug of buildgraph.
    """
    path = inspect.unwrap(function).__code__.co_filename
    name = next((name for name in workspace.rule_files if _path(workspace, name) == path), None)
    return _error_in(workspace, name, error) if name else None


def _error_in(workspace: Workspace, name: str, error: BaseException) -> BuildError:
    """Return an exception as an error at the innermost line of the user's files on its stack."""
    names = {_path(workspace, name): name for name in workspace.rule_files}
    places = [
        Location(names[frame.filename], frame.lineno or 0)
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in names
    ]
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    what = re.sub(rf"{PREFIX}[0-9a-f]+\.", "", what)
    missing = re.match(r"cannot import name '(\w+)' from 'buildgraph'", str(error))
    fix = did_you_mean(missing[1], buildgraph.__all__) if missing else ""
    return BuildError(what, places[-1] if places else Location(name), fix, "rule")


def _path(workspace: Workspace, name: str) -> str:
    return os.path.join(os.path.abspath(workspace.root), name)
