"""Random workspaces of some packages, and edits of their tables."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from buildgraph.types.request import Request

ABSENT = "absent-program"
PACKAGES = ("", "", "p", "p/q", "r")


@dataclass
class Table:
    """A table of a BUILD.toml: folder, name, what it depends on, and values."""

    folder: str
    name: str
    kind: str
    deps: list[Table]
    salt: int = 0
    remark: int = 0
    gate: str = "sh"
    is_odd: bool = False  # a line of a value looks like a table

    @property
    def label(self) -> str:
        """The label of the target."""
        return f"//{self.folder}:{self.name}"

    def text(self) -> str:
        """The table."""
        labels = [dep.label for dep in self.deps]
        inputs = ", ".join(
            ['f = "f.txt"', *(f'd{at} = "{label}"' for at, label in enumerate(labels))]
        )
        common = f'[{self.name}]\nrule = "{self.kind}"\n'
        match self.kind:
            case "group":
                return f"{common}targets = [{', '.join(map(repr, labels))}]\n"
            case "files":
                globs = ('"*.txt", ' * (self.salt % 2)) + ('"*.toml", ' * (self.salt % 4 > 1))
                globs += f'"sub/{self.salt % 3}*"'
                return f"{common}srcs = [{globs}]\n"
            case "gate":
                words = f'argv = ["{self.gate}", "-c", "{self.salt}", "{{f}}"]'
                return f"{common}inputs = {{ {inputs} }}\n{words}\n"
            case "pytest":  # its gates have reports
                return f'{common}srcs = ["f.txt"]\ncoverage = true\nargs = ["{self.salt}"]\n'
        matrix = 'matrix = { timeout = ["5s", "6s"] }\n' if self.kind == "matrix" else ""
        odd = "" if self.is_odd else " x"
        common = common.replace('"matrix"', '"command"')
        return (
            f"{common}{matrix}inputs = {{ {inputs} }}\n# {self.remark} [no] 'table\n"
            f'outputs = {{ o = "{self.name}.txt" }}\n'
            f"""argv = ["sh", "-c", '''\n[{self.salt}]{odd}\ncat {{f}}''']\n"""
            f"[{self.name}.env]\nSALT = '{self.salt}'\n"
        )


class World:
    """Tables in an order, and the request."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.tables, self.count = rng, list[Table](), 0
        for _ in range(rng.randint(2, 9)):
            self.add()
        self.request = Request(
            rng.choice([("//...",), ("//...", "-//r/..."), ("//:*",), ("//p/...",)])
        )

    def add(self) -> Table:
        """Add a table that depends on some before it."""
        rng, before = (
            self.rng,
            [t for t in self.tables if t.kind not in ("gate", "matrix", "pytest")],
        )
        kind = rng.choice(("command",) * 6 + ("files", "gate", "gate", "group", "matrix", "pytest"))
        can_use = [t for t in before if kind == "group" or t.kind != "group"]
        deps = rng.sample(can_use, min(len(can_use), rng.randint(0, 2)))
        if kind == "group" and not deps:
            kind = "files"
        if kind in ("files", "pytest"):
            deps = []
        table = Table(rng.choice(PACKAGES), f"t{self.count}", kind, deps)
        table.gate, table.is_odd = rng.choice(("sh", ABSENT)), not rng.randrange(30)
        self.count += 1
        self.tables.append(table)
        return table

    def edit(self) -> str:
        """Change something, and say what."""
        rng = self.rng
        kind = rng.choice(("salt",) * 5 + ("deps", "remark", "order", "add", "remove", "rename"))
        table = rng.choice(self.tables)
        match kind:
            case "salt":
                table.salt += rng.randint(1, 5)
            case "deps" if table.kind in ("command", "gate") and table.deps:
                table.deps = rng.sample(table.deps, len(table.deps) - 1)
            case "remark":
                table.remark += 1
            case "order":
                rng.shuffle(self.tables)
            case "add":
                self.add()
            case "remove":
                self.tables = [t for t in self.tables if t is not table]
                for other in self.tables:
                    other.deps = [dep for dep in other.deps if dep is not table]
                self.tables = [t for t in self.tables if t.kind != "group" or t.deps]
            case "rename":
                table.name += "x"
        return kind

    def write(self, root: Path) -> None:
        """Write the files of the workspace."""
        for number, folder in enumerate({*PACKAGES}):
            (root / folder / "sub").mkdir(parents=True, exist_ok=True)
            (root / folder / "f.txt").write_text("f")
            for digit in range(3):
                (root / folder / f"sub/{digit}.txt").write_text(f"{digit} {number}")
            text = '[workspace]\nname = "w"\n' * (not folder)
            text += "".join(table.text() for table in self.tables if table.folder == folder)
            (root / folder / "BUILD.toml").write_text(text)
