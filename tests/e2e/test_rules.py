"""The rules that are about no agent, as a BUILD.toml says them: command, files, gate, group and matrices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.workspace import Space, space

HEAD = '[workspace]\nname = "w"\n'


def workspace(folder: Path, tables: str, **files: str) -> Space:
    """A workspace with these tables; keywords are files, their last `_` a dot."""
    made = space(folder, HEAD + tables)
    for name, text in files.items():
        made.write(".".join(name.rsplit("_", 1)), text)
    return made


def command(values: str, name: str = "it") -> str:
    """A table of the rule `command`."""
    return f'[{name}]\nrule = "command"\n{values}\n'


def refused(folder: Path, table: Callable[[str, str], str], cases: list[tuple[str, str]]) -> None:
    """Tables t0, t1, .. of one workspace, each with what must be said of it; all of it is said in one run."""
    made = workspace(
        folder, "".join(table(values, f"t{number}") for number, (values, _) in enumerate(cases))
    )
    said = made.run("build", "//...", code=2).err
    assert [words for _, words in cases if words not in said] == [], said
    assert said.count("--> BUILD.toml:") == len(cases)


SHELL = 'argv = ["sh", "-c", \'{script}\']\n'


def shell(script: str, rest: str = 'outputs = { o = "o.txt" }', name: str = "it") -> str:
    """A command that is a line of shell."""
    return command(SHELL.replace("{script}", script) + rest, name)


class TestCommand:
    """Any program."""

    def test_placeholders_stand_for_paths_and_double_braces_for_braces(
        self, tmp_path: Path
    ) -> None:
        made = workspace(
            tmp_path,
            shell(
                "echo {text} {o} > {o}; x=5; echo ${{x}} >> {o}; cat {text} >> {o}",
                'inputs = { text = "in_it.txt" }\noutputs = { o = "o.txt" }',
            ),
            in_it_txt="what stands in it\n",
        )
        made.build("//:it")
        assert (
            made.root / "out/it/o.txt"
        ).read_text() == "in_it.txt out/o.txt\n5\nwhat stands in it\n"

    def test_a_folder_is_an_output_and_an_input(self, tmp_path: Path) -> None:
        made = workspace(
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
        made.build("//...")
        assert (made.root / "out/next/o").read_text() == "./2\n1\n2\n"
        assert (made.root / "out/it/site/a/1").read_text() == "1\n"

    def test_several_outputs_each_of_which_another_target_can_name(self, tmp_path: Path) -> None:
        made = workspace(
            tmp_path,
            shell("echo one > {a}; echo two > {b}", 'outputs = { a = "a", b = "sub/b" }')
            + shell("cat {i} > {o}", 'inputs = { i = ":it#b" }\noutputs = { o = "o" }', "next"),
        )
        made.build("//:next")
        assert (made.root / "out/next/o").read_text() == "two\n"

    def test_env_is_given_and_enters_the_key(self, tmp_path: Path) -> None:
        made = workspace(
            tmp_path, shell("echo $NAME > {o}", 'env = { NAME = "a" }\noutputs = { o = "o.txt" }')
        )
        made.build("//:it")
        assert (made.root / "out/it/o.txt").read_text().split() == ["a"]
        made.write("BUILD.toml", (made.root / "BUILD.toml").read_text().replace('"a"', '"b"'))
        assert len(made.build("//:it").titles()) == 1
        assert (made.root / "out/it/o.txt").read_text().split() == ["b"]

    def test_a_timeout_kills(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, shell("sleep 60.5", 'outputs = { o = "o" }\ntimeout = "1s"'))
        assert "it ran out of time and was killed" in made.run("build", "//:it", code=1).err

    def test_a_program_that_is_missing(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, command('outputs = { o = "o" }\nargv = ["no-such-program"]'))
        said = made.run("build", "//:it", code=1).err
        assert "the program 'no-such-program' is not installed" in said
        made = workspace(
            tmp_path,
            command('outputs = { o = "o" }\nargv = ["sh"]\nprograms = ["no-such-program"]'),
        )
        assert "no-such-program" in made.run("build", "//:it", code=1).err

    def test_a_program_may_be_an_input(self, tmp_path: Path) -> None:
        made = workspace(
            tmp_path,
            command(
                'inputs = { tool = "tool.sh" }\noutputs = { o = "o" }\nargv = ["{tool}", "{o}"]'
            ),
        )
        made.write("tool.sh", "#!/bin/sh\necho ran > $1\n").chmod(0o755)
        made.build("//:it")
        assert (made.root / "out/it/o").read_text() == "ran\n"

    def test_what_a_table_cannot_say_is_refused_with_its_place(self, tmp_path: Path) -> None:
        refused(
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

    def test_what_a_command_cannot_be_is_refused_with_its_place(self, tmp_path: Path) -> None:
        refused(
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
                ('outputs = { o = "../o" }\nargv = ["sh"]', "'../o' is not a path of an output"),
                ('outputs = { o = "/o" }\nargv = ["sh"]', "'/o' is not a path of an output"),
                (
                    'outputs = { a = "o", b = "o/" }\nargv = ["sh"]',
                    "//:t7: two outputs have one path",
                ),
                (
                    'outputs = { o = "o" }\ninputs = { o = "BUILD.toml" }\nargv = ["sh"]',
                    "an output have one name",
                ),
            ],
        )

    def test_a_distribution_that_is_missing(self, tmp_path: Path) -> None:
        made = workspace(
            tmp_path, command('outputs = { o = "o" }\nargv = ["sh"]\npackages = ["no-such-thing"]')
        )
        said = made.run("build", "//:it", code=30).err
        assert (
            "the Python distribution 'no-such-thing' is not installed" in said
            and "BUILD.toml:" in said
        )


class TestFiles:
    """Files collected into a tree."""

    TABLES = '[it]\nrule = "files"\nsrcs = ["src/**/*.txt", "!src/**/no*"]\n'

    def test_files_that_come_and_go_are_seen(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, self.TABLES)
        for name in ("src/a.txt", "src/deep/er/b.txt", "src/nope.txt", "src/c.md"):
            made.write(name, name)
        first = made.build("//:it").digests()
        tree = made.root / "out/it/tree"
        assert self.names(tree) == ["src/a.txt", "src/deep/er/b.txt"]
        made.write("src/new/c.txt", "c")
        made.build("//:it")
        assert self.names(tree) == ["src/a.txt", "src/deep/er/b.txt", "src/new/c.txt"]
        (made.root / "src/new/c.txt").unlink()
        again = made.build("//:it")
        assert again.titles() == [] and again.digests() == first
        made.write("src/a.txt", "other")
        made.build("//:it")
        assert (tree / "src/a.txt").read_text() == "other"

    def test_a_removed_file_that_is_named_outright_is_a_fault(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, '[it]\nrule = "files"\nsrcs = ["page.md"]\n', page_md="x")
        made.build("//:it")
        (made.root / "page.md").rename(made.root / "pages.md")
        assert "did you mean 'pages.md'?" in made.run("build", "//:it", code=2).err

    def test_a_target_in_a_folder_sees_its_folder(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, "")
        made.write("docs/BUILD.toml", '[it]\nrule = "files"\nsrcs = ["*.md"]\n')
        made.write("docs/page.md", "x")
        made.write("page.md", "x")
        made.build("//docs:it")
        assert self.names(made.root / "out/docs/it/tree") == ["page.md"]

    @staticmethod
    def names(tree: Path) -> list[str]:
        """Paths of the files of a tree."""
        return sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())


class TestGate:
    """Checks whose success is wanted."""

    TABLES = (
        shell("echo made > {o}")
        + """
[check]
rule = "gate"
inputs = { text = ":it" }
argv = ["grep", "-c", "made", "{text}"]
"""
    )

    def test_it_passes_and_is_remembered(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, self.TABLES)
        assert made.run("build", "//:check").out.startswith(
            "gates of //:check\n  passed       check\n"
        )
        again = made.build("//:check")
        assert again.titles() == [] and self.verdict(made) == "passed"

    def test_it_fails_with_its_log_and_what_it_checks_is_built_all_the_same(
        self, tmp_path: Path
    ) -> None:
        made = workspace(tmp_path, self.TABLES.replace('"made"', '"other"'))
        failed = made.run("build", "//...", code=1)
        assert "  failed       check" in failed.out and "exit code 1" in failed.err
        assert "   | 0\n" in failed.err  # what grep said
        assert (made.root / "out/it/o.txt").read_text() == "made\n"
        assert (
            made.run("build", "//...", code=1).out.count("failed ") == 2
        )  # the gate, and the count; not remembered

    def test_without_its_program_it_is_not_checked(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, self.TABLES.replace('"grep", "-c"', '"no-such-program"'))
        done = made.run("build", "//...")
        assert "not checked  check: it needs no-such-program" in done.out
        assert (made.root / "out/it/o.txt").exists()

    def test_without_what_it_checks_it_is_not_checked(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, self.TABLES.replace("echo made >", "false;"))
        assert (
            "not checked  check: what it checks was not built"
            in made.run("build", "//...", code=1).out
        )

    def test_no_gates(self, tmp_path: Path) -> None:
        made = workspace(tmp_path, self.TABLES.replace('"made"', '"other"'))
        assert "gates" not in made.run("build", "--no-gates", "//...").out

    def test_what_cannot_be_is_refused(self, tmp_path: Path) -> None:
        def table(argv: str, name: str) -> str:
            return f'[{name}]\nrule = "gate"\ninputs = {{ text = "BUILD.toml" }}\nargv = {argv}\n'

        refused(
            tmp_path,
            table,
            [
                ('["{text}"]', "//:t0: a gate starts a program of the host"),
                ("[]", "//:t1: argv is empty"),
                ('["cat", "{o}"]', "{o} names no input or output of //:t2"),
            ],
        )

    def verdict(self, made: Space) -> str:
        """What the one gate came to."""
        [judged] = [
            event["verdict"]
            for event in made.build("//:check").events
            if event["event"] == "judged"
        ]
        return str(judged)


class TestGroup:
    """Several targets under one label."""

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
        made = workspace(tmp_path, self.TABLES)
        assert sorted(made.build("//:some").digests()) == ["//:a o", "//:b o"]
        assert sorted(made.build("//:all").digests()) == ["//:a o", "//:b o", "//:c o"]

    def test_a_gate_in_it_is_checked(self, tmp_path: Path) -> None:
        made = workspace(
            tmp_path,
            TestGate.TABLES.replace('"made"', '"other"')
            + '[all]\nrule = "group"\ntargets = [":check"]\n',
        )
        assert "  failed       check" in made.run("build", "//:all", code=1).out


class TestMatrix:
    """One table for many targets."""

    def test_its_label_stands_for_its_cells_and_each_cell_has_a_label(self, tmp_path: Path) -> None:
        axes = '{ profile = ["raspberry-pi-5", "jetson-nano"], cores = [1, 2] }'
        made = workspace(tmp_path, f'[boards]\nrule = "hardware"\nmatrix = {axes}\n')
        listed = made.run("query", "list", "//...").out.split()
        cells = [
            f"//:boards.{profile}.{cores}"
            for profile in ("jetson-nano", "raspberry-pi-5")
            for cores in (1, 2)
        ]
        assert listed == ["//:boards", *cells]

    def test_building_it_builds_every_cell(self, tmp_path: Path) -> None:
        made = workspace(
            tmp_path,
            """
[greet]
rule = "files"
matrix = { srcs = [["BUILD.toml"]] }
""",
        )
        assert "cannot be part of a label" in made.run("build", "//:greet", code=2).err
        made.write(
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
        assert sorted(made.build("//:greet").digests()) == ["//:greet.10s o", "//:greet.5s o"]
        assert sorted(made.build("//:greet.5s").digests()) == ["//:greet.5s o"]

    def test_a_cell_that_is_not_there(self, tmp_path: Path) -> None:
        made = workspace(
            tmp_path, '[b]\nrule = "hardware"\nmatrix = { profile = ["raspberry-pi-5"] }\n'
        )
        assert (
            "did you mean '//:b.raspberry-pi-5'?"
            in made.run("build", "//:b.raspberry-pi-4", code=2).err
        )
