"""The examples do what their READMEs say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.requirements import need, need_module
from tests.support.small_filesystems import BOTH, EXAMPLES, copy, repository
from tests.support.workspace import Space


def blocks(readme: Path, language: str) -> list[str]:
    """The fenced blocks of a README in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", readme.read_text(), re.MULTILINE | re.DOTALL)


def program(command: str) -> list[str]:
    """The words of `buildgraph build ...` in a line of shell, without the program's name."""
    first, *words = command.split(" && ")[0].split()
    assert first == "buildgraph"
    return words


def test_rooms_answer_as_the_readme_says(rooms: Space) -> None:
    readme = EXAMPLES / "npz/README.md"
    [commands] = blocks(readme, "sh")
    asked, answered = blocks(readme, "json")
    build, talk = commands.splitlines()
    assert program(build) == ["build", BOTH]
    rooms.run(*program(build))
    assert (rooms.root / "ticks.jsonl").read_text() == asked
    done = subprocess.run(
        ["sh", "-c", talk], cwd=rooms.root, capture_output=True, text=True, check=True
    )
    assert done.stdout == answered


def test_every_file_of_the_rooms_stands_in_the_readme() -> None:
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
            np.load(tmp_path / f"{name}.npz") as made,
            np.load(folder / f"models/{name}.npz") as held,
        ):
            assert sorted(made) == sorted(held)
            for key in held:
                assert np.array_equal(made[key], held[key]), f"{name} {key}"


def test_the_workspace_of_tools_counts_as_the_readme_says(tmp_path: Path) -> None:
    need("qemu-aarch64-static")
    tools = copy("tools", tmp_path / "w", tmp_path / "cache")
    readme = EXAMPLES / "tools/README.md"
    [command], [table] = blocks(readme, "sh"), blocks(readme, "csv")
    done = tools.run(*program(command))
    assert (tools.root / "out/table/table.csv").read_text() == table
    assert done.out.count("  passed       ") == 2
    tools.write("text/new.txt", "one more text\n")
    again = tools.build("//...")
    assert again.titles() == ["gate table", "gather files", "python3"]
    assert "new,1,3,14" in (tools.root / "out/table/table.csv").read_text()
    only = tools.run("build", "//checks:all")
    assert only.out.startswith(
        "gates of //checks:emulated\n  passed       emulated\ngates of //checks:table\n  passed"
    )


def test_a_user_rule_refuses_with_the_place_in_build_toml(tmp_path: Path) -> None:
    tools = copy("tools", tmp_path / "w", tmp_path / "cache")
    text = (tools.root / "BUILD.toml").read_text()
    tools.write("BUILD.toml", text.replace('["x86_64", "aarch64"]', '["x86_64", "aarch64", "z80"]'))
    said = tools.run("build", "//:count.z80", code=2).err
    assert "no machine 'z80'" in said and "BUILD.toml:14:" in said, said


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
    """examples/pymdp/compare.py tells arrays apart."""

    def ran(self, *folders: Path) -> subprocess.CompletedProcess[str]:
        """Run it on folders."""
        return subprocess.run(
            [sys.executable, EXAMPLES / "pymdp/compare.py", *folders],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def pair(self, folder: Path) -> tuple[Path, Path]:
        """Two equal folders of arrays."""
        for name in ("a", "b"):
            (folder / name).mkdir()
            (folder / name / "A0.f64").write_bytes(np.array([0.25, 0.75]).tobytes())
            (folder / name / "model.json").write_text("{}")
        return folder / "a", folder / "b"

    def test_equal_ones_pass(self, tmp_path: Path) -> None:
        assert self.ran(*self.pair(tmp_path)).stdout == "1 equal to the bit\n"

    def test_one_bit_fails(self, tmp_path: Path) -> None:
        left, right = self.pair(tmp_path)
        (right / "A0.f64").write_bytes(np.array([0.25, np.nextafter(0.75, 1)]).tobytes())
        done = self.ran(left, right)
        assert (
            done.returncode == 1
            and "A0.f64: 1 of 2 numbers differ, by 1.11022e-16 at most" in done.stdout
        )

    def test_parameters_sizes_and_missing_files_fail(self, tmp_path: Path) -> None:
        left, right = self.pair(tmp_path)
        (right / "model.json").write_text('{"gamma": 1}')
        (right / "A0.f64").write_bytes(bytes(24))
        (left / "E.f64").write_bytes(bytes(8))
        done = self.ran(left, right)
        assert done.returncode == 1 and "model.json: other parameters" in done.stdout
        assert "A0.f64: 2 numbers and 3" in done.stdout and "E.f64: not in " in done.stdout

    def test_nothing_is_not_equal_to_nothing(self, tmp_path: Path) -> None:
        assert self.ran().returncode == 1
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        assert self.ran(tmp_path / "a", tmp_path / "b").returncode == 1


@pytest.mark.slow
def test_pymdp_makes_the_committed_arrays_again_to_the_bit(tmp_path: Path) -> None:
    need_module("pymdp")
    space = repository(tmp_path / "w", tmp_path / "cache")
    done = space.run("build", "//checks:rebuilt")
    assert "  passed       rebuilt" in done.out
    spec = json.loads((space.root / "examples/pymdp/models/tmaze.json").read_text())
    space.write("examples/pymdp/models/tmaze.json", json.dumps(spec | {"gamma": 17.0}))
    failed = space.run("build", "//checks:rebuilt", code=1)
    assert "model.json: other parameters" in failed.err and "  failed       rebuilt" in failed.out
