/* The program: its command line; see HELP. */
static const char HELP[] =
    "Reads one JSON object a line, writes one a line.\n"
    "  {\"AGENT\":[o0,o1,..],..}  observation index per modality; null exactly where a link feeds it\n"
    "  \"executed\":{\"AGENT\":[u0,..]}  optional: what was really done since the last line, if not what was proposed\n"
    "  {\"reset\":true}           every agent back to its first prior\n"
    "  {\"reset\":[\"AGENT\",..]}  these agents only; the name of a replicated agent is all its replicas\n"
    "  \"copy\":K                where the program holds several copies of the coalition: which one is meant\n"
    "Answer: {\"AGENT\":{\"action\":[u0,..],\"vfe\":F,\"efe\":G},..}; vfe and efe in nats, lower is better;\n"
    "\"late\":N when the step ended after its deadline, N of them so far.\n"
    "A line that is not understood is answered by {\"error\":\"...\"} and changes nothing.\n"
    "Options: --beliefs (adds \"qs\", one array a state factor)\n"
    "  --state FILE    beliefs are read from FILE and kept there: replaced whole, on the disk before the answer is out\n"
    "  --every N       write it every N steps (1), and at the end; 0: at the end only\n"
#if HTTP
    "  --listen WHERE  HTTP on unix:PATH, IPV4:PORT or :PORT instead of lines: POST /step, GET /healthz, GET /metrics\n"
#endif
#if WORKERS > 1
    "  --workers N     processes that step the agents, at most " AS_TEXT(WORKERS) ": the same answers, another time\n"
#endif
    "  --seed N        other numbers for agents that draw their actions; a state that is read keeps its own\n"
    "  --selftest  --health  --version  --help\n"
    "  --measure [-] [--steps N] [--p99 5ms] [--worst]  times of steps as JSON, of proved steps or of lines (-);\n"
    "                  1 when the 99th percentile is above --p99 or the deadline, 3 when there is neither\n"
    "  --doctor [--state FILE] [--root DIR] [--board FILE]  this machine beside the board of the export, as JSON;\n"
    "                  1 when a check failed, 3 when one could not be made; --root: files of another system\n"
    "  --replay AGENT  int32 records [reset, observation.., executed action.. or -1] on stdin;\n"
    "                  f32 beliefs, f32 policies, i32 action.., i32 policy on stdout\n"
    "SIGTERM, SIGINT and the end of the input finish the step, write the state and end with 0.\n"
    "The exit code is 1 when an answer or the state could not be written or the input not be read: stderr says why.\n"
    "A step is in the state before its answer is written; after an answer that is lost no step is carried out.\n";

static i32 equal(const char *a, const char *b) { return length(a) == length(b) && !memcmp(a, b, (__SIZE_TYPE__)length(a)); }

static i32 usage(void) {
    word ignored = 0;
    write_all(2, (const u8 *)HELP, sizeof HELP - 1, &ignored);
    return 2;
}

static i32 read_count(const char *s, u64 *value) {
    *value = 0;
    for (i32 k = 0; s[k]; k++) {
        if (s[k] < '0' || s[k] > '9' || k > 8) return 0;
        *value = *value * 10 + (u64)(s[k] - '0');
    }
    return *s != 0;
}

/* Parse the options of a serving program, each at most once. */
static i32 serve(word n, char **words) {
    const char *state = 0, *where = 0, *often = 0, *seed = 0;
    u64 sown = 0;
    for (word k = 0; k < n; k++) {
        if (equal(words[k], "--beliefs") && !with_beliefs) with_beliefs = 1;
        else if (equal(words[k], "--state") && !state && k + 1 < n) state = words[++k];
        else if (equal(words[k], "--every") && !often && k + 1 < n) often = words[++k];
        else if (equal(words[k], "--seed") && !seed && k + 1 < n) seed = words[++k];
#if WORKERS > 1
        else if (equal(words[k], "--workers") && k + 1 < n && read_count(words[k + 1], &wanted_workers)) k++;
#endif
        else if (HTTP && equal(words[k], "--listen") && !where && k + 1 < n) where = words[++k];
        else return usage();
    }
    if (often && (!state || !read_count(often, &every))) return usage();
    if (seed && !read_count(seed, &sown)) return usage();
    seed_all(sown);
#if WORKERS > 1
    if (!can_work()) return usage();
    start_workers((i32)wanted_workers); /* before files and sockets are open */
#endif
    if (state && !open_state(state)) return 2;
#if HTTP
    i32 code = where ? serve_http(where) : (serve_lines(), 0);
#else
    i32 code = (serve_lines(), 0);
#endif
#if WORKERS > 1
    if (has_lost_worker) return save_at_end(), warn("a worker was killed between two steps", "", ""), 70;
#endif
    return save_at_end() ? 1 : code;
}

static i32 run(word n, char **words) {
    if (!states_fit()) return warn("an agent's state is larger than its program was built for", "", ""), 70;
#if WORKERS > 1
    i32 error = share_variables();
    if (error) return warn("no memory for the workers: ", reason(error), ""), 70;
#endif
    if (n == 2 && equal(words[0], "--replay")) {
        for (i32 a = 0; a < AGENTS; a++)
            if (equal(words[1], agents[a]->name)) return replay(agents[a]);
        return usage();
    }
    if (n > 0 && equal(words[0], "--doctor")) return doctor(n - 1, words + 1);
    if (n > 0 && equal(words[0], "--measure")) return measure_options(n - 1, words + 1);
    if (n != 1) return serve(n, words);
    if (equal(words[0], "--selftest")) return selftest(0);
    if (equal(words[0], "--health")) return selftest(1);
    if (equal(words[0], "--help")) return put(HELP), 0;
    if (equal(words[0], "--version")) return put(VERSION), 0;
    return serve(n, words);
}

/* Report errors of stdin and stdout, and set the exit code. */
static i32 report_io_errors(i32 code) {
#if WORKERS > 1
    end_workers();
#endif
    flush();
    if (input_error) warn("stdin: ", reason(input_error), "");
    if (output_error) {
        static u8 said[256];
        word ignored = 0;
        redirect_output(said, sizeof said);
        put("stdout: "), put(reason(output_error));
        if (serves_lines) put("; answers that are lost: "), put_u64(lost_lines);
        if (serves_lines && state_path && saved) put(", their steps are in the state");
        put("\n");
        write_all(2, out.to, out.used, &ignored);
    }
    return !code && (input_error || output_error) ? 1 : code;
}

#if !defined(HOSTED)
_Noreturn __attribute__((used)) void enter(word *stack) {
    catch_signals();
    reserve_descriptors();
    for (auxiliary = stack + stack[0] + 2; *auxiliary; auxiliary++) {}
    auxiliary++;
    exit_program(report_io_errors(run(stack[0] - 1, (char **)(stack + 2))));
}
#endif

#if defined(__wasm__)
/* A page cannot block in a read: it puts a line into line_buffer() and calls answer(). The answer is
   written before it returns. */
__attribute__((export_name("line_buffer"))) void *line_buffer(void) { return line; }
__attribute__((export_name("line_size"))) i32 line_size(void) { return (i32)sizeof line; }
__attribute__((export_name("start"))) void start(i32 beliefs) {
    with_beliefs = beliefs;
    seed_all(0);
}
__attribute__((export_name("answer"))) void answer(i32 size) {
    answer_line(size);
    flush();
}
#endif
