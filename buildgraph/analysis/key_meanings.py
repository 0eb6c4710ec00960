"""Meanings of the keys of the shipped rules, and an example of each rule.

`buildgraph help RULE`, the JSON Schema for editors and the reference show them. A key that is not
listed is described by the sentence of its rule's docstring that contains it.
"""

from __future__ import annotations

_RUN = {
    "argv": "the program and its arguments; `{name}` is the path of the input or output of that "
    "name, `{{` is a brace",
    "inputs": "files (paths) and outputs of other targets (labels), by name",
    "env": "environment variables of the program; it gets none of yours",
    "packages": "the Python distributions that the program imports",
    "timeout": "how long the program may run",
}
_STORAGE = {
    "storage": '"uint16", "fp16" or "palette" (8 bits) stores probabilities in fewer bits; '
    '"smallest" selects the smallest code within the limits of `fidelity`',
    "fidelity": "limits of the loss by `storage`: `kl`, the divergence of beliefs in nats; "
    "`regret`, the loss of an action in nats; and `agreement`, the share of episodes in which no "
    "action loses more, proved at 95 % confidence",
}
_CHECK = {
    "srcs": "globs of all sources that the tool sees, relative to `BUILD.toml`",
    "config": "the settings of the tool, such as `mypy.ini`; none are found by name",
    "args": "further arguments of the tool",
    "data": "globs of other files that the tool or the tests read",
    "tools": "the packages that the tool comes from: a `python_packages` or `node_packages` target",
    "timeout": "how long the tool may run",
}
_PYTHON_CHECK = _CHECK | {
    "roots": "the folders from which absolute imports start",
    "packages": "the Python distributions that the sources import",
}
_PACKAGES = {
    "files": "globs of archives in the workspace; with them nothing is fetched",
    "mirrors": "other beginnings of addresses, by the beginning that each replaces",
}
MEANINGS = {
    "model": {
        "source": "an `.npz` of arrays, a `.py` that returns a model, a `.pomdp` in Cassandra's "
        "format, or a `.md` in GNN",
        "spec": "the `.json` that names the contents of an `.npz` (default: the file of the same "
        "name)",
        "entry": "the function of a `.py` that returns the arrays or a pymdp Agent",
        "args": "arguments of that function, by name",
        "packages": "the Python distributions that a `.py` imports",
        "inputs": "files beside a `.py` that it imports or reads; with `inputs` it runs in its own "
        "folder",
        "timeout": "how long a `.py` may run",
        "layout": "the order of the axes of a matrix in a GNN file, such as "
        '`{ B = "action,previous,next" }`',
        "preferences": "preferences over observations in nats, by name; they replace the rewards "
        "of a `.pomdp`",
        "rewards": 'how the rewards of a `.pomdp` become preferences: "preferences" over its '
        'observations, "observed" as a modality of their own, or "auto" for the first of these '
        "that fits; `scale` is the preference in nats for a reward of 1",
        "inference": "parameters of inference that override those of the source; names and "
        "defaults are pymdp's; `plan_every` = k plans at every k-th step only",
        "probe": "episodes and steps that the proof of the compiled code replays",
        "runtime": '"native" compiles the agent, "python" steps pymdp; "auto" selects native '
        "unless `inference` needs a feature that native does not have",
        "pickle": "allow arrays of pymdp 0.0.7, which are pickles; only arrays are read, in the "
        "sandbox",
    },
    "coalition": {
        "agents": "the agents by name: the label of a model, or "
        '`{ model = "//models:picker", replicas = 3 }` for `picker.0` to `picker.2`',
        "links": "observations of other agents: "
        '`{ from = "scout.action.cue", to = "picker.observation.cue" }`; '
        "`scout.belief.place` is the most probable state of a factor",
        "tick": "the least time from the start of a step to the start of the next",
        "deadline": "a step that takes longer is counted as late (default: the `tick`)",
        "copies": "the number of copies of the coalition in a program; a request names the one to "
        "step",
        "monitor": "how observations are tested against predictions: `false_alarm_every`, in "
        "steps, and `tolerance`, the share of arbitrary observations that raises no alarm; "
        "`monitor = { false_alarm_every = 0 }` switches it off",
        "inputs": 'the observations that requests carry, such as `["scout.observation.cue"]`; any '
        "other observation without a link is then an error",
        "blankets": "the ports that separate an agent from all others, by agent (default: all "
        "ports); a link beside them is an error",
        "io": 'how requests arrive: "lines" of JSON on stdin, or "http", which adds `--listen` '
        "(port 8080 in images)",
    },
    "hardware": {
        "profile": "the name of the board in the catalogue (`buildgraph hardware list`); without "
        "one, the table has `cpu` and `memory`",
        "power_mode": "the power mode of the board (`buildgraph hardware show PROFILE` lists them)",
        "memory": "the memory of your board, if it differs from the catalogue",
        "cores": "the number of cores of your board, if it differs from the catalogue",
        "cpu": "the core in the spelling of the compiler (`python3 -m ziglang targets`)",
        "arch": "what the system runs: amd64, arm (32 bits), arm64 or riscv64; needed where cores "
        "of two architectures have one name",
        "reserved": "memory that is not for the program: kernel, system services and container "
        "engine (128 MiB by default)",
        "clock_mhz": "the highest clock of the cores",
        "storage": "the space for images; two of them must fit during an update",
        "caches": "data caches of a core: its own `l1d`, `l2` and `l3`",
        "page_size": "the size of a page of the kernel (`getconf PAGESIZE`)",
        "kernel": "the version of the kernel (`uname -r`), such as 5.15",
        "l4t": "the L4T release of a Jetson (`/etc/nv_tegra_release`), such as 36.4.3",
        "memory_cgroup": "false if the system ignores memory limits of containers",
    },
    "export": {
        "coalition": "the coalition to compile",
        "hardware": "the board to compile it for",
        "budget": "limits that the gates check: size of the `image`, `memory`, and `step_p99`, "
        "the 99th percentile of the time of a step",
        "module": "also make the program as WebAssembly, with the same bits",
        "measured": "what `agent --measure` printed on the board: evidence for `budget.step_p99`",
        "base": "the `base_image` below the program; without it the image has the program only",
        "boot": "the `kernel` of boards without another operating system; adds the output `board` "
        "and the gate `boot`",
        "required": 'gates of this export that must not be "not checked", such as `["emulation"]`',
        "gates": "other targets whose gates must pass for this export",
        "allow": "checks of the gate `static` that may find something, such as the `shell` of a "
        "base image",
        "container": "adds the gate `container`, which runs the image in Docker",
    }
    | _STORAGE,
    "base_image": {
        "image": "the image with its registry and its digest; the digest may be that of an index",
        "layout": "the files of an OCI layout that has the image; then nothing is fetched",
        "ca": "a file of further certificate authorities for the registry, in PEM format",
    },
    "index": {
        "exports": "the exports to combine, as labels or patterns; each for another platform"
    },
    "firmware": {
        "coalition": "the coalition to compile",
        "core": "the processor core",
        "flash": "the limit for code and tables of the agents",
        "memory": "the limit for the memory of the agents",
    }
    | _STORAGE,
    "command": _RUN
    | {
        "outputs": "the paths of the outputs, by name; a path that ends with `/` is a folder",
        "programs": "further programs of the host that the program starts",
    },
    "gate": _RUN
    | {"tools": 'a `node_packages` target that `argv[0] = "node:eslint"` takes the program from'},
    "kernel": {"package": "a package `linux-image-*.deb` of Debian, in the workspace"},
    "python_packages": _PACKAGES
    | {"lock": "a lock in the format of PEP 751, such as `pylock.toml`"},
    "node_packages": _PACKAGES
    | {
        "lock": "a `package-lock.json`",
        "modules": "globs of the `node_modules` that `npm ci` made, instead of a lock",
        "only": "the packages of the lock to take, with all that they need (default: all)",
    },
    "mypy": _PYTHON_CHECK,
    "flake8": _PYTHON_CHECK,
    "pytest": _PYTHON_CHECK
    | {
        "programs": "the programs of the host that tests start",
        "runs": "the number of runs of each test file, with other orders, seeds, zones and times",
        "shards": "the number of gates that share the test files",
        "coverage": "records the lines that the tests execute; needs the distribution coverage",
    },
    "tsc": _CHECK,
    "eslint": _CHECK,
    "jest": _CHECK,
    "files": {"srcs": 'globs relative to `BUILD.toml`, such as `["src/**/*.py", "data/*.csv"]`'},
    "group": {"targets": "the members, as labels or patterns"},
}
EXAMPLES = {
    "model": """\
[models.scout]
rule = "model"
source = "models/scout.npz"
inference = { policy_len = 3 }""",
    "coalition": """\
[coalitions.foragers]
rule = "coalition"
agents = { scout = "//models:scout", picker = { model = "//models:picker", replicas = 2 } }
links = [{ from = "scout.action.cue", to = "picker.observation.cue" }]""",
    "hardware": '''\
[hardware.jetson]
rule = "hardware"
profile = "jetson-orin-nano-8g"
power_mode = "15W"''',
    "export": """\
[exports.jetson]
rule = "export"
coalition = "//coalitions:foragers"
hardware = "//hardware:jetson"
budget = { image = "2MiB", step_p99 = "5ms" }""",
    "base_image": '''\
[bases.debian]
rule = "base_image"
image = "docker.io/library/debian@sha256:0123456789abcdef0123456789abcdef0123456789abcdef\
0123456789abcdef"''',
    "index": """\
[exports.fleet]
rule = "index"
exports = ["//exports:jetson", "//exports:x86"]""",
    "firmware": '''\
[firmware.sensor]
rule = "firmware"
coalition = "//coalitions:foragers"
core = "cortex-m33"
flash = "256KiB"
memory = "64KiB"''',
    "command": """\
[docs.page]
rule = "command"
argv = ["python3", "{script}", "{text}", "{page}"]
inputs = { script = "tools/render.py", text = "page.md" }
outputs = { page = "page.html" }""",
    "files": """\
[data.logs]
rule = "files"
srcs = ["logs/**/*.csv"]""",
    "gate": """\
[checks.links]
rule = "gate"
argv = ["python3", "{script}", "{page}"]
inputs = { script = "tools/check.py", page = "//docs:page" }""",
    "kernel": '''\
[kernels.debian]
rule = "kernel"
package = "linux-image-6.1.0-50-cloud-arm64_6.1.176-1_arm64.deb"''',
    "python_packages": '''\
[tools.python]
rule = "python_packages"
lock = "pylock.toml"''',
    "node_packages": '''\
[tools.node]
rule = "node_packages"
lock = "package-lock.json"''',
    "mypy": """\
[checks.types]
rule = "mypy"
srcs = ["shapes/**/*.py"]
args = ["--strict"]""",
    "flake8": """\
[checks.style]
rule = "flake8"
srcs = ["**/*.py"]""",
    "pytest": """\
[checks.tests]
rule = "pytest"
srcs = ["shapes/**/*.py", "tests/**/*.py"]""",
    "tsc": '''\
[checks.compile]
rule = "tsc"
srcs = ["src/**/*.ts"]
config = "tsconfig.json"
tools = "//tools:node"''',
    "eslint": '''\
[checks.lint]
rule = "eslint"
srcs = ["src/**/*.ts"]
config = "eslint.config.mjs"
tools = "//tools:node"''',
    "jest": '''\
[checks.units]
rule = "jest"
srcs = ["src/**/*.ts", "test/**/*.ts"]
config = "jest.config.mjs"
tools = "//tools:node"''',
    "group": """\
[release]
rule = "group"
targets = ["//exports:*", "//checks:*"]""",
}
