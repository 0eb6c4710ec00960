"""Every kind of source gets its own tool, and words that are for another kind are refused with the
place.
"""

from __future__ import annotations

from typing import Any

import pytest

from buildgraph import BuildError, Duration, Globs, Source
from rules.model import Rewards, model
from tests.support.rule_context import ctx, maker


@pytest.mark.parametrize(
    ("name", "options", "tool", "words"),
    [
        ("p/a.pomdp", {}, "import_pomdp", ()),
        ("p/a.POMDP", {}, "import_pomdp", ()),
        ("p/a.pomdp", {"preferences": {}}, "import_pomdp", ("--preferences", "{}")),
        (
            "p/a.pomdp",
            {"preferences": {"y": 2.0, "x": 1.0}},
            "import_pomdp",
            ("--preferences", '{"x": 1.0, "y": 2.0}'),
        ),
        (
            "p/a.pomdp",
            {"rewards": Rewards("observed", 0.5, True)},
            "import_pomdp",
            ("--rewards", "observed", "--reward-scale", "0.5", "--reward-gain"),
        ),
        ("p/a.npy", {"pickle": True}, "import_objects", ("--spec", "p/a.json")),
        ("p/a.npz", {"pickle": True}, "import_objects", ("--spec", "p/a.json")),
        ("p/a.md", {}, "import_gnn", ("--layout", "{}")),
        (
            "p/a.md",
            {"layout": {"B": "action,previous,next"}},
            "import_gnn",
            ("--layout", '{"B": "action,previous,next"}'),
        ),
        (
            "p/a.py",
            {"inputs": Globs((Source("p/helper.py"),))},
            "import_python",
            ("--entry", "build"),
        ),
    ],
)
def test_tools_by_suffix(
    name: str, options: dict[str, Any], tool: str, words: tuple[str, ...]
) -> None:
    action = maker(model(ctx(), Source(name), **options).ir)
    assert f"tools/{tool}.py" in action.argv and ("--source", name) == action.argv[5:7]
    assert words == action.argv[7 : 7 + len(words)] and ("--preferences" in action.argv) == (
        "preferences" in options
    )
    assert (name, Source(name)) in action.inputs and action.distributions == ("numpy",)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("p/a.npz", {"layout": {"B": "next"}}, "layout is for .md sources"),
        ("p/a.npz", {"preferences": {}}, "preferences is for .pomdp sources"),
        ("p/a.npz", {"packages": ("x",)}, "packages is for .py sources"),
        ("p/a.md", {"spec": Source("p/b.json")}, "spec is for .npz sources"),
        ("p/a.pomdp", {"entry": "other"}, "entry is for .py sources"),
        ("p/a.npy", {}, "an .npy that holds several matrices is a pickle"),
        ("p/a.md", {"pickle": True}, "pickle is for .npz sources"),
        ("p/a.txt", {}, "'p/a.txt' is not a model source"),
        ("p/a.npz", {"rewards": Rewards("observed")}, "rewards is for .pomdp sources"),
        ("p/a.npz", {"inputs": Globs((Source("p/b.py"),))}, "inputs is for .py sources"),
        ("p/a.md", {"timeout": Duration(1_000_000_000)}, "timeout is for .py sources"),
        (
            "p/a.pomdp",
            {"rewards": Rewards("observed"), "preferences": {}},
            "preferences replace the rewards",
        ),
        ("p/a.pomdp", {"rewards": Rewards(scale=0.0)}, "is not a positive number"),
        ("p/a.pomdp", {"rewards": Rewards(scale=float("inf"))}, "is not a positive number"),
        ("p/a.pomdp", {"rewards": Rewards("preferences", 1.0, True)}, "is for observed rewards"),
    ],
)
def test_refusals(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BuildError, match=message) as fault:
        model(ctx(), Source(name), **options)
    assert fault.value.at is not None


def test_inputs_of_a_python_model_are_staged_where_they_stand_and_its_time_is_its_own() -> None:
    values = Globs((Source("p/helper.py"), Source("p/data/x.csv")))
    action = maker(
        model(ctx(), Source("p/a.py"), inputs=values, timeout=Duration(90_000_000_000)).ir
    )
    assert {
        ("p/helper.py", Source("p/helper.py")),
        ("p/data/x.csv", Source("p/data/x.csv")),
    } <= set(action.inputs)
    assert action.timeout == 90 and maker(model(ctx(), Source("p/a.py")).ir).timeout == 600


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("p/a.json", ("name the .npz", "`spec` names it")),
        ("p/a.mat", ("scipy.io.loadmat", "np.savez", "model.json")),
        ("p/a.pkl", ("np.savez", "model.json beside it", "{} for the defaults")),
        ("p/a.h5", ("np.savez",)),
        ("p/a.PT", ("np.savez",)),
        ("p/a.ipynb", ("function `build`",)),
        ("p/a", ("an .npz with its .json",)),
        ("p/a.npy", ("pickle = true", ".npz")),
    ],
)
def test_files_of_other_kinds_are_led_to_one_that_is_read(
    name: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(BuildError) as fault:
        model(ctx(), Source(name))
    assert all(word in (fault.value.fix or "") for word in words), fault.value.fix
