/* The program: JSON Lines in, one line out for each; see HELP for its face. */
static const char HELP[] =
    "Reads one JSON object a line, writes one a line.\n"
    "  {\"AGENT\":[o0,o1,..],..}  observation index per modality; null exactly where a link feeds it\n"
    "  \"executed\":{\"AGENT\":[u0,..]}  optional: what was really done since the last line, if not what was proposed\n"
    "  {\"reset\":true}           every agent back to its first prior\n"
    "Answer: {\"AGENT\":{\"action\":[u0,..],\"vfe\":F,\"efe\":G},..}; vfe and efe in nats, lower is better.\n"
    "A line that is not understood is answered by {\"error\":\"...\"} and changes nothing.\n"
    "Options: --beliefs (adds \"qs\", one array a state factor)  --selftest  --health  --version  --help\n"
    "  --replay AGENT  int32 records [reset, observation.., executed action.. or -1] on stdin;\n"
    "                  f32 beliefs, f32 policies, i32 action.., i32 policy on stdout\n";

static i32 actions[AGENTS][MAX_CONTROLS], before[AGENTS][MAX_CONTROLS], under_way;

static void reset_all(void) {
    for (i32 a = 0; a < AGENTS; a++) agents[a]->reset();
    memset(actions, 0, sizeof actions);
    under_way = 0;
}

static void put_beliefs(const agent *who) {
    const f64 *q = who->belief;
    put(",\"qs\":[");
    for (i32 f = 0; f < who->factors; f++) {
        put(f ? ",[" : "[");
        for (i32 s = 0; s < who->num_states[f]; s++) {
            if (s) put(",");
            put_f32((f32)*q++);
        }
        put("]");
    }
    put("]");
}

static void answer(i32 a, i32 policy, i32 beliefs) {
    const agent *who = agents[a];
    put("\""), put(who->name), put("\":{\"action\":[");
    for (i32 c = 0; c < who->controls; c++) {
        if (c) put(",");
        put_int(actions[a][c]);
    }
    put("],\"vfe\":"), put_f32((f32)who->surprise(wishes[a].observation));
    put(",\"efe\":"), put_f32(0.0f - who->score[policy]);
    if (beliefs) put_beliefs(who);
    put("}");
}

/* Linked observations of one agent: this tick's action, or the last one's round a cycle. */
static void feed(i32 a) {
    for (i32 l = 0; l < LINKS; l++)
        if (links[l].to == a)
            wishes[a].observation[links[l].modality] =
                links[l].delayed ? before[links[l].from][links[l].control] : actions[links[l].from][links[l].control];
}

/* One tick: what was executed moves the priors, then every agent steps in the order of the links. */
static void act(i32 beliefs) {
    static i32 chosen[AGENTS];
    if (TICK_SECONDS || TICK_NANOSECONDS) flush(), pace();
    for (i32 a = 0; a < AGENTS; a++) {
        if (wishes[a].moved) memcpy(actions[a], wishes[a].executed, sizeof actions[a]);
        if (under_way) agents[a]->advance(actions[a]);
    }
    memcpy(before, actions, sizeof before);
    for (i32 i = 0; i < AGENTS; i++) {
        i32 a = order[i];
        feed(a);
        chosen[a] = agents[a]->step(wishes[a].observation, actions[a]);
    }
    under_way = 1;
    put("{");
    for (i32 a = 0; a < AGENTS; a++) {
        if (a) put(",");
        answer(a, chosen[a], beliefs);
    }
    put("}\n");
}

static void complain(void) {
    put("{\"error\":\"");
    for (const char *s = fault.what; *s; s++) {
        if (*s == '"') put("\\");
        put_bytes(s, 1);
    }
    if (fault.agent) put(": agent "), put(fault.agent);
    if (fault.agent && fault.index >= 0) put(", entry "), put_int(fault.index);
    if (fault.limit > 0) put(", from 0 to "), put_int(fault.limit - 1);
    put("\"}\n");
}

static i32 blank(i32 n) {
    for (i32 i = 0; i < n; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') return 0;
    return 1;
}

/* Before the first step nothing can have been executed. */
static i32 has_moved(void) {
    for (i32 a = 0; a < AGENTS; a++)
        if (wishes[a].moved) return !refuse("nothing was executed before the first step", agents[a]->name, -1, 0);
    return 0;
}

static i32 serve(i32 beliefs) {
    for (;;) {
        i32 n = read_line();
        if (n == LINE_END) break;
        if (n == LINE_LONG) {
            refuse("line longer than 65536 bytes", 0, 0, 0);
            complain();
        } else if (!blank(n)) {
            if (!understand(n)) complain();
            else if (wants_reset) reset_all(), put("{\"reset\":true}\n");
            else if (!under_way && has_moved()) complain();
            else act(beliefs);
        }
    }
    flush();
    return 0;
}

/* The bytes of one replayed step: beliefs, policies, action, policy. */
static void emit_step(const agent *who, const i32 *action, i32 policy, void (*sink)(const void *, word)) {
    for (i32 s = 0; s < who->states; s++) {
        f32 q = (f32)who->belief[s];
        sink(&q, 4);
    }
    sink(who->plausible, 4 * (word)who->policies);
    sink(action, 4 * (word)who->controls);
    sink(&policy, 4);
}

static i32 in_range(const i32 *values, const i32 *limits, i32 count, i32 least) {
    for (i32 i = 0; i < count; i++)
        if (values[i] < least || values[i] >= limits[i]) return 0;
    return 1;
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

static i32 replay(const agent *who) {
    i32 record[1 + MAX_MODALITIES + MAX_CONTROLS];
    word size = 4 * (1 + (word)who->modalities + who->controls);
    for (who->reset();;) {
        word got = 0;
        for (i32 c; got < size && (c = next_byte()) >= 0; got++) ((u8 *)record)[got] = (u8)c;
        if (got < size || !replay_step(who, record, put_bytes)) {
            flush();
            if (got == 0) return 0;
            static const char text[] = "replay: a record is cut off or out of range\n";
            write_all(2, (const u8 *)text, sizeof text - 1);
            return 2;
        }
    }
}

/* FNV-1a over the bytes of the golden steps. */
static u64 hash;
static void hash_bytes(const void *from, word n) {
    for (word i = 0; i < n; i++) hash = (hash ^ ((const u8 *)from)[i]) * 0x100000001b3ull;
}

static i32 golden_agrees(i32 a) {
    i32 record[1 + MAX_MODALITIES + MAX_CONTROLS], width = 1 + agents[a]->modalities + agents[a]->controls;
    hash = 0xcbf29ce484222325ull;
    for (i32 k = 0; k < golden_steps[a]; k++) {
        for (i32 i = 0; i < width; i++) record[i] = golden[a][k * width + i];
        if (!replay_step(agents[a], record, hash_bytes)) return 0;
    }
    return hash == golden_hash[a];
}

/* Replays the steps that were proved when this program was built; 1 unless every bit is the same. */
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
    put(quiet ? wrong ? "{\"health\":\"failed\"}\n" : "{\"health\":\"ok\"}\n" : "}}\n");
    return wrong;
}

static i32 equal(const char *a, const char *b) { return length(a) == length(b) && !memcmp(a, b, (__SIZE_TYPE__)length(a)); }

static i32 usage(void) {
    write_all(2, (const u8 *)HELP, sizeof HELP - 1);
    return 2;
}

static i32 run(word count, char **words) {
    if (count == 1) return serve(0);
    if (count == 3 && equal(words[1], "--replay")) {
        for (i32 a = 0; a < AGENTS; a++)
            if (equal(words[2], agents[a]->name)) return replay(agents[a]);
        return usage();
    }
    if (count != 2) return usage();
    if (equal(words[1], "--beliefs")) return serve(1);
    if (equal(words[1], "--selftest")) return selftest(0);
    if (equal(words[1], "--health")) return selftest(1);
    if (equal(words[1], "--help")) return put(HELP), 0;
    if (equal(words[1], "--version")) return put(VERSION), 0;
    return usage();
}

_Noreturn __attribute__((used)) void enter(word *stack) {
    catch_signals();
    reset_all();
    i32 code = run(stack[0], (char **)(stack + 1));
    flush();
    leave(code);
}
