"""Actions that import a model: one program for each kind of source."""

from __future__ import annotations

from buildgraph import Artifact, BuildError, Ctx, Source, Tool

IMPORT_NPZ = Tool("import_npz")
IMPORT_OBJECTS = Tool("import_objects")
IMPORT_PYTHON = Tool("import_python")
IMPORT_POMDP = Tool("import_pomdp")
IMPORT_GNN = Tool("import_gnn")

FORMAT_OPTIONS = {
    "npz": ("spec", "pickle"),
    "npy": ("spec", "pickle"),
    "py": ("entry", "args", "inputs", "packages", "timeout"),
    "pomdp": ("preferences", "rewards"),
    "md": ("layout",),
}
"""Source formats by suffix, and the keys of the table that belong to one format only."""
_SAVE = (
    "np.savez('model.npz', A0=.., B0=.., ..), with a model.json beside it that holds the "
    "parameters ({} for the defaults)"
)
ADVICE = {
    "json": (
        'name the .npz of the arrays, source = "model.npz"; the .json of the same name is '
        "read with it, or `spec` names it"
    ),
    "mat": f"read it once with scipy.io.loadmat and save its arrays: {_SAVE}",
    **dict.fromkeys(
        ("pkl", "pickle", "p", "joblib", "h5", "hdf5", "pt", "pth", "csv", "txt"),
        f"load it once in Python and save its arrays: {_SAVE}",
    ),
    "ipynb": "save its cells as a .py with a function `build` that returns A, B, C, D or an Agent",
}
"""Advice for files in unsupported formats."""


def importer(
    ctx: Ctx, suffix: str, source: Artifact, spec: Artifact | None, pickle: bool
) -> tuple[Tool, tuple[str | Artifact, ...]]:
    """Return the import program of a source and its options."""
    if suffix == "npy" and not pickle:
        raise BuildError(
            f"{ctx.label}: an .npy that holds several matrices is a pickle",
            ctx.target.place("source"),
            "pickle = true lets it be read, arrays only, in the sandbox; or save an .npz, one "
            "array per matrix",
        )
    if suffix in ("npz", "npy"):
        beside = spec or Source(source.name[:-4] + ".json", ctx.target.lazy_location("source"))
        return (IMPORT_OBJECTS if pickle else IMPORT_NPZ), (
            "--source" if pickle else "--npz",
            source,
            "--spec",
            beside,
        )
    return {"py": IMPORT_PYTHON, "pomdp": IMPORT_POMDP, "md": IMPORT_GNN}[suffix], (
        "--source",
        source,
    )


def check_options(ctx: Ctx, suffix: str, source: Artifact, options: dict[str, object]) -> None:
    """Refuse a source in an unknown format, and keys that belong to another format."""
    if suffix not in FORMAT_OPTIONS:
        raise BuildError(
            f"{ctx.label}: {source.name!r} is not a model source",
            ctx.target.place("source"),
            ADVICE.get(
                suffix,
                "a model is an .npz with its .json, a .py, a .pomdp or a .md in GNN; an .npy "
                "with pickle = true",
            ),
        )
    for word, value in options.items():
        if value and word not in FORMAT_OPTIONS[suffix]:
            kind = next(kind for kind, words in FORMAT_OPTIONS.items() if word in words)
            raise BuildError(
                f"{ctx.label}: {word} is for .{kind} sources",
                ctx.target.place(word),
                f"leave it out, or name a .{kind}",
            )
