/* Decoders of quantized probabilities (quantize/grids.py), with integers and exact products only:
   equal bits on every processor. DECODE is one of the two 16-bit decoders; a byte is an index into
   a palette. */
/* k / 65536; 65535 is 1 */
#define UINT16(code) ((f32)(i32)((code) + (((code) + 1u) >> 16)) * 0x1p-16f)

/* IEEE half precision from 0 to 1: normal numbers are shifted to float's bits, below 2^-14 they are
   multiples of 2^-24. */
INLINE f32 half_to_f32(u32 code) {
    union { u32 bits; f32 value; } normal = {(code << 13) + 0x38000000u};
    return code < 0x400u ? (f32)(i32)code * 0x1p-24f : normal.value;
}
#define FP16(code) half_to_f32(code)

/* noinline: every modality calls it, and a logarithm is large. */
SEPARATE f64 ln_decoded(f64 p) { return ln_f64(clip_to_floor(p)); }

#undef ENTRY
#define ENTRY(val, pal, e)                                                                                            \
    _Generic((val)[e], u16: DECODE((u32)(val)[e]), default: ((pal) ? (pal)[(u8)(val)[e]] : (val)[e]))

/* DEFINE_NEG_EFE for quantized outcomes; the rows after them have their values in `planes_val`. */
#define DEFINE_NEG_EFE_QUANTIZED_LANES(name, W, PTR, COL, VAL)                                                            \
    INLINE void name##_##W(f32 *neg_efe, const f32 *Q, i32 columns, i32 stride, i32 outcomes, i32 planes,                 \
                           const f32 *background, const PTR *ptr, const COL *col, const VAL *val, const f32 *pal,         \
                           const f32 *planes_val) {                                                                       \
        lanes##W h = {0};                                                                                                 \
        for (i32 o = 0; o < outcomes; o++) {                                                                              \
            lanes##W sum = broadcast##W(background[o]);                                                                   \
            for (u32 e = ptr[o]; e < ptr[o + 1]; e++)                                                                     \
                sum += (ENTRY(val, pal, e) - background[o]) * *(const unaligned_lanes##W *)(Q + col[e] * stride);         \
            lanes##W p = clip_min##W(sum, 1e-30f);                                                                        \
            h -= p * ln_lanes##W(p);                                                                                      \
        }                                                                                                                 \
        for (i32 t = 0; t < planes; t++) {                                                                                \
            lanes##W sum = broadcast##W(background[outcomes + t]);                                                        \
            for (u32 e = ptr[outcomes + t]; e < ptr[outcomes + t + 1]; e++)                                               \
                sum += planes_val[e - ptr[outcomes]] * *(const unaligned_lanes##W *)(Q + col[e] * stride);                \
            *(unaligned_lanes##W *)(neg_efe + t * columns) = h + sum;                                                     \
        }                                                                                                                 \
    }
#define DEFINE_NEG_EFE_QUANTIZED(name, PTR, COL, VAL)                                                                     \
    DEFINE_NEG_EFE_QUANTIZED_LANES(name, 16, PTR, COL, VAL)                                                               \
    DEFINE_NEG_EFE_QUANTIZED_LANES(name, 8, PTR, COL, VAL)                                                                \
    INLINE void name(f32 *neg_efe, const f32 *Q, i32 columns, i32 stride, i32 outcomes, i32 planes,                       \
                     const f32 *background, const PTR *ptr, const COL *col, const VAL *val, const f32 *pal,               \
                     const f32 *planes_val) {                                                                             \
        EACH_VECTOR(name, columns, neg_efe, Q, columns, stride, outcomes, planes, background, ptr, col, val, pal,         \
                    planes_val);                                                                                          \
    }

/* DEFINE_MARGINALIZE for quantized outcomes: entries rows[o] to rows[o + 1] belong to outcome o,
   later entries have `planes_val`. */
#define DEFINE_MARGINALIZE_QUANTIZED(name, ROW, PTR, SRC, VAL)                                                         \
    INLINE void name(f32 *out, i32 entries, i32 outcomes, const ROW *rows, const f32 *background, const PTR *ptr,      \
                     const SRC *src, const VAL *val, const f32 *pal, const f32 *planes_val, const f32 *constant) {     \
        u32 first = ptr[rows[outcomes]];                                                                               \
        for (i32 e = 0, o = 0; e < entries; e++) {                                                                     \
            f32 sum = 0.0f;                                                                                            \
            while (o < outcomes && e >= rows[o + 1]) o++;                                                              \
            for (u32 i = ptr[e]; i < ptr[e + 1]; i++)                                                                  \
                sum += (o < outcomes ? ENTRY(val, pal, i) - background[o] : planes_val[i - first]) * constant[src[i]]; \
            out[e] = sum < NEGLIGIBLE && sum > -NEGLIGIBLE ? 0.0f : sum;                                               \
        }                                                                                                              \
    }
