/* Replay of records from stdin, and of the golden steps in the program. */
/* Bytes of one replayed step: beliefs, policies, action, policy. */
static void emit_step(const agent *who, const i32 *action, i32 policy, void (*sink)(const void *, word)) {
    for (i32 s = 0; s < who->states; s++) {
        f32 q = (f32)who->qs[s];
        sink(&q, 4);
    }
    sink(who->q_pi, 4 * (word)who->policies);
    sink(action, 4 * (word)who->controls);
    sink(&policy, 4);
}

/* One record [reset, observation.., executed.. or -1]; 0 when it is out of range. */
static i32 replay_step(const agent *who, const i32 *record, void (*sink)(const void *, word)) {
    i32 action[MAX_CONTROLS] = {0}, executed[MAX_CONTROLS] = {0};
    const i32 *wanted = record + 1 + who->modalities;
    if (!in_range(record + 1, who->num_obs, who->modalities, 0)) return 0;
    if (!in_range(wanted, who->num_controls, who->controls, -1)) return 0;
    if (record[0]) who->reset();
    i32 policy = who->step(record + 1, action);
    emit_step(who, action, policy, sink);
    for (i32 c = 0; c < who->controls; c++) executed[c] = wanted[c] < 0 ? action[c] : wanted[c];
    who->advance(executed);
    return 1;
}

/* Reset to the state at program start: no observation, no sample. */
static void restart(const agent *who) {
    memset(who->state, 0, who->state_bytes);
    who->reset();
}

static i32 replay(const agent *who) {
    i32 record[1 + MAX_MODALITIES + MAX_CONTROLS];
    word size = 4 * (1 + (word)who->modalities + who->controls);
    for (restart(who);;) {
        word got = 0;
        for (i32 c; got < size && (c = next_byte()) >= 0; got++) ((u8 *)record)[got] = (u8)c;
        if (got < size || !replay_step(who, record, put_bytes)) {
            flush();
            if (got == 0 || stopping) return 0;
            warn("replay: a record is cut off or out of range", "", "");
            return 2;
        }
    }
}

static u64 hash;
static void hash_bytes(const void *from, word n) { hash = mix(hash, from, n); }

static i32 golden_agrees(i32 a) {
    i32 record[1 + MAX_MODALITIES + MAX_CONTROLS], width = 1 + agents[a]->modalities + agents[a]->controls;
    hash = FRESH;
    restart(agents[a]);
    for (i32 k = 0; k < golden_steps[a]; k++) {
        for (i32 i = 0; i < width; i++) record[i] = golden[a][k * width + i];
        if (!replay_step(agents[a], record, hash_bytes)) return 0;
    }
    return hash == golden_hash[a];
}

/* Replay the golden steps; returns 1 if a bit differs. */
static i32 selftest(i32 quiet) {
    i32 wrong = 0, a = 0;
    if (!quiet) put("{\"selftest\":{");
    for (; a < AGENTS; a++) {
        i32 agrees = golden_agrees(a);
        wrong |= !agrees;
        if (!quiet) {
            put(a ? ",\"" : "\""), put(agents[a]->name), put("\":{\"agrees\":"), put(agrees ? "true" : "false");
            put(",\"steps\":"), put_int(golden_steps[a]), put(",\"expected\":\""), put_hex(golden_hash[a]);
            put("\",\"found\":\""), put_hex(hash), put("\"}");
        }
    }
#if MONITOR
    if (quiet && !wrong && is_degraded()) {
        put_degraded();
        return 0;
    }
#endif
    put(quiet ? wrong ? "{\"health\":\"failed\"}\n" : "{\"health\":\"ok\"}\n" : "}}\n");
    return wrong;
}
