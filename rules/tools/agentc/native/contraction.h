/* Loops of contractions: arrays of several factors, the first varying slowest, of which one factor
   after the other is summed out. Every element of a result has one accumulator and a fixed order;
   only add_dots has PARTS of them. */
#define PARTS 8
typedef f64 parts __attribute__((vector_size(8 * PARTS)));
typedef parts unaligned_parts __attribute__((aligned(8), may_alias));

#define DEFINE_SUM_OUT_LANES(W)                                                                                       \
    INLINE void sum_out_##W(f32 *out, const f32 *in, i32 rest, i32 size, const f32 *q, i32 stride) {                  \
        lanes##W sum = {0};                                                                                           \
        for (i32 s = 0; s < size; s++) sum += q[s * stride] * *(const unaligned_lanes##W *)(in + s * rest);           \
        lane_bits##W kept = (sum >= NEGLIGIBLE) | (sum <= -NEGLIGIBLE);                                               \
        *(unaligned_lanes##W *)out = (lanes##W)((lane_bits##W)sum & kept);                                            \
    }
DEFINE_SUM_OUT_LANES(16)
DEFINE_SUM_OUT_LANES(8)

/* out[i] = sum_s q[s * stride] in[s, i] for i < rest; negligible sums are 0. */
INLINE void sum_out(f32 *restrict out, const f32 *in, i32 rest, i32 size, const f32 *q, i32 stride) {
    i32 i = 0;
    for (; i + 16 <= rest; i += 16) sum_out_16(out + i, in + i, rest, size, q, stride);
    for (; i + 8 <= rest; i += 8) sum_out_8(out + i, in + i, rest, size, q, stride);
    for (; i < rest; i++) {
        f32 sum = 0.0f;
        for (i32 s = 0; s < size; s++) sum += q[s * stride] * in[s * rest + i];
        out[i] = sum < NEGLIGIBLE && sum > -NEGLIGIBLE ? 0.0f : sum;
    }
}

/* DEFINE_NEG_EFE of rows that are summed already: rows[o, n] without the background. */
#define DEFINE_CONTRACTED_NEG_EFE(W)                                                                                  \
    INLINE void contracted_neg_efe_##W(f32 *neg_efe, const f32 *rows, i32 columns, i32 outcomes, i32 planes,          \
                                       const f32 *background) {                                                       \
        lanes##W h = {0};                                                                                             \
        for (i32 o = 0; o < outcomes; o++, rows += columns) {                                                         \
            lanes##W p = clip_min##W(background[o] + *(const unaligned_lanes##W *)rows, 1e-30f);                      \
            h -= p * ln_lanes##W(p);                                                                                  \
        }                                                                                                             \
        for (i32 t = 0; t < planes; t++, rows += columns)                                                             \
            *(unaligned_lanes##W *)(neg_efe + t * columns) =                                                          \
                h + (background[outcomes + t] + *(const unaligned_lanes##W *)rows);                                   \
    }
DEFINE_CONTRACTED_NEG_EFE(16)
DEFINE_CONTRACTED_NEG_EFE(8)

SEPARATE void contracted_neg_efe(f32 *neg_efe, const f32 *rows, i32 columns, i32 outcomes, i32 planes,
                                 const f32 *background) {
    EACH_VECTOR(contracted_neg_efe, columns, neg_efe, rows, columns, outcomes, planes, background);
}

/* out[i] = sum_s q[s] in[s, i] for i < rest. */
INLINE void sum_out_f64(f64 *restrict out, const f64 *in, i32 rest, i32 size, const f64 *q) {
    i32 i = 0;
    for (; i + PARTS <= rest; i += PARTS) {
        parts sum = {0};
        for (i32 s = 0; s < size; s++) sum += q[s] * *(const unaligned_parts *)(in + s * rest + i);
        *(unaligned_parts *)(out + i) = sum;
    }
    for (; i < rest; i++) {
        f64 sum = 0.0;
        for (i32 s = 0; s < size; s++) sum += q[s] * in[s * rest + i];
        out[i] = sum;
    }
}

/* x[s] += sum_i in[s, i] w[i] for i < rest: element i in part i % PARTS, then halves of the parts
   are added, then the elements after the last whole vector. */
INLINE void add_dots(f64 *x, const f64 *in, i32 size, i32 rest, const f64 *w) {
    for (i32 s = 0; s < size; s++, in += rest) {
        parts p = {0};
        i32 i = 0;
        for (; i + PARTS <= rest; i += PARTS)
            p += *(const unaligned_parts *)(in + i) * *(const unaligned_parts *)(w + i);
        f64 sum = ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
        for (; i < rest; i++) sum += in[i] * w[i];
        x[s] += sum;
    }
}

/* out[i, j] = a[i] b[j]. */
INLINE void outer(f64 *restrict out, const f64 *a, i32 rows, const f64 *b, i32 columns) {
    for (i32 i = 0; i < rows; i++)
        for (i32 j = 0; j < columns; j++) out[i * columns + j] = a[i] * b[j];
}
