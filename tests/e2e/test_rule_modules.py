"""Modules that a file of rules imports, and files that it reads, are inputs of every build."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

HEAD = '[workspace]\nname = "w"\nrules = ["tools/my.py"]\n[t]\nrule = "word"\n'
RULE = '''from __future__ import annotations
from dataclasses import dataclass
from buildgraph import Artifact, Ctx, Out, Program, Provider, rule
{imports}

@dataclass(frozen=True)
class Made(Provider):
    o: Artifact

@rule
def word(ctx: Ctx) -> Made:
    """Write a word."""
    {lazy}
    (made,) = ctx.run((Program("sh"), "-c", f"echo {{WORD}} > out/x"), inputs=(), outputs=[Out("x")], title="word")
    return Made(made)
'''


def new_workspace(folder: Path, imports: str, files: dict[str, str], lazy: str = "") -> Space:
    """A workspace whose only rule has these imports."""
    workspace = space(folder, HEAD)
    workspace.write("tools/my.py", RULE.format(imports=imports, lazy=lazy))
    for name, text in files.items():
        workspace.write(name, text)
    return workspace


def built(workspace: Space) -> str:
    """Build the target and return its output."""
    workspace.run("build", "//:t")
    return (workspace.root / "out/t/x").read_text().strip()


WAYS = {
    "by its name": ("from helper import WORD", ""),
    "as an attribute": ("import helper\nWORD = helper.WORD", ""),
    "renamed": ("import helper as other\nWORD = other.WORD", ""),
    "relative": ("from .helper import WORD", ""),
    "relative, as a module": ("from . import helper\nWORD = helper.WORD", ""),
    "from the root": ("from tools.helper import WORD", ""),
    "by importlib": (
        "from importlib import import_module\nWORD = import_module('helper').WORD",
        "",
    ),
    "along sys.path": (
        "import os, sys\nsys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))\n"
        "from helper import WORD",
        "",
    ),
    "when the rule runs": ("", "from helper import WORD"),
    "by importlib when the rule runs": (
        "import importlib",
        "WORD = importlib.import_module('helper').WORD",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_of_a_helper_is_noticed(tmp_path: Path, way: str) -> None:
    """Python's own bytecode cache would miss an edit of equal size and time."""
    workspace = new_workspace(
        tmp_path, WAYS[way][0], {"tools/helper.py": 'WORD = "one"\n'}, WAYS[way][1]
    )
    assert built(workspace) == "one"
    helper = workspace.root / "tools/helper.py"
    before = helper.stat()
    helper.write_text('WORD = "two"\n')
    os.utime(helper, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert built(workspace) == "two"
    assert not list(workspace.root.glob("tools/**/*.pyc"))


STARTS: dict[str, Callable[[Space], object]] = {
    "nothing else changed": lambda workspace: None,
    "a source changed too": lambda workspace: workspace.write("other.txt", "x"),
    "no saved state": lambda workspace: shutil.rmtree(workspace.root / ".buildgraph"),
    "a clone": lambda workspace: [
        *map(shutil.rmtree, (workspace.root / ".buildgraph", workspace.root / "out"))
    ],
    "BUILD.toml touched": lambda workspace: os.utime(workspace.root / "BUILD.toml"),
}
FILES = {
    "tools/helper.py": "from pkg import WORD\n",
    "tools/pkg/__init__.py": "from .deep import WORD\n",
    "tools/pkg/deep.py": 'WORD = "one"\n',
}


@pytest.mark.parametrize("start", STARTS)
def test_a_helper_of_a_helper_is_noticed_by_every_start(tmp_path: Path, start: str) -> None:
    workspace = new_workspace(tmp_path, "from helper import WORD", FILES)
    while "nothing changed" not in workspace.run("build", "//:t").out:
        time.sleep(0.3)
    STARTS[start](workspace)
    workspace.write("tools/pkg/deep.py", 'WORD = "two"\n')
    assert built(workspace) == "two"
    STARTS[start](workspace)
    workspace.write("tools/pkg/deep.py", 'WORD = "one"\n')
    assert built(workspace) == "one"


def test_packages_namespaces_and_import_cycles(tmp_path: Path) -> None:
    workspace = new_workspace(
        tmp_path,
        "import space.inner.leaf\nfrom space.inner import leaf, other\nfrom shared import *\n"
        "WORD = space.inner.leaf.ONE + other.TWO + THREE",
        {
            "tools/space/inner/leaf.py": "import space.inner.other\nONE = 'a'\n",
            "tools/space/inner/other.py": "from . import leaf\nTWO = 'b'\n",
            "shared.py": "THREE = 'c'\n",
        },
    )
    assert built(workspace) == "abc"
    workspace.write("shared.py", "THREE = 'd'\n")
    assert built(workspace) == "abd"
    workspace.write("tools/space/inner/__init__.py", "from . import leaf\nleaf.ONE = 'e'\n")
    assert built(workspace) == "ebd"


def test_modules_that_are_added_or_removed_are_noticed(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path, "from helper import WORD", {"helper.py": 'WORD = "root"\n'})
    assert built(workspace) == "root"
    workspace.write("tools/helper.py", 'WORD = "beside"\n')
    assert built(workspace) == "beside"
    workspace.write("tools/helper/__init__.py", 'WORD = "package"\n')
    assert built(workspace) == "package"
    shutil.rmtree(workspace.root / "tools/helper")
    assert built(workspace) == "beside"
    (workspace.root / "tools/helper.py").unlink()
    assert built(workspace) == "root"
    (workspace.root / "helper.py").unlink()
    errors = workspace.run("build", "//:t", code=2).err
    assert "no module 'helper'" in errors and "--> tools/my.py:4" in errors


def test_two_files_of_rules_have_helpers_of_one_name(tmp_path: Path) -> None:
    workspace = new_workspace(
        tmp_path,
        "from helper import WORD",
        {"tools/helper.py": 'WORD = "one"\n', "more/helper.py": 'WORD = "two"\n'},
    )
    workspace.write(
        "more/rules.py",
        RULE.format(imports="from helper import WORD", lazy="").replace("def word", "def second"),
    )
    workspace.write(
        "BUILD.toml",
        HEAD.replace('"tools/my.py"', '"tools/my.py", "more/rules.py"') + '[u]\nrule = "second"\n',
    )
    workspace.run("build", "//...")
    assert [(workspace.root / f"out/{name}/x").read_text() for name in "tu"] == ["one\n", "two\n"]


def test_paths_that_are_no_module_names(tmp_path: Path) -> None:
    workspace = new_workspace(
        tmp_path, "from helper import WORD", {"tools/helper.py": 'WORD = "one"\n'}
    )
    (workspace.root / "tools").rename(workspace.root / "v1.0 tools")
    workspace.write("BUILD.toml", HEAD.replace("tools/my.py", "v1.0 tools/my-own.rules.py"))
    (workspace.root / "v1.0 tools/my.py").rename(workspace.root / "v1.0 tools/my-own.rules.py")
    assert built(workspace) == "one"


def test_a_data_file_that_a_rule_reads_is_an_input(tmp_path: Path) -> None:
    opening = (
        "from pathlib import Path\nWORD = (Path(__file__).parent / 'word.txt').read_text().strip()"
    )
    workspace = new_workspace(tmp_path, opening, {"tools/word.txt": "one"})
    assert built(workspace) == "one"
    workspace.write("tools/word.txt", "two")
    assert built(workspace) == "two"
    (workspace.root / "tools/word.txt").unlink()
    assert "tools/my.py:5" in workspace.run("build", "//:t", code=2).err


def test_a_folder_that_a_rule_lists_is_an_input(tmp_path: Path) -> None:
    listing = (
        "from pathlib import Path\nWORD = len(list((Path(__file__).parent / 'data').glob('*.txt')))"
    )
    workspace = new_workspace(tmp_path, listing, {"tools/data/a.txt": ""})
    assert built(workspace) == "1"
    workspace.write("tools/data/b.txt", "")
    assert built(workspace) == "2"


REFUSED = {
    "import numpy\nWORD = 1": "there is no module 'numpy'",
    "WORD = open('/etc/hostname').read()": "reads '/etc/hostname', which is not a source of this workspace",
    "open('made.txt', 'w')\nWORD = 1": "writes 'made.txt'",
    "import subprocess\nWORD = subprocess.check_output(['echo', 'x'])": "starts a program",
    "import os\nos.system('true')\nWORD = 1": "starts a program",
    "try:\n    WORD = open('/etc/hostname').read()\nexcept Exception:\n    WORD = 1": "reads '/etc/hostname'",
    "from .helper import MORE": "cannot import name 'MORE'",
}


@pytest.mark.parametrize("imports", REFUSED)
def test_untracked_effects_are_refused(tmp_path: Path, imports: str) -> None:
    workspace = new_workspace(tmp_path, imports, {"tools/helper.py": "WORD = 1\n"})
    errors = workspace.run("build", "//:t", code=2).err
    assert (
        REFUSED[imports] in errors
        and "--> tools/my.py:" in errors
        and "buildgraph_rules" not in errors
    )
    assert not (workspace.root / "made.txt").exists()


def test_an_error_in_a_helper_is_reported_at_its_line(tmp_path: Path) -> None:
    workspace = new_workspace(
        tmp_path, "from helper import WORD", {"tools/helper.py": "A = 1\nWORD = A / 0\n"}
    )
    errors = workspace.run("build", "//:t", code=2).err
    assert (
        "ZeroDivisionError" in errors
        and "--> tools/helper.py:2" in errors
        and "2 | WORD = A / 0" in errors
    )
    workspace.write("tools/helper.py", "A = 1\nWORD = = 2\n")
    errors = workspace.run("build", "//:t", code=2).err
    assert "tools/helper.py is not valid Python" in errors and "--> tools/helper.py:2:8" in errors


def test_affected_reads_helpers_of_the_revision_and_of_the_work_tree(tmp_path: Path) -> None:
    workspace = new_workspace(
        tmp_path,
        "from helper import WORD\nopen(__file__.replace('my.py', 'words.txt')).read()",
        {"tools/helper.py": 'WORD = "one"\n', "tools/words.txt": "x"},
    )
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], cwd=workspace.root, check=True)
    assert "//:t" not in workspace.run("affected", "--since", "HEAD").out
    workspace.write("tools/helper.py", 'WORD = "one"  # a comment\n')
    assert "//:t" not in workspace.run("affected", "--since", "HEAD").out
    workspace.write("tools/helper.py", 'WORD = "two"\n')
    assert "//:t" in workspace.run("affected", "--since", "HEAD").out
