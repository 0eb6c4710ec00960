"""What another build resolved is believed in a clone only where it is the same here."""
from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.source import Sources
from buildgraph.toolchain import Toolchain


@pytest.fixture
def resolved(tmp_path: Path) -> Toolchain:
    """A toolchain that has looked for programs and a distribution."""
    made = Toolchain(Sources(str(tmp_path)))
    assert made.find("sh") is not None and made.find("no-such-program") is None
    assert "numpy" in made.distributions(("numpy",))
    return made


def _fresh(tmp_path: Path) -> Toolchain:
    return Toolchain(Sources(str(tmp_path)))


def test_the_same_host_agrees_with_itself(resolved: Toolchain, tmp_path: Path) -> None:
    assert _fresh(tmp_path).agrees(resolved.dump())


@pytest.mark.parametrize("what", ["sh", "numpy"])
def test_another_identity_is_not_the_same(resolved: Toolchain, tmp_path: Path, what: str) -> None:
    """Of a program or of a distribution; where it stands does not count."""
    found = resolved.find("sh")
    assert found is not None
    identity = found.identity if what == "sh" else resolved.distributions(("numpy",))["numpy"].identity
    assert not _fresh(tmp_path).agrees([f"{word}0" if word == identity else word for word in resolved.dump()])
    assert _fresh(tmp_path).agrees([f"{word}0" if word == found.path else word for word in resolved.dump()])


def test_what_came_or_went_is_not_the_same(resolved: Toolchain, tmp_path: Path) -> None:
    words = resolved.dump()
    assert not _fresh(tmp_path).agrees(["true" if word == "no-such-program" else word for word in words])
    assert not _fresh(tmp_path).agrees(["gone" if word == "sh" else word for word in words])
