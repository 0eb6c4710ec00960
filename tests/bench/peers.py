"""Build systems that build the same graph: write its build files, run it, read what it ran.

A build system that is not installed is left out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.bench.graphs import Graph, Step

JOBS = 2
METER = Path(__file__).with_name("meter.py")


@dataclass(frozen=True)
class Cost:
    """Cost of one run: CPU and wall time in seconds, peak memory in bytes, and its log.

    The memory is that of the largest process.
    """

    cpu: float
    wall: float
    rss: int
    log: str


class Peer:
    """A build system in one checkout (`folder`).

    Its state outside of the checkout is in `beside`, which checkouts may share.
    """

    name: ClassVar[str]
    program: ClassVar[str]
    caches: ClassVar[bool] = False  # whether a second checkout can be restored from a cache
    folders: ClassVar[bool] = True  # whether it makes the folders of outputs

    def __init__(self, folder: Path, beside: Path, graph: Graph) -> None:
        self.folder, self.beside, self.graph = folder, beside, graph

    @classmethod
    def missing(cls) -> str:
        """Why it cannot take part, or an empty string."""
        return "" if shutil.which(cls.program) else f"{cls.program} is not installed"

    def lay(self) -> None:
        """Write the checkout: sources and build files."""
        self.graph.write(self.folder)
        self._begin()
        self.describe()

    def _begin(self) -> None:
        self.beside.mkdir(parents=True, exist_ok=True)
        if not self.folders:
            (self.folder / "out").mkdir(exist_ok=True)

    def describe(self) -> None:
        """Write the build files."""
        raise NotImplementedError

    def words(self) -> list[str]:
        """The command that builds all of it."""
        raise NotImplementedError

    def environ(self) -> dict[str, str]:
        """The environment it runs in."""
        return {}

    def ran(self, log: str) -> int:
        """Count the steps that it ran, from its log."""
        raise NotImplementedError

    def output(self, step: Step, log: str) -> Path:
        """The path of the output of a step."""
        return self.folder / "out" / str(step.number)

    def places(self, name: str) -> list[Path]:
        """The paths of a source in the checkout."""
        return [self.folder / name]

    def settled(self) -> bool:
        """True when another run like the one before has nothing to do."""
        return True

    def forget(self) -> None:
        """Remove outputs and state, so that the next run is a cold one."""
        for path in (*self.artifacts(), self.beside):
            shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
        self._begin()

    def artifacts(self) -> list[Path]:
        """Outputs and state that a build writes into the checkout."""
        return [self.folder / "out"]

    def daemons(self) -> list[int]:
        """Processes that live on between runs."""
        return []

    def end(self) -> None:
        """Stop what lives on."""

    def run(self, *more: str) -> Cost:
        """Build, and count all processes: the command, its children, and the daemons."""
        log_file = self.beside.with_name(f"{self.beside.name}.log")
        before = sum(map(_spent, self.daemons()))
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(METER), str(log_file), *self.words(), *more],
            cwd=self.folder,
            env=dict(os.environ) | self.environ(),
            capture_output=True,
            text=True,
            check=True,
        )
        used, log = json.loads(done.stdout), log_file.read_text()
        assert used["code"] == 0, f"{self.name} failed: {log[-200:]}"
        daemons = self.daemons()
        spent = max(0.0, sum(map(_spent, daemons)) - before)
        return Cost(
            used["cpu"] + spent, used["wall"], max([used["rss"], *map(_peak, daemons)]), log
        )

    def check(self, files: Mapping[str, str], log: str) -> None:
        """Check every output: a build system that does nothing would be fast."""
        for step, text in zip(self.graph.steps, self.graph.expected(files), strict=True):
            assert self.output(step, log).read_text() == text, (
                f"{self.name}: the output of step {step.number} is wrong"
            )


def _spent(pid: int) -> float:
    """CPU seconds of a living process and of the children that it waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> int:
    try:
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(peak[1]) * 1024 if peak else 0


class Ours(Peer):
    """This project, as it is installed."""

    name, program, caches = "buildgraph", "buildgraph", True
    sandbox: ClassVar[str] = "none"
    binary: ClassVar[Path] = Path(sys.executable).parent / "buildgraph"
    package = 10_000  # steps in a BUILD.toml, which is 4 MiB at most

    @classmethod
    def missing(cls) -> str:
        """Only in a broken installation."""
        return "" if cls.binary.exists() else f"{cls.binary} is not there"

    def _where(self, number: int) -> str:
        return f"p{number // self.package}" if number >= self.package else ""

    def describe(self) -> None:
        """Write BUILD.toml files; each package has its own copies of the sources of its steps."""
        texts: dict[str, list[str]] = {"": ['[workspace]\nname = "bench"\n']}
        awk = self.graph.program.replace("{", "{{").replace("}", "}}")
        for step in self.graph.steps:
            package = self._where(step.number)
            entries = [*step.sources, *(f"//{self._where(need)}:t{need}" for need in step.needs)]
            named = ", ".join(f'i{at} = "{entry}"' for at, entry in enumerate(entries))
            words = " ".join(f"{{i{at}}}" for at in range(len(entries)))
            texts.setdefault(package, []).append(
                f'[t{step.number}]\nrule = "command"\n'
                f'inputs = {{ {named} }}\noutputs = {{ o = "o" }}\n'
                f'argv = ["sh", "-c", "awk -v n={step.number} \'{awk}\' {words} > {{o}}"]\n'
            )
            for name in step.sources:
                if package and not (self.folder / package / name).exists():
                    (self.folder / package).mkdir(exist_ok=True)
                    (self.folder / package / name).write_text(self.graph.files[name])
        for package, text in texts.items():
            (self.folder / package / "BUILD.toml").write_text("\n".join(text))

    def places(self, name: str) -> list[Path]:
        """A file that several packages read has a copy in each."""
        return [
            path for path in (self.folder / name, *self.folder.glob(f"p*/{name}")) if path.exists()
        ]

    def settled(self) -> bool:
        """Its manifest exists."""
        return any((self.folder / ".buildgraph").glob("manifests/*"))

    def words(self) -> list[str]:
        """As its user does."""
        return [str(self.binary), "build", "//..."]

    def environ(self) -> dict[str, str]:
        """The cache is in `beside`."""
        return {"BUILDGRAPH_CACHE": str(self.beside), "BUILDGRAPH_SANDBOX": self.sandbox}

    def ran(self, log: str) -> int:
        """From its last line."""
        summary = re.search(r"^(\d+) ran, ", log, re.MULTILINE)
        return int(summary[1]) if summary else 0

    def output(self, step: Step, log: str) -> Path:
        """Below out/, as links."""
        return self.folder / "out" / self._where(step.number) / f"t{step.number}/o"

    def artifacts(self) -> list[Path]:
        """Links, and what they lead to."""
        return [self.folder / "out", self.folder / ".buildgraph"]


class OursSandboxed(Ours):
    """The same in bubblewrap's namespaces."""

    name, sandbox = "buildgraph, namespaces", "namespaces"

    @classmethod
    def missing(cls) -> str:
        """The reason, also when namespaces do not work here."""
        from buildgraph.sandbox.sandbox import is_available

        return super().missing() or (
            "" if is_available("namespaces") else "the sandbox `namespaces` does not work here"
        )


class Ninja(Peer):
    """ninja."""

    name = program = "ninja"

    def describe(self) -> None:
        """One rule, one edge a step."""
        awk = self.graph.program.replace("$", "$$")
        text = [f"rule join\n  command = awk -v n=$n '{awk}' $in > $out\n"]
        text += [
            f"build out/{step.number}: join {' '.join(inputs(step))}\n  n = {step.number}\n"
            for step in self.graph.steps
        ]
        (self.folder / "build.ninja").write_text("".join(text))

    def words(self) -> list[str]:
        """One line a step that runs."""
        return ["ninja", f"-j{JOBS}"]

    def environ(self) -> dict[str, str]:
        """The line begins with how many ended."""
        return {"NINJA_STATUS": "<%f> "}

    def ran(self, log: str) -> int:
        """The last such number."""
        counts = re.findall(r"<(\d+)> ", log)
        return max(map(int, counts), default=0)

    def artifacts(self) -> list[Path]:
        """Outputs and its two logs."""
        return [self.folder / "out", self.folder / ".ninja_log", self.folder / ".ninja_deps"]


class Make(Peer):
    """GNU make."""

    name = program = "make"
    folders = False

    def describe(self) -> None:
        """One rule a step."""
        awk = self.graph.program.replace("$", "$$")
        text = [f"all: {' '.join(f'out/{step.number}' for step in self.graph.steps)}\n"]
        text += [
            f"out/{step.number}: {' '.join(inputs(step))}\n"
            f"\tawk -v n={step.number} '{awk}' $^ > $@\n"
            for step in self.graph.steps
        ]
        (self.folder / "Makefile").write_text("".join(text))

    def words(self) -> list[str]:
        """It prints each command."""
        return ["make", "-r", f"-j{JOBS}"]

    def ran(self, log: str) -> int:
        """Count the commands that it printed."""
        return log.count("awk ")


class Doit(Peer):
    """doit, from PyPI."""

    name = program = "doit"
    folders = False

    def describe(self) -> None:
        """One task a step."""
        (self.folder / "steps.json").write_text(
            json.dumps([[inputs(step), f"out/{step.number}"] for step in self.graph.steps])
        )
        (self.folder / "dodo.py").write_text(
            "import json\nDOIT_CONFIG = {'reporter': 'executed-only', 'default_tasks': ['t']}\n"
            "def task_t():\n    for needs, out in json.load(open('steps.json')):\n"
            f'        command = "awk -v n=" + out[4:] + " \'{self.graph.program}\' "'
            " + ' '.join(needs) + ' > ' + out\n"
            "        yield {'name': out, 'file_dep': needs,"
            " 'targets': [out], 'actions': [command]}\n"
        )

    def artifacts(self) -> list[Path]:
        """Outputs, and its memory in several files."""
        return [self.folder / "out", *self.folder.glob(".doit.db*")]

    def words(self) -> list[str]:
        """In processes."""
        return ["doit", "-n", str(JOBS)]

    def ran(self, log: str) -> int:
        """A line for each task that ran."""
        return len(re.findall(r"^\.  t:", log, re.MULTILINE))


def inputs(step: Step) -> list[str]:
    """The paths that a step reads; outputs are at `out/<number>`."""
    return [*step.sources, *(f"out/{need}" for need in step.needs)]
