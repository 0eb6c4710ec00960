"""A pull request writes anything to a shared cache, and no build of main uses it.

The attacker has the cache, the keys of all actions of main, its own signing key and one that main
no longer trusts. It knows this code, and can forge every byte but a signature of main. The same
attacks on a workspace without [workspace.trust] succeed, so these tests can fail.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from buildgraph.build.cache_import import import_cache
from buildgraph.build.run_build import Request, build
from buildgraph.host import environment
from buildgraph.host.environment import engine_identity, engine_stamps, trust_of
from buildgraph.signing.key_files import create_key
from buildgraph.signing.keys import PrivateKey
from buildgraph.signing.policy import Signer, TrustPolicy
from buildgraph.state.graph_cache import GraphName, toml_of
from buildgraph.state.portable import GraphFile
from buildgraph.state.snapshot import encode_graph, parse
from buildgraph.store import result_record
from buildgraph.store.archive import Entry, write_archive
from buildgraph.store.disk import DiskStore
from buildgraph.store.signed_record import PART, sign_graph, without_signature
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.events import Done, Event, Warned
from buildgraph.types.result import File, Result

TARGETS = """
[a]
rule = "command"
inputs = { s = "s.txt" }
outputs = { o = "a.txt" }
argv = ["sh", "-c", "cat {s} {s} > {o}"]

[b]
rule = "command"
inputs = { s = ":a" }
outputs = { o = "b.txt" }
argv = ["sh", "-c", "cat {s} {s} > {o}"]
"""
GOOD = {"a": b"good\n" * 2, "b": b"good\n" * 4}
EVIL = b"evil\n"
REQUEST = Request(("//...",), sandbox="none")


class Believer(TrustPolicy):
    """The attacker's policy: it accepts everything and forges signatures."""

    def __init__(self, forge: Callable[[str, str, str], bytes]) -> None:
        super().__init__({}, None)
        self._forge = forge

    def sign(self, kind: str, name: str, content: str) -> bytes:
        """Forge a signature."""
        return self._forge(kind, name, content)

    def accepts(self, kind: str, name: str, content: str, signature: bytes) -> bool:
        """Believe everything."""
        return True


@dataclass
class Ground:
    """The workspace of main, its honest cache, and what the attacker has."""

    root: Path
    cache: Path
    scratch: Path
    main: Path
    pr: PrivateKey
    revoked: PrivateKey
    warnings: list[str] = field(default_factory=list)
    count: int = 0

    def build(self, cache: Path) -> list[str]:
        """Build as main does, in a clean checkout; the titles of targets that ran."""
        for name in ("out", ".buildgraph"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        events: list[Event] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BUILDGRAPH_CACHE", str(cache))
            patch.setenv("BUILDGRAPH_SIGNING_KEY", str(self.main))
            assert build(str(self.root), REQUEST, events.append, threading.Event()) == 0
        self.warnings = [event.text for event in events if isinstance(event, Warned)]
        return [event.label for event in events if isinstance(event, Done) and event.how == "ran"]

    def is_poisoned(self) -> bool:
        """True if an output is not what main's sources give."""
        return any(
            (self.root / "out" / name / f"{name}.txt").read_bytes() != data
            for name, data in GOOD.items()
        )

    def copy(self) -> Path:
        """A copy of the honest cache."""
        self.count += 1
        return Path(shutil.copytree(self.cache, self.scratch / str(self.count)))


def ground(folder: Path, trust: bool) -> Ground:
    """Build main's workspace, with the table of trusted keys or without it."""
    folder.mkdir()
    main, revoked, pr = (folder / name for name in ("main", "revoked", "pr"))
    key = create_key(str(main))
    line = key.public.to_pem().splitlines()[1]
    table = f'[workspace.trust]\nmain = "{line}"\n' if trust else ""
    root = folder / "w"
    root.mkdir()
    (root / "BUILD.toml").write_text(f'[workspace]\nname = "w"\n{table}{TARGETS}')
    (root / "s.txt").write_text("good\n")
    workspace = Ground(
        root,
        folder / "cache",
        folder / "scratch",
        main,
        create_key(str(pr)),
        create_key(str(revoked)),
    )
    workspace.scratch.mkdir()
    assert workspace.build(workspace.cache) == ["//:a", "//:b"]
    assert workspace.build(workspace.cache) == [] and not workspace.is_poisoned()
    return workspace


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A workspace with trusted keys."""
    return ground(tmp_path_factory.mktemp("guarded") / "g", trust=True)


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The same workspace without trusted keys."""
    return ground(tmp_path_factory.mktemp("open") / "o", trust=False)


def records_of(cache: Path) -> dict[str, tuple[Digest, Result, dict[str, bytes]]]:
    """The records of a cache by the name of their output."""
    records = {}
    for path in sorted((cache / "results").glob("*/*")):
        record = result_record.decode_any(path.read_bytes())
        assert record is not None
        records[record[1].outputs[0][0].removesuffix(".txt")[-1]] = record
    return records


def forgeries(of: Ground) -> dict[str, Callable[[str, str, str], bytes]]:
    """Ways to sign what main did not make, by name."""
    honest = records_of(of.cache)
    signatures = {str(key): parts.get(PART, b"") for key, _, parts in honest.values()}
    others = {
        str(honest["a"][0]): signatures[str(honest["b"][0])],
        str(honest["b"][0]): signatures[str(honest["a"][0])],
    }
    main_id = next(iter(signatures.values()))[64:96]

    def by(key: PrivateKey, domain: str) -> Callable[[str, str, str], bytes]:
        return TrustPolicy({}, Signer(key, domain)).sign

    pr_as_main = by(of.pr, "main")
    return {
        "unsigned": lambda kind, name, content: b"",
        "by the pull request": by(of.pr, "pr"),
        "by the pull request, for main": pr_as_main,
        "by the pull request, with main's key id": lambda kind, name, content: (
            (forged := pr_as_main(kind, name, content))[:64] + main_id + forged[96:]
        ),
        "by a key that is trusted no longer": by(of.revoked, "main"),
        "kept from what was there": lambda kind, name, content: signatures.get(name, main_id),
        "moved from another result": lambda kind, name, content: others.get(name, main_id),
        "garbage": lambda kind, name, content: b"\0" * 64 + main_id + b"main",
    }


def put(cache: Path, key: Digest, data: bytes, *blobs: bytes) -> None:
    """Write blobs and a record to a cache, whatever is there."""
    for blob in blobs:
        path = cache / "blobs/sha256" / hashlib.sha256(blob).hexdigest()
        path.unlink(missing_ok=True)
        path.write_bytes(blob)
    path = cache / "results" / key.hash[:2] / key.hash
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def poison_results(cache: Path, names: str, policy: TrustPolicy) -> None:
    """Replace results by evil ones, and remove graphs, which would hide them."""
    for name, (key, result, parts) in records_of(cache).items():
        if name in names:
            ((path, _),) = result.outputs
            evil = Result(((path, File(Digest.of(EVIL))),), result.log, result.sandbox, 1)
            clean = without_signature(parts)
            data = result_record.encode(key, evil, clean)
            signature = policy.sign("result", str(key), hashlib.sha256(data).hexdigest())
            put(cache, key, result_record.encode(key, evil, {**clean, PART: signature}), EVIL)
    shutil.rmtree(cache / "graphs")


def poison_snapshot(cache: Path, of: Ground, policy: TrustPolicy) -> None:
    """Build with evil results and a policy that believes them: the snapshot has evil outputs."""
    poison_results(cache, "b", policy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "trust_of", lambda root, warn: policy)
        of.build(cache)
    # Honest results: only the snapshot is evil.
    for name in ("results", "blobs"):
        shutil.copytree(of.cache / name, cache / name, dirs_exist_ok=True)


def poison_graph(cache: Path, policy: TrustPolicy) -> None:
    """Let the graph of main's BUILD.toml run other commands."""
    (path,) = (cache / "graphs").iterdir()
    snapshot = parse(path.read_bytes())
    assert snapshot is not None
    lines = snapshot.actions(range(snapshot.count))
    assert lines is not None
    sections = {n: d for n, d in snapshot.graph.parts.items() if not n.startswith("line_")}
    evil = [line.replace(b"cat ", b"echo ") for line in lines]
    assert evil != lines
    data = encode_graph(sections, evil)
    path.write_bytes(sign_graph(policy, name_of(data).identity(engine_stamps()), data))
    shutil.rmtree(cache / "results")


def name_of(data: bytes) -> GraphName:
    """The name of the graph in some bytes."""
    snapshot = parse(data)
    assert snapshot is not None
    return GraphName("", REQUEST.words, toml_of(snapshot))


def moved_record(cache: Path, whole: bool) -> None:
    """Put main's signed result of one action under the key of another one."""
    records = records_of(cache)
    (key_a, result, parts), (key_b, _, _) = records["a"], records["b"]
    key = key_a if whole else key_b
    outputs = records["b"][1].outputs
    swapped = Result(((outputs[0][0], result.outputs[0][1]),), result.log, result.sandbox, 1)
    put(cache, key_b, result_record.encode(key, swapped, parts))
    shutil.rmtree(cache / "graphs")


def replaced_blob(cache: Path, name: str) -> None:
    """Put other bytes under the name of a blob."""
    digest = records_of(cache)[name][1].outputs[0][1].digest
    path = cache / "blobs/sha256" / digest.hash
    path.unlink()
    path.write_bytes(EVIL.ljust(digest.size, b"!"))


def attacks(of: Ground) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Every attack on a cache, by name."""
    for how, forge in forgeries(of).items():
        policy = Believer(forge)
        for names in ("a", "b", "ab"):
            yield f"results {names} {how}", partial(poison_results, names=names, policy=policy)
        yield f"snapshot {how}", partial(poison_snapshot, of=of, policy=policy)
        yield f"graph {how}", partial(poison_graph, policy=policy)
    yield "moved record", partial(moved_record, whole=True)
    yield "moved and renamed record", partial(moved_record, whole=False)
    for name in "ab":
        yield f"replaced blob {name}", partial(replaced_blob, name=name)
    for how in ("unsigned", "kept from what was there", "garbage"):
        policy = Believer(forgeries(of)[how])
        for name in "ab":

            def both(cache: Path, n: str = name, p: TrustPolicy = policy) -> None:
                poison_snapshot(cache, of, p)
                replaced_blob(cache, n)

            yield f"snapshot and blob {name} {how}", both


def by_file(of: Ground, cache: Path) -> Path:
    """Import everything of a poisoned cache from a file into an empty one, as main does."""
    entries: dict[Entry, bytes] = {}
    for kind, pattern in (("blob", "blobs/sha256/*"), ("result", "results/*/*")):
        for path in cache.glob(pattern):
            data = path.read_bytes()
            entries[Entry(kind, path.name, len(data))] = data
    for path in cache.glob("graphs/*"):
        data = path.read_bytes()
        graph = GraphFile(engine_identity(engine_stamps()), name_of(data), data).encode()
        entries[Entry("graph", hashlib.sha256(graph).hexdigest(), len(graph))] = graph
    file = of.scratch / f"{cache.name}.bin"
    write_archive(str(file), entries, lambda entry: (entries[entry],))
    empty = of.scratch / f"{cache.name}-imported"
    store = DiskStore(str(empty))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILDGRAPH_SIGNING_KEY", str(of.main))
        store.trust = trust_of(str(of.root), lambda text: None)
    try:
        import_cache(store, str(file))
    except BuildError as error:
        assert error.reason == "cache-file"
    finally:
        store.close()
    return empty


def attack(of: Ground, attempt: Callable[[Path], None], way: str) -> bool:
    """Attack once, and build as main; True if a build of main, or the next one, is wrong."""
    cache = of.copy()
    attempt(cache)
    if way == "file":
        cache = by_file(of, cache)
    of.build(cache)
    if of.is_poisoned():
        return True
    of.build(cache)  # what the first build saved must be right, too
    return of.is_poisoned()


WAYS = ("folder", "file")


def test_no_attack_succeeds_against_trusted_keys(guarded: Ground) -> None:
    attempts = list(itertools.product(attacks(guarded), WAYS))
    assert len(attempts) >= 100
    succeeded = [
        f"{name} by {way}" for (name, attempt), way in attempts if attack(guarded, attempt, way)
    ]
    print(f"{len(succeeded)} of {len(attempts)} attacks succeeded")
    assert succeeded == []


def test_the_same_attacks_succeed_without_trusted_keys(open_to_all: Ground) -> None:
    kinds = {
        name: attempt for name, attempt in attacks(open_to_all) if "by the pull request" in name
    }
    chosen = {name: attempt for name, attempt in kinds.items() if name.endswith("request")}
    chosen["moved"] = dict(attacks(open_to_all))["moved and renamed record"]
    for (name, attempt), way in itertools.product(chosen.items(), WAYS):
        assert attack(open_to_all, attempt, way), f"{name} by {way}"


def test_a_refused_entry_is_reported_once(guarded: Ground) -> None:
    cache = guarded.copy()
    poison_results(cache, "ab", Believer(lambda kind, name, content: b""))
    assert guarded.build(cache) == ["//:a", "//:b"]
    (warning,) = guarded.warnings
    assert "a result that is not signed" in warning and "buildgraph doctor" in warning
    assert guarded.build(cache) == [] and guarded.warnings == []


def test_a_pull_request_reads_main_and_main_never_reads_it(guarded: Ground, tmp_path: Path) -> None:
    pr = tmp_path / "pr"
    pr.write_bytes(guarded.pr.to_pem())
    pr.chmod(0o600)
    cache, main = guarded.copy(), guarded.main
    guarded.main = pr
    try:
        assert guarded.build(cache) == [], "results of main are hits"
        (guarded.root / "s.txt").write_text("changed\n")
        assert guarded.build(cache) == ["//:a", "//:b"]
        assert guarded.build(cache) == [], "its own results are hits"
        guarded.main = main
        assert guarded.build(cache) == ["//:a", "//:b"], "the merged change is built by main"
        assert guarded.build(cache) == []
    finally:
        guarded.main = main
        (guarded.root / "s.txt").write_text("good\n")


def test_a_workspace_that_ceases_to_trust_a_key_builds_again(guarded: Ground) -> None:
    toml = guarded.root / "BUILD.toml"
    text, cache, main = toml.read_text(), guarded.copy(), guarded.main
    other = guarded.root.parent / "other"
    line = create_key(str(other)).public.to_pem().splitlines()[1]
    try:
        toml.write_text(text.replace(text.split('"')[3], line))
        guarded.main = other
        assert guarded.build(cache) == ["//:a", "//:b"]
    finally:
        guarded.main = main
        toml.write_text(text)
        os.unlink(other)
