"""Choice of cores: by name, with what to write where a name is wrong."""

from __future__ import annotations

import pytest

from rules.boards.choose_core import UnknownCoreError, choose_core


@pytest.mark.parametrize(
    ("cpu", "arch", "platform", "emulated"),
    [
        ("cortex_a55", "arm64", ("arm64", "v8", "aarch64-linux-musl"), "cortex-a76"),
        ("cortex-a7", "", ("arm", "v7", "arm-linux-musleabihf"), "cortex-a7"),
        ("cortex_a53", "arm", ("arm", "v7", "arm-linux-musleabihf"), "max"),
        ("arm1176jzf_s", "", ("arm", "v6", "arm-linux-musleabihf"), "arm1176"),
        ("sifive_u74", "", ("riscv64", "", "riscv64-linux-musl"), "sifive-u54"),
        ("haswell", "", ("amd64", "", "x86_64-linux-musl"), "max"),
    ],
)
def test_a_core_is_chosen_by_its_name(
    cpu: str, arch: str, platform: tuple[str, str, str], emulated: str
) -> None:
    core = choose_core(cpu, arch)
    assert (core.arch, core.variant, core.triple) == platform
    assert (core.cpu, core.qemu_cpu) == (cpu.replace("-", "_"), emulated)


@pytest.mark.parametrize(
    ("cpu", "arch", "key", "what", "fix"),
    [
        ("cortex_a530", "", "cpu", "the compiler has no core 'cortex_a530'", "'cortex_a53'"),
        ("zzz", "", "cpu", "the compiler has no core 'zzz'", "ziglang targets"),
        ("cortex_a53", "", "cpu", "a core of arm64 and arm", "`arch`"),
        ("cortex_a7", "arm64", "arch", "'cortex_a7' is no core of arm64", "it is one of arm"),
        ("cortex_a53", "armhf", "arch", "no architecture 'armhf'", "'arm'"),
        ("cortex_a53", "arm46", "arch", "no architecture 'arm46'", "did you mean 'arm64'"),
        ("cortex_a53", "mips", "arch", "no architecture 'mips'", "amd64, arm64, arm, riscv64"),
        ("apple_m1", "", "cpu", "no emulated core has all instructions", "'cortex_a76'"),
        ("cortex_a710", "arm64", "cpu", "no emulated core has all instructions", "'cortex_a76'"),
    ],
)
def test_a_wrong_name_is_refused_at_its_key(
    cpu: str, arch: str, key: str, what: str, fix: str
) -> None:
    with pytest.raises(UnknownCoreError) as error:
        choose_core(cpu, arch)
    assert error.value.key == key and what in str(error.value) and fix in error.value.fix
