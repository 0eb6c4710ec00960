"""`buildgraph completion SHELL`: print a script that completes verbs, options and labels.

The script calls `buildgraph __complete` for each completion.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ...types.errors import OK
from ...ui.json_document import document

# bash splits words at colons. The script takes the whole label from the line, and returns only the
# part after its last colon.
_BASH = r"""_buildgraph() {
    local line="${COMP_LINE:0:COMP_POINT}" cur head
    local -a words
    read -ra words <<< "$line"
    [[ "$line" == *[[:space:]] ]] && words+=("")
    cur="${words[-1]}"
    local IFS=$'\n'
    COMPREPLY=($("${words[0]}" __complete "${words[@]:1}" 2>/dev/null))
    if [[ "$cur" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
        head="${cur%"${cur##*:}"}"
        COMPREPLY=("${COMPREPLY[@]#"$head"}")
    fi
}
complete -o default -F _buildgraph buildgraph
"""
_ZSH = r"""#compdef buildgraph
_buildgraph() {
    local -a candidates
    candidates=(${(f)"$(${words[1]} __complete "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)"})
    if (( ${#candidates} )); then
        compadd -- "${candidates[@]}"
    else
        _files
    fi
}
if [[ "${funcstack[1]}" == _buildgraph ]]; then
    _buildgraph "$@"
else
    compdef _buildgraph buildgraph
fi
"""
_FISH = r"""function __buildgraph_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l candidates ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if count $candidates >/dev/null
        printf '%s\n' $candidates
    else
        __fish_complete_path "$current"
    end
end
complete -c buildgraph -f -a '(__buildgraph_complete)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def arguments(parser: ArgumentParser) -> None:
    """Declare the arguments and options."""
    parser.add_argument("shell", choices=tuple(SCRIPTS), help="shell that runs the script")
    parser.epilog = (
        "bash: source <(buildgraph completion bash)\nzsh:  source <(buildgraph completion zsh)\n"
        "fish: buildgraph completion fish | source"
    )


def run(options: Namespace) -> int:
    """Print the script."""
    script = SCRIPTS[options.shell]
    print(
        document({"shell": options.shell, "script": script}) + "\n" if options.json else script,
        end="",
    )
    return OK
