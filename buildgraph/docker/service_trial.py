"""A container of an image as a service: hardened, with its health check, and stopped by SIGTERM.

The caller has the client; `docker.client` is the module that imports the Docker SDK.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import APIClient

STOP_S = 10
"""Seconds between SIGTERM and SIGKILL."""
_HEALTHY_S = 60.0
_POLL_S = 0.05
_INTERVAL_NS = 200_000_000  # between health checks; images have longer ones


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """Facts of a service that ran and was stopped.

    `health` is Docker's word, "" without a health check. Peaks of memory are bytes, 0 if unknown:
    of the cgroup, and of the resident pages of the process.
    """

    is_running: bool
    user: str
    health: str
    cgroup_peak: int
    rss_peak: int
    exit_code: int
    log: str


def try_service(
    api: APIClient, image: str, memory: int, cancelled: Callable[[], bool]
) -> ServiceFacts:
    """Start a container at a limit of memory, wait for its health, stop it, and remove it."""
    settings: dict[str, Any] = api.inspect_image(image)["Config"]  # type: ignore[no-untyped-call]
    with _service(api, image, settings, memory) as container:
        health = _wait_for_health(api, container, cancelled)
        state = api.inspect_container(container)["State"]
        cgroup, rss = _peaks(api, container, int(state["Pid"])) if state["Running"] else (0, 0)
        if state["Running"]:
            api.stop(container, timeout=STOP_S)
        code = int(api.inspect_container(container)["State"]["ExitCode"])
        log = api.logs(container, tail=20).decode(errors="replace")
    return ServiceFacts(
        bool(state["Running"]), str(settings.get("User") or ""), health, cgroup, rss, code, log
    )


@contextmanager
def _service(api: APIClient, image: str, settings: dict[str, Any], memory: int) -> Iterator[str]:
    """Start a container without time limit; it is removed on return and on an exception."""
    test = (settings.get("Healthcheck") or {}).get("Test")
    container = api.create_container(
        image,
        stdin_open=True,
        network_disabled=True,
        healthcheck={"Test": test, "Interval": _INTERVAL_NS} if test else None,
        host_config=api.create_host_config(
            read_only=True,
            cap_drop=["ALL"],
            network_mode="none",
            security_opt=["no-new-privileges"],
            pids_limit=64,
            mem_limit=memory or None,
            memswap_limit=memory or None,
        ),
    )["Id"]
    try:
        api.start(container)
        yield container
    finally:
        api.remove_container(container, force=True, v=True)


def _wait_for_health(api: APIClient, container: str, cancelled: Callable[[], bool]) -> str:
    """Return Docker's last word on the health: "healthy", "unhealthy", "starting", or ""."""
    until, status = time.monotonic() + _HEALTHY_S, ""
    while time.monotonic() < until and not cancelled():
        state = api.inspect_container(container)["State"]
        status = str((state.get("Health") or {}).get("Status", ""))
        if not state["Running"] or status != "starting":
            break
        time.sleep(_POLL_S)
    return status


def _peaks(api: APIClient, container: str, pid: int) -> tuple[int, int]:
    """Return the peaks of the cgroup and of the resident memory; 0 if they cannot be read."""
    stats = api.stats(container, stream=False).get("memory_stats", {})
    # Only version 1 of cgroups has max_usage in Docker's answer.
    return int(stats.get("max_usage") or stats.get("usage") or 0), _high_water(pid)


def _high_water(pid: int) -> int:
    """Return VmHWM of a process in bytes; 0 where the daemon is not on this machine."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    sizes = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(sizes[0]) << 10 if sizes else 0
