"""From arguments to a verb, and from its end to an exit code."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import time
from pathlib import Path

import pytest

from buildgraph.cli import main
from buildgraph.cli.dispatch import VERBS
from buildgraph.cli.parser import Parser
from buildgraph.cli.signals import Interrupted, SignalHandler
from buildgraph.cli.verbs import doctor
from buildgraph.files.remove_tree import remove
from buildgraph.host.environment import open_environment
from buildgraph.store import cache_dir
from buildgraph.types.errors import BuildError
from buildgraph.types.image_name import image_name
from buildgraph.types.label import Label


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["-h"], ["help"], *([verb, "--help"] for verb in VERBS)]
)
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("usage: buildgraph")
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["biuld"], "no verb 'biuld'", "did you mean 'build'?"),
        (["--frobnicate"], "no option '--frobnicate'", "lists the verbs"),
        (
            ["build", "//a:b", "--keep-goign"],
            "no option '--keep-goign'",
            "did you mean '--keep-going'?",
        ),
        (["doctor", "now"], "no word 'now'", "--help"),
        (["build", "-j", "many"], "invalid int value", "--help"),
        (["build", "--sandbox", "glass", "//a:b"], "invalid choice", "--help"),
        (["doctor", "--", "x"], "unexpected argument after --", "--help"),
    ],
)
def test_a_wrong_argument_is_a_usage_error(
    words: list[str], what: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and what in captured.err and hint in captured.err
    assert "Traceback" not in captured.err and captured.out == ""


def test_errors_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--jsno", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)
    assert (error["event"], error["reason"], error["fix"]) == (
        "fault",
        "usage",
        "did you mean '--json'?",
    )


def test_patterns_that_begin_with_a_dash_are_not_options() -> None:
    parser = Parser(prog="buildgraph build")
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("-k", action="store_true")
    options = parser.read(["//...", "-//a/...", "-k", "-:b", "//c:d"])
    assert options is not None
    assert options.patterns == ["//...", "-//a/...", "-:b", "//c:d"]
    assert options.k


def test_arguments_after_two_dashes_are_not_parsed() -> None:
    parser = Parser(prog="buildgraph run")
    parser.takes_rest = True
    parser.add_argument("label")
    options = parser.read(["//a:b", "--", "--beliefs", "--", "-x", "--help"])
    assert options is not None
    assert (options.label, options.rest) == ("//a:b", ["--beliefs", "--", "-x", "--help"])


def test_a_bug_prints_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "run", lambda options: 1 // 0)
    assert main(["doctor"]) == 70
    stderr = capsys.readouterr().err
    assert "ZeroDivisionError" in stderr
    assert stderr.endswith("this is a bug in buildgraph: please report it with the lines above\n")


def test_a_full_disk_is_an_error_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(options: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "blob")

    monkeypatch.setattr(doctor, "run", full)
    assert main(["doctor"]) == 30
    assert capsys.readouterr().err.startswith(
        "error: blob: no space left on device\nhelp: make room"
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_verb(
    number: signal.Signals,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(number)

    def raise_signal(options: object) -> int:
        signal.raise_signal(number)
        return 0

    monkeypatch.setattr(doctor, "run", raise_signal)
    assert main(["doctor"]) == code
    assert capsys.readouterr().err == "interrupted\n"
    assert signal.getsignal(number) is before


def test_a_signal_wrapped_in_another_exception_ends_a_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python wraps an exception during the creation of a class in a RuntimeError."""

    class Part:
        """A descriptor that raises a signal when its class is created."""

        def __set_name__(self, *_: object) -> None:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(doctor, "run", lambda options: type("Owner", (), {"part": Part()}))
    assert main(["doctor"]) == 143
    assert capsys.readouterr().err == "interrupted\n"


def test_the_first_armed_signal_cancels_and_the_second_raises() -> None:
    with pytest.raises(Interrupted) as interrupt:
        with SignalHandler() as stop:
            stop.armed = True
            signal.raise_signal(signal.SIGTERM)
            assert stop.cancel.is_set()
            signal.raise_signal(signal.SIGINT)
    assert interrupt.value.code == 130


def test_an_unread_armed_signal_is_raised_at_the_end() -> None:
    """Otherwise `run` would run the image, and `--watch` would wait for the next change."""
    with pytest.raises(Interrupted) as interrupt:
        with SignalHandler() as stop:
            stop.armed = True
            signal.raise_signal(signal.SIGTERM)
    assert interrupt.value.code == 143


def test_a_signal_in_a_finalizer_is_raised_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Python prints and drops exceptions of finalizers and of the release of import locks."""

    class RaisesSignal:
        """An object that raises a signal in its finalizer."""

        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    for seconds in (0, 60):  # as the last instruction, and before many others
        with pytest.raises(Interrupted), SignalHandler():
            RaisesSignal()
            time.sleep(seconds)
    time.sleep(0.01)  # no signal may follow
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("when", ["created", "removed"])
def test_a_signal_leaves_no_scratch_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The signal arrives while the folder is created or removed; it is raised in either case."""
    lock, listed = fcntl.flock, os.path.join(tmp_path, "cache", "work")

    def locked(fd: int, how: int) -> None:
        if os.listdir(listed):  # it exists, but is not recorded yet
            signal.raise_signal(signal.SIGINT)
        lock(fd, how)

    def removed(folder: str) -> None:
        signal.raise_signal(signal.SIGINT)
        remove(folder)

    monkeypatch.setenv("BUILDGRAPH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Interrupted), SignalHandler():
        host = open_environment(str(tmp_path), False, lambda _text: None)
        if when == "created":
            monkeypatch.setattr(fcntl, "flock", locked)
        else:
            monkeypatch.setattr(cache_dir, "remove", removed)
        with host:
            assert when == "removed" and len(os.listdir(listed)) == 1
    assert os.listdir(listed) == []


@pytest.mark.parametrize(
    ("workspace", "label", "name"),
    [
        ("fleet", "//exports:foragers.pi5", "fleet/exports/foragers.pi5:latest"),
        ("", "//a/b:c", "a/b/c:latest"),
        ("", "//:e", "e:latest"),
        ("fleet", "//:a_b-c", "fleet/a_b-c:latest"),
        ("fleet", "//:Swarm+1", "fleet/swarm-1-4a0ee718:latest"),
        ("my.fleet", "//:e", "my-fleet-70cbd4ad/e:latest"),
        ("localhost", "//:e", "localhost-49960de5/e:latest"),
        ("Ä", "//:-", "x-2fe5ca1c/x-3973e022:latest"),
    ],
)
def test_the_name_of_an_image(workspace: str, label: str, name: str) -> None:
    assert image_name(workspace, Label.parse(label)) == name


def test_images_have_different_names_that_docker_accepts() -> None:
    parts = [
        "a",
        "A",
        "a.b",
        "a-b",
        "a+b",
        "a_b",
        "a__b",
        "a..b",
        "a.b.",
        "-a",
        "a-",
        "a--b",
        "localhost",
        "Localhost",
        "x" * 190,
    ]
    labels = [
        Label.parse(f"//{package}:{name}")
        for package in ("", "p", "P", "p/q", "p_")
        for name in parts
    ]
    names = {
        image_name(workspace, label)
        for workspace in ("", "w", "W", "w.w", "w w", "w/w", "ẃ")
        for label in labels
    }
    assert len(names) == 7 * len(labels)
    from ociimage.layout import checked_name

    assert all(checked_name(name) == name for name in names)
    # A dot before the first slash would make it the name of a host.
    assert not any("." in name.partition("/")[0] for name in names if "/" in name)


def test_a_missing_workspace_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["build", "//a:b"]) == 2
    assert "buildgraph init" in capsys.readouterr().err


def test_errors_of_argparse_are_build_errors() -> None:
    with pytest.raises(BuildError) as error:
        Parser(prog="x").error("bad")
    assert error.value.code == 2


def test_rules_are_shown_with_keys_types_defaults_and_an_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BUILD.toml").write_text('[workspace]\nname = "w"\nrules = ["mine.py"]\n')
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom buildgraph import Ctx, Provider, rule\n"
        "@dataclass(frozen=True)\nclass P(Provider):\n    n: int\n"
        "@rule\ndef mine(ctx: Ctx, n: int, loud: bool = False) -> P:\n"
        '    """Counts.\n\n    `n` is how often.\n    """\n    return P(n)\n'
    )
    for words in (["rules", "mine"], ["help", "mine"]):
        assert main(words) == 0
        stdout = capsys.readouterr().out
        for part in (
            "mine: Counts.",
            "n: whole number (required)",
            "`n` is how often.",
            "loud: true or false (default false)",
            'rule = "mine"',
            "n = 1",
            "provides P",
        ):
            assert part in stdout, part
    assert main(["rules", "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert "mine" in [rule["rule"] for rule in rules]
    assert all(
        key["meaning"] and key["type"]
        for rule in rules
        if rule["rule"] != "mine"
        for key in rule["keys"]
    )
    assert main(["rules"]) == 0 and "mine " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["rules", "comand"], "'command'"),
        (["help", "harware"], "'hardware'"),
        (["help", "biuld"], "'build'"),
        (["rules", "zzz"], "the rules are"),
        (["help", "zzz"], "lists the verbs"),
    ],
)
def test_an_unknown_rule_or_verb_gets_a_hint(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2 and hint in capsys.readouterr().err


def test_help_verb_prints_the_help_of_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "query"]) == 0 and capsys.readouterr().out.startswith(
        "usage: buildgraph query"
    )


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["cache", "stat"], "'stats'"),
        (["hardware", "shw"], "'show'"),
        (["completion", "bsh"], "'bash'"),
        (["build", "--sandbox", "landlok", "//a:b"], "'landlock'"),
        (["query", "list", "//...", "--output", "jsn"], "'json'"),
        (["query", "list", "//...", "--kind", "comand"], "'command'"),
        (["hardware", "show", "raspberry-pi5"], "'raspberry-pi-5'"),
    ],
)
def test_an_invalid_choice_suggests_the_nearest(
    words: list[str],
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BUILD.toml").write_text('[workspace]\nname = "w"\n')
    assert main(words) == 2 and f"did you mean {hint}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (["somepath", "//:a", "//:b"], "//:a does not depend on //:b"),
        (["allpaths", "//:a", "//:b"], "does not depend"),
        (["deps", "//:a"], "//:a depends on nothing"),
        (["rdeps", "//:a"], "//:a is needed by nothing"),
        (["list", "//...", "--kind", "export"], "matches --kind export"),
        (["list", "//...", "--filter", "z"], "matches --filter z"),
        (["list", "//..."], ""),
    ],
)
def test_an_empty_answer_prints_a_note(
    words: list[str],
    note: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").touch()
    (tmp_path / "BUILD.toml").write_text(
        '[workspace]\nname = "w"\n[a]\nrule = "files"\nsrcs = ["x"]\n'
        '[b]\nrule = "files"\nsrcs = ["x"]\n'
    )
    assert main(["query", *words]) == 0
    stderr = capsys.readouterr().err
    assert note in stderr and bool(stderr) == bool(note)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_permission_error_is_not_a_bug(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(environ: object) -> None:
        raise PermissionError(number, os.strerror(number), "/some/folder")

    monkeypatch.setattr(doctor, "examine", refuse)
    assert main(["doctor"]) == 30
    stderr = capsys.readouterr().err
    assert (
        stderr.startswith("error: /some/folder: ")
        and "permissions" in stderr
        and "Traceback" not in stderr
    )
