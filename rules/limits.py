"""Limits of a board that are known before anything is built: budgets, system software, images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgraph import BuildError, Ctx

from .base_image import BaseImage
from .boards.l4t import image_cuda, image_release, refusal
from .hardware import Hardware, size

if TYPE_CHECKING:
    from .export import Budget

COPIES = 2
"""Images that a board stores during an update: the one that runs and the new one."""


def require_fit(ctx: Ctx, board: Hardware, budget: Budget, base: BaseImage | None) -> None:
    """Raise BuildError if the budget or the base image cannot be that of the board."""
    if budget.memory > board.available:
        raise BuildError(
            f"{ctx.label}: a budget of {size(budget.memory)} of memory, and {board.profile} has "
            f"{size(board.available)} for the program ({size(board.memory)}, of which "
            f"{size(board.reserved)} are reserved)",
            ctx.target.place("budget", "memory"),
            f'lower it to "{size(board.available)}" or less, or name a board with more memory',
        )
    if board.storage and COPIES * budget.image > board.storage:
        raise BuildError(
            f"{ctx.label}: a budget of {size(budget.image)} for the image, and the "
            f"{size(board.storage)} of {board.profile} must hold {COPIES} images during an update",
            ctx.target.place("budget", "image"),
            f'lower it to "{size(board.storage // COPIES)}" or less, or correct the storage',
        )
    if base is not None:
        _require_software(ctx, board, base)


def _require_software(ctx: Ctx, board: Hardware, base: BaseImage) -> None:
    """Raise BuildError if the base image is for another L4T line or CUDA than the board's."""
    wanted = image_release(base.name) or image_cuda(base.name)
    if not wanted:
        return
    if not board.l4t:
        raise BuildError(
            f"{ctx.label}: the base image {base.name} is for a Jetson's L4T or CUDA, and the L4T "
            f"release of {board.profile} is not known",
            ctx.target.place("base"),
            'say in the table of the hardware what the board runs, such as l4t = "36.4.3": '
            "/etc/nv_tegra_release",
        )
    why = refusal(base.name, board.l4t, board.cuda)
    if why:
        raise BuildError(
            f"{ctx.label}: {why}",
            ctx.target.place("base"),
            f"choose a base image for L4T {board.l4t}, or update the board",
        )


def board_words(board: Hardware) -> list[str]:
    """Return the options of `measure_image` for the facts of a board that are known."""
    words = ["--board", board.profile, "--board-memory", str(board.available)]
    if board.storage:
        words += ["--board-storage", str(board.storage // COPIES)]
    if board.page_size:
        words += ["--page-size", str(board.page_size)]
    return [*words, *cgroup_words(board)]


def cgroup_words(board: Hardware) -> list[str]:
    """Return the option that says whether the board's system enforces memory limits."""
    if board.memory_cgroup is None:
        return []
    return ["--memory-cgroup", "on" if board.memory_cgroup else "off"]
