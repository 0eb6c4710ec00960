"""The stamps of everything that a build read, for its manifest."""

from __future__ import annotations

import os

from ..files.stamp import (
    ALWAYS_STALE,
    Stamp,
    file_system_time,
    fingerprint,
    is_settled,
    reliable_stamp,
)
from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..host.environment import BuildEnvironment
    from .analysis_inputs import AnalysisInputs


def collect_stamps(
    host: BuildEnvironment, inputs: AnalysisInputs, outputs: Mapping[str, Stamp]
) -> dict[str, Stamp] | None:
    """The stamps of all inputs and outputs by path, each from before its file was read.

    None if an input of the analysis is so young that a later edit could leave the same stamp. A
    source or a folder that is so young gets a stamp that the next build does not accept, so it is
    read again.
    """
    own = f"{inputs.root}/.buildgraph/"  # outputs are seen through the links of out/
    stamps: dict[str, Stamp] = {
        path: reliable_stamp(stamp, host.began)
        for name, stamp in host.sources.stamps.items()
        if not (path := host.sources.path(name)).startswith(own)
    }
    for path, stamp in {**host.engine, **host.tools.stamps, **inputs.stamps}.items():
        if path in inputs.folders:
            stamp = _folder_stamp(inputs, path, stamp, host.began)
        elif not is_settled(stamp, host.began):
            return None
        stamps[path] = stamp
    return {**stamps, **outputs}


def _folder_stamp(inputs: AnalysisInputs, path: str, stamp: Stamp, began: int) -> Stamp:
    """The stamp of a folder, taken again if only builds changed it, as they do the root."""
    if is_settled(stamp, began) and os.path.isdir(path) and fingerprint(path) == stamp:
        return stamp
    now = file_system_time(inputs.root)
    fresh = inputs.stamp_now(path)
    return ALWAYS_STALE if fresh is None else reliable_stamp(fresh, now)
