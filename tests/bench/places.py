"""Make a new file system for each row.

ext4 skips inodes that were freed in the last minutes one by one. To create a file takes 20 us in a
clean folder, and up to 800 us after many were removed. So no row may use the file system of the
row before it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 40 << 30  # bytes of the image at most: it is sparse


@contextmanager
def fresh(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield a place below a folder and its kind: a new ext4 image for root, else a new folder.

    It is removed afterwards.
    """
    image, place = (
        Path(tempfile.mkstemp(dir=folder, suffix=".ext4")[1]),
        Path(tempfile.mkdtemp(dir=folder)),
    )
    what = "a new ext4 image" if _mounted(image, place) else "a new folder"
    try:
        yield place, what
    finally:
        if what == "a new ext4 image":
            _unmount(place)
        shutil.rmtree(place, ignore_errors=True)
        image.unlink()


def _mounted(image: Path, place: Path) -> bool:
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        return False
    os.truncate(image, SIZE)
    for words in (
        ("mkfs.ext4", "-q", "-F", str(image)),
        ("mount", "-o", "loop", str(image), str(place)),
    ):
        if subprocess.run(words, capture_output=True, check=False).returncode:
            return False
    return True


def _unmount(place: Path) -> None:
    """Unmount it when no daemon uses it any more, after ten seconds in any case (`umount -l`)."""
    deadline = time.monotonic() + 10
    while subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            subprocess.run(["umount", "-l", str(place)], check=True)
            return
        time.sleep(0.2)
