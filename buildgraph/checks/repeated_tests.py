"""`test --runs N`: run the test files of a finished build N times, and report what fails in some.

The first run of each file is as always. The others vary order, seeds, zone and time, as with the
key `runs` of the rule. Nothing that these runs make is kept but the records of what failed: a gate
with a test that failed runs again in the next build, and a pass of that test is then kept no more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

from ..execution.action_runner import ActionRunner, TaskOutcome
from ..execution.executor import Executor
from ..execution.gate_evidence import evidence_in, parse_evidence
from ..execution.previous_records import PreviousRecords
from ..execution.scheduler import StepState
from ..execution.task_job import Task
from ..host.environment import own_folder
from ..sandbox.job import Job
from ..state.save import forget_builds
from ..store.batch import DiskBatch
from ..types.action import Action, Shipped
from ..types.errors import FAILED, INTERRUPTED, OK, BuildError
from ..types.events import Judged, Warned
from .reproducibility import in_order

VARIABLE = "TEST_RUNS"
_PROGRAM = "/run_pytest.py"
_MOST, _SHOWN = 1000, 3


def repeater(text: str) -> Callable[[Executor, int], int]:
    """Return a function for `Request.on_finish`; BuildError (reason "usage") for no number."""
    if not text.isdecimal() or not 2 <= int(text) <= _MOST:
        raise BuildError(
            f"--runs={text}: not a number from 2 to {_MOST}",
            fix="use --runs=20, or no option for one run",
            reason="usage",
        )
    return lambda executor, code: repeat_tests(executor, code, int(text))


def repeat_tests(executor: Executor, code: int, runs: int) -> int:
    """Run the gates of a build that run tests again; 1 if a test failed, else `code`."""
    numbers = [
        number
        for number, state in enumerate(executor.plan.state)
        if state in (StepState.DONE, StepState.FAILED)
        and (action := executor.steps.actions[number]) in executor.keys  # else it never began
        and _runs_tests(action)
    ]
    if not numbers:
        executor.listen(Warned(f"--runs={runs}: no gate of the rule pytest was run"))
    scratch = os.path.join(executor.host.scratch, "runs")
    os.makedirs(scratch, exist_ok=True)
    runner = ActionRunner(
        executor.host.store,
        scratch,
        executor.level,
        False,
        executor.cancel,
        wrap=lambda job: with_runs(job, runs),
        previous=PreviousRecords(own_folder(executor.root, executor.host.store)),
    )
    failed, jobs = False, executor.request.jobs or os.cpu_count() or 1
    with closing(runner), ThreadPoolExecutor(jobs, "runs") as pool:
        tasks = [executor.task(number) for number in numbers]
        for task, outcome in zip(tasks, in_order(pool, runner.attempt, tasks), strict=True):
            failed = not _report(executor, task, outcome) or failed
    if executor.cancel.is_set():
        return INTERRUPTED
    return FAILED if failed and code == OK else code


def with_runs(job: Job, runs: int) -> Job:
    """Return the job of a gate with the number of runs, and time for all of them."""
    env = dict(job.env) | {VARIABLE: str(runs)}
    return replace(job, env=tuple(sorted(env.items())), timeout=job.timeout * runs)


def _runs_tests(action: Action) -> bool:
    return any(
        isinstance(artifact, Shipped) and artifact.name.endswith(_PROGRAM)
        for _, artifact in action.inputs
    )


def _report(executor: Executor, task: Task, outcome: TaskOutcome) -> bool:
    """Report the verdict of all runs of a gate; False if a test failed.

    The result of a gate with a test that failed is removed.
    """
    store, passed = executor.host.store, outcome.result is not None
    evidence = outcome.evidence.data if outcome.evidence is not None else b""
    if outcome.result is not None:
        assert isinstance(outcome.batch, DiskBatch)
        evidence = evidence or evidence_in(outcome.result, outcome.batch.read)
        store.drop(outcome.batch)
    elif not outcome.interrupted:
        store.remove(store.record_path(task.key.digest))
        forget_builds(executor.root)
    if outcome.interrupted:
        return True
    why = "" if passed else describe_failure(outcome.why, outcome.log)
    executor.listen(
        Judged(
            str(task.action.owner),
            f"runs of {task.action.title}",
            "passed" if passed else "failed",
            why,
            parse_evidence(evidence) if evidence else None,
        )
    )
    return passed


def describe_failure(why: str, log: str) -> str:
    """The findings in a log, first those of flaky tests, or why the program ended."""
    lines = [line for line in log.splitlines() if ": error: " in line]
    lines.sort(key=lambda line: " is flaky: " not in line)
    more = f" (and {len(lines) - _SHOWN} more)" if len(lines) > _SHOWN else ""
    return "; ".join(lines[:_SHOWN]) + more if lines else why
