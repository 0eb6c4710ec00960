"""Replay checks: the machine they name, and the verdict of a replay."""

from __future__ import annotations

from typing import Any

from agentc.proof.emulation import BitsDiffer
from readiness.replay import machine, replay_check


def test_an_emulator_is_named_with_its_core() -> None:
    where = machine(["/usr/bin/qemu-aarch64-static", "-cpu", "cortex-a76"])
    assert (where.how, where.on) == (
        "qemu-aarch64-static -cpu cortex-a76",
        "emulated cortex-a76",
    )
    assert machine([]).on == "this host"


def test_equal_bits_pass_and_others_fail_with_the_reason() -> None:
    where = machine([])
    passed = replay_check("scout", where, lambda: {"bits": "ab", "steps": 3})
    assert (passed.name, passed.verdict, passed.measured) == ("bits of scout", "passed", "ab")

    def differ() -> dict[str, Any]:
        raise BitsDiffer("agent scout: the replay's SHA-256 is cd")

    failed = replay_check("scout", where, differ)
    assert failed.verdict == "failed" and failed.why.endswith("is cd")
