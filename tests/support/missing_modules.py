"""Load a module as on an interpreter that lacks some private modules of CPython."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest


def load_without(module: ModuleType, *missing: str) -> ModuleType:
    """A second copy of a module, for which each import of a `missing` module fails."""
    assert module.__file__ is not None
    spec = importlib.util.spec_from_file_location(module.__name__, module.__file__)
    assert spec is not None and spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for name in missing:
            patch.setitem(sys.modules, name, None)
        spec.loader.exec_module(copy)
    return copy
