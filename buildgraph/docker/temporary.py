"""Images and volumes that Docker has for a moment: removed afterwards, also after an interrupt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..types.errors import BuildError
from .client import connect, load

_ATTEMPTS, _WAIT_S = 100, 0.1


@contextmanager
def temporary_image(source: Path) -> Iterator[str]:
    """Load the image of an OCI layout; remove it afterwards unless Docker had it. Yield its id."""
    with connect() as api:
        earlier = {str(image["Id"]) for image in api.images(all=True)}
    image = load(source)
    try:
        yield image
    finally:
        if image not in earlier:
            with connect() as api:
                api.remove_image(image, force=True)


@contextmanager
def temporary_volume() -> Iterator[str]:
    """Create an empty volume, and yield its name."""
    with connect() as api:
        name = str(api.create_volume()["Name"])
    try:
        yield name
    finally:
        _remove_volume(name)


def _remove_volume(name: str) -> None:
    """Remove a volume. Docker removes its last container a moment after the container's end."""
    for attempt in range(_ATTEMPTS):
        try:
            with connect() as api:
                api.remove_volume(name, force=True)
            return
        except BuildError:
            if attempt + 1 == _ATTEMPTS:
                raise
        time.sleep(_WAIT_S)
