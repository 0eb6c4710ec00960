/* --measure: times of whole steps on this machine, as the JSON of the gate `step_p99`.
   A step is a request in memory -> parsed, all agents stepped, the answer formatted. Not in it:
   input, output, the state file, waiting for a tick. The clock is read directly before and after a
   step; an emulator's plugin counts instructions between the same two system calls. */
static i32 equal(const char *a, const char *b);
static i32 usage(void);
static i32 read_count(const char *s, u64 *value);

enum { MOST_MEASURED = 65536, NORMAL_MEASURED = 10000 };

/* Read a small file of the system, without the bytes that end it; empty if there is none. */
static i32 read_fact(const char *path, u8 *to, i32 size) {
    word fd = system_call(SYS_OPENAT, AT_CWD, (word)path, CLOSE_ON_EXEC, 0, 0);
    if (fd < 0) return 0;
    word n = system_call(SYS_READ, fd, (word)to, size, 0, 0);
    system_call(SYS_CLOSE, fd, 0, 0, 0, 0);
    while (n > 0 && to[n - 1] <= ' ') n--;
    return n > 0 ? (i32)n : 0;
}

/* Put a file's parts, which NUL separates, as JSON strings. */
static void put_facts(const char *path) {
    u8 text_[512];
    i32 n = read_fact(path, text_, sizeof text_);
    for (i32 i = 0, from = 0; i <= n; i++)
        if (n && (i == n || !text_[i])) {
            put(from ? ",\"" : "\""), put_escaped(text_ + from, i - from), put("\"");
            from = i + 1;
        }
}

static void put_board(void) {
    put("{\"compatible\":["), put_facts("/proc/device-tree/compatible");
    put("],\"governor\":["), put_facts("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    put("],\"khz\":["), put_facts("/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq");
    put("],\"model\":["), put_facts("/proc/device-tree/model"), put("]}");
}

/* Put `"name":[1,null]`, with null for linked values. */
static void put_indices(i32 instance, const i32 *values, i32 n, const u8 *is_linked) {
    put("\""), put(instances[instance].name), put("\":");
    for (i32 k = 0; k < n; k++) {
        put(k ? "," : "[");
        if (is_linked && is_linked[k]) put("null");
        else put_int(values[k]);
    }
    put(n ? "]" : "[]");
}

/* Put request k of the proved steps into `line`, its resets carried out; returns its size. */
static i32 probe_request(i32 k) {
    static const i32 nothing[1 + MAX_MODALITIES];
    i32 acts = 0, step = k / COPIES;
    redirect_output(line, LINE);
    copy = k % COPIES;
    put("{"), put_copy();
    for (i32 i = 0; i < INSTANCES; i++) {
        i32 a = instances[i].agent, n = golden_steps[a], width = 1 + agents[a]->modalities + agents[a]->controls;
        const i32 *record = n ? golden[a] + step % n * width : nothing;
        if (record[0]) reset(&coalitions[copy], i);
        if (i) put(",");
        put_indices(i, record + 1, agents[a]->modalities, linked + instances[i].first_modality);
    }
    for (i32 i = 0; i < INSTANCES; i++) {
        i32 a = instances[i].agent, n = golden_steps[a], first = 1 + agents[a]->modalities;
        if (!coalitions[copy].started[i] || !n || !agents[a]->controls) continue;
        /* executed since the record before */
        const i32 *record = golden[a] + (step + n - 1) % n * (first + agents[a]->controls);
        if (record[first] < 0) continue;
        put(acts++ ? "," : ",\"executed\":{");
        put_indices(i, record + first, agents[a]->controls, 0);
    }
    put(acts ? "}}" : "}");
    i32 n = out.lost ? LINE_LONG : (i32)out.used;
    out.to = out_buffer, out.size = sizeof out_buffer, out.used = out.kept = 0;
    return n;
}

/* Carry out one request; nanoseconds of a step, 0 for a reset, or -1 for a refused request. */
static word measure_request(i32 n) {
    moment begun = now();
    i32 is_request = n >= 0 && parse_request(n), is_step = is_request && !wants_reset;
    if (is_step) step_all(copy), put_answers();
    moment ended = now();
    if (is_request && !is_step) run_resets();
    u64 span = nanoseconds(between(begun, ended));
    return !is_request ? -1 : !is_step ? 0 : span > 0x7fffffff ? 0x7fffffff : span ? (word)span : 1;
}

/* Sort ascending (Shell sort). */
static void sort(u32 *x, i32 n) {
    for (i32 gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (i32 i = gap; i < n; i++) {
            u32 value = x[i];
            i32 k = i;
            for (; k >= gap && x[k - gap] > value; k -= gap) x[k] = x[k - gap];
            x[k] = value;
        }
}

/* Least time between two readings of the clock: its resolution and its own cost. */
static u64 clock_cost(void) {
    u64 least = ~0ull;
    for (i32 k = 0; k < 64; k++) {
        moment begun = now();
        u64 span = nanoseconds(between(begun, now()));
        if (span && span < least) least = span;
    }
    return least;
}

/* Nanoseconds of "5ms", "200us", "1s" or "800ns"; 0 if it is none. */
static u64 read_span(const char *s) {
    u64 value = 0, scale = 1000000000;
    for (i32 k = 0; *s >= '0' && *s <= '9' && k < 9; k++) value = value * 10 + (u64)(*s++ - '0');
    if (*s == 'n' || *s == 'u' || *s == 'm') {
        scale = *s == 'n' ? 1 : *s == 'u' ? 1000 : 1000000;
        s++;
    }
    return s[0] == 's' && !s[1] ? value * scale : 0;
}

/* Put a text with `#k` for number k, and `#v` for the verdict. */
static void put_filled(const char *text_, const u64 *numbers, const char *verdict) {
    for (; *text_; text_++)
        if (*text_ != '#') put_bytes(text_, 1);
        else if (*++text_ == 'v') put(",\"verdict\":\""), put(verdict), put("\"");
        else put_u64(numbers[*text_ - '0']);
}

/* Put the evidence of n > 0 sorted times; returns the exit code. */
static i32 put_evidence(const u32 *spans, i32 n, u64 limit, i32 is_worst) {
    u64 p99 = spans[n - 1 - n / 100];
    u64 numbers[] = {limit, spans[n - 1], spans[0], spans[(n - 1) / 2], p99, (u64)n, clock_cost()};
    i32 code = !limit ? 3 : p99 > limit;
    const char *verdict = code == 3 ? "not checked" : code ? "failed" : "passed";
    put("{\"board\":"), put_board(), put(",\"checks\":[{");
    if (!limit) put("\"fix\":\"give --p99 5ms\",");
    put("\"how\":\"clock around each step: request parsed, agents stepped, answer formatted");
    put(is_worst ? "; loops at their bounds\",\"key\":\"budget.step_p99\"" : "\",\"key\":\"budget.step_p99\"");
    put_filled(limit ? ",\"limit\":#0" : "", numbers, verdict);
    put_filled(",\"measured\":{\"max\":#1,\"min\":#2,\"p50\":#3,\"p99\":#4,\"steps\":#5},\"name\":\"step_p99\","
               "\"on\":\"this machine\",\"unit\":\"nanoseconds\"#v", numbers, verdict);
    if (code) put(limit ? ",\"why\":\"one step in a hundred takes longer\"" : ",\"why\":\"there is no limit\"");
    put_filled("}],\"clock\":{\"least\":#6,\"name\":\"CLOCK_MONOTONIC\"},\"gate\":\"step_p99\",\"program\":\"", numbers, verdict);
    put_sha256("/proc/self/exe");
    put_filled("\",\"schema\":1#v}\n", numbers, verdict);
    return code;
}

/* Measure up to `most` steps, of the proved steps or of lines from stdin. */
static i32 measure_steps(i32 most, i32 from_lines, u64 limit, i32 is_worst) {
    u32 spans[MOST_MEASURED]; /* on the stack: a serving program does not have it */
    i32 done = 0;
    discards = 1;
    for (i32 k = 0; done < most && !stopping; k++) {
        i32 n = from_lines ? read_line() : probe_request(k);
        if (n == LINE_END) break;
        if (n == 0 && from_lines) continue;
        word span = measure_request(n);
        if (span < 0) {
            discards = out.used = 0;
            if (n < 0) reject("line longer than " AS_TEXT(LINE) " bytes");
            put_error();
            return 2;
        }
        if (span) spans[done++] = (u32)span;
    }
    discards = 0, out.used = 0;
    if (!done) return warn("--measure: there is no step to measure", "", ""), 2;
    sort(spans, done);
    return put_evidence(spans, done, limit, is_worst);
}

static i32 measure_options(word n, char **words) {
    u64 steps = NORMAL_MEASURED, limit = nanoseconds(DEADLINE);
    i32 from_lines = 0, is_worst = 0;
    for (word k = 0; k < n; k++) {
        if (equal(words[k], "-")) from_lines = 1;
        else if (equal(words[k], "--worst")) is_worst = 1;
        else if (equal(words[k], "--steps") && k + 1 < n && read_count(words[k + 1], &steps)) k++;
#if WORKERS > 1
        else if (equal(words[k], "--workers") && k + 1 < n && read_count(words[k + 1], &wanted_workers)) k++;
#endif
        else if (equal(words[k], "--p99") && k + 1 < n && (limit = read_span(words[k + 1]))) k++;
        else return usage();
    }
    if (!steps || steps > MOST_MEASURED) return usage();
    for (i32 a = 0; a < AGENTS; a++) *agents[a]->to_bounds = is_worst;
    seed_all(0);
#if WORKERS > 1
    if (!can_work()) return usage();
    start_workers((i32)wanted_workers); /* they copy `to_bounds` */
#endif
    return measure_steps((i32)steps, from_lines, limit, is_worst);
}
