/* Loops of a step. Every sum has one accumulator and a fixed order; only independent columns are
   computed together, so vectorisation changes no bit. A column is a node: one distinct predicted
   belief of a factor. */
#define FLOOR 0x1p-52     /* pymdp clips probabilities here before a logarithm */
#define NEGLIGIBLE 1e-15f /* smaller predicted beliefs become 0, which avoids denormal products */
#define TIE 1e-4f         /* nats within which the lowest index wins */
#define STATE_TIE 1e-6    /* probability within which the lowest state wins */

/* e^-16: pymdp 0.0.7 ignores less likely joint states in its information gain */
#define UNLIKELY 0x1.e355bcp-24f

/* Volatile, so that a loop has the same code with and without it. */
static volatile i32 to_bounds;

INLINE f64 clip_to_floor(f64 x) { return x < FLOOR ? FLOOR : x; }
/* Posterior in single precision, the start of prediction. */
INLINE f32 to_f32(f64 x) { return x < (f64)NEGLIGIBLE ? 0.0f : (f32)x; }
INLINE f32 flush(f32 x) { return x < NEGLIGIBLE ? 0.0f : x; }
INLINE f32 drop_unlikely(f32 x) { return x > UNLIKELY ? x : 0.0f; }
INLINE f32 narrow(f64 x) { return x < 1e-12 ? 0.0f : (f32)x; }

/* Entry e of a table of values, or of the palette that it indexes. */
#define ENTRY(val, pal, e) ((pal) ? (pal)[(u8)(val)[e]] : (val)[e])
#define NARROW(x) _Generic((x), f64: narrow(x), default: (x))

/* Next prior of a factor: out[rows] = B[:, :, u] q, sparse rows (ptr, col, val) of the states
   `row`, or of states in order if row = 0; val = 0 if all values are 1. */
#define DEFINE_TRANSITION(name, PTR, COL, ROW, VAL)                                                                   \
    INLINE void name(f64 *out, const f64 *q, i32 rows, const PTR *ptr, const COL *col, const ROW *row,                \
                     const VAL *val, const f64 *pal) {                                                                \
        for (i32 s = 0; s < rows; s++) {                                                                              \
            f64 sum = 0.0;                                                                                            \
            for (u32 e = ptr[s]; e < ptr[s + 1]; e++) sum += val ? ENTRY(val, pal, e) * q[col[e]] : q[col[e]];        \
            out[row ? row[s] : s] = sum;                                                                              \
        }                                                                                                             \
    }

/* Predicted beliefs of `count` nodes: to[rows, n] = B[:, :, u] in[:, parent[n]], or in[:, n] if
   parent = 0. Values of type f32 are narrow() already. */
#define DEFINE_PREDICT(KIND, name, PTR, COL, ROW, NODE, VAL, PAL)                                                     \
    KIND void name(f32 *to, i32 stride, const f32 *in, i32 width, i32 count, const NODE *parent, i32 rows,            \
                   const PTR *ptr, const COL *col, const ROW *row, const VAL *val, const PAL *pal) {                  \
        for (i32 s = 0; s < rows; s++) {                                                                              \
            f32 *restrict out = to + (row ? row[s] : s) * stride;                                                     \
            for (i32 i = 0; i < count; i++) out[i] = 0.0f;                                                            \
            for (u32 e = ptr[s]; e < ptr[s + 1]; e++) {                                                               \
                const f32 *from = in + col[e] * width;                                                                \
                f32 v = val ? NARROW(ENTRY(val, pal, e)) : 1.0f;                                                      \
                if (parent)                                                                                           \
                    for (i32 i = 0; i < count; i++) out[i] += v * from[parent[i]];                                    \
                else                                                                                                  \
                    for (i32 i = 0; i < count; i++) out[i] += v * from[i];                                            \
            }                                                                                                         \
            if (val)                                                                                                  \
                for (i32 i = 0; i < count; i++) out[i] = flush(out[i]);                                               \
        }                                                                                                             \
    }

/* Joint belief of independent factors: to[(i, j), n] = a[i, node_a[n]] b[j, node_b[n]] for `count`
   columns; source x has rows_x rows of stride_x, and column n if node_x = 0. */
#define DEFINE_JOINT(name, NODE)                                                                                            \
    SEPARATE void name(f32 *to, i32 width, i32 count, const f32 *a, i32 rows_a, i32 stride_a, const NODE *node_a,           \
                       const f32 *b, i32 rows_b, i32 stride_b, const NODE *node_b) {                                        \
        for (i32 i = 0; i < rows_a; i++)                                                                                    \
            for (i32 j = 0; j < rows_b; j++, to += width)                                                                   \
                for (i32 n = 0; n < count; n++)                                                                             \
                    to[n] = flush(a[i * stride_a + (node_a ? node_a[n] : n)] * b[j * stride_b + (node_b ? node_b[n] : n)]); \
    }

/* Negative expected free energy of one modality, for the vectors of columns that EACH_VECTOR
   chooses. With p[o, n] = sum_s A[o, s] Q[s, n] (background + sparse rest): neg_efe[t, n] =
   -sum_o p ln p + sum_s w[t, s] Q[s, n], where the rows after the `outcomes` are w = A^T C - H(A),
   one for each of the `planes` (times with preferences of their own). Rows of Q begin every `stride` values. */
#define DEFINE_NEG_EFE_LANES(name, W, PTR, COL, VAL)                                                                      \
    INLINE lanes##W name##_row##W(const f32 *Q, i32 stride, i32 row, const f32 *background, const PTR *ptr,               \
                                  const COL *col, const VAL *val, const f32 *pal) {                                       \
        lanes##W sum = broadcast##W(background[row]);                                                                     \
        for (u32 e = ptr[row]; e < ptr[row + 1]; e++)                                                                     \
            sum += ENTRY(val, pal, e) * *(const unaligned_lanes##W *)(Q + col[e] * stride);                               \
        return sum;                                                                                                       \
    }                                                                                                                     \
    INLINE void name##_##W(f32 *neg_efe, const f32 *Q, i32 columns, i32 stride, i32 outcomes, i32 planes,                 \
                           const f32 *background, const PTR *ptr, const COL *col, const VAL *val, const f32 *pal) {       \
        lanes##W h = {0};                                                                                                 \
        for (i32 o = 0; o < outcomes; o++) {                                                                              \
            lanes##W p = clip_min##W(name##_row##W(Q, stride, o, background, ptr, col, val, pal), 1e-30f);                \
            h -= p * ln_lanes##W(p);                                                                                      \
        }                                                                                                                 \
        for (i32 t = 0; t < planes; t++)                                                                                  \
            *(unaligned_lanes##W *)(neg_efe + t * columns) =                                                              \
                h + name##_row##W(Q, stride, outcomes + t, background, ptr, col, val, pal);                               \
    }
#define DEFINE_NEG_EFE(name, PTR, COL, VAL)                                                                               \
    DEFINE_NEG_EFE_LANES(name, 16, PTR, COL, VAL)                                                                         \
    DEFINE_NEG_EFE_LANES(name, 8, PTR, COL, VAL)                                                                          \
    INLINE void name(f32 *neg_efe, const f32 *Q, i32 columns, i32 stride, i32 outcomes, i32 planes,                       \
                     const f32 *background, const PTR *ptr, const COL *col, const VAL *val, const f32 *pal) {             \
        EACH_VECTOR(name, columns, neg_efe, Q, columns, stride, outcomes, planes, background, ptr, col, val, pal);        \
    }

/* The same with the loop over rows outside, for beliefs that exceed the first cache: equal bits. The
   entropies are in the last plane until it is written. */
#define DEFINE_NEG_EFE_ROWS(name, W, PTR, COL, VAL)                                                                   \
    INLINE void name##_add##W(f32 *h, const f32 *Q, i32 stride, i32 row, const f32 *background, const PTR *ptr,       \
                              const COL *col, const VAL *val, const f32 *pal) {                                       \
        lanes##W p = clip_min##W(name##_row##W(Q, stride, row, background, ptr, col, val, pal), 1e-30f);              \
        *(unaligned_lanes##W *)h -= p * ln_lanes##W(p);                                                               \
    }                                                                                                                 \
    INLINE void name##_end##W(f32 *neg_efe, const f32 *h, const f32 *Q, i32 stride, i32 row, const f32 *background,   \
                              const PTR *ptr, const COL *col, const VAL *val, const f32 *pal) {                       \
        *(unaligned_lanes##W *)neg_efe =                                                                              \
            *(const unaligned_lanes##W *)h + name##_row##W(Q, stride, row, background, ptr, col, val, pal);           \
    }
#define DEFINE_NEG_EFE_BY_ROWS(name, PTR, COL, VAL)                                                                   \
    DEFINE_NEG_EFE_LANES(name, 16, PTR, COL, VAL)                                                                     \
    DEFINE_NEG_EFE_LANES(name, 8, PTR, COL, VAL)                                                                      \
    DEFINE_NEG_EFE_ROWS(name, 16, PTR, COL, VAL)                                                                      \
    DEFINE_NEG_EFE_ROWS(name, 8, PTR, COL, VAL)                                                                       \
    INLINE void name(f32 *neg_efe, const f32 *Q, i32 columns, i32 stride, i32 outcomes, i32 planes,                   \
                     const f32 *background, const PTR *ptr, const COL *col, const VAL *val, const f32 *pal) {         \
        f32 *h = neg_efe + (planes - 1) * columns;                                                                    \
        for (i32 n = 0; n < columns; n++) h[n] = 0.0f;                                                                \
        for (i32 o = 0; o < outcomes; o++) {                                                                          \
            i32 n = 0;                                                                                                \
            for (; n + 16 <= columns; n += 16) name##_add16(h + n, Q + n, stride, o, background, ptr, col, val, pal); \
            if (n < columns) name##_add8(h + n, Q + n, stride, o, background, ptr, col, val, pal);                    \
        }                                                                                                             \
        for (i32 t = 0; t < planes; t++) {                                                                            \
            f32 *to = neg_efe + t * columns;                                                                          \
            i32 n = 0, row = outcomes + t;                                                                            \
            for (; n + 16 <= columns; n += 16)                                                                        \
                name##_end16(to + n, h + n, Q + n, stride, row, background, ptr, col, val, pal);                      \
            if (n < columns) name##_end8(to + n, h + n, Q + n, stride, row, background, ptr, col, val, pal);          \
        }                                                                                                             \
    }

/* Marginalise constant factors: out[e] = sum_i val[e, i] constant[src[i]], once a step for all
   columns. */
#define DEFINE_MARGINALIZE(name, PTR, SRC, VAL)                                                                       \
    INLINE void name(f32 *out, i32 entries, const PTR *ptr, const SRC *src, const VAL *val, const f32 *pal,           \
                     const f32 *constant) {                                                                           \
        for (i32 e = 0; e < entries; e++) {                                                                           \
            f32 sum = 0.0f;                                                                                           \
            for (u32 i = ptr[e]; i < ptr[e + 1]; i++) sum += ENTRY(val, pal, i) * constant[src[i]];                   \
            out[e] = sum < NEGLIGIBLE && sum > -NEGLIGIBLE ? 0.0f : sum;                                              \
        }                                                                                                             \
    }

/* q[n] = softmax(x[n]) = exp(x - max x) / sum. */
INLINE void softmax(f64 *q, const f64 *x, i32 n) {
    f64 top = x[0], sum = 0.0;
    for (i32 s = 1; s < n; s++) top = x[s] > top ? x[s] : top;
    for (i32 s = 0; s < n; s++) q[s] = exp_f64(x[s] - top);
    for (i32 s = 0; s < n; s++) sum += q[s];
    for (i32 s = 0; s < n; s++) q[s] = q[s] / sum;
}

INLINE i32 same(const f64 *a, const f64 *b, i32 n) {
    i32 differs = 0;
    for (i32 s = 0; s < n; s++)
        if (a[s] != b[s]) {
            differs = 1;
            if (!to_bounds) break;
        }
    return !differs;
}

/* Posterior over policies: q_pi[n] = softmax(logit[n]), logit = gamma neg_efe + ln E. */
INLINE void softmax_policies(f32 *q_pi, const f32 *logit, i32 n) {
    f32 top = logit[0];
    f64 sum = 0.0;
    for (i32 p = 1; p < n; p++) top = logit[p] > top ? logit[p] : top;
    for (i32 p = 0; p < n; p++) q_pi[p] = exp_f32(logit[p] - top);
    for (i32 p = 0; p < n; p++) sum += (f64)q_pi[p];
    f32 scale = (f32)(1.0 / sum);
    for (i32 p = 0; p < n; p++) q_pi[p] = q_pi[p] * scale;
}

/* Lowest index within TIE of the maximum of x[n]: deterministic action selection. */
INLINE i32 tied_argmax(const f32 *x, i32 n) {
    f32 top = x[0];
    i32 p = n - 1;
    for (i32 i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    f32 least = top - TIE;
    for (i32 i = 0; i < n - 1; i++)
        if (x[i] >= least) {
            p = i < p ? i : p;
            if (!to_bounds) break;
        }
    return p;
}

/* Lowest state within STATE_TIE of the most probable one of q[n]. */
INLINE i32 most_probable_state(const f64 *q, i32 n) {
    f64 top = q[0];
    i32 s = n - 1;
    for (i32 i = 1; i < n; i++) top = q[i] > top ? q[i] : top;
    for (i32 i = 0; i < n - 1; i++)
        if (q[i] >= top - STATE_TIE) {
            s = i < s ? i : s;
            if (!to_bounds) break;
        }
    return s;
}

/* SplitMix64's output function (Steele, Lea, Flood 2014) of a counter. */
INLINE u64 splitmix64(u64 counter) {
    u64 z = counter * 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* Uniform number in [0, 1): a function of seed, number of earlier sampled steps, and index within
   the step. */
INLINE f64 uniform(u64 seed, u64 draw_count, u64 place) {
    u64 z = splitmix64(splitmix64(splitmix64(seed + 1) ^ (draw_count + 1)) ^ (place + 1));
    /* The upper 53 bits in two exact parts, because 32-bit processors convert u64 in a library
       only. */
    return (f64)(u32)(z >> 32) * 0x1p-32 + (f64)((u32)(z >> 11) & 0x1fffffu) * 0x1p-53;
}

/* Sample an alternative with weights max(p, FLOOR)^alpha, p = softmax(logit[n]): the one whose
   share of the sum contains u. */
INLINE i32 sample_action(f64 *weights, const f32 *logit, i32 n, f64 alpha, f64 u) {
    f64 top = (f64)logit[0], mass = 0.0, sum = 0.0, reached = 0.0;
    i32 last = 0, chosen = -1;
    for (i32 i = 1; i < n; i++) top = (f64)logit[i] > top ? (f64)logit[i] : top;
    for (i32 i = 0; i < n; i++) mass += exp_f64((f64)logit[i] - top);
    f64 best = 0.0 - ln_f64(mass), least = ln_f64(FLOOR);
    for (i32 i = 0; i < n; i++) {
        f64 p = ((f64)logit[i] - top) + best;
        weights[i] = exp_f64(alpha * ((p < least ? least : p) - best));
        sum += weights[i];
    }
    for (i32 i = 0; i < n; i++) {
        if (weights[i] > 0.0) last = i;
        reached += weights[i];
        if (u * sum < reached) {
            chosen = chosen < 0 ? i : chosen;
            if (!to_bounds) break;
        }
    }
    return chosen < 0 ? last : chosen;
}
