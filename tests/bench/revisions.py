"""Rows of `affected`: one source, or one BUILD.toml, differs from the last commit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.bench import graphs
from tests.bench.peers import Ours
from tests.bench.rows import Row, summed

_WHO = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")


class Affected(Ours):
    """`affected --since HEAD` in a repository; nothing was built."""

    package = 100  # steps in a BUILD.toml

    def lay(self) -> None:
        """Write the workspace and commit it."""
        super().lay()
        (self.folder / ".gitignore").write_text("out/\n.buildgraph/\n")
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "x")):
            subprocess.run(["git", "-C", str(self.folder), *_WHO, *words], check=True)

    def words(self) -> list[str]:
        """Ours, with its answer as JSON."""
        return [str(self.binary), "affected", "--since", "HEAD", "--json"]

    def ran(self, log: str) -> int:
        """Count the affected targets."""
        answer = next(line for line in log.splitlines() if line.startswith("{"))
        return len(json.loads(answer)["labels"])

    def check(self, files: Mapping[str, str], log: str) -> None:
        """Something is affected, and not all of it."""
        assert 0 < self.ran(log) < len(self.graph.steps)


def affected(folder: Path, name: str, count: int, rounds: int) -> Row:
    """Measure `affected` after an edit of a source, or of a value in a BUILD.toml."""
    peer = Affected(folder / f"affected-{count}", folder / "beside", graphs.chains(count))
    peer.lay()
    if name == "affected, a source":
        path = peer.places(peer.graph.steps[-1].sources[0])[-1]
        path.write_text(path.read_text() + "more\n")
    else:
        path = next(iter(sorted(peer.folder.glob("p*/BUILD.toml"))), peer.folder / "BUILD.toml")
        path.write_text(path.read_text().replace("awk -v", "awk  -v", 1))
    costs = [peer.run() for _ in range(rounds)]
    for cost in costs:
        peer.check({}, cost.log)
    return summed(
        Row(name, "chains", count, rounds),
        {peer.name: dict(enumerate(costs))},
        {peer.name: [peer.ran(cost.log) for cost in costs]},
    )
