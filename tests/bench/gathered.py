"""The row of one file that changes among those of a `files` target, beside a no-op."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench import graphs
from tests.bench.peers import Cost, Ours
from tests.bench.rows import STILL, Row, summed

NOOP = "a no-op"
FOLDERS = 50


class Gathered(Ours):
    """A workspace with one target, which collects files of some KiB from several folders."""

    def __init__(self, folder: Path, beside: Path, count: int) -> None:
        super().__init__(folder, beside, graphs.chains(1))
        self.texts = {
            f"src/{number % FOLDERS}/{number}.txt": f"file {number}\n" * (number % 200)
            for number in range(count)
        }

    def lay(self) -> None:
        """Write the files and BUILD.toml."""
        for name, text in self.texts.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.folder / "BUILD.toml").write_text(
            '[workspace]\nname = "bench"\n[all]\nrule = "files"\nsrcs = ["src/**"]\n'
        )
        self.beside.mkdir(parents=True, exist_ok=True)

    def edit(self, turn: int) -> None:
        """Change one file."""
        name = list(self.texts)[turn % len(self.texts)]
        self.texts[name] = f"changed {turn}\n"
        (self.folder / name).write_text(self.texts[name])

    def check(self, files: Mapping[str, str], log: str) -> None:
        """Every file is in the output, and no other."""
        top = (self.folder / "out/all/tree").resolve()
        contents = {
            path.relative_to(top).as_posix(): path.read_text()
            for path in top.rglob("*")
            if path.is_file()
        }
        assert contents == self.texts


def gathered(folder: Path, count: int, rounds: int) -> Row:
    """Measure a build after a change of one of `count` files; a no-op follows in each round."""
    peer = Gathered(folder / f"gathered-{count}", folder / "beside", count)
    peer.lay()
    while not peer.settled():
        peer.run()
        time.sleep(STILL)
    costs: dict[str, dict[int, Cost]] = {peer.name: {}, NOOP: {}}
    for turn in range(rounds + 1):  # the first round does not count
        peer.edit(turn)
        for name, due in ((peer.name, 1), (NOOP, 0)):
            time.sleep(STILL)
            cost = peer.run()
            peer.check({}, cost.log)
            assert peer.ran(cost.log) == due, cost.log
            if turn:
                costs[name][turn] = cost
    ran = {name: [peer.ran(cost.log) for cost in each.values()] for name, each in costs.items()}
    row = Row("a gathered file", f"{count:,} files", count, rounds, [1] * rounds, [1] * rounds)
    return summed(row, costs, ran)
