/* Interface of an agent: sizes, beliefs, and the functions of one step. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef float f32;
typedef double f64;

#define INLINE static inline __attribute__((always_inline, unused))
#define SEPARATE static __attribute__((noinline, unused)) /* for functions with many call sites */

typedef struct agent {
    const char *name;
    i32 modalities, controls, policies, states, factors;
    const i32 *num_obs;      /* one per modality */
    const i32 *num_controls; /* one per control that offers a choice */
    const i32 *num_states;   /* one per state factor */
    const f64 *qs;           /* posterior over states, factors concatenated */
    const f32 *q_pi;         /* posterior over policies */
    const f32 *neg_efe;      /* negative expected free energy of each policy, in nats */
    void *state; /* state between steps; a copy is a snapshot, writing it back restores it */
    u32 state_bytes;
    u64 *rng; /* seed and number of sampled steps, within state; 0 for deterministic agents */
    void (*reset)(void);
    /* proposes an action, returns the selected policy */
    i32 (*step)(const i32 *observation, i32 *action);
    void (*advance)(const i32 *action); /* takes the executed action, computes the next prior */
    /* variational free energy of the last step, in nats */
    f64 (*free_energy)(const i32 *observation);
    /* 1: loops that could end early run to their bounds, which makes a step's worst case */
    volatile i32 *to_bounds;
} agent;
