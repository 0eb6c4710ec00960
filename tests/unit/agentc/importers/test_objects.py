"""Object arrays of pymdp 0.0.7: read without running anything, with the defaults of their version,
or refused with reasons.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import import_objects
import numpy as np
import pytest
from agentc.importers import objects as ingest_objects
from agentc.importers.parameters import LEGACY_DEFAULTS
from agentc.ir import files as ir
from agentc.ir.types import ModelError

from tests.support.small_models import columns

RNG = np.random.default_rng(4)
A, B = columns(RNG, 3, 4), columns(RNG, 4, 4, 2)
OLD = {"semantics": "pymdp-0.0.7"}


def objects(*arrays: Any) -> np.ndarray[Any, Any]:
    """A list of matrices as pymdp 0.0.7 keeps it."""
    array = np.empty(len(arrays), dtype=object)
    array[:] = arrays
    return array


def imported(folder: Path, spec: dict[str, Any], inference: str = "{}", **arrays: Any) -> ir.Model:
    """The model of an archive with these arrays."""
    np.savez(folder / "m.npz", allow_pickle=True, **arrays)
    (folder / "m.json").write_text(json.dumps(spec))
    return ingest_objects.make(folder / "m.npz", folder / "m.json", inference)[0]


def refused(folder: Path, spec: dict[str, Any], **arrays: Any) -> str:
    """Every error of such an archive."""
    with pytest.raises(ModelError) as error:
        imported(folder, spec, **arrays)
    return "\n".join(error.value.errors)


def test_the_defaults_are_those_of_the_version(tmp_path: Path) -> None:
    model = imported(tmp_path, OLD | {"inference_algo": "VANILLA"}, A=objects(A), B=objects(B))
    assert (model.gamma, model.alpha, model.sampling_mode, model.semantics) == (
        16.0,
        16.0,
        "marginal",
        "pymdp-0.0.7",
    )
    assert model.inference_algo == "fpi" and np.array_equal(model.A[0], A / A.sum(axis=0))
    assert (
        imported(tmp_path, OLD | {"gamma": 2.0}, '{"alpha": 3.0}', A=objects(A), B=objects(B)).alpha
        == 3.0
    )


def test_preferences_over_time_are_turned(tmp_path: Path) -> None:
    over_time = RNG.normal(size=(3, 2))
    model = imported(
        tmp_path, OLD | {"policy_len": 2}, A=objects(A), B=objects(B), C=objects(over_time)
    )
    assert np.array_equal(model.C[0], over_time.T) and model.C_time_varying == (True,)


def test_several_modalities_or_factors_keep_their_meaning_or_are_taken_as_the_other(
    tmp_path: Path,
) -> None:
    two = objects(columns(RNG, 3, 4, 2), columns(RNG, 2, 4, 2))
    kept = imported(tmp_path, OLD, A=two, B=objects(B, columns(RNG, 2, 2, 1)))
    assert kept.legacy and kept.num_iter == 10 and kept.gamma == 16.0
    output = refused(
        tmp_path,
        OLD | {"use_param_info_gain": True},
        A=two,
        B=objects(B, columns(RNG, 2, 2, 1)),
        pA=two,
    )
    assert "with use_param_info_gain = True: of that version only False is supported" in output
    output = refused(tmp_path, {"semantics": "pymdp-1"}, A=two, B=objects(B, columns(RNG, 2, 2, 1)))
    assert all(
        name in output
        for name in ("gamma is not set", "alpha is not set", "sampling_mode is not set")
    )
    model = imported(
        tmp_path,
        {"semantics": "pymdp-1", **LEGACY_DEFAULTS},
        A=two,
        B=objects(B, columns(RNG, 2, 2, 1)),
    )
    assert model.A_dependencies == ((0, 1), (0, 1))


def test_whose_meaning_it_is_must_be_said(tmp_path: Path) -> None:
    assert "'pymdp-0.0.7' or 'pymdp-1'" in refused(tmp_path, {}, A=objects(A), B=objects(B))
    assert "unknown array 'a'" in refused(tmp_path, OLD, a=objects(A), B=objects(B))


def test_a_dict_in_one_file_is_the_same_model(tmp_path: Path) -> None:
    model = imported(tmp_path, OLD, A=objects(A), B=objects(B))
    tables: Any = {"A": objects(A), "B": B, "policies": None}
    np.save(tmp_path / "m.npy", tables, allow_pickle=True)
    other, _ = ingest_objects.make(tmp_path / "m.npy", tmp_path / "m.json", "{}")
    assert ir.header(model) == ir.header(other) and np.array_equal(model.B[0], other.B[0])
    np.save(tmp_path / "m.npy", A)
    with pytest.raises(ModelError, match="holds one array"):
        ingest_objects.make(tmp_path / "m.npy", tmp_path / "m.json", "{}")


class Evil:
    """An object whose unpickling runs a command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def test_nothing_runs(tmp_path: Path) -> None:
    output = refused(tmp_path, OLD, A=objects(Evil(tmp_path / "ran")), B=objects(B))
    assert "system: only arrays are read" in output and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "payload",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy.core.multiarray\nfromfile\n.",
        b"c__main__\nx\n.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93.",
        b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        b"P1\n.",
        b"",
        b"N.",
    ],
)
def test_no_other_name_is_known(payload: bytes, tmp_path: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|O", "fortran_order": False, "shape": (1,)}
    )
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("A.npy", head.getvalue() + payload)
    (tmp_path / "m.json").write_text(json.dumps(OLD))
    with pytest.raises(ModelError):
        ingest_objects.make(tmp_path / "m.npz", tmp_path / "m.json", "{}")


def test_mutated_files_end_in_faults(tmp_path: Path) -> None:
    """Bytes of a pickle changed at random: a ModelError or a model, no other exception."""
    drawn = random.Random(7)
    tables: Any = {"A": objects(A), "B": objects(B)}
    np.save(tmp_path / "m.npy", tables, allow_pickle=True)
    good = (tmp_path / "m.npy").read_bytes()
    (tmp_path / "m.json").write_text(json.dumps(OLD))
    output = 0
    for _ in range(1500):
        bad = bytearray(good)
        for _ in range(drawn.randint(1, 3)):
            bad[drawn.randrange(len(bad))] = drawn.randrange(256)
        (tmp_path / "m.npy").write_bytes(
            bytes(bad[: drawn.randint(1, len(bad))] if drawn.random() < 0.2 else bad)
        )
        try:
            ingest_objects.make(tmp_path / "m.npy", tmp_path / "m.json", "{}")
        except ModelError as error:
            output += bool(error.errors)
    assert output > 200


def test_the_program_ends_with_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.json").write_text(json.dumps(OLD))
    (tmp_path / "m.npz").write_bytes(pickle.dumps([A]))
    words = [
        "--source",
        str(tmp_path / "m.npz"),
        "--spec",
        str(tmp_path / "m.json"),
        "--out",
        str(tmp_path / "ir"),
    ]
    assert import_objects.main(words) == 1 and "m.npz: 1 error" in capsys.readouterr().err
    np.savez(tmp_path / "m.npz", allow_pickle=True, A=objects(A), B=objects(B))
    assert import_objects.main(words) == 0 and ir.load(tmp_path / "ir").gamma == 16.0
