"""Errors of an .npz come with advice, and following the advice leads to the model."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.importers import npz as ingest, objects as ingest_objects
from agentc.ir import files as ir
from agentc.ir.types import ModelError

from tests.support.small_models import columns
from tests.unit.agentc.importers.test_objects import objects

RNG = np.random.default_rng(6)
A, B = columns(RNG, 3, 4), columns(RNG, 4, 4, 2)
OLD = {"semantics": "pymdp-0.0.7"}


def refused(folder: Path, **arrays: Any) -> str:
    with pytest.raises(ModelError) as error:
        imported(folder, **arrays)
    return str(error.value)


def imported(folder: Path, **arrays: Any) -> ir.Model:
    np.savez(folder / "m.npz", **arrays)
    (folder / "m.json").write_text("{}")
    return ingest.make(folder / "m.npz", folder / "m.json", "{}")[0]


def unpickled(folder: Path, spec: dict[str, Any], **arrays: Any) -> ir.Model:
    np.savez(folder / "m.npz", **arrays)
    (folder / "m.json").write_text(json.dumps(spec))
    return ingest_objects.make(folder / "m.npz", folder / "m.json", "{}")[0]


def test_lone_matrices_get_their_numbers(tmp_path: Path) -> None:
    message = refused(tmp_path, A=A, B=B)
    assert (
        "unknown array 'A': matrices have numbers, a single one is 'A0': np.savez(file, A0=A, ..)"
        in message
    )
    assert "'B0'" in message and "pickle" not in message
    assert imported(tmp_path, A0=A, B0=B).num_obs == (3,)
    several = np.stack([A, A])  # what np.savez makes of a list of equal shapes
    assert "A0=A[0], A1=A[1]" in refused(tmp_path, A=several, B0=B)
    assert imported(tmp_path, A0=several[0], A1=several[1], B0=B).num_obs == (3, 3)


def test_object_arrays_are_read_as_pickles_or_saved_one_by_one(tmp_path: Path) -> None:
    stored = {"A": objects(A, A), "B": objects(B)}
    message = refused(tmp_path, **stored)
    for word in (
        "unknown array 'A', an object array",
        "np.savez(file, **{f'A{i}': a for i, a in enumerate(A)}",
        "pickle = true",
        '"semantics": "pymdp-0.0.7" in the .json',
    ):
        assert word in message
    assert unpickled(tmp_path, OLD, **stored).num_obs == (3, 3)
    one_by_one = {f"A{i}": a for i, a in enumerate(stored["A"])} | {
        f"B{i}": b for i, b in enumerate(stored["B"])
    }
    assert imported(tmp_path, **one_by_one).num_obs == (3, 3)


def test_numbered_object_arrays_take_the_same_ways(tmp_path: Path) -> None:
    stored = {"A0": objects(A), "B0": objects(B)}
    message = refused(tmp_path, **stored)
    assert "A0.npy holds object, not numbers" in message and "pickle = true" in message
    model = unpickled(tmp_path, OLD, **stored)
    assert model.num_obs == (3,) and ir.header(model) == ir.header(
        unpickled(tmp_path, OLD, A0=A, B0=B)
    )
    assert np.array_equal(model.A[0], unpickled(tmp_path, OLD, A=objects(A), B=objects(B)).A[0])
    with pytest.raises(ModelError, match="there are A and A0"):
        unpickled(tmp_path, OLD, A=objects(A), A0=A, B=objects(B))
    with pytest.raises(ModelError, match="A0 is missing: A1 are there; numbers begin at 0"):
        unpickled(tmp_path, OLD, A1=A, B=objects(B))


def test_a_pickle_that_does_not_say_its_version_is_told_the_line(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError,
        match="say in m.json .*'pymdp-0.0.7' or 'pymdp-1', as in \"semantics\": \"pymdp-0.0.7\"",
    ):
        unpickled(tmp_path, {}, A=objects(A), B=objects(B))
    changed = {"gamma": 1.0, "alpha": 1.0, "sampling_mode": "full"}
    assert (
        unpickled(
            tmp_path, {"semantics": "pymdp-1"} | changed, A=objects(A), B=objects(B)
        ).semantics
        == "pymdp-1"
    )


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("A_0", "A0"),
        ("A[0]", "A0"),
        ("a0", "A0"),
        ("A.0", "A0"),
        ("A 0", "A0"),
        ("A(0)", "A0"),
        ("A000", "A0"),
        ("a_1", "A1"),
        ("pa0", "pA0"),
        ("PB_0", "pB0"),
        ("E0", "E"),
        ("e", "E"),
        ("policy", "policies"),
        ("Policies", "policies"),
    ],
)
def test_keys_that_are_nearly_right(key: str, meant: str, tmp_path: Path) -> None:
    assert f"unknown array {key!r}; did you mean {meant!r}?" in refused(
        tmp_path, **{"A0": A, "B0": B, key: A}
    )


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("arr_0", ("without names", "A0=..")),
        ("gamma", ("a parameter", ".json")),
        ("policy_len", ("a parameter", ".json")),
        ("num_controls", ("a parameter", ".json")),
        ("observations", ("a parameter", ".json")),
        ("a", ("a single one is 'A0'",)),
        ("d", ("a single one is 'D0'",)),
        ("rewards", ("known: A0",)),
    ],
)
def test_other_keys(key: str, words: tuple[str, ...], tmp_path: Path) -> None:
    message = refused(tmp_path, **{"A0": A, "B0": B, key: A})
    assert f"unknown array {key!r}" in message and all(word in message for word in words), message


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    assert "there is no B" in refused(tmp_path, A0=A)
    assert "there is no A and no B" in refused(tmp_path, D0=np.ones(1))
    assert "A0 is missing: A1, A2 are there; numbers begin at 0" in refused(
        tmp_path, A1=A, A2=A, B0=B
    )
    assert "A0.npy holds c16, not numbers: save it as float64" in refused(
        tmp_path, A0=A.astype(complex), B0=B
    ).replace("<", "")


def test_files_of_other_kinds_are_called_by_their_name(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", A)
    for content, words in (
        ((tmp_path / "one.npy").read_bytes(), "it is an .npy of one array"),
        (pickle.dumps({"A": 1}), "it is a pickle"),
        (b"MATLAB 5.0 MAT-file", "scipy.io.loadmat"),
        (b"\x89HDF\r\n", "h5py"),
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x1f\x8b\x08", "gunzip"),
        (b"something", "File is not a zip file"),
    ):
        (tmp_path / "m.npz").write_bytes(content)
        with pytest.raises(ModelError, match="m.npz: cannot be read as .npz: ") as error:
            ingest.read_npz(tmp_path / "m.npz")
        assert words in str(error.value)
