/* A strict subset of JSON: {"agent":[0,null],...} with "executed":{"agent":[1]}, or {"reset":true}, {"reset":["agent"]}.
   A request is understood completely before anything happens: on a fault no state has changed. */
static i32 at, end, wants_reset, has_executed, copy;
static struct { const char *what, *agent; i32 index, limit; } fault;

static i32 refuse(const char *what, const char *agent, i32 index, i32 limit) {
    fault.what = what, fault.agent = agent, fault.index = index, fault.limit = limit;
    return 0;
}

static void skip_blanks(void) {
    while (at < end && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) at++;
}

static i32 take(u8 c) {
    skip_blanks();
    if (at >= end || text[at] != c) return 0;
    at++;
    return 1;
}

static i32 take_word(const char *word_) {
    i32 n = (i32)length(word_);
    skip_blanks();
    if (end - at < n || memcmp(text + at, word_, (__SIZE_TYPE__)n)) return 0;
    at += n;
    return 1;
}

/* A string without escapes; gives its place in the text. */
static i32 take_name(i32 *first, i32 *size) {
    if (!take('"')) return refuse("expected a name in quotation marks", 0, 0, 0);
    *first = at;
    while (at < end && text[at] != '"' && text[at] != '\\' && text[at] >= ' ') at++;
    if (at >= end || text[at] != '"') return refuse("a name must end with a quotation mark and have no escapes", 0, 0, 0);
    *size = at++ - *first;
    return 1;
}

static i32 take_key(i32 *first, i32 *size) {
    if (!take_name(first, size)) return 0;
    return take(':') ? 1 : refuse("expected ':' after a key", 0, 0, 0);
}

static i32 is_name(i32 first, i32 size, const char *name) {
    return length(name) == size && !memcmp(text + first, name, (__SIZE_TYPE__)size);
}

/* The instance of that name, or -1; `sorted` has them by length, then by their bytes. */
static i32 find(i32 first, i32 size) {
    i32 low = 0, high = INSTANCES;
    while (low < high) {
        i32 middle = (low + high) / 2, i = sorted[middle], order_ = size - instances[i].length;
        if (!order_) order_ = memcmp(text + first, instances[i].name, (__SIZE_TYPE__)size);
        if (!order_) return i;
        if (order_ < 0) high = middle;
        else low = middle + 1;
    }
    return -1;
}

/* 0..limit-1 without sign, point, exponent or leading zero. */
static i32 take_index(i32 *value, i32 limit) {
    i32 found = 0, first;
    skip_blanks();
    for (first = at; at < end && text[at] >= '0' && text[at] <= '9' && at - first < 9; at++)
        found = found * 10 + (text[at] - '0');
    if (at == first || (at - first > 1 && text[first] == '0') || found >= limit) return 0;
    *value = found;
    return 1;
}

/* One number an entry; null where fed[i] is set, and only there. */
static i32 take_numbers(const char *name, i32 *values, const i32 *limits, i32 n, const u8 *linked) {
    if (!take('[')) return refuse("expected an array of indices", name, -1, 0);
    for (i32 i = 0; i < n; i++) {
        if (i && !take(',')) return refuse("too few numbers, or no ',' between them", name, i, 0);
        if (linked && linked[i]) {
            if (!take_word("null")) return refuse("a link feeds this modality: write null", name, i, 0);
        } else if (!take_index(&values[i], limits[i]))
            return refuse("expected an index", name, i, limits[i]);
    }
    return take(']') ? 1 : refuse("too many numbers, or no ']' after them", name, n, 0);
}

static i32 take_executed(void) {
    i32 first, size;
    if (has_executed++) return refuse("\"executed\" is given twice", 0, 0, 0);
    if (!take('{')) return refuse("\"executed\" must be an object of arrays", 0, 0, 0);
    if (take('}')) return 1;
    do {
        if (!take_key(&first, &size)) return 0;
        i32 i = find(first, size);
        if (i < 0) return refuse("\"executed\" names no agent of this program", 0, 0, 0);
        if (moved[i]) return refuse("named twice in \"executed\"", instances[i].name, -1, 0);
        moved[i] = 1;
        if (!take_numbers(instances[i].name, executed + instances[i].acted, agent_of(i)->num_controls,
                          agent_of(i)->controls, 0)) return 0;
    } while (take(','));
    return take('}') ? 1 : refuse("expected ',' or '}' in \"executed\"", 0, 0, 0);
}

/* The instance of a name, or all replicas of the agent of that name. */
static i32 take_again(void) {
    i32 first, size, found = 0;
    if (!take_name(&first, &size)) return 0;
    for (i32 i = 0; i < INSTANCES; i++)
        if (is_name(first, size, instances[i].name) || is_name(first, size, agent_of(i)->name)) {
            if (again[i]) return refuse("named twice in \"reset\"", instances[i].name, -1, 0);
            again[i] = 1, found = 1;
        }
    return found ? 1 : refuse("\"reset\" names no agent of this program", 0, 0, 0);
}

/* true, or an array of names. */
static i32 take_reset(void) {
    if (wants_reset) return refuse("\"reset\" is given twice", 0, 0, 0);
    wants_reset = 1;
    if (take_word("true")) {
        memset(again, 1, sizeof again);
        return 1;
    }
    if (!take('[')) return refuse("\"reset\" must be true, or an array of names", 0, 0, 0);
    do
        if (!take_again()) return 0;
    while (take(','));
    return take(']') ? 1 : refuse("expected ',' or ']' in \"reset\"", 0, 0, 0);
}

static i32 take_member(void) {
    i32 first, size;
    if (!take_key(&first, &size)) return 0;
    if (is_name(first, size, "reset")) return take_reset();
    if (is_name(first, size, "executed")) return take_executed();
    if (COPIES > 1 && is_name(first, size, "copy")) {
        if (copy >= 0) return refuse("\"copy\" is given twice", 0, 0, 0);
        return take_index(&copy, COPIES) ? 1 : refuse("\"copy\" must be an index", 0, 0, COPIES);
    }
    i32 i = find(first, size);
    if (i < 0) return refuse("a key names no agent of this program", 0, 0, 0);
    if (seen[i]) return refuse("given twice", instances[i].name, -1, 0);
    seen[i] = 1;
    return take_numbers(instances[i].name, observation + instances[i].seen, agent_of(i)->num_obs, agent_of(i)->modalities,
                        linked + instances[i].seen);
}

/* What only the whole object shows: nothing missing, nothing too much. */
static i32 complete(void) {
    i32 given = 0;
    for (i32 i = 0; i < INSTANCES; i++) given += seen[i];
    if (wants_reset) return given || has_executed ? refuse("\"reset\" stands alone", 0, 0, 0) : 1;
    for (i32 i = 0; i < INSTANCES; i++)
        if (!seen[i]) return refuse("no observation for this agent", instances[i].name, -1, 0);
    if (copy < 0) return refuse("no \"copy\": which copy of the coalition steps", 0, 0, COPIES);
    for (i32 i = 0; i < INSTANCES; i++)
        if (moved[i] && !worlds[copy].under_way[i])
            return refuse("nothing was executed before the first step", instances[i].name, -1, 0);
    return 1;
}

/* 1 when `text` (n bytes) is a request that can be carried out; else `fault` says why not. */
static i32 understand(i32 n) {
    at = 0, end = n, wants_reset = has_executed = 0, copy = COPIES > 1 ? -1 : 0;
    memset(seen, 0, sizeof seen), memset(moved, 0, sizeof moved), memset(again, 0, sizeof again);
    if (!take('{')) return refuse("expected an object such as {\"agent\":[0]}", 0, 0, 0);
    if (!take('}')) {
        do
            if (!take_member()) return 0;
        while (take(','));
        if (!take('}')) return refuse("expected ',' or '}'", 0, 0, 0);
    }
    skip_blanks();
    if (at != end) return refuse("text after the object", 0, 0, 0);
    return complete();
}
