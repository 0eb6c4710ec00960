"""Check the code blocks, commands and links of README.md and the pages of `buildgraph/docs`.

A page has a scratch workspace of its own. Its blocks run in the order of the page. The info string
of a fence says how:

    ```toml title="BUILD.toml"  write this file into the workspace (any language except sh, console)
    ```python fragment          only parse it (toml, json, python, yaml)
    ```sh                       run the commands with bash; each must exit with 0
    ```console                  run the lines after `$ ` and compare their output with what follows
    ```text                     show only
    ```sh needs="docker,git"    run only on machines that have these: docker, network, registry (its
                                host is $REGISTRY), qemu, pymdp, or any program

`# exits 2` at the end of a command is the exit code to expect. In expected output, `...` matches
any text within a line, and a line of `...` alone for any number of lines. The output must equal
stdout, stderr, or one after the other.

Commands with `pip install` are not run: they would change the environment of the tests.

A comment `<!-- workspace: PATH -->` above the first block makes the scratch workspace a copy of
that folder of the repository; `.` is the repository's own workspace, which README.md has without
such a comment.
"""
