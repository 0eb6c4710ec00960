"""Cores of the C compiler and the emulated core that has all their instructions.

`python -m tests.support.compiler_cores` prints the text of rules/boards/cores.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap

TUNING = re.compile(
    r"(fuse|use|addr|alu|balance|cmp|enable|max|predictable|false_deps|fast|slow|prefer|allow|no"
    r"|lcp|branch|macro|pad|idiv[lq]|tuning|store_pair|stp|ldp|ascend|aggressive|arith|zcm|zcz"
    r"|disable|exynos|complxnum_fast|vmlx|slowfp|ret_addr|nonpipelined|vmuxs|splat|wide_stride"
    r"|prof_unpr|expand|check_vmul|dont_widen|muxed|partial|avoid|cheap|short_forward"
    r"|optimized_nf|dlen|vxrm|inc|insert|sbb|ermsb|vzeroupper|softprefetch|log_vrgather"
    r"|unaligned)_.*"
    r"|fpao|ete|trbe|tracev8_4|amv?s?|mpam|nv|tlb_rmi|sel2|perfmon|spe|v[0-9_]+a|slow\w*|fsrm"
    r"|macrofusion|vzeroupper|ermsb|ret_addr_stack|mp|trustzone|virtualization|nopl|sahf"
    r"|branchfusion|ssc\w+|ss[ct]\w+|sv(ade|adu|bare|inval|napot|pbmt)|sm(aia|mpm|npm|stateen)"
    r"|zic64b|zicc\w+|za(64|128)rs|zkt|zvkt"
)
"""Features that arrange or observe code, or only a kernel uses; they add no instructions."""
_ARM64, _ARM, _RISCV, _X86 = "aarch64", "arm", "riscv", "x86"
# Architecture words -> (file of the compiler, emulated cores from the least to the most able).
EMULATED: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {
    "amd64": (
        _X86,
        {
            "max": (
                *("x86_64_v3", "aes", "pclmul", "rdrnd", "rdseed", "adx", "fsgsbase", "prfchw"),
                *("sse4a", "clflushopt", "clwb", "xsaveopt", "invpcid", "smep", "smap"),
                # Only in code that asks for them by intrinsics, which generated code never does:
                *("xsavec", "xsaves", "clzero", "mwaitx", "rdpid", "rdpru", "wbnoinvd", "sha"),
            )
        },
    ),
    "arm64": (
        _ARM64,
        {
            "cortex-a53": ("cortex_a53",),
            "cortex-a35": ("cortex_a35",),
            "cortex-a57": ("cortex_a57",),
            "cortex-a72": ("cortex_a72",),
            "cortex-a76": ("cortex_a76",),
            "neoverse-n1": ("neoverse_n1",),
        },
    ),
    "arm": (
        _ARM,
        {
            "arm1176": ("arm1176jzf_s",),
            "cortex-a8": ("cortex_a8",),
            "cortex-a9": ("cortex_a9",),
            "cortex-a7": ("cortex_a7",),
            "cortex-a15": ("cortex_a15",),
            "max": ("cortex_a76",),
        },
    ),
    "riscv64": (
        _RISCV,
        {"sifive-u54": ("sifive_u54",)},
    ),
}


@cache
def _model(name: str) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return (features with what each implies, cores with their features) of one file."""
    spec = find_spec("ziglang")
    assert spec is not None and spec.origin
    text = (Path(spec.origin).parent / f"lib/std/Target/{name}.zig").read_text()
    implied = {
        match[1].strip('@"'): _names(match[2])
        for match in re.finditer(
            r"Feature\.([@\w\"]+)\)\] = \.\{.*?\.dependencies = featureSet\(&\[_\]Feature\{(.*?)\}",
            text,
            re.DOTALL,
        )
    }
    cores = {
        match[1]: _names(match[2])
        for match in re.finditer(
            r"pub const (\w+): CpuModel = .*?featureSet\(&\[_\]Feature\{(.*?)\}", text, re.DOTALL
        )
    }
    return implied, cores


def _names(text: str) -> set[str]:
    return {name.strip('@"') for name in re.findall(r"\.(@?\"?\w+\"?)", text)}


def closure(kind: str, names: set[str]) -> set[str]:
    """Return features and all that they imply."""
    implied, cores = _model(kind)
    waiting, features = set(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in features:
            features.add(name)
            waiting |= cores.get(name, set()) if name in names else implied.get(name, set())
    return features


def instructions(kind: str, names: set[str]) -> set[str]:
    """Return the features that add instructions."""
    cores = _model(kind)[1]
    return {name for name in closure(kind, names) if not TUNING.fullmatch(name)} - set(cores)


def fitting() -> dict[str, dict[str, list[str]]]:
    """Return compiler's cores by architecture and emulated core; '' for those that none has."""
    table: dict[str, dict[str, list[str]]] = {}
    for arch, (kind, emulated) in EMULATED.items():
        able = {name: instructions(kind, set(have)) for name, have in emulated.items()}
        groups: dict[str, list[str]] = {name: [] for name in (*emulated, "")}
        for core in sorted(_model(kind)[1]):
            features = closure(kind, {core})
            if _wanted(arch, features):
                needed = instructions(kind, {core})
                same = core.replace("_", "-")
                fits = [name for name, have in able.items() if needed <= have]
                groups[same if same in fits else (fits or [""])[0]].append(core)
        table[arch] = {name: cores for name, cores in groups.items() if cores}
    return table


def _wanted(arch: str, features: set[str]) -> bool:
    """True for cores that run Linux programs of the ABI in use."""
    return {
        "amd64": {"64bit", "sse2"} <= features,
        "arm64": "neon" in features and "v8r" not in features,
        "arm": bool({"aclass", "v6kz"} & features) and "vfp2" in features,
        "riscv64": {"64bit", "c", "d"} <= features,
    }[arch]


def text() -> str:
    """Return rules/boards/cores.py."""
    lines = [
        '"""Cores that the C compiler knows, by the emulated core that has all their instructions.',
        "",
        "Generated from Zig 0.17.1 and QEMU 7.2: `python -m tests.support.compiler_cores`.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping",
        "",
        "FITTING: Mapping[str, Mapping[str, str]] = {",
    ]
    for arch, groups in fitting().items():
        lines.append(f'    "{arch}": {{')
        for name, cores in groups.items():
            rows = wrap(" ".join(cores), 84)
            if len(rows) == 1:
                lines.append(f'        "{name}": "{rows[0]}",')
            else:
                lines.append(f'        "{name}": (')
                lines += [f'            "{row}{" " * (row is not rows[-1])}"' for row in rows]
                lines.append("        ),")
        lines.append("    },")
    lines += [
        "}",
        '"""OCI architecture -> emulated core -> cores of the compiler; "" for those of none."""',
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(text(), end="")
