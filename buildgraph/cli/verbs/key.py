"""`buildgraph key new|show PATH`: make and show keys that sign results and releases."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ...types.errors import OK
from ...ui.json_document import print_document

COMMANDS = {
    "new": "make a private key at PATH and its public key at PATH.pub",
    "show": "print the id and the public key of a private or public key file",
}


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("what", choices=tuple(COMMANDS), help="command to run (see below)")
    parser.add_argument("path", metavar="PATH", help="file of the key, outside of any source tree")
    commands = (f"  {name:<8}{summary}" for name, summary in COMMANDS.items())
    parser.epilog = "\n".join(["commands:", *commands])


def run(options: Namespace) -> int:
    """Make or show an Ed25519 key."""
    from ...signing.key_files import SUFFIX, create_key, read_any_key

    if options.what == "new":
        public = create_key(options.path).public
        if options.json:
            paths = {"private": options.path, "public": options.path + SUFFIX}
            print_document({"key_id": public.key_id, **paths})
        else:
            print(f"private key {options.path}\npublic key  {options.path}{SUFFIX}")
            print(f"key id      {public.key_id}")
        return OK
    public = read_any_key(options.path)
    if options.json:
        print_document({"key_id": public.key_id, "pem": public.to_pem()})
    else:
        print(f"key id {public.key_id}\n{public.to_pem()}", end="")
    return OK
