"""Limits of a board that are refused before anything is built, each for its own reason."""

from __future__ import annotations

from typing import Any

import pytest

from buildgraph import BuildError, Size
from rules.base_image import BaseImage
from rules.export import Budget
from rules.hardware import Hardware, hardware
from rules.limits import board_words, require_fit
from tests.support.rule_context import ctx

ORIN, DIGEST = "jetson-orin-nano-8g", "@sha256:" + "0" * 64


def base(name: str) -> BaseImage:
    return BaseImage(name + DIGEST, (), None)


def board(profile: str = ORIN, **changes: Any) -> Hardware:
    return hardware(ctx("//hardware:board"), profile, **changes)


@pytest.mark.parametrize(
    ("hardware_", "budget", "image"),
    [
        (board(), Budget(), None),
        (board(), Budget(memory=Size(8064 << 20)), None),  # 8 GiB less 128 MiB
        (board("beaglebone-black"), Budget(image=Size(2 * 10**9)), None),
        (board(), Budget(image=Size(1 << 40)), None),  # its storage is not known
        (board(), Budget(), base("docker.io/library/debian:12")),
        (board(l4t="36.4.3"), Budget(), base("nvcr.io/nvidia/l4t-jetpack:r36.4.0")),
        (board("raspberry-pi-5"), Budget(), base("docker.io/library/debian:12")),
    ],
)
def test_what_fits_passes(hardware_: Hardware, budget: Budget, image: BaseImage | None) -> None:
    require_fit(ctx(), hardware_, budget, image)


@pytest.mark.parametrize(
    ("hardware_", "budget", "image", "what", "fix"),
    [
        (
            board(),
            Budget(memory=Size((8064 << 20) + 1)),
            None,
            "has 8064MiB for the program (8GiB, of which 128MiB are reserved)",
            '"8064MiB" or less',
        ),
        (
            board("beaglebone-black"),
            Budget(image=Size(2 * 10**9 + 1)),
            None,
            "the 4GB of beaglebone-black must hold 2 images",
            '"2GB" or less',
        ),
        (
            board(),
            Budget(),
            base("nvcr.io/nvidia/l4t-jetpack:r36.4.0"),
            "the L4T release of jetson-orin-nano-8g is not known",
            'l4t = "36.4.3"',
        ),
        (
            board(l4t="36.3.0"),
            Budget(),
            base("nvcr.io/nvidia/l4t-jetpack:r36.4.0"),
            "an L4T 36.3.0 host cannot run an r36.4.0 image",
            "a base image for L4T 36.3.0",
        ),
        (
            board(l4t="36.3.0"),
            Budget(),
            base("docker.io/nvidia/cuda:12.6.0-base-ubuntu22.04"),
            "has CUDA 12.4, and the image needs CUDA 12.6",
            "update the board",
        ),
        (
            board("raspberry-pi-5"),
            Budget(),
            base("nvcr.io/nvidia/l4t-jetpack:r36.4.0"),
            "the L4T release of raspberry-pi-5 is not known",
            "l4t",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    hardware_: Hardware, budget: Budget, image: BaseImage | None, what: str, fix: str
) -> None:
    with pytest.raises(BuildError) as error:
        require_fit(ctx(), hardware_, budget, image)
    assert what in str(error.value) and fix in error.value.fix


def test_only_known_facts_reach_the_gate() -> None:
    assert board_words(board()) == [
        *("--board", ORIN, "--board-memory", str(8064 << 20)),
    ]
    assert board_words(board("raspberry-pi-5", storage=Size(32 * 10**9)))[4:] == [
        *("--board-storage", str(16 * 10**9), "--page-size", "16384", "--memory-cgroup", "off"),
    ]
    assert board_words(board("raspberry-pi-4b", memory_cgroup=True))[-1] == "on"
