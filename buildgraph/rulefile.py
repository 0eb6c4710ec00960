"""Files of rules that a workspace adds: `[workspace] rules = ["tools/my_rules.py"]`."""
from __future__ import annotations

import hashlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

import buildgraph

from .declare import Registry, rules_of
from .errors import BuildError, Where, did_you_mean
from .workspace import Workspace


def with_rules_of(workspace: Workspace, shipped: Registry) -> Registry:
    """The shipped rules and those of the workspace; BuildError with file and line for a fault in one of its files."""
    registry = Registry()
    registry.rules.update(shipped.rules)
    for index, path in enumerate(workspace.settings.rules):
        at = workspace.place("rules", index)
        name = workspace.listing.source("", path, at)
        if os.path.isdir(os.path.join(workspace.root, name)):
            raise BuildError(f"{path!r} is a folder", at, "name the Python files in it that define rules", "source")
        workspace.rule_files.add(name)
        found = rules_of(_module(workspace, name))
        if not found:
            raise BuildError(f"{name} defines no rule", at, "mark a function with @rule", "rule")
        for one in found:
            if one.name in registry.rules:
                line = one.function.__code__.co_firstlineno
                raise BuildError(f"the rule {one.name!r} exists already", Where(name, line), "rename it", "rule")
            registry.add(one)
    return registry


def _module(workspace: Workspace, name: str) -> ModuleType:
    """Run a file of rules as a module of its own name; no bytecode is left in the user's folders."""
    path = os.path.join(workspace.root, name)
    module = ModuleType(f"buildgraph_rules_{hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module   # dataclasses look up the names of annotations there
    try:
        exec(compile(workspace.read(name), path, "exec"), module.__dict__)
    except BuildError:
        raise
    except SyntaxError as error:
        if error.filename not in (None, path):
            raise BuildError(f"{name}: {error}", Where(name), reason="rule") from error
        at = Where(name, error.lineno or 0, error.offset or 0)
        raise BuildError(f"{name} is no Python: {error.msg}", at, reason="rule") from None
    except (Exception, SystemExit) as error:
        raise _fault_in(name, path, error) from error
    return module


def fault_of(workspace: Workspace, function: Callable[..., Any], error: BaseException) -> BuildError | None:
    """The fault of a rule of the workspace that raised; None for one that ships with buildgraph: that is a bug."""
    path = inspect.unwrap(function).__code__.co_filename
    name = next((one for one in workspace.rule_files if os.path.join(workspace.root, one) == path), None)
    return _fault_in(name, path, error) if name else None


def _fault_in(name: str, path: str, error: BaseException) -> BuildError:
    """The fault of a user's rule, at the last line of its own file that was running."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    missing = re.match(r"cannot import name '(\w+)' from 'buildgraph'", str(error))
    hint = did_you_mean(missing[1], buildgraph.__all__) if missing else ""
    return BuildError(what, Where(name, lines[-1] or 0 if lines else 0), hint, "rule")
