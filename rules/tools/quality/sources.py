"""The sources of a gate: facts of each file, the import graph, and the key of each verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from quality import python_source, script_source
from quality.graph import closure_digests, reachable
from quality.plan import Files, digest_of

Sees = Literal["file", "interfaces", "closure", "all"]
"""What a verdict depends on: the file, also the interfaces or the text of imports, or all files."""


@dataclass
class Sources:
    """The files of a gate. `facts` of contents are those of the last run, and grow."""

    files: Files
    language: Literal["python", "script"]
    facts: dict[str, Any]
    used: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def paths(self) -> frozenset[str]:
        """All files that may import or be imported."""
        suffixes = (".py", ".pyi") if self.language == "python" else script_source.SUFFIXES
        plan = self.files.plan
        return frozenset(path for path in (*plan.srcs, *plan.data) if path.endswith(suffixes))

    def fact(self, path: str) -> dict[str, Any]:
        """The facts of a file, from the last run if its content was known then."""
        digest = f"{self.language} {self.files.digest(path)}"
        if path.endswith(".d.ts"):
            digest = f"declarations {digest}"
        if digest not in self.facts:
            self.facts[digest] = self._read(path)
        self.used[digest] = self.facts[digest]
        fact: dict[str, Any] = self.facts[digest]
        return fact

    def _read(self, path: str) -> dict[str, Any]:
        data = self.files.read(path)
        if self.language == "python":
            python = python_source.python_facts(data)
            stub = {"stub": python.stub} if self.files.plan.tool == "mypy" else {}
            return {
                "imports": list(python.imports),
                "dynamic": python.is_dynamic,
                "interface": python.interface,
                **stub,
            }
        script = script_source.script_facts(data, path)
        return {
            "imports": list(script.imports),
            "dynamic": script.is_dynamic,
            "global": script.is_global,
        }

    @cached_property
    def graph(self) -> dict[str, list[str]]:
        """The files that each file may read when it is checked."""
        graph = {path: sorted(self._targets(path)) for path in sorted(self.paths)}
        if self.language == "script":
            seen_by_all = {path for path in self.paths if self.fact(path)["global"]}
            graph = {path: sorted({*to, *seen_by_all} - {path}) for path, to in graph.items()}
        return graph

    def _targets(self, path: str) -> set[str]:
        names, roots = self.fact(path)["imports"], self.files.plan.roots
        if self.language == "python":
            targets = {
                target
                for name in names
                for target in python_source.import_targets(path, name, self.paths, roots)
            }
            return targets | self._packages(path)
        return {
            target
            for name in names
            for target in script_source.import_targets(path, name, self.paths)
            if target != path
        }

    def _packages(self, path: str) -> set[str]:
        """The `__init__.py` of the packages of a file, and the `conftest.py` above a test."""
        folders = path.split("/")[:-1]
        inits = {
            "/".join((*folders[:depth], name))
            for depth in range(len(folders) + 1)
            for name in ("__init__.py", "__init__.pyi", "conftest.py")
        }
        return {name for name in inits if name in self.paths} - {path}

    @cached_property
    def running_graph(self) -> dict[str, list[str]]:
        """The graph of what runs: a file that imports computed names may read all files."""
        every = sorted(self.paths)
        return {
            path: every if self.fact(path)["dynamic"] else to for path, to in self.graph.items()
        }

    def view(self, path: str) -> set[str]:
        """The files that a test file may import when it runs."""
        return reachable(self.running_graph, [path])

    def graph_of(self, sees: Sees) -> dict[str, list[str]]:
        """The graph that a verdict depends on."""
        return self.graph if sees == "interfaces" else self.running_graph

    def keys(self, units: list[str], sees: Sees) -> dict[str, str]:
        """The key of the verdict of each unit."""
        settings, digest = self.files.settings, self.files.digest
        if sees == "file":
            return {path: digest_of([settings, path, digest(path)]) for path in units}
        if sees == "all":
            every = digest_of([f"{path} {digest(path)}" for path in self.files.plan.srcs])
            return {path: digest_of([settings, path, every]) for path in units}
        content = {
            path: self.fact(path)["interface"] if sees == "interfaces" else digest(path)
            for path in self.paths
        }
        below = closure_digests(self.graph_of(sees), content)
        return {path: digest_of([settings, path, digest(path), below[path]]) for path in units}
