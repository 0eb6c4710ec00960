/* Instruction sets: those that this program was compiled for, and those that the processor has. */
enum { AUX_HWCAP = 16, AUX_HWCAP2 = 26 };
static const word *auxiliary; /* pairs that the kernel puts behind the environment */

/* Instructions that this program was compiled for: the capability word and bit of each. */
static const struct { const char *name; u8 from, bit; } instructions[] = {
#if defined(__aarch64__)
    {"fp", 0, 0}, {"asimd", 0, 1},
#if defined(__ARM_FEATURE_CRC32)
    {"crc32", 0, 7},
#endif
#if defined(__ARM_FEATURE_ATOMICS)
    {"atomics", 0, 8},
#endif
#if defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
    {"fphp", 0, 9}, {"asimdhp", 0, 10},
#endif
#if defined(__ARM_FEATURE_QRDMX)
    {"asimdrdm", 0, 12},
#endif
#if defined(__ARM_FEATURE_DOTPROD)
    {"asimddp", 0, 20},
#endif
#if defined(__ARM_FEATURE_SVE)
    {"sve", 0, 22},
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
    {"i8mm", 1, 13},
#endif
#if defined(__ARM_FEATURE_BF16)
    {"bf16", 1, 14},
#endif
#elif defined(__arm__)
    {"vfp", 0, 6},
#if defined(__ARM_NEON)
    {"neon", 0, 12},
#endif
#if defined(__ARM_FEATURE_FMA)
    {"vfpv4", 0, 16},
#endif
#if defined(__ARM_FEATURE_IDIV)
    {"idiva", 0, 17},
#endif
#elif defined(__riscv)
    {"d", 0, 3}, {"f", 0, 5},
#if defined(__riscv_v)
    {"v", 0, 21},
#endif
#else
    {"sse2", 2, 26},
#if defined(__SSE4_2__)
    {"sse4_2", 0, 20}, {"popcnt", 0, 23},
#endif
#if defined(__AVX__)
    {"avx", 0, 28},
#endif
#if defined(__FMA__)
    {"fma", 0, 12},
#endif
#if defined(__AVX2__)
    {"avx2", 1, 5}, {"bmi2", 1, 8},
#endif
#if defined(__AVX512F__)
    {"avx512f", 1, 16},
#endif
#endif
};

#if !defined(__x86_64__) || defined(HOSTED)
static u64 capabilities(word kind) {
    for (const word *pair = auxiliary; pair && pair[0]; pair += 2)
        if (pair[0] == kind) return (u64)pair[1];
    return 0;
}
#endif

static void read_capabilities(u64 *bits) {
#if defined(__x86_64__) && !defined(HOSTED)
    for (u32 leaf = 1; leaf <= 7; leaf += 6) {
        u32 a = leaf, b, c = 0, d;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        if (leaf == 1) bits[0] = c, bits[2] = d;
        else bits[1] = b;
    }
#else
    bits[0] = capabilities(AUX_HWCAP), bits[1] = capabilities(AUX_HWCAP2), bits[2] = ~0ull;
#endif
}
