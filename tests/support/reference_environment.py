"""The page `reference/environment.md`: the environment variables that buildgraph reads."""

from __future__ import annotations

from tests.support.markdown import code, page, table

# (variable, default, meaning); a test holds that the code reads no other variable of buildgraph's
# own.
OWN = [
    (
        "BUILDGRAPH_CACHE",
        "`$XDG_CACHE_HOME/buildgraph`, else `~/.cache/buildgraph`",
        "the folder of the cache",
    ),
    (
        "BUILDGRAPH_CACHE_SIZE",
        "10GiB",
        "the size beyond which garbage collection deletes the least recently used results",
    ),
    (
        "BUILDGRAPH_CACHE_AGE",
        "30d",
        "the age after which garbage collection deletes a result that no build used",
    ),
    ("BUILDGRAPH_CACHE_GC", "", "`off` turns automatic garbage collection off"),
    (
        "BUILDGRAPH_SANDBOX",
        "namespaces",
        "the strongest sandbox to use: `namespaces`, `landlock` or `none`",
    ),
    (
        "BUILDGRAPH_SIGNING_KEY",
        "",
        "the file of the private key that signs a release, and the results of builds if the "
        "workspace has a table `[workspace.trust]` (default there: a key of this user, made at "
        "its first use)",
    ),
]
OTHERS = [
    ("HOME", "", "the user's folder, for the default of the cache"),
    ("XDG_CACHE_HOME", "", "the folder of caches, for the default of the cache"),
    (
        "XDG_STATE_HOME",
        "`~/.local/state`",
        "the folder of `buildgraph/local-key`, which signs results without "
        "`BUILDGRAPH_SIGNING_KEY`",
    ),
    (
        "PATH",
        "",
        "where programs are found that a target names without a path, and `git`, `less`, "
        "`qemu-aarch64-static`",
    ),
    ("NO_COLOR", "", "any value turns colours and live progress off"),
    (
        "CI",
        "",
        "`true` makes `--strict` the default of `build` and `test`, as `GITHUB_ACTIONS` and "
        "`GITLAB_CI` do",
    ),
    ("GITHUB_ACTIONS", "", "`true` adds annotations, groups and a job summary"),
    ("GITHUB_STEP_SUMMARY", "", "the file to which a build in a job of GitHub appends its summary"),
    ("GITHUB_WORKSPACE", "", "the repository to which the files of annotations are relative"),
    ("GITLAB_CI", "", "`true` puts actions and gates in sections of the log"),
    ("TERM", "", "`dumb` turns colours and live progress off"),
    ("PAGER", "less", "the program that shows a long page of `buildgraph docs`"),
    ("DOCKER_HOST", "unix:///var/run/docker.sock", "the Docker daemon of `run` and `load`"),
    (
        "PYTHONPATH",
        "",
        "a build is not answered from the last one when it changes; tools do not get it",
    ),
]


def environment_page() -> str:
    """Variables of buildgraph's own, and those of the system that it heeds."""
    return page(
        "Environment variables",
        "Actions do not see these variables. An action gets the variables that its target sets, "
        "and no others of yours.",
        table(
            ("variable", "default", "meaning"),
            [(code(name), default, text) for name, default, text in OWN],
        ),
        "These variables of the system are read as well:",
        table(
            ("variable", "default", "meaning"),
            [(code(name), default, text) for name, default, text in OTHERS],
        ),
    )
