"""Events of a build become outcomes of targets."""

from __future__ import annotations

from buildgraph.report.collect import OutcomeCollector
from buildgraph.types.digest import Digest
from buildgraph.types.events import Built, Failed, Judged, Skipped

DIGEST = Digest.of(b"")
CHECK = {"name": "image", "verdict": "failed"}


def test_outputs_and_gates_are_those_of_their_target() -> None:
    collector = OutcomeCollector()
    collector(Built("//:a", "image", "out/a/image", DIGEST, 1, "sha256:1"))
    collector(Built("//:a", "report", "out/a/report", DIGEST, 1))
    collector(Judged("//:a", "fitness", "failed", "too large", {"checks": [CHECK]}))
    collector(Judged("//:b", "emulation", "not checked", "no qemu"))
    a, b = collector.outcomes["//:a"], collector.outcomes["//:b"]
    assert (a.outputs, a.image) == (
        {"image": "out/a/image", "report": "out/a/report"},
        "sha256:1",
    )
    assert a.gates == [
        {"gate": "fitness", "verdict": "failed", "why": "too large", "checks": [CHECK]}
    ]
    assert b.gates[0]["checks"] == []


def test_the_first_failure_of_a_target_is_kept() -> None:
    collector = OutcomeCollector()
    collector(Skipped(2, "//:a", "link", "compile"))
    collector(Skipped(3, "//:a", "report", "link"))
    assert collector.outcomes["//:a"].failure == "link: compile failed"
    collector(Failed(1, "//:a", "compile", "exit code 1", "", ""))
    assert collector.outcomes["//:a"].failure == "compile: exit code 1"


def test_a_target_with_outputs_has_not_failed() -> None:
    collector = OutcomeCollector()
    collector(Failed(1, "//:a", "measure the image", "too large", "", ""))
    collector(Built("//:a", "image", "out/a/image", DIGEST, 1, "sha256:1"))
    assert collector.outcomes["//:a"].failure == ""
