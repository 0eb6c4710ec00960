"""What each row should reach: the most that ours may cost in CPU time as a share of a peer's. From issue and reference pages."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

GOALS: dict[tuple[str, int], dict[str, float]] = {
    ("no-op", 10_000): {"ninja": 1.0, "bazel": 0.3, "nix": 0.08, "doit": 0.07, "scons": 0.01},
    ("no-op", 50_000): {"ninja": 0.8},
    ("no-op", 1_000): {"ninja": 5, "doit": 0.2, "nix": 0.4, "bazel": 0.2},
    ("no-op", 7): {"python": 2.5},
    ("leaf", 10_000): {"ninja": 1.5, "bazel": 0.3, "doit": 0.17, "nix": 0.17},
    ("touch", 10_000): {"ninja": 1.5},
    ("same output", 10_000): {"ninja": 1.5},
    ("profile", 10_000): {"ninja": 1.2, "bazel": 0.3},
    ("cold", 10_000): {"ninja": 1.25, "bazel": 0.3, "nix": 0.1},
    ("cold, namespaces", 1_000): {"bazel, linux-sandbox": 0.6},
    ("restore", 1_000): {"shake": 0.4, "scons": 0.1, "bazel": 0.03},
    ("restore, 1 MiB each", 50): {"shake": 1.8},
}


def lines(row: dict[str, Any]) -> Iterator[str]:
    """A row in words: each build system's cost, how ours compares, and whether that is what it should be."""
    yield f"{row['row']}, {row['actions']:,} actions ({row['shape']}, {row['rounds']} rounds)"
    goals = GOALS.get((row["row"], row["actions"]), {})
    for name, told in row["peers"].items():
        counts = sorted(set(told["ran"]))
        text = (f"  {name:<22}{told['cpu_ms']:>12,.1f} ms CPU {told['wall_ms']:>12,.1f} ms wall {told['rss_mib']:>7.0f} MiB"
                f"   ran {', '.join(map(str, counts)) or '-'}")
        if name in row["ratios"]:
            text += f"   ours {row['ratios'][name]['cpu']:.2f}x CPU, {row['ratios'][name]['wall']:.2f}x wall"
        if name in goals:
            met = row["ratios"][name]["cpu"] <= goals[name]
            text += f"   goal {goals[name]:g}x: {'met' if met else 'NOT MET'}"
        yield text
    if row["due"]:
        yield f"  due: {', '.join(map(str, row['due']))}; stand on an edited file: {', '.join(map(str, row['reached']))}"
    if row.get("left_out"):
        left_out = "; ".join(row["left_out"])
        yield f"  left out: {left_out}"
