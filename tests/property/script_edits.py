"""Random edits of a generated TypeScript project: verdicts of a gate against those of a full run.

    python -m tests.property.script_edits NODE_MODULES [TOOL] [EDITS] [SEED]

prints one line for each edit, and how many files the gate checked. NODE_MODULES has the packages of
`examples/checks/typescript`.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.property.quality_edits import ROOT, TOOLS, GateRun

EXAMPLE = ROOT / "examples/checks/typescript"
SETTINGS = ("tsconfig.json", "eslint.config.mjs", "babel.config.cjs", "package.json")
CONFIG = {"tsc": "tsconfig.json", "eslint": "eslint.config.mjs", "jest": ""}
DATA = {"tsc": [], "eslint": ["package.json"], "jest": ["babel.config.cjs", "package.json"]}
VALUES = {"number": "1", "string": '"a"', "boolean": "true", "number[]": "[1]"}


@dataclass
class Project:
    """Sources of a package with imports in all directions, and tests of some of them."""

    top: Path
    random: random.Random
    modules: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def start(self, count: int) -> None:
        """Write the settings, the first modules, and a test file for every second one."""
        (self.top / "src").mkdir()
        for name in SETTINGS:
            (self.top / name).write_text((EXAMPLE / name).read_text())
        for _ in range(count):
            self.add()
        for path in self.sources()[::2]:
            self.add_test(path)

    def write(self, path: str, text: str) -> None:
        """Write a module."""
        self.modules[path] = text
        (self.top / path).write_text(text)

    def add(self) -> None:
        """Write a new module that uses up to two others."""
        self.count += 1
        kind = self.random.choice(sorted(VALUES))
        others = self.random.sample(self.sources(), min(len(self.modules), self.count % 3))
        stems = [stem(path) for path in others]
        imports = [f'import {{ make as make_{name} }} from "./{name}";' for name in stems]
        calls = [f"  console.assert(make_{name}() !== null);" for name in stems]
        body = [*imports, "", f"export function make(): {kind} {{", *calls]
        text = "\n".join([*body, f"  return {VALUES[kind]};", "}", ""])
        self.write(f"src/m{self.count}.ts", text)

    def add_test(self, path: str) -> None:
        """Write a test file of a module."""
        kind = self.random.choice(("number", "string"))
        self.write(
            f"src/{stem(path)}.test.ts",
            'import { expect, test } from "@jest/globals";\n'
            f'import {{ make }} from "./{stem(path)}";\n\n'
            f'test("kind", () => {{\n  expect(typeof make()).not.toBe("{kind}");\n}});\n',
        )

    def sources(self) -> list[str]:
        """The modules that can be edited."""
        return sorted(path for path in self.modules if re.fullmatch(r"src/m\d+\.ts", path))

    def edit(self) -> str:
        """Make one random edit; its name and place."""
        edits = (self.body, self.kind, self.unused, self.use, self.rename, self.remove)
        edit = self.random.choice((*edits, self.more, self.declare, self.broken))
        path = self.random.choice(self.sources())
        if self.random.random() < 0.6:
            self.repair()
        edit(path)
        return f"{edit.__name__} {path}"

    def _change(self, path: str, pattern: str, new: str) -> None:
        self.write(path, re.sub(pattern, lambda _: new, self.modules[path], count=1))

    def body(self, path: str) -> None:
        """Change the value that `make` returns, half of the time to one of another type."""
        kind = re.search(r"make\(\): (\S+) ", self.modules[path])
        value = VALUES[self.random.choice(sorted(VALUES))]
        if kind and self.random.random() < 0.5:
            value = VALUES[kind[1]]
        self._change(path, r"\n  return .*\n", f"\n  console.log();\n  return {value};\n")

    def kind(self, path: str) -> None:
        """Change the type that `make` returns."""
        kind = self.random.choice(sorted(VALUES))
        self._change(path, r"make\(\): \S+ ", f"make(): {kind} ")

    def unused(self, path: str) -> None:
        """Declare a variable that nothing uses, which ESLint reports."""
        self.count += 1
        self._change(path, r"\n  return ", f"\n  const unused{self.count} = 1;\n  return ")

    def use(self, path: str) -> None:
        """Use another module with a type that may be right, or a global that may exist."""
        self.count += 1
        other, kind = self.random.choice(self.sources()), self.random.choice(sorted(VALUES))
        name = f"make{self.count}"
        value = self.random.choice((f"{name}()", "flag"))
        self.write(
            path,
            f'import {{ make as {name} }} from "./{stem(other)}";\n{self.modules[path]}\n'
            f"export function use{self.count}(): {kind} {{\n  {name}();\n  return {value};\n}}\n",
        )

    def rename(self, path: str) -> None:
        """Rename a module; half of the time its users follow."""
        self.count += 1
        text, new = self.modules.pop(path), f"src/m{self.count}.ts"
        (self.top / path).unlink()
        self.write(new, text)
        if self.random.random() < 0.5:
            for other, content in [*self.modules.items()]:
                self.write(other, content.replace(f'"./{stem(path)}"', f'"./{stem(new)}"'))

    def remove(self, path: str) -> None:
        """Remove a module, if several are left."""
        if len(self.sources()) > 5:
            del self.modules[path]
            (self.top / path).unlink()

    def more(self, path: str) -> None:
        """Write a new module, or a new test of one."""
        self.add() if self.random.random() < 0.5 else self.add_test(path)

    def declare(self, path: str) -> None:
        """Declare a global name with another type, which every file sees."""
        kind = self.random.choice(sorted(VALUES))
        self.write("src/globals.d.ts", f"declare const flag: {kind};\n")

    def broken(self, path: str) -> None:
        """Break the syntax of a module."""
        self.write(path, "export function (\n" + self.modules[path])

    def repair(self) -> None:
        """Repair the syntax of all modules."""
        for path, text in [*self.modules.items()]:
            self.write(path, text.replace("export function (\n", ""))


def stem(path: str) -> str:
    """The name of a module as others in its folder import it."""
    return path.removeprefix("src/").removesuffix(".ts")


def full_run(tool: str, project: Project, scratch: Path) -> tuple[int, frozenset[str]]:
    """Exit code and findings of the tool itself on all files, as the gate prints them."""
    sys.path.insert(0, str(TOOLS))
    from quality.findings import Finding, from_eslint, from_jest, from_tsc

    report, modules = scratch / "jest.json", "node_modules"
    words = {
        "tsc": [f"{modules}/typescript/bin/tsc", "-p", "tsconfig.json", "--pretty", "false"],
        "eslint": [f"{modules}/eslint/bin/eslint.js", "--format", "json", "--"],
        "jest": [f"{modules}/jest/bin/jest.js", "--ci", "--watchman=false", "--json"],
    }[tool]
    if tool == "eslint":
        words += sorted(project.modules)
    if tool == "jest":
        words += ["--outputFile", str(report), "--cacheDirectory", str(scratch / "jest")]
    done = subprocess.run(
        ["node", *words], cwd=project.top, capture_output=True, text=True, check=False
    )
    findings: list[Finding]
    if tool == "tsc":
        findings = from_tsc(done.stdout)
    elif tool == "eslint":
        findings = from_eslint(done.stdout, str(project.top), False)
    else:
        findings = from_jest(report.read_text(), str(project.top))[0]
    lines = (f"{row.path}:{row.line}:{row.column}: error: {row.text}" for row in findings)
    return min(done.returncode, 1), frozenset(lines)


def run(
    modules: Path, tool: str, edits: int, seed: int, count: int = 8, show: bool = False
) -> list[int]:
    """Make edits and compare; the number of files that the gate checked after each of them."""
    checked = []
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder).resolve() / "project"
        top.mkdir()
        (top / "node_modules").symlink_to(modules)
        project = Project(top, random.Random(seed))
        project.start(count)
        extra = {"tree": str(modules), "config": CONFIG[tool], "data": DATA[tool]}
        gate = GateRun(tool, top, Path(folder) / "gate", extra=extra)
        for number in range(edits + 1):
            name = project.edit() if number else "start"
            code, findings = gate.verdict([*project.modules])
            expected, wanted = full_run(tool, project, Path(folder))
            if tool == "jest":  # messages have the paths of the scratch folder
                findings, wanted = (
                    frozenset(line.partition(":")[0] for line in lines)
                    for lines in (findings, wanted)
                )
            if show:
                print(f"{number:4} {name:28} checked {gate.checked:3} of {len(project.modules)}")
                sys.stdout.flush()
            assert (code, findings) == (expected, wanted), (
                f"seed {seed}, edit {number} ({name}): {code} {sorted(findings)} "
                f"!= {expected} {sorted(wanted)}"
            )
            checked.append(gate.checked)
    return checked


def main(modules: str, tool: str = "tsc", edits: str = "30", seed: str = "1") -> None:
    """Print the edits and their verdicts."""
    first, *later = run(Path(modules).resolve(), tool, int(edits), int(seed), show=True)
    mean = sum(later) / max(1, len(later))
    print(f"{tool}: {len(later)} edits, every verdict that of a full run;", end=" ")
    print(f"checked {mean:.1f} files an edit, {first} at first")


if __name__ == "__main__":
    main(*sys.argv[1:])
