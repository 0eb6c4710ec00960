/* One request: understood, carried out, written down, answered. */
enum { PACED = TICK_SECONDS || TICK_NANOSECONDS, TIMED = DEADLINE_SECONDS || DEADLINE_NANOSECONDS };
static const moment TICK = {TICK_SECONDS, TICK_NANOSECONDS}, DEADLINE = {DEADLINE_SECONDS, DEADLINE_NANOSECONDS};
static moment due; /* when the next tick may begin */
static i32 with_beliefs;

static void put_beliefs(const agent *who, const f64 *q) {
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

static void answer(world *w, i32 i) {
    const agent *who = agent_of(i);
    put("\""), put(instances[i].name), put("\":{\"action\":[");
    for (i32 c = 0; c < who->controls; c++) {
        if (c) put(",");
        put_int(w->action[instances[i].acted + c]);
    }
    put("],\"vfe\":"), put_f32(vfe[copy][i]);
    put(",\"efe\":"), put_f32(efe[copy][i]);
    if (with_beliefs) put_beliefs(who, (const f64 *)state_of(w, i) + (who->belief - (const f64 *)who->state));
    put("}");
}

static void put_copy(void) {
    if (COPIES > 1 && copy >= 0) put("\"copy\":"), put_int(copy), put(",");
}

/* Only what takes time is measured; steps by their duration, and those that end after their deadline. */
static void measure(moment begun, moment asked) {
    moment ended = now();
#if HTTP
    observe_step(nanoseconds(between(begun, ended)));
#endif
    if (TIMED && before(after(asked, DEADLINE), ended)) count.late++;
}

/* `asked`: when the request was there. With a tick the deadline counts from when the tick was due. */
static void act(moment asked) {
    moment begun = TIMED || PACED || HTTP ? now() : asked;
    u64 late = count.late;
    if (PACED) {
        if (due.seconds || due.nanoseconds) asked = due;
        due = after(begun, TICK);
    }
    step_all(copy);
    if (TIMED || HTTP) measure(begun, asked);
    put("{"), put_copy();
    for (i32 i = 0; i < INSTANCES; i++) {
        if (i) put(",");
        answer(&worlds[copy], i);
    }
    if (count.late > late) put(",\"late\":"), put_u64(count.late);
    note_change();
    put("}\n");
}

static void start_over(void) {
    i32 all = 1, any = 0;
    for (i32 i = 0; i < INSTANCES; i++) {
        all &= again[i];
        for (i32 c = 0; again[i] && c < COPIES; c++)
            if (COPIES == 1 || copy < 0 || c == copy) reset(&worlds[c], i);
    }
    put("{"), put_copy(), put("\"reset\":");
    if (all) put("true");
    for (i32 i = 0; !all && i < INSTANCES; i++)
        if (again[i]) put(any++ ? ",\"" : "[\""), put(instances[i].name), put("\"");
    if (!all) put("]");
    note_change();
    put("}\n");
}

/* As part of a string: quotation marks escaped, what is no printable ASCII as '?'. */
static void put_escaped(const u8 *from, i32 n) {
    for (i32 i = 0; i < n; i++) {
        u8 c = from[i] < ' ' || from[i] > 126 ? '?' : from[i];
        if (c == '"' || c == '\\') put("\\");
        put_bytes(&c, 1);
    }
}

/* The names that a key may be; of many the first ones. */
static void put_names(void) {
    enum { ENOUGH = 200 };
    put("; the agents are ");
    for (i32 i = 0, shown = 0; i < INSTANCES; i++) {
        if (i) put(", ");
        if (shown > ENOUGH) {
            put("..");
            return;
        }
        put(instances[i].name), shown += instances[i].length;
    }
}

/* "agent NAME, modality 1: WHAT from 0 to 2, not FOUND, at byte 17". */
static void complain(void) {
    enum { ENOUGH = 40 };
    count.errors++;
    put("{\"error\":\"");
    if (fault.agent) put("agent "), put(fault.agent);
    if (fault.part) put(", "), put(fault.part), put(" "), put_int(fault.index);
    if (fault.agent) put(": ");
    put_escaped((const u8 *)fault.what, (i32)length(fault.what));
    if (fault.limit > 0) put(" from 0 to "), put_int(fault.limit - 1);
    if (fault.first >= 0) {
        i32 n = fault.size < ENOUGH ? fault.size : ENOUGH;
        if (n >= 0) put(!n ? ", but the text ends" : fault.names ? " " : ", not "), put_escaped(text + fault.first, n);
        if (n < fault.size) put("..");
        put(", at byte "), put_int(fault.first + 1);
    }
    if (fault.names) put_names();
    put("\"}\n");
}

/* Ticks begin at least TICK apart; a late one does not make the next ones hurry. 0 when it is not time yet. */
static i32 is_time(moment *rest) {
    moment t = now();
    if (!before(t, due)) return 1;
    *rest = between(t, due);
    return 0;
}

static i32 blank(i32 n) {
    for (i32 i = 0; i < n; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') return 0;
    return 1;
}

static void answer_line(i32 n) {
    moment asked = TIMED ? now() : AT_ONCE, rest;
    if (!understand(n)) {
        complain();
        return;
    }
    if (wants_reset) {
        start_over();
        return;
    }
    if (PACED) {
        flush();
        while (!stopping && !is_time(&rest)) await(0, 0, rest);
        if (output_error) return;
    }
    act(asked);
}

static i32 serves_lines;

/* Lines from stdin until its end, a signal, or an answer that cannot be written. */
static void serve_lines(void) {
    serves_lines = 1;
    while (!stopping) {
        i32 n = read_line();
        if (n == LINE_END) break;
        if (n == LINE_LONG) {
            refuse("line longer than " AS_TEXT(LINE) " bytes");
            complain();
        } else if (!blank(n))
            answer_line(n);
    }
    flush();
}
