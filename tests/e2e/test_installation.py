"""The program starts wherever it is installed: spaces, long names, other alphabets, symlinks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import buildgraph
from tests.bench.installed import installed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("installation")]
SAID = f"buildgraph {buildgraph.__version__}\n"
SCRIPT = Path(buildgraph.__file__).parent / "bin/buildgraph"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a venv in a folder whose path does not fit into the first line of a script."""
    folder = (
        tmp_path_factory.mktemp("a folder with spaces") / "Zoë's 模型" / ("long" * 40) / ".venv"
    )
    return installed(folder).parents[1]


def version_text(program: Path | str, **environ: str) -> str:
    """Return what `--version` prints; there are no errors."""
    ran = subprocess.run(
        [str(program), "--version"], capture_output=True, text=True, env={**os.environ, **environ}
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_it_starts_in_a_folder_of_any_name(environment: Path) -> None:
    assert version_text(environment / "bin/buildgraph") == SAID


def test_it_runs_the_python_of_its_environment(environment: Path) -> None:
    """PATH and the way of starting it do not matter."""
    bad = environment / "bad"
    bad.mkdir()
    for name in ("python", "python3", f"python3.{sys.version_info[1]}"):
        (bad / name).write_text("#!/bin/sh\necho the wrong one\n")
        (bad / name).chmod(0o755)
    path = f"{bad}:{os.environ['PATH']}"
    assert version_text(environment / "bin/buildgraph", PATH=path) == SAID
    assert version_text("buildgraph", PATH=f"{environment / 'bin'}:{path}") == SAID
    here = subprocess.run(
        ["./buildgraph", "--version"],
        cwd=environment / "bin",
        env={"PATH": path},
        capture_output=True,
        text=True,
    )
    assert here.stdout == SAID
    module = subprocess.run(
        [str(environment / "bin/python"), "-m", "buildgraph", "--version"],
        capture_output=True,
        text=True,
    )
    assert module.stdout == SAID


def test_it_starts_through_links(environment: Path, tmp_path: Path) -> None:
    """pipx and `uv tool install` create symlinks in a folder of PATH, which may be chained."""
    (tmp_path / "apps").symlink_to(environment)
    (tmp_path / "buildgraph").symlink_to("apps/bin/buildgraph")
    (tmp_path / "bg").symlink_to(tmp_path / "buildgraph")
    for name in ("apps/bin/buildgraph", "buildgraph", "bg"):
        assert version_text(tmp_path / name) == SAID


def test_arguments_and_exit_codes_pass_unchanged(environment: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [str(environment / "bin/buildgraph"), "build", "//it's:a b", "", "$HOME"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2 and "Traceback" not in ran.stderr


def test_outside_of_a_venv_the_version_of_python_is_that_of_the_installation(
    environment: Path, tmp_path: Path
) -> None:
    """`pip install --user` and `--prefix` install no Python beside the script."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (tmp_path / "bin").mkdir()
    shutil.copy(environment / "bin/buildgraph", tmp_path / "bin/buildgraph")
    (tmp_path / "lib" / version).mkdir(parents=True)
    (tmp_path / "lib" / version / "site-packages").symlink_to(
        environment / "lib" / version / "site-packages"
    )
    path = tmp_path / "path"
    path.mkdir()
    (path / "python3").write_text("#!/bin/sh\necho the wrong one\n")
    (path / "python3").chmod(0o755)
    (path / version).write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
    (path / version).chmod(0o755)
    assert version_text(tmp_path / "bin/buildgraph", PATH=f"{path}:/usr/bin:/bin") == SAID


def test_a_missing_python_is_reported(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path / "buildgraph")
    (tmp_path / "buildgraph").chmod(0o755)
    ran = subprocess.run(
        [str(tmp_path / "buildgraph")], capture_output=True, text=True, env={"PATH": str(tmp_path)}
    )
    assert ran.returncode == 127 and "finds no Python" in ran.stderr


def test_the_script_knows_the_name_of_the_distribution() -> None:
    assert f"/{buildgraph.DISTRIBUTION.replace('-', '_')}-*.dist-info" in SCRIPT.read_text()
