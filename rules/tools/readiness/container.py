"""The plan of the gate `container`: what a build tries in Docker, outside of the sandbox.

An action has no Docker. It writes evidence whose checks are "not checked", and a plan: the image,
its platform, the limit of memory, and a request of one step. The build carries the plan out and
replaces the evidence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agentc.codegen.links import Instances, Link
from readiness.evidence import Check, Json, encode

CHECKS = {
    "start": "read-only root, no capabilities, no new privileges, no network",
    "user": "user of the image",
    "health": "the image's health check, until Docker says healthy",
    "stop": "SIGTERM, and 10 s to end with exit code 0",
    "memory limit": "--selftest at the limit of memory",
    "least memory": "--selftest at limits that bisection chooses; peak of the cgroup, peak RSS",
    "cpu quota": "--measure at a quarter of a core and at a whole one",
    "state": "three steps, and the same steps with a restart before the third one",
}
"""How each check of the gate is made, by name."""


def request_of(links: Sequence[Link], team: Instances, copies: int) -> str:
    """Return a request of one step as a line: observation 0 wherever no link feeds one."""
    fed = {(link.target, link.modality) for link in links}
    body: dict[str, Json] = {"copy": 0} if copies > 1 else {}
    for i, (name, agent) in enumerate(team.instances):
        count = len(team.agents[agent].num_obs)
        body[name] = [None if (i, m) in fed else 0 for m in range(count)]
    return json.dumps(body, separators=(",", ":"))


def plan_of(image: Path, memory: int, request: str) -> dict[str, Json]:
    """Return the plan for an OCI layout of one image, with a limit of memory in bytes."""
    (descriptor,) = json.loads((image / "index.json").read_bytes())["manifests"]
    manifest = json.loads(_blob(image, descriptor["digest"]))
    config = json.loads(_blob(image, manifest["config"]["digest"]))
    names = ("os", "architecture", "variant")
    return {
        "image": descriptor["digest"],
        "memory": memory,
        "platform": "/".join(config[name] for name in names if config.get(name)),
        "request": request,
    }


def _blob(image: Path, digest: str) -> bytes:
    return (image / "blobs" / digest.replace(":", "/")).read_bytes()


def unchecked(plan: dict[str, Json]) -> str:
    """Return the evidence of a gate that was not tried, with its plan."""
    why = "no container was started"
    checks = [
        Check(name, "not checked", how, "the image in Docker", why=why)
        for name, how in CHECKS.items()
    ]
    document = json.loads(encode("container", checks)) | {"plan": plan}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
