"""Requested outputs in the workspace: `.buildgraph/built/<digest>` holds them, `out/` leads there by symlinks.

    out/exports/jetson/image  ->  ../../../.buildgraph/built/<sha256 of the tree>/image

A build writes a new folder and turns the link by one rename, so that what stands under `out/` is always whole.
What no link leads to any more is removed at the next build that writes.
"""
from __future__ import annotations

import json
import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .errors import BuildError
from .events import Built, Listener
from .execute.staging import stage
from .model import Artifact, File, Node, Tree
from .reapi import decode_directory
from .source import Sources
from .steps import Wanted
from .store.protocol import Store

BUILT = ".buildgraph/built"


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands in the workspace after a build: the events, and every path whose change would be noticed."""

    root: str
    events: tuple[Built, ...]
    files: tuple[str, ...]
    links: tuple[str, ...]

    def copy_to(self, folder: str) -> None:
        """Copy the outputs to a folder of the user's, each under its label's path when there are several labels."""
        labels = {event.label for event in self.events}
        for event in self.events:
            _, *parts = event.path.split("/")
            target = os.path.join(folder, *(parts if len(labels) > 1 else parts[-1:]))
            _replace(os.path.realpath(os.path.join(self.root, event.path)), target)


class Materialiser:
    """Puts outputs into a workspace, verifying what is there already."""

    def __init__(self, root: str, store: Store, sources: Sources) -> None:
        self._root, self._store, self._sources = root, store, sources

    def show(self, wanted: Iterable[Wanted], node: Callable[[Artifact], Node], listen: Listener) -> Shown:
        """Make the wanted outputs stand under `out/`; OSError when the workspace cannot be written."""
        events, files, links = [], [], []
        for want, name in _named(list(wanted)):
            content = node(want.artifact)
            held = os.path.join(self._root, BUILT, content.digest.hash + "x" * _executable(content), name)
            listed = self._listed(content, held)
            if not self._stands(listed):
                self._place(content, held)
            link = os.path.join("out", *want.label.package.split("/"), want.label.name, name)
            self._link(os.path.join(self._root, link), held)
            made = Built(str(want.label), want.name, os.path.normpath(link), content.digest,
                         sum(file.digest.size for _, file in listed), _image(held))
            events.append(made)
            files += [path for path, _ in listed]
            links.append(os.path.join(self._root, link))
            listen(made)
        self._sweep()
        return Shown(self._root, tuple(events), tuple(files), tuple(links))

    def _listed(self, node: Node, path: str) -> list[tuple[str, File]]:
        if isinstance(node, File):
            return [(path, node)]
        found = decode_directory(self._store.read(node.digest))
        listed = [(os.path.join(path, name), File(digest, executable)) for name, digest, executable in found.files]
        for name, digest in found.directories:
            listed += self._listed(Tree(digest), os.path.join(path, name))
        return listed

    def _stands(self, listed: list[tuple[str, File]]) -> bool:
        for path, file in listed:
            if not os.path.isfile(path) or os.path.islink(path):
                return False
            if self._sources.digest(path) != (file.digest, file.executable):
                return False
        return bool(listed)

    def _place(self, node: Node, held: str) -> None:
        made = os.path.dirname(held)
        fresh = f"{made}.{os.getpid()}"
        _remove(fresh)
        os.makedirs(fresh)
        stage(fresh, [(os.path.basename(held), node)], self._store)
        _remove(made)
        os.rename(fresh, made)
        self._sources.forget()

    def _link(self, link: str, held: str) -> None:
        target = os.path.relpath(held, os.path.dirname(link))
        if os.path.islink(link) and os.readlink(link) == target:
            return
        if os.path.lexists(link) and not os.path.islink(link):
            raise BuildError(f"{os.path.relpath(link, self._root)} is in the way of an output", None,
                             "move it: buildgraph puts only links there", "environment")
        self._claim(os.path.dirname(link))
        fresh = f"{link}.{os.getpid()}"
        os.symlink(target, fresh)
        os.rename(fresh, link)

    def _claim(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        for ours in ("out", ".buildgraph"):
            ignore = os.path.join(self._root, ours, ".gitignore")
            if not os.path.exists(ignore):
                with open(ignore, "w", encoding="utf-8") as file:
                    file.write("*\n")

    def _sweep(self) -> None:
        built = os.path.join(self._root, BUILT)
        if not os.path.isdir(built):
            return
        used = set()
        for folder, _, names in os.walk(os.path.join(self._root, "out")):
            for path in (os.path.join(folder, name) for name in (*names, *os.listdir(folder))):
                if os.path.islink(path):
                    used.add(os.path.basename(os.path.dirname(os.readlink(path))))
        for name in os.listdir(built):
            if name not in used:
                _remove(os.path.join(built, name))


def _named(wanted: list[Wanted]) -> list[tuple[Wanted, str]]:
    """Each output with the name of its file; where two of a target share one, their names in the provider lead."""
    names = [want.artifact.name.rpartition("/")[2] for want in wanted]
    count = Counter((want.label, name) for want, name in zip(wanted, names, strict=True))
    return [(want, name if count[want.label, name] == 1 else f"{want.name}.{name}")
            for want, name in zip(wanted, names, strict=True)]


def _executable(node: Node) -> bool:
    return isinstance(node, File) and node.executable


def _image(path: str) -> str:
    """The manifest digest of an OCI layout; empty for anything else."""
    if not os.path.isfile(os.path.join(path, "oci-layout")):
        return ""
    with open(os.path.join(path, "index.json"), "rb") as file:
        return str(json.load(file)["manifests"][0]["digest"])


def _remove(path: str) -> None:
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        for folder, _, _ in os.walk(path):
            os.chmod(folder, stat.S_IRWXU)
        shutil.rmtree(path)


def _replace(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    fresh = f"{target}.{os.getpid()}"
    if os.path.isdir(source):
        shutil.copytree(source, fresh)
    else:
        shutil.copyfile(source, fresh)
        shutil.copymode(source, fresh)
    for folder, _, names in os.walk(fresh) if os.path.isdir(fresh) else [(os.path.dirname(fresh), [], [fresh])]:
        for name in names:
            path = os.path.join(folder, name)
            os.chmod(path, os.stat(path).st_mode | stat.S_IWUSR)
    _remove(target)
    os.rename(fresh, target)
