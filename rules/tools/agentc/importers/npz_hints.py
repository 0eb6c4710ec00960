"""Hints about invalid .npz files: unknown keys, and files of another kind."""

from __future__ import annotations

import re
from pathlib import Path

from agentc.importers.npy import read_header
from agentc.importers.parameters import ALIASES, DEFAULTS, LABELS, STRUCTURE, format_suggestion

LETTERS = {
    "a": "A",
    "b": "B",
    "c": "C",
    "d": "D",
    "e": "E",
    "h": "H",
    "i": "I",
    "pa": "pA",
    "pb": "pB",
}
KEY = re.compile(
    r"(pa|pb|[abcdehi])(?:[^0-9a-z]*([0-9]{1,4})[^0-9a-z]*)?", re.IGNORECASE | re.ASCII
)
KNOWN = {f"{letter}{i}" for letter in LETTERS.values() if letter != "E" for i in range(4)} | {
    "E",
    "policies",
}
OBJECTS = (
    "save one plain array per matrix, not an object array: np.savez(file, **{f'A{i}': a for i, a "
    "in enumerate(A)}, "
    "**{f'B{i}': b for i, b in enumerate(B)}, ..); or, of an object array of numbers, say pickle "
    "= true in the model's "
    'table and "semantics": "pymdp-0.0.7" in the .json'
)
BEGINNINGS = {
    b"\x93NUMPY": (
        "it is an .npy of one array: save all of them in one file, np.savez(file, A0=A, B0=B, ..)"
    ),
    b"\x80": (
        "it is a pickle: load it in Python and save its arrays, np.savez(file, A0=.., B0=.., ..)"
    ),
    b"MATLAB": (
        "it is a MATLAB file: scipy.io.loadmat reads it; save its arrays, np.savez(file, "
        "A0=.., B0=.., ..)"
    ),
    b"\x89HDF": (
        "it is an HDF5 file: h5py reads it; save its arrays, np.savez(file, A0=.., B0=.., ..)"
    ),
    b"version https://git-lfs": "it is a pointer of Git LFS, not the file itself: git lfs pull",
    b"\x1f\x8b": "it is compressed by gzip: gunzip it",
}


def identify_file(path: Path) -> str:
    """Identify a file that is no archive and advise; empty if unknown."""
    try:
        with path.open("rb") as file:
            begin = file.read(64)
    except OSError:
        return ""
    hints = [hint for mark, hint in BEGINNINGS.items() if begin.startswith(mark)]
    return (
        hints[0]
        if hints
        else ""
        if begin
        else "it is empty: save the arrays again, np.savez(file, A0=.., B0=.., ..)"
    )


def describe_unknown_array(member: str, begin: bytes) -> str:
    """Return the error for an unknown array name; `begin` is the start of the member."""
    name = member.removesuffix(".npy")
    prefix, match = f"unknown array {name!r}", KEY.fullmatch(name.removesuffix(".npy"))
    parameters = {*DEFAULTS, *ALIASES, *STRUCTURE, *LABELS}
    if match is None:
        if re.fullmatch(r"arr_[0-9]+", name):
            return (
                f"{prefix}: np.savez was called without names, np.savez(file, A0=.., B0=..) "
                "gives them"
            )
        if name in parameters:
            return f"{prefix}: it is a parameter, which belongs into the .json beside the arrays"
        if name == "allow_pickle":
            return (
                f"{prefix}: an older np.savez saves its option allow_pickle as an array, "
                "leave it out"
            )
        return f"{prefix}{format_suggestion(name, KNOWN)}"
    letter, number = LETTERS[match[1].lower()], match[2]
    if letter == "E":
        return f"{prefix}; did you mean 'E'? There is one prior over policies"
    if _holds_objects(begin):
        return f"{prefix}, an object array: {OBJECTS}"
    if number is not None:
        return f"{prefix}; did you mean '{letter}{int(number)}'?"
    return (
        f"{prefix}: matrices have numbers, a single one is '{letter}0': np.savez(file, "
        f"{letter}0={letter}, ..); several in "
        f"a list are {letter}0={letter}[0], {letter}1={letter}[1] and so on"
    )


def _holds_objects(begin: bytes) -> bool:
    try:
        return read_header(begin).holds_objects
    except ValueError:
        return False
