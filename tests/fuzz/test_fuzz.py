"""Mutated lines and HTTP streams against the program's own C under sanitizers; and the fuzzer finds
what is broken.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.fuzz.build import build, compiled, run
from tests.support.requirements import need

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("fuzz")]
INPUTS = 200_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the fuzzer and its parts."""
    result = tmp_path_factory.mktemp("fuzz")
    build(need("gcc"), result)
    return result


def test_no_input_crashes_the_program_or_changes_a_state_that_it_should_not(folder: Path) -> None:
    result = run(folder / "driver", INPUTS, seed=1)
    assert result["inputs"] == INPUTS == result["accepted"] + result["refused"]
    assert (
        result["accepted"] > INPUTS / 20
        and result["http_answers"] > INPUTS / 4
        and result["steps"] > INPUTS / 20
    )
    assert (
        all(result["status"].values())
        and result["faults_injected"] > 1000
        and result["timeouts"] > 1000
    )


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ("found >= limit || !ends_value(k)", "found > limit || !ends_value(k)"),
        (
            "static void put_error(void) {\n",
            "static void put_error(void) {\n    coalitions[0].words[0]++;\n",
        ),
        ("(word)sizeof c->buf->in - c->buf->got", "(word)sizeof c->buf->in + 4096 - c->buf->got"),
        ("return asked_for.size > BODY ? 413 : WHOLE;", "return WHOLE;"),
        ("while (at < end && text[at] != '\"'", "while (text[at] != '\"'"),
        ("return c->left > BODY - c->size ? 413 : WHOLE;", "return WHOLE;"),
        ("    release_buffer(c);\n    system_call(SYS_CLOSE", "    system_call(SYS_CLOSE"),
        ("if (out.lost) status = 500, size = 0;", "if (status == 404) size++;"),
    ],
)
def test_what_is_broken_is_found(folder: Path, sound: str, broken: str, tmp_path: Path) -> None:
    text = (folder / "main/main.c").read_text()
    assert text.count(sound) == 1
    (tmp_path / "main.c").write_text(text.replace(sound, broken))
    driver = compiled(
        need("gcc"),
        tmp_path / "main.c",
        [folder / "scout.o", folder / "picker.o"],
        tmp_path / "driver",
    )
    with pytest.raises(subprocess.CalledProcessError):
        run(driver, INPUTS // 2, seed=2)
