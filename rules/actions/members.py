"""Members of a coalition, from a plan to proved code, and how tools read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildgraph import Artifact, In


@dataclass(frozen=True)
class Planned:
    """A model after the compiler passes: plan, interface (sizes), probe set and nominal model."""

    ir: Artifact
    plan: Artifact
    interface: Artifact
    probe: Artifact
    nominal: Artifact


@dataclass(frozen=True)
class Proved:
    """An agent's code under its name, and the proof that it decides as the float64 reference
    does.

    An agent of the python backend has no code but a report of its proof. `python` gives the reason
    for that backend and is empty for native agents.
    """

    name: str
    code: Artifact | None
    proof: Artifact
    planned: Planned
    python: str = ""
    page: Artifact | None = None


@dataclass(frozen=True)
class Member:
    """A member of a coalition: agent name, labels of its model, proved code, number of replicas or
    None.
    """

    name: str
    labels: Artifact
    proved: Proved
    replicas: int | None = None


def stage_members(
    members: Sequence[Member], *options: str, workers: Artifact | None = None
) -> tuple[list[str], list[In]]:
    """Return the options of tools that read the members of a program, and the inputs that they
    name. `workers` is the file of choose_workers.
    """
    staged = [In(workers, "in/workers.json")] if workers is not None else []
    words = [word for file in staged for word in ("--workers", file.path)]
    for member in members:
        planned = member.proved.planned
        files = {
            "interface": planned.interface,
            "proof": member.proved.proof,
            "probe": planned.probe,
            "labels": member.labels,
            "monitor": planned.nominal,
            "ir": planned.ir,
            "plan": planned.plan,
        }
        for option in options:
            staged.append(In(files[option], f"in/{member.name}/{option}"))
            words += [f"--{option}", f"{member.name}={staged[-1].path}"]
        if member.replicas is not None:
            words += ["--replicas", f"{member.name}={member.replicas}"]
    return words, staged
