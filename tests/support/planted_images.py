"""Images for tests of readiness: one that is ready, and others in which something is planted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ociimage import layout as oci, tar

from tests.support.elf_files import elf_file

AGENT = tar.Entry("agent", mode=0o755, source=elf_file("arm64"))


def config(**process: Any) -> dict[str, Any]:
    """The configuration of a ready image for arm64, with changes of its process."""
    ready = {
        "User": "65532:65532",
        "Entrypoint": ["/agent"],
        "Healthcheck": {"Test": ["CMD", "/agent", "--health"]},
    }
    return {"architecture": "arm64", "os": "linux", "variant": "v8", "config": ready | process}


def plant(
    folder: Path, *layers: Sequence[tar.Entry], settings: dict[str, Any] | None = None
) -> Path:
    """Write an image of some layers below that of the agent, and return its layout."""
    written = [
        oci.write_layer(folder, f"layer {number}", entries)
        for number, entries in enumerate((*layers, [AGENT]))
    ]
    oci.write_image(folder, settings or config(), tuple(written), {})
    return folder
