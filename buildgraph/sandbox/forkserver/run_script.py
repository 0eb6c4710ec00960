"""Run a Python program in this process as a new interpreter would: `__main__`, argv, exit code.

The process was just forked from a warm interpreter. `run_program` never returns.
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
    """Replace the environment, in the order of `env`, as a started program sees it."""
    # LC_ variables of the locale coercion (PEP 538) stay: a new interpreter sets them, too.
    coerced = {name: value for name, value in os.environ.items() if name.startswith("LC_")}
    os.environ.clear()
    os.environ.update(dict(env) | coerced)


def run_program(
    argv: Sequence[str], folder: str, env: Mapping[str, str], site: str, tail: Sequence[str]
) -> NoReturn:
    """Run `argv` (an interpreter, three flags, a program and its arguments) in the current folder.

    `folder` is the path of the current folder. `env` are the variables to add to the environment,
    and `tail` is the search path of the standard library. Modules that were imported from the
    folder `site`, if it is not empty, get the paths that they have below `folder`.
    """
    os.environ.update(env)
    path = f"{folder}/{argv[4]}"
    sys.argv, sys.orig_argv = list(argv[4:]), list(argv)
    sys.path[:] = [path.rpartition("/")[0], *([f"{folder}/site"] if site else ()), *tail]
    if site and site != f"{folder}/site":
        _relocate_modules(site, f"{folder}/site")
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
    # Counted, not listed: reading the names would copy every page that contains one.
    imported = len(sys.modules)
    try:
        exec(loader.source_to_code(loader.get_data(path), path), vars(module))
        code = 0
    except SystemExit as end:
        code = _exit_code(end.code)
    except BaseException as error:
        code = _print_traceback(error, path)
    code = _shut_down(code)
    new = islice(reversed(sys.modules), max(0, len(sys.modules) - imported))
    _clear([module, *(sys.modules[name] for name in new)])
    return code


def _exit_code(value: object) -> int:
    """Return the exit code of `sys.exit(value)`; print a value that is not a number."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value & 0xFF
    try:
        print(value, file=sys.stderr)
    except Exception:
        return 1
    return 1


def _print_traceback(error: BaseException, path: str) -> int:
    """Print the traceback of the program's frames; return the exit code (130: interrupt)."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == path:
        trace = None
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException as second:
        sys.__excepthook__(type(second), second, second.__traceback__)
    return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def _shut_down(code: int) -> int:
    """Wait for threads, call exit handlers and flush, as an interpreter does at its end."""
    if "threading" in sys.modules:
        getattr(sys.modules["threading"], "_shutdown")()
    import atexit

    if getattr(atexit, "_ncallbacks")():
        getattr(atexit, "_run_exitfuncs")()
    return code if _flush() else code or 120


def _clear(modules: Sequence[types.ModuleType | None]) -> None:
    """Delete the program's objects, so that open files are flushed and finalizers run.

    As an interpreter does, names with one leading underscore are deleted first.
    """
    _flush_files()  # in a reference cycle, a file may be closed before its buffer is written
    for module in modules:
        names = vars(module) if module is not None else {}
        for first in (True, False):
            for name in list(names):
                if name != "__builtins__" and first == (
                    name.startswith("_") and not name.startswith("__")
                ):
                    names[name] = None
    gc.collect()
    _flush_files()


def _flush_files() -> None:
    """Flush every open file; `gc` does not list the server's own objects, which are frozen."""
    for item in gc.get_objects():
        if type(item) in (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom):
            try:
                item.flush()
            except (OSError, ValueError):
                continue


def _finish(code: int) -> NoReturn:
    _flush()
    if code == 128 + signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code)


def _flush() -> bool:
    """Flush stdout and stderr; False when stdout cannot be written."""
    is_written = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError):
            is_written = stream is sys.stderr and is_written
    return is_written


def _relocate_modules(old: str, new: str) -> None:
    """Replace the folder `old` by `new` in the paths of imported modules."""
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        if not str(getattr(module, "__file__", None)).startswith(f"{old}/") or spec is None:
            continue
        for owner, name in (
            (module, "__file__"),
            (module, "__cached__"),
            (spec, "origin"),
            (spec, "cached"),
            (spec.loader, "path"),
        ):
            value = getattr(owner, name, None)
            if isinstance(value, str):
                setattr(owner, name, new + value.removeprefix(old))
        if isinstance(module.__dict__.get("__path__"), list):
            module.__path__[:] = [new + path.removeprefix(old) for path in module.__path__]
