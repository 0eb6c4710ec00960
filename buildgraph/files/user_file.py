"""Write a file at a path that the user named."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from ..types.errors import BuildError


def write_user_file(path: str, what: str, write: Callable[[TextIO], object]) -> None:
    """Write a file of text atomically; `write` writes its content.

    An existing pipe or device is written to, and not replaced. BuildError that begins with `what`
    if the file cannot be written.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "w", encoding="utf-8") as file:
                write(file)
            return
        path = os.path.realpath(path)  # a link stays, and its target is replaced
        temporary = f"{path}.{os.getpid()}"
        try:
            with open(
                os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666),
                "w",
                encoding="utf-8",
            ) as file:
                write(file)
            os.replace(temporary, path)
        except BaseException as error:
            if not isinstance(error, FileExistsError):
                with suppress(OSError):
                    os.unlink(temporary)
            raise
    except OSError as error:
        raise BuildError(
            f"{what} {path} cannot be written: {error.strerror}",
            None,
            "choose a path to which you may write",
            "environment",
        ) from None
