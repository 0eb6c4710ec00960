/* Probabilities in codes (grids.py), read with integers and exact products alone: the same bits on every processor.
   TOLD is one of the two readers of 16 bits; a byte is the number of a palette's level. */
#define UINT16(code) ((f32)(i32)((code) + (((code) + 1u) >> 16)) * 0x1p-16f) /* k / 65536; 65535 stands for 1 */

/* IEEE half precision from 0 to 1: a normal number has float's bits after a shift, below 2^-14 it is a count of 2^-24. */
INLINE f32 half(u32 code) {
    union { u32 bits; f32 value; } normal = {(code << 13) + 0x38000000u};
    return code < 0x400u ? (f32)(i32)code * 0x1p-24f : normal.value;
}
#define FP16(code) half(code)

/* Apart, for it is called for every modality: a logarithm is large. */
SEPARATE f64 ln_told(f64 told) { return ln_f64(floored(told)); }

#undef LOOK
#define LOOK(val, pal, e)                                                                                              \
    _Generic((val)[e], u16: TOLD((u32)(val)[e]), default: ((pal) ? (pal)[(u8)(val)[e]] : (val)[e]))

/* DEFINE_WEIGH for outcomes in codes; the rows after them have their values in `worth`. */
#define DEFINE_WEIGH_CODED(name, PTR, COL, VAL)                                                                        \
    INLINE void name(f32 *score, const f32 *Q, i32 columns, i32 outcomes, i32 planes, const f32 *ground,               \
                     const PTR *ptr, const COL *col, const VAL *val, const f32 *pal, const f32 *worth) {               \
        for (i32 n = 0; n < columns; n += LANES) {                                                                     \
            lanes h = {0};                                                                                             \
            for (i32 o = 0; o < outcomes; o++) {                                                                       \
                lanes sum = spread(ground[o]);                                                                         \
                for (u32 e = ptr[o]; e < ptr[o + 1]; e++)                                                              \
                    sum += (LOOK(val, pal, e) - ground[o]) * *(const loose_lanes *)(Q + n + col[e] * columns);         \
                lanes p = at_least(sum, 1e-30f);                                                                       \
                h -= p * ln_lanes(p);                                                                                  \
            }                                                                                                          \
            for (i32 t = 0; t < planes; t++) {                                                                         \
                lanes sum = spread(ground[outcomes + t]);                                                              \
                for (u32 e = ptr[outcomes + t]; e < ptr[outcomes + t + 1]; e++)                                        \
                    sum += worth[e - ptr[outcomes]] * *(const loose_lanes *)(Q + n + col[e] * columns);                \
                *(loose_lanes *)(score + t * columns + n) = h + sum;                                                   \
            }                                                                                                          \
        }                                                                                                              \
    }

/* DEFINE_SETTLE for outcomes in codes: entries rows[o] to rows[o + 1] belong to outcome o, those after all have `worth`. */
#define DEFINE_SETTLE_CODED(name, ROW, PTR, SRC, VAL)                                                                  \
    INLINE void name(f32 *out, i32 entries, i32 outcomes, const ROW *rows, const f32 *ground, const PTR *ptr,          \
                     const SRC *src, const VAL *val, const f32 *pal, const f32 *worth, const f32 *still) {             \
        u32 first = ptr[rows[outcomes]];                                                                               \
        for (i32 e = 0, o = 0; e < entries; e++) {                                                                     \
            f32 sum = 0.0f;                                                                                            \
            while (o < outcomes && e >= rows[o + 1]) o++;                                                              \
            for (u32 i = ptr[e]; i < ptr[e + 1]; i++)                                                                  \
                sum += (o < outcomes ? LOOK(val, pal, i) - ground[o] : worth[i - first]) * still[src[i]];              \
            out[e] = sum < NEGLIGIBLE && sum > -NEGLIGIBLE ? 0.0f : sum;                                               \
        }                                                                                                              \
    }
