"""`verify`: rebuild a release in another clone, and refuse what was changed, moved or replayed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from buildgraph.explain.git import Repository
from buildgraph.release.documents import PAYLOAD_TYPE, paths_below
from buildgraph.release.ledger import ATTESTATION, append, read_ledger
from buildgraph.release.verify_files import verify_files
from buildgraph.signing.dsse import sign
from buildgraph.signing.key_files import read_private_key, read_public_key
from buildgraph.types.errors import BuildError
from tests.support.release_workspace import BUILD, FILES, commit, git, release_workspace
from tests.support.workspace import Space

CLOCK = """
[exports.clock]
rule = "command"
outputs = { note = "note.txt" }
argv = ["sh", "-c", "echo made at $(date +%s%N) > {note}"]
"""


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A workspace with the signed releases v1 and v2, and keys beside it; do not change it."""
    space = release_workspace(tmp_path_factory.mktemp("signed"))
    for name in ("release", "ada", "ben", "eve"):
        space.run("key", "new", str(key(space, name)))
    words = ("--once", "--key", str(key(space, "release")))
    space.run("release", "//exports:*", "--tag", "v1", *words)
    space.write("hello.txt", "hello again\n")
    commit(space)
    space.run("release", "//exports:*", "--tag", "v2", *words)
    return space


@pytest.fixture
def clone(signed: Space, tmp_path: Path) -> Space:
    """A clone with its ledger, the folders of the releases, and an empty cache."""
    git(tmp_path, "clone", "-q", str(signed.root), "clone")
    space = Space(tmp_path / "clone", tmp_path / "cache", dict(signed.env))
    shutil.copytree(signed.root / "releases", space.root / "releases")
    (tmp_path / "temp").mkdir()
    space.env["TMPDIR"] = str(tmp_path / "temp")
    return space


def key(space: Space, name: str) -> Path:
    """Return the path of a private key; the public one has `.pub` added."""
    return space.root.parent / f"{name}.key"


def trust(space: Space, *names: str) -> list[str]:
    """Return the options that trust keys."""
    return [word for name in names for word in ("--trust-key", f"{key(space, name)}.pub")]


def flip(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def test_another_clone_rebuilds_the_same_bytes(clone: Space) -> None:
    shutil.rmtree(clone.root / "releases")
    for tag in ("v1", "v2"):
        ran = clone.run("verify", tag)
        assert ran.out.startswith(f"identical: {tag} sha256:")
    # The rebuild has a cache of its own, so a poisoned one cannot help a release.
    assert not (clone.cache / "blobs").exists()
    assert git(clone.root, "worktree", "list").count("\n") == 1
    assert not list(Path(clone.env["TMPDIR"]).glob("buildgraph-verify-*"))
    assert git(clone.root, "status", "--porcelain") == ""


def test_json_names_commit_and_content(clone: Space) -> None:
    (answer,) = clone.run("verify", "v1", "--json").events
    assert answer["identical"] and answer["content"] == answer["released"]
    assert answer["commit"] == git(clone.root, "rev-parse", "v1^{commit}").strip()


def test_an_output_that_differs_is_named_down_to_the_line(tmp_path: Path) -> None:
    space = release_workspace(tmp_path, {**FILES, "BUILD.toml": BUILD + CLOCK})
    space.run("release", "//exports:*", "--tag", "v1", "--once", "--unsigned")
    ran = space.run("verify", "v1", code=3)
    assert "different: v1 is sha256:" in ran.out
    assert "first difference: exports-clock.files/note.txt: line 1: 'made at " in ran.out
    shutil.rmtree(space.root / "releases")
    ran = space.run("verify", "v1", code=3)
    assert "first difference: //exports:clock: sha256:" in ran.out
    assert git(space.root, "worktree", "list").count("\n") == 1


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    flaky = CLOCK.replace("echo made at $(date +%s%N) > {note}", "test -e /proc/self/clear_refs/x")
    space = release_workspace(tmp_path, {**FILES, "BUILD.toml": BUILD + flaky})
    git(space.root, "tag", "-a", "v1", "-m", _message("//exports:clock"))
    ran = space.run("verify", "v1", code=1)
    assert "not rebuilt: see above" in ran.err
    assert git(space.root, "worktree", "list").count("\n") == 1


def _message(label: str) -> str:
    digest = f"sha256:{'0' * 64}"
    return f"v1\n\nrelease {digest}\ncontent {digest}\n{label} {digest}"


def test_a_tag_that_is_none_of_a_release_is_refused(clone: Space) -> None:
    git(clone.root, "tag", "plain")
    assert "is not the tag of a release" in clone.run("verify", "plain", code=2).err
    assert "has no tag v9" in clone.run("verify", "v9", code=2).err


def test_the_signatures_of_a_release_are_verified_offline(clone: Space, signed: Space) -> None:
    ran = clone.run("verify", "v2", "--signatures", *trust(signed, "release"))
    assert ran.out.startswith("v2: ") and "the git tag and record 1 of the ledger agree" in ran.out
    ran = clone.run("verify", "v1", "--signatures", *trust(signed, "ada", "release"))
    assert "note: v2 was released later" in ran.out


def test_the_keys_of_the_workspace_are_trusted(clone: Space, signed: Space) -> None:
    assert "no key is trusted" in clone.run("verify", "v1", "--signatures", code=2).err
    text = BUILD.replace("[workspace.release]", '[workspace.release]\nkeys = ["release.pub"]')
    clone.write("BUILD.toml", text)
    assert "there is no key file" in clone.run("verify", "v1", "--signatures", code=2).err
    shutil.copy(f"{key(signed, 'release')}.pub", clone.root / "release.pub")
    clone.run("verify", "v1", "--signatures")


def test_one_flipped_bit_in_any_file_is_refused_by_name(clone: Space, signed: Space) -> None:
    folder = clone.root / "releases/v1"
    trusted = [read_public_key(f"{key(signed, 'release')}.pub")]
    assert verify_files(folder, "v1", trusted).files > 10
    for name in paths_below(folder):
        original = (folder / name).read_bytes()
        flip(folder / name)
        with pytest.raises(BuildError) as caught:
            verify_files(folder, "v1", trusted)
        named = "SHA256SUMS" if name.startswith("SHA256SUMS") else name
        assert named in caught.value.what, name
        assert caught.value.code == 3
        (folder / name).write_bytes(original)
    verify_files(folder, "v1", trusted)


def test_files_that_are_missing_or_added_are_refused(clone: Space, signed: Space) -> None:
    words = ("verify", "v1", "--signatures", *trust(signed, "release"))
    added = clone.write("releases/v1/extra", "")
    assert "extra is not part of the release" in clone.run(*words, code=3).err
    added.unlink()
    (clone.root / "releases/v1/build.json").unlink()
    assert "build.json is missing" in clone.run(*words, code=3).err


def test_links_that_are_not_part_of_the_release_are_refused(clone: Space, signed: Space) -> None:
    words = ("verify", "v1", "--signatures", *trust(signed, "release"))
    link = clone.root / "releases/v1/link"
    link.symlink_to("release.json")
    assert "link is not part of the release" in clone.run(*words, code=3).err
    link.unlink()
    link.symlink_to("/etc/hostname")
    assert "link leads out of the release" in clone.run(*words, code=3).err


def test_a_folder_outside_of_any_repository_is_verified_by_its_files(
    clone: Space, signed: Space, tmp_path: Path
) -> None:
    device = Space(tmp_path / "device", tmp_path / "cache", dict(signed.env))
    shutil.copytree(clone.root / "releases/v1", device.root / "v1")
    words = ("verify", "v1", "--signatures", "--folder", "v1", *trust(signed, "release"))
    ran = device.run(*words)
    assert "not checked: git tag and ledger" in ran.out
    flip(device.root / "v1/exports-pc/index.json")
    assert "exports-pc/index.json was changed" in device.run(*words, code=3).err
    assert "no workspace" in device.run("verify", "v1", code=2).err


def test_a_moved_tag_is_refused(clone: Space, signed: Space) -> None:
    message = git(clone.root, "tag", "-l", "--format=%(contents)", "v1")
    git(clone.root, "tag", "-f", "-a", "-m", message, "v1", "v2^{commit}")
    for words in ((), ("--signatures", *trust(signed, "release"))):
        ran = clone.run("verify", "v1", *words, code=3)
        assert "the git tag v1 was moved" in ran.err


def test_a_tag_with_other_digests_is_refused(clone: Space, signed: Space) -> None:
    message = git(clone.root, "tag", "-l", "--format=%(contents)", "v2")
    git(clone.root, "tag", "-f", "-a", "-m", message, "v1", "v1^{commit}")
    ran = clone.run("verify", "v1", "--signatures", *trust(signed, "release"), code=3)
    assert "the text of the git tag v1 has other digests" in ran.err
    assert "another content digest than the ledger" in clone.run("verify", "v1", code=3).err


def test_an_old_release_in_the_place_of_a_new_one_is_refused(clone: Space, signed: Space) -> None:
    shutil.rmtree(clone.root / "releases/v2")
    shutil.copytree(clone.root / "releases/v1", clone.root / "releases/v2")
    ran = clone.run("verify", "v2", "--signatures", *trust(signed, "release"), code=3)
    assert "release.json is of the release v1, not of v2" in ran.err


def test_a_release_by_a_foreign_key_is_refused(clone: Space, signed: Space) -> None:
    ran = clone.run("verify", "v1", "--signatures", *trust(signed, "eve"), code=3)
    assert "no trusted key signed SHA256SUMS" in ran.err


def test_an_unsigned_release_is_refused(clone: Space, signed: Space) -> None:
    (clone.root / "releases/v1/SHA256SUMS.sig").unlink()
    ran = clone.run("verify", "v1", "--signatures", *trust(signed, "release"), code=3)
    assert "the release is not signed: SHA256SUMS.sig is missing" in ran.err


def test_a_ledger_without_the_release_is_refused(clone: Space, signed: Space) -> None:
    git(clone.root, "update-ref", "-d", "refs/remotes/origin/buildgraph-ledger")
    ran = clone.run("verify", "v1", "--signatures", *trust(signed, "release"), code=3)
    assert "the ledger has no release v1" in ran.err


def _lie(space: Space, name: str, content: str) -> None:
    """Append an attestation of other content, signed by a key."""
    predicate = {"tag": "v1", "commit": "0" * 40, "content": content}
    payload = json.dumps({"predicate": predicate}).encode()
    envelope = sign(payload, PAYLOAD_TYPE, read_private_key(str(key(space, name))))
    repository = Repository.around(str(space.root))
    fields = {"tag": "v1", "content": content, "envelope": json.loads(envelope.to_json())}
    append(repository, ATTESTATION, fields)
    repository.close()


def test_one_of_three_rebuilders_lies_and_is_named(signed: Space, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(signed.root), "w")
    space = Space(tmp_path / "w", tmp_path / "cache", dict(signed.env))
    for name in ("ada", "ben", "eve"):
        shutil.copy(key(signed, name), tmp_path)
        shutil.copy(f"{key(signed, name)}.pub", tmp_path)
    shutil.copy(f"{key(signed, 'release')}.pub", tmp_path)
    ran = space.run("verify", "v1", "--attest", "--key", str(key(space, "ada")))
    assert "attested in record 2 of the ledger" in ran.out
    words = ("verify", "v1", "--need", "2", *trust(space, "release", "ada", "ben", "eve"))
    assert "1 of 2 needed trusted rebuilders attest v1" in space.run(*words, code=3).err
    space.run("verify", "v1", "--attest", "--key", str(key(space, "ben")))
    _lie(space, "eve", f"sha256:{'1' * 64}")
    ran = space.run(*words)
    liar = read_public_key(f"{key(space, 'eve')}.pub").key_id
    assert f"warning: {liar[:16]} attests other content: sha256:1111" in ran.err
    assert "v1: 2 rebuilders attest it" in ran.out
    (answer,) = space.run(*words, "--json").events
    assert list(answer["disagreeing"]) == [liar]
    # Three agreeing rebuilders are not there, and the key of the releaser is not independent.
    space.run("verify", "v1", "--need", "3", *words[4:], code=3)
    # An attestation by a key that is not trusted does not count.
    space.run("verify", "v1", "--need", "2", *trust(space, "ada", "release"), code=3)


def test_a_rebuilder_who_says_both_does_not_count(signed: Space, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(signed.root), "w")
    space = Space(tmp_path / "w", tmp_path / "cache", dict(signed.env))
    for name in ("ada.key", "ada.key.pub", "release.key.pub"):
        shutil.copy(signed.root.parent / name, tmp_path)
    repository = Repository.around(str(space.root))
    record = read_ledger(repository).release("v1")
    repository.close()
    assert record is not None
    words = ("verify", "v1", "--need", "1", *trust(space, "ada", "release"))
    _lie(space, "ada", record.fields["content"])
    space.run(*words)
    _lie(space, "ada", f"sha256:{'2' * 64}")
    _lie(space, "ada", record.fields["content"])
    assert "0 of 1 needed" in space.run(*words, code=3).err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--attest",), "--attest needs --key PATH"),
        (("--key", "x"), "--key is for --attest"),
        (("--need", "-1"), "--need takes a number"),
        (("--attest", "--key", "x", "--need", "1"), "omit --signatures and --need"),
    ],
)
def test_options_that_contradict_each_other(
    clone: Space, words: tuple[str, ...], error: str
) -> None:
    assert error in clone.run("verify", "v1", *words, code=2).err


def test_release_diff_compares_two_tags(clone: Space) -> None:
    ran = clone.run("release", "diff", "v1", "v2")
    first, jetson, *rest = ran.out.splitlines()
    assert first == "v1 -> v2" and jetson.startswith("//exports:jetson: ")
    assert rest[-1] == "  first difference: layer 0: agent: line 1: 'hello\\n' -> 'hello again\\n'"
    (answer,) = clone.run("release", "diff", "v1", "./releases/v2", "--json").events
    assert [target["label"] for target in answer["targets"]] == ["//exports:jetson", "//exports:pc"]


def test_release_diff_needs_two_releases(clone: Space) -> None:
    assert "1 releases instead of two" in clone.run("release", "diff", "v1", code=2).err
    assert "there is no release v9" in clone.run("release", "diff", "v1", "v9", code=2).err
