"""Each example works as its README describes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.docs.blocks import matches
from tests.support.requirements import need, need_module
from tests.support.small_filesystems import BOTH, EXAMPLES, copy, repository
from tests.support.workspace import Space


def blocks(readme: Path, language: str) -> list[str]:
    """Return the fenced blocks of a README in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", readme.read_text(), re.MULTILINE | re.DOTALL)


def program(command: str) -> list[str]:
    """Return the arguments of the first `buildgraph` command in a line of shell."""
    first, *words = command.split(" && ")[0].split()
    assert first == "buildgraph"
    return words


def test_rooms_give_the_answers_of_the_readme(rooms: Space) -> None:
    readme = EXAMPLES / "npz/README.md"
    [commands] = blocks(readme, "sh")
    requests, answers = blocks(readme, "json")
    build, run_command = commands.splitlines()
    assert program(build) == ["build", BOTH]
    rooms.run(*program(build))
    assert (rooms.root / "ticks.jsonl").read_text() == requests
    result = subprocess.run(
        ["sh", "-c", run_command], cwd=rooms.root, capture_output=True, text=True, check=True
    )
    assert result.stdout == answers


def test_the_readme_of_the_rooms_lists_every_file() -> None:
    folder = EXAMPLES / "npz"
    text = (folder / "README.md").read_text()
    for path in (*folder.glob("*.*"), *folder.glob("models/*")):
        assert path.name == "README.md" or f"`{path.relative_to(folder)}`" in text


def test_the_script_writes_the_committed_arrays(tmp_path: Path) -> None:
    folder = EXAMPLES / "npz"
    subprocess.run([sys.executable, folder / "make_models.py", tmp_path], check=True, timeout=60)
    for name in ("heater", "vent"):
        assert (tmp_path / f"{name}.json").read_bytes() == (
            folder / f"models/{name}.json"
        ).read_bytes()
        with (
            np.load(tmp_path / f"{name}.npz") as written,
            np.load(folder / f"models/{name}.npz") as committed,
        ):
            assert sorted(written) == sorted(committed)
            for key in committed:
                assert np.array_equal(written[key], committed[key]), f"{name} {key}"


def test_the_workspace_of_tools_makes_the_table_of_its_readme(tmp_path: Path) -> None:
    need("qemu-aarch64-static")
    tools = copy("tools", tmp_path / "w", tmp_path / "cache")
    readme = EXAMPLES / "tools/README.md"
    [command], [table] = blocks(readme, "sh"), blocks(readme, "csv")
    result = tools.run(*program(command))
    assert (tools.root / "out/table/table.csv").read_text() == table
    assert result.out.count("  passed       ") == 2
    tools.write("text/new.txt", "one more text\n")
    again = tools.build("//...")
    assert again.titles() == ["gate table", "gather files", "python3"]
    assert "new,1,3,14" in (tools.root / "out/table/table.csv").read_text()
    only = tools.run("build", "//checks:all")
    assert only.out.startswith(
        "gates of //checks:emulated\n  passed       emulated\ngates of //checks:table\n  passed"
    )


@pytest.mark.parametrize("example", ["npz", "formats", "tools"])
def test_the_table_of_gates_is_that_of_the_docs(example: str, tmp_path: Path) -> None:
    need("qemu-aarch64-static")
    page = (EXAMPLES.parent / "buildgraph/docs/howto/readiness.md").read_text()
    (text,) = re.findall(
        rf"^`examples/{example}`.*?\n```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    command, _, table = text.partition("\n")
    space = copy(example, tmp_path / "w", tmp_path / "cache")
    printed = space.run(*program(command.removeprefix("$ "))).out
    assert matches(*(re.sub(" +", " ", lines) for lines in (table, printed))), printed


def test_an_error_of_a_user_rule_names_the_line_in_build_toml(tmp_path: Path) -> None:
    tools = copy("tools", tmp_path / "w", tmp_path / "cache")
    text = (tools.root / "BUILD.toml").read_text()
    tools.write("BUILD.toml", text.replace('["x86_64", "aarch64"]', '["x86_64", "aarch64", "z80"]'))
    stderr = tools.run("build", "//:count.z80", code=2).err
    assert "no machine 'z80'" in stderr and "BUILD.toml:14:" in stderr, stderr


def test_a_wrong_table_fails_the_gate(tmp_path: Path) -> None:
    tools = copy("tools", tmp_path / "w", tmp_path / "cache")
    text = (tools.root / "count.c").read_text()
    assert text.count("found->lines += text[at] == '\\n';") == 1
    tools.write(
        "count.c",
        text.replace("found->lines += text[at] == '\\n';", "found->lines += text[at] == 'e';"),
    )
    failed = tools.run("build", "//checks:table", code=1)
    assert "beliefs: the table says" in failed.err and "  failed       table" in failed.out


class TestCompare:
    """examples/pymdp/compare.py reports arrays that differ."""

    def run(self, *folders: Path) -> subprocess.CompletedProcess[str]:
        """Run the script on folders."""
        return subprocess.run(
            [sys.executable, EXAMPLES / "pymdp/compare.py", *folders],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def pair(self, folder: Path) -> tuple[Path, Path]:
        """Create two equal folders of arrays."""
        for name in ("a", "b"):
            (folder / name).mkdir()
            (folder / name / "A0.f64").write_bytes(np.array([0.25, 0.75]).tobytes())
            (folder / name / "model.json").write_text("{}")
        return folder / "a", folder / "b"

    def test_equal_arrays_pass(self, tmp_path: Path) -> None:
        assert self.run(*self.pair(tmp_path)).stdout == "1 equal to the bit\n"

    def test_one_bit_fails(self, tmp_path: Path) -> None:
        left, right = self.pair(tmp_path)
        (right / "A0.f64").write_bytes(np.array([0.25, np.nextafter(0.75, 1)]).tobytes())
        result = self.run(left, right)
        assert (
            result.returncode == 1
            and "A0.f64: 1 of 2 numbers differ, by 1.11022e-16 at most" in result.stdout
        )

    def test_parameters_sizes_and_missing_files_fail(self, tmp_path: Path) -> None:
        left, right = self.pair(tmp_path)
        (right / "model.json").write_text('{"gamma": 1}')
        (right / "A0.f64").write_bytes(bytes(24))
        (left / "E.f64").write_bytes(bytes(8))
        result = self.run(left, right)
        assert result.returncode == 1 and "model.json: other parameters" in result.stdout
        assert "A0.f64: 2 numbers and 3" in result.stdout and "E.f64: not in " in result.stdout

    def test_empty_folders_are_an_error(self, tmp_path: Path) -> None:
        assert self.run().returncode == 1
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        assert self.run(tmp_path / "a", tmp_path / "b").returncode == 1


@pytest.mark.slow
def test_pymdp_reproduces_the_committed_arrays_to_the_bit(tmp_path: Path) -> None:
    need_module("pymdp")
    space = repository(tmp_path / "w", tmp_path / "cache")
    result = space.run("build", "//checks:rebuilt")
    assert "  passed       rebuilt" in result.out
    spec = json.loads((space.root / "examples/pymdp/models/tmaze.json").read_text())
    space.write("examples/pymdp/models/tmaze.json", json.dumps(spec | {"gamma": 17.0}))
    failed = space.run("build", "//checks:rebuilt", code=1)
    assert "model.json: other parameters" in failed.err and "  failed       rebuilt" in failed.out
