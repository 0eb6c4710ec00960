/* Fuzzes the run time in one process: the same C as in the program, hosted by the C library and a kernel made of arrays.
 *
 *     driver INPUTS SEED
 *
 * Inputs are JSON lines and streams of HTTP requests: written by a grammar, mutated, spliced, or raw bytes; those that reach
 * new edges of the code are kept and mutated further. After every input: what was refused has changed no state, and every
 * answer is whole. An error ends the process by abort() or by the sanitizer. Prints counts as JSON.
 */
#define HOSTED
#include MAIN_FILE

#include <stdio.h>
#include <stdlib.h>

enum { LONGEST = 1 << 17, POOL = 4096, EDGES = 1 << 16, FIRST_FD = 100, LISTENER = 99 };
static u64 state_of_random;
static u64 inputs, refused, accepted, raw_inputs, http_inputs, http_requests, faults_injected, edge_count;
static u64 statuses[6];

static u32 draw(u32 limit) {
    state_of_random += 0x9e3779b97f4a7c15ull;
    u64 z = state_of_random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (u32)(((z ^ (z >> 31)) >> 32) * limit >> 32);
}

static void demand(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* Edges of the code under test, by pairs of instrumented places. */
static u8 edges[EDGES];
static u32 fresh, last_place;
__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void) {
    u32 here_ = (u32)(((u64)__builtin_return_address(0) * 0x9e3779b97f4a7c15ull) >> 48);
    u32 edge = (here_ ^ last_place) % EDGES;
    last_place = here_ >> 1;
    if (!edges[edge]) edges[edge] = 1, fresh++;
}

/* The kernel: connection k gives its stream in pieces, takes its answers in pieces, and fails now and then. One that
   stalls never ends, and after its bytes nothing comes. */
typedef struct { const u8 *bytes; i32 size, at, is_open, has_ended, stalls, got; u8 *answers; } stream;
static stream streams[3];
static i32 stream_count, next_stream, hostile;
static u64 clock_, timeouts;

static word read_stream(stream *s, void *to, word n) {
    i32 piece = 1 + (i32)draw((u32)(draw(4) ? n : 9));
    if (hostile && !draw(8)) return faults_injected++, draw(2) ? ERR_AGAIN : ERR_INTERRUPTED;
    if (hostile && !draw(200)) return faults_injected++, -104;
    if (s->at == s->size && s->stalls) return ERR_AGAIN;
    if (s->at == s->size) return s->has_ended = 1, 0;
    if (piece > s->size - s->at) piece = s->size - s->at;
    if (piece > n) piece = (i32)n;
    memcpy(to, s->bytes + s->at, (size_t)piece);
    s->at += piece;
    return piece;
}

static word write_stream(stream *s, const void *from, word n) {
    if (hostile && !draw(8)) return faults_injected++, ERR_AGAIN;
    if (hostile && !draw(300)) return faults_injected++, -32;
    word piece = hostile ? 1 + (word)draw((u32)n) : n;
    if (piece > LONGEST - s->got) piece = LONGEST - s->got;
    if (!piece) return -32;
    memcpy(s->answers + s->got, from, (size_t)piece);
    s->got += (i32)piece;
    return piece;
}

static stream *stream_of(word fd) {
    return fd >= FIRST_FD && fd < FIRST_FD + stream_count ? &streams[fd - FIRST_FD] : fd == 0 || fd == 1 ? &streams[0] : 0;
}

/* When nothing is ready, the time passes that the program is willing to wait. */
static word poll_streams(poll_item *list, word n, const moment *limit) {
    word ready = 0;
    for (word k = 0; k < n; k++) {
        const stream *s = stream_of(list[k].fd);
        i32 silent = s && s->stalls && s->at == s->size && list[k].events == READABLE;
        if (list[k].fd == LISTENER) silent = next_stream == stream_count;
        list[k].revents = list[k].fd < 0 || silent ? 0 : list[k].events;
        ready += list[k].revents != 0;
    }
    if (!ready && limit->seconds < FOREVER.seconds) clock_ += nanoseconds(*limit), timeouts += limit->seconds > 0;
    return ready;
}

static word system_call(word n, word a, word b, word c, word d, word e) {
    (void)d, (void)e;
    stream *s = stream_of(a);
    switch (n) {
    case SYS_READ: return s ? read_stream(s, (void *)b, c) : 0;
    case SYS_WRITE: return s ? write_stream(s, (const void *)b, c) : c;
    case SYS_PPOLL: return poll_streams((poll_item *)a, b, (const moment *)c);
    case SYS_CLOCK:
        clock_ += 1000;
        ((moment *)b)->seconds = a ? (word)(clock_ / 1000000000u) : (word)(draw(2) ? draw(0xffffffffu) : 1790000000u);
        ((moment *)b)->nanoseconds = (word)(clock_ % 1000000000u);
        return 0;
    case SYS_ACCEPT4:
        if (next_stream == stream_count) return ERR_AGAIN;
        streams[next_stream].is_open = 1;
        return FIRST_FD + next_stream++;
    case SYS_CLOSE: if (s && a >= FIRST_FD) s->is_open = 0; return 0;
    case SYS_EXIT: demand(0, "the program ended itself"); return 0;
    default: return 0;
    }
}

/* Inputs. */
static struct { u8 *bytes; i32 size; } pool[2][POOL];
static i32 pool_size[2];
static u8 made[LONGEST], other[LONGEST];
static i32 made_size;

static void add(const void *bytes, i32 n) {
    if (n > LONGEST - made_size) n = LONGEST - made_size;
    memcpy(made + made_size, bytes, (size_t)n);
    made_size += n;
}
static void add_text(const char *s) { add(s, (i32)strlen(s)); }

static void add_number(i32 limit) {
    static const char *odd[] = {"-1", "01", "1.0", "1e3", "99999999999", "null", "true", "\"1\"", "2147483648", "+1", " 2 ", ""};
    char number[12];
    if (!draw(200)) add_text(odd[draw(sizeof odd / sizeof odd[0])]);
    else snprintf(number, sizeof number, "%d", draw(100) ? (i32)draw((u32)limit) : limit), add_text(number);
}

static void add_blanks(void) {
    static const char *blanks[] = {" ", "\t", "\r", "\n", "  \t"};
    if (!draw(16)) add_text(blanks[draw(5)]);
}

static void add_name(i32 i) { add_text("\""), add_text(draw(200) ? instances[i].name : "thief"), add_text("\""); }

static void add_array(i32 i, i32 is_observation) {
    i32 known = is_observation ? agent_of(i)->modalities : agent_of(i)->controls, n = known;
    const i32 *limits = is_observation ? agent_of(i)->num_obs : agent_of(i)->num_controls;
    if (!draw(100)) n += (i32)draw(3) - 1;
    add_text("[");
    for (i32 m = 0; m < n; m++) {
        if (m) add_text(",");
        add_blanks();
        if (is_observation && m < known && linked[instances[i].first_modality + m] && draw(100)) add_text("null");
        else add_number(m < known ? limits[m] : 3);
    }
    add_text("]");
}

static void add_agents(i32 is_observation) {
    i32 skipped = draw(60) ? -1 : (i32)draw(INSTANCES), any = 0;
    for (i32 i = 0; i < INSTANCES; i++) {
        if (i == skipped || (!is_observation && draw(2))) continue;
        if (any++) add_text(",");
        add_blanks(), add_name(i), add_text(":"), add_blanks(), add_array(i, is_observation);
    }
}

static void add_reset(void) {
    add_text("\"reset\":");
    if (draw(2)) add_text(draw(20) ? "true" : "false");
    else {
        add_text("[");
        for (u32 k = 0, n = draw(4); k < n; k++) {
            if (k) add_text(",");
            if (draw(3)) add_name((i32)draw(INSTANCES));
            else add_text("\""), add_text(agents[draw(AGENTS)]->name), add_text("\"");
        }
        add_text("]");
    }
}

static void grow_json(void) {
    add_text("{");
    if (draw(60)) add_text("\"copy\":"), add_number(COPIES), add_text(",");
    if (!draw(6)) add_reset();
    else {
        add_agents(1);
        if (!draw(3)) add_text(",\"executed\":{"), add_agents(0), add_text("}");
    }
    add_text(draw(40) ? "}" : "}}");
}

/* A body in chunks, most of them as they should be. */
static void add_chunks(const u8 *body, i32 n) {
    static const char *lines[] = {"\r\n", "\r\n", "\r\n", "\r\n", ";a=b\r\n", " ; c=\"d\"\r\n", "\n", "x\r\n", "\r"};
    static const char *ends[] = {"0\r\n\r\n", "0\r\n\r\n", "000;x\r\nA: b\r\n\r\n", "0\r\nA: b\r\n", "0\r\n\n", "-1\r\n", "fffffffff\r\n", ""};
    char size[16];
    for (i32 at_ = 0, piece; at_ < n; at_ += piece) {
        piece = 1 + (i32)draw((u32)(draw(3) ? n : 4));
        if (piece > n - at_) piece = n - at_;
        snprintf(size, sizeof size, draw(2) ? "%x" : "%04X", draw(60) ? (u32)piece : draw(9000));
        add_text(size), add_text(lines[draw(draw(20) ? 6 : 9)]), add(body + at_, piece);
        if (draw(60)) add_text("\r\n");
    }
    add_text(ends[draw(draw(20) ? 3 : 8)]);
}

static void grow_head(i32 body, i32 is_chunked) {
    static const char *methods[] = {"POST", "POST", "POST", "POST", "GET", "GET", "HEAD", "PUT", "get", "OPTIONS"};
    static const char *targets[] = {"/step", "/step", "/step", "/healthz", "/metrics", "/st%65p?x", "*", "http://a:1/step", ""};
    static const char *versions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.9"};
    static const char *headers[] = {"Connection: close", "Connection: keep-alive", "Expect: 100-continue", "Expect: x",
        "Transfer-Encoding: gzip, chunked", "X-A: \xc3\xa4", " folded: x", "Content-Length: 5", "Host: b", "Connection: x ,, Keep-Alive",
        "CoNtEnT-lEnGtH:\t3 ", ":"};
    char size[64];
    add_text(methods[draw(10)]), add_text(" "), add_text(targets[draw(draw(4) ? 3 : 9)]), add_text(" ");
    add_text(versions[draw(7)]), add_text("\r\n");
    if (draw(30)) add_text("Host: a\r\n");
    if (is_chunked) add_text(draw(30) ? "Transfer-Encoding: chunked\r\n" : "Transfer-Encoding: , Chunked ,\r\n");
    if (draw(20) && (!is_chunked || !draw(40)))
        snprintf(size, sizeof size, "Content-Length: %d\r\n", draw(20) ? body : (i32)draw(9000)), add_text(size);
    while (!draw(4)) add_text(headers[draw(12)]), add_text(draw(20) ? "\r\n" : "\n");
    add_text("\r\n");
}

static void grow_long(void) {
    for (i32 n = (i32)draw(12000); n > 0; n--) add("x\n" + !draw(50), 1);
}

static void grow_http(void) {
    for (u32 k = 0, n = 1 + draw(3); k < n; k++) {
        i32 before_ = made_size;
        grow_json();
        if (!draw(40)) grow_long();
        i32 body = made_size - before_;
        i32 is_chunked = !draw(3);
        memcpy(other, made + before_, (size_t)body);
        made_size = before_;
        if (!draw(20)) add_text("\r\n");
        grow_head(body, is_chunked);
        if (!draw(40)) made_size -= 2, add_text("Y: "), grow_long(), add_text("\r\n\r\n");
        if (is_chunked) add_chunks(other, body);
        else add(other, body);
    }
}

static void grow_raw(void) {
    i32 n = (i32)draw(draw(100) ? 200 : 20000);
    for (i32 i = 0; i < n; i++) made[made_size++] = draw(2) ? (u8)draw(256) : (u8)"{}[]\",:0123 \r\n"[draw(14)];
    raw_inputs++;
}

static void mutate_once(void) {
    static const char *words[] = {"{", "}", "[", "]", ",", ":", "\"", "null", "true", "\"reset\"", "\"executed\"", "\"copy\"", "\r\n",
        "\r\n\r\n", "Content-Length: ", "HTTP/1.1", "Transfer-Encoding: chunked\r\n", "\\u0041", "999999999", "\xff", "\0"};
    i32 at_ = made_size ? (i32)draw((u32)made_size) : 0, n, room_ = LONGEST - made_size;
    switch (draw(7)) {
    case 0: if (made_size) made[at_] ^= (u8)(1 << draw(8)); break;
    case 1: if (made_size) made[at_] = (u8)draw(256); break;
    case 2: /* cut out */
        n = 1 + (i32)draw(16);
        if (n > made_size - at_) n = made_size - at_;
        memmove(made + at_, made + at_ + n, (size_t)(made_size - at_ - n)), made_size -= n;
        break;
    case 3: /* a word of the language */
        n = 0;
        const char *w = words[draw(21)];
        n = *w ? (i32)strlen(w) : 1;
        if (n > room_) break;
        memmove(made + at_ + n, made + at_, (size_t)(made_size - at_)), memcpy(made + at_, w, (size_t)n), made_size += n;
        break;
    case 4: /* twice */
        n = 1 + (i32)draw(64);
        if (n > made_size - at_) n = made_size - at_;
        if (n > room_) break;
        memmove(made + at_ + n, made + at_, (size_t)(made_size - at_)), made_size += n;
        break;
    case 5: made_size = at_; break;
    default: /* the end of another */
        n = (i32)draw(2);
        if (!pool_size[n]) break;
        u32 which = draw((u32)pool_size[n]);
        i32 from = (i32)draw((u32)pool[n][which].size + 1);
        made_size = at_, add(pool[n][which].bytes + from, pool[n][which].size - from);
    }
}

static void make(i32 is_http) {
    made_size = 0;
    u32 how = draw(16);
    if (how == 0) grow_raw();
    else if (how < 6 || !pool_size[is_http]) is_http ? grow_http() : grow_json();
    else {
        u32 which = draw((u32)pool_size[is_http]);
        add(pool[is_http][which].bytes, pool[is_http][which].size);
    }
    if (how > 3) for (u32 k = draw(5); k > 0; k--) mutate_once();
}

static void keep(i32 is_http) {
    edge_count += fresh;
    if (!fresh || made_size > 20000) return;
    i32 place_ = pool_size[is_http] < POOL ? pool_size[is_http]++ : (i32)draw(POOL);
    free(pool[is_http][place_].bytes);
    pool[is_http][place_].bytes = malloc((size_t)made_size + 1);
    memcpy(pool[is_http][place_].bytes, made, (size_t)made_size);
    pool[is_http][place_].size = made_size;
}

/* What must hold. */
static coalition worlds_before[COPIES];

static void check_line(const u8 *bytes, i32 n) {
    demand(n > 2 && bytes[0] == '{' && bytes[n - 1] == '\n' && bytes[n - 2] == '}', "an answer is not one object and a newline");
    for (i32 i = 0; i < n - 1; i++) demand(bytes[i] >= ' ' && bytes[i] < 127, "an answer has a byte that is no text");
}

/* Head and body of each answer in a stream, the last one perhaps cut off by an injected fault; gives how many steps and resets. */
static i32 check_answers(const u8 *bytes, i32 n) {
    i32 carried_out = 0;
    while (n > 0) {
        const u8 *end_ = memmem(bytes, (size_t)n, "\r\n\r\n", 4), *size_at;
        demand(n < 12 || !memcmp(bytes, "HTTP/1.1 ", 9), "an answer does not begin as one");
        if (!end_) break;
        i32 head = (i32)(end_ - bytes) + 4, status = atoi((const char *)bytes + 9);
        demand((status >= 100 && status < 600), "an answer has no status");
        statuses[status / 100]++;
        if (status == 100) {
            bytes += head, n -= head;
            continue;
        }
        http_requests++;
        size_at = memmem(bytes, (size_t)head, "Content-Length: ", 16);
        demand(size_at != 0, "an answer has no length");
        i32 size = atoi((const char *)size_at + 16);
        if (n == head || (n - head > 8 && !memcmp(bytes + head, "HTTP/1.1 ", 9))) size = 0; /* to HEAD, or cut off */
        if (n - head < size) {
            demand(hostile, "an answer is shorter than it says");
            break;
        }
        if (status == 200 && size && bytes[head] == '{' && memcmp(bytes + head, "{\"health\"", 9)) carried_out++;
        if (size && bytes[head] == '{') check_line(bytes + head, size);
        bytes += head + size, n -= head + size;
    }
    return carried_out;
}

static void run_line(void) {
    u8 *exact = malloc((size_t)made_size + 1); /* so that a read of one byte too far is an error */
    memcpy(exact, made, (size_t)made_size);
    u64 errors = count.errors, steps = count.steps;
    stopping = 0, hostile = 0, streams[0].got = streams[0].stalls = 0;
    memcpy(worlds_before, coalitions, sizeof coalitions);
    text = exact;
    answer_line(made_size);
    flush();
    text = line;
    if (count.errors > errors) {
        refused++;
        demand(!memcmp(worlds_before, coalitions, sizeof coalitions) && steps == count.steps, "a refused line changed the state");
    } else
        accepted++;
    check_line(streams[0].answers, streams[0].got);
    free(exact);
}

/* Several lines through the reader, in pieces. */
static void run_lines(void) {
    u64 errors = count.errors, steps = count.steps;
    streams[0].bytes = made, streams[0].size = made_size, streams[0].at = streams[0].got = streams[0].stalls = 0;
    stopping = 0, hostile = (i32)draw(2), in_at = in_end = 0;
    memcpy(worlds_before, coalitions, sizeof coalitions);
    serve_lines();
    if (count.errors > errors && count.steps == steps) refused++;
    else accepted++;
    hostile = 0;
}

static void run_streams(void) {
    u8 *parts = malloc((size_t)made_size + 1);
    memcpy(parts, made, (size_t)made_size);
    u64 errors = count.errors;
    stream_count = 1 + (i32)draw(3), next_stream = 0, hostile = (i32)draw(2), stopping = 0;
    for (i32 k = 0; k < stream_count; k++) {
        stream *s = &streams[k];
        s->bytes = parts, s->size = k ? (i32)draw((u32)made_size + 1) : made_size, s->at = s->got = s->is_open = s->has_ended = 0;
        s->stalls = !draw(8);
    }
    memcpy(worlds_before, coalitions, sizeof coalitions);
    u64 steps = count.steps;
    for (i32 k = 0; k < CONNECTIONS; k++) connections[k].fd = -1;
    places = 0;
    moment rest = FOREVER;
    for (i32 busy = 1, turns = 0; busy; turns++) {
        demand(turns < 2 * LONGEST, "a connection never ends");
        wait_for_events(LISTENER, rest);
        if (next_stream < stream_count) accept_one(LISTENER);
        rest = serve_all();
        busy = next_stream < stream_count;
        for (i32 k = 0; k < CONNECTIONS; k++) {
            connection *c = &connections[k];
            if (c->fd >= 0 && c->phase == IDLE && rest.seconds == FOREVER.seconds && stream_of(c->fd)->stalls &&
                stream_of(c->fd)->at == stream_of(c->fd)->size) close_connection(c); /* it may be idle for ever */
            busy |= c->fd >= 0;
        }
    }
    for (i32 k = 0; k < BUFFERS; k++) demand(!buffers[k].taken, "a buffer was not given back");
    demand(steps_waiting == 0, "a step waits that nobody asked for");
    i32 carried_out = 0;
    for (i32 k = 0; k < stream_count; k++) carried_out += check_answers(streams[k].answers, streams[k].got);
    if (!hostile) {
        if (!carried_out) demand(!memcmp(worlds_before, coalitions, sizeof coalitions), "no request was carried out and the state changed");
        demand(count.steps - steps <= (u64)carried_out, "a step was carried out and not answered");
    }
    if (count.errors > errors) refused++;
    else accepted++;
    stream_count = hostile = 0;
    free(parts);
}

int main(int argc, char **argv) {
    u64 wanted = argc > 1 ? strtoull(argv[1], 0, 10) : 100000;
    state_of_random = argc > 2 ? strtoull(argv[2], 0, 10) : 0;
    for (i32 k = 0; k < 3; k++) streams[k].answers = malloc(LONGEST);
    for (; inputs < wanted; inputs++) {
        i32 is_http = draw(3) == 0;
        make(is_http);
        fresh = 0, last_place = 0, input_error = output_error = 0;
        out.to = out_buffer, out.used = 0, out.size = sizeof out_buffer, out.kept = out.lost = 0;
        if (is_http) http_inputs++, run_streams();
        else if (draw(8)) run_line();
        else run_lines();
        keep(is_http);
        if (count.steps % 50 == 49) step_all(0); /* beliefs never rest at a point that the grammar leaves */
    }
    printf("{\"inputs\":%llu,\"accepted\":%llu,\"refused\":%llu,\"raw\":%llu,\"http_streams\":%llu,\"http_answers\":%llu,"
           "\"status\":{\"1xx\":%llu,\"2xx\":%llu,\"4xx\":%llu,\"5xx\":%llu},\"faults_injected\":%llu,\"timeouts\":%llu,\"steps\":%llu,"
           "\"kept\":[%d,%d],\"edges\":%llu}\n", inputs, accepted, refused, raw_inputs, http_inputs, http_requests, statuses[1],
           statuses[2], statuses[4], statuses[5], faults_injected, timeouts, count.steps, pool_size[0],
           pool_size[1], edge_count);
    return 0;
}
