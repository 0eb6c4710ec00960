/* What the program knows of an agent: sizes, its beliefs, and the four verbs of a step. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef float f32;
typedef double f64;

#define INLINE static inline __attribute__((always_inline, unused))
#define SEPARATE static __attribute__((noinline, unused)) /* for what is called from many places */

typedef struct agent {
    const char *name;
    i32 modalities, controls, policies, states, factors;
    const i32 *num_obs;      /* one per modality */
    const i32 *num_controls; /* one per control that offers a choice */
    const i32 *num_states;   /* one per state factor */
    const f64 *belief;       /* posterior over states, factors one after the other */
    const f32 *plausible;    /* posterior over policies */
    const f32 *score;        /* negative expected free energy of each policy */
    void *state;             /* all that lasts from step to step: copied it is a snapshot, written back it restores */
    u32 state_bytes;
    u64 *draws;              /* within state: seed, and how many steps drew from it; 0 when no action is drawn */
    void (*reset)(void);
    i32 (*step)(const i32 *observation, i32 *action); /* proposes an action, gives the chosen policy */
    void (*advance)(const i32 *action);               /* what was executed: makes the next prior */
    f64 (*surprise)(const i32 *observation);          /* variational free energy of the last step */
} agent;
