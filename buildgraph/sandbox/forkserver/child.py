"""The program of a warm server: an interpreter that has imported what is dear, and is forked for each action.

It reads no input of any action: orders go to the fork, which applies the sandbox to itself before the action's program
is read. It has one thread, ends when its socket does, and its forks end with it. Its own orders, and those of actions,
are NUL-separated words as in `supervisor.py`; besides those, for the server and on the rung of namespaces:

    mPATH empty folder to mount on    vPATH visible to actions   fPATH folder of imports
    NNAME=TARGET entry of that folder   iNAME module to import when the folder has it
    sPATH stage    oPATH output folder    tPATH scratch folder

Its forks have the environment of its own orders but for the folders of the action, where those of actions name them.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import select
import signal
import sys

from ...lite import TYPE_CHECKING
from ...lite.record import record
from ...lite.sockets import socket as _socket
from .. import landlock, mounts, supervisor
from . import namespaces, run_script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn, TypeAlias

Words: TypeAlias = "Mapping[str, Sequence[str]]"
# No module that has something done in each fork (threading, random) nor one that brings such in (subprocess, zipfile).
STANDARD = (
    "argparse",
    "collections.abc",
    "contextlib",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "io",
    "itertools",
    "json",
    "math",
    "operator",
    "pathlib",
    "re",
    "struct",
    "types",
    "typing",
)
_OF_ACTION = ("PWD", "TMPDIR")
HEAVY = ("numpy", "numpy.lib.format", "numpy.typing")


@record
class _Server:
    """What a fork must know of the server: the rung, its imports, and a descriptor that tells when it is dead."""

    namespaces: bool
    site: str
    tail: tuple[str, ...]
    life: int


def main(fd: int, orders: int, bare: set[str]) -> None:
    """Serve until the socket `fd` ends; `bare` are the modules that any interpreter has when it starts."""
    words = supervisor.read_orders(orders)
    os.close(orders)
    talk = _socket.socket(fileno=fd)
    try:
        if "m" in words:
            mounts.enter_shared_root(words["m"][0], words.get("v", ()), _entries(words))
            namespaces.enter_pid_namespace()
            pid, warm = namespaces.fork_warm_process(lambda inner: _warm(inner, words, bare))
            told = warm.recv(1 << 20)
            talk.send(told)
            if told and not told.startswith(b"!"):
                namespaces.NamespaceFactory(talk, pid, warm).serve()
        else:
            _warm(talk, words, bare)
    except Exception as fault:
        talk.send(f"!{type(fault).__name__}: {fault}".encode())


def _entries(words: Words) -> list[tuple[str, str]]:
    return [
        (name, target) for name, _, target in (word.partition("=") for word in words.get("N", ()))
    ]


def _warm(talk: _socket.socket, words: Words, bare: set[str]) -> None:
    """Import, say what is imported now, and serve."""
    try:
        server = _prepare(words)
        names = {name.partition(".")[0] for name in sys.modules.keys() - bare}
        talk.send("\0".join(sorted(names)).encode())
    except Exception as fault:
        talk.send(f"!{type(fault).__name__}: {fault}".encode())
        return
    if server.namespaces:
        namespaces.serve_actions(
            talk, lambda orders, log, enter: _command(server, orders, log, enter)
        )
    else:
        _serve(talk, server)


def _prepare(words: Words) -> _Server:
    tail, env = tuple(sys.path), supervisor.parse_environment(words)
    site = words["f"][0] if "PYTHONPATH" in env else ""
    run_script.set_environment(env)
    sys.path[:] = [*([site] if site else ()), *tail]
    for name in (*STANDARD, *words.get("i", ())):
        importlib.import_module(name)
    proc = "/tmp/proc" if "m" in words else "/proc"
    if len(os.listdir(f"{proc}/self/task")) != 1:
        raise RuntimeError("what it imported started threads")
    for name in [
        name for name in sys.modules if name.partition(".")[0] == __name__.partition(".")[0]
    ]:
        del sys.modules[name]  # a program must not find them; what runs here holds them already
    for folder in sys.path_importer_cache.keys() - set(tail):  # other files will stand there
        del sys.path_importer_cache[folder]
    gc.collect()
    gc.freeze()  # collections in the forks then leave these pages alone
    if hasattr(landlock.libc, "malloc_trim"):
        landlock.libc.malloc_trim(0)  # a page that is not there is not copied
    return _Server("m" in words, site, tail, os.pidfd_open(os.getpid()))


def _serve(talk: _socket.socket, server: _Server) -> None:
    while True:
        fds = namespaces.receive_descriptors(talk, 3)
        namespaces.reap_children()
        if len(fds) < 3:
            return
        try:
            pid, life = namespaces.fork_with_pidfd()
        except OSError as fault:
            talk.send(f"!{fault}".encode())
        else:
            if not pid:
                talk.close()
                _act(server, fds[0], fds[1], fds[2])
            namespaces.send_descriptors(talk, (life,))
            os.close(life)
        for fd in fds:
            os.close(fd)


def _act(server: _Server, orders: int, log: int, status: int) -> NoReturn:
    """The supervisor of an action: it waits, and writes what was used as "exit code, CPU ms, peak KiB".

    It does as little as it can before it forks the command: each page that it touches is copied once more.
    """
    try:
        landlock.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if select.select([server.life], [], [], 0)[0]:
            os._exit(0)
        code = supervisor.supervise(lambda: _command(server, orders, log))
        used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
        cpu = sum(use.ru_utime + use.ru_stime for use in used)
        os.write(status, f"{code} {round(cpu * 1000)} {used[0].ru_maxrss}".encode())
    finally:
        os._exit(0)


def _command(
    server: _Server, orders: int, log: int, enter: Callable[[], int] | None = None
) -> NoReturn:
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        words = supervisor.read_orders(orders)
        env = supervisor.parse_environment(words)
        if enter is not None:
            mounts.drop_privileges(enter())
        else:
            supervisor.start_session(words)
        folder = mounts.FOLDER if server.namespaces else words["s"][0]
        os.chdir(folder)
        os.closerange(3, 1 << 16)
    except BaseException as fault:
        os.write(
            2,
            f"{supervisor.CANNOT_RUN_TEXT}: {type(fault).__name__}: {fault}\n".encode(
                errors="replace"
            ),
        )
        os._exit(supervisor.CANNOT_CONFINE)
    try:
        run_script.run_program(
            words["a"],
            folder,
            {name: env[name] for name in _OF_ACTION if name in env},
            server.site,
            server.tail,
        )
    finally:
        os._exit(1)
