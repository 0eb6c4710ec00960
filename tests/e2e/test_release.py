"""`release`: the folder that it writes, the git tag and the ledger, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from buildgraph.explain.git import Repository
from buildgraph.release.documents import canonical, content_digest
from buildgraph.release.ledger import read_ledger
from tests.support.release_workspace import BUILD, FILES, commit, git, release_workspace
from tests.support.requirements import need
from tests.support.workspace import Ran, Space

UNSIGNED = ("--unsigned", "--once")


def release(space: Space, tag: str, *words: str, code: int = 0) -> Ran:
    """Release both exports without a key, each action run once."""
    return space.run("release", "//exports:*", "--tag", tag, *UNSIGNED, *words, code=code)


def document(space: Space, tag: str) -> dict[str, Any]:
    """Return `release.json` of a tag."""
    return dict(json.loads((space.root / "releases" / tag / "release.json").read_bytes()))


def blobs(folder: Path) -> dict[str, bytes]:
    """Return the blobs of a layout by name; each has the digest that its name says."""
    content = {path.name: path.read_bytes() for path in (folder / "blobs/sha256").iterdir()}
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in content.items())
    return content


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace with the releases v1 and v2 of equal content, and v3 of another; do not change
    it.
    """
    space = release_workspace(tmp_path_factory.mktemp("released"))
    release(space, "v1")
    commit(space, "no file changes")
    release(space, "v2")
    space.write("hello.txt", "hello again\n")
    commit(space)
    release(space, "v3")
    return space


@pytest.fixture
def fresh(released: Space, tmp_path: Path) -> Space:
    """A workspace of one commit without releases, and with a warm cache."""
    shutil.copytree(released.cache, tmp_path / "cache")
    return release_workspace(tmp_path)


def test_a_release_has_the_documented_files(released: Space) -> None:
    folder = released.root / "releases/v1"
    assert {path.name for path in folder.iterdir()} == {
        *(f"exports-{name}{kind}" for name in ("jetson", "pc")
          for kind in ("", ".cdx.json", ".provenance.json", ".files", ".declared.json")),
        "build.json", "release.json", "SHA256SUMS", "VERIFY.md",
    }  # fmt: skip
    assert (folder / "exports-jetson.files/note.txt").read_text() == "a note\n"
    for path in (*folder.glob("*.json"), *folder.glob("*/index.json")):
        data = path.read_bytes().removesuffix(b"\n")
        assert canonical(json.loads(data)) == data, f"{path.name} is not canonical"


def test_sha256sum_finds_a_flipped_bit_in_any_file(released: Space, tmp_path: Path) -> None:
    folder = tmp_path / "v1"
    shutil.copytree(released.root / "releases/v1", folder)
    words = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]

    def is_good() -> bool:
        return not subprocess.run(words, cwd=folder, capture_output=True, check=False).returncode

    assert is_good()
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        data = bytearray(path.read_bytes())
        path.chmod(0o600)
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        assert not is_good(), path
        path.write_bytes(data)
    assert is_good()


def test_release_json_names_what_was_built(released: Space) -> None:
    facts = document(released, "v1")
    assert (facts["tag"], facts["workspace"], facts["licenses"]) == ("v1", "swarm", "Apache-2.0")
    assert facts["source"] == {
        "commit": git(released.root, "rev-list", "--max-parents=0", "main").strip(),
        "tree": git(released.root, "rev-parse", "v1^{tree}").strip(),
        "time": 1700000000,
        "folder": "",
        "url": "https://example.org/swarm.git",
    }
    assert facts["checks"] == {"twice": False, "sandbox": "landlock", "gates": []}
    assert facts["tools"].keys() == {"program:python3"}
    jetson, pc = facts["targets"]
    assert (jetson["label"], pc["label"]) == ("//exports:jetson", "//exports:pc")
    image = jetson["image"]
    assert image["name"] == "swarm/exports/jetson:v1"
    assert image["content_tag"] == f"jetson-{image['built'][7:19]}"
    assert image["platforms"][0]["platform"] == "linux/arm64"
    folder = released.root / "releases/v1"
    for target in (jetson, pc):
        for kind, name in (("sbom", ".cdx.json"), ("provenance", ".provenance.json")):
            data = (folder / f"{target['name']}{name}").read_bytes()
            assert target[kind] == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_images_carry_version_and_revision(released: Space) -> None:
    folder = released.root / "releases/v1/exports-jetson"
    index = json.loads((folder / "index.json").read_bytes())
    [descriptor] = index["manifests"]
    assert descriptor["annotations"] == {
        "io.containerd.image.name": "docker.io/swarm/exports/jetson:v1",
        "org.opencontainers.image.ref.name": "v1",
    }
    content = blobs(folder)
    manifest = json.loads(content[descriptor["digest"][7:]])
    config = json.loads(content[manifest["config"]["digest"][7:]])
    labels = {
        "org.opencontainers.image.version": "v1",
        "org.opencontainers.image.revision": document(released, "v1")["source"]["commit"],
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.source": "https://example.org/swarm.git",
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
    assert manifest["annotations"] == labels
    assert config["config"]["Labels"] == {"title": "agent", **labels}
    assert config["created"] == "2023-11-14T22:13:20Z"
    [docker] = json.loads((folder / "manifest.json").read_bytes())
    assert docker["RepoTags"] == ["swarm/exports/jetson:v1"]
    assert docker["Config"][len("blobs/sha256/") :] == manifest["config"]["digest"][7:]


def test_two_tags_of_equal_content_differ_in_configuration_and_manifest_only(
    released: Space,
) -> None:
    first, second, third = (
        blobs(released.root / f"releases/{tag}/exports-jetson") for tag in ("v1", "v2", "v3")
    )
    assert len(first) == len(second) == 3 and len(first.keys() & second.keys()) == 1
    assert not first.keys() & third.keys()
    tags = [
        document(released, tag)["targets"][0]["image"]["content_tag"] for tag in ("v1", "v2", "v3")
    ]
    assert tags[0] == tags[1] != tags[2]


def test_each_entry_of_the_layers_belongs_to_one_component(released: Space) -> None:
    folder = released.root / "releases/v1"
    manifest = next(
        json.loads(data)
        for data in blobs(folder / "exports-jetson").values()
        if b'"layers"' in data[:2000] and b'"rootfs"' not in data
    )
    entries: dict[str, bytes | None] = {}
    for layer in manifest["layers"]:
        with tarfile.open(folder / "exports-jetson/blobs/sha256" / layer["digest"][7:]) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                entries["/" + member.name] = stream.read() if stream else None
    bill = json.loads((folder / "exports-jetson.cdx.json").read_bytes())
    components = [component["name"] for component in bill["components"]]
    assert sorted(components) == sorted(entries) == ["/agent", "/data", "/run"]
    for component in bill["components"]:
        data = entries[component["name"]]
        hashes = [entry["content"] for entry in component.get("hashes", ())]
        assert hashes == ([hashlib.sha256(data).hexdigest()] if data is not None else [])
    assert "timestamp" not in bill["metadata"]


def test_provenance_names_every_input(released: Space) -> None:
    statement = json.loads(
        (released.root / "releases/v1/exports-jetson.provenance.json").read_bytes()
    )
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    definition = statement["predicate"]["buildDefinition"]
    digests = {entry["name"]: entry["digest"] for entry in definition["resolvedDependencies"]}
    for name in ("make_image.py", "hello.txt"):
        data = git(released.root, "show", f"v1:{name}").encode()
        assert digests[name] == {"sha256": hashlib.sha256(data).hexdigest()}
    assert digests["source"]["gitCommit"] == document(released, "v1")["source"]["commit"]
    assert digests["python3"].keys() == {"sha256"}
    image = document(released, "v1")["targets"][0]["image"]["digest"]
    assert statement["subject"][0]["digest"] == {"sha256": image[7:]}


def test_the_git_tag_and_the_ledger_carry_the_digests(released: Space) -> None:
    facts = document(released, "v1")
    text = git(released.root, "tag", "-l", "--format=%(objecttype) %(contents)", "v1")
    data = (released.root / "releases/v1/release.json").read_bytes()
    assert text.startswith("tag v1\n")
    assert f"release sha256:{hashlib.sha256(data).hexdigest()}" in text
    assert f"content {content_digest(facts)}" in text
    image = facts["targets"][0]["image"]
    assert f"//exports:jetson {image['digest']} {image['content_tag']}" in text
    repository = Repository(str(released.root))
    ledger = read_ledger(repository)
    repository.close()
    assert [record.fields["tag"] for record in ledger.records] == ["v1", "v2", "v3"]
    assert ledger.records[0].fields["content"] == content_digest(facts)
    assert ledger.records[0].fields["images"]["//exports:jetson"]["digest"] == image["digest"]
    assert git(released.root, "status", "--porcelain") == ""
    assert git(released.root, "branch", "--show-current") == "main\n"


def test_two_clones_make_the_same_bytes(released: Space, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(released.root), "another \u00fc")
    other = Space(tmp_path / "another \u00fc", tmp_path / "cold", released.env)
    git(other.root, "checkout", "-q", "v1")
    git(other.root, "tag", "-d", "v1")
    git(other.root, "branch", "-dr", "origin/buildgraph-ledger")
    release(other, "v1", "-j1")
    here, there = (space.root / "releases/v1" for space in (released, other))
    lines = [set((folder / "SHA256SUMS").read_text().splitlines()) for folder in (here, there)]
    assert {line.split("  ")[1] for line in lines[0] ^ lines[1]} <= {"build.json"}
    assert len(lines[0]) > 15


def test_the_same_command_again_changes_nothing(fresh: Space) -> None:
    release(fresh, "v1")
    before = git(fresh.root, "show-ref")
    data = (fresh.root / "releases/v1/build.json").read_bytes()
    ran = release(fresh, "v1")
    assert "v1 was released before, with equal content" in ran.err
    assert git(fresh.root, "show-ref") == before
    assert (fresh.root / "releases/v1/build.json").read_bytes() == data


def test_an_interrupted_release_is_finished_by_the_same_command(fresh: Space) -> None:
    release(fresh, "v1")
    before = git(fresh.root, "show", "-s", "--format=%(contents)", "v1")
    git(fresh.root, "tag", "-d", "v1")
    git(fresh.root, "branch", "-qD", "buildgraph-ledger")
    release(fresh, "v1")
    assert git(fresh.root, "show", "-s", "--format=%(contents)", "v1") == before
    assert git(fresh.root, "show", "buildgraph-ledger:ledger.jsonl").count("\n") == 1


def test_a_tag_is_not_moved(fresh: Space) -> None:
    release(fresh, "v1", "--no-git-tag")
    assert git(fresh.root, "tag") == ""
    fresh.write("hello.txt", "hello, moved\n")
    commit(fresh)
    ran = release(fresh, "v1", code=2)
    assert "v1 is released already with other content" in ran.err
    git(fresh.root, "branch", "-qD", "buildgraph-ledger")
    assert "releases/v1 exists with other content" in release(fresh, "v1", code=2).err
    shutil.rmtree(fresh.root / "releases/v1")
    git(fresh.root, "tag", "v1", "HEAD^")
    assert "the git tag v1 exists: it is on the commit" in release(fresh, "v1", code=2).err
    assert git(fresh.root, "branch", "--list", "buildgraph-ledger") == ""


@pytest.mark.parametrize(
    "files, message",
    [
        ({"hello.txt": "hello, changed\n"}, "1 file of the release differs from the commit: hello"),
        ({"README.md": "changed\n"}, "README.md"),
        (
            {"BUILD.toml": BUILD.replace("hello.txt", "build/new.txt"), "build/new.txt": "hello\n"},
            "build/new.txt",
        ),
    ],
    ids=["a source", "another file", "an ignored source"],
)
def test_a_dirty_tree_is_refused(fresh: Space, files: dict[str, str], message: str) -> None:
    fresh.write("README.md", "read me\n")
    fresh.write(".gitignore", FILES[".gitignore"] + "build/\n")
    if "BUILD.toml" in files:
        fresh.write("BUILD.toml", files["BUILD.toml"])
    commit(fresh)
    for name, text in files.items():
        fresh.write(name, text)
    ran = release(fresh, "v1", code=2)
    assert message in ran.err and "commit them" in ran.err
    assert not (fresh.root / "releases").exists()


def test_an_unrelated_untracked_file_is_allowed(fresh: Space) -> None:
    fresh.write("notes.txt", "mine\n")
    release(fresh, "v1")


def test_no_repository_no_commit_no_name_no_tag_no_key_are_refused(
    fresh: Space, tmp_path: Path
) -> None:
    assert "cannot be the tag" in release(fresh, "a b", code=2).err
    assert "no tag is given" in fresh.run("release", "//exports:pc", code=2).err
    no_key = fresh.run("release", "//exports:pc", "--tag", "v1", code=2).err
    assert "no key is given" in no_key and "buildgraph key new" in no_key
    ran = fresh.run("release", "//checks:text", "--tag", "v1", *UNSIGNED, code=2)
    assert "has no outputs to release" in ran.err
    fresh.write("BUILD.toml", BUILD.replace('name = "swarm"\n', ""))
    assert "the workspace has no name" in release(fresh, "v1", code=2).err
    shutil.rmtree(fresh.root / ".git")
    fresh.write("BUILD.toml", BUILD)
    fresh.env["GIT_CEILING_DIRECTORIES"] = str(tmp_path)
    assert "git repository" in release(fresh, "v1", code=2).err
    git(fresh.root, "init", "-q")
    assert "HEAD has no commit yet" in release(fresh, "v1", code=2).err
    assert not (fresh.root / "releases").exists()


def test_a_gate_that_is_not_checked_is_refused_unless_it_may_be(fresh: Space) -> None:
    missing = '[checks.board]\nrule = "gate"\nargv = ["no-such-program"]\n'
    fresh.write("BUILD.toml", BUILD + missing)
    commit(fresh)
    words = ("release", "//exports:pc", "//checks:board", "--tag", "v1", *UNSIGNED)
    ran = fresh.run(*words, code=1)
    assert "//checks:board is 'not checked': it needs no-such-program" in ran.err
    assert not (fresh.root / "releases").exists() and git(fresh.root, "tag") == ""
    fresh.run(*[word.replace("v1", "v0") for word in words], "--no-strict")
    name = ran.err.partition("the gate ")[2].split()[0]
    allowed = BUILD.replace("[exports.jetson]", f'unchecked = ["{name}"]\n\n[exports.jetson]', 1)
    fresh.write("BUILD.toml", allowed + missing)
    commit(fresh)
    fresh.run(*words)
    [gate] = document(fresh, "v1")["checks"]["gates"]
    assert gate["verdict"] == "not checked"


def test_a_failed_gate_is_refused(fresh: Space) -> None:
    fresh.write("hello.txt", "goodbye\n")
    commit(fresh)
    words = ("release", "//exports:pc", "//checks:text", "--tag", "v1", *UNSIGNED)
    assert "not released" in fresh.run(*words, code=1).err
    assert not (fresh.root / "releases").exists() and git(fresh.root, "tag") == ""


def test_actions_run_twice_and_one_that_differs_is_refused(fresh: Space) -> None:
    words = ("release", "//exports:pc", "--unsigned")
    fresh.run(*words, "--tag", "v1")
    assert document(fresh, "v1")["checks"]["twice"] is True
    fresh.write("make_image.py", FILES["make_image.py"].replace('"a note', 'str(os.environ) + "'))
    commit(fresh)
    ran = fresh.run(*words, "--tag", "v2", code=3)
    assert "note.txt" in ran.err and "not released" in ran.err
    assert sorted(path.name for path in (fresh.root / "releases").iterdir()) == ["v1"]


def test_a_lock_that_drifted_is_refused(fresh: Space) -> None:
    assert "buildgraph.lock" in fresh.run("release", "//exports:pc", "--lock").out
    lock = json.loads((fresh.root / "buildgraph.lock").read_text())
    assert lock["tools"].keys() == {"program:python3"}
    commit(fresh)
    release(fresh, "v1")
    lock["tools"]["program:python3"] = "cpython-3.9.0 sha256:00"
    fresh.write("buildgraph.lock", json.dumps(lock))
    fresh.write("hello.txt", "hello, not built yet\n")
    commit(fresh)
    ran = release(fresh, "v2", code=2)
    assert "the tools differ from buildgraph.lock: program:python3 is cpython-3" in ran.err
    assert "[1/" not in ran.err  # before the build


def test_a_weaker_sandbox_is_refused(fresh: Space) -> None:
    fresh.write("hello.txt", "hello, built again\n")
    commit(fresh)
    fresh.env["BUILDGRAPH_SANDBOX"] = "none"
    assert "needs the sandbox level landlock" in release(fresh, "v1", code=30).err
    release(fresh, "v1", "--sandbox", "none")
    assert document(fresh, "v1")["checks"]["sandbox"] == "none"
    statement = json.loads((fresh.root / "releases/v1/build.json").read_bytes())
    assert statement["predicate"]["sandbox"] == "none"


def test_json_has_the_release(fresh: Space) -> None:
    [answer] = release(fresh, "v1", "--json").events
    assert answer["folder"] == "releases/v1" and answer["new"] and answer["record"] == 0
    assert answer["release"] == document(fresh, "v1")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(fresh: Space, signum: signal.Signals) -> None:
    slow = FILES["make_image.py"] + "import time; time.sleep(60)\n"
    fresh.write("make_image.py", slow)
    commit(fresh)
    process = subprocess.Popen(
        fresh.command("release", "//exports:pc", "--tag", "v1", *UNSIGNED),
        cwd=fresh.root,
        env=fresh.environ(),
        stderr=subprocess.PIPE,
    )
    while not any((fresh.root / "releases").glob(".v1.*")):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signum)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signum, error
    assert not (fresh.root / "releases").exists()
    assert git(fresh.root, "for-each-ref").count("\n") == 1


def test_a_killed_release_is_swept_by_the_next(fresh: Space) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    stale = fresh.root / f"releases/.v1.{process.pid}"
    (stale / "exports-pc").mkdir(parents=True)
    running = fresh.root / f"releases/.v2.{os.getpid()}"
    running.mkdir()
    release(fresh, "v1")
    assert not stale.exists() and running.exists()


def test_skopeo_reads_a_released_layout(released: Space) -> None:
    layout = released.root / "releases/v1/exports-jetson"
    text = subprocess.run(
        [need("skopeo"), "inspect", f"oci:{layout}:v1"], capture_output=True, text=True, check=True
    ).stdout
    facts = json.loads(text)
    assert facts["Digest"] == document(released, "v1")["targets"][0]["image"]["digest"]
    assert facts["Labels"]["org.opencontainers.image.version"] == "v1"


def test_a_link_to_a_folder_among_the_outputs_is_refused(fresh: Space) -> None:
    links = (
        '[docs]\nrule = "command"\noutputs = { page = "page/" }\n'
        'argv = ["sh", "-c", "%s", "{page}"]\n'
    )
    script = "mkdir -p $0/d; echo text > $0/d/file; ln -s d/file $0/to-file"
    fresh.write("BUILD.toml", BUILD + links % script)
    commit(fresh)
    words = ("release", "//:docs", *UNSIGNED, "--tag")
    fresh.run(*words, "v1")
    files = {file["path"] for file in document(fresh, "v1")["targets"][0]["files"]}
    assert files >= {"docs.files/page/d/file", "docs.files/page/to-file"}
    assert (fresh.root / "releases/v1/docs.files/page/to-file").is_symlink()
    fresh.write("BUILD.toml", BUILD + links % f"{script}; ln -s d $0/to-folder")
    commit(fresh)
    assert "to-folder is a link to a folder" in fresh.run(*words, "v2", code=2).err
    assert not (fresh.root / "releases/v2").exists()
