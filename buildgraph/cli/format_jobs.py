"""CI jobs in the formats of CI services."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from ..explain.shards import Job, makespan


def format_jobs(jobs: Sequence[Job]) -> dict[str, Any]:
    """Return the jobs by stage, and the time that all stages are predicted to take."""
    return {"stages": [rows for _, rows in _stages(jobs)], "makespan_milliseconds": makespan(jobs)}


def format_github(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield lines for the file `$GITHUB_OUTPUT`: a matrix for each stage, which is never empty.

    `matrix` is that of the first stage; `matrix_2` and further are those of later ones. `affected`
    is `true` if there is something to build.
    """
    for stage, rows in _stages(jobs):
        suffix = "" if stage == 1 else f"_{stage}"
        include = [row | {"labels": " ".join(row["labels"])} for row in rows]
        yield f"matrix{suffix}={_compact({'include': include})}"
    yield f"affected={'false' if all(job.is_noop for job in jobs) else 'true'}"


def format_gitlab(jobs: Sequence[Job]) -> str:
    """Return a child pipeline; GitLab reads JSON as YAML. It has at least one job.

    Its jobs have only a stage and a script: the pipeline that triggers it adds the image and the
    cache in a file of its own, under `default:`.
    """
    pipeline: dict[str, Any] = {"stages": []}
    for stage, rows in _stages([job for job in jobs if not job.is_noop] or jobs[:1]):
        pipeline["stages"].append(f"affected-{stage}")
        for row in rows:
            words = ["buildgraph", "test", "--keep-going", *row["labels"]]
            script = "echo no target is affected" if row["noop"] else shlex.join(words)
            name = f"affected {stage}: {row['job']}"
            pipeline[name] = {"stage": f"affected-{stage}", "script": [script]}
    return json.dumps(pipeline, indent=2)


def _stages(jobs: Sequence[Job]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield each stage with its jobs as tables."""
    for stage, group in groupby(jobs, key=lambda job: job.stage):
        own = list(group)
        yield (
            stage,
            [
                {
                    "job": f"{number}/{len(own)}",
                    "labels": [str(label) for label in job.labels],
                    "milliseconds": job.milliseconds,
                    "noop": job.is_noop,
                }
                for number, job in enumerate(own, 1)
            ],
        )


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
