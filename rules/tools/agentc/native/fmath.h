/* Logarithm and exponential from IEEE basic operations only, so that every target gives the same bits.
   Compile with -ffp-contract=off. The f64 pair sums Taylor series whose coefficients are exact rationals rounded once;
   the f32 logarithm is a least-squares fit at Chebyshev nodes on [sqrt(1/2), sqrt(2)]. */
#define LN2_HIGH 0x1.62e42fee00000p-1 /* 33 leading bits: k * LN2_HIGH is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#define LOG2_E 0x1.71547652b82fep+0

INLINE u64 bits_of_f64(f64 x) { u64 b; __builtin_memcpy(&b, &x, 8); return b; }
INLINE f64 f64_of_bits(u64 b) { f64 x; __builtin_memcpy(&x, &b, 8); return x; }
INLINE f32 f32_of_bits(u32 b) { f32 x; __builtin_memcpy(&x, &b, 4); return x; }

/* x positive and normal; relative error below 3e-16 over 2e7 points against an 80-bit logarithm. */
INLINE f64 ln_f64(f64 x) {
    u64 b = bits_of_f64(x) + (0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull);
    i32 k = (i32)(b >> 52) - 1023;
    f64 m = f64_of_bits((b & 0x000fffffffffffffull) + 0x3fe6a09e667f3bcdull);
    f64 e = m - 1.0, s = e / (2.0 + e), z = s * s, w = z * z;
    f64 odd = 1.0 / 3 + w * (1.0 / 7 + w * (1.0 / 11 + w * (1.0 / 15 + w * (1.0 / 19))));
    f64 even = 1.0 / 5 + w * (1.0 / 9 + w * (1.0 / 13 + w * (1.0 / 17 + w * (1.0 / 21))));
    f64 tail = 2.0 * s * z * (odd + z * even);
    return (f64)k * LN2_HIGH + (2.0 * s + (tail + (f64)k * LN2_LOW));
}

/* x <= 0, relative error below 4e-16; below -700 the result is 0, so that no denormal appears. */
INLINE f64 exp_f64(f64 x) {
    f64 c = x < -700.0 ? -700.0 : x;
    i32 k = (i32)(c * LOG2_E - 0.5);
    f64 r = (c - (f64)k * LN2_HIGH) - (f64)k * LN2_LOW, z = r * r, w = z * z;
    f64 a = 1.0 + r, b = 1.0 / 2 + r * (1.0 / 6), d = 1.0 / 24 + r * (1.0 / 120);
    f64 f = 1.0 / 720 + r * (1.0 / 5040), g = 1.0 / 40320 + r * (1.0 / 362880);
    f64 h = 1.0 / 3628800 + r * (1.0 / 39916800), i = 1.0 / 479001600 + r * (1.0 / 6227020800.0);
    f64 p = (a + z * b) + w * ((d + z * f) + w * ((g + z * h) + w * i));
    f64 y = p * f64_of_bits((u64)(k + 1023) << 52);
    return x < -700.0 ? 0.0 : y;
}

/* W columns together: each lane does the operations of a single column, so no bit depends on the
   vector unit or on W. The logarithms are of positive normal numbers, relative error below 1e-7. */
#define DEFINE_LANES(W)                                                                                               \
    typedef f32 lanes##W __attribute__((vector_size(4 * W)));                                                         \
    typedef i32 lane_bits##W __attribute__((vector_size(4 * W)));                                                     \
    typedef lanes##W unaligned_lanes##W __attribute__((aligned(4), may_alias));                                       \
    INLINE lanes##W broadcast##W(f32 x) { return x - (lanes##W){0}; }                                                 \
    INLINE lanes##W clip_min##W(lanes##W x, f32 least) {                                                              \
        lane_bits##W below = x < least;                                                                               \
        return (lanes##W)(((lane_bits##W)x & ~below) | ((lane_bits##W)broadcast##W(least) & below));                  \
    }                                                                                                                 \
    INLINE lanes##W ln_lanes##W(lanes##W x) {                                                                         \
        lane_bits##W b = (lane_bits##W)x + (0x3f800000 - 0x3f3504f3);                                                 \
        lanes##W k = __builtin_convertvector((b >> 23) - 127, lanes##W);                                              \
        lanes##W e = (lanes##W)((b & 0x007fffff) + 0x3f3504f3) - 1.0f, z = e * e;                                     \
        lanes##W p = e * -0x1.3a32dap-4f + 0x1.05d90ap-3f;                                                            \
        p = p * e + -0x1.0d744ap-3f;                                                                                  \
        p = p * e + 0x1.22c490p-3f;                                                                                   \
        p = p * e + -0x1.5471d4p-3f;                                                                                  \
        p = p * e + 0x1.99a12ep-3f;                                                                                   \
        p = p * e + -0x1.00022cp-2f;                                                                                  \
        p = p * e + 0x1.555552p-2f;                                                                                   \
        lanes##W tail = z * e * p - z * 0.5f + k * -0x1.bd0106p-13f;                                                  \
        return k * 0x1.63p-1f + (e + tail);                                                                           \
    }
DEFINE_LANES(16)
DEFINE_LANES(8)

/* Call name_16 for whole vectors of the columns, name_8 for the rest of eight. */
#define EACH_VECTOR(name, columns, to, from, ...)                                                                     \
    do {                                                                                                              \
        i32 n = 0;                                                                                                    \
        for (; n + 16 <= columns; n += 16) name##_16(to + n, from + n, __VA_ARGS__);                                  \
        if (n < columns) name##_8(to + n, from + n, __VA_ARGS__);                                                     \
    } while (0)

/* x <= 0, relative error below 1.1e-7; below -69 the result is 0: no denormal appears, not even after a division by the sum. */
INLINE f32 exp_f32(f32 x) {
    f32 c = x < -69.0f ? -69.0f : x;
    i32 k = (i32)(c * 0x1.715476p+0f - 0.5f);
    f32 r = (c - (f32)k * 0x1.63p-1f) - (f32)k * -0x1.bd0106p-13f;
    f32 p = 0x1.a01a02p-13f;
    p = p * r + 0x1.6c16c2p-10f;
    p = p * r + 0x1.111112p-7f;
    p = p * r + 0x1.555556p-5f;
    p = p * r + 0x1.555556p-3f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    f32 y = p * f32_of_bits((u32)(k + 127) << 23);
    return x < -69.0f ? 0.0f : y;
}
