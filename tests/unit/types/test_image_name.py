"""Names of images are valid in registries, and different labels have different names."""

from __future__ import annotations

import re

import pytest

from buildgraph.types.image_name import image_name
from buildgraph.types.label import Label

REFERENCE = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*:latest")


def test_a_valid_name_stays_as_it_is() -> None:
    assert image_name("swarm", Label("exports", "pi5")) == "swarm/exports/pi5:latest"
    assert image_name("swarm", Label("", "pi5")) == "swarm/pi5:latest"
    assert image_name("", Label("a/b", "c.d_e-f")) == "a/b/c.d_e-f:latest"


@pytest.mark.parametrize(
    ("workspace", "package", "name"),
    [
        ("Swarm", "", "a"),
        ("localhost", "", "a"),
        ("a.b", "", "c"),
        ("a", "B", "c"),
        ("a", "", "b+c"),
        ("a", "", "..b"),
        ("\u65e5\u672c", "", "a"),
        ("a", "/".join(["p" * 100] * 5), "b"),
    ],
)
def test_an_invalid_name_is_rewritten_with_a_hash(workspace: str, package: str, name: str) -> None:
    image = image_name(workspace, Label(package, name))
    assert REFERENCE.fullmatch(image) and re.search("-[0-9a-f]{8}", image) and len(image) < 240


def test_different_labels_have_different_names() -> None:
    names = {image_name("w", Label("", name)) for name in ("a+b", "a-b", "A-b", "a_b", "a+B")}
    assert len(names) == 5
