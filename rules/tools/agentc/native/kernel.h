/* The loops of a step. Each sum has one accumulator and a fixed order; only independent columns run side by side,
   so vectorising changes no bit. A column is one distinct predicted belief ("node") of a factor. */
#define FLOOR 0x1p-52     /* pymdp clips probabilities here before a logarithm */
#define NEGLIGIBLE 1e-15f /* predicted beliefs below are zero: keeps products away from denormals */
#define TIE 1e-4f         /* nats within which the lowest index wins */
#define LEAD 1e-6         /* probability within which the lowest state counts as the most probable one */

#define UNLIKELY 0x1.e355bcp-24f /* e^-16: joint states below count for nothing where pymdp 0.0.7 gains information */

INLINE f64 floored(f64 x) { return x < FLOOR ? FLOOR : x; }
/* What prediction starts from: the posterior in single precision. */
INLINE f32 present(f64 x) { return x < (f64)NEGLIGIBLE ? 0.0f : (f32)x; }
INLINE f32 flushed(f32 x) { return x < NEGLIGIBLE ? 0.0f : x; }
INLINE f32 likely(f32 x) { return x > UNLIKELY ? x : 0.0f; }
INLINE f32 narrow(f64 x) { return x < 1e-12 ? 0.0f : (f32)x; }

/* Entry e of a table of values, or of the palette that its numbers point into. */
#define LOOK(val, pal, e) ((pal) ? (pal)[(u8)(val)[e]] : (val)[e])

/* One step of the hidden state: out = B[:, :, u] q; val = 0 when every entry is 1. */
#define DEFINE_MARCH(name, PTR, COL, VAL)                                                                              \
    INLINE void name(f64 *out, const f64 *q, i32 rows, const PTR *ptr, const COL *col, const VAL *val,                 \
                     const f64 *pal) {                                                                                 \
        for (i32 s = 0; s < rows; s++) {                                                                               \
            f64 sum = 0.0;                                                                                             \
            for (u32 e = ptr[s]; e < ptr[s + 1]; e++) sum += val ? LOOK(val, pal, e) * q[col[e]] : q[col[e]];          \
            out[s] = sum;                                                                                              \
        }                                                                                                              \
    }

/* The same for `count` nodes side by side: node i reads column parent[i] of `in`, or i when parent = 0. */
#define DEFINE_SPREAD(KIND, name, PTR, COL, NODE, VAL)                                                                 \
    KIND void name(f32 *to, i32 stride, const f32 *in, i32 width, i32 count, const NODE *parent, i32 rows,             \
                     const PTR *ptr, const COL *col, const VAL *val, const f64 *pal) {                                 \
        for (i32 s = 0; s < rows; s++) {                                                                               \
            f32 *restrict out = to + s * stride;                                                                       \
            for (i32 i = 0; i < count; i++) out[i] = 0.0f;                                                             \
            for (u32 e = ptr[s]; e < ptr[s + 1]; e++) {                                                                \
                const f32 *from = in + col[e] * width;                                                                 \
                f32 v = val ? narrow(LOOK(val, pal, e)) : 1.0f;                                                        \
                if (parent)                                                                                            \
                    for (i32 i = 0; i < count; i++) out[i] += v * from[parent[i]];                                     \
                else                                                                                                   \
                    for (i32 i = 0; i < count; i++) out[i] += v * from[i];                                             \
            }                                                                                                          \
            if (val)                                                                                                   \
                for (i32 i = 0; i < count; i++) out[i] = flushed(out[i]);                                              \
        }                                                                                                              \
    }

/* Joint belief of two sources in `count` columns: source x has rows_x rows of stride_x and its column n is node_x[n], or
   n when node_x = 0. */
#define DEFINE_MEET(name, NODE)                                                                                        \
    SEPARATE void name(f32 *to, i32 width, i32 count, const f32 *a, i32 rows_a, i32 stride_a, const NODE *node_a,      \
                       const f32 *b, i32 rows_b, i32 stride_b, const NODE *node_b) {                                   \
        for (i32 i = 0; i < rows_a; i++)                                                                               \
            for (i32 j = 0; j < rows_b; j++, to += width)                                                              \
                for (i32 n = 0; n < count; n++)                                                                        \
                    to[n] = flushed(a[i * stride_a + (node_a ? node_a[n] : n)] * b[j * stride_b + (node_b ? node_b[n] : n)]); \
    }

/* Expected outcomes of one modality, LANES columns at a time: p = background + sparse rest; adds the entropy of p.
   Rows 0..outcomes-1 are outcomes, the `planes` rows after them the folded utility and ambiguity, one per plane. */
#define DEFINE_WEIGH(name, PTR, COL, VAL)                                                                              \
    INLINE lanes name##_row(const f32 *Q, i32 columns, i32 row, const f32 *ground, const PTR *ptr, const COL *col,     \
                            const VAL *val, const f32 *pal) {                                                          \
        lanes sum = spread(ground[row]);                                                                               \
        for (u32 e = ptr[row]; e < ptr[row + 1]; e++)                                                                  \
            sum += LOOK(val, pal, e) * *(const loose_lanes *)(Q + col[e] * columns);                                   \
        return sum;                                                                                                    \
    }                                                                                                                  \
    INLINE void name(f32 *score, const f32 *Q, i32 columns, i32 outcomes, i32 planes, const f32 *ground,               \
                     const PTR *ptr, const COL *col, const VAL *val, const f32 *pal) {                                 \
        for (i32 n = 0; n < columns; n += LANES) {                                                                     \
            lanes h = {0};                                                                                             \
            for (i32 o = 0; o < outcomes; o++) {                                                                       \
                lanes p = at_least(name##_row(Q + n, columns, o, ground, ptr, col, val, pal), 1e-30f);                 \
                h -= p * ln_lanes(p);                                                                                  \
            }                                                                                                          \
            for (i32 t = 0; t < planes; t++)                                                                           \
                *(loose_lanes *)(score + t * columns + n) =                                                            \
                    h + name##_row(Q + n, columns, outcomes + t, ground, ptr, col, val, pal);                          \
        }                                                                                                              \
    }

/* Entries of a modality with the factors that no policy moves already summed out. */
#define DEFINE_SETTLE(name, PTR, SRC, VAL)                                                                             \
    INLINE void name(f32 *out, i32 entries, const PTR *ptr, const SRC *src, const VAL *val, const f32 *pal,            \
                     const f32 *still) {                                                                               \
        for (i32 e = 0; e < entries; e++) {                                                                            \
            f32 sum = 0.0f;                                                                                            \
            for (u32 i = ptr[e]; i < ptr[e + 1]; i++) sum += LOOK(val, pal, i) * still[src[i]];                        \
            out[e] = sum < NEGLIGIBLE && sum > -NEGLIGIBLE ? 0.0f : sum;                                               \
        }                                                                                                              \
    }

/* q = softmax(x); the highest entry has weight 1 before the division. */
INLINE void soften(f64 *q, const f64 *x, i32 n) {
    f64 top = x[0], sum = 0.0;
    for (i32 s = 1; s < n; s++) top = x[s] > top ? x[s] : top;
    for (i32 s = 0; s < n; s++) q[s] = exp_f64(x[s] - top);
    for (i32 s = 0; s < n; s++) sum += q[s];
    for (i32 s = 0; s < n; s++) q[s] = q[s] / sum;
}

INLINE i32 same(const f64 *a, const f64 *b, i32 n) {
    for (i32 s = 0; s < n; s++)
        if (a[s] != b[s]) return 0;
    return 1;
}

/* Posterior over policies from logits. */
INLINE void weigh_policies(f32 *plausible, const f32 *logit, i32 n) {
    f32 top = logit[0];
    f64 sum = 0.0;
    for (i32 p = 1; p < n; p++) top = logit[p] > top ? logit[p] : top;
    for (i32 p = 0; p < n; p++) plausible[p] = exp_f32(logit[p] - top);
    for (i32 p = 0; p < n; p++) sum += (f64)plausible[p];
    f32 scale = (f32)(1.0 / sum);
    for (i32 p = 0; p < n; p++) plausible[p] = plausible[p] * scale;
}

/* Lowest index within TIE of the maximum. */
INLINE i32 canonical(const f32 *x, i32 n) {
    f32 top = x[0];
    i32 p = 0;
    for (i32 i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    f32 least = top - TIE;
    while (p < n - 1 && !(x[p] >= least)) p++;
    return p;
}

/* Lowest state within LEAD of the most probable one. */
INLINE i32 leading(const f64 *q, i32 n) {
    f64 top = q[0];
    i32 s = 0;
    for (i32 i = 1; i < n; i++) top = q[i] > top ? q[i] : top;
    while (s < n - 1 && !(q[s] >= top - LEAD)) s++;
    return s;
}

/* SplitMix64's output function (Steele, Lea, Flood 2014) of a counter. */
INLINE u64 mixed(u64 counter) {
    u64 z = counter * 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* A number in [0, 1) that depends on the seed, how many steps drew before, and the place within the step alone. */
INLINE f64 uniform(u64 seed, u64 drawn, u64 place) {
    u64 z = mixed(mixed(mixed(seed + 1) ^ (drawn + 1)) ^ (place + 1));
    /* The upper 53 bits in two exact parts: 32-bit processors convert no u64 without a library. */
    return (f64)(u32)(z >> 32) * 0x1p-32 + (f64)((u32)(z >> 11) & 0x1fffffu) * 0x1p-53;
}

/* Draws an alternative with odds max(p, FLOOR)^alpha, where p = softmax(logit): the one whose share of the sum holds u. */
INLINE i32 drawn_from(f64 *odds, const f32 *logit, i32 n, f64 alpha, f64 u) {
    f64 top = (f64)logit[0], mass = 0.0, sum = 0.0, reached = 0.0;
    i32 last = 0;
    for (i32 i = 1; i < n; i++) top = (f64)logit[i] > top ? (f64)logit[i] : top;
    for (i32 i = 0; i < n; i++) mass += exp_f64((f64)logit[i] - top);
    f64 best = 0.0 - ln_f64(mass), least = ln_f64(FLOOR);
    for (i32 i = 0; i < n; i++) {
        f64 p = ((f64)logit[i] - top) + best;
        odds[i] = exp_f64(alpha * ((p < least ? least : p) - best));
        sum += odds[i];
    }
    for (i32 i = 0; i < n; i++) {
        if (odds[i] > 0.0) last = i;
        reached += odds[i];
        if (u * sum < reached) return i;
    }
    return last;
}
