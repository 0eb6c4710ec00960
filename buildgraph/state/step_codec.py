"""Actions and their results as lines of a snapshot.

An action is a line of strings that NUL separates. It begins with what a report names, so that a
reader of unchanged actions decodes no more:

    position  package  name  title  count  (number package name output file artifact tree) * count
    the action

`position` distinguishes actions of one label and title. The numbers are those of requested outputs
that the action makes. The record of its last result is another line: key, milliseconds, and the
state of each of those outputs.
"""

from __future__ import annotations

from ..keys.action_graph import RequestedOutput
from ..lite import TYPE_CHECKING
from ..lite.pack import pack_strings
from ..lite.record import Record
from ..types.action import Action, Artifact, Content, Out, Output, Shipped, Source
from ..types.digest import Digest
from ..types.events import Built
from ..types.label import Label
from ..types.result import File, Node, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_HEAD, _OUTPUT = 5, 7  # strings before the requested outputs, and of each of them
_INPUT = 5  # strings of an input


class ActionLine:
    """The strings of an action's line. The action itself is split when it is asked for."""

    def __init__(self, line: bytes) -> None:
        *self._head, rest = line.decode("utf-8", "surrogateescape").split("\0", _HEAD)
        *self._outputs, self._rest = rest.split("\0", _OUTPUT * int(self._head[4]))

    @property
    def position(self) -> int:
        """The position of the action among those of its label and title, from 1."""
        return int(self._head[0])

    @property
    def label(self) -> str:
        """The label of the target that declares the action."""
        return f"//{self._head[1]}:{self._head[2]}"

    @property
    def title(self) -> str:
        """The title of the action."""
        return self._head[3]

    @property
    def content(self) -> str:
        """The action itself, in strings that NUL separates."""
        return self._rest

    def numbers(self) -> tuple[int, ...]:
        """The numbers of the requested outputs that the action makes."""
        return tuple(map(int, self._outputs[::_OUTPUT]))

    def requested(self, action: Action) -> Iterator[tuple[int, RequestedOutput]]:
        """The requested outputs that the action makes, by number."""
        for at in range(0, len(self._outputs), _OUTPUT):
            number, package, target, name, file, artifact, tree = self._outputs[at : at + _OUTPUT]
            output = Output(artifact, action, tree == "t")
            yield int(number), RequestedOutput(Label(package, target), name, output, file)

    def unchanged(self, states: Sequence[bytes]) -> Iterator[tuple[int, UnchangedOutput]]:
        """The requested outputs that the action makes, in these states, by number."""
        for at, state in zip(range(0, len(self._outputs), _OUTPUT), states):
            number, package, target, name, file, _, _ = self._outputs[at : at + _OUTPUT]
            path = "/".join(filter(None, ("out", package, target, file)))
            yield int(number), _unchanged(f"//{package}:{target}", name, file, path, state)

    def _inputs(self) -> list[str]:
        strings = self._rest.split("\0", 3 + _INPUT * int(self._rest.split("\0", 3)[2]))
        return strings[3:-1]

    def kinds(self) -> set[str]:
        """The kinds of its inputs: output, content, shipped, source."""
        return {*self._inputs()[1::_INPUT]}

    def producers(self) -> list[int]:
        """The numbers of the actions whose outputs the action takes."""
        inputs = self._inputs()
        return sorted(
            {
                int(inputs[at + 3])
                for at in range(0, len(inputs), _INPUT)
                if inputs[at + 1] == "output"
            }
        )

    def action(self, producers: Mapping[int, Action]) -> Action:
        """The action; `producers` are the actions whose outputs it takes, by number."""
        strings, (_, package, name, title, _) = self._rest.split("\0"), self._head
        end = 3 + _INPUT * int(strings[2])
        inputs = tuple(
            (strings[at], decode_artifact(strings[at + 1 : at + _INPUT], producers))
            for at in range(3, end, _INPUT)
        )
        rest = iter(strings[end:])
        argv, outputs, env, platform, programs, distributions = (_counted(rest) for _ in range(6))
        return Action(
            tuple(argv),
            inputs,
            tuple(Out(path, tree == "t") for path, tree in _pairs(outputs)),
            tuple(_pairs(env)),
            tuple(programs),
            tuple(distributions),
            tuple(_pairs(platform)),
            int(strings[0]),
            strings[1] == "n",
            Label(package, name) if name else None,
            title,
        )


def encode_action(
    action: Action,
    position: int,
    requested: Iterable[tuple[int, RequestedOutput]],
    numbers: Mapping[Action, int],
) -> bytes:
    """The line of an action, its position and the outputs of it that are requested.

    `numbers` of all actions.
    """
    owner, outputs = action.owner, list[str]()
    for number, output in requested:
        outputs += (str(number), *_requested_strings(output))
        outputs += (output.artifact.name, "t" if is_tree(output.artifact) else "")
    strings = [
        str(position),
        *((owner.package, owner.name) if owner else ("", "")),
        action.title,
        str(len(outputs) // _OUTPUT),
        *outputs,
        str(action.timeout),
        "n" if action.network else "",
        str(len(action.inputs)),
    ]
    for path, artifact in action.inputs:
        strings += (path, *encode_artifact(artifact, numbers))
    strings += _count(action.argv)
    strings += _count(s for out in action.outputs for s in (out.path, "t" if out.tree else ""))
    for pairs in (action.env, action.platform):
        strings += _count(string for pair in pairs for string in pair)
    return pack_strings((*strings, *_count(action.programs), *_count(action.distributions)))


def encode_artifact(artifact: Artifact, numbers: Mapping[Action, int]) -> tuple[str, str, str, str]:
    """An artifact as four strings."""
    match artifact:
        case Output(name, action, tree):
            return "output", name, str(numbers[action]), "t" if tree else ""
        case Content(name, data):
            return "content", name, data.hex(), ""
        case Shipped(name):
            return "shipped", name, "", ""
    return "source", artifact.name, "", ""


def decode_artifact(strings: Sequence[str], producers: Mapping[int, Action]) -> Artifact:
    """An artifact from its four strings."""
    kind, name, content, tree = strings
    if kind == "output":
        return Output(name, producers[int(content)], tree == "t")
    if kind == "content":
        return Content(name, bytes.fromhex(content))
    return Shipped(name) if kind == "shipped" else Source(name)


def encode_file_outputs(outputs: Iterable[tuple[int, RequestedOutput]]) -> bytes:
    """Requested outputs that no action makes, such as files of the workspace, by number."""
    return pack_strings(
        string
        for number, output in outputs
        for string in (
            str(number),
            *_requested_strings(output),
            *encode_artifact(output.artifact, {}),
        )
    )


def decode_file_outputs(strings: Sequence[str]) -> dict[int, RequestedOutput]:
    """Requested outputs that no action makes, by number."""
    outputs: dict[int, RequestedOutput] = {}
    for at in range(0, len(strings), 9):
        number, package, target, name, file = strings[at : at + 5]
        artifact = decode_artifact(strings[at + 5 : at + 9], {})
        outputs[int(number)] = RequestedOutput(Label(package, target), name, artifact, file)
    return outputs


class StepRecord(Record):
    """The last result of an action: key, duration, and states of its requested outputs."""

    key: str
    milliseconds: int
    outputs: tuple[bytes, ...]

    def line(self) -> bytes:
        """The record as a line."""
        head = b"%s\0%d" % (self.key.encode(), self.milliseconds)
        return b"\0".join((head, *self.outputs))


def decode_record(line: bytes) -> StepRecord:
    """The record of a line."""
    key, milliseconds, *outputs = line.split(b"\0")
    return StepRecord(key.decode(), int(milliseconds), tuple(outputs))


def encode_state(node: Node, event: Built) -> bytes:
    """The state of an output that was written: kind, digest, bytes, image digest."""
    kind = "t" if isinstance(node, Tree) else "x" if node.executable else "f"
    return f"{kind} {node.digest} {event.bytes} {event.image}".encode("utf-8", "surrogateescape")


class UnchangedOutput(Record):
    """A requested output that a build does not change: event, name of its file, content."""

    event: Built
    file: str
    node: Node


def unchanged_output(output: RequestedOutput, state: bytes) -> UnchangedOutput:
    """An output in the state of the last build."""
    return _unchanged(str(output.label), output.name, output.file, output.path, state)


def _unchanged(label: str, name: str, file: str, path: str, state: bytes) -> UnchangedOutput:
    kind, digest_text, size, image = state.decode("utf-8", "surrogateescape").split(" ", 3)
    digest = Digest.parse(digest_text)
    node = Tree(digest) if kind == "t" else File(digest, kind == "x")
    return UnchangedOutput(Built(label, name, path, digest, int(size), image), file, node)


def is_tree(artifact: Artifact) -> bool:
    """True for a folder that an action makes."""
    return isinstance(artifact, Output) and artifact.tree


def _requested_strings(output: RequestedOutput) -> tuple[str, str, str, str]:
    return output.label.package, output.label.name, output.name, output.file


def _count(strings: Iterable[str]) -> list[str]:
    counted = list(strings)
    return [str(len(counted)), *counted]


def _counted(strings: Iterator[str]) -> list[str]:
    return [next(strings) for _ in range(int(next(strings)))]


def _pairs(strings: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(strings[::2], strings[1::2])
