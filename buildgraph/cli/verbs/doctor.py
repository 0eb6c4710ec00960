"""`buildgraph doctor`: check what this machine offers, and print how to install what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ... import DISTRIBUTION
from ...types.errors import OK, BuildError
from ...ui.json_document import print_document

_MIN_PYTHON = (3, 11)
_MIN_FREE = 1 << 30  # bytes
_PACKAGES = ("networkx", "pydantic", "xxhash", "diskcache", "numpy", "rich", "deflate")
_INDENT = f"{'':>19}"


@dataclass(frozen=True, slots=True)
class Check:
    """The state of one requirement: "ok", "weak" or "missing".

    `detail` is what was detected, `purpose` what buildgraph needs it for, and `help` how to get it.
    """

    name: str
    state: str
    detail: str
    purpose: str
    help: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the check for the JSON answer."""
        return {
            "name": self.name,
            "state": self.state,
            "detail": self.detail,
            "purpose": self.purpose,
            "help": self.help,
        }


def arguments(parser: ArgumentParser) -> None:
    """The verb has no arguments of its own."""


def run(options: Namespace) -> int:
    """Print all checks; always 0, because what is missing may not be needed."""
    checks = examine(os.environ)
    if options.json:
        print_document({"checks": [check.to_json() for check in checks]})
    else:
        print("\n".join(line for check in checks for line in format_check(check)))
    return OK


def format_check(check: Check) -> list[str]:
    """Format a check: one line if it is ok, otherwise also its purpose and help."""
    lines = [f"{check.state:<8} {check.name:<9} {check.detail}"]
    if check.state != "ok":
        lines += [f"{_INDENT}needed for {check.purpose}", f"{_INDENT}help: {check.help}"]
    return lines


def examine(environ: Mapping[str, str]) -> list[Check]:
    """Run all checks, in a fixed order."""
    return [
        python(),
        packages(),
        sandbox(environ),
        cache(environ),
        *trust(),
        zig(),
        qemu(),
        docker(),
        pymdp(),
    ]


def python() -> Check:
    """Check the version of the Python interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    state = "ok" if sys.version_info >= _MIN_PYTHON else "missing"
    return Check(
        "python", state, version, "running buildgraph and its tools", "install Python 3.11 or newer"
    )


def packages() -> Check:
    """Check the distributions that every build needs."""
    missing = [name for name in _PACKAGES if _version(name) is None]
    return Check(
        "packages",
        "missing" if missing else "ok",
        f"{', '.join(missing)} not installed" if missing else f"all {len(_PACKAGES)} installed",
        "analysis, cache, tools and console output",
        f"pip install {' '.join(missing)}",
    )


def sandbox(environ: Mapping[str, str]) -> Check:
    """Check which sandboxes work here, by starting each of them."""
    from ...sandbox.job import LEVELS
    from ...sandbox.sandbox import best_level, is_available

    purpose = "isolating actions from everything but their inputs"
    try:
        best = best_level(environ)
        weaker = [level for level in LEVELS[LEVELS.index(best) + 1 : -1] if is_available(level)]
    except BuildError as error:
        return Check("sandbox", "missing", error.what, purpose, error.fix)
    return Check(
        "sandbox",
        {"namespaces": "ok", "landlock": "weak"}.get(best, "missing"),
        best + (f" (also available: {', '.join(weaker)})" if weaker else ""),
        purpose,
        "install bubblewrap and allow user namespaces (inside Docker: "
        "--security-opt seccomp=unconfined); BUILDGRAPH_SANDBOX must not forbid it",
    )


def cache(environ: Mapping[str, str]) -> Check:
    """Check the folder of the cache, and the free space on its disk."""
    from ...store.cache_dir import check_owner, default_root

    purpose = "storing results, so that no action runs twice"
    try:
        root = existing = default_root(environ)
        while not os.path.exists(existing):
            existing = os.path.dirname(existing)
        if existing == root:
            check_owner(root)
    except BuildError as error:
        return Check("cache", "missing", error.what, purpose, error.fix)
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check(
            "cache",
            "missing",
            f"{root} is not writable",
            purpose,
            "set BUILDGRAPH_CACHE to a folder that you can write to",
        )
    free = shutil.disk_usage(existing).free
    return Check(
        "cache",
        "ok" if free >= _MIN_FREE else "weak",
        f"{root} ({free / (1 << 30):.1f} GiB free)",
        purpose,
        "free some disk space, or set BUILDGRAPH_CACHE to a folder on another disk",
    )


def trust() -> list[Check]:
    """Check the keys of [workspace.trust], if the current folder is in a workspace with that."""
    from ...host.environment import trust_of
    from ..invocation import Invocation

    purpose = "results that others share"
    try:
        policy = trust_of(Invocation.find().root, lambda text: None)
    except BuildError as error:
        known = error.reason == "workspace"
        return [] if known else [Check("trust", "missing", error.what, purpose, error.fix)]
    if policy is None:
        return []
    keys = "; ".join(
        f"{' and '.join(domains)} {key.key_id[:16]}" for key, domains in policy.trusted.items()
    )
    signer = policy.signer
    signs = f"signs as {signer.domain}" if signer else "signs nothing"
    return [Check("trust", "ok", f"reads {keys or 'nobody'}; {signs}", purpose)]


def zig() -> Check:
    """Check the cross compiler."""
    return _check_distribution(
        "zig", "ziglang", "compiling agents for boards", "pip install ziglang==0.17.1"
    )


def pymdp() -> Check:
    """Check the optional library of models."""
    return _check_distribution(
        "pymdp",
        "inferactively-pymdp",
        "models written in Python (.npz models do not need it)",
        f"pip install '{DISTRIBUTION}[pymdp]'",
    )


def qemu() -> Check:
    """Check the emulators of the boards' processors."""
    names = [f"qemu-{processor}-static" for processor in ("aarch64", "arm", "riscv64")]
    paths = [shutil.which(name) for name in names]
    missing = [name for name, path in zip(names, paths, strict=True) if not path]
    return Check(
        "qemu",
        "missing" if missing else "ok",
        f"no {', '.join(missing)} on PATH" if missing else f"{paths[0]}, for arm and riscv64 too",
        "readiness gates, which run a board's program on this machine",
        "sudo apt install qemu-user-static",
    )


def docker() -> Check:
    """Check the Docker daemon."""
    return _try("docker", _docker_version, "`load` and `run` (building images does not need it)")


def _docker_version() -> str:
    from ...docker.client import version

    return version()


def _try(name: str, detect: Callable[[], str], purpose: str) -> Check:
    try:
        return Check(name, "ok", detect(), purpose)
    except BuildError as error:
        return Check(name, "missing", error.what, purpose, error.fix)


def _check_distribution(name: str, distribution: str, purpose: str, install: str) -> Check:
    version = _version(distribution)
    return Check(
        name,
        "ok" if version else "missing",
        f"{distribution} {version}" if version else f"{distribution} is not installed",
        purpose,
        install,
    )


def _version(distribution: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
