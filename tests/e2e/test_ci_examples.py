"""The pipelines of examples/ci are valid, and their commands run here as a CI service runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from tests.support.requirements import need, need_module
from tests.support.runner_commands import runner_commands
from tests.support.workspace import Space

EXAMPLE = Path(__file__).parents[2] / "examples/ci"
WORKFLOWS = sorted((EXAMPLE / ".github/workflows").glob("*.yml"))
AFFECTED = ["//:count", "//:words", "//checks:sorted"]
GIT = ["git", "-c", "user.name=ci", "-c", "user.email=ci@example.org"]


def tool(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a checker that is installed beside the interpreter."""
    path = shutil.which(name, path=str(Path(sys.executable).parent)) or need(name)
    return subprocess.run([path, *words], capture_output=True, text=True, check=False)


def test_zizmor_has_no_findings() -> None:
    ran = tool("zizmor", "--offline", "--pedantic", "--format=json", *map(str, WORKFLOWS))
    assert (ran.returncode, json.loads(ran.stdout)) == (0, []), ran.stdout


def test_the_pipelines_are_valid_by_their_schemas() -> None:
    need_module("check_jsonschema")
    github = tool(
        "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)
    )
    assert github.returncode == 0, github.stdout
    words = "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"
    gitlab = tool("check-jsonschema", *words, str(EXAMPLE / ".gitlab-ci.yml"))
    assert gitlab.returncode == 0, gitlab.stdout


def test_the_page_shows_the_pipelines_as_they_are() -> None:
    page = (EXAMPLE.parents[1] / "buildgraph/docs/howto/ci.md").read_text()
    for path in (".github/workflows/agents.yml", ".gitlab-ci.yml"):
        assert f'```yaml title="{path}"\n{(EXAMPLE / path).read_text()}```' in page


@pytest.fixture
def repository(tmp_path: Path) -> Space:
    """A repository with the example, whose last commit changes a source."""
    need("git")
    workspace = Space(tmp_path / "w", tmp_path / "cache")
    shutil.copytree(EXAMPLE, workspace.root, ignore=shutil.ignore_patterns("out", ".buildgraph"))

    def git(*words: str) -> None:
        subprocess.run([*GIT, *words], cwd=workspace.root, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "Start")
    workspace.write("texts/one.txt", "four five\n")
    git("commit", "-qam", "Change a text")
    return workspace


class Runner:
    """The runner of GitHub as a step sees it: files for outputs and summaries, and `${{ }}`."""

    def __init__(self, workspace: Space, context: dict[str, Any]) -> None:
        self._workspace, self._context = workspace, context
        self.folder = workspace.root.parent / "runner"
        self.folder.mkdir(exist_ok=True)

    def run_job(self, job: dict[str, Any]) -> dict[str, str]:
        """Run the commands of a job but not its installation; the outputs of its steps."""
        outputs: dict[str, str] = {}
        for step in job["steps"]:
            if "run" in step and step["name"] != "Install":
                outputs |= self._run(step)
        return outputs

    def _run(self, step: dict[str, Any]) -> dict[str, str]:
        output, summary = self.folder / "output", self.folder / "summary.md"
        output.write_text("")
        bin_folder = self.folder / "bin"
        bin_folder.mkdir(exist_ok=True)
        program = bin_folder / "buildgraph"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m buildgraph "$@"\n')
        program.chmod(0o755)
        variables = {key: self._evaluate(str(text)) for key, text in step.get("env", {}).items()}
        env = self._workspace.environ() | {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(self._workspace.root),
        }
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self._workspace.root,
            env=env | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        self.log = ran.stdout + ran.stderr
        lines = output.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def _evaluate(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            names = [name.strip() for name in match[1].split("||")]
            return next(str(self._context[name]) for name in names if self._context.get(name))

        return re.sub(r"\$\{\{(.*?)\}\}", value, text)


def test_the_workflow_of_github_tests_what_is_affected(repository: Space) -> None:
    jobs = yaml.safe_load((EXAMPLE / ".github/workflows/agents.yml").read_text())["jobs"]
    context: dict[str, Any] = {"github.event.before": "HEAD~1"}
    temp = repository.root.parent / "temp"
    temp.mkdir()
    context["runner.temp"] = str(temp)
    outputs = Runner(repository, context).run_job(jobs["affected"])
    assert outputs["affected"] == "true"
    labels: list[str] = []
    for row in json.loads(outputs["matrix"])["include"]:
        runner = Runner(repository, context | {"matrix.labels": row["labels"]})
        runner.run_job(jobs["test"])
        labels += row["labels"].split()
        assert (runner.folder / "summary.md").stat().st_size
    assert sorted(labels) == AFFECTED
    report = JUnitXml.fromfile(str(repository.root / "junit.xml"))
    assert report.failures == report.errors == 0 and report.tests >= 3
    assert (repository.root / ".buildgraph/runs.log").exists()
    # The next run has nothing but the exported results.
    shutil.rmtree(repository.cache)
    for name in ("out", ".buildgraph"):
        shutil.rmtree(repository.root / name)
    repository.run("cache", "import", str(temp / "results.bin"))
    assert "0 ran" in repository.run("test", "//...").out


def test_a_failure_of_the_workflow_is_annotated(repository: Space) -> None:
    repository.env |= {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(repository.root)}
    build = (repository.root / "BUILD.toml").read_text()
    repository.write("BUILD.toml", build.replace('"sort", "-c"', '"sort", "-c", "-r"'))
    ran = repository.run("test", "//...", "--keep-going", code=1)
    errors = [command for command in runner_commands(ran.err) if command.name == "error"]
    line = build.split("[checks.sorted]")[0].count("\n") + 1
    assert {(e.properties["file"], e.properties["line"]) for e in errors} == {
        ("BUILD.toml", str(line))
    }


def test_the_pipeline_of_gitlab_runs(repository: Space) -> None:
    gitlab = need("gitlab-ci-local")
    program = repository.root.parent / "bin/buildgraph"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m buildgraph "$@"\n')
    program.chmod(0o755)
    env = repository.environ() | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(repository.root.parent),
    }

    def run(*words: str) -> str:
        ran = subprocess.run(
            [gitlab, "--force-shell-executor", "--variable", "BASE=HEAD~1", *words],
            cwd=repository.root,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    run("affected", "test")
    assert (repository.root / "results.bin").stat().st_size
    report = JUnitXml.fromfile(str(repository.root / "junit.xml"))
    assert report.failures == report.errors == 0 and report.tests >= 3
    jobs = json.loads((repository.root / "jobs.yml").read_text())
    scripts = [line for job in jobs.values() if "script" in job for line in job["script"]]
    assert sorted(word for line in scripts for word in line.split() if word[:2] == "//") == AFFECTED
    run("--file", "jobs.yml")
