"""Signals are those of the module `signal`, with and without `_signal`."""

from __future__ import annotations

import signal as public

import pytest

from buildgraph.lite import signals
from tests.support.missing_modules import load_without


@pytest.mark.parametrize("module", [signals, load_without(signals, "_signal")])
def test_numbers_and_functions_are_those_of_signal(module: object) -> None:
    signal = getattr(module, "signal")
    assert (signal.SIGINT, signal.SIGTERM) == (public.SIGINT, public.SIGTERM)
    handler = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    assert public.getsignal(public.SIGUSR1) == public.SIG_IGN
    signal.signal(signal.SIGUSR1, handler)


def test_enum_is_not_used() -> None:
    assert type(signals.signal.SIGINT) is int
    assert load_without(signals, "_signal").signal is public
