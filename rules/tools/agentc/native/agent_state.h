/* The state of the coalition: all that an agent's code holds of one instance between two steps, and what was done.
   The code of an agent has room for one instance; what it declares as its state is kept here for each of them. */
typedef struct {
    u64 held[WORDS];         /* instances one after the other */
    i32 action[CONTROLS];    /* the last proposed action, or what was executed instead */
    u8 under_way[INSTANCES]; /* has stepped since its reset */
} world;

static world worlds[COPIES];
static u8 seen[INSTANCES], moved[INSTANCES], again[INSTANCES];         /* what a request gives of each instance */
static i32 observation[MODALITIES], executed[CONTROLS]; /* by instance, from `seen` and `acted` on */
static i32 earlier[LINKS];                              /* what links round a cycle carry */
static f32 vfe[COPIES][INSTANCES], efe[COPIES][INSTANCES];             /* of the last step, in nats */
static u8 stepped[COPIES];                                             /* since the program started */

typedef struct { u64 steps, errors, late, stored, not_stored, lost; } tally;
static tally count;

static const agent *agent_of(i32 i) { return agents[instances[i].agent]; }

/* Where an instance's state waits; `held` is as wide as emit_program.py was told, and no agent needs more (see `fits`). */
static u64 *state_of(world *w, i32 i) { return w->held + instances[i].state; }

static i32 fits(void) {
    for (i32 i = 0; i < INSTANCES; i++)
        if (agent_of(i)->state_bytes > 8 * (u32)(instances[i + 1].state - instances[i].state)) return 0;
    return 1;
}

/* Every instance draws other numbers: its seed is its place among all, counted on from the user's. */
static void sow(u64 seed) {
    for (i32 c = 0; c < COPIES; c++)
        for (i32 i = 0; i < INSTANCES; i++) {
            const agent *who = agent_of(i);
            if (who->draws) state_of(&worlds[c], i)[who->draws - (u64 *)who->state] = (seed << 24) + (u64)(c * INSTANCES + i);
        }
}

/* Back to the first prior; numbers that were drawn are not drawn again. */
static void reset(world *w, i32 i) {
    memset(w->action + instances[i].acted, 0, 4 * (__SIZE_TYPE__)agent_of(i)->controls);
    w->under_way[i] = 0;
}

/* What a link carries: an action, or the most probable state of a factor (the lowest one of equals); 0 before the first. */
static i32 carried(world *w, i32 l) {
    i32 i = links[l].source, top = 0;
    const agent *who = agent_of(i);
    if (!links[l].states) return w->action[links[l].first];
    const f64 *q = (const f64 *)state_of(w, i) + (who->belief - (const f64 *)who->state) + links[l].first;
    for (i32 s = 1; w->under_way[i] && s < links[l].states; s++)
        if (q[s] > q[top]) top = s;
    return top;
}

/* Linked observations of one instance: of this tick, or of the last one round a cycle. */
static void feed(world *w, i32 i) {
    for (i32 l = fed_by[i]; l < fed_by[i + 1]; l++)
        observation[links[l].into] = links[l].delayed ? earlier[l] : carried(w, l);
}

/* The code of the agent takes over this instance's state, moves to the next prior, steps, and gives the state back. */
static void step_one(world *w, i32 i, i32 copy) {
    const agent *who = agent_of(i);
    i32 *action = w->action + instances[i].acted;
    const i32 *seen_now = observation + instances[i].seen;
    memcpy(who->state, state_of(w, i), who->state_bytes);
    if (w->under_way[i]) who->advance(action);
    else who->reset();
    feed(w, i);
    i32 policy = who->step(seen_now, action);
    vfe[copy][i] = (f32)who->surprise(seen_now);
    efe[copy][i] = 0.0f - who->score[policy];
    memcpy(state_of(w, i), who->state, who->state_bytes);
    w->under_way[i] = 1;
}

/* One tick: what was executed moves the priors, then every instance steps in the order of the links. */
static void step_all(i32 copy) {
    world *w = &worlds[copy];
    for (i32 i = 0; i < INSTANCES; i++)
        if (moved[i]) {
            i32 at = instances[i].acted;
            memcpy(w->action + at, executed + at, 4 * (__SIZE_TYPE__)agent_of(i)->controls);
        }
    for (i32 l = 0; l < fed_by[INSTANCES]; l++)
        if (links[l].delayed) earlier[l] = carried(w, l);
    for (i32 k = 0; k < INSTANCES; k++) step_one(w, order[k], copy);
    stepped[copy] = 1;
    count.steps++;
}
