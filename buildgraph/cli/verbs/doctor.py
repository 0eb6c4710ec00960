"""`buildgraph doctor`: what this machine offers, what each thing is for, and how to mend what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from ... import DISTRIBUTION
from ...types.errors import OK, BuildError
from ...ui.json_document import print_document

_OLDEST = (3, 11)
_LITTLE = 1 << 30
_PACKAGES = ("networkx", "pydantic", "xxhash", "diskcache", "numpy", "rich", "deflate")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing of the machine: `state` is "ok", "weak" or "missing", `found` what was seen."""

    name: str
    state: str
    found: str
    purpose: str
    mend: str = ""


def arguments(parser: ArgumentParser) -> None:
    """It has no words of its own."""


def run(options: Namespace) -> int:
    """Look at everything and print it; always 0, for what is missing may not be needed."""
    checks = examine(os.environ)
    if options.json:
        print_document({"checks": [asdict(check) for check in checks]})
    else:
        print("\n".join(line for check in checks for line in told(check)))
    return OK


def told(check: Check) -> list[str]:
    """A check as lines: one when all is well, with purpose and remedy when it is not."""
    first = f"{check.state:<8} {check.name:<9} {check.found}"
    return (
        [first]
        if check.state == "ok"
        else [first, f"{'':>19}for {check.purpose}", f"{'':>19}mend: {check.mend}"]
    )


def examine(environ: Mapping[str, str]) -> list[Check]:
    """All checks in a fixed order."""
    return [
        python(),
        packages(),
        sandbox(environ),
        cache(environ),
        zig(),
        qemu(),
        docker(),
        pymdp(),
    ]


def python() -> Check:
    """The interpreter that buildgraph and its tools run with."""
    found = ".".join(map(str, sys.version_info[:3]))
    state = "ok" if sys.version_info >= _OLDEST else "missing"
    return Check(
        "python", state, found, "running buildgraph and its tools", "install Python 3.11 or newer"
    )


def packages() -> Check:
    """The distributions that every build needs."""
    lacking = [name for name in _PACKAGES if _version(name) is None]
    found = f"{', '.join(lacking)} not installed" if lacking else f"all {len(_PACKAGES)} installed"
    return Check(
        "packages",
        "missing" if lacking else "ok",
        found,
        "analysis, store, tools and console",
        f"pip install {' '.join(lacking)}",
    )


def sandbox(environ: Mapping[str, str]) -> Check:
    """The strongest sandbox that works here, and the weaker ones, each tried by using it."""
    from ...sandbox.job import LEVELS
    from ...sandbox.sandbox import best_level, is_available

    purpose = "actions that see their inputs and nothing else"
    try:
        best = best_level(environ)
        below = [level for level in LEVELS[LEVELS.index(best) + 1 : -1] if is_available(level)]
    except BuildError as fault:
        return Check("sandbox", "missing", fault.what, purpose, fault.fix)
    found = best + (f" ({', '.join(below)} works too)" if below else "")
    state = {"namespaces": "ok", "landlock": "weak"}.get(best, "missing")
    return Check(
        "sandbox",
        state,
        found,
        purpose,
        "install bubblewrap and allow user namespaces (inside Docker: "
        "--security-opt seccomp=unconfined); BUILDGRAPH_SANDBOX must not forbid it",
    )


def cache(environ: Mapping[str, str]) -> Check:
    """The folder of the store, and the room on its disk."""
    from ...store.cache_dir import check_owner, default_root

    purpose = "remembering every result, so that nothing is done twice"
    try:
        root = above = default_root(environ)
        while not os.path.exists(above):
            above = os.path.dirname(above)
        if above == root:
            check_owner(root)
    except BuildError as fault:
        return Check("cache", "missing", fault.what, purpose, fault.fix)
    if not os.access(above, os.W_OK | os.X_OK):
        return Check(
            "cache",
            "missing",
            f"{root} cannot be written",
            purpose,
            "set BUILDGRAPH_CACHE to a folder of yours",
        )
    free = shutil.disk_usage(above).free
    found = f"{root} ({free / (1 << 30):.1f} GiB free)"
    return Check(
        "cache",
        "ok" if free >= _LITTLE else "weak",
        found,
        purpose,
        "make room, or set BUILDGRAPH_CACHE to a folder on another disk",
    )


def zig() -> Check:
    """The cross compiler."""
    return _package(
        "zig", "ziglang", "compiling agents for every board", "pip install ziglang==0.17.1"
    )


def pymdp() -> Check:
    """The optional library of models."""
    return _package(
        "pymdp",
        "inferactively-pymdp",
        "models written as Python code (.npz models do without)",
        f"pip install '{DISTRIBUTION}[pymdp]'",
    )


def qemu() -> Check:
    """The emulator of the boards' processors."""
    path = shutil.which("qemu-aarch64-static")
    return Check(
        "qemu",
        "ok" if path else "missing",
        path or "no qemu-aarch64-static on PATH",
        "readiness gates that run a board's program on this machine",
        "sudo apt install qemu-user-static",
    )


def docker() -> Check:
    """The Docker daemon."""
    return _attempt("docker", _daemon, "`load` and `run` (building images does without)")


def _daemon() -> str:
    from ...docker.client import version

    return version()


def _attempt(name: str, look: Callable[[], str], purpose: str) -> Check:
    try:
        return Check(name, "ok", look(), purpose)
    except BuildError as fault:
        return Check(name, "missing", fault.what, purpose, fault.fix)


def _package(name: str, distribution: str, purpose: str, mend: str) -> Check:
    found = _version(distribution)
    return Check(
        name,
        "ok" if found else "missing",
        f"{distribution} {found}" if found else f"{distribution} is not installed",
        purpose,
        mend,
    )


def _version(distribution: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
