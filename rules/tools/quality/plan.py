"""The plan of a quality gate, as its rule writes it, and the files that it names."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

TEST_FILES = ("test_*.py", "*_test.py")


@dataclass(frozen=True)
class Plan:
    """The sources and settings of one gate.

    `srcs` are the checked files, `data` other files that they may read, `config` the file of
    settings or ''. All paths are relative to the folder of the target, whose path in the workspace
    is `folder`. `roots` are folders from which absolute imports are resolved. `args` are passed to
    the tool. `tree` is the path of the tree of node packages, or '', and `site` that of Python
    packages. `runs` is how often each test file is run, `shard` is "2/4" for the second of four
    parts, or ''. With `coverage` the lines that the tests execute are recorded. With
    `repeat` all test files are run that often, whatever is recorded.
    """

    gate: str
    tool: str
    folder: str
    srcs: tuple[str, ...]
    data: tuple[str, ...] = ()
    config: str = ""
    roots: tuple[str, ...] = ("",)
    args: tuple[str, ...] = ()
    tree: str = ""
    site: str = ""
    runs: int = 1
    shard: str = ""
    coverage: bool = False
    repeat: int = 0

    def name_in_workspace(self, path: str) -> str:
        """The path of a file from the root of the workspace."""
        return f"{self.folder}/{path}" if self.folder else path


def is_test(path: str) -> bool:
    """True for the name of a test file of pytest."""
    return any(fnmatchcase(path.rpartition("/")[2], pattern) for pattern in TEST_FILES)


def read_plan(path: Path) -> Plan:
    """Read a plan; lists of the JSON become tuples."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    lists = {key: tuple(value) for key, value in document.items() if isinstance(value, list)}
    return Plan(**document | lists)


@dataclass(frozen=True)
class Files:
    """The staged files of a plan; `top` is the folder in which they have their paths."""

    plan: Plan
    top: Path
    _digests: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return (self.top / path).read_bytes()

    def digest(self, path: str) -> str:
        """The SHA-256 of a file, computed once."""
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(self.read(path)).hexdigest()
        return self._digests[path]

    @cached_property
    def settings(self) -> str:
        """A digest of everything that every verdict depends on: tool, arguments, settings, data."""
        plan = self.plan
        named = sorted({*plan.data, *filter(None, (plan.config,))})
        parts = [plan.tool, *plan.args, "", *plan.roots, plan.config, str(plan.runs)]
        parts += ["coverage"] if plan.coverage else []
        parts += [f"{path} {self.digest(path)}" for path in named]
        return digest_of(parts)


def digest_of(parts: list[str]) -> str:
    """The SHA-256 of a list of strings."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
