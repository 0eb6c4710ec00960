"""Write the two models of this example (requires numpy): `python3 make_models.py [folder]`.

Two rooms. In the first a thermostat, `heater`, reads a thermometer that is right 8 times in 10 and
switches its burner; in the second `vent` hears whether the burner runs, and opens to take warmth
over or closes against the draught. Every column of A, B and D is a distribution: its entries, along
the first axis, sum to 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent / "models"
Arrays = dict[str, NDArray[np.float64]]
WARMTH = ["cold", "fine", "hot"]


def columns(*values: list[float]) -> NDArray[np.float64]:
    """A matrix from its columns."""
    return np.array(values, dtype=np.float64).T


def heater() -> tuple[Arrays, dict[str, Any]]:
    """One hidden factor, the room's warmth, moved by the burner; one modality, the thermometer."""
    arrays = {
        "A0": columns([0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]),
        # B0[warmth next][warmth now][burner]: a room without heat cools, one with heat warms.
        "B0": np.stack(
            [
                columns([1.0, 0.0, 0.0], [0.7, 0.3, 0.0], [0.0, 0.7, 0.3]),
                columns([0.3, 0.7, 0.0], [0.0, 0.6, 0.4], [0.0, 0.0, 1.0]),
            ],
            axis=2,
        ),
        "C0": np.array([-2.0, 2.0, -3.0]),
        "D0": np.array([0.6, 0.3, 0.1]),
    }
    spec = {
        "policy_len": 2,
        "gamma": 8.0,
        "observations": {"thermometer": {"elements": WARMTH, "depends_on": ["room"]}},
        "states": {
            "room": {"elements": WARMTH, "depends_on": ["room"], "controlled_by": ["burner"]}
        },
        "controls": {"burner": {"elements": ["off", "on"]}},
    }
    return arrays, spec


def vent() -> tuple[Arrays, dict[str, Any]]:
    """Two hidden factors: the flap, which it moves, and the neighbour's burner, which it hears."""
    arrays = {
        "A0": columns([0.95, 0.05], [0.05, 0.95]),
        # A1[felt][flap][neighbour]: an open flap lets in warmth while the neighbour heats, else a
        # draught.
        "A1": np.stack(
            [columns([0.3, 0.6, 0.1], [0.8, 0.2, 0.0]), columns([0.3, 0.6, 0.1], [0.0, 0.7, 0.3])],
            axis=2,
        ),
        "B0": np.stack([columns([1.0, 0.0], [1.0, 0.0]), columns([0.0, 1.0], [0.0, 1.0])], axis=2),
        "B1": columns([0.8, 0.2], [0.2, 0.8])[:, :, None],
        "C0": np.zeros(2),
        "C1": np.array([-2.0, 2.0, -1.0]),
        "D0": np.array([1.0, 0.0]),
        "D1": np.array([0.5, 0.5]),
    }
    spec = {
        "policy_len": 1,
        "gamma": 8.0,
        "observations": {
            "burner": {"elements": ["off", "on"], "depends_on": ["neighbour"]},
            "felt": {"elements": WARMTH, "depends_on": ["flap", "neighbour"]},
        },
        "states": {
            "flap": {
                "elements": ["closed", "open"],
                "depends_on": ["flap"],
                "controlled_by": ["flap"],
            },
            "neighbour": {"elements": ["idle", "heating"], "depends_on": ["neighbour"]},
        },
        "controls": {"flap": {"elements": ["close", "open"]}},
    }
    return arrays, spec


def write(folder: Path) -> None:
    """Write heater and vent, each as .npz and .json; the same bytes every time."""
    for make in (heater, vent):
        arrays, spec = make()
        np.savez(folder / f"{make.__name__}.npz", allow_pickle=False, **arrays)
        (folder / f"{make.__name__}.json").write_text(json.dumps(spec, indent=1) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
