"""`buildgraph hardware show` for every profile."""

from __future__ import annotations

import json
import re

import pytest

from buildgraph.cli import main
from rules.boards.catalogue import BOARDS
from rules.boards.facts import facts_of


@pytest.mark.parametrize("profile", BOARDS)
def test_each_fact_of_a_profile_is_shown_with_its_source(
    profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hardware", "show", profile]) == 0
    facts, table, sources = re.split(
        "\n\n(?:read as|sources)\n", capsys.readouterr().out, maxsplit=2
    )
    assert facts.startswith(f"{profile}\n  title         {BOARDS[profile].title}  [")
    shown = [
        line.split()[0] for line in facts.splitlines()[1:] if line.endswith("]") and line[2] != " "
    ]
    assert shown == list(BOARDS[profile].sources)
    rows = [line.split()[:2] for line in table.splitlines()]
    own = [fact for name in BOARDS[profile].sources for fact in facts_of(name)]
    assert rows == [[fact.board or fact.hardware, fact.use] for fact in (*own, *facts_of(""))]
    assert sources.count("read 2026-11-") + sources.count("no fact but a placeholder") == len(
        sources.splitlines()
    )


@pytest.mark.parametrize("profile", BOARDS)
def test_the_json_of_a_profile_has_all_facts(
    profile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hardware", "show", profile, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    board = BOARDS[profile]
    assert answer["profile"] == profile and answer["board"]["core"]["cpu"] == board.core.cpu
    assert [mode["name"] for mode in answer["board"]["power_modes"]] == [
        mode.name for mode in board.power_modes
    ]
    assert answer["board"]["modules"] == dict(board.modules) and answer["board"]["sources"] == dict(
        board.sources
    )
    assert all(
        set(source) == {"what", "dated", "retrieved"} for source in answer["sources"].values()
    )
