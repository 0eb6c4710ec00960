/* A strict subset of JSON: {"agent":[0,null],...}, {"reset":true}, and "executed":{"agent":[1]}.
   A request is understood completely before anything happens: on a fault no state has changed. */
typedef struct {
    u8 seen, moved;
    i32 observation[MAX_MODALITIES];
    i32 executed[MAX_CONTROLS];
} wish;

static wish wishes[AGENTS];
static i32 at, end, wants_reset;
static struct { const char *what, *agent; i32 index, limit; } fault;

static i32 refuse(const char *what, const char *agent, i32 index, i32 limit) {
    fault.what = what, fault.agent = agent, fault.index = index, fault.limit = limit;
    return 0;
}

static void skip_blanks(void) {
    while (at < end && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r')) at++;
}

static i32 take(u8 c) {
    skip_blanks();
    if (at >= end || line[at] != c) return 0;
    at++;
    return 1;
}

static i32 take_word(const char *word_) {
    i32 n = (i32)length(word_);
    skip_blanks();
    if (end - at < n || memcmp(line + at, word_, (__SIZE_TYPE__)n)) return 0;
    at += n;
    return 1;
}

/* A key without escapes, and its colon; gives its place in the line. */
static i32 take_key(i32 *first, i32 *size) {
    if (!take('"')) return refuse("expected a key in quotation marks", 0, 0, 0);
    *first = at;
    while (at < end && line[at] != '"' && line[at] != '\\' && line[at] >= ' ') at++;
    if (at >= end || line[at] != '"') return refuse("a key must end with a quotation mark and have no escapes", 0, 0, 0);
    *size = at++ - *first;
    return take(':') ? 1 : refuse("expected ':' after a key", 0, 0, 0);
}

static i32 is_key(i32 first, i32 size, const char *name) {
    return length(name) == size && !memcmp(line + first, name, (__SIZE_TYPE__)size);
}

static i32 agent_of(i32 first, i32 size) {
    for (i32 a = 0; a < AGENTS; a++)
        if (is_key(first, size, agents[a]->name)) return a;
    return -1;
}

/* 0..limit-1 without sign, point, exponent or leading zero. */
static i32 take_index(i32 *value, i32 limit) {
    i32 found = 0, first;
    skip_blanks();
    for (first = at; at < end && line[at] >= '0' && line[at] <= '9' && at - first < 9; at++)
        found = found * 10 + (line[at] - '0');
    if (at == first || (at - first > 1 && line[first] == '0') || found >= limit) return 0;
    *value = found;
    return 1;
}

/* One number an entry; null where fed[i] is set, and only there. */
static i32 take_numbers(const char *name, i32 *values, const i32 *limits, i32 count, const u8 *fed) {
    if (!take('[')) return refuse("expected an array of indices", name, -1, 0);
    for (i32 i = 0; i < count; i++) {
        if (i && !take(',')) return refuse("too few numbers, or no ',' between them", name, i, 0);
        if (fed && fed[i]) {
            if (!take_word("null")) return refuse("a link feeds this modality: write null", name, i, 0);
        } else if (!take_index(&values[i], limits[i]))
            return refuse("expected an index", name, i, limits[i]);
    }
    return take(']') ? 1 : refuse("too many numbers, or no ']' after them", name, count, 0);
}

static i32 take_executed(void) {
    i32 first, size;
    if (!take('{')) return refuse("\"executed\" must be an object of arrays", 0, 0, 0);
    if (take('}')) return 1;
    do {
        if (!take_key(&first, &size)) return 0;
        i32 a = agent_of(first, size);
        if (a < 0) return refuse("\"executed\" names no agent of this program", 0, 0, 0);
        if (wishes[a].moved) return refuse("named twice in \"executed\"", agents[a]->name, -1, 0);
        wishes[a].moved = 1;
        if (!take_numbers(agents[a]->name, wishes[a].executed, agents[a]->num_controls, agents[a]->controls, 0)) return 0;
    } while (take(','));
    return take('}') ? 1 : refuse("expected ',' or '}' in \"executed\"", 0, 0, 0);
}

static i32 take_member(i32 *executed) {
    i32 first, size;
    if (!take_key(&first, &size)) return 0;
    if (is_key(first, size, "reset")) {
        if (wants_reset || !take_word("true")) return refuse("\"reset\" must be true, once", 0, 0, 0);
        return wants_reset = 1;
    }
    if (is_key(first, size, "executed")) {
        if ((*executed)++) return refuse("\"executed\" is given twice", 0, 0, 0);
        return take_executed();
    }
    i32 a = agent_of(first, size);
    if (a < 0) return refuse("a key names no agent of this program", 0, 0, 0);
    if (wishes[a].seen) return refuse("given twice", agents[a]->name, -1, 0);
    wishes[a].seen = 1;
    return take_numbers(agents[a]->name, wishes[a].observation, agents[a]->num_obs, agents[a]->modalities, fed[a]);
}

/* 1 when the line (n bytes) is a request that can be carried out; else `fault` says why not. */
static i32 understand(i32 n) {
    i32 executed = 0, seen = 0;
    at = 0, end = n, wants_reset = 0;
    memset(wishes, 0, sizeof wishes);
    if (!take('{')) return refuse("expected an object such as {\"agent\":[0]}", 0, 0, 0);
    if (!take('}')) {
        do {
            if (!take_member(&executed)) return 0;
        } while (take(','));
        if (!take('}')) return refuse("expected ',' or '}'", 0, 0, 0);
    }
    skip_blanks();
    if (at != end) return refuse("text after the object", 0, 0, 0);
    for (i32 a = 0; a < AGENTS; a++) seen += wishes[a].seen;
    if (wants_reset) return seen || executed ? refuse("\"reset\" stands alone", 0, 0, 0) : 1;
    for (i32 a = 0; a < AGENTS; a++)
        if (!wishes[a].seen) return refuse("no observation for this agent", agents[a]->name, -1, 0);
    return 1;
}
