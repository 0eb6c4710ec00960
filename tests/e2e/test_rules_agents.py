"""The rules of agents, on the example of two rooms: what runs again after which change, and what is refused."""

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
    """Replace what must be there, once."""
    text = (space.root / path).read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
    space.write(path, text.replace(old, new))


def arrays(space: Space, name: str, change: Callable[[Arrays], object]) -> None:
    """Change the arrays of a model."""
    path = space.root / f"models/{name}.npz"
    with np.load(path) as held:
        found = dict(held)
    change(found)
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **found)
    path.write_bytes(data.getvalue())


def spec(space: Space, name: str, **values: Any) -> None:
    """Change parameters of a model; None takes one away."""
    path = space.root / f"models/{name}.json"
    found = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))


def labels(ran: Ran) -> list[str]:
    """`<label> <title>` of each action that ran, sorted."""
    return sorted(
        f"{event['label']} {event['title']}"
        for event in ran.events
        if event["event"] == "done" and event["how"] == "ran"
    )


class TestWhatRunsAgain:
    """Early cutoff, as the chain of agents has it."""

    def test_nothing_in_another_checkout_with_the_same_cache(
        self, rooms: Space, built: Space
    ) -> None:
        again = rooms.build(BOTH)
        assert again.titles() == []
        for export in ("rooms.pi", "rooms.x86"):
            assert image(rooms, export) == image(built, export)

    def test_one_agent_changed_is_that_agent_and_what_holds_all(self, rooms: Space) -> None:
        first = rooms.build(BOTH).digests()
        arrays(rooms, "heater", lambda found: found.update(C0=np.array([-2.0, 2.5, -3.0])))
        second = rooms.build(BOTH)
        agent = [
            "//coalitions:rooms emit heater",
            "//coalitions:rooms prove heater",
            "//models:heater ingest heater",
            "//models:heater plan",
            "//models:heater probe",
        ]
        assert [title for title in labels(second) if "//exports" not in title] == agent
        for board, cpu, core in (("pi", "cortex_a72", "cortex-a72"), ("x86", "x86_64", "x86_64")):
            ran = [
                title.partition(" ")[2]
                for title in labels(second)
                if title.startswith(f"//exports:rooms.{board} ")
            ]
            assert set(ran) - {"emit the program"} == {
                f"compile heater for {cpu}",
                f"compile main for {cpu}",
                f"emulate {core}",
                "assemble the image",
                "link",
                "measure the image",
                "report",
            }
        assert not any(first[name] == digest for name, digest in second.digests().items())
        shutil.copy(EXAMPLES / "npz/models/heater.npz", rooms.root / "models/heater.npz")
        reverted = rooms.build(BOTH)
        assert reverted.titles() == [] and reverted.digests() == first

    def test_an_npz_packed_otherwise_is_ingested_and_no_more(self, rooms: Space) -> None:
        path = rooms.root / "models/heater.npz"
        with np.load(path) as held:
            found = dict(held)
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **found)
        assert rooms.build(BOTH).titles() == ["ingest heater"]

    def test_fields_of_hardware_that_no_tool_reads_change_nothing(self, rooms: Space) -> None:
        edit(
            rooms,
            "BUILD.toml",
            '"raspberry-pi-4b"',
            '"raspberry-pi-4b"\ncores = 2\nmemory = "1GiB"',
        )
        assert rooms.build(BOTH).titles() == []

    def test_a_power_mode_changes_nothing_and_a_board_with_the_same_core_the_report(
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
        assert rooms.build(BOTH).titles() == []
        edit(
            rooms,
            "BUILD.toml",
            '"jetson-orin-nano-8g"\npower_mode = "15W"',
            '"jetson-agx-orin-64g"',
        )
        assert rooms.build(BOTH).titles() == ["report"]

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

    def test_a_tick_is_the_main_file_alone(self, rooms: Space) -> None:
        rooms.build(BOTH)
        edit(rooms, "BUILD.toml", "links = [", 'tick = "20ms"\nlinks = [')
        titles = set(rooms.build(BOTH).titles())
        assert {"emit the program", "compile main for x86_64", "link"} <= titles
        assert not any("heater" in title or "vent" in title for title in titles)
        agent = rooms.root / "out/exports/rooms.x86/agent"
        assert (
            subprocess.run([agent, "--selftest"], capture_output=True, check=False).returncode == 0
        )

    def test_a_changed_link_leaves_the_agents_alone(self, rooms: Space) -> None:
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
    """What an export must pass."""

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
        assert f"image: {size} bytes, the budget is 1000" in failed.err
        assert "memory: " in failed.err and "the budget is 2048" in failed.err
        assert "  failed       fitness" in failed.out and "  passed       emulation" in failed.out
        assert (image / "index.json").is_file()

    def test_a_time_that_needs_the_board_is_not_checked(self, rooms: Space) -> None:
        edit(rooms, "BUILD.toml", 'memory = "256KiB"', 'memory = "256KiB", step_p99 = "5ms"')
        done = rooms.run("build", "//exports:rooms.pi")
        assert "not checked  step_p99: it needs a raspberry-pi-4b to measure on" in done.out

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
        done = subprocess.run(
            [*hidden, *rooms.command("build", "//exports:rooms.pi")],
            cwd=rooms.root,
            timeout=300,
            env=rooms.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "not checked  emulation: it needs qemu-aarch64-static" in done.stdout
        assert (rooms.root / "out/exports/rooms.pi/image/index.json").is_file()
        assert "  passed       emulation, fitness" in rooms.run("build", "//exports:rooms.pi").out


class TestOut:
    """Copies of the outputs in a folder of the user's."""

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
        done = subprocess.run(
            [tmp_path / "one/agent", "--selftest"], capture_output=True, check=False
        )
        assert done.returncode == 0


class TestModel:
    """Sources of models, and what is refused."""

    def test_faults_of_arrays_name_matrix_column_and_sum(self, rooms: Space) -> None:
        def spoil(found: Arrays) -> None:
            found["A0"][:, 1] = 0.25
            found["B0"][2, 0, 1] = np.nan
            found["D0"] = np.array([0.5, 0.5])

        arrays(rooms, "heater", spoil)
        said = rooms.run("build", "//models:heater", code=2).err
        assert said.count("error: //models:heater: heater.npz: ") == 3, said
        assert (
            "A0[:,1] sums to 0.75, not to 1" in said and "B0[2,0,1] is not a finite number" in said
        )
        assert "D0 has the shape (2,)" in said and "(3,)" in said

    def test_unknown_words_and_names_are_refused_with_a_hint(self, rooms: Space) -> None:
        spec(rooms, "heater", gama=2.0, policy_len="2")
        said = rooms.run("build", "//models:heater", code=2).err
        assert "did you mean 'gamma'" in said and "policy_len = '2' must be of the type int" in said
        arrays(rooms, "vent", lambda found: found.update(F0=found.pop("D1")))
        assert "unknown array 'F0'" in rooms.run("build", "//models:vent", code=2).err

    def test_what_native_cannot_do_is_refused_with_every_reason(self, rooms: Space) -> None:
        arrays(
            rooms,
            "vent",
            lambda found: found.update(
                {f"p{name}": 4 * found[name] for name in list(found) if name.startswith("A")}
            ),
        )
        spec(rooms, "vent", learn_A=True, categorical_obs=True, inference_algo="mmp")
        said = rooms.run("build", "//coalitions:rooms", code=2).err
        assert "learn_A = true: native does not have this" in said
        assert "categorical_obs = true" in said and "inference_algo = 'mmp'" in said

    def test_inference_in_build_toml_overrides_the_source(self, rooms: Space) -> None:
        text = '"models/heater.npz"\ninference = { policy_len = 3, gamma = 4.0 }'
        edit(rooms, "BUILD.toml", '"models/heater.npz"', text)
        rooms.build("//models:heater")
        made = json.loads((rooms.root / "out/models/heater/ir/model.json").read_text())
        assert (made["policy_len"], float.fromhex(made["gamma"])) == (3, 4.0)
        edit(rooms, "BUILD.toml", "gamma = 4.0", "gama = 4.0")
        assert "did you mean 'gamma'" in rooms.run("build", "//models:heater", code=2).err

    def test_sources_that_are_none(self, rooms: Space) -> None:
        edit(rooms, "BUILD.toml", '"models/heater.npz"', '"models/heater.json"')
        edit(rooms, "BUILD.toml", '"models/vent.npz"', '"models/vent.npz"\nargs = { a = 1 }')
        said = rooms.run("build", "//models:*", code=2).err
        assert (
            "'models/heater.json' is not a model source" in said
            and "args is for .py sources" in said
        )
        shutil.copy(rooms.root / "models/heater.npz", rooms.root / "models/lonely.npz")
        edit(rooms, "BUILD.toml", '"models/heater.json"', '"models/lonely.npz"')
        edit(rooms, "BUILD.toml", "\nargs = { a = 1 }", "")
        said = rooms.run("build", "//models:heater", code=2).err
        assert "'models/lonely.json'" in said and "BUILD.toml:" in said


PYTHON = '''
def build(warm=2.0, entry="build"):
    """A heater that sees its room as it is; plain lists, no package."""
    eye = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    cool = [[1.0, 0.7, 0.0], [0.0, 0.3, 0.7], [0.0, 0.0, 0.3]]
    heat = [[0.3, 0.0, 0.0], [0.7, 0.6, 0.0], [0.0, 0.4, 1.0]]
    both = [[list(pair) for pair in zip(*rows)] for rows in zip(cool, heat)]
    return {"A": [eye], "B": [both], "C": [[0.0, warm, -2.0]], "D": [[0.6, 0.3, 0.1]], "policy_len": 2}
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

    def test_it_needs_no_package_and_a_comment_in_it_runs_the_ingestion_alone(
        self, python: Space
    ) -> None:
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

    def test_its_faults_are_told_with_the_line(self, python: Space) -> None:
        python.write("models/python.py", "import numpy\n\ndef build(warm):\n    return [1 / 0]\n")
        assert (
            "python.py, line 4: ZeroDivisionError"
            in python.run("build", "//models:python", code=2).err
        )
        python.write("models/python.py", "import jax\n")
        said = python.run("build", "//models:python", code=2).err
        assert "line 1: ModuleNotFoundError: No module named 'jax'" in said
        python.write("models/python.py", "def built():\n    return {}\n")
        assert "has no function 'build'" in python.run("build", "//models:python", code=2).err

    def test_it_sees_itself_alone_and_no_home(self, python: Space) -> None:
        look = "import os\nraise ValueError(sorted(os.listdir('models')), os.environ['HOME'])\n"
        python.write("models/python.py", look)
        said = python.run("build", "//models:python", code=2).err
        assert "ValueError: (['python.py'], '/nonexistent')" in said, said


class TestCoalition:
    """Names and links of agents."""

    @pytest.mark.parametrize(
        "link, said",
        [
            ('{ from = "heater.action.burner" }', "a link has the keys from and to"),
            (
                '{ from = "heater.burner", to = "vent.observation.burner" }',
                "'heater.burner' is not a port",
            ),
            (
                '{ from = "heater.action.burner", to = "vent.action.flap" }',
                "to wants <agent>.observation.<name or number>",
            ),
            (
                '{ from = "heter.action.burner", to = "vent.observation.burner" }',
                "did you mean 'heater'",
            ),
        ],
    )
    def test_links_that_are_none_are_refused_before_anything_runs(
        self, rooms: Space, link: str, said: str
    ) -> None:
        edit(
            rooms,
            "BUILD.toml",
            '{ from = "heater.action.burner", to = "vent.observation.burner" }',
            link,
        )
        refused = rooms.run("build", BOTH, code=2).err
        assert said in refused and "BUILD.toml:18:" in refused, refused

    def test_links_that_do_not_fit_are_refused_all_at_once(self, rooms: Space) -> None:
        edit(
            rooms,
            "BUILD.toml",
            "links = [",
            """links = [
            { from = "heater.action.boiler", to = "vent.observation.felt" },
            { from = "vent.action.flap", to = "heater.observation.7" },
            { from = "vent.action.flap", to = "vent.observation.burner" },""",
        )
        said = rooms.run("build", "//exports:rooms.x86", code=2).err
        assert "heater has no action 'boiler'" in said and "heater has no observation '7'" in said

    def test_names_of_agents(self, rooms: Space) -> None:
        edit(rooms, "BUILD.toml", "{ heater = ", '{ "2nd heater" = ')
        assert "'2nd heater' is not a name of an agent" in rooms.run("build", BOTH, code=2).err


class TestHardware:
    """The catalogue of boards."""

    def test_an_unknown_profile_and_an_unknown_power_mode(self, rooms: Space) -> None:
        edit(rooms, "BUILD.toml", '"raspberry-pi-4b"', '"raspbery-pi-4b"')
        edit(rooms, "BUILD.toml", '"x86-64-generic"', '"jetson-nano"\npower_mode = "15W"')
        said = rooms.run("build", BOTH, code=2).err
        assert (
            "no hardware profile 'raspbery-pi-4b'" in said
            and "did you mean 'raspberry-pi-4b'?" in said
        )
        assert "jetson-nano has no power mode '15W'" in said and "did you mean '5W'?" in said
