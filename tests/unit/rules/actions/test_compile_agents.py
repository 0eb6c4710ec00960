"""Actions that the rules of agents declare: shared ones, and the arguments of each."""

from __future__ import annotations

import pytest

from buildgraph import Content, Duration, Size, Source
from buildgraph.types.action import Output
from rules.actions.monitor import Monitor
from rules.coalition import Agent, Coalition, coalition
from rules.export import Budget, Export, export
from rules.hardware import Hardware, hardware
from rules.model import Inference, model
from tests.support.rule_context import chain, ctx, maker, written

HEATER, VENT = Source("package/heater.npz"), Source("package/vent.npz")
LINK = {"from": "heater.action.0", "to": "vent.observation.0"}


def rooms(label: str = "//c:rooms") -> Coalition:
    """Two linked agents."""
    agents = {
        "heater": Agent(model(ctx("//m:heater"), HEATER)),
        "vent": Agent(model(ctx("//m:vent"), VENT)),
    }
    return coalition(ctx(label), agents, (LINK,))


def exported(board: Hardware, budget: Budget = Budget()) -> Export:
    """The two agents for a board."""
    return export(ctx("//e:rooms"), rooms(), board, budget)


def everything(built: Export) -> list[tuple[object, ...]]:
    """All that is done for an export, gates too."""
    return written(chain(built.image, *(gate.verdict for gate in built.gates)))


def test_the_json_beside_the_arrays_is_an_input() -> None:
    built = model(ctx(), HEATER)
    assert ("package/heater.json", Source("package/heater.json")) in [
        (path, Source(values.name))
        for path, values in maker(built.ir).inputs
        if isinstance(values, Source)
    ]
    other = model(ctx(), HEATER, spec=Source("package/other.json"))
    assert (
        "package/other.json" in maker(other.ir).argv
        and "package/heater.json" not in maker(other.ir).argv
    )


def test_inference_leaves_out_what_was_not_said() -> None:
    assert Inference().overrides() == "{}"
    assert (
        Inference(gamma=2.0, use_utility=False).overrides()
        == '{"gamma": 2.0, "use_utility": false}'
    )


def test_a_python_source_brings_its_packages() -> None:
    built = model(
        ctx(), Source("package/a.py"), args={"b": 1, "a": [2]}, packages=("inferactively-pymdp",)
    )
    action = maker(built.ir)
    assert '{"a": [2], "b": 1}' in action.argv and action.distributions == (
        "inferactively-pymdp",
        "numpy",
    )


def test_labels_stand_in_no_action() -> None:
    one, other = rooms("//c:rooms"), rooms("//elsewhere:others")
    proofs = [[member.proved.proof for member in each.members] for each in (one, other)]
    assert written(chain(*proofs[0])) == written(chain(*proofs[1]))


def test_only_what_comes_after_the_code_knows_a_board() -> None:
    pi, orin = (
        exported(hardware(ctx(), profile)) for profile in ("raspberry-pi-5", "jetson-orin-nano-8g")
    )
    differ = {words for words in everything(pi) if words not in everything(orin)}
    titles = {
        action.title
        for action in chain(pi.image, *(gate.verdict for gate in pi.gates))
        if written([action])[0] in differ
    }
    assert titles == {
        *(f"compile {name} for cortex_a76" for name in ("heater", "vent", "main")),
        "emulate cortex-a76",  # errors name the core of the compiler
        "measure the image",  # against the limits of the board
    }  # both emulate an a76


def test_fields_that_no_action_reads_change_none() -> None:
    plain = exported(hardware(ctx(), "jetson-orin-nano-8g"))
    changed = exported(
        hardware(ctx(), "jetson-orin-nano-8g", power_mode="7W", l4t="36.4.3", kernel="5.15")
    )
    assert everything(plain) == everything(changed)


def test_a_limit_of_the_board_reaches_the_gate_alone() -> None:
    profile = "jetson-orin-nano-8g"
    plain = exported(hardware(ctx(), profile))
    for board in (
        hardware(ctx(), profile, memory=Size(1 << 30)),
        hardware(ctx(), profile, storage=Size(1 << 34)),
    ):
        changed = exported(board)
        assert written(chain(plain.image)) == written(chain(changed.image))
        assert everything(plain) != everything(changed)


def test_a_budget_reaches_the_gate_alone() -> None:
    board = hardware(ctx(), "raspberry-pi-5")
    plain, tight = exported(board), exported(board, Budget(image=Size(9)))
    assert written(chain(plain.image)) == written(chain(tight.image))
    assert everything(plain) != everything(tight)


@pytest.mark.parametrize(
    "profile, needs",
    [("raspberry-pi-5", ("qemu-aarch64-static",)), ("x86-64-generic", ("an x86-64 host",))],
)
def test_gates_say_what_they_need(profile: str, needs: tuple[str, ...]) -> None:
    emulation, fitness, *_ = exported(hardware(ctx(), profile)).gates
    assert (emulation.name, emulation.needs, fitness.name, fitness.needs) == (
        "emulation",
        needs,
        "fitness",
        (),
    )


def test_a_change_of_one_agent_leaves_the_code_of_the_other() -> None:
    def code(built: Coalition, name: str) -> list[tuple[object, ...]]:
        [artifact] = [
            member.proved.code
            for member in built.members
            if member.name == name and member.proved.code
        ]
        return written(chain(artifact))

    agents = {
        "heater": Agent(model(ctx("//m:heater"), HEATER, inference=Inference(gamma=2.0))),
        "vent": Agent(model(ctx(), VENT)),
    }
    changed = coalition(ctx(), agents, (LINK,))
    assert code(changed, "vent") == code(rooms(), "vent") and code(changed, "heater") != code(
        rooms(), "heater"
    )


def test_links_are_those_of_the_table_once_they_are_checked() -> None:
    links = rooms().links
    assert (
        isinstance(links, Output)
        and links.name == "links.json"
        and links.action.title == "check the links"
    )
    values = [artifact for _, artifact in links.action.inputs if isinstance(artifact, Content)]
    assert (
        Content("links.json", b'[{"from": "heater.action.0", "to": "vent.observation.0"}]')
        in values
    )


def test_replicas_and_how_it_runs_reach_the_main_file_alone() -> None:
    vent = Agent(model(ctx(), VENT), replicas=3)
    built = coalition(
        ctx(), {"vent": vent}, tick=Duration(10), copies=2, io="http", monitor=Monitor(0.0)
    )
    assert built.running.words() == ["--tick", "10", "--deadline", "10", "--copies", "2", "--http"]
    board = hardware(ctx(), "raspberry-pi-5")
    plain, other = (
        export(ctx(), each, board)
        for each in (coalition(ctx(), {"vent": Agent(vent.model)}), built)
    )
    titles = [
        action.title
        for action in chain(other.program)
        if written([action])[0] not in everything(plain)
    ]
    # the artifacts that follow have other content, not another command
    assert titles == ["emit the program", "choose the workers"]  # for three replicas
    [assembled] = [action for action in chain(other.image) if action.title == "assemble the image"]
    assert any(
        isinstance(values, Content) and b'"cmd": ["--listen", ":8080"]' in values.data
        for _, values in assembled.inputs
    )


def test_boards_share_the_choice_of_workers_beyond_the_number_of_agents() -> None:
    vent = model(ctx(), VENT)
    built = coalition(ctx(), {"vent": Agent(vent, replicas=3)})

    def choices(cores: int, members: Coalition = built) -> list[tuple[object, ...]]:
        board = hardware(ctx(), "raspberry-pi-5", cores=cores)
        actions = chain(export(ctx(), members, board).program)
        return written([one for one in actions if one.title == "choose the workers"])

    assert choices(3) == choices(4) != choices(2)
    assert not choices(1)
    assert not choices(4, coalition(ctx(), {"vent": Agent(vent)}))


def test_counts_and_sizes_of_a_program_read_its_workers() -> None:
    built = coalition(ctx(), {"vent": Agent(model(ctx(), VENT), replicas=3)})

    def readers(cores: int) -> set[str]:
        board = hardware(ctx(), "raspberry-pi-5", cores=cores)
        ready = export(ctx(), built, board, Budget(step_p99=Duration(10**9)))
        actions = chain(ready.program, ready.report, *(gate.verdict for gate in ready.gates))
        return {action.title for action in actions if "in/workers.json" in dict(action.inputs)}

    counted = "count instructions of cortex-a76"
    assert readers(4) == {"emit the program", "measure the image", "report", counted}
    assert readers(1) == {"report"}
