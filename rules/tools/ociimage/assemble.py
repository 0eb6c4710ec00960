"""Files in, OCI image out: `assemble --layer NAME --file bin/agent=HOST:0755 --config JSON --out DIR`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ociimage import config as imageconfig, layout as oci, tar
from ociimage.errors import ImageError

_ACCESS = r"(?::(?P<mode>[0-7]{3,4}))?(?::(?P<uid>[0-9]{1,9}):(?P<gid>[0-9]{1,9}))?"
_SPEC = re.compile(r"(?P<path>[^=]+)=(?P<host>.+?)" + _ACCESS)
_DIRECTORY = re.compile(r"(?P<path>.+?)" + _ACCESS)


Members = tuple[str, tuple[tar.Entry, ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to pack as argv says it: kind is "file", "tree" or "dir"."""

    kind: str
    spec: str


@dataclass(frozen=True, slots=True)
class Group:
    """One layer as argv says it, in argv's order."""

    name: str
    wanted: tuple[Wanted, ...] = ()


class _Grouped(argparse.Action):
    """Collects --layer, --file, --tree and --dir in one list: a file belongs to the layer named before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        groups: list[Group] = namespace.groups
        kind = str(option).lstrip("-")
        if kind == "layer":
            groups.append(Group(str(values)))
            return
        if not groups:
            groups.append(Group("files"))
        groups[-1] = replace(groups[-1], wanted=(*groups[-1].wanted, Wanted(kind, str(values))))


def entries(wanted: Wanted, owner: tuple[int, int]) -> Iterator[tar.Entry]:
    """The members that one option asks for; ImageError when its text or its host file cannot be used."""
    found = (_DIRECTORY if wanted.kind == "dir" else _SPEC).fullmatch(wanted.spec)
    if found is None:
        form = "IMAGE" if wanted.kind == "dir" else "IMAGE=HOST"
        raise ImageError(
            f"--{wanted.kind} {wanted.spec!r} is not of the form {form}[:MODE][:UID:GID]"
        )
    mine = (int(found["uid"]), int(found["gid"])) if found["uid"] else owner
    mode = _mode(wanted, found["mode"])
    path = tar.clean_path(found["path"])
    if wanted.kind == "dir":
        yield tar.Entry(path, "directory", 0o755 if mode is None else mode, mine)
        return
    host = Path(found["host"])
    if wanted.kind == "tree":
        yield from _tree(path, host, mode, mine)
        return
    if not host.is_file():
        raise ImageError(f"--file {wanted.spec!r}: {found['host']!r} is not a file here")
    yield _file(path, host, mode, mine)


def _mode(wanted: Wanted, text: str | None) -> int | None:
    if text is None:
        return None
    mode = int(text, 8)
    if mode > 0o777 and not (wanted.kind == "dir" and mode <= 0o1777):
        said = f"--{wanted.kind} {wanted.spec!r}: mode {text}"
        raise ImageError(f"{said} has setuid, setgid or sticky bits; use 000 to 777")
    return mode


def _file(path: str, host: Path, mode: int | None, owner: tuple[int, int]) -> tar.Entry:
    if mode is None:
        mode = 0o755 if host.stat().st_mode & 0o100 else 0o644
    return tar.Entry(path, "file", mode, owner, host)


def _tree(prefix: str, host: Path, mode: int | None, owner: tuple[int, int]) -> Iterator[tar.Entry]:
    if not host.is_dir():
        raise ImageError(f"--tree {prefix}={host}: that is not a folder here")
    yield tar.Entry(prefix, "directory", 0o755, owner)
    for found in sorted(host.rglob("*")):
        path = f"{prefix}/{found.relative_to(host).as_posix()}"
        if found.is_symlink():
            yield tar.Entry(path, "symlink", 0o777, owner, target=str(found.readlink()))
        elif found.is_dir():
            yield tar.Entry(path, "directory", 0o755, owner)
        elif found.is_file():
            yield _file(path, found, mode, owner)
        else:
            raise ImageError(f"{path!r} is neither file, folder nor symbolic link")


def plan(groups: Sequence[Group], owner: tuple[int, int]) -> list[Members]:
    """Every layer's members with their parents; ImageError for an empty layer or a path that two layers hold."""
    if not groups:
        raise ImageError("nothing to pack; give at least one --file")
    asked: list[Members] = []
    for group in groups:
        if not group.wanted:
            raise ImageError(f"layer {group.name!r} is empty; give it a --file or leave it out")
        asked.append(
            (group.name, tuple(entry for one in group.wanted for entry in entries(one, owner)))
        )
    # A folder that is described in one layer is above files of another: both must say the same of it.
    described = {
        entry.path: entry for _, members in asked for entry in members if entry.kind == "directory"
    }
    made = [(name, tar.complete(members, described)) for name, members in asked]
    _unique(made)
    return made


def _unique(layers: Iterable[Members]) -> None:
    """A path may be in two layers only as the same directory: else one would hide bytes that still ship."""
    seen: dict[str, tuple[str, tar.Entry]] = {}
    for name, members in layers:
        for entry in members:
            first, other = seen.setdefault(entry.path, (name, entry))
            if first != name and (entry.kind != "directory" or entry != other):
                raise ImageError(
                    f"{entry.path!r} is in layer {first!r} and in {name!r}; keep one of them"
                )


def check_programs(config: dict[str, Any], layers: Iterable[Members]) -> None:
    """ImageError when a program that the runtime will start is not in the image or cannot be executed."""
    present = {entry.path: entry for _, members in layers for entry in members}
    for key, path in sorted(imageconfig.programs(config).items()):
        entry = present.get(path)
        if entry is None:
            raise ImageError(
                f"{key} starts '/{path}', which no layer holds; add --file {path}=HOST_PATH:0755"
            )
        if not _may_execute(entry, config["config"]["User"]):
            raise ImageError(
                f"{key} starts '/{path}', which the image's user may not execute; use mode 0755"
            )


def _may_execute(entry: tar.Entry, user: str) -> bool:
    uid, _, gid = user.partition(":")
    if entry.kind != "file":
        return entry.kind == "symlink"
    if entry.owner[0] == int(uid):
        return bool(entry.mode & 0o100)
    return bool(entry.mode & (0o010 if entry.owner[1] == int(gid or 0) else 0o001))


def created(epoch: int) -> str:
    """RFC 3339 text of `epoch` seconds since 1970, UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def assemble(options: argparse.Namespace) -> oci.Image:
    """Write the layout that `options` describe, and the archive and summary where they are asked for."""
    config = imageconfig.configuration(_json(options.config))
    layers = plan(options.groups, _owner(options.owner))
    check_programs(config, layers)
    annotations = dict(_annotation(text) for text in options.annotation)
    out: Path = options.out
    if out.exists() and any(out.iterdir()):
        raise ImageError(f"--out {out} is not empty; give a new folder")
    written = tuple(oci.write_layer(out, name, members, options.epoch) for name, members in layers)
    when = created(options.epoch)
    config["created"] = when
    config["history"] = [
        {"created": when, "created_by": f"buildgraph: layer {name}"} for name, _ in layers
    ]
    image = oci.write_image(
        out, config, written, annotations, options.name and oci.checked_name(options.name)
    )
    if options.tar:
        oci.write_archive(out, options.tar, options.epoch)
    if options.summary:
        options.summary.write_bytes(oci.canonical(image.summary()) + b"\n")
    return image


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as fault:
        raise ImageError(f"--config {path}: not JSON: {fault}") from None


def _owner(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", text)
    if found is None:
        raise ImageError(f"--owner {text!r} is not UID:GID in numbers")
    return int(found[1]), int(found[2])


def _annotation(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ImageError(f"--annotation {text!r} is not KEY=VALUE")
    return key, value


def _epoch(text: str) -> int:
    if not 0 <= int(text) < 8**11:
        raise ValueError(text)
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The options of the program."""
    found = argparse.ArgumentParser(prog="assemble_image", description=__doc__, allow_abbrev=False)
    found.set_defaults(groups=[])
    grouped: list[tuple[str, str, str]] = [
        ("--layer", "NAME", "begin a layer, the stable ones first; what follows is in it"),
        (
            "--file",
            "IMAGE=HOST[:MODE][:UID:GID]",
            "one file; else 0755 or 0644, by the execute bit",
        ),
        ("--tree", "IMAGE=HOST[:MODE][:UID:GID]", "all of a folder; MODE is for its files"),
        ("--dir", "IMAGE[:MODE][:UID:GID]", "an empty directory"),
    ]
    for name, metavar, text in grouped:
        found.add_argument(name, metavar=metavar, action=_Grouped, help=text, dest="groups")
    found.add_argument(
        "--config", type=Path, required=True, help="JSON: architecture, entrypoint, ..."
    )
    found.add_argument("--annotation", action="append", default=[], metavar="KEY=VALUE")
    found.add_argument(
        "--name", default="", metavar="NAME:TAG", help="what the layout calls the image"
    )
    found.add_argument(
        "--owner", default="0:0", metavar="UID:GID", help="of every entry that names none"
    )
    found.add_argument(
        "--epoch", type=_epoch, default=0, help="seconds since 1970: every time in the image"
    )
    found.add_argument(
        "--out", type=Path, required=True, help="folder of the OCI layout, new or empty"
    )
    found.add_argument("--tar", type=Path, help="the layout as one archive, for `docker load`")
    found.add_argument("--summary", type=Path, help="digests, sizes, diffIDs and platform as JSON")
    return found
