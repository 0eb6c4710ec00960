"""The gate `container`: try an image in Docker as its plan says, and write the evidence.

Every container is hardened as in `buildgraph run`, without network, and removed afterwards, also
after an interrupt; so are the volume, and the image unless Docker had it before. Times that are
measured here are those of this host, never the board's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..types.errors import BuildError
from . import client, oci_layout
from .client import ContainerExit, ContainerLimits, NotExecuted
from .foreign_platform import EXEC_FORMAT_ERROR, emulator_help, is_emulated
from .service_trial import STOP_S, ServiceFacts, try_service
from .temporary import temporary_image, temporary_volume

Row = dict[str, Any]
LEAST = 6 << 20
"""The least limit of memory that Docker sets."""
STEP = 1 << 20
"""Bisection ends at so many bytes."""
KILLED = 137
_MEASURED = (0, 1, 3)  # of `--measure`: its own verdict is on a limit, which is not judged here
_EMULATED = "an emulator runs the program here, and its own memory and time would be counted"


@dataclass(frozen=True)
class Trial:
    """An image that Docker has, its plan, and the checks by name, each "not checked" so far."""

    image: str
    plan: dict[str, Any]
    rows: dict[str, Row]
    emulated: bool = False
    cancelled: Callable[[], bool] = field(default=lambda: False)

    @property
    def memory(self) -> int:
        """The limit of memory in bytes, 0 for none."""
        return int(self.plan["memory"])

    def row(self, name: str, verdict: str, measured: Any = None, **other: Any) -> Row:
        """Return a check with its verdict; values that are None or '' are left out."""
        row = {"name": name, "how": self.rows[name]["how"], "on": "the image in Docker"}
        row |= {"verdict": verdict, "measured": measured} | other
        return {key: value for key, value in sorted(row.items()) if value not in (None, "")}

    def run(self, *words: str, stdin: str = "", **limits: Any) -> ContainerExit:
        """Run the image with arguments."""
        return client.run(self.image, words, stdin.encode(), ContainerLimits(**limits))


def try_container(
    source: Path, document: dict[str, Any], cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Return the evidence of an image (the folder of its OCI layout), from its planned evidence.

    Without a daemon, or without an emulator for its platform, every check is "not checked" with
    what to do.
    """
    rows = {row["name"]: row for row in document["checks"]}
    try:
        daemon = client.platform()
        platform = document["plan"]["platform"]
        selected = oci_layout.select_image(source, daemon.rpartition("/")[2])
        foreign = not selected.runs_on(daemon.rpartition("/")[2])
        if foreign and is_emulated(platform) is False:
            raise _no_emulator(platform)
        with temporary_image(source) as image:
            trial = Trial(image, document["plan"], rows, foreign, cancelled)
            checks = list(_checks(trial))
    except NotExecuted:
        checks = _unchecked(rows.values(), _no_emulator(document["plan"]["platform"]))
    except BuildError as error:
        if error.reason != "environment":
            raise
        checks = _unchecked(rows.values(), error)
    return document | {"checks": checks, "verdict": worst([row["verdict"] for row in checks])}


def worst(verdicts: list[str]) -> str:
    """Return the worst of verdicts."""
    return next(word for word in ("failed", "not checked", "passed") if word in verdicts)


def _no_emulator(platform: str) -> BuildError:
    return BuildError(
        f"the image is for {platform}, another processor, and no emulator is set up",
        fix=emulator_help(platform),
        reason="environment",
    )


def _unchecked(rows: Any, error: BuildError) -> list[Row]:
    return [{**row, "why": error.what, "fix": error.fix or ""} for row in rows]


def _checks(trial: Trial) -> Iterator[Row]:
    """Yield all checks in the order of the plan; a BuildError of one is its reason to fail.

    After an interrupt the rest stays "not checked".
    """
    rows: dict[str, Row] = {}
    for names, check in (
        (("start", "user", "health", "stop", "memory limit", "least memory"), _service_checks),
        (("cpu quota",), _quota_check),
        (("state",), _state_check),
    ):
        if trial.cancelled():
            break
        try:
            rows |= {row["name"]: row for row in check(trial)}
        except NotExecuted:
            raise
        except BuildError as error:
            if error.reason == "environment":
                raise
            lost = {
                name: trial.row(name, "failed", why=error.what, fix=error.fix) for name in names
            }
            rows = lost | rows
    return iter(rows.get(name, row) for name, row in trial.rows.items())


def _service_checks(trial: Trial) -> Iterator[Row]:
    limit = 0 if trial.emulated else max(trial.memory, LEAST)
    with client.connect() as api:
        facts = try_service(api, trial.image, limit, trial.cancelled)
    if EXEC_FORMAT_ERROR.decode() in facts.log:
        raise NotExecuted
    yield from _start_checks(trial, facts)
    yield from _emulated(trial, "memory limit", "least memory") or _memory_checks(trial, facts)


def _emulated(trial: Trial, *names: str) -> list[Row]:
    """Return checks that an emulator cannot make; nothing without an emulator."""
    fix = "run the gate on a machine with the board's kind of processor"
    rows = [trial.row(name, "not checked", why=_EMULATED, fix=fix) for name in names]
    return rows if trial.emulated else []


def _start_checks(trial: Trial, facts: ServiceFacts) -> Iterator[Row]:
    last = facts.log.strip().splitlines()[-1:]
    ended = f"it ended with exit code {facts.exit_code}: {''.join(last)}".rstrip(": ")
    start = "passed" if facts.is_running else "failed"
    yield trial.row("start", start, facts.is_running, why="" if facts.is_running else ended)
    is_root = facts.user.split(":")[0] in ("", "0", "root")
    why = "the image runs as the superuser" if is_root else ""
    yield trial.row("user", "failed" if is_root else "passed", facts.user or "0", why=why)
    healthy = facts.health == "healthy"
    why = "" if healthy else f"Docker says {facts.health or 'that there is no health check'}"
    yield trial.row("health", "passed" if healthy else "failed", facts.health, why=why)
    if not facts.is_running:
        yield trial.row("stop", "not checked", why="it does not start")
        return
    graceful = facts.exit_code == 0
    why = f"it ended with exit code {facts.exit_code}"
    if facts.exit_code == KILLED:
        why = f"it ignored SIGTERM for {STOP_S} s and was killed"
    row = trial.row("stop", "passed" if graceful else "failed", facts.exit_code, limit=0)
    yield row if graceful else row | {"why": why}


def _memory_checks(trial: Trial, facts: ServiceFacts) -> Iterator[Row]:
    limit, how = max(trial.memory, LEAST), trial.rows["memory limit"]["how"]
    if trial.memory < LEAST:
        how += "; Docker sets no smaller one, and the gate fitness judges the budget"
    row = trial.row("memory limit", "passed", facts.cgroup_peak, limit=limit, unit="bytes")
    row |= {"how": how, "key": "budget.memory"}
    if not _lives(trial, limit):
        why = f"the program is killed, or its self-test fails, with {limit} bytes"
        fix = "raise budget.memory, or make the agents smaller"
        yield row | {"verdict": "failed", "why": why, "fix": fix}
        yield trial.row("least memory", "not checked", why=why)
        return
    yield row
    measured = {
        "least": _least(trial),
        "cgroup_peak": facts.cgroup_peak,
        "rss_peak": facts.rss_peak,
    }
    yield trial.row("least memory", "passed", measured, unit="bytes")


def _lives(trial: Trial, memory: int) -> bool:
    return trial.run("--selftest", memory=memory).code == 0


def _least(trial: Trial) -> int:
    """Return the least limit at which the self-test succeeds, to a step of bisection."""
    least, most = LEAST, max(trial.memory, LEAST)
    if most == least or _lives(trial, least):
        return least
    while most - least > STEP and not trial.cancelled():
        middle = (least + most) // 2
        least, most = (least, middle) if _lives(trial, middle) else (middle, most)
    return most


def _quota_check(trial: Trial) -> list[Row]:
    if trial.emulated:
        return _emulated(trial, "cpu quota")
    measured: dict[str, Any] = {}
    for cpus in (0.25, 1.0):
        ended = trial.run("--measure", "--steps", "2000", cpus=cpus)
        if ended.code not in _MEASURED:
            why = f"--measure ended with exit code {ended.code} at {cpus:g} cores"
            return [trial.row("cpu quota", "failed", why=why)]
        times = json.loads(ended.stdout)["checks"][0]["measured"]
        measured[f"{cpus:g} cores"] = {name: times[name] for name in ("p50", "p99")}
    row = trial.row("cpu quota", "passed", measured, unit="nanoseconds")
    return [row | {"on": "this host: a native proxy, no times of the board"}]


def _state_check(trial: Trial) -> list[Row]:
    """Check that the answer after a restart is the one without a restart."""
    line = f"{trial.plan['request']}\n"
    whole = trial.run("--beliefs", stdin=line * 3)
    with temporary_volume() as name:
        words = ("--beliefs", "--state", "/data/state")
        first = trial.run(*words, stdin=line * 2, volume=name)
        second = trial.run(*words, stdin=line, volume=name)
    codes = [ended.code for ended in (whole, first, second)]
    row = trial.row("state", "passed", codes, limit=[0, 0, 0], unit="exit codes")
    if any(codes):
        log = (first.stderr or second.stderr).decode(errors="replace").strip()
        return [
            row | {"verdict": "failed", "why": f"it ended with exit codes {codes}: {log}"[:500]}
        ]
    if whole.stdout.splitlines()[-1:] != second.stdout.splitlines():
        return [row | {"verdict": "failed", "why": "the answer after a restart is another one"}]
    return [row]


def docker_version() -> str:
    """Return the version of the daemon, '' without one."""
    try:
        return client.version()
    except BuildError:
        return ""
