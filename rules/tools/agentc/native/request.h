/* A strict subset of JSON: {"agent":[0,null],...} with "executed":{"agent":[1]}, or {"reset":true}, {"reset":["agent"]}.
   A request is understood completely before anything happens: on a fault no state has changed. */
static i32 at, end, wants_reset, has_executed, copy;
/* Why a request is refused: whose modality or control (`part`, `index`), how many values that has (`limit`), what was found
   at which place of the text instead (`first`: -1 for none; `size`: -1 for the place alone), and whether the names of the agents help (`names`). */
static struct { const char *what, *agent, *part; i32 index, limit, first, size, names; } fault;

static i32 refuse(const char *what) {
    memset(&fault, 0, sizeof fault);
    fault.what = what, fault.first = -1;
    return 0;
}

static i32 refuse_agent(const char *what, i32 i) {
    refuse(what);
    fault.agent = instances[i].name;
    return 0;
}

static void skip_blanks(void) {
    while (at < end && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) at++;
}

/* What stands here is not what is expected: it is quoted, up to what ends a value. */
static i32 refuse_here(const char *what) {
    refuse(what);
    skip_blanks();
    fault.first = at;
    for (i32 quoted = 0, k = at; k < end; k++, fault.size++) {
        if (text[k] == '"' && k > at && quoted) {
            fault.size++;
            break;
        }
        if (text[k] == '"') quoted = 1;
        if (k > at && text[at] != '"' && (text[at] == '[' || text[at] == ']' || text[at] == '{' || text[at] == '}')) break;
        if (!quoted && k > at && (text[k] <= ' ' || text[k] == ',' || text[k] == ']' || text[k] == '}' || text[k] == ':')) break;
    }
    return 0;
}

static i32 refuse_name(const char *what, i32 first, i32 size) {
    refuse(what);
    fault.first = first - 1, fault.size = size + 2; /* with its quotation marks */
    return 0;
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
    if (!take('"')) return refuse_here("expected a name in quotation marks");
    *first = at;
    while (at < end && text[at] != '"' && text[at] != '\\' && text[at] >= ' ') at++;
    if (at >= end || text[at] != '"') return refuse_here("expected a quotation mark at the end of a name without escapes");
    *size = at++ - *first;
    return 1;
}

static i32 take_key(i32 *first, i32 *size) {
    if (!take_name(first, size)) return 0;
    return take(':') ? 1 : refuse_here("expected ':' after a key");
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

static i32 ends_value(i32 k) {
    return k >= end || text[k] <= ' ' || text[k] == ',' || text[k] == ']' || text[k] == '}';
}

/* 0..limit-1 without sign, point, exponent or leading zero. */
static i32 take_index(i32 *value, i32 limit) {
    i32 found = 0, k;
    skip_blanks();
    for (k = at; k < end && text[k] >= '0' && text[k] <= '9' && k - at < 9; k++) found = found * 10 + (text[k] - '0');
    if (k == at || (k - at > 1 && text[at] == '0') || found >= limit || !ends_value(k)) {
        i32 is_number = k > at && k < end && (text[k] == '.' || (text[k] | 32) == 'e');
        refuse_here(is_number ? "expected an integer" : "expected an index");
        fault.limit = limit;
        return 0;
    }
    *value = found, at = k;
    return 1;
}

/* Adds to a fault whose number it is about. */
static i32 blame(i32 i, const char *part, i32 index) {
    fault.agent = instances[i].name, fault.part = part, fault.index = index;
    return 0;
}

/* An index for each of the n modalities or controls (`part`) of instance i; null where `linked` says so, and only there. */
static i32 take_numbers(i32 i, const char *part, i32 *values, const i32 *limits, const u8 *linked) {
    i32 seen_ = linked != 0, n = seen_ ? agent_of(i)->modalities : agent_of(i)->controls;
    if (!take('[')) return refuse_here("expected an array of indices"), blame(i, 0, 0);
    for (i32 k = 0; k < n; k++) {
        if (k && !take(',')) {
            i32 few = at < end && text[at] == ']';
            refuse_here(few ? "expected an index" : "expected ','");
            fault.limit = few ? limits[k] : 0;
            return blame(i, part, k);
        }
        if (seen_ && linked[k]) {
            if (!take_word("null")) return refuse_here("a link feeds this modality: write null"), blame(i, part, k);
        } else if (!take_index(&values[k], limits[k]))
            return blame(i, part, k);
    }
    if (take(']')) return 1;
    refuse_here("expected ']'");
    if (at < end && (text[at] == ',' || !n)) {
        fault.what = seen_ ? "more indices than it has modalities" : "more indices than it has controls";
        fault.size = -1;
    }
    return blame(i, 0, 0);
}

/* A key that is no name; the names help. */
static i32 refuse_key(const char *what, i32 first, i32 size) {
    refuse_name(what, first, size);
    fault.names = 1;
    return 0;
}

static i32 take_executed(void) {
    i32 first, size;
    if (has_executed++) return refuse("\"executed\" is given twice");
    if (!take('{')) return refuse_here("\"executed\": expected an object such as {\"agent\":[0]}");
    if (take('}')) return 1;
    do {
        if (!take_key(&first, &size)) return 0;
        i32 i = find(first, size);
        if (i < 0) return refuse_key("\"executed\": no agent is called", first, size);
        if (moved[i]) return refuse_agent("given twice in \"executed\"", i);
        moved[i] = 1;
        if (!take_numbers(i, "executed control", executed + instances[i].acted, agent_of(i)->num_controls, 0)) return 0;
    } while (take(','));
    return take('}') ? 1 : refuse_here("\"executed\": expected ',' or '}'");
}

/* The instance of a name, or all replicas of the agent of that name. */
static i32 take_again(void) {
    i32 first, size, found = 0;
    if (!take_name(&first, &size)) return 0;
    for (i32 i = 0; i < INSTANCES; i++)
        if (is_name(first, size, instances[i].name) || is_name(first, size, agent_of(i)->name)) {
            if (again[i]) return refuse_agent("named twice in \"reset\"", i);
            again[i] = 1, found = 1;
        }
    return found ? 1 : refuse_key("\"reset\": no agent is called", first, size);
}

/* true, or an array of names. */
static i32 take_reset(void) {
    if (wants_reset) return refuse("\"reset\" is given twice");
    wants_reset = 1;
    if (take_word("true")) {
        memset(again, 1, sizeof again);
        return 1;
    }
    if (!take('[')) return refuse_here("\"reset\": expected true or an array of names");
    do
        if (!take_again()) return 0;
    while (take(','));
    return take(']') ? 1 : refuse_here("\"reset\": expected ',' or ']'");
}

/* A key of the object that is no instance: the name of an agent that has replicas, or a mistake. */
static i32 refuse_member(i32 first, i32 size) {
    if (COPIES == 1 && is_name(first, size, "copy")) return refuse("leave out \"copy\": there is one copy of the coalition");
    for (i32 i = 0; i < INSTANCES; i++)
        if (is_name(first, size, agent_of(i)->name)) return refuse_key("expected each replica by its name instead of", first, size);
    return refuse_key("no agent is called", first, size);
}

static i32 take_member(void) {
    i32 first, size;
    if (!take_key(&first, &size)) return 0;
    if (is_name(first, size, "reset")) return take_reset();
    if (is_name(first, size, "executed")) return take_executed();
    if (COPIES > 1 && is_name(first, size, "copy")) {
        if (copy >= 0) return refuse("\"copy\" is given twice");
        if (take_index(&copy, COPIES)) return 1;
        fault.what = "\"copy\": expected an index";
        return 0;
    }
    i32 i = find(first, size);
    if (i < 0) return refuse_member(first, size);
    if (seen[i]) return refuse_agent("given twice", i);
    seen[i] = 1;
    return take_numbers(i, "modality", observation + instances[i].seen, agent_of(i)->num_obs, linked + instances[i].seen);
}

/* What only the whole object shows: nothing missing, nothing too much. */
static i32 complete(void) {
    i32 given = 0;
    for (i32 i = 0; i < INSTANCES; i++) given += seen[i];
    if (wants_reset)
        return given || has_executed ? refuse("\"reset\" goes without observations and \"executed\"") : 1;
    for (i32 i = 0; i < INSTANCES; i++)
        if (!seen[i]) return refuse_agent("its observation is missing", i);
    if (copy < 0) {
        refuse("\"copy\" is missing, which says which copy of the coalition steps: expected an index");
        fault.limit = COPIES;
        return 0;
    }
    for (i32 i = 0; i < INSTANCES; i++)
        if (moved[i] && !worlds[copy].under_way[i]) return refuse_agent("nothing can be executed before the first step", i);
    return 1;
}

/* 1 when `text` (n bytes) is a request that can be carried out; else `fault` says why not. */
static i32 understand(i32 n) {
    at = 0, end = n, wants_reset = has_executed = 0, copy = COPIES > 1 ? -1 : 0;
    memset(seen, 0, sizeof seen), memset(moved, 0, sizeof moved), memset(again, 0, sizeof again);
    if (!take('{')) return refuse_here("expected an object such as {\"agent\":[0]}");
    if (!take('}')) {
        do
            if (!take_member()) return 0;
        while (take(','));
        if (!take('}')) return refuse_here("expected ',' or '}'");
    }
    skip_blanks();
    return at == end ? complete() : refuse_here("expected nothing after the object");
}
