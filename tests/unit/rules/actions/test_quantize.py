"""Effect of storage and fidelity on the actions of an export: none by default, and only the
selection reads the budget.
"""

from __future__ import annotations

from typing import Any

import pytest

from buildgraph import BuildError, Size, Source
from rules.actions.quantize import Fidelity
from rules.coalition import Agent, Coalition, coalition
from rules.export import Export, export
from rules.firmware import firmware
from rules.hardware import hardware
from rules.model import model
from tests.support.rule_context import chain, ctx, maker, written


def rooms() -> Coalition:
    """Two agents."""
    agents = {
        name: Agent(model(ctx(f"//m:{name}"), Source(f"package/{name}.npz")))
        for name in ("heater", "vent")
    }
    return coalition(ctx("//c:rooms"), agents)


def exported(**words: Any) -> Export:
    """The two agents for a board."""
    return export(ctx("//e:rooms"), rooms(), hardware(ctx(), "raspberry-pi-5"), **words)


def everything(built: Export) -> set[tuple[object, ...]]:
    """All that is done for an export, gates and pages too."""
    pages = (
        (built.image, built.report)
        if built.storage is None
        else (built.image, built.report, built.storage)
    )
    return set(written(chain(*pages, *(gate.verdict for gate in built.gates))))


def titles(built: Export, but: Export) -> list[str]:
    """Actions of one export that another export lacks."""
    assert built.storage is not None
    return sorted(
        action.title
        for action in chain(built.image, built.storage)
        if written([action])[0] not in everything(but)
    )


def test_without_a_word_nothing_is_done() -> None:
    built = exported()
    assert built.storage is None and "storage" not in built.outputs()
    assert not any(
        "as uint16" in action.title or "trial" in action.title
        for action in chain(built.image, built.report)
    )


def test_everything_of_the_exact_agent_is_done_first() -> None:
    lossy, plain = exported(storage="uint16", fidelity=Fidelity()), exported()
    apart = {
        action.title
        for action in chain(plain.image, plain.report)
        if written([action])[0] not in everything(lossy)
    }
    assert apart == set(), "artifacts that follow have other content, not another command"
    assert "storage" in lossy.outputs()


def test_nats_reach_the_choice_alone() -> None:
    built = [
        exported(storage="smallest", fidelity=Fidelity(kl=kl, regret=regret))
        for kl, regret in ((1e-3, 1e-3), (1e-2, 1e-4))
    ]
    assert titles(built[1], but=built[0]) == [
        "choose how heater is stored",
        "choose how vent is stored",
    ]


def test_an_agreement_says_how_many_episodes_are_tried() -> None:
    built = [
        exported(storage="uint16", fidelity=Fidelity(agreement=share)) for share in (0.999, 0.95)
    ]
    result = titles(built[1], but=built[0])
    assert result == [
        f"{what} {name} {rest}"
        for what, rest in (
            ("choose how", "is stored"),
            ("probe", "for a trial, from 0"),
            ("try", "as uint16"),
        )
        for name in ("heater", "vent")
    ]


@pytest.mark.parametrize(("storage", "episodes"), [("uint16", "2995"), ("smallest", "4093")])
def test_as_many_as_can_show_it(storage: str, episodes: str) -> None:
    built = exported(storage=storage, fidelity=Fidelity())
    assert built.storage is not None
    parts = [
        action.argv
        for action in chain(built.storage)
        if action.title.startswith("probe heater for a trial")
    ]
    values = [
        [int(argv[argv.index(word) + 1]) for word in ("--first", "--episodes")] for argv in parts
    ]
    assert [n for first, count in sorted(values) for n in range(first, first + count)] == list(
        range(int(episodes))
    )


def test_boards_share_all_that_is_tried() -> None:
    coalition_ = rooms()
    pi, x86 = (
        export(ctx(), coalition_, hardware(ctx(), profile), storage="fp16", fidelity=Fidelity())
        for profile in ("raspberry-pi-5", "x86-64-generic")
    )
    assert {title.split()[0] for title in titles(pi, but=x86)} == {"compile", "link"}


def test_a_firmware_chooses_by_the_bytes_that_it_will_hold() -> None:
    built = firmware(ctx(), rooms(), "cortex-m4f", Size(0), Size(0), "palette", Fidelity())
    assert built.storage is not None
    compiled = [action for action in chain(built.storage) if action.title.startswith("compile")]
    assert {action.title for action in compiled} == {
        f"compile {name}{how} for cortex_m4"
        for name in ("heater", "vent")
        for how in ("", " as palette")
    }
    assert all("--small" in action.argv for action in compiled)
    assert built.library is not None and "--max-flash" in maker(built.library).argv


@pytest.mark.parametrize(
    ("words", "what", "help_"),
    [
        (
            {"storage": "uint16"},
            'storage = "uint16" loses fidelity, but the export sets no budget',
            "write fidelity = { kl = 1e-3, regret = 1e-3, agreement = 0.999 }",
        ),
        ({"fidelity": Fidelity()}, "has a fidelity but no storage", "leave fidelity out"),
        (
            {"storage": "uint16", "fidelity": Fidelity(kl=0.0)},
            "kl = 0 is not a budget",
            "kl = 1e-3",
        ),
        (
            {"storage": "uint16", "fidelity": Fidelity(regret=float("nan"))},
            "regret = nan is not a budget",
            "regret = 1e-3",
        ),
        (
            {"storage": "uint16", "fidelity": Fidelity(agreement=1.0)},
            "an agreement of 1 cannot be shown",
            "from 0.5 to 0.99998",
        ),
        (
            {"storage": "uint16", "fidelity": Fidelity(agreement=0.999999)},
            "cannot be shown",
            "0.99998",
        ),
        (
            {"storage": "uint16", "fidelity": Fidelity(agreement=float("nan"))},
            "cannot be shown",
            "0.99998",
        ),
    ],
)
def test_a_budget_that_means_nothing_is_refused(
    words: dict[str, Any], what: str, help_: str
) -> None:
    with pytest.raises(BuildError) as caught:
        exported(**words)
    assert what in str(caught.value) and help_ in (caught.value.fix or "")
