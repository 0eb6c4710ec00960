"""Assemble the layers, configuration and layout of an image from command-line options."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ociimage import base_image as baseimage, config as imageconfig, layout as oci, tar
from ociimage.errors import ImageError

_ACCESS = r"(?::(?P<mode>[0-7]{3,4}))?(?::(?P<uid>[0-9]{1,9}):(?P<gid>[0-9]{1,9}))?"
_SPEC = re.compile(r"(?P<path>[^=]+)=(?P<host>.+?)" + _ACCESS)
_DIRECTORY = re.compile(r"(?P<path>.+?)" + _ACCESS)


Members = tuple[str, tuple[tar.Entry, ...]]


@dataclass(frozen=True, slots=True)
class PackOption:
    """One option: kind is "file", "tree" or "dir"."""

    kind: str
    spec: str


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """One layer with its options in order."""

    name: str
    wanted: tuple[PackOption, ...] = ()


class _CollectOptions(argparse.Action):
    """Collect --layer, --file, --tree and --dir: a file belongs to the layer named before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        groups: list[LayerOptions] = namespace.groups
        kind = str(option).lstrip("-")
        if kind == "layer":
            groups.append(LayerOptions(str(values)))
            return
        if not groups:
            groups.append(LayerOptions("files"))
        groups[-1] = replace(groups[-1], wanted=(*groups[-1].wanted, PackOption(kind, str(values))))


def entries(wanted: PackOption, owner: tuple[int, int]) -> Iterator[tar.Entry]:
    """Yield the members of one option; ImageError for invalid text or a missing host file."""
    fields = (_DIRECTORY if wanted.kind == "dir" else _SPEC).fullmatch(wanted.spec)
    if fields is None:
        form = "IMAGE" if wanted.kind == "dir" else "IMAGE=HOST"
        raise ImageError(
            f"--{wanted.kind} {wanted.spec!r} is not of the form {form}[:MODE][:UID:GID]"
        )
    mine = (int(fields["uid"]), int(fields["gid"])) if fields["uid"] else owner
    mode = _mode(wanted, fields["mode"])
    path = tar.clean_path(fields["path"])
    if wanted.kind == "dir":
        yield tar.Entry(path, "directory", 0o755 if mode is None else mode, mine)
        return
    host = Path(fields["host"])
    if wanted.kind == "tree":
        yield from _tree(path, host, mode, mine)
        return
    if not host.is_file():
        raise ImageError(f"--file {wanted.spec!r}: {fields['host']!r} is not a file here")
    yield _file(path, host, mode, mine)


def _mode(wanted: PackOption, text: str | None) -> int | None:
    if text is None:
        return None
    mode = int(text, 8)
    if mode > 0o777 and not (wanted.kind == "dir" and mode <= 0o1777):
        option = f"--{wanted.kind} {wanted.spec!r}: mode {text}"
        raise ImageError(f"{option} has setuid, setgid or sticky bits; use 000 to 777")
    return mode


def _file(path: str, host: Path, mode: int | None, owner: tuple[int, int]) -> tar.Entry:
    if mode is None:
        mode = 0o755 if host.stat().st_mode & 0o100 else 0o644
    return tar.Entry(path, "file", mode, owner, host)


def _tree(prefix: str, host: Path, mode: int | None, owner: tuple[int, int]) -> Iterator[tar.Entry]:
    if not host.is_dir():
        raise ImageError(f"--tree {prefix}={host}: that is not a folder here")
    yield tar.Entry(prefix, "directory", 0o755, owner)
    for child in sorted(host.rglob("*")):
        path = f"{prefix}/{child.relative_to(host).as_posix()}"
        if child.is_symlink():
            yield tar.Entry(path, "symlink", 0o777, owner, target=str(child.readlink()))
        elif child.is_dir():
            yield tar.Entry(path, "directory", 0o755, owner)
        elif child.is_file():
            yield _file(path, child, mode, owner)
        else:
            raise ImageError(f"{path!r} is not a file, a folder or a symbolic link")


def resolve_layers(groups: Sequence[LayerOptions], owner: tuple[int, int]) -> list[Members]:
    """Return every layer's members and parents; ImageError for an empty layer or a duplicate
    path.
    """
    if not groups:
        raise ImageError("nothing to pack; give at least one --file")
    asked: list[Members] = []
    for group in groups:
        if not group.wanted:
            raise ImageError(f"layer {group.name!r} is empty; give it a --file or leave it out")
        asked.append(
            (group.name, tuple(entry for one in group.wanted for entry in entries(one, owner)))
        )
    # A folder of one layer can contain files of another: both layers need the same entry.
    described = {
        entry.path: entry for _, members in asked for entry in members if entry.kind == "directory"
    }
    layers = [(name, tar.complete(members, described)) for name, members in asked]
    _unique(layers)
    return layers


def _unique(layers: Iterable[Members]) -> None:
    """Refuse a path in two layers unless it is the same directory: one would hide shipped bytes."""
    seen: dict[str, tuple[str, tar.Entry]] = {}
    for name, members in layers:
        for entry in members:
            first, other = seen.setdefault(entry.path, (name, entry))
            if first != name and (entry.kind != "directory" or entry != other):
                raise ImageError(
                    f"{entry.path!r} is in layer {first!r} and in {name!r}; keep one of them"
                )


def check_programs(config: dict[str, Any], layers: Iterable[Members]) -> None:
    """Raise an ImageError if a program of the configuration is missing or not executable."""
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
    """Return RFC 3339 text of `epoch` seconds since 1970, UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=epoch)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def assemble(options: argparse.Namespace) -> oci.Image:
    """Write the layout, and the archive and summary if requested."""
    config = imageconfig.configuration(_json(options.config))
    layers = resolve_layers(options.groups, _owner(options.owner))
    check_programs(config, layers)
    annotations = dict(_annotation(text) for text in options.annotation)
    out: Path = options.out
    if out.exists() and any(out.iterdir()):
        raise ImageError(f"--out {out} is not empty; give a new folder")
    base = baseimage.load(options.base) if options.base else None
    below = base.copy(out, config) if base else ()
    written = tuple(oci.write_layer(out, name, members, options.epoch) for name, members in layers)
    when = created(options.epoch)
    config["created"] = when
    config["history"] = [
        *(base.history(when) if base else ()),
        *({"created": when, "created_by": f"buildgraph: layer {name}"} for name, _ in layers),
    ]
    if base:
        annotations[baseimage.DIGEST_KEY] = base.digest
    image = oci.write_image(
        out,
        config,
        (*below, *written),
        annotations,
        options.name and oci.checked_name(options.name),
    )
    if options.tar:
        oci.write_archive(out, options.tar, options.epoch)
    if options.summary:
        options.summary.write_bytes(oci.canonical(image.summary()) + b"\n")
    return image


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ImageError(f"--config {path}: not JSON: {error}") from None


def _owner(text: str) -> tuple[int, int]:
    fields = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", text)
    if fields is None:
        raise ImageError(f"--owner {text!r} is not UID:GID in numbers")
    return int(fields[1]), int(fields[2])


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
    """Return the parser of the options."""
    arguments = argparse.ArgumentParser(
        prog="assemble_image", description=__doc__, allow_abbrev=False
    )
    arguments.set_defaults(groups=[])
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
        arguments.add_argument(
            name, metavar=metavar, action=_CollectOptions, help=text, dest="groups"
        )
    arguments.add_argument(
        "--config", type=Path, required=True, help="JSON: architecture, entrypoint, ..."
    )
    arguments.add_argument(
        "--base", type=Path, help="layout of one image, whose layers are below all others"
    )
    arguments.add_argument("--annotation", action="append", default=[], metavar="KEY=VALUE")
    arguments.add_argument(
        "--name", default="", metavar="NAME:TAG", help="name of the image in the layout"
    )
    arguments.add_argument(
        "--owner", default="0:0", metavar="UID:GID", help="of every entry that names none"
    )
    arguments.add_argument(
        "--epoch", type=_epoch, default=0, help="seconds since 1970: every time in the image"
    )
    arguments.add_argument(
        "--out", type=Path, required=True, help="folder of the OCI layout, new or empty"
    )
    arguments.add_argument("--tar", type=Path, help="the layout as one archive, for `docker load`")
    arguments.add_argument(
        "--summary", type=Path, help="digests, sizes, diffIDs and platform as JSON"
    )
    return arguments
