"""Random workspaces, the edits of them, and a model of what each output must be."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

TARGET = """
[t{number}]
rule = "command"
inputs = {{ {inputs} }}
outputs = {{ o = "o.txt" }}
argv = ["sh", "-c", "cat {words} | sed 's/#.*//' > $0; echo {salt} >> $0", "{{o}}"]
"""
SITE = """
[site]
rule = "command"
inputs = {{ d0 = ":t0" }}
outputs = {{ o = "{name}/" }}
argv = ["sh", "-c", "mkdir -p $0/d/empty; cp {{d0}} $0/a; ln -s ../a $0/d/link", "{{o}}"]
# {remark}
"""
PARTS_TARGET = """
[parts]
rule = "files"
srcs = ["parts/**/*.txt", "*.toml"]
"""
OPTIONS = ((), ("-j2",), ("-k", "-q"), ("--jobs", "1"))


@dataclass
class World:
    """The contents of the workspace, and the model of its outputs."""

    needs: list[list[int]]
    files: list[str]
    salts: list[int]
    name: str = "site0"  # of the folder
    has_glob: bool = False  # a target reads BUILD.toml and the text files below parts/
    parts: dict[str, str] = field(default_factory=lambda: {"always.txt": "part\n"})
    unread: dict[str, str] = field(default_factory=dict)
    remark: int = 0
    order: int = 0  # of the tables
    options: int = 0
    seen: set[tuple[object, ...]] = field(default_factory=set)

    def toml(self) -> str:
        """The workspace as a BUILD.toml."""
        tables: list[str] = []
        for number, need in enumerate(self.needs):
            names = [f'f = "f{number}.txt"'] + [f'd{other} = ":t{other}"' for other in need]
            words = " ".join(["{f}"] + [f"{{d{other}}}" for other in need])
            inputs = ", ".join(names)
            tables.append(
                TARGET.format(number=number, inputs=inputs, words=words, salt=self.salts[number])
            )
        tables += [SITE.format(name=self.name, remark=self.remark), PARTS_TARGET * self.has_glob]
        first = self.order % len(tables)
        return '[workspace]\nname = "w"\n' + "".join(tables[first:] + tables[:first])

    def outputs(self) -> tuple[list[str], int]:
        """The content of each output, and how many actions were never seen before."""
        outputs: list[str] = []
        fresh: set[tuple[object, ...]] = set()
        for number, need in enumerate(self.needs):
            inputs = [self.files[number], *(outputs[other] for other in need)]
            outputs.append(
                "".join(line.split("#")[0] + "\n" for line in "".join(inputs).splitlines())
                + f"{self.salts[number]}\n"
            )
            action = (number, tuple(need), self.salts[number], tuple(inputs))
            if action not in self.seen:
                fresh.add(action)
            self.seen.add(action)
        fresh |= {site for site in [("site", self.name, outputs[0])] if site not in self.seen}
        if self.has_glob:
            fresh |= {("parts", self.toml(), *sorted(self.parts.items()))} - self.seen
        self.seen |= fresh
        return outputs, len(fresh)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to seven targets; each needs some before it."""
    size = draw(st.integers(1, 7))
    needs = [
        sorted(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else [] for n in range(size)
    ]
    has_glob = draw(st.booleans())
    return World(needs, [f"file {n}#\n" for n in range(size)], [0] * size, has_glob=has_glob)


KINDS = (
    "text",
    "comment",
    "salt",
    "salt",
    "salt",
    "order",
    "need",
    "more",
    "less",
    "back",
    "touch",
    "break",
    "same",
    "clone",
    "clone",
    "clone",
    "name",
    "hand",
    "part",
    "unread",
    "remark",
    "options",
)
EDITS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=5
)


def edit(world: World, first: World, kind: str, at: int, value: int) -> None:
    """Change the workspace and its model; `first` is what it was in the beginning."""
    match kind:
        case "text":
            world.files[at] = f"file {at} {value}#\n"
        case "comment":
            world.files[at] = world.files[at].split("#")[0] + f"#{value}\n"
        case "salt":
            world.salts[at] = value
        case "need" if value < at:
            world.needs[at] = sorted(set(world.needs[at]) ^ {value})
        case "name":
            world.name = f"site{value}"
        case "part":
            path = f"{'deep/' * (value // 2)}p{at % 2}.txt"
            if world.parts.pop(path, None) is None:
                world.parts[path] = f"part {at}\n"
        case "unread":
            path = ("parts/notes.md", "notes", ".hidden/x", "more/x")[value]
            if world.unread.pop(path, None) is None:
                world.unread[path] = f"{at}\n"
        case "remark":
            world.remark = 10 * at + value
        case "order":
            world.order = at + value
        case "options":
            world.options = value
        case "more":
            number = len(world.needs)
            world.needs.append([at])
            world.files.append(f"file {number}#\n")
            world.salts.append(0)
        case "less" if len(world.needs) > 1:  # the last, which nothing needs
            world.needs.pop()
        case "back":
            size = min(len(world.needs), len(first.needs))
            world.needs[:size], world.files[:size], world.salts[:size] = (
                [list(need) for need in first.needs[:size]],
                first.files[:size],
                first.salts[:size],
            )
