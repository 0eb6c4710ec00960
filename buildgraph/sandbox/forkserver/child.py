"""Program of a fork server: an interpreter with slow modules imported, forked for each action.

It reads no inputs of actions: orders go to the fork, which enters its sandbox before it reads the
program of the action. The server has one thread, exits when its socket is closed, and its forks
are killed with it. Orders of the server and of actions are strings with a letter, as in
`supervisor.py`. These are added:

    letter   rest of the string    meaning
    m        PATH                  server, level `namespaces`: empty folder to mount the root on
    v        PATH                  server: path of the host that actions see
    f        PATH                  server: folder of distributions to import from
    N        NAME=TARGET           server: entry of that folder
    i        NAME                  server: module to import
    s        PATH                  action: stage
    o        PATH                  action: folder of outputs
    t        PATH                  action: scratch folder

Forks have the environment of the server's orders, with PWD and TMPDIR of the action's orders.
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
from ...lite.libc import libc, prctl
from ...lite.record import Record
from ...lite.sockets import socket as _socket
from .. import mounts, supervisor
from . import namespaces, run_script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn, TypeAlias

Orders: TypeAlias = "Mapping[str, Sequence[str]]"
# No module that registers an at-fork handler (threading, random) or imports one (subprocess,
# zipfile).
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
_ACTION_VARIABLES = ("PWD", "TMPDIR")
HEAVY = ("numpy", "numpy.lib.format", "numpy.typing")


class _Server(Record):
    """State of the server that forks need.

    `site` is the folder of imported distributions, `tail` the search path of the standard library,
    and `pidfd` a descriptor that becomes readable when the server is dead.
    """

    namespaces: bool
    site: str
    tail: tuple[str, ...]
    pidfd: int


def main(fd: int, orders_fd: int, bare: set[str]) -> None:
    """Serve until the socket `fd` is closed; `bare` are the modules of a new interpreter."""
    supervisor.load_confinement()
    orders = supervisor.read_orders(orders_fd)
    os.close(orders_fd)
    channel = _socket.socket(fileno=fd)
    try:
        if "m" in orders:
            mounts.enter_shared_root(orders["m"][0], orders.get("v", ()), _site_entries(orders))
            namespaces.enter_pid_namespace()
            pid, warm = namespaces.fork_warm_process(lambda inner: _warm(inner, orders, bare))
            reply = warm.recv(1 << 20)
            channel.send(reply)
            if reply and not reply.startswith(b"!"):
                namespaces.NamespaceFactory(channel, pid, warm).serve()
        else:
            _warm(channel, orders, bare)
    except Exception as error:
        channel.send(f"!{type(error).__name__}: {error}".encode())


def _site_entries(orders: Orders) -> list[tuple[str, str]]:
    pairs = (order.partition("=") for order in orders.get("N", ()))
    return [(name, target) for name, _, target in pairs]


def _warm(channel: _socket.socket, orders: Orders, bare: set[str]) -> None:
    """Import modules, send their names, and serve actions."""
    try:
        server = _prepare(orders)
        names = {name.partition(".")[0] for name in sys.modules.keys() - bare}
        channel.send("\0".join(sorted(names)).encode())
    except Exception as error:
        channel.send(f"!{type(error).__name__}: {error}".encode())
        return
    if server.namespaces:
        namespaces.serve_actions(
            channel, lambda orders_fd, log, enter: _run_command(server, orders_fd, log, enter)
        )
    else:
        _serve(channel, server)


def _prepare(orders: Orders) -> _Server:
    """Import modules, and arrange memory so that forks copy few pages."""
    tail, env = tuple(sys.path), supervisor.parse_environment(orders)
    site = orders["f"][0] if "PYTHONPATH" in env else ""
    run_script.set_environment(env)
    sys.path[:] = [*([site] if site else ()), *tail]
    for name in (*STANDARD, *orders.get("i", ())):
        importlib.import_module(name)
    proc = "/tmp/proc" if "m" in orders else "/proc"
    if len(os.listdir(f"{proc}/self/task")) != 1:
        raise RuntimeError("an imported module started a thread")
    own = __name__.partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == own]:
        del sys.modules[name]  # so that programs do not find them; this code has its references
    for folder in sys.path_importer_cache.keys() - set(tail):
        del sys.path_importer_cache[folder]  # the folders of actions have other files
    gc.collect()
    gc.freeze()  # garbage collections in forks then do not touch these pages
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)  # a page that is not there is not copied
    return _Server("m" in orders, site, tail, os.pidfd_open(os.getpid()))


def _serve(channel: _socket.socket, server: _Server) -> None:
    """Fork a supervisor for each action, at the levels without namespaces."""
    while True:
        fds = namespaces.receive_descriptors(channel, 3)
        namespaces.reap_children()
        if len(fds) < 3:
            return
        try:
            pid, pidfd = namespaces.fork_with_pidfd()
        except OSError as error:
            channel.send(f"!{error}".encode())
        else:
            if not pid:
                channel.close()
                _supervise(server, fds[0], fds[1], fds[2])
            namespaces.send_descriptors(channel, (pidfd,))
            os.close(pidfd)
        for fd in fds:
            os.close(fd)


def _supervise(server: _Server, orders_fd: int, log: int, status: int) -> NoReturn:
    """Run an action and wait for it; write "<exit code> <CPU ms> <peak KiB>" to `status`.

    Little is done before the command is forked, because each page that is touched here is copied.
    """
    try:
        prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if select.select([server.pidfd], [], [], 0)[0]:
            os._exit(0)
        code = supervisor.supervise(lambda: _run_command(server, orders_fd, log))
        used = [resource.getrusage(of) for of in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
        cpu = sum(usage.ru_utime + usage.ru_stime for usage in used)
        os.write(status, f"{code} {round(cpu * 1000)} {used[0].ru_maxrss}".encode())
    finally:
        os._exit(0)


def _run_command(
    server: _Server, orders_fd: int, log: int, enter: Callable[[], int] | None = None
) -> NoReturn:
    """Enter the sandbox of an action, and run its program."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        orders = supervisor.read_orders(orders_fd)
        env = supervisor.parse_environment(orders)
        if enter is not None:
            mounts.drop_privileges(enter())
        else:
            supervisor.start_session(orders)
        folder = mounts.FOLDER if server.namespaces else orders["s"][0]
        os.chdir(folder)
        os.closerange(3, 1 << 16)
    except BaseException as error:
        message = f"{supervisor.CANNOT_RUN_TEXT}: {type(error).__name__}: {error}\n"
        os.write(2, message.encode(errors="replace"))
        os._exit(supervisor.CANNOT_CONFINE)
    try:
        run_script.run_program(
            orders["a"],
            folder,
            {name: env[name] for name in _ACTION_VARIABLES if name in env},
            server.site,
            server.tail,
        )
    finally:
        os._exit(1)
