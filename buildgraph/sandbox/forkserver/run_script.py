"""Run a Python program in this process as a fresh interpreter would: same `__main__`, same words, same end.

Called in a process that was just forked from a warm one; it never returns.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import types
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader
from itertools import islice
from typing import NoReturn


def set_environment(env: Mapping[str, str]) -> None:
    """Have an environment in the order in which it is given, as who starts with it has."""
    coerced = {
        name: value for name, value in os.environ.items() if name.startswith("LC_")
    }  # PEP 538
    os.environ.clear()
    os.environ.update(dict(env) | coerced)


def run_program(
    argv: Sequence[str], folder: str, env: Mapping[str, str], site: str, tail: Sequence[str]
) -> NoReturn:
    """Run `argv`, an interpreter and its three flags before a program, in the working folder that stands already.

    `env` is what differs from the environment that stands, `tail` the search path of the standard library. Distributions
    that were imported from the folder `site`, if there are any, are made to look as if they came from that of `folder`.
    """
    os.environ.update(env)
    path = f"{folder}/{argv[4]}"
    sys.argv, sys.orig_argv = list(argv[4:]), list(argv)
    sys.path[:] = [path.rpartition("/")[0], *([f"{folder}/site"] if site else ()), *tail]
    if site and site != f"{folder}/site":
        _moved(site, f"{folder}/site")
    _finish(_execute(path))


def _execute(path: str) -> int:
    module = types.ModuleType("__main__")
    loader = SourceFileLoader("__main__", path)
    vars(module).update(
        __loader__=loader,
        __annotations__={},
        __builtins__=sys.modules["builtins"],
        __file__=path,
        __cached__=None,
    )
    sys.modules["__main__"] = module
    known = len(
        sys.modules
    )  # their names are not looked at: that alone would copy every page that holds one
    try:
        exec(
            loader.source_to_code(loader.get_data(path), path), vars(module)
        )  # what an interpreter does with it
        code = 0
    except SystemExit as end:
        code = _code(end.code)
    except BaseException as fault:
        code = _told(fault, path)
    code = _shut(code)
    new = islice(reversed(sys.modules), max(0, len(sys.modules) - known))
    _clear([module, *(sys.modules[name] for name in new)])
    return code


def _code(given: object) -> int:
    if given is None:
        return 0
    if isinstance(given, int):
        return given & 0xFF
    _say(given)
    return 1


def _say(given: object) -> None:
    try:
        print(given, file=sys.stderr)
    except Exception:
        return


def _told(fault: BaseException, path: str) -> int:
    """Print the traceback of the program's own frames; the exit code, 130 standing for an interrupt."""
    trace = fault.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    if isinstance(fault, SyntaxError) and fault.filename == path:
        trace = None
    try:
        sys.excepthook(type(fault), fault.with_traceback(trace), trace)
    except SystemExit as end:
        return _code(end.code)
    except BaseException as second:
        sys.__excepthook__(type(second), second, second.__traceback__)
    return 128 + signal.SIGINT if isinstance(fault, KeyboardInterrupt) else 1


def _shut(code: int) -> int:
    """What an interpreter does before it takes itself apart: wait for threads, call what asked for it, flush."""
    if "threading" in sys.modules:
        getattr(sys.modules["threading"], "_shutdown")()
    import atexit

    if getattr(atexit, "_ncallbacks")():
        getattr(atexit, "_run_exitfuncs")()
    return code if _flush() else code or 120


def _clear(modules: Sequence[types.ModuleType | None]) -> None:
    """Let go of all that the program holds, so that files it left open are written out and finalizers run."""
    _write_out()  # in a cycle, a file may be closed before what is buffered for it is written
    for module in modules:
        names = vars(module) if module is not None else {}
        for first in (True, False):
            for name in list(names):
                if name != "__builtins__" and first == (
                    name.startswith("_") and not name.startswith("__")
                ):
                    names[name] = None
    gc.collect()
    _write_out()


def _write_out() -> None:
    """Flush every file that is open; the server's own objects are frozen and not among these."""
    for left in gc.get_objects():
        if type(left) in (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom):
            try:
                left.flush()
            except (OSError, ValueError):
                continue


def _finish(code: int) -> NoReturn:
    _flush()
    if code == 128 + signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code)


def _flush() -> bool:
    well = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError):
            well = stream is sys.stderr and well
    return well


def _moved(old: str, new: str) -> None:
    """Modules that were imported below one folder say that they were imported below another."""
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        if not str(getattr(module, "__file__", None)).startswith(f"{old}/") or spec is None:
            continue
        for thing, name in (
            (module, "__file__"),
            (module, "__cached__"),
            (spec, "origin"),
            (spec, "cached"),
            (spec.loader, "path"),
        ):
            value = getattr(thing, name, None)
            if isinstance(value, str):
                setattr(thing, name, new + value.removeprefix(old))
        if isinstance(module.__dict__.get("__path__"), list):
            module.__path__[:] = [new + path.removeprefix(old) for path in module.__path__]
