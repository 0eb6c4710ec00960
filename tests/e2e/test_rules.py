"""The rules without agents, as written in BUILD.toml: command, files, gate, group, and matrices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.workspace import Space, space

HEAD = '[workspace]\nname = "w"\n'


def new_workspace(folder: Path, tables: str, **files: str) -> Space:
    """A workspace with these tables; keywords are files, their last `_` a dot."""
    workspace = space(folder, HEAD + tables)
    for name, text in files.items():
        workspace.write(".".join(name.rsplit("_", 1)), text)
    return workspace


def command(values: str, name: str = "it") -> str:
    """A table of the rule `command`."""
    return f'[{name}]\nrule = "command"\n{values}\n'


def check_refused(
    folder: Path, table: Callable[[str, str], str], cases: list[tuple[str, str]]
) -> None:
    """Check that one build reports each message of `cases` for its table t0, t1, ..."""
    workspace = new_workspace(
        folder, "".join(table(values, f"t{number}") for number, (values, _) in enumerate(cases))
    )
    errors = workspace.run("build", "//...", code=2).err
    assert [words for _, words in cases if words not in errors] == [], errors
    assert errors.count("--> BUILD.toml:") == len(cases)


SHELL = 'argv = ["sh", "-c", \'{script}\']\n'


def shell(script: str, rest: str = 'outputs = { o = "o.txt" }', name: str = "it") -> str:
    """A command that is a line of shell."""
    return command(SHELL.replace("{script}", script) + rest, name)


class TestCommand:
    """The rule `command`."""

    def test_placeholders_are_paths_and_double_braces_are_braces(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path,
            shell(
                "echo {text} {o} > {o}; x=5; echo ${{x}} >> {o}; cat {text} >> {o}",
                'inputs = { text = "in_it.txt" }\noutputs = { o = "o.txt" }',
            ),
            in_it_txt="its content\n",
        )
        workspace.build("//:it")
        assert (
            workspace.root / "out/it/o.txt"
        ).read_text() == "in_it.txt out/o.txt\n5\nits content\n"

    def test_a_folder_is_an_output_and_an_input(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path,
            shell(
                "mkdir {site}/a; echo 1 > {site}/a/1; echo 2 > {site}/2; chmod +x {site}/2",
                'outputs = { site = "site/" }',
            )
            + shell(
                "cd {from}; find . -type f -perm -100 > ../../../{o}; cat a/1 2 >> ../../../{o}",
                'inputs = { from = ":it" }\noutputs = { o = "o" }',
                "next",
            ),
        )
        workspace.build("//...")
        assert (workspace.root / "out/next/o").read_text() == "./2\n1\n2\n"
        assert (workspace.root / "out/it/site/a/1").read_text() == "1\n"

    def test_another_target_can_name_one_of_several_outputs(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path,
            shell("echo one > {a}; echo two > {b}", 'outputs = { a = "a", b = "sub/b" }')
            + shell("cat {i} > {o}", 'inputs = { i = ":it#b" }\noutputs = { o = "o" }', "next"),
        )
        workspace.build("//:next")
        assert (workspace.root / "out/next/o").read_text() == "two\n"

    def test_env_is_set_and_part_of_the_key(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path, shell("echo $NAME > {o}", 'env = { NAME = "a" }\noutputs = { o = "o.txt" }')
        )
        workspace.build("//:it")
        assert (workspace.root / "out/it/o.txt").read_text().split() == ["a"]
        workspace.write(
            "BUILD.toml", (workspace.root / "BUILD.toml").read_text().replace('"a"', '"b"')
        )
        assert len(workspace.build("//:it").titles()) == 1
        assert (workspace.root / "out/it/o.txt").read_text().split() == ["b"]

    def test_a_timeout_kills(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path, shell("sleep 60.5", 'outputs = { o = "o" }\ntimeout = "1s"')
        )
        assert "it ran out of time and was killed" in workspace.run("build", "//:it", code=1).err

    def test_a_program_that_is_missing(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path, command('outputs = { o = "o" }\nargv = ["no-such-program"]')
        )
        errors = workspace.run("build", "//:it", code=1).err
        assert "the program 'no-such-program' is not installed" in errors
        workspace = new_workspace(
            tmp_path,
            command('outputs = { o = "o" }\nargv = ["sh"]\nprograms = ["no-such-program"]'),
        )
        assert "no-such-program" in workspace.run("build", "//:it", code=1).err

    def test_a_program_may_be_an_input(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path,
            command(
                'inputs = { tool = "tool.sh" }\noutputs = { o = "o" }\nargv = ["{tool}", "{o}"]'
            ),
        )
        workspace.write("tool.sh", "#!/bin/sh\necho ran > $1\n").chmod(0o755)
        workspace.build("//:it")
        assert (workspace.root / "out/it/o").read_text() == "ran\n"

    def test_invalid_values_are_refused_with_their_places(self, tmp_path: Path) -> None:
        check_refused(
            tmp_path,
            command,
            [
                (
                    'outputs = { o = "o" }\nargv = ["sh"]\ntimeout = 5',
                    'a duration is written like "5ms"',
                ),
                ('outputs = { o = "o" }\nargv = ["sh"]\ninput = {}', "did you mean 'inputs'"),
                ('outputs = "o"\nargv = ["sh"]', "outputs"),
                ('outputs = { o = "o" }', "argv"),
                (
                    'outputs = { o = "o" }\nargv = ["sh"]\ninputs = { i = "none.txt" }',
                    "no file 'none.txt'",
                ),
            ],
        )

    def test_invalid_commands_are_refused_with_their_places(self, tmp_path: Path) -> None:
        check_refused(
            tmp_path,
            command,
            [
                (
                    'outputs = { o = "o" }\nargv = ["sh", "{p}"]',
                    "{p} names no input or output of //:t0",
                ),
                (
                    'outputs = { o = "o" }\nargv = ["sh", "{o!r}"]',
                    "{o} names no input or output of //:t1",
                ),
                ('outputs = { o = "o" }\nargv = ["sh", "{"]', "write {{ and }} for braces"),
                ('outputs = { o = "o" }\nargv = []', "//:t3: argv is empty"),
                ('outputs = {}\nargv = ["sh"]', "//:t4 has no outputs"),
                ('outputs = { o = "../o" }\nargv = ["sh"]', "'../o' is not an output path"),
                ('outputs = { o = "/o" }\nargv = ["sh"]', "'/o' is not an output path"),
                (
                    'outputs = { a = "o", b = "o/" }\nargv = ["sh"]',
                    "//:t7: two outputs have the same path",
                ),
                (
                    'outputs = { o = "o" }\ninputs = { o = "BUILD.toml" }\nargv = ["sh"]',
                    "an output have the same name",
                ),
            ],
        )

    def test_a_distribution_that_is_missing(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path, command('outputs = { o = "o" }\nargv = ["sh"]\npackages = ["no-such-thing"]')
        )
        errors = workspace.run("build", "//:it", code=30).err
        assert (
            "the Python distribution 'no-such-thing' is not installed" in errors
            and "BUILD.toml:" in errors
        )


class TestFiles:
    """The rule `files`."""

    TABLES = '[it]\nrule = "files"\nsrcs = ["src/**/*.txt", "!src/**/no*"]\n'

    def test_files_that_come_and_go_are_seen(self, tmp_path: Path) -> None:
        workspace = new_workspace(tmp_path, self.TABLES)
        for name in ("src/a.txt", "src/deep/er/b.txt", "src/nope.txt", "src/c.md"):
            workspace.write(name, name)
        first = workspace.build("//:it").digests()
        tree = workspace.root / "out/it/tree"
        assert self.names(tree) == ["src/a.txt", "src/deep/er/b.txt"]
        workspace.write("src/new/c.txt", "c")
        workspace.build("//:it")
        assert self.names(tree) == ["src/a.txt", "src/deep/er/b.txt", "src/new/c.txt"]
        (workspace.root / "src/new/c.txt").unlink()
        again = workspace.build("//:it")
        assert again.titles() == [] and again.digests() == first
        workspace.write("src/a.txt", "other")
        workspace.build("//:it")
        assert (tree / "src/a.txt").read_text() == "other"

    def test_a_removed_file_that_is_named_without_a_glob_is_an_error(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path, '[it]\nrule = "files"\nsrcs = ["page.md"]\n', page_md="x"
        )
        workspace.build("//:it")
        (workspace.root / "page.md").rename(workspace.root / "pages.md")
        assert "did you mean 'pages.md'?" in workspace.run("build", "//:it", code=2).err

    def test_a_target_in_a_folder_sees_its_folder(self, tmp_path: Path) -> None:
        workspace = new_workspace(tmp_path, "")
        workspace.write("docs/BUILD.toml", '[it]\nrule = "files"\nsrcs = ["*.md"]\n')
        workspace.write("docs/page.md", "x")
        workspace.write("page.md", "x")
        workspace.build("//docs:it")
        assert self.names(workspace.root / "out/docs/it/tree") == ["page.md"]

    @staticmethod
    def names(tree: Path) -> list[str]:
        """Paths of the files of a tree."""
        return sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())


class TestGate:
    """The rule `gate`."""

    TABLES = (
        shell("echo made > {o}")
        + """
[check]
rule = "gate"
inputs = { text = ":it" }
argv = ["grep", "-c", "made", "{text}"]
"""
    )

    def test_it_passes_and_is_cached(self, tmp_path: Path) -> None:
        workspace = new_workspace(tmp_path, self.TABLES)
        assert workspace.run("build", "//:check").out.startswith(
            "gates of //:check\n  passed       check\n"
        )
        again = workspace.build("//:check")
        assert again.titles() == [] and self.verdict(workspace) == "passed"

    def test_it_fails_with_its_log_and_its_input_is_built_nevertheless(
        self, tmp_path: Path
    ) -> None:
        workspace = new_workspace(tmp_path, self.TABLES.replace('"made"', '"other"'))
        failed = workspace.run("build", "//...", code=1)
        assert "  failed       check" in failed.out and "exit code 1" in failed.err
        assert "   | 0\n" in failed.err  # the output of grep
        assert (workspace.root / "out/it/o.txt").read_text() == "made\n"
        assert (
            workspace.run("build", "//...", code=1).out.count("failed ") == 2
        )  # the gate and the count; a failure is not cached

    def test_without_its_program_it_is_not_checked(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path, self.TABLES.replace('"grep", "-c"', '"no-such-program"')
        )
        done = workspace.run("build", "//...")
        assert "not checked  check: it needs no-such-program" in done.out
        assert (workspace.root / "out/it/o.txt").exists()

    def test_without_its_input_it_is_not_checked(self, tmp_path: Path) -> None:
        workspace = new_workspace(tmp_path, self.TABLES.replace("echo made >", "false;"))
        assert (
            "not checked  check: what it checks was not built"
            in workspace.run("build", "//...", code=1).out
        )

    def test_no_gates(self, tmp_path: Path) -> None:
        workspace = new_workspace(tmp_path, self.TABLES.replace('"made"', '"other"'))
        assert "gates" not in workspace.run("build", "--no-gates", "//...").out

    def test_invalid_gates_are_refused(self, tmp_path: Path) -> None:
        def table(argv: str, name: str) -> str:
            return f'[{name}]\nrule = "gate"\ninputs = {{ text = "BUILD.toml" }}\nargv = {argv}\n'

        check_refused(
            tmp_path,
            table,
            [
                ('["{text}"]', "//:t0: a gate starts a program of the host"),
                ("[]", "//:t1: argv is empty"),
                ('["cat", "{o}"]', "{o} names no input or output of //:t2"),
            ],
        )

    def verdict(self, workspace: Space) -> str:
        """Return the verdict of the only gate."""
        [judged] = [
            event["verdict"]
            for event in workspace.build("//:check").events
            if event["event"] == "judged"
        ]
        return str(judged)


class TestGroup:
    """The rule `group`."""

    TABLES = (
        "".join(shell(f"echo {name} > {{o}}", name=name) for name in "abc")
        + """
[some]
rule = "group"
targets = [":a", ":b"]

[all]
rule = "group"
targets = [":some", ":c", ":a"]
"""
    )

    def test_asking_for_it_asks_for_each_member(self, tmp_path: Path) -> None:
        workspace = new_workspace(tmp_path, self.TABLES)
        assert sorted(workspace.build("//:some").digests()) == ["//:a o", "//:b o"]
        assert sorted(workspace.build("//:all").digests()) == ["//:a o", "//:b o", "//:c o"]

    def test_a_gate_in_it_is_checked(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path,
            TestGate.TABLES.replace('"made"', '"other"')
            + '[all]\nrule = "group"\ntargets = [":check"]\n',
        )
        assert "  failed       check" in workspace.run("build", "//:all", code=1).out


class TestMatrix:
    """Tables with a matrix."""

    def test_its_label_names_all_cells_and_each_cell_has_a_label(self, tmp_path: Path) -> None:
        axes = '{ profile = ["raspberry-pi-5", "jetson-nano"], cores = [1, 2] }'
        workspace = new_workspace(tmp_path, f'[boards]\nrule = "hardware"\nmatrix = {axes}\n')
        listed = workspace.run("query", "list", "//...").out.split()
        cells = [
            f"//:boards.{profile}.{cores}"
            for profile in ("jetson-nano", "raspberry-pi-5")
            for cores in (1, 2)
        ]
        assert listed == ["//:boards", *cells]

    def test_building_it_builds_every_cell(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path,
            """
[greet]
rule = "files"
matrix = { srcs = [["BUILD.toml"]] }
""",
        )
        assert "cannot be part of a label" in workspace.run("build", "//:greet", code=2).err
        workspace.write(
            "BUILD.toml",
            HEAD
            + """
[greet]
rule = "command"
matrix = { timeout = ["5s", "10s"] }
argv = ["sh", "-c", "echo hello > {o}"]
outputs = { o = "o" }
""",
        )
        assert sorted(workspace.build("//:greet").digests()) == ["//:greet.10s o", "//:greet.5s o"]
        assert sorted(workspace.build("//:greet.5s").digests()) == ["//:greet.5s o"]

    def test_a_missing_cell(self, tmp_path: Path) -> None:
        workspace = new_workspace(
            tmp_path, '[b]\nrule = "hardware"\nmatrix = { profile = ["raspberry-pi-5"] }\n'
        )
        assert (
            "did you mean '//:b.raspberry-pi-5'?"
            in workspace.run("build", "//:b.raspberry-pi-4", code=2).err
        )
