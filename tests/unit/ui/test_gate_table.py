"""The table of `test`: a row for each check, notes below, and the whole evidence on request."""

from __future__ import annotations

import io
from typing import Any

from buildgraph.types.events import Finished, Judged, Planned
from buildgraph.ui.gate_table import GateTable

END = Finished(0, 0, 0, 0, 0, 0, 0)


def check(name: str, verdict: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "verdict": verdict, "how": "count", "on": "the image"} | more


EVIDENCE: dict[str, Any] = {
    "schema": 1,
    "gate": "fitness",
    "verdict": "failed",
    "checks": [
        check("image", "passed", measured=2048, limit=4096, unit="bytes"),
        check("memory", "failed", measured=9000, limit=8192, unit="bytes", why="over", fix="less"),
        check("list", "passed", measured=["a", "b"], limit=1 / 3),
        check("bits", "passed", measured="ab" * 32, unit="SHA-256"),
    ],
}


def printed(*events: Any, explain: str | None = None) -> str:
    out = io.StringIO()
    table = GateTable(out, explain=explain)
    for event in (*events, END):
        table(event)
    table.close()
    return out.getvalue()


FITNESS = Judged("//:a", "fitness", "failed", "memory: over", EVIDENCE)
PLAIN = Judged("//:a", "lint", "not checked", "it needs flake8")


def test_a_row_for_each_check() -> None:
    assert printed(PLAIN, FITNESS) == (
        "gates of //:a\n"
        "  gate     check   verdict      measured                      limit     unit\n"
        "  fitness  image   passed       2.0 KiB                       4.0 KiB\n"
        "  fitness  memory  failed       8.8 KiB                       8.0 KiB\n"
        "    over; less\n"
        "  fitness  list    passed       2 entries                     0.333333\n"
        "  fitness  bits    passed       ababababababababababababa...            SHA-256\n"
        "  lint             not checked\n"
        "    it needs flake8\n"
    )


def test_gates_without_evidence_have_no_empty_columns() -> None:
    assert printed(Judged("//:b", "short", "passed")) == (
        "gates of //:b\n  gate   verdict\n  short  passed\n"
    )


def test_the_whole_evidence() -> None:
    text = printed(PLAIN, FITNESS, explain="")
    assert "  lint: not checked: it needs flake8\n    it writes no evidence\n" in text
    assert "    memory: failed\n      how       count\n      on        the image\n" in text
    assert "      measured  9000 (8.8 KiB)\n" in text and "      fix       less\n" in text
    assert "ab" * 32 in text
    assert "lint" not in printed(PLAIN, FITNESS, explain="fitness")


def test_control_characters_are_not_printed_and_a_restart_begins_anew() -> None:
    evil = Judged("//:a", "x\x1b[2J", "failed", "y\x07")
    text = printed(FITNESS, Planned(("//:a",), 1, 1, "none"), evil)
    assert "\x1b" not in text and "\x07" not in text and "fitness" not in text
