"""Cores that the C compiler knows, by the emulated core that has all their instructions.

Generated from Zig 0.17.1 and QEMU 7.2: `python -m tests.support.compiler_cores`.
"""

from __future__ import annotations

from collections.abc import Mapping

FITTING: Mapping[str, Mapping[str, str]] = {
    "amd64": {
        "max": (
            "atom_sse4_2_movbe broadwell btver1 btver2 core2 corei7 goldmont haswell ivybridge "
            "nehalem nocona penryn sandybridge silvermont skylake slm westmere x86_64 x86_64_v2 "
            "x86_64_v3 znver1 znver2"
        ),
        "": (
            "alderlake amdfam10 arrowlake arrowlake_s athlon64 athlon64_sse3 athlon_fx atom "
            "barcelona bdver1 bdver2 bdver3 bdver4 bonnell cannonlake cascadelake "
            "clearwaterforest cooperlake diamondrapids emeraldrapids goldmont_plus gracemont "
            "grandridge graniterapids graniterapids_d icelake_client icelake_server k8 k8_sse3 "
            "knl knm lunarlake meteorlake novalake opteron opteron_sse3 pantherlake raptorlake "
            "rocketlake sapphirerapids sierraforest skx skylake_avx512 tigerlake tremont "
            "wildcatlake x86_64_v4 znver3 znver4 znver5"
        ),
    },
    "arm64": {
        "cortex-a53": (
            "cortex_a34 cortex_a53 cortex_a73 generic kryo thunderx thunderxt81 thunderxt83 "
            "thunderxt88 xgene1"
        ),
        "cortex-a35": "cortex_a35",
        "cortex-a57": "cortex_a57",
        "cortex-a72": "cortex_a72",
        "cortex-a76": (
            "carmel cortex_a55 cortex_a65 cortex_a65ae cortex_a75 cortex_a76 cortex_a76ae "
            "cortex_a77 cortex_a78 cortex_a78ae cortex_x1 falkor neoverse_e1 thunderx2t99"
        ),
        "neoverse-n1": "neoverse_n1",
        "": (
            "a64fx ampere1 ampere1a ampere1b ampere1c apple_a10 apple_a11 apple_a12 apple_a13 "
            "apple_a14 apple_a15 apple_a16 apple_a17 apple_a18 apple_a19 apple_a7 apple_a8 "
            "apple_a9 apple_m1 apple_m2 apple_m3 apple_m4 apple_m5 apple_s10 apple_s4 apple_s5 "
            "apple_s6 apple_s7 apple_s8 apple_s9 c1_nano c1_premium c1_pro c1_ultra cobalt_100 "
            "cortex_a320 cortex_a510 cortex_a520 cortex_a520ae cortex_a710 cortex_a715 "
            "cortex_a720 cortex_a720ae cortex_a725 cortex_a78c cortex_x1c cortex_x2 cortex_x3 "
            "cortex_x4 cortex_x925 cyclone emag exynos_m1 exynos_m2 exynos_m3 exynos_m4 exynos_m5 "
            "fujitsu_monaka gb10 grace neoverse_512tvb neoverse_n2 neoverse_n3 neoverse_v1 "
            "neoverse_v2 neoverse_v3 neoverse_v3ae olympus oryon_1 saphira thunderx3t110 tsv110"
        ),
    },
    "arm": {
        "arm1176": "arm1176jzf_s",
        "cortex-a8": "baseline cortex_a8",
        "cortex-a9": "cortex_a9",
        "cortex-a7": "cortex_a12 cortex_a17 cortex_a5 cortex_a7",
        "cortex-a15": "cortex_a15 krait",
        "max": (
            "cortex_a32 cortex_a35 cortex_a53 cortex_a55 cortex_a73 cortex_a75 cortex_a76 "
            "cortex_a76ae cortex_a77 cortex_a78 cortex_a78ae cortex_a78c cortex_x1 cortex_x1c "
            "kryo neoverse_n1"
        ),
        "": (
            "cortex_a510 cortex_a57 cortex_a710 cortex_a72 cyclone exynos_m1 exynos_m2 exynos_m3 "
            "exynos_m4 exynos_m5 neoverse_n2 neoverse_v1 swift"
        ),
    },
    "riscv64": {
        "sifive-u54": (
            "baseline_rv64 sifive_s54 sifive_u54 sifive_u74 syntacore_scr4_rv64 syntacore_scr5_rv64"
        ),
        "": (
            "andes_ax25 andes_ax45 andes_ax45mpv andes_nx45 mips_p8700 sifive_p450 sifive_p470 "
            "sifive_p550 sifive_p670 sifive_p870 sifive_s76 sifive_x280 sifive_x390 spacemit_a100 "
            "spacemit_x100 spacemit_x60 syntacore_scr7 tt_ascalon_d8 veyron_v1 "
            "xiangshan_kunminghu xiangshan_nanhu"
        ),
    },
}
"""OCI architecture -> emulated core -> cores of the compiler; "" for those of none."""
