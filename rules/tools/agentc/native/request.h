/* Parser of a strict subset of JSON: {"agent":[0,null],...} with "executed":{"agent":[1]}, or
   {"reset":true}, {"reset":["agent"]}, {"acknowledge":...} likewise. A request is parsed completely before it runs, so an invalid
   one changes no state. */
static i32 at, end, wants_reset, has_executed, copy;
/* Reason of a refusal: agent, modality or control (`part`, `index`), number of valid values
   (`limit`), quoted text (`first`: -1 for none; `size`: -1 for the position only), and whether to
   list the agents (`names`). */
static struct { const char *what, *agent, *part; i32 index, limit, first, size, names; } request_error;

static i32 reject(const char *what) {
    memset(&request_error, 0, sizeof request_error);
    request_error.what = what, request_error.first = -1;
    return 0;
}

static i32 reject_agent(const char *what, i32 i) {
    reject(what);
    request_error.agent = instances[i].name;
    return 0;
}

static void skip_blanks(void) {
    while (at < end && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) at++;
}

/* Refuse the text at this position and quote it up to the end of the value. */
static i32 reject_here(const char *what) {
    reject(what);
    skip_blanks();
    request_error.first = at;
    for (i32 quoted = 0, k = at; k < end; k++, request_error.size++) {
        if (text[k] == '"' && k > at && quoted) {
            request_error.size++;
            break;
        }
        if (text[k] == '"') quoted = 1;
        if (k > at && text[at] != '"' && (text[at] == '[' || text[at] == ']' || text[at] == '{' || text[at] == '}')) break;
        if (!quoted && k > at && (text[k] <= ' ' || text[k] == ',' || text[k] == ']' || text[k] == '}' || text[k] == ':')) break;
    }
    return 0;
}

static i32 reject_name(const char *what, i32 first, i32 size) {
    reject(what);
    request_error.first = first - 1, request_error.size = size + 2; /* with its quotation marks */
    return 0;
}

static i32 accept_byte(u8 c) {
    skip_blanks();
    if (at >= end || text[at] != c) return 0;
    at++;
    return 1;
}

static i32 accept_word(const char *word_) {
    i32 n = (i32)length(word_);
    skip_blanks();
    if (end - at < n || memcmp(text + at, word_, (__SIZE_TYPE__)n)) return 0;
    at += n;
    return 1;
}

/* Parse a string without escapes; sets its position. */
static i32 parse_name(i32 *first, i32 *size) {
    if (!accept_byte('"')) return reject_here("expected a name in quotation marks");
    *first = at;
    while (at < end && text[at] != '"' && text[at] != '\\' && text[at] >= ' ') at++;
    if (at >= end || text[at] != '"') return reject_here("expected a quotation mark at the end of a name without escapes");
    *size = at++ - *first;
    return 1;
}

static i32 parse_key(i32 *first, i32 *size) {
    if (!parse_name(first, size)) return 0;
    return accept_byte(':') ? 1 : reject_here("expected ':' after a key");
}

static i32 is_name(i32 first, i32 size, const char *name) {
    return length(name) == size && !memcmp(text + first, name, (__SIZE_TYPE__)size);
}

/* Find an instance by name, -1 if there is none; `sorted` is ordered by length, then by bytes. */
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
static i32 parse_index(i32 *value, i32 limit) {
    i32 found = 0, k;
    skip_blanks();
    for (k = at; k < end && text[k] >= '0' && text[k] <= '9' && k - at < 9; k++) found = found * 10 + (text[k] - '0');
    if (k == at || (k - at > 1 && text[at] == '0') || found >= limit || !ends_value(k)) {
        i32 is_number = k > at && k < end && (text[k] == '.' || (text[k] | 32) == 'e');
        reject_here(is_number ? "expected an integer" : "expected an index");
        request_error.limit = limit;
        return 0;
    }
    *value = found, at = k;
    return 1;
}

/* Set the agent and value that an error is about. */
static i32 set_error_place(i32 i, const char *part, i32 index) {
    request_error.agent = instances[i].name, request_error.part = part, request_error.index = index;
    return 0;
}

/* Parse an index for each of the n modalities or controls (`part`) of instance i; null exactly
   where `linked` is set. */
static i32 parse_numbers(i32 i, const char *part, i32 *values, const i32 *limits, const u8 *linked) {
    i32 seen_ = linked != 0, n = seen_ ? agent_of(i)->modalities : agent_of(i)->controls;
    if (!accept_byte('[')) return reject_here("expected an array of indices"), set_error_place(i, 0, 0);
    for (i32 k = 0; k < n; k++) {
        if (k && !accept_byte(',')) {
            i32 few = at < end && text[at] == ']';
            reject_here(few ? "expected an index" : "expected ','");
            request_error.limit = few ? limits[k] : 0;
            return set_error_place(i, part, k);
        }
        if (seen_ && linked[k]) {
            if (!accept_word("null")) return reject_here("a link feeds this modality: write null"), set_error_place(i, part, k);
        } else if (!parse_index(&values[k], limits[k]))
            return set_error_place(i, part, k);
    }
    if (accept_byte(']')) return 1;
    reject_here("expected ']'");
    if (at < end && (text[at] == ',' || !n)) {
        request_error.what = seen_ ? "more indices than it has modalities" : "more indices than it has controls";
        request_error.size = -1;
    }
    return set_error_place(i, 0, 0);
}

/* Refuse an unknown key and list the names. */
static i32 reject_key(const char *what, i32 first, i32 size) {
    reject_name(what, first, size);
    request_error.names = 1;
    return 0;
}

static i32 parse_executed(void) {
    i32 first, size;
    if (has_executed++) return reject("\"executed\" is given twice");
    if (!accept_byte('{')) return reject_here("\"executed\": expected an object such as {\"agent\":[0]}");
    if (accept_byte('}')) return 1;
    do {
        if (!parse_key(&first, &size)) return 0;
        i32 i = find(first, size);
        if (i < 0) return reject_key("\"executed\": no agent is called", first, size);
        if (has_executed_action[i]) return reject_agent("given twice in \"executed\"", i);
        has_executed_action[i] = 1;
        if (!parse_numbers(i, "executed control", executed + instances[i].first_control, agent_of(i)->num_controls, 0)) return 0;
    } while (accept_byte(','));
    return accept_byte('}') ? 1 : reject_here("\"executed\": expected ',' or '}'");
}

enum { RESETS = 1, ACKNOWLEDGES = 2 }; /* values of `wants_reset` */
#define OF_RESET(what) (MONITOR && wants_reset == ACKNOWLEDGES ? "\"acknowledge\"" what : "\"reset\"" what)

/* Parse the name of an instance, or of all replicas of an agent. */
static i32 parse_reset_name(void) {
    i32 first, size, found = 0;
    if (!parse_name(&first, &size)) return 0;
    for (i32 i = 0; i < INSTANCES; i++)
        if (is_name(first, size, instances[i].name) || is_name(first, size, agent_of(i)->name)) {
            if (resets[i]) return reject_agent(MONITOR && wants_reset == ACKNOWLEDGES ? "named twice in \"acknowledge\"" : "named twice in \"reset\"", i);
            resets[i] = 1, found = 1;
        }
    return found ? 1 : reject_key(OF_RESET(": no agent is called"), first, size);
}

/* Parse true, or an array of names. */
static i32 parse_reset(i32 kind) {
    if (wants_reset) return reject(OF_RESET(" is given twice"));
    wants_reset = kind;
    if (accept_word("true")) {
        memset(resets, 1, sizeof resets);
        return 1;
    }
    if (!accept_byte('[')) return reject_here(OF_RESET(": expected true or an array of names"));
    do
        if (!parse_reset_name()) return 0;
    while (accept_byte(','));
    return accept_byte(']') ? 1 : reject_here(OF_RESET(": expected ',' or ']'"));
}

/* Refuse a key that is not an instance: a replicated agent's name, or an unknown one. */
static i32 reject_member(i32 first, i32 size) {
    if (COPIES == 1 && is_name(first, size, "copy")) return reject("leave out \"copy\": there is one copy of the coalition");
    for (i32 i = 0; i < INSTANCES; i++)
        if (is_name(first, size, agent_of(i)->name)) return reject_key("expected each replica by its name instead of", first, size);
    return reject_key("no agent is called", first, size);
}

static i32 parse_member(void) {
    i32 first, size;
    if (!parse_key(&first, &size)) return 0;
    if (is_name(first, size, "reset")) return parse_reset(RESETS);
    if (MONITOR && is_name(first, size, "acknowledge")) return parse_reset(ACKNOWLEDGES);
    if (is_name(first, size, "executed")) return parse_executed();
    if (COPIES > 1 && is_name(first, size, "copy")) {
        if (copy >= 0) return reject("\"copy\" is given twice");
        if (parse_index(&copy, COPIES)) return 1;
        request_error.what = "\"copy\": expected an index";
        return 0;
    }
    i32 i = find(first, size);
    if (i < 0) return reject_member(first, size);
    if (has_observation[i]) return reject_agent("given twice", i);
    has_observation[i] = 1;
    return parse_numbers(i, "modality", observation + instances[i].first_modality, agent_of(i)->num_obs, linked + instances[i].first_modality);
}

/* Check the whole object: nothing missing, nothing superfluous. */
static i32 complete(void) {
    i32 given = 0;
    for (i32 i = 0; i < INSTANCES; i++) given += has_observation[i];
    if (wants_reset)
        return given || has_executed ? reject(OF_RESET(" goes without observations and \"executed\"")) : 1;
    for (i32 i = 0; i < INSTANCES; i++)
        if (!has_observation[i]) return reject_agent("its observation is missing", i);
    if (copy < 0) {
        reject("\"copy\" is missing, which says which copy of the coalition steps: expected an index");
        request_error.limit = COPIES;
        return 0;
    }
    for (i32 i = 0; i < INSTANCES; i++)
        if (has_executed_action[i] && !coalitions[copy].started[i]) return reject_agent("nothing can be executed before the first step", i);
    return 1;
}

/* Parse `text` (n bytes); 0 and `request_error` if the request cannot run. */
static i32 parse_request(i32 n) {
    at = 0, end = n, wants_reset = has_executed = 0, copy = COPIES > 1 ? -1 : 0;
    memset(has_observation, 0, sizeof has_observation), memset(has_executed_action, 0, sizeof has_executed_action), memset(resets, 0, sizeof resets);
    if (!accept_byte('{')) return reject_here("expected an object such as {\"agent\":[0]}");
    if (!accept_byte('}')) {
        do
            if (!parse_member()) return 0;
        while (accept_byte(','));
        if (!accept_byte('}')) return reject_here("expected ',' or '}'");
    }
    skip_blanks();
    return at == end ? complete() : reject_here("expected nothing after the object");
}
