/* State of the coalition: of each instance its agent's state between two steps and its last action.
   An agent's code has room for one instance, so every instance's state is stored here. */
typedef struct {
    u64 words[WORDS];      /* states of the instances, concatenated */
    i32 action[CONTROLS];  /* last proposed action, or the executed one */
    u8 started[INSTANCES]; /* 1 after the first step since a reset */
} coalition;

#ifndef SHARED /* workers.h shares these variables; without workers they are plain ones */
#define SHARED(type, name, size) static type name size
#endif
SHARED(coalition, coalitions, [COPIES]);
/* parts of the request, by instance */
static u8 has_observation[INSTANCES], has_executed_action[INSTANCES], resets[INSTANCES];
/* by instance, at `first_modality` and `first_control` */
SHARED(i32, observation, [MODALITIES]);
static i32 executed[CONTROLS];
SHARED(i32, delayed_values, [LINKS]); /* values of links in cycles, of the previous tick */
SHARED(f32, vfe, [COPIES][INSTANCES]); /* of the last step, in nats */
SHARED(f32, efe, [COPIES][INSTANCES]);
static u8 stepped[COPIES]; /* 1 after a step since the program started */

typedef struct { u64 steps, errors, late, stored, not_stored, lost; } tally;
static tally count;

static const agent *agent_of(i32 i) { return agents[instances[i].agent]; }

/* State of an instance; `words` is as wide as emit_program.py was configured (see `states_fit`). */
static u64 *state_of(coalition *w, i32 i) { return w->words + instances[i].state; }

static i32 states_fit(void) {
    for (i32 i = 0; i < INSTANCES; i++)
        if (agent_of(i)->state_bytes > 8 * (u32)(instances[i + 1].state - instances[i].state)) return 0;
    return 1;
}

/* Seed every instance differently: user's seed and index of the instance. */
static void seed_all(u64 seed) {
    for (i32 c = 0; c < COPIES; c++)
        for (i32 i = 0; i < INSTANCES; i++) {
            const agent *who = agent_of(i);
            if (who->rng) state_of(&coalitions[c], i)[who->rng - (u64 *)who->state] = (seed << 24) + (u64)(c * INSTANCES + i);
        }
}

/* Return to the first prior; the sample counter continues. */
static void reset(coalition *w, i32 i) {
    memset(w->action + instances[i].first_control, 0, 4 * (__SIZE_TYPE__)agent_of(i)->controls);
    w->started[i] = 0;
}

/* Value of a link: an action, or the most probable state of a factor (the lowest on ties); 0 before
   the first step. */
static i32 link_value(coalition *w, i32 l) {
    i32 i = links[l].source, top = 0;
    const agent *who = agent_of(i);
    if (!links[l].states) return w->action[links[l].first];
    const f64 *q = (const f64 *)state_of(w, i) + (who->qs - (const f64 *)who->state) + links[l].first;
    for (i32 s = 1; w->started[i] && s < links[l].states; s++)
        if (q[s] > q[top]) top = s;
    return top;
}

/* Set linked observations of an instance: of this tick, or of the previous one in a cycle. */
static void apply_links(coalition *w, i32 i) {
    for (i32 l = fed_by[i]; l < fed_by[i + 1]; l++)
        observation[links[l].into] = links[l].delayed ? delayed_values[l] : link_value(w, l);
}

#if MONITOR
static void watch(i32 copy_, i32 i, const i32 *o, i32 is_first);
#endif

/* Step one instance: load its state, compute the next prior, step, store its state. */
static void step_one(coalition *w, i32 i, i32 copy) {
    const agent *who = agent_of(i);
    i32 *action = w->action + instances[i].first_control;
    const i32 *seen_now = observation + instances[i].first_modality;
    memcpy(who->state, state_of(w, i), who->state_bytes);
    if (w->started[i]) who->advance(action);
    else who->reset();
    apply_links(w, i);
    i32 policy = who->step(seen_now, action);
#if MONITOR
    watch(copy, i, seen_now, !w->started[i]);
#endif
    vfe[copy][i] = (f32)who->free_energy(seen_now);
    efe[copy][i] = 0.0f - who->neg_efe[policy];
    memcpy(state_of(w, i), who->state, who->state_bytes);
    w->started[i] = 1;
}

#if WORKERS > 1
static void step_side_by_side(i32 copy);
#endif

/* One tick: store executed actions, then step every instance in the order of the links. */
static void step_all(i32 copy) {
    coalition *w = &coalitions[copy];
    for (i32 i = 0; i < INSTANCES; i++)
        if (has_executed_action[i]) {
            i32 at = instances[i].first_control;
            memcpy(w->action + at, executed + at, 4 * (__SIZE_TYPE__)agent_of(i)->controls);
        }
    for (i32 l = 0; l < fed_by[INSTANCES]; l++)
        if (links[l].delayed) delayed_values[l] = link_value(w, l);
#if WORKERS > 1
    step_side_by_side(copy);
#else
    for (i32 k = 0; k < INSTANCES; k++) step_one(w, order[k], copy);
#endif
    stepped[copy] = 1;
    count.steps++;
}
