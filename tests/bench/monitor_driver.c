/* Steps a program in the environment of its agent's model, with a failure from some step on: the same C as in the program.
 *
 *     driver RUNS STEPS EPISODE SEED FAILURE ONSET TRACE
 *
 * WORLD_FILE has the tables of the model. EPISODE is the number of steps after which world and agent are reset (0: never).
 * Prints one JSON object: alarms, and for each run the steps from ONSET to the first alarm after it (-1 for none).
 * TRACE, if not "-", receives 1 / p(o) of each modality and step as float32.
 */
#define HOSTED
#include MAIN_FILE
#include WORLD_FILE

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static word system_call(word n, word a, word b, word c, word d, word e) {
    (void)a, (void)b, (void)d, (void)e;
    return n == SYS_WRITE ? c : n == SYS_PPOLL ? 1 : -1;
}

enum { NONE, STUCK, DROPPED, FLIPPED, OFFSET, SWAPPED, NOISY, INTERMITTENT, DELAYED, DRIFTED_A, DRIFTED_B, OTHER_ACTION, LATE_ACTION, FAILURES };
enum { MODALITY = 0, LAG = 2, RAMP = 1000, DEEPEST = 8 };
static u64 chance;

static f64 number(void) {
    chance += 0x9e3779b97f4a7c15ull;
    u64 z = chance;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (f64)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static i32 pick(i32 n) { return (i32)(number() * n); }

/* The index whose share of a column contains a random number; tables hold cumulative sums. */
static i32 sample(const f64 *cumulative, i32 n) {
    f64 u = number() * cumulative[n - 1];
    i32 i = 0;
    while (i < n - 1 && !(u < cumulative[i])) i++;
    return i;
}

static i32 state[FACTORS];

static void begin_world(void) {
    for (i32 f = 0; f < FACTORS; f++) state[f] = sample(world_D[f], states_of[f]);
}

static void move(const i32 *action, f64 slip) {
    i32 next[FACTORS];
    for (i32 f = 0; f < FACTORS; f++) {
        i32 at_ = 0;
        for (const i32 *d = reads_of[f]; *d >= 0; d++) at_ = at_ * states_of[*d] + state[*d];
        for (const i32 *c = controls_of[f]; c[0] >= 0; c += 2) at_ = at_ * c[1] + (c[1] > 1 ? action[c[0]] : 0);
        next[f] = sample(world_B[f] + at_ * states_of[f], states_of[f]);
        if (slip > 0.0 && number() < slip) next[f] = pick(states_of[f]);
    }
    memcpy(state, next, sizeof state);
}

static void look(i32 *seen) {
    for (i32 m = 0; m < MODALITIES; m++) {
        i32 at_ = 0;
        for (const i32 *d = parents_of[m]; *d >= 0; d++) at_ = at_ * states_of[*d] + state[*d];
        seen[m] = sample(world_A[m] + at_ * outcomes_of[m], outcomes_of[m]);
    }
}

static i32 past[DEEPEST][MODALITIES], frozen[MODALITIES], previous[CONTROLS];

/* Change what the sensors report; `since` counts steps from the onset. */
static void spoil(i32 failure, i32 since, i32 *seen) {
    i32 n = outcomes_of[MODALITY], *o = &seen[MODALITY], other = MODALITIES - 1;
    f64 drift = since < RAMP ? 0.5 * since / RAMP : 0.5;
    switch (failure) {
    case STUCK: *o = frozen[MODALITY]; break;
    case DROPPED: *o = 0; break;
    case FLIPPED: *o = n - 1 - *o; break;
    case OFFSET: *o = (*o + 1) % n; break;
    case SWAPPED: {
        i32 a = seen[MODALITY], b = seen[other];
        seen[MODALITY] = b % n, seen[other] = a % outcomes_of[other];
        break;
    }
    case NOISY: if (number() < 0.5) *o = pick(n); break;
    case INTERMITTENT: if (number() < 0.1) *o = pick(n); break;
    case DELAYED: *o = past[LAG][MODALITY]; break;
    case DRIFTED_A: for (i32 m = 0; m < MODALITIES; m++) if (number() < drift) seen[m] = pick(outcomes_of[m]);
    }
}

static void remember(const i32 *seen, i32 is_first) {
    for (i32 k = DEEPEST - 1; k > 0; k--) memcpy(past[k], is_first ? seen : past[k - 1], sizeof past[0]);
    memcpy(past[0], seen, sizeof past[0]);
}

/* Execute an action; the agent believes that it was the proposed one. */
static void act(i32 failure, i32 since) {
    i32 action[CONTROLS];
    memcpy(action, coalitions[0].action, sizeof action);
    if (failure == OTHER_ACTION && number() < 0.5)
        for (i32 c = 0; c < agents[0]->controls; c++) action[c] = pick(agents[0]->num_controls[c]);
    if (failure == LATE_ACTION) memcpy(action, previous, sizeof action);
    memcpy(previous, coalitions[0].action, sizeof previous);
    move(action, failure == DRIFTED_B ? since < RAMP ? 0.5 * since / RAMP : 0.5 : 0.0);
}

static FILE *trace;

static void write_surprise(void) {
    f32 p[MODALITIES];
    if (!trace) return;
    for (i32 m = 0; m < MODALITIES; m++) p[m] = inverse_predicted[m](observation);
    fwrite(p, sizeof p[0], MODALITIES, trace);
}

/* Steps from the onset to the alarm, -1 for none; adds the alarms before the onset to `early`. */
static i32 run_once(u64 steps, u64 episode, i32 failure, u64 onset, u64 *early) {
    i32 seen[MODALITIES], true_[MODALITIES], delay = -1;
    for (u64 s = 0; s < steps; s++) {
        i32 is_first = s == 0 || (episode && s % episode == 0), begun = failure && s >= onset, since = (i32)(s - onset);
        if (is_first) begin_world(), reset(&coalitions[0], 0), memset(previous, 0, sizeof previous);
        look(true_);
        if (s <= onset) memcpy(frozen, true_, sizeof frozen);
        remember(true_, is_first);
        memcpy(seen, true_, sizeof seen);
        if (begun) spoil(failure, since, seen);
        memcpy(observation, seen, sizeof seen);
        step_all(0);
        write_surprise();
        if (monitors[0].heads[0].modality) {
            if (begun && delay < 0) delay = since + 1;
            if (begun && !trace) return delay;
            *early += !begun;
            if (!begun) acknowledge(0, 0);
        }
        act(begun ? failure : NONE, since);
    }
    return delay;
}

int main(int n, char **words) {
    if (n != 8) return 2;
    i32 runs = atoi(words[1]), failure = atoi(words[5]);
    u64 steps = strtoull(words[2], 0, 10), episode = strtoull(words[3], 0, 10), onset = strtoull(words[6], 0, 10), early = 0;
    if (words[7][0] != '-') trace = fopen(words[7], "wb");
    printf("{\"delays\":[");
    clock_t begun = clock();
    for (i32 r = 0; r < runs; r++) {
        chance = strtoull(words[4], 0, 10) * 1000003ull + (u64)r * 7919ull;
        memset(monitors, 0, sizeof monitors);
        seed_all((u64)r);
        printf(r ? ",%d" : "%d", run_once(steps, episode, failure, onset, &early));
    }
    printf("],\"early\":%llu,\"seconds\":%.3f}\n", early, (f64)(clock() - begun) / CLOCKS_PER_SEC);
    if (trace) fclose(trace);
    return 0;
}
