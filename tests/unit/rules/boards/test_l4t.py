"""Which images run on which L4T release."""

from __future__ import annotations

import pytest

from rules.boards.catalogue import RELEASES
from rules.boards.jetson import JETSONS
from rules.boards.l4t import HOSTS, image_cuda, image_release, refusal, software_of, within


@pytest.mark.parametrize(
    ("name", "release", "cuda"),
    [
        ("nvcr.io/nvidia/l4t-jetpack:r36.4.0", "36.4.0", ""),
        ("nvcr.io/nvidia/l4t-ml:r34.1.0-py3@sha256:00", "34.1.0", ""),
        ("docker.io/dustynv/pytorch:2.6-r36.4.0-cu128-24.04", "36.4.0", "12.8"),
        ("docker.io/dustynv/torch:r36.4.tegra-aarch64-cu126-22.04", "36.4", "12.6"),
        ("docker.io/nvidia/cuda:12.6.0-base-ubuntu22.04", "", "12.6"),
        ("nvcr.io/nvidia/l4t-cuda:12.6.11-runtime", "", "12.6"),
        ("docker.io/library/debian:12", "", ""),
        ("localhost:5000/arm32:7", "", ""),
        ("ghcr.io/me/cuda-free:1.0", "", ""),
    ],
)
def test_an_image_says_its_line_in_its_tag(name: str, release: str, cuda: str) -> None:
    assert (image_release(name), image_cuda(name)) == (release, cuda)


@pytest.mark.parametrize(
    ("image", "host", "runs"),
    [
        ("36.4.0", "36.3.0", False),  # jetson-containers#725
        ("36.3.0", "36.4.3", False),
        ("36.2.0", "36.3.0", True),
        ("36.5.0", "36.4.3", True),
        ("34.1.0", "32.7.1", False),  # jetson-containers#149
        ("36.2.0", "35.4.1", False),  # jetson-containers#353
        ("35.3.1", "35.4.1", True),
        ("32.7.1", "32.7.6", True),
        ("38.2.0", "38.2.2", True),
        ("38.2.0", "38.4.0", False),
        ("39.1.0", "38.4.0", False),
    ],
)
def test_a_host_runs_the_images_of_its_lines(image: str, host: str, runs: bool) -> None:
    why = refusal(f"nvcr.io/nvidia/l4t-jetpack:r{image}", host)
    assert (not why) == runs
    assert runs or f"an L4T {host} host" in why


def test_cuda_decides_where_no_line_is_named() -> None:
    image = "docker.io/nvidia/cuda:12.6.0-base-ubuntu22.04"
    assert "has CUDA 12.4, and the image needs CUDA 12.6" in refusal(image, "36.3.0", "12.4")
    assert refusal(image, "36.4.0", "12.6") == refusal(image, "39.1.0", "13.2") == ""
    assert refusal("docker.io/library/debian:12", "36.3.0", "12.4") == ""


def test_every_line_is_of_the_table_of_releases_and_runs_itself() -> None:
    for line, images, why in HOSTS:
        assert line in images and why
        assert all(any(within(name, one) for name in RELEASES) for one in images)


def test_every_release_of_a_board_has_one_line_of_software() -> None:
    for board in JETSONS.values():
        for line in board.software:
            assert software_of(line.l4t, board.software) == line
            assert line.cuda and line.kernel
    assert software_of("36.4.3", JETSONS["jetson-nano"].software) is None
