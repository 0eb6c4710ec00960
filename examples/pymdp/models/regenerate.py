"""Write the .npz and .json of each model source: `python3 regenerate.py [folder]`.

It requires pymdp 1.0.4. The arrays are those the sources return, as float64 before any
normalisation, under sorted names: the same source gives the same bytes.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
NAMES = ("cue_chaining", "graph_world", "grid_world", "tmaze")
PARAMETERS = (
    "policy_len",
    "gamma",
    "alpha",
    "num_iter",
    "inference_algo",
    "inference_horizon",
    "action_selection",
    "sampling_mode",
    "use_utility",
    "use_states_info_gain",
    "use_param_info_gain",
    "use_inductive",
    "inductive_depth",
    "inductive_threshold",
    "inductive_epsilon",
    "categorical_obs",
    "learning_mode",
    "learn_A",
    "learn_B",
    "learn_C",
    "learn_D",
    "learn_E",
)


def built(name: str) -> dict[str, Any]:
    """Run build() of one source; an Agent is turned into its arrays and parameters."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model: dict[str, Any] = module.build()
    return {**_of_agent(model.pop("agent")), **model} if "agent" in model else model


def _of_agent(agent: Any) -> dict[str, Any]:
    arrays = {letter: [array[0] for array in getattr(agent, letter)] for letter in "ABCD"}
    parameters = {key: getattr(agent, key) for key in PARAMETERS}
    return {
        **arrays,
        "A_dependencies": agent.A_dependencies,
        "B_dependencies": agent.B_dependencies,
        "num_controls": agent.num_controls,
        **{key: _scalar(value) for key, value in parameters.items()},
    }


def _scalar(value: Any) -> Any:
    """The shortest decimal of a float32 scalar, everything else as it is."""
    return float(str(np.asarray(value)[0])) if hasattr(value, "dtype") else value


def arrays_of(model: dict[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """A0, A1, .., B0, .. as float64."""
    return {
        f"{letter}{i}": np.asarray(array, dtype=np.float64)
        for letter in "ABCD"
        for i, array in enumerate(model[letter])
    }


def write(name: str, folder: Path) -> None:
    """Write `name`.npz and `name`.json."""
    model = built(name)
    np.savez(folder / f"{name}.npz", allow_pickle=False, **arrays_of(model))
    spec = {
        "semantics": "pymdp-1",
        **{key: value for key, value in model.items() if key not in "ABCD"},
    }
    (folder / f"{name}.json").write_text(json.dumps(spec, indent=1) + "\n")


if __name__ == "__main__":
    for each in NAMES:
        write(each, Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
