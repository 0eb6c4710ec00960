"""Run the Python file of a model: working folder, imports, files, and error messages.

The folder of the file is first on `sys.path`. With `inputs` it is also the working folder, so
`import helper` and `open("data.csv")` find declared files. Without `inputs` the working folder is
the root of the workspace. The model cannot import modules of this program, so a helper may have any
name.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import decode_source
from pathlib import Path
from typing import Any

from agentc.ir.types import ModelError

PROGRAM_FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The folder of the program, which contains its packages."""
DISTRIBUTIONS = dict(
    pair.split("=")
    for pair in (
        "attr=attrs bs4=beautifulsoup4 cairo=pycairo Crypto=pycryptodome cv2=opencv-python "
        "dateutil=python-dateutil dotenv=python-dotenv fitz=PyMuPDF git=GitPython "
        "mpl_toolkits=matplotlib OpenSSL=pyOpenSSL PIL=pillow pylab=matplotlib "
        "pymdp=inferactively-pymdp serial=pyserial skimage=scikit-image sklearn=scikit-learn "
        "umap=umap-learn usb=pyusb yaml=PyYAML zmq=pyzmq"
    ).split()
)
"""Distributions of modules with another name."""
MAX_FRAMES = 8


class SourceError(ModelError):
    """The file cannot be run, or it raised an error. `calls` are lines of the user's files."""

    def __init__(self, error: str, calls: Sequence[str] = ()) -> None:
        super().__init__([error])
        self.calls = tuple(calls)


def run_entry(path: Path, entry: str, arguments: Mapping[str, Any], inputs: bool = False) -> Any:
    """Execute the file and call its entry; ModelError with file and line if it raises."""
    stage, process, whole = os.getcwd(), os.getpid(), Path(os.path.abspath(path))
    text = _text(whole)
    module = types.ModuleType("model_source_file")
    module.__file__ = str(whole)
    with _running_in(str(whole.parent), stage, inputs):
        sys.modules[module.__name__] = module
        place = _SourceLocation(str(whole), stage)
        try:
            exec(compile(text, str(whole), "exec"), module.__dict__)
            function = getattr(module, entry, None)
            if not callable(function):
                raise SourceError(
                    f"{path.name} has no function {entry!r}: `entry` names the one that builds"
                )
            return function(**arguments)
        except SourceError:
            raise
        except (Exception, SystemExit) as error:
            raise SourceError(place.error(error), place.calls(error)) from error
        finally:
            if os.getpid() != process:  # a process that the model forked and that came back from it
                os._exit(0)


def _text(path: Path) -> str:
    """Decode the file: UTF-8, or the encoding that its first lines declare (PEP 263)."""
    data = path.read_bytes()
    try:
        return decode_source(data)
    except (UnicodeDecodeError, SyntaxError) as error:
        line = (
            data[: error.start].count(b"\n") + 1
            if isinstance(error, UnicodeDecodeError)
            else _first_odd_line(data)
        )
        reason = (
            error.msg if isinstance(error, SyntaxError) and not line else "this line is not UTF-8"
        )
        raise SourceError(
            f"{path.name}, line {line or 1}: {reason}: save the file as UTF-8 text"
        ) from error


def _first_odd_line(data: bytes) -> int:
    """Return the first line that is not UTF-8, 0 if there is none."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data[: error.start].count(b"\n") + 1
    return 0


def exit_or_name_threads(path: Path, before: Iterable[threading.Thread], code: int) -> None:
    """Exit without waiting for the model's threads on failure; otherwise print their names."""
    left = [
        thread.name
        for thread in threading.enumerate()
        if thread not in before and not thread.daemon
    ]
    if left and code:
        os._exit(code)
    if left:
        print(
            f"note: {path.name} left threads running, which are waited for: {', '.join(left)}",
            file=sys.stderr,
            flush=True,
        )


@contextmanager
def _running_in(folder: str, stage: str, inputs: bool) -> Iterator[None]:
    """Switch working folder, search path and modules to those of a model; restore them after it."""
    _make_paths_absolute(stage)
    path, streams = list(sys.path), (sys.stdout, sys.stderr)
    ours = {name: module for name, module in sys.modules.items() if _is_own_module(name, module)}
    for name in ours:
        del sys.modules[name]
    sys.path[:] = [folder, *(entry for entry in path if entry not in (PROGRAM_FOLDER, folder))]
    sys.argv[1:], words = [], sys.argv[1:]
    os.chdir(folder if inputs else stage)
    try:
        yield
    finally:
        os.chdir(stage)
        sys.argv[1:], sys.path[:] = words, path
        sys.modules.update(ours)
        for stream in {sys.stdout, sys.stderr, *streams}:
            if stream is not None and not stream.closed:
                stream.flush()
        sys.stdout, sys.stderr = streams


def _make_paths_absolute(stage: str) -> None:
    """Make relative search paths absolute before the working folder changes."""
    sys.path[:] = [os.path.join(stage, entry) for entry in sys.path]
    if os.environ.get("PYTHONPATH"):
        entries = os.environ["PYTHONPATH"].split(os.pathsep)
        os.environ["PYTHONPATH"] = os.pathsep.join(os.path.join(stage, entry) for entry in entries)
    for module in list(sys.modules.values()):
        places, file = getattr(module, "__path__", None), getattr(module, "__file__", None)
        if isinstance(places, list):
            places[:] = [os.path.join(stage, entry) for entry in places]
        if isinstance(file, str) and not os.path.isabs(file):
            module.__file__ = os.path.join(stage, file)


def _is_own_module(name: str, module: types.ModuleType) -> bool:
    """Return whether a module belongs to this program. `__main__` does not count."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return False
    return os.path.abspath(file) in (_own_file(name), _own_file(f"{name}.__init__"))


def _own_file(name: str) -> str:
    """Return the path of a module of this program by its dotted name."""
    return os.path.join(PROGRAM_FOLDER, *name.split(".")) + ".py"


class _SourceLocation:
    """Location of the model's file, for error messages."""

    def __init__(self, path: str, stage: str) -> None:
        self.path, self.stage, self.folder = path, stage, os.path.dirname(path)
        self.name = os.path.basename(path)
        self.outside = (PROGRAM_FOLDER, *sys.path[1:])

    def is_user(self, file: str) -> bool:
        """Return whether a file is the user's: below the model's folder or the workspace."""
        whole = os.path.join(self.stage, file)
        return whole == self.path or (
            _below(whole, (self.folder, self.stage)) and not _below(whole, self.outside)
        )

    def relative_path(self, file: str) -> str:
        """Return a path relative to the model's folder, or to the workspace."""
        return os.path.relpath(file, self.folder if _below(file, (self.folder,)) else self.stage)

    def error(self, error: BaseException) -> str:
        """Format an error in one line: file, line, error, and advice if there is any."""
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if self.is_user(frame.filename)
        ]
        if isinstance(error, SyntaxError) and error.filename and self.is_user(error.filename):
            where = (
                f"{self.relative_path(error.filename)}, line {error.lineno}"
                if error.lineno
                else self.relative_path(error.filename)
            )
        else:
            where = (
                f"{self.relative_path(frames[-1].filename)}, line {frames[-1].lineno}"
                if frames
                else self.name
            )
        if isinstance(error, SystemExit):
            code = "" if error.code is None else repr(error.code)
            return (
                f"{where}: the model called sys.exit({code}): return the model from the "
                "entry, or raise an error"
            )
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        hint = self._hint(error, not frames)
        return f"{where}: {type(error).__name__}{': ' * bool(text)}{text}{': ' * bool(hint)}{hint}"

    def calls(self, error: BaseException) -> list[str]:
        """Return the user's stack frames, oldest first; for a syntax error the line with a
        caret.
        """
        summary = traceback.TracebackException.from_exception(error, compact=True)
        lines: list[str] = []
        for one in _causes(summary):
            lines += [
                *self._frames(one),
                *(f"{line}\n" for line in "".join(one.format_exception_only()).splitlines()),
            ]
            lines.append("\nthat error led to the next one:\n")
        lines += self._frames(summary)
        if isinstance(error, SyntaxError):
            lines += [
                f"{line}\n"
                for line in "".join(summary.format_exception_only()).splitlines()[:-1]
                if not line.startswith("  File ")
            ]
        return "".join(lines).splitlines()

    def _frames(self, summary: traceback.TracebackException) -> Iterable[str]:
        own = [frame for frame in summary.stack if self.is_user(frame.filename)]
        for frame in own[-MAX_FRAMES:]:
            yield (
                f'  File "{self.relative_path(frame.filename)}", line {frame.lineno}, in '
                f"{frame.name}\n"
            )
            if frame.line:
                yield f"    {frame.line.strip()}\n"

    def _hint(self, error: BaseException, outside: bool) -> str:
        """Return advice for common errors; `outside`: no line of the file has run."""
        if isinstance(error, ModuleNotFoundError) and error.name:
            return self._missing(error.name)
        if isinstance(error, ImportError) and "relative import" in str(error):
            return (
                "a model is not part of a package: write `import helper`, and "
                f"{self._inputs('helper.py')}"
            )
        if isinstance(error, FileNotFoundError | PermissionError):
            return self._undeclared(error.filename)
        if isinstance(error, SyntaxError) and "codec can't decode" in str(error.msg):
            return "save the file as UTF-8 text"
        if isinstance(error, TypeError) and outside:
            return "the entry is called with the keys of `args`"
        return ""

    def _missing(self, name: str) -> str:
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            return ""
        known = DISTRIBUTIONS.get(name) or DISTRIBUTIONS.get(top)
        declared = (
            f'packages = ["{known or top}"] in the model\'s table makes the distribution available'
        )
        return (
            declared
            if known
            else f"if it is a file beside {self.name}: {self._inputs(f'{top}.py')}; else {declared}"
        )

    def _inputs(self, name: str) -> str:
        """Return the `inputs` entry for a file, by its path relative to the model's folder."""
        whole = os.path.relpath(os.path.join(self.folder, name), self.stage)
        return (
            f'inputs = ["{name if whole.startswith("..") else whole}"] (relative to '
            "BUILD.toml, as source is)"
        )

    def _undeclared(self, name: object) -> str:
        """Return advice for a missing file; absolute paths are outside of the sandbox."""
        known = "a model sees its declared inputs only"
        if not isinstance(name, str):
            return f"{known}: name the file in inputs"
        if os.path.isabs(name) and not _below(name, (self.stage, self.folder)):
            return (
                f"{known}: copy the file into the workspace, name it in inputs, and open it "
                "by its path relative to the model"
            )
        own = os.path.relpath(self.folder, self.stage) + os.sep
        beside = name.removeprefix(own)
        opened = f", opened as {beside!r}, from the folder of the model" if beside != name else ""
        return f"{known}: {self._inputs(beside)}{opened}"


def _causes(summary: traceback.TracebackException) -> list[traceback.TracebackException]:
    """Return the causes of an error, the first one first."""
    before: list[traceback.TracebackException] = []
    one = summary
    while len(before) < MAX_FRAMES:
        earlier = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if earlier is None:
            break
        before.insert(0, earlier)
        one = earlier
    return before


def _below(path: str, folders: Iterable[str]) -> bool:
    whole = os.path.normpath(path)
    return any(
        whole == folder or whole.startswith(folder + os.sep)
        for folder in map(os.path.normpath, folders)
    )
