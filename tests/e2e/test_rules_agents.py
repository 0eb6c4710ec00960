"""The rules of agents, on the example of two rooms: early cutoff, gates and errors."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.requirements import need
from tests.support.small_filesystems import BOTH, EXAMPLES, image
from tests.support.workspace import Ran, Space

Arrays = dict[str, Any]


def edit(space: Space, path: str, old: str, new: str) -> None:
    """Replace a text that occurs once in a file."""
    text = (space.root / path).read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path}"
    space.write(path, text.replace(old, new))


def edit_arrays(space: Space, name: str, change: Callable[[Arrays], object]) -> None:
    """Change the arrays of a model."""
    path = space.root / f"models/{name}.npz"
    with np.load(path) as archive:
        contents = dict(archive)
    change(contents)
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **contents)
    path.write_bytes(data.getvalue())


def edit_spec(space: Space, name: str, **values: Any) -> None:
    """Change parameters of a model; None removes a parameter."""
    path = space.root / f"models/{name}.json"
    parameters = json.loads(path.read_text()) | values
    path.write_text(
        json.dumps({key: value for key, value in parameters.items() if value is not None})
    )


def labels(ran: Ran) -> list[str]:
    """Return `<label> <title>` of each action that ran, sorted."""
    return sorted(
        f"{event['label']} {event['title']}"
        for event in ran.events
        if event["event"] == "done" and event["how"] == "ran"
    )


class TestWhatRunsAgain:
    """The actions that run again after a change, with early cutoff."""

    def test_nothing_in_another_checkout_with_the_same_cache(
        self, rooms: Space, built: Space
    ) -> None:
        again = rooms.build(BOTH)
        assert again.titles() == []
        for export in ("rooms.pi", "rooms.x86"):
            assert image(rooms, export) == image(built, export)

    def test_a_changed_agent_runs_its_actions_and_those_of_the_whole(self, rooms: Space) -> None:
        first = rooms.build(BOTH).digests()
        edit_arrays(
            rooms, "heater", lambda contents: contents.update(C0=np.array([-2.0, 2.5, -3.0]))
        )
        second = rooms.build(BOTH)
        agent = [
            "//coalitions:rooms emit heater",
            "//coalitions:rooms prove heater",
            "//models:heater ingest heater",
            "//models:heater plan",
            "//models:heater probe",
            "//models:heater record nominal behaviour",
        ]
        assert [title for title in labels(second) if "//exports" not in title] == agent
        for board, cpu, core in (("pi", "cortex_a72", "cortex-a72"), ("x86", "x86_64", "x86_64")):
            ran = [
                title.partition(" ")[2]
                for title in labels(second)
                if title.startswith(f"//exports:rooms.{board} ")
            ]
            shared = {"emit the program", "check the agents", "choose the workers"}
            assert set(ran) - shared == {
                f"compile heater for {cpu}",
                f"compile main for {cpu}",
                f"emulate {core}",
                "assemble the image",
                "check the image",
                "link",
                "measure the image",
                "report",
            }
        assert not any(first[name] == digest for name, digest in second.digests().items())
        shutil.copy(EXAMPLES / "npz/models/heater.npz", rooms.root / "models/heater.npz")
        reverted = rooms.build(BOTH)
        assert reverted.titles() == [] and reverted.digests() == first

    def test_a_repacked_npz_runs_only_its_import(self, rooms: Space) -> None:
        path = rooms.root / "models/heater.npz"
        with np.load(path) as archive:
            contents = dict(archive)
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **contents)
        assert rooms.build(BOTH).titles() == ["ingest heater"]

    def test_fields_of_hardware_that_no_tool_reads_change_nothing(self, rooms: Space) -> None:
        edit(
            rooms,
            "BUILD.toml",
            '"raspberry-pi-4b"',
            '"raspberry-pi-4b"\nkernel = "6.1"',
        )
        assert rooms.build(BOTH).titles() == []
        edit(rooms, "BUILD.toml", 'kernel = "6.1"', 'memory = "1GiB"')
        assert rooms.build(BOTH).titles() == ["measure the image"]

    def test_a_power_mode_and_a_board_with_the_same_core_change_one_small_layer(
        self, rooms: Space
    ) -> None:
        edit(rooms, "BUILD.toml", '"raspberry-pi-4b"', '"jetson-orin-nano-8g"')
        orin = rooms.build(BOTH)
        assert {event["label"] for event in orin.events if event["event"] == "started"} == {
            "//exports:rooms.pi"
        }
        edit(
            rooms,
            "BUILD.toml",
            '"jetson-orin-nano-8g"',
            '"jetson-orin-nano-8g"\npower_mode = "15W"',
        )
        of_image = ["assemble the image", "check the image", "measure the image", "report"]
        assert rooms.build(BOTH).titles() == of_image
        edit(
            rooms,
            "BUILD.toml",
            '"jetson-orin-nano-8g"\npower_mode = "15W"',
            '"jetson-agx-orin-64g"',
        )
        assert rooms.build(BOTH).titles() == of_image

    def test_a_longer_probe_is_another_proof_of_the_same_agent(self, rooms: Space) -> None:
        rooms.build(BOTH)
        edit(
            rooms,
            "BUILD.toml",
            '"models/heater.npz"',
            '"models/heater.npz"\nprobe = { episodes = 12, seed = 7 }',
        )
        titles = rooms.build(BOTH).titles()
        assert {"probe", "prove heater", "emit the program", "report"} <= set(titles)
        untouched = ("ingest", "plan", "emit heater", "compile heater", "vent")
        assert not any(word in title for title in titles for word in untouched)
        report = json.loads((rooms.root / "out/exports/rooms.pi/report/report.json").read_text())
        proofs = {name: agent["proof"] for name, agent in report["agents"].items()}
        assert [proofs[name]["steps"] for name in ("heater", "vent")] == [384, 256]
        assert report["image_bytes"] == sum(
            path.stat().st_size
            for path in (rooms.root / "out/exports/rooms.pi/image/blobs/sha256").iterdir()
        )
        edit(rooms, "BUILD.toml", "episodes = 12, seed = 7", "episodes = 0")
        assert "no probe has 0 episodes" in rooms.run("build", BOTH, code=2).err

    def test_a_tick_changes_only_the_main_file(self, rooms: Space) -> None:
        rooms.build(BOTH)
        edit(rooms, "BUILD.toml", "links = [", 'tick = "20ms"\nlinks = [')
        titles = set(rooms.build(BOTH).titles())
        assert {"emit the program", "compile main for x86_64", "link"} <= titles
        assert not any("heater" in title or "vent" in title for title in titles)
        agent = rooms.root / "out/exports/rooms.x86/agent"
        assert (
            subprocess.run([agent, "--selftest"], capture_output=True, check=False).returncode == 0
        )

    def test_a_changed_link_does_not_run_the_actions_of_agents(self, rooms: Space) -> None:
        rooms.build(BOTH)
        edit(
            rooms,
            "BUILD.toml",
            'links = [{ from = "heater.action.burner", to = "vent.observation.burner" }]',
            "",
        )
        titles = rooms.build(BOTH).titles()
        assert titles and not any(
            word in title for title in titles for word in ("heater", "vent", "plan", "probe")
        )


class TestGates:
    """The gates of an export."""

    def test_a_budget_exceeded_fails_the_request_and_leaves_the_image(self, rooms: Space) -> None:
        edit(
            rooms,
            "BUILD.toml",
            'image = "64KB", memory = "256KiB"',
            'image = "1KB", memory = "2KiB"',
        )
        failed = rooms.run("build", "//exports:rooms.x86", code=2)
        image = rooms.root / "out/exports/rooms.x86/image"
        size = sum(path.stat().st_size for path in (image / "blobs/sha256").iterdir())
        assert f"image: needs {size / 1024:.1f} KiB, the budget says 1000 bytes" in failed.err
        assert "memory: needs " in failed.err and "the budget says 2 KiB" in failed.err
        assert "  failed       fitness" in failed.out and "  passed       emulation" in failed.out
        assert (image / "index.json").is_file()

    def test_without_the_emulator_emulation_is_not_checked(
        self, rooms: Space, tmp_path: Path
    ) -> None:
        emulator, bwrap = need("qemu-aarch64-static"), need("bwrap")
        blank = tmp_path / "blank"
        blank.touch(0o644)
        hidden = [
            bwrap,
            "--dev-bind",
            "/",
            "/",
            "--ro-bind",
            str(blank),
            str(Path(emulator).resolve()),
            "--",
        ]
        if subprocess.run([*hidden, "true"], check=False, capture_output=True).returncode:
            pytest.skip("bubblewrap cannot hide a program here")
        result = subprocess.run(
            [*hidden, *rooms.command("build", "//exports:rooms.pi")],
            cwd=rooms.root,
            timeout=300,
            env=rooms.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        assert "not checked  emulation: it needs qemu-aarch64-static" in result.stdout
        assert (rooms.root / "out/exports/rooms.pi/image/index.json").is_file()
        assert "  passed       emulation, fitness" in rooms.run("build", "//exports:rooms.pi").out


class TestOut:
    """Copies of the outputs in a folder of the user, with `--out`."""

    def test_of_one_label_and_of_several(self, rooms: Space, tmp_path: Path) -> None:
        rooms.build("//exports:rooms.x86", "--out", str(tmp_path / "one"))
        assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
            "agent",
            "image",
            "report",
        ]
        assert not any(path.is_symlink() for path in (tmp_path / "one").rglob("*"))
        rooms.build(BOTH, "--out", "../several")
        for board in ("pi", "x86"):
            assert (tmp_path / f"several/exports/rooms.{board}/image/oci-layout").is_file()
        result = subprocess.run(
            [tmp_path / "one/agent", "--selftest"], capture_output=True, check=False
        )
        assert result.returncode == 0


class TestModel:
    """Sources of models, and their errors."""

    def test_errors_of_arrays_name_matrix_column_and_sum(self, rooms: Space) -> None:
        def spoil(contents: Arrays) -> None:
            contents["A0"][:, 1] = 0.25
            contents["B0"][2, 0, 1] = np.nan
            contents["D0"] = np.array([0.5, 0.5])

        edit_arrays(rooms, "heater", spoil)
        stderr = rooms.run("build", "//models:heater", code=2).err
        assert stderr.count("error: //models:heater: heater.npz: ") == 3, stderr
        assert (
            "A0[:,1] sums to 0.75, not to 1" in stderr
            and "B0[2,0,1] is not a finite number" in stderr
        )
        assert "D0 has the shape (2,)" in stderr and "(3,)" in stderr

    def test_unknown_parameters_and_arrays_are_refused_with_a_hint(self, rooms: Space) -> None:
        edit_spec(rooms, "heater", gama=2.0, policy_len="2")
        stderr = rooms.run("build", "//models:heater", code=2).err
        assert (
            "did you mean 'gamma'" in stderr
            and "policy_len = '2' must be of the type int" in stderr
        )
        edit_arrays(rooms, "vent", lambda contents: contents.update(F0=contents.pop("D1")))
        assert "unknown array 'F0'" in rooms.run("build", "//models:vent", code=2).err

    def test_what_native_cannot_do_is_refused_with_every_reason(self, rooms: Space) -> None:
        edit_arrays(
            rooms,
            "vent",
            lambda contents: contents.update(
                {f"p{name}": 4 * contents[name] for name in list(contents) if name.startswith("A")}
            ),
        )
        edit_spec(rooms, "vent", learn_A=True, categorical_obs=True, inference_algo="mmp")
        stderr = rooms.run("build", "//coalitions:rooms", code=2).err
        assert "learn_A = true is not supported" in stderr
        assert "categorical_obs = true" in stderr and "inference_algo = 'mmp'" in stderr

    def test_inference_in_build_toml_overrides_the_source(self, rooms: Space) -> None:
        text = '"models/heater.npz"\ninference = { policy_len = 3, gamma = 4.0 }'
        edit(rooms, "BUILD.toml", '"models/heater.npz"', text)
        rooms.build("//models:heater")
        model = json.loads((rooms.root / "out/models/heater/ir/model.json").read_text())
        assert (model["policy_len"], float.fromhex(model["gamma"])) == (3, 4.0)
        edit(rooms, "BUILD.toml", "gamma = 4.0", "gama = 4.0")
        assert "did you mean 'gamma'" in rooms.run("build", "//models:heater", code=2).err

    def test_invalid_sources_are_refused(self, rooms: Space) -> None:
        edit(rooms, "BUILD.toml", '"models/heater.npz"', '"models/heater.json"')
        edit(rooms, "BUILD.toml", '"models/vent.npz"', '"models/vent.npz"\nargs = { a = 1 }')
        stderr = rooms.run("build", "//models:*", code=2).err
        assert (
            "'models/heater.json' is not a model source" in stderr
            and "args is for .py sources" in stderr
        )
        shutil.copy(rooms.root / "models/heater.npz", rooms.root / "models/lonely.npz")
        edit(rooms, "BUILD.toml", '"models/heater.json"', '"models/lonely.npz"')
        edit(rooms, "BUILD.toml", "\nargs = { a = 1 }", "")
        stderr = rooms.run("build", "//models:heater", code=2).err
        assert "'models/lonely.json'" in stderr and "BUILD.toml:" in stderr


PYTHON = '''
def build(warm=2.0, entry="build"):
    """A heater that sees its room as it is; plain lists, no package."""
    eye = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    cool = [[1.0, 0.7, 0.0], [0.0, 0.3, 0.7], [0.0, 0.0, 0.3]]
    heat = [[0.3, 0.0, 0.0], [0.7, 0.6, 0.0], [0.0, 0.4, 1.0]]
    both = [[list(pair) for pair in zip(*rows)] for rows in zip(cool, heat)]
    rewards, start = [0.0, warm, -2.0], [0.6, 0.3, 0.1]
    return {"A": [eye], "B": [both], "C": [rewards], "D": [start], "policy_len": 2}
'''
EXPORT = """
[models.python]
rule = "model"
source = "models/python.py"
args = { warm = 1.5 }

[coalitions.python]
rule = "coalition"
agents = { heater = "//models:python" }

[exports.python]
rule = "export"
coalition = "//coalitions:python"
hardware = "//hardware:x86"
"""


class TestPythonModel:
    """Models that a function returns."""

    @pytest.fixture
    def python(self, rooms: Space) -> Space:
        """The example and one more export, of a model in plain Python."""
        rooms.write("BUILD.toml", (rooms.root / "BUILD.toml").read_text() + EXPORT)
        rooms.write("models/python.py", PYTHON)
        return rooms

    def test_it_needs_no_package_and_a_comment_runs_only_its_import(self, python: Space) -> None:
        first = python.build("//exports:python")
        assert "ingest python" in first.titles() and "emulate x86_64" in first.titles()
        python.write("models/python.py", PYTHON + "# a comment\n")
        second = python.build("//exports:python")
        assert second.titles() == ["ingest python"] and second.digests() == first.digests()

    def test_its_arguments_come_from_build_toml(self, python: Space) -> None:
        python.build("//models:python")
        data = (python.root / "out/models/python/ir/C0.f64").read_bytes()
        assert np.frombuffer(data, "<f8").tolist() == [0.0, 1.5, -2.0]
        edit(python, "BUILD.toml", "{ warm = 1.5 }", "{ warm = 1.5, colour = 1 }")
        assert (
            "unexpected keyword argument 'colour'"
            in python.run("build", "//models:python", code=2).err
        )

    def test_its_errors_name_the_line(self, python: Space) -> None:
        python.write("models/python.py", "import numpy\n\ndef build(warm):\n    return [1 / 0]\n")
        assert (
            "python.py, line 4: ZeroDivisionError"
            in python.run("build", "//models:python", code=2).err
        )
        python.write("models/python.py", "import jax\n")
        stderr = python.run("build", "//models:python", code=2).err
        assert "line 1: ModuleNotFoundError: No module named 'jax'" in stderr
        python.write("models/python.py", "def built():\n    return {}\n")
        assert "has no function 'build'" in python.run("build", "//models:python", code=2).err

    def test_it_sees_only_its_file_and_no_home(self, python: Space) -> None:
        look = "import os\nraise ValueError(sorted(os.listdir('models')), os.environ['HOME'])\n"
        python.write("models/python.py", look)
        stderr = python.run("build", "//models:python", code=2).err
        assert "ValueError: (['python.py'], '/nonexistent')" in stderr, stderr


class TestCoalition:
    """Names and links of agents."""

    @pytest.mark.parametrize(
        "link, message",
        [
            ('{ from = "heater.action.burner" }', "a link has the keys from and to"),
            (
                '{ from = "heater.burner", to = "vent.observation.burner" }',
                "'heater.burner' is not a port",
            ),
            (
                '{ from = "heater.action.burner", to = "vent.action.flap" }',
                "to requires <agent>.observation.<name or number>",
            ),
            (
                '{ from = "heter.action.burner", to = "vent.observation.burner" }',
                "did you mean 'heater'",
            ),
        ],
    )
    def test_malformed_links_are_refused_before_any_action_runs(
        self, rooms: Space, link: str, message: str
    ) -> None:
        edit(
            rooms,
            "BUILD.toml",
            '{ from = "heater.action.burner", to = "vent.observation.burner" }',
            link,
        )
        refused = rooms.run("build", BOTH, code=2).err
        assert message in refused and "BUILD.toml:18:" in refused, refused

    def test_links_that_do_not_fit_are_refused_together(self, rooms: Space) -> None:
        edit(
            rooms,
            "BUILD.toml",
            "links = [",
            """links = [
            { from = "heater.action.boiler", to = "vent.observation.felt" },
            { from = "vent.action.flap", to = "heater.observation.7" },
            { from = "vent.action.flap", to = "vent.observation.burner" },""",
        )
        stderr = rooms.run("build", "//exports:rooms.x86", code=2).err
        assert (
            "heater has no action 'boiler'" in stderr and "heater has no observation '7'" in stderr
        )

    def test_names_of_agents(self, rooms: Space) -> None:
        edit(rooms, "BUILD.toml", "{ heater = ", '{ "2nd heater" = ')
        assert "'2nd heater' is not a name of an agent" in rooms.run("build", BOTH, code=2).err


class TestHardware:
    """The catalogue of boards."""

    def test_an_unknown_profile_and_an_unknown_power_mode(self, rooms: Space) -> None:
        edit(rooms, "BUILD.toml", '"raspberry-pi-4b"', '"raspbery-pi-4b"')
        edit(rooms, "BUILD.toml", '"x86-64-generic"', '"jetson-nano"\npower_mode = "15W"')
        stderr = rooms.run("build", BOTH, code=2).err
        assert (
            "no hardware profile 'raspbery-pi-4b'" in stderr
            and "did you mean 'raspberry-pi-4b'?" in stderr
        )
        assert (
            "NVIDIA Jetson Nano has no power mode '15W'" in stderr
            and "did you mean '5W'?" in stderr
        )
