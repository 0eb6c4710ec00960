"""Other build systems, installed only for the comparison."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from tests.bench.graphs import Step
from tests.bench.peers import JOBS, Peer, inputs


class Scons(Peer):
    """SCons, from PyPI, with its cache."""

    name = program = "scons"
    caches = True

    def describe(self) -> None:
        """One Command a step."""
        rows = [[step.number, inputs(step)] for step in self.graph.steps]
        (self.folder / "steps.json").write_text(json.dumps(rows))
        awk = self.graph.program.replace("$", "$$")
        (self.folder / "SConstruct").write_text(
            f"import json, os\nenv = Environment(ENV=os.environ)\nCacheDir({str(self.beside)!r})\n"
            "for number, needs in json.load(open('steps.json')):\n"
            "    env.Command(f'out/{number}', needs, f\"awk -v n={number} \""
            f" + \"'{awk}' $SOURCES > $TARGET\")\n"
        )

    def words(self) -> list[str]:
        """It prints each command."""
        return ["scons", "-Q", f"-j{JOBS}"]

    def ran(self, log: str) -> int:
        """Count the commands that it printed."""
        return len(re.findall(r"^awk ", log, re.MULTILINE))

    def artifacts(self) -> list[Path]:
        """Outputs and its memory."""
        return [self.folder / "out", self.folder / ".sconsign.dblite"]


class Snakemake(Peer):
    """Snakemake, from PyPI."""

    name = program = "snakemake"

    def describe(self) -> None:
        """One rule a step."""
        awk = self.graph.program.replace("{", "{{").replace("}", "}}")
        text = [f"rule all:\n    input: {[f'out/{step.number}' for step in self.graph.steps]}\n"]
        text += [
            f"rule t{step.number}:\n    input: {inputs(step)}\n    output: 'out/{step.number}'\n"
            f"    shell: \"awk -v n={step.number} '{awk}' {{input}} > {{output}}\"\n"
            for step in self.graph.steps
        ]
        (self.folder / "Snakefile").write_text("".join(text))

    def words(self) -> list[str]:
        """On this machine."""
        return ["snakemake", f"-j{JOBS}"]

    def environ(self) -> dict[str, str]:
        """Its caches are in `beside`."""
        return {"XDG_CACHE_HOME": str(self.beside)}

    def ran(self, log: str) -> int:
        """The number of steps, without `all`."""
        return max(
            (int(count) - 1 for count in re.findall(r"^(\d+) of \d+ steps", log, re.MULTILINE)),
            default=0,
        )

    def artifacts(self) -> list[Path]:
        """Outputs and its memory."""
        return [self.folder / "out", self.folder / ".snakemake"]


class Dvc(Peer):
    """DVC, from PyPI."""

    name = program = "dvc"
    folders = False

    def describe(self) -> None:
        """One stage a step; JSON is YAML, too."""
        shutil.rmtree(self.folder / ".dvc", ignore_errors=True)
        subprocess.run(
            ["dvc", "init", "-q", "--no-scm"],
            cwd=self.folder,
            check=True,
            env=dict(os.environ) | self.environ(),
        )
        stages = {
            f"t{step.number}": {
                "cmd": f"awk -v n={step.number} '{self.graph.program}' "
                f"{' '.join(inputs(step))} > out/{step.number}",
                "deps": inputs(step),
                "outs": [f"out/{step.number}"],
            }
            for step in self.graph.steps
        }
        (self.folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))

    def words(self) -> list[str]:
        """It runs one at a time."""
        return ["dvc", "repro"]

    def environ(self) -> dict[str, str]:
        """It reports to nobody."""
        return {"DVC_NO_ANALYTICS": "1", "XDG_CACHE_HOME": str(self.beside)}

    def ran(self, log: str) -> int:
        """Count the stages that it printed."""
        return log.count("Running stage")

    def forget(self) -> None:
        """Its cache is in the checkout."""
        super().forget()
        self.describe()

    def artifacts(self) -> list[Path]:
        """Outputs, lock and cache."""
        return [self.folder / "out", self.folder / "dvc.lock", self.folder / ".dvc"]


class Nix(Peer):
    """Nix with a store of its own, without daemon and sandbox."""

    name, program = "nix", "nix-build"

    def describe(self) -> None:
        """One derivation a step."""
        text = [
            'let t = n: ins: derivation { name = "t${toString n}"; '
            'system = builtins.currentSystem; builder = "/bin/sh"; '
            f'inherit n ins; program = "{self.graph.program}"; '
            'args = [ "-c" "/usr/bin/awk -v n=$n \\"$program\\" $ins > $out; exit $?" ]; };\n'
        ]
        for step in self.graph.steps:
            dependencies = " ".join(
                [*(f"./{name}" for name in step.sources), *(f"t{need}" for need in step.needs)]
            )
            text.append(f"t{step.number} = t {step.number} [ {dependencies} ];\n")
        text.append(f"in [ {' '.join(f't{step.number}' for step in self.graph.steps)} ]\n")
        (self.folder / "default.nix").write_text("".join(text))

    def words(self) -> list[str]:
        """It prints the path of each output."""
        return [
            "nix-build",
            "--no-out-link",
            f"-j{JOBS}",
            "--option",
            "sandbox",
            "false",
            "--option",
            "build-users-group",
            "",
        ]

    def environ(self) -> dict[str, str]:
        """All of its folders are in `beside`."""
        return {
            f"NIX_{name}_DIR": str(self.beside / name.lower())
            for name in ("STORE", "STATE", "LOG", "CONF")
        }

    def ran(self, log: str) -> int:
        """A line for each derivation that is built."""
        return len(re.findall(r"^building '", log, re.MULTILINE))

    def output(self, step: Step, log: str) -> Path:
        """The path printed; those of a run are kept until the next."""
        if step.number == 0:
            self._paths = re.findall(rf"^({re.escape(str(self.beside))}/\S+)$", log, re.MULTILINE)
        return Path(self._paths[step.number])


class Bazel(Peer):
    """Bazel, without a sandbox, with its disk cache.

    Its server is counted, and lives on between runs.
    """

    name, program, caches = "bazel", "bazel", True
    strategy: ClassVar[str] = "local"

    def describe(self) -> None:
        """One genrule a step."""
        awk = self.graph.program.replace("$", "$$")
        text = []
        for step in self.graph.steps:
            sources = [*step.sources, *(f"t{need}.o" for need in step.needs)]
            text.append(
                f"genrule(name = 't{step.number}', srcs = {sources}, outs = ['t{step.number}.o'],\n"
                f"        cmd = \"awk -v n={step.number} '{awk}' $(SRCS) > $@\")\n"
            )
        (self.folder / "BUILD").write_text("".join(text))
        (self.folder / "WORKSPACE").write_text("")

    def words(self) -> list[str]:
        """As a user without a .bazelrc."""
        return [
            *self._start(),
            "build",
            f"--jobs={JOBS}",
            f"--spawn_strategy={self.strategy}",
            "--noshow_progress",
            "--color=no",
            f"--disk_cache={self.beside / 'disk'}",
            "//...",
        ]

    def _start(self) -> list[str]:
        return ["bazel", f"--output_user_root={self.beside / 'root'}"]

    def ran(self, log: str) -> int:
        """From its last lines, without what came from the cache."""
        summary = re.search(r"^INFO: (\d+) process(?:es)?\b(.*)", log, re.MULTILINE)
        hits = re.search(r"(\d+) remote cache hit", summary[2]) if summary else None
        return int(summary[1]) - (int(hits[1]) if hits else 0) if summary else 0

    def output(self, step: Step, log: str) -> Path:
        """Through the link that it leaves."""
        return self.folder / f"bazel-bin/t{step.number}.o"

    def artifacts(self) -> list[Path]:
        """The links; everything else is in `beside`."""
        return list(self.folder.glob("bazel-*"))

    def daemons(self) -> list[int]:
        """The servers of its checkouts."""
        return [
            int(path.read_text()) for path in (self.beside / "root").glob("*/server/server.pid.txt")
        ]

    def end(self) -> None:
        """Stop the server."""
        if self.folder.exists():
            subprocess.run(
                [*self._start(), "shutdown"], cwd=self.folder, capture_output=True, check=False
            )

    def forget(self) -> None:
        """With the server."""
        self.end()
        for path in self.artifacts():
            path.unlink()
        subprocess.run(["chmod", "-R", "u+w", str(self.beside)], check=True)
        super().forget()


class BazelSandboxed(Bazel):
    """The same with its sandbox of namespaces."""

    name, strategy = "bazel, linux-sandbox", "linux-sandbox"


SHAKE = r"""
import Development.Shake
import qualified Data.Map.Strict as M
main = do
  program <- readFile "program.txt"
  rows <- map words . lines <$> readFile "steps.txt"
  let steps = M.fromList [("out/" ++ n, (n, ins)) | n:ins <- rows]
  shakeArgs shakeOptions{shakeChange=ChangeModtimeAndDigest} $ do
    want (M.keys steps)
    "out/*" %> \o -> do
      let (n, ins) = steps M.! o
      need ins
      cmd_ Shell ("awk -v n=" ++ n ++ " '" ++ program ++ "' " ++ unwords ins ++ " > " ++ o)
"""


class Shake(Peer):
    """Shake, with a compiled program and a shared cache."""

    name, program, caches = "shake", "ghc", True
    compiled: ClassVar[Path | None] = None

    @classmethod
    def missing(cls) -> str:
        """Without its library."""
        reason = super().missing()
        if (
            not reason
            and subprocess.run(
                ["ghc-pkg", "latest", "shake"], capture_output=True, check=False
            ).returncode
        ):
            reason = "the library shake of Haskell is not installed"
        return reason

    def describe(self) -> None:
        """A table that the program reads; it is compiled once."""
        if Shake.compiled is None:
            folder = Path(tempfile.mkdtemp(prefix="bench-shake-"))
            atexit.register(shutil.rmtree, folder, True)
            (folder / "Build.hs").write_text(SHAKE)
            subprocess.run(
                ["ghc", "-O1", "-threaded", "-o", "build", "Build.hs"],
                cwd=folder,
                check=True,
                capture_output=True,
            )
            Shake.compiled = folder / "build"
        (self.folder / "program.txt").write_text(self.graph.program)
        rows = [" ".join([str(step.number), *inputs(step)]) for step in self.graph.steps]
        (self.folder / "steps.txt").write_text("\n".join(rows) + "\n")

    def words(self) -> list[str]:
        """It prints each command."""
        return [str(Shake.compiled), f"-j{JOBS}", "--no-color", f"--share={self.beside}"]

    def ran(self, log: str) -> int:
        """Count the commands that it printed."""
        return len(re.findall(r"^# awk ", log, re.MULTILINE))

    def artifacts(self) -> list[Path]:
        """Outputs and its memory."""
        return [self.folder / "out", self.folder / ".shake"]


OTHERS: tuple[type[Peer], ...] = (Scons, Snakemake, Dvc, Nix, Bazel, BazelSandboxed, Shake)
