/* The state of the coalition: what an agent's code holds of one instance between two steps, and what was done.
   The code of an agent has room for one instance; that of the others waits here. */
typedef struct {
    f64 belief[STATES];     /* posterior over states, instances one after the other */
    i32 action[CONTROLS];   /* the last proposed action, or what was executed instead */
    u8 under_way[INSTANCES]; /* has stepped since its reset */
} world;

static world worlds[COPIES];
static u8 seen[INSTANCES], moved[INSTANCES], again[INSTANCES];         /* what a request gives of each instance */
static i32 observation[MODALITIES], executed[CONTROLS], earlier[CONTROLS]; /* by instance, as `seen_at` and `acted_at` say */
static f32 vfe[COPIES][INSTANCES], efe[COPIES][INSTANCES];             /* of the last step, in nats */
static u8 stepped[COPIES];                                             /* since the program started */

typedef struct { u64 steps, errors, late, stored, not_stored; } tally;
static tally count;

static const agent *agent_of(i32 i) { return agents[instances[i].agent]; }

static void reset(world *w, i32 i) {
    const agent *who = agent_of(i);
    memset(w->belief + instances[i].state, 0, 8 * (__SIZE_TYPE__)who->states);
    memset(w->action + instances[i].acted, 0, 4 * (__SIZE_TYPE__)who->controls);
    w->under_way[i] = 0;
}

/* Linked observations of one instance: this tick's action, or the last one's round a cycle. */
static void feed(const world *w, i32 i) {
    for (i32 l = fed_by[i]; l < fed_by[i + 1]; l++)
        observation[links[l].into] = links[l].delayed ? earlier[links[l].from] : w->action[links[l].from];
}

/* The code of the agent takes this instance's belief to its next prior, steps, and gives the belief back. */
static void step_one(world *w, i32 i, i32 copy) {
    const agent *who = agent_of(i);
    f64 *held = w->belief + instances[i].state, *belief = (f64 *)who->belief;
    i32 *action = w->action + instances[i].acted;
    const i32 *seen_now = observation + instances[i].seen;
    __SIZE_TYPE__ size = 8 * (__SIZE_TYPE__)who->states;
    if (w->under_way[i]) {
        memcpy(belief, held, size);
        who->advance(action);
    } else
        who->reset();
    feed(w, i);
    i32 policy = who->step(seen_now, action);
    vfe[copy][i] = (f32)who->surprise(seen_now);
    efe[copy][i] = 0.0f - who->score[policy];
    memcpy(held, belief, size);
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
    memcpy(earlier, w->action, sizeof earlier);
    for (i32 k = 0; k < INSTANCES; k++) step_one(w, order[k], copy);
    stepped[copy] = 1;
    count.steps++;
}
