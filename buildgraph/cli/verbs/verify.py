"""`buildgraph verify TAG`: rebuild a release, or check its signatures and its rebuilders."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...types.errors import BROKEN, OK, BuildError
from ...ui.json_document import print_document
from ..invocation import Invocation

if TYPE_CHECKING:
    from ...explain.git import Repository
    from ...release.collect import Collector
    from ...release.run_release import Build
    from ...signing.keys import PublicKey
    from ...types.request import Request

_EPILOG = """\
Without --signatures or --need, the tagged commit is built again: in a temporary work tree, with an
empty cache, without network. Exit codes: 0 identical, or all checks passed; 1 the build failed;
2 no such release, or other tools than the lock; 3 a difference, or a refused file or signature.

  buildgraph verify v1.4.0
  buildgraph verify v1.4.0 --signatures --trust-key release.key.pub
  buildgraph verify v1.4.0 --need 2 --trust-key ada.pub --trust-key ben.pub"""


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument("tag", metavar="TAG", help="tag of the release, such as v1.4.0")
    parser.add_argument(
        "--signatures",
        action="store_true",
        help="check the files, signatures, git tag and ledger record, and build nothing",
    )
    parser.add_argument(
        "--trust-key",
        action="append",
        default=[],
        metavar="FILE",
        help="public key that is trusted; can be repeated (default: `keys` of [workspace.release])",
    )
    parser.add_argument(
        "--need",
        type=int,
        default=0,
        metavar="K",
        help="require that K trusted rebuilders, other than the releaser, attest the same content",
    )
    parser.add_argument(
        "--attest",
        action="store_true",
        help="sign the result of the rebuild, and append it to the ledger",
    )
    parser.add_argument(
        "--key", default="", metavar="PATH", help="private key that signs the attestation"
    )
    parser.add_argument(
        "--folder",
        default="",
        metavar="DIR",
        help="folder of the release (default: releases/TAG of the workspace)",
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=int,
        default=0,
        metavar="N",
        help="number of actions to run in parallel (default: number of cores)",
    )
    parser.epilog = _EPILOG


def run(options: Namespace) -> int:
    """Verify the release, and print what was checked."""
    _check_options(options)
    if options.signatures or options.need:
        return _verify_signed(options)
    return _verify_rebuild(options)


def _check_options(options: Namespace) -> None:
    wrong = ""
    if options.attest and (options.signatures or options.need):
        wrong = "--attest signs a rebuild: omit --signatures and --need"
    elif options.attest != bool(options.key):
        wrong = "--attest needs --key PATH, and --key is for --attest"
    elif options.need < 0:
        wrong = "--need takes a number of rebuilders, such as --need 2"
    if wrong:
        raise BuildError(wrong, fix="`buildgraph verify --help` has examples", reason="usage")


def _verify_signed(options: Namespace) -> int:
    from ...release.verify_files import verify_files
    from ...release.verify_history import verify_history

    invocation = _invocation(options)
    trusted = _trusted_keys(invocation, options.trust_key)
    answer: dict[str, Any] = {"tag": options.tag}
    with ExitStack() as stack:
        repository = None if invocation is None else _open_repository(invocation, stack)
        if options.signatures:
            checked = verify_files(_folder(invocation, options), options.tag, trusted)
            answer |= {"files": checked.files, "signers": list(checked.signers)}
            if repository is not None:
                history = verify_history(repository, checked.release, trusted)
                newest = history.newest or options.tag
                answer |= {"record": history.record, "newest": newest}
        if options.need and repository is not None:
            answer |= _count(repository, options, trusted)
    _print_signed(options, answer)
    return OK


def _invocation(options: Namespace) -> Invocation | None:
    """Return the workspace; None outside of one, where a folder and keys are given."""
    try:
        return Invocation.find()
    except BuildError as error:
        is_alone = options.folder and options.trust_key and not options.need
        if error.reason != "workspace" or not is_alone:
            raise
        return None


def _open_repository(invocation: Invocation, stack: ExitStack) -> Repository:
    from ...explain.git import Repository

    repository = Repository.around(invocation.root)
    stack.callback(repository.close)
    return repository


def _count(
    repository: Repository, options: Namespace, trusted: tuple[PublicKey, ...]
) -> dict[str, Any]:
    """Count the votes of rebuilders; BuildError (reason "verify") if too few agree."""
    from ...release.ledger import read_ledger
    from ...release.verify_files import refused
    from ...release.verify_history import count_votes, release_record

    ledger = read_ledger(repository)
    votes = count_votes(ledger, release_record(ledger, options.tag), trusted)
    agreeing = [vote.key_id for vote in votes if vote.agrees]
    others = {vote.key_id: vote.content for vote in votes if not vote.agrees}
    for key_id, content in others.items():
        print(f"warning: {key_id[:16]} attests other content: {content}", file=sys.stderr)
    if len(agreeing) < options.need:
        raise refused(
            f"{len(agreeing)} of {options.need} needed trusted rebuilders attest {options.tag}",
            "let others run `buildgraph verify TAG --attest --key PATH`, and trust their keys",
        )
    return {"rebuilders": agreeing, "disagreeing": others}


def _print_signed(options: Namespace, answer: dict[str, Any]) -> None:
    if options.json:
        print_document(answer)
        return
    if options.signatures:
        signers = ", ".join(signer[:16] for signer in answer["signers"])
        print(f"{options.tag}: {answer['files']} files are those that {signers} signed")
        if "record" not in answer:
            print("not checked: git tag and ledger, because there is no workspace here")
            return
        print(f"the git tag and record {answer['record']} of the ledger agree")
        if answer["newest"] != options.tag:
            print(f"note: {answer['newest']} was released later")
    if options.need:
        agreeing = ", ".join(key_id[:16] for key_id in answer["rebuilders"])
        print(f"{options.tag}: {len(answer['rebuilders'])} rebuilders attest it: {agreeing}")


def _folder(invocation: Invocation | None, options: Namespace) -> Path:
    root = invocation.root if invocation else ""
    folder = Path(options.folder or os.path.join(root, "releases", options.tag))
    if not folder.is_dir():
        raise BuildError(
            f"there is no folder {folder}",
            fix="copy the release there, or name its folder: --folder DIR",
            reason="usage",
        )
    return folder


def _trusted_keys(invocation: Invocation | None, files: list[str]) -> tuple[PublicKey, ...]:
    """Return the keys of the options, else those of the workspace; BuildError if there are none."""
    from ...signing.key_files import read_public_key
    from ...workspace.workspace import Workspace

    if files or invocation is None:
        return tuple(read_public_key(path) for path in files)
    names = Workspace(invocation.root).settings.release.keys
    if not names:
        raise BuildError(
            "no key is trusted",
            fix='name one: --trust-key FILE, or keys = ["release.key.pub"] in [workspace.release]',
            reason="usage",
        )
    return tuple(read_public_key(os.path.join(invocation.root, name), name=name) for name in names)


def _verify_rebuild(options: Namespace) -> int:
    from ...explain.git import Repository
    from ...release.rebuild import rebuild_release
    from ...signing.key_files import read_private_key

    invocation = Invocation.find()
    key = read_private_key(options.key) if options.attest else None
    folder = Path(options.folder or os.path.join(invocation.root, "releases", options.tag))
    repository = Repository.around(invocation.root)
    try:
        verdict = rebuild_release(
            (invocation.root, repository),
            options.tag,
            folder if folder.is_dir() else None,
            lambda root: _builder(root, options.jobs),
        )
        if verdict.code != OK:
            print("not rebuilt: see above", file=sys.stderr)
            return verdict.code
        record = None
        if key is not None:
            from ...release.rebuild import attest

            record = attest(repository, verdict, key)
    finally:
        repository.close()
    answer = {
        "tag": options.tag,
        "commit": verdict.stated.commit,
        "identical": verdict.is_identical,
        "content": verdict.content,
        "released": verdict.stated.content,
        "difference": verdict.difference,
        **({} if record is None else {"record": record}),
    }
    _print_rebuild(options, answer)
    return OK if verdict.is_identical else BROKEN


def _builder(root: Path, jobs: int) -> Build:
    """Return the function that builds a request in another workspace, with progress on stderr."""
    from dataclasses import replace

    from .build import progress_listener, run_request

    def build(request: Request, collector: Collector) -> int:
        listeners = [progress_listener(False), collector]
        return run_request(Invocation(str(root), ""), replace(request, jobs=jobs), listeners)

    return build


def _print_rebuild(options: Namespace, answer: dict[str, Any]) -> None:
    if options.json:
        print_document(answer)
        return
    commit = answer["commit"][:12]
    if answer["identical"]:
        print(f"identical: {options.tag} {answer['content']}, rebuilt from {commit}")
    else:
        print(f"different: {options.tag} is {answer['released']}")
        print(f"           {commit} gives {answer['content']}")
        print(f"first difference: {answer['difference']}")
    if "record" in answer:
        print(f"attested in record {answer['record']} of the ledger")
