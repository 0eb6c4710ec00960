"""Random histories: what `affected` predicts is what a build of the affected targets runs.

A target concatenates its inputs, drops what follows a `#`, and adds its salt. Edits change files,
commands and dependencies, add, remove and rename targets and files, also by case only, go back to
an earlier state, and merge branches. After each edit, committed or not, the work tree is compared
with a random commit that was built before. Three properties hold:

* every action that runs was predicted to run, or to run perhaps;
* an action that was predicted to run does, and one that may run is otherwise a hit;
* once the affected targets are built, a build of all targets runs nothing;
* one analysis for both states, where the targets are equal, gives the answer that two give.

`BUILDGRAPH_FAULTS=12` tries 300 histories with longer actions.
"""

from __future__ import annotations

import copy
import os
import random
import statistics
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from buildgraph.build.run_build import Request, build
from buildgraph.explain import compare_revisions
from buildgraph.explain.affected_actions import ActionForecast, forecast, labels_to_build
from buildgraph.explain.compare_revisions import compare_revision
from buildgraph.explain.predict import Machine
from buildgraph.host.host_tools import HostTools
from buildgraph.host.source_files import SourceFiles
from buildgraph.store.disk import DiskStore
from buildgraph.types.events import Done, Event
from tests.support.fault_counts import TIMES
from tests.support.git_space import GitSpace
from tests.support.workspace import Space

_HISTORIES = 25 * TIMES
_SLEEP = (
    0.02 if TIMES == 1 else 0.1
)  # seconds; long enough to compare durations with predicted ones
_TARGET = """
[{name}]
rule = "command"
inputs = {{ {inputs} }}
outputs = {{ o = "o.txt" }}
argv = ["sh", "-c", "sleep {sleep}; cat {words} | sed 's/#.*//' > $0; echo {salt} >> $0", "{{o}}"]
"""
_EDITS = {
    "text": 8,
    "salt": 3,
    "need": 3,
    "more": 3,
    "less": 3,
    "rename file": 2,
    "rename case": 2,
    "rename target": 3,
    "back": 3,
    "merge": 3,
    "reorder": 1,
    "unread file": 1,
    "unseen text": 1,  # comes out equal
}


@dataclass
class _Target:
    file: str
    text: str
    salt: int
    needs: list[str] = field(default_factory=list)


@dataclass
class _Model:
    """The targets of the workspace by name; each is declared after those that it needs."""

    targets: dict[str, _Target]
    is_reordered: bool = False

    def toml(self) -> str:
        """Return the BUILD.toml."""
        blocks = [self._block(name) for name in self.targets]
        return '[workspace]\nname = "w"\n' + "".join(blocks[:: -1 if self.is_reordered else 1])

    def _block(self, name: str) -> str:
        target = self.targets[name]
        inputs = [f'f = "{target.file}"', *(f'{need} = ":{need}"' for need in target.needs)]
        words = " ".join(["{f}", *(f"{{{need}}}" for need in target.needs)])
        sleep = _SLEEP * (1 + len(target.needs))
        return _TARGET.format(
            name=name, inputs=", ".join(inputs), words=words, salt=target.salt, sleep=sleep
        )

    def write(self, root: Path) -> None:
        """Write all files, and remove those of targets that are gone."""
        wanted = {target.file: target.text for target in self.targets.values()}
        for path in root.glob("*.txt"):
            if path.name not in wanted and path.name != "unread.txt":
                path.unlink()
        for name, text in wanted.items():
            (root / name).write_text(text)
        (root / "BUILD.toml").write_text(self.toml())


class _History:
    """A repository, the model of its work tree, and the commits that were built."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.space = Space(folder / "w", folder / "cache")
        self.space.root.mkdir(parents=True)
        self.repository = GitSpace(self.space)
        self.model = _Model({})
        self.number = 0
        for _ in range(self.dice.randint(2, 6)):
            self._more()
        self.space.write(".gitignore", "out/\n.buildgraph/\n")
        self.built: list[tuple[str, _Model]] = []
        self.one_analysis = 0

    def commit(self) -> str:
        """Commit the work tree and return the commit."""
        self.repository.commit()
        return self.repository.git("rev-parse", "HEAD").strip()

    def edit(self) -> str:
        """Make a random edit and return its kind."""
        (kind,) = self.dice.choices(list(_EDITS), list(_EDITS.values()))
        name = self.dice.choice(list(self.model.targets))
        target = self.model.targets[name]
        match kind:
            case "text":
                self._change(target)
            case "unseen text":
                target.text = f"{target.text.partition('#')[0]}#{self.dice.random()}\n"
            case "salt":
                target.salt += 1
            case "need":
                self._toggle_need(name)
            case "more":
                self._more()
            case "less":
                self._less()
            case "rename file":
                self.number += 1
                target.file = f"r{self.number}.txt"
            case "rename case":
                target.file = target.file.swapcase().replace(".TXT", ".txt")
            case "rename target":
                self._rename(name)
            case "back":
                self.model = copy.deepcopy(self.dice.choice(self.built)[1])
            case "reorder":
                self.model.is_reordered = not self.model.is_reordered
            case "unread file":
                self.space.write("unread.txt", str(self.dice.random()))
            case "merge":
                self._merge(target)
        self.model.write(self.space.root)
        return kind

    def _change(self, target: _Target) -> None:
        self.number += 1
        target.text = f"text {self.number}#\n"

    def _toggle_need(self, name: str) -> None:
        names = list(self.model.targets)
        earlier = names[: names.index(name)]
        if earlier:
            needs = self.model.targets[name].needs
            need = self.dice.choice(earlier)
            self.model.targets[name].needs = sorted({*needs} ^ {need})

    def _more(self) -> None:
        self.number += 1
        names = list(self.model.targets)
        needs = sorted(self.dice.sample(names, min(len(names), self.dice.randint(0, 2))))
        name = f"t{self.number}"
        self.model.targets[name] = _Target(f"{name}.txt", f"new {name}#\n", 0, needs)

    def _less(self) -> None:
        needed = {need for target in self.model.targets.values() for need in target.needs}
        free = [name for name in self.model.targets if name not in needed]
        if len(self.model.targets) > 1:
            del self.model.targets[self.dice.choice(free)]

    def _rename(self, name: str) -> None:
        self.number += 1
        new = f"n{self.number}"
        self.model.targets = {
            new if old == name else old: target for old, target in self.model.targets.items()
        }
        for target in self.model.targets.values():
            target.needs = [new if need == name else need for need in target.needs]

    def _merge(self, target: _Target) -> None:
        """Change one file on a branch and another one on main, and merge the branch."""
        self.commit()
        others = [other for other in self.model.targets.values() if other is not target]
        self.repository.git("checkout", "-q", "-B", "side")
        self._change(target)
        self.model.write(self.space.root)
        self.commit()
        self.repository.git("checkout", "-q", "main")
        if others:
            mine = self.dice.choice(others)
            self._change(mine)
            self.space.write(mine.file, mine.text)
            self.commit()
        self.repository.git("merge", "-q", "--no-edit", "side")

    def run(self, patterns: tuple[str, ...]) -> list[Done]:
        """Build and return what was done."""
        events: list[Event] = []
        request = Request(patterns, sandbox="none")
        assert build(str(self.space.root), request, events.append, threading.Event()) == 0
        return [event for event in events if isinstance(event, Done)]

    def predict(self, since: str) -> tuple[tuple[str, ...], ActionForecast]:
        """Return the labels that differ from a commit, and the prediction of their actions."""
        root = str(self.space.root)
        comparison = compare_revision(root, since)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compare_revisions, "changed_files", lambda *_: None)
            assert compare_revision(root, since).affected == comparison.affected
        is_shared = (
            comparison.base is not None and comparison.base.analysis is comparison.now.analysis
        )
        self.one_analysis += is_shared
        labels = labels_to_build(comparison, (), "")
        machine = Machine(DiskStore(str(self.space.cache)), HostTools(SourceFiles(root)), "none")
        return tuple(map(str, labels)), forecast(root, comparison, labels, machine)


@dataclass
class _Scores:
    steps: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    errors: list[float] = field(default_factory=list)  # of the predicted time, relative
    unknown: int = 0  # actions without a duration

    def lines(self) -> Iterator[str]:
        """Yield the scores as text."""
        steps, actions = self.steps, self.actions
        yield f"{_HISTORIES} histories, {steps['all']} comparisons, {actions['ran']} actions ran"
        yield f"superset in {steps['superset']}; exact in {steps['exact']}"
        yield f"one analysis was enough in {steps['one analysis']}"
        yield f"exact in {steps['exact, all new']} of {steps['all new']} without an equal output"
        yield f"{actions['predicted']} actions predicted, {self.unknown} without a duration"
        if self.errors:
            yield f"error of the predicted time: median {statistics.median(self.errors):.1%}"


def _check_step(history: _History, scores: _Scores) -> None:
    """Compare with a commit, build what differs, and compare with the prediction."""
    since = history.dice.choice(history.built)[0]
    labels, expected = history.predict(since)
    done = history.run(labels) if labels else []
    ran = {event.label for event in done if event.how in ("ran", "shared")}
    predicted = {
        str(entry.action.owner): entry.outcome
        for entry in expected.actions
        if entry.outcome in ("run", "may run", "shared")
    }
    assert ran <= predicted.keys(), "an action ran that was not predicted"
    hits = {event.label for event in done if event.how == "hit"}
    equal = {label for label in predicted if label not in ran}
    assert all(predicted[label] == "may run" and label in hits for label in equal)
    assert not any(event.how == "ran" for event in history.run(("//...",))), "affected is too small"
    scores.steps.update(
        {
            "all": 1,
            "superset": 1,
            "exact": ran == predicted.keys(),
            "all new": not equal,
            "exact, all new": not equal and ran == predicted.keys(),
        }
    )
    scores.actions.update({"ran": len(ran), "predicted": len(predicted)})
    scores.unknown += expected.without_duration
    took = sum(event.milliseconds for event in done if event.how == "ran")
    if took and not expected.without_duration:
        scores.errors.append(abs(expected.predicted_ms - took) / took)


@pytest.mark.slow
def test_what_is_predicted_runs(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = _Scores()
    for seed in range(_HISTORIES):
        folder = tmp_path_factory.mktemp("history")
        monkeypatch.setitem(os.environ, "BUILDGRAPH_CACHE", str(folder / "cache"))
        history = _History(folder, seed)
        history.model.write(history.space.root)
        for _ in range(history.dice.randint(1, 3) + 1):
            if history.built:
                for _ in range(history.dice.randint(1, 2)):
                    history.edit()
                _check_step(history, scores)
            else:
                history.run(("//...",))
            if not history.built or history.dice.random() < 0.6:
                history.built.append((history.commit(), copy.deepcopy(history.model)))
        scores.steps["one analysis"] += history.one_analysis
    print(*scores.lines(), sep="\n")
    assert scores.steps["one analysis"] > _HISTORIES // 8
    assert scores.steps["exact, all new"] == scores.steps["all new"] > _HISTORIES // 2
