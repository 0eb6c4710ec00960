/* Resources: POST /step, GET /healthz, GET /metrics. */
static const char JSON[] = "application/json", TEXT[] = "text/plain; version=0.0.4; charset=utf-8";

static i32 selftest(i32 quiet);

static const char *detail(i32 status) {
    switch (status) {
    case 404: return ": there are POST /step, GET /healthz and GET /metrics";
    case 408: return ": a request must be whole in " AS_TEXT(RECEIVE_SECONDS) " seconds";
    case 411: return ": send Content-Length, or Transfer-Encoding: chunked";
    case 415: return ": send the body without Content-Encoding";
    case 431: return ": a head has 4096 bytes at most";
    case 501: return ": the methods are GET, HEAD and POST, the one transfer coding is chunked";
    case 503: return ": too many steps wait for their turn, or the program ends";
    default: return "";
    }
}

static void reject_http(connection *c, i32 status, const char *allowed) {
    count.errors++;
    begin(c);
    put("{\"error\":\""), put(status_text(status)), put(detail(status));
    if (status == 413) put(": a body has "), put_int(BODY), put(" bytes at most");
    put("\"}\n");
    finish(c, status, JSON, allowed);
}

/* Run the body as one JSON request. */
static void answer_step(connection *c, i32 size) {
    i32 status = 200;
    begin(c);
    text = c->buf->in + asked_for.head;
    if (!parse_request(size)) status = 400, put_error();
    else if (wants_reset) run_resets();
    else run_step(c->received);
    finish(c, status, JSON, 0);
}

static void answer_page(connection *c, i32 is_health) {
    const u8 *in_ = c->buf->in;
    if (!is_method(in_, "GET") && !is_method(in_, "HEAD")) {
        reject_http(c, 405, "GET, HEAD");
        return;
    }
    begin(c);
    i32 sick = is_health ? selftest(1) : (put_metrics(), 0);
    finish(c, sick ? 503 : 200, is_health ? JSON : TEXT, 0);
}

static void answer_whole(connection *c, i32 size) {
    const u8 *in_ = c->buf->in;
    if (is_target(in_, "*")) { /* OPTIONS of the program itself */
        begin(c);
        finish(c, 200, TEXT, "GET, HEAD, POST, OPTIONS");
    } else if (is_target(in_, "/healthz") || is_target(in_, "/metrics"))
        answer_page(c, is_target(in_, "/healthz"));
    else if (!is_target(in_, "/step")) reject_http(c, 404, 0);
    else if (!is_method(in_, "POST")) reject_http(c, 405, "POST");
    else if (!asked_for.has_size && !asked_for.chunked) reject_http(c, 411, 0);
    else if (asked_for.coded) reject_http(c, 415, 0);
    else answer_step(c, size);
}
