"""The repository of a scripted history: a small agent, texts, data and a generated file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.git_space import GitSpace
from tests.support.workspace import space

AGENT = """
[workspace]
name = "w"

[workspace.trust]
main = "KEY"

[models.heater]
rule = "model"
source = "models/heater.npz"

[coalitions.rooms]
rule = "coalition"
agents = { heater = "//models:heater" }

[hardware.x86]
rule = "hardware"
profile = "x86-64-generic"

[exports.x86]
rule = "export"
coalition = "//coalitions:rooms"
hardware = "//hardware:x86"
"""
DOCS = """
[page]
rule = "command"
inputs = { text = "page.md" }
outputs = { html = "page.html" }
argv = ["sh", "-c", "sed 's/#.*//' $0 > $1", "{text}", "{html}"]

[site]
rule = "command"
inputs = { page = ":page" }
outputs = { o = "site.txt" }
argv = ["sh", "-c", "cat $0 > $1", "{page}", "{o}"]
"""
INDEX = """
[index]
rule = "command"
inputs = { text = "index.md" }
outputs = { o = "index.txt" }
argv = ["cp", "{text}", "{o}"]
"""
DATA = """
[csv]
rule = "files"
srcs = ["*.csv"]

[table]
rule = "command"
inputs = { rows = ":csv" }
outputs = { o = "table.txt" }
argv = ["sh", "-c", "cat $0/*.csv > $1", "{rows}", "{o}"]
"""
TOOLS = """
[made]
rule = "command"
inputs = { tool = "tool.sh", link = "link.txt" }
outputs = { o = "made.txt" }
argv = ["sh", "{tool}", "{link}", "{o}"]
"""


class Project(GitSpace):
    """The repository of the developers."""

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        self.space.write(path, text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file, which must have it."""
        text = (self.top / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def revert(self, back: int = 1) -> None:
        """Undo a commit, in the work tree."""
        self.git("revert", "--no-commit", f"HEAD~{back - 1}")

    def merge(self, main: Callable[[], None], side: Callable[[], None]) -> None:
        """Commit a change on a branch and another on main, and merge the branch without commit."""
        self.git("checkout", "-q", "-b", "side")
        side()
        self.commit()
        self.git("checkout", "-q", "main")
        main()
        self.commit()
        self.git("merge", "-q", "--no-commit", "side")
        self.git("branch", "-q", "-D", "side")


def create_project(folder: Path, key: str) -> Project:
    """Create the repository with one commit; `key` is the public key that main trusts."""
    project = Project(space(folder, AGENT.replace("KEY", key)))
    shutil.copytree(Path(__file__).parents[2] / "examples/npz/models", project.top / "models")
    for path, text in {
        ".gitignore": "out/\n.buildgraph/\nreleases/\n",
        "docs/BUILD.toml": DOCS,
        "docs/page.md": "one # a\n",
        "data/BUILD.toml": DATA,
        "data/a.csv": "1\n",
    }.items():
        project.write(path, text)
    project.commit()
    return project
