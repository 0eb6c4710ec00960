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

/* Put request k of the proved steps into `line`, its resets carried out; returns its size. */
static i32 probe_request(i32 k) {
    i32 acts = 0;
    redirect_output(line, LINE);
    put("{");
    copy = k % COPIES;
    put_copy();
    for (i32 i = 0; i < INSTANCES; i++) {
        i32 a = instances[i].agent, width = 1 + agents[a]->modalities + agents[a]->controls;
        const i32 *record = golden[a] + (golden_steps[a] ? k / COPIES % golden_steps[a] * width : 0);
        if (golden_steps[a] && record[0]) reset(&coalitions[copy], i);
        put(i ? ",\"" : "\""), put(instances[i].name), put("\":[");
        for (i32 m = 0; m < agents[a]->modalities; m++) {
            if (m) put(",");
            if (linked[instances[i].first_modality + m]) put("null");
            else put_int(golden_steps[a] ? record[1 + m] : 0);
        }
        put("]");
    }
    for (i32 i = 0; i < INSTANCES; i++) {
        i32 a = instances[i].agent, first = 1 + agents[a]->modalities, width = first + agents[a]->controls;
        if (!coalitions[copy].started[i] || !golden_steps[a] || !agents[a]->controls) continue;
        /* executed since the previous record */
        const i32 *record = golden[a] + (k / COPIES + golden_steps[a] - 1) % golden_steps[a] * width;
        if (record[first] < 0) continue;
        put(acts++ ? ",\"" : ",\"executed\":{\""), put(instances[i].name), put("\":[");
        for (i32 c = 0; c < agents[a]->controls; c++) {
            if (c) put(",");
            put_int(record[first + c]);
        }
        put("]");
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

static void sift(u32 *x, i32 hole, i32 n, u32 value) {
    for (i32 child; (child = 2 * hole + 1) < n; hole = child) {
        if (child + 1 < n && x[child + 1] > x[child]) child++;
        if (x[child] <= value) break;
        x[hole] = x[child];
    }
    x[hole] = value;
}

/* Sort ascending (heapsort). */
static void sort(u32 *x, i32 n) {
    for (i32 k = n / 2 - 1; k >= 0; k--) sift(x, k, n, x[k]);
    for (i32 k = n - 1; k > 0; k--) {
        u32 value = x[k];
        x[k] = x[0];
        sift(x, 0, k, value);
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
    u64 value = 0;
    i32 k = 0;
    for (; s[k] >= '0' && s[k] <= '9' && k < 9; k++) value = value * 10 + (u64)(s[k] - '0');
    return equal(s + k, "ns") ? value : equal(s + k, "us") ? value * 1000 : equal(s + k, "ms") ? value * 1000000
         : equal(s + k, "s") ? value * 1000000000 : 0;
}

/* Put the member of a number in nanoseconds. */
static void put_member(const char *name, u64 value) { put(name), put_u64(value); }

static const char *put_verdict(u64 p99, u64 limit) {
    const char *verdict = !limit ? "not checked" : p99 <= limit ? "passed" : "failed";
    put(",\"verdict\":\""), put(verdict), put("\"");
    return verdict;
}

/* Put the evidence of n > 0 sorted times; returns the exit code. */
static i32 put_evidence(const u32 *spans, i32 n, u64 limit, i32 is_worst) {
    u64 p99 = spans[n - 1 - n / 100];
    put("{\"board\":"), put_board();
    put(",\"checks\":[{"), put(limit ? "" : "\"fix\":\"give --p99 5ms\",");
    put("\"how\":\"clock read around each step: request parsed, agents stepped, answer formatted");
    put(is_worst ? "; every loop runs to its bound" : "");
    put("\",\"key\":\"budget.step_p99\"");
    if (limit) put_member(",\"limit\":", limit);
    put_member(",\"measured\":{\"max\":", spans[n - 1]), put_member(",\"min\":", spans[0]);
    put_member(",\"p50\":", spans[(n - 1) / 2]), put_member(",\"p99\":", p99), put_member(",\"steps\":", (u64)n);
    put("},\"name\":\"step_p99\",\"on\":\"this machine\",\"unit\":\"nanoseconds\"");
    put_verdict(p99, limit);
    if (!limit) put(",\"why\":\"no limit was given\"");
    if (p99 > limit && limit) put(",\"why\":\"one step in a hundred takes longer than the limit\"");
    put_member("}],\"clock\":{\"least\":", clock_cost()), put(",\"name\":\"CLOCK_MONOTONIC\"},\"gate\":\"step_p99\",\"program\":\"");
    put_sha256("/proc/self/exe"), put("\",\"schema\":1");
    put_verdict(p99, limit), put("}\n");
    return limit && p99 > limit;
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
        else if (equal(words[k], "--p99") && k + 1 < n && (limit = read_span(words[k + 1]))) k++;
        else return usage();
    }
    if (!steps || steps > MOST_MEASURED) return usage();
    for (i32 a = 0; a < AGENTS; a++) *agents[a]->to_bounds = is_worst;
    seed_all(0);
    return measure_steps((i32)steps, from_lines, limit, is_worst);
}
