/* The boot record: which bundle each slot has, which slot is good, which one is on trial, and why
   the last update was undone. It is replaced as a whole and ends with a checksum. */
enum { NO_SLOT = -1, TRIES = 3, RECORD_SIZE = 1024 };

typedef struct {
    char bundle[2][65]; /* SHA-256 of the bundle of slot a and b; empty for none */
    i32 active;         /* the slot that is good */
    i32 trial;          /* the slot of an update that is not yet good, or NO_SLOT */
    i32 tries;          /* starts that the trial has left */
    char state[12];     /* of the agents since the last update: "kept", "new", or "none" */
    char reason[256];   /* why the last update was undone; empty when the last one was good */
} boot_record;

static const char RECORD[] = "record", RECORD_BESIDE[] = "record.new", RECORD_HEAD[] = "bgboot 1\n";

static const char *slot_name(i32 slot) { return slot == 0 ? "a" : slot == 1 ? "b" : "-"; }

/* 64-bit FNV-1a: a change of one byte always changes it. */
static void add_sum(text *t) {
    u64 hash = 0xcbf29ce484222325ull;
    u8 sum[8];
    for (word i = 0; i < t->used; i++) hash = (hash ^ (u8)t->to[i]) * 0x100000001b3ull;
    for (i32 i = 0; i < 8; i++) sum[i] = (u8)(hash >> (56 - 8 * i));
    add(t, "sum "), add_hex(t, sum, 8), add(t, "\n");
}

static void add_row(text *t, const char *key, const char *value) {
    add(t, key), add(t, " "), add(t, *value ? value : "-"), add(t, "\n");
}

static void format_record(const boot_record *r, text *t) {
    add(t, RECORD_HEAD);
    add_row(t, "a", r->bundle[0]), add_row(t, "b", r->bundle[1]);
    add_row(t, "active", slot_name(r->active)), add_row(t, "trial", slot_name(r->trial));
    add(t, "tries "), add_count(t, (u64)r->tries), add(t, "\n");
    add_row(t, "state", r->state), add_row(t, "reason", r->reason);
    add_sum(t);
}

/* Copy the value of the next row and return what follows it; 0 for another row. */
static const char *next_row(const char *at, const char *key, char *value, word size) {
    text t = {value, 0, size};
    if (!at || !begins(at, key) || at[length(key)] != ' ') return 0;
    at += length(key) + 1;
    const char *first = at;
    while (*at && *at != '\n') at++;
    value[0] = 0;
    if (!(at - first == 1 && *first == '-')) add_bytes(&t, first, at - first);
    return *at ? at + 1 : 0;
}

static i32 slot_of(const char *name) { return same(name, "a") ? 0 : same(name, "b") ? 1 : NO_SLOT; }

/* 1 if the text is a record that is whole. */
static i32 parse_record(const char *from, boot_record *r) {
    static char again[RECORD_SIZE];
    char active[4], trial[4], tries[12];
    text t = {again, 0, sizeof again};
    const char *at = begins(from, RECORD_HEAD) ? from + length(RECORD_HEAD) : 0;
    at = next_row(at, "a", r->bundle[0], sizeof r->bundle[0]);
    at = next_row(at, "b", r->bundle[1], sizeof r->bundle[1]);
    at = next_row(at, "active", active, sizeof active);
    at = next_row(at, "trial", trial, sizeof trial);
    at = next_row(at, "tries", tries, sizeof tries);
    at = next_row(at, "state", r->state, sizeof r->state);
    at = next_row(at, "reason", r->reason, sizeof r->reason);
    if (!at) return 0;
    r->active = slot_of(active), r->trial = slot_of(trial), r->tries = (i32)number(tries);
    format_record(r, &t);
    return r->active != NO_SLOT && same(from, again);
}

/* Make the record durable; 1 if that succeeded. */
static i32 write_record(const boot_record *r) {
    static char line[RECORD_SIZE];
    text t = {line, 0, sizeof line};
    format_record(r, &t);
    word error = replace_file(RECORD, RECORD_BESIDE, ".", &t);
    if (error) say("the boot record is not written: ", reason(error), "");
    return !error;
}

static void set_text(char *to, word size, const char *from) {
    text t = {to, 0, size};
    to[0] = 0, add(&t, from);
}

/* Begin the trial of a bundle in the slot that is not active. */
static void begin_trial(boot_record *r, const char *bundle, const char *state) {
    r->trial = !r->active, r->tries = TRIES;
    set_text(r->bundle[r->trial], 65, bundle), set_text(r->state, sizeof r->state, state);
    r->reason[0] = 0;
}

static void commit_trial(boot_record *r) {
    if (r->trial == NO_SLOT) return;
    r->active = r->trial, r->trial = NO_SLOT, r->tries = 0;
}

/* Return to the active slot. The reason stays until the next update. */
static void roll_back(boot_record *r, const char *why) {
    text t = {r->reason, 0, sizeof r->reason};
    if (r->trial == NO_SLOT) return;
    add(&t, "slot "), add(&t, slot_name(r->trial)), add(&t, " sha256:");
    add_bytes(&t, r->bundle[r->trial], 12), add(&t, ": "), add(&t, why);
    for (char *c = r->reason; *c; c++)
        if (*c < ' ' || *c == '"' || *c == '\\' || *c > '~') *c = '?'; /* one line, also within JSON */
    r->bundle[r->trial][0] = 0, r->trial = NO_SLOT, r->tries = 0;
    set_text(r->state, sizeof r->state, "kept");
}

/* Choose the slot to start, and count the start of a trial. The caller writes the record before it
   starts anything, so a board that dies on the trial returns to the active slot. */
static i32 choose_slot(boot_record *r) {
    if (r->trial == NO_SLOT) return r->active;
    if (r->tries > 0) return r->tries--, r->trial;
    roll_back(r, "it was not healthy in 3 starts");
    return r->active;
}
