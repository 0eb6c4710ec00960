"""The difference of two images: configuration, layers and files, down to the first byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .content_diff import first_difference
from .image_content import Image, ImageFile

_LARGEST = 64 << 20
_FIELDS = ("kind", "mode", "owner", "mtime", "target")


@dataclass(frozen=True, slots=True)
class ImageDifference:
    """One difference. `what` is `config`, `annotation`, `layer` or `file`; `detail` says which.

    `change` is `added`, `removed` or `changed`.
    """

    what: str
    name: str
    change: str
    detail: str = ""


def diff_images(before: Image, after: Image) -> list[ImageDifference]:
    """Return all differences; none if the digests are equal."""
    if before.descriptor.digest == after.descriptor.digest:
        return []
    old, new = dict(before.manifest.annotations), dict(after.manifest.annotations)
    return [
        *_diff_tables("config", _flatten(before.config), _flatten(after.config)),
        *_diff_tables("annotation", old, new),
        *_diff_layers(before, after),
        *_diff_files(before, after),
    ]


def _flatten(value: Any, path: str = "") -> dict[str, str]:
    """Map the path of each value of a JSON object, such as `config.Labels.title`, to its text.

    Digests and the history of layers are left out: layers are compared by themselves.
    """
    if isinstance(value, dict) and value:
        flat: dict[str, str] = {}
        for key, inner in value.items():
            name = f"{path}.{key}" if path else str(key)
            if name not in ("rootfs", "history"):
                flat |= _flatten(inner, name)
        return flat
    return {path: str(value)}


def _diff_tables(
    what: str, before: dict[str, str], after: dict[str, str]
) -> Iterator[ImageDifference]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield ImageDifference(what, name, "added", after[name])
        elif name not in after:
            yield ImageDifference(what, name, "removed", before[name])
        elif before[name] != after[name]:
            yield ImageDifference(what, name, "changed", f"{before[name]} -> {after[name]}")


def _diff_layers(before: Image, after: Image) -> Iterator[ImageDifference]:
    old = [layer.descriptor.digest for layer in before.layers]
    new = [layer.descriptor.digest for layer in after.layers]
    files = {layer.descriptor.digest: layer.files for layer in (*before.layers, *after.layers)}
    for number, (one, other) in enumerate(zip(old, new, strict=False), 1):
        if one != other:
            same = " (equal files, packed otherwise)" if files[one] == files[other] else ""
            yield ImageDifference("layer", str(number), "changed", f"{one} -> {other}{same}")
    for number in range(len(old), len(new)):
        yield ImageDifference("layer", str(number + 1), "added", new[number])
    for number in range(len(new), len(old)):
        yield ImageDifference("layer", str(number + 1), "removed", old[number])


def _diff_files(before: Image, after: Image) -> Iterator[ImageDifference]:
    old, new = before.visible(), after.visible()
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            yield ImageDifference("file", path, "added", _describe(new[path][0]))
        elif path not in new:
            yield ImageDifference("file", path, "removed", _describe(old[path][0]))
        elif details := list(_changes((before, *old[path]), (after, *new[path]))):
            yield ImageDifference("file", path, "changed", "; ".join(details))


def _describe(file: ImageFile) -> str:
    return f"{file.size} bytes" if file.kind == "file" else file.kind


def _changes(old: tuple[Image, ImageFile, int], new: tuple[Image, ImageFile, int]) -> Iterator[str]:
    (before, was, layer), (after, now, layer_now) = old, new
    for name in _FIELDS:
        value, other = getattr(was, name), getattr(now, name)
        if value != other:
            form = oct if name == "mode" else str
            yield f"{name} {form(value)} -> {form(other)}"
    if was.digest != now.digest and was.digest and now.digest:
        if max(was.size, now.size) > _LARGEST:
            yield f"content {was.digest} -> {now.digest}"
        else:
            yield first_difference(before.read(was.path, layer), after.read(now.path, layer_now))
