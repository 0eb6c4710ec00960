"""Small OCI image layouts for tests, made by the writer of the exports."""

from __future__ import annotations

from pathlib import Path

from ociimage import layout as oci, tar
from ociimage.merge import merge

Entries = list[tar.Entry]


def write_layout(folder: Path, layers: list[Entries], architecture: str = "amd64") -> Path:
    """Write the layout of one image; its name is `swarm/agent:latest`."""
    written = tuple(
        oci.write_layer(folder, str(number), entries) for number, entries in enumerate(layers)
    )
    config = {"architecture": architecture, "os": "linux", "config": {"Labels": {"a": "b"}}}
    oci.write_image(folder, config, written, {"title": "agent"}, "swarm/agent:latest")
    return folder


def write_index(folder: Path, architectures: tuple[str, ...] = ("amd64", "arm64")) -> Path:
    """Write the layout of an index; each platform has a file /agent of its own."""
    layouts = [
        write_layout(folder / name, [[tar.Entry("agent", mode=0o755, source=name.encode())]], name)
        for name in architectures
    ]
    merge(layouts, folder / "index", "swarm/agent:latest")
    return folder / "index"
