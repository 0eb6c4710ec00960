"""The rules `python_packages` and `node_packages`: the packages of a lock file as one tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgraph import Artifact, BuildError, Ctx, Globs, In, Out, Provider, Source, Tool, rule

UNPACK_PACKAGES = Tool("unpack_packages")
_TIMEOUT_S = 3600
_FILES = "in/files"


@dataclass(frozen=True)
class PythonPackages(Provider):
    """A folder that has the packages of a `pylock.toml`, as site-packages has them."""

    tree: Artifact


@dataclass(frozen=True)
class NodePackages(Provider):
    """A folder `node_modules` with the packages of a `package-lock.json`."""

    tree: Artifact


@rule
def python_packages(
    ctx: Ctx,
    lock: Source,
    files: Globs | None = None,
    mirrors: dict[str, str] | None = None,
) -> PythonPackages:
    """The wheels of a `lock` in the format of PEP 751, such as `pylock.toml`, unpacked.

    The wheels for this interpreter are fetched and compared with their hashes; nothing is built
    from source. With `files = ["wheels/*.whl"]` nothing is fetched: the files with these hashes
    are taken. `mirrors = { "https://files.pythonhosted.org/" = "https://pypi.example.org/" }`
    replaces the beginnings of addresses.
    """
    return PythonPackages(_unpack(ctx, "pylock", lock, files, mirrors or {}))


@rule
def node_packages(
    ctx: Ctx,
    lock: Source | None = None,
    modules: Globs | None = None,
    files: Globs | None = None,
    mirrors: dict[str, str] | None = None,
    only: tuple[str, ...] = (),
) -> NodePackages:
    """The packages of a `lock`, `package-lock.json`, unpacked; or the workspace's own `modules`.

    The packages are fetched and compared with the lock's `integrity`; their install scripts do not
    run. With `files = ["packages/*.tgz"]` nothing is fetched: the archives with these hashes are
    taken. `modules = ["node_modules/**", "!node_modules/.bin/*"]` takes the folder that `npm ci`
    made. `only = ["eslint"]` takes these packages of the lock and what they need; a small tree is
    staged sooner. `mirrors` replaces the beginnings of addresses:
    `{ "https://registry.npmjs.org/" = "https://npm.example.org/" }`.
    """
    if (lock is None) == (modules is None):
        raise BuildError(
            f"{ctx.label}: node_packages needs either lock or modules",
            ctx.target.place("rule"),
            'write lock = "package-lock.json", or run `npm ci` and write '
            'modules = ["node_modules/**"]',
        )
    if lock is not None:
        names = [word for name in only for word in ("--only", name)]
        return NodePackages(_unpack(ctx, "npm", lock, files, mirrors or {}, names))
    assert modules is not None
    folder = f"{ctx.target.folder}/" if ctx.target.folder else ""
    prefix = f"{folder}node_modules/"
    staged = tuple(
        In(source, f"{_FILES}/{source.name.removeprefix(prefix)}") for source in modules.sources
    )
    (tree,) = ctx.tool(
        UNPACK_PACKAGES,
        "copy",
        _FILES,
        Out("packages", tree=True),
        inputs=staged,
        title="gather node_modules",
    )
    return NodePackages(tree)


def _unpack(
    ctx: Ctx,
    kind: str,
    lock: Source,
    files: Globs | None,
    mirrors: dict[str, str],
    more: Sequence[str] = (),
) -> Artifact:
    options = [*more]
    options += [word for pair in sorted(mirrors.items()) for word in ("--mirror", *pair)]
    inputs: tuple[In, ...] = ()
    if files is not None:
        inputs = tuple(
            In(source, f"{_FILES}/{number}/{source.name.rpartition('/')[2]}")
            for number, source in enumerate(files.sources)
        )
        options += ["--files", _FILES]
    (tree,) = ctx.tool(
        UNPACK_PACKAGES,
        kind,
        In(lock, "in/lock"),
        Out("packages", tree=True),
        *options,
        inputs=inputs,
        title="get the packages of the lock",
        network=files is None,
        timeout=_TIMEOUT_S,
    )
    return tree
