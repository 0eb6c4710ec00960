"""Environment of a build: sandbox levels, and stamps of buildgraph's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.host import environment
from buildgraph.host.environment import RULES_FOLDER, choose_level, engine_stamps, open_environment
from buildgraph.sandbox import sandbox
from buildgraph.sandbox.job import Level
from buildgraph.types.errors import BuildError


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[Level]:
    """Make landlock the strongest level; return a list that gets an entry for each test of it."""
    calls: list[Level] = []

    def best_level(environ: object) -> Level:
        calls.append("landlock")
        return "landlock"

    monkeypatch.setattr(sandbox, "best_level", best_level)
    return calls


def test_the_strongest_level_is_found_once(
    tmp_path: Path, tries: list[Level], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [choose_level("", str(tmp_path)) for _ in range(3)] == ["landlock"] * 3
    assert len(tries) == 1
    monkeypatch.setenv("PATH", "/elsewhere")
    assert choose_level("", str(tmp_path)) == "landlock" and len(tries) == 2


def test_a_saved_level_that_is_unknown_is_found_again(tmp_path: Path, tries: list[Level]) -> None:
    choose_level("", str(tmp_path))
    _, _, facts = (tmp_path / "sandbox").read_bytes().partition(b"\n")
    (tmp_path / "sandbox").write_bytes(b"magic\n" + facts)
    assert choose_level("", str(tmp_path)) == "landlock" and len(tries) == 2


def test_without_an_identity_of_the_machine_nothing_is_reused(
    tmp_path: Path, tries: list[Level], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "machine_identity", list)
    for _ in range(2):
        choose_level("", str(tmp_path))
    assert len(tries) == 2


def test_a_weaker_level_can_be_requested_and_a_stronger_one_not(
    tmp_path: Path, tries: list[Level]
) -> None:
    assert choose_level("none", str(tmp_path)) == "none"
    with pytest.raises(BuildError, match="'namespaces' does not work on this machine") as error:
        choose_level("namespaces", str(tmp_path))
    assert error.value.reason == "environment" and "--sandbox landlock" in error.value.fix


def test_engine_stamps_cover_the_engine_and_the_rules() -> None:
    stamps = engine_stamps()
    assert environment.__file__ in stamps
    assert str(Path(RULES_FOLDER, "command.py")) in stamps
    assert all(path.endswith(".py") for path in stamps)
    tools = [path for path in stamps if path.startswith(f"{RULES_FOLDER}/tools/")]
    assert [Path(path).name for path in tools] == ["__init__.py", "closures.py"]


@pytest.mark.parametrize("kept", [False, True])
def test_the_scratch_folder_is_removed_unless_it_is_kept(
    tmp_path: Path, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDGRAPH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "w").mkdir()
    with open_environment(str(tmp_path / "w"), kept, lambda text: None) as opened:
        scratch = Path(opened.scratch)
        assert scratch.is_dir() and opened.engine == {}
        assert not (tmp_path / "cache/index").exists()
    assert scratch.exists() == kept
