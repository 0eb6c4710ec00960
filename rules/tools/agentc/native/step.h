/* One request: parse it, run it, save the state, reply. */
enum { PACED = TICK_SECONDS || TICK_NANOSECONDS, TIMED = DEADLINE_SECONDS || DEADLINE_NANOSECONDS };
static const moment TICK = {TICK_SECONDS, TICK_NANOSECONDS}, DEADLINE = {DEADLINE_SECONDS, DEADLINE_NANOSECONDS};
static moment due; /* earliest start of the next tick */
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

static void put_answer(coalition *w, i32 i) {
    const agent *who = agent_of(i);
    put("\""), put(instances[i].name), put("\":{\"action\":[");
    for (i32 c = 0; c < who->controls; c++) {
        if (c) put(",");
        put_int(w->action[instances[i].first_control + c]);
    }
    put("],\"vfe\":"), put_f32(vfe[copy][i]);
    put(",\"efe\":"), put_f32(efe[copy][i]);
    if (with_beliefs) put_beliefs(who, (const f64 *)state_of(w, i) + (who->qs - (const f64 *)who->state));
    put("}");
}

static void put_copy(void) {
    if (COPIES > 1 && copy >= 0) put("\"copy\":"), put_int(copy), put(",");
}

/* Put the answer of a step up to its closing brace. */
static void put_answers(void) {
    put("{"), put_copy();
    for (i32 i = 0; i < INSTANCES; i++) {
        if (i) put(",");
        put_answer(&coalitions[copy], i);
    }
}

/* Record durations of steps, and steps that ended after their deadline. */
static void measure(moment begun, moment asked) {
    moment ended = now();
#if HTTP
    observe_step(nanoseconds(between(begun, ended)));
#endif
    if (TIMED && before(after(asked, DEADLINE), ended)) count.late++;
}

/* `asked` is the arrival of the request. With a tick the deadline counts from the time when the
   tick was due. */
static void run_step(moment asked) {
    moment begun = TIMED || PACED || HTTP ? now() : asked;
    u64 late = count.late;
    if (PACED) {
        if (due.seconds || due.nanoseconds) asked = due;
        due = after(begun, TICK);
    }
    step_all(copy);
    if (TIMED || HTTP) measure(begun, asked);
    put_answers();
    if (count.late > late) put(",\"late\":"), put_u64(count.late);
    note_change();
    put("}\n");
}

static void reset_or_acknowledge(i32 c, i32 i) {
#if MONITOR
    if (wants_reset == ACKNOWLEDGES) {
        acknowledge(c, i);
        return;
    }
#endif
    reset(&coalitions[c], i);
}

static void run_resets(void) {
    i32 all = 1, any = 0;
    for (i32 i = 0; i < INSTANCES; i++) {
        all &= resets[i];
        for (i32 c = 0; resets[i] && c < COPIES; c++)
            if (COPIES == 1 || copy < 0 || c == copy) reset_or_acknowledge(c, i);
    }
    put("{"), put_copy(), put(OF_RESET(":"));
    if (all) put("true");
    for (i32 i = 0; !all && i < INSTANCES; i++)
        if (resets[i]) put(any++ ? ",\"" : "[\""), put(instances[i].name), put("\"");
    if (!all) put("]");
    note_change();
    put("}\n");
}

/* Put a JSON string: escape quotation marks, replace unprintable characters by '?'. */
static void put_escaped(const u8 *from, i32 n) {
    for (i32 i = 0; i < n; i++) {
        u8 c = from[i] < ' ' || from[i] > 126 ? '?' : from[i];
        if (c == '"' || c == '\\') put("\\");
        put_bytes(&c, 1);
    }
}

/* Put the names that a key can have, the first ones if there are many. */
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
static void put_error(void) {
    enum { ENOUGH = 40 };
    count.errors++;
    put("{\"error\":\"");
    if (request_error.agent) put("agent "), put(request_error.agent);
    if (request_error.part) put(", "), put(request_error.part), put(" "), put_int(request_error.index);
    if (request_error.agent) put(": ");
    put_escaped((const u8 *)request_error.what, (i32)length(request_error.what));
    if (request_error.limit > 0) put(" from 0 to "), put_int(request_error.limit - 1);
    if (request_error.first >= 0) {
        i32 n = request_error.size < ENOUGH ? request_error.size : ENOUGH;
        if (n >= 0) put(!n ? ", but the text ends" : request_error.names ? " " : ", not "), put_escaped(text + request_error.first, n);
        if (n < request_error.size) put("..");
        put(", at byte "), put_int(request_error.first + 1);
    }
    if (request_error.names) put_names();
    put("\"}\n");
}

/* Ticks begin at least TICK after each other; a late tick does not shorten later ones. Returns 0 if
   it is too early. */
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
    moment asked = TIMED ? now() : NO_WAIT, rest;
    if (!parse_request(n)) {
        put_error();
        return;
    }
    if (wants_reset) {
        run_resets();
        return;
    }
    if (PACED) {
        flush();
        while (!stopping && !is_time(&rest)) poll_for(0, 0, rest);
        if (output_error) return;
    }
    run_step(asked);
}

static i32 serves_lines;

/* Serve lines from stdin until its end, a signal, or a reply that cannot be written. */
static void serve_lines(void) {
    serves_lines = 1;
    while (!stopping) {
        i32 n = read_line();
        if (n == LINE_END) break;
        if (n == LINE_LONG) {
            reject("line longer than " AS_TEXT(LINE) " bytes");
            put_error();
        } else if (!blank(n))
            answer_line(n);
    }
    flush();
}
