/* The server: POST /step, GET /healthz, GET /metrics; many connections, one request at a time, nothing allocated. */
static const char JSON[] = "application/json", TEXT[] = "text/plain; version=0.0.4; charset=utf-8";
enum { CONNECTIONS = 16 };
static connection connections[CONNECTIONS];
static watch watched[1 + CONNECTIONS];
static u32 uses;

static i32 selftest(i32 quiet);

static void refuse_http(connection *c, i32 status) {
    count.errors++;
    begin(c);
    put("{\"error\":\""), put(status_text(status)), put("\"}\n");
    finish(c, status, JSON, 0);
}

/* The body as one request of the JSON face. */
static void answer_step(connection *c) {
    i32 status = 200;
    begin(c);
    text = c->in + asked_for.head;
    if (!understand(asked_for.size)) status = 400, complain();
    else if (wants_reset) start_over();
    else act(c->asked);
    finish(c, status, JSON, 0);
}

static void answer_whole(connection *c) {
    i32 asks = is_method(c->in, "GET"), bare = is_method(c->in, "HEAD");
    if (is_target(c->in, "/step")) {
        if (!is_method(c->in, "POST")) refuse_http(c, 405);
        else if (!asked_for.has_size) refuse_http(c, 411);
        else answer_step(c);
    } else if (is_target(c->in, "/healthz") || is_target(c->in, "/metrics")) {
        if (!asks && !bare) {
            refuse_http(c, 405);
            return;
        }
        begin(c);
        i32 sick = is_target(c->in, "/healthz") ? selftest(1) : (put_metrics(), 0);
        finish(c, sick ? 503 : 200, is_target(c->in, "/healthz") ? JSON : TEXT, bare);
    } else
        refuse_http(c, 404);
}

/* A step waits for its tick; everything else is answered at once. */
static i32 must_wait(connection *c, moment *rest) {
    if (!PACED || !is_target(c->in, "/step") || !is_method(c->in, "POST")) return 0;
    moment mine;
    if (is_time(&mine)) return 0;
    if (before(mine, *rest)) *rest = mine;
    return 1;
}

static void ask_to_go_on(connection *c) {
    static const char GO_ON[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->continued = 1;
    memcpy(c->out, GO_ON, sizeof GO_ON - 1);
    c->out_at = 0, c->out_end = sizeof GO_ON - 1;
}

/* Answer the first request that waits, if it is whole; 1 when another may follow. */
static i32 answer_one(connection *c, moment *rest) {
    i32 found = read_head(c->in, c->got);
    if (found == INCOMPLETE) return 0;
    if (found != WHOLE) {
        c->closing = 1;
        refuse_http(c, found);
        return 0;
    }
    i32 all = asked_for.head + asked_for.size;
    if (c->got < all) {
        if (asked_for.expects && !c->continued) ask_to_go_on(c);
        return 0;
    }
    if (!c->is_asked) c->asked = now(), c->is_asked = 1;
    if (must_wait(c, rest)) return 0;
    c->closing |= asked_for.close;
    answer_whole(c);
    c->got -= all, c->is_asked = c->continued = 0;
    memmove(c->in, c->in + all, (__SIZE_TYPE__)c->got);
    return !c->closing;
}

static void drop(connection *c) {
    system_call(SYS_CLOSE, c->fd, 0, 0, 0, 0);
    c->fd = -1;
}

static i32 owes(const connection *c) { return c->out_at < c->out_end; }

/* Writes what it can. After the last answer the peer may still be sending: it is read to its end, or its answer is lost. */
static void write_out(connection *c) {
    enum { SENDING = 1 };
    while (owes(c)) {
        word done = system_call(SYS_WRITE, c->fd, (word)(c->out + c->out_at), c->out_end - c->out_at, 0, 0);
        if (done == ERR_INTERRUPTED) continue;
        if (done == ERR_AGAIN) return;
        if (done <= 0) {
            drop(c);
            return;
        }
        c->out_at += (i32)done;
    }
    if (!c->closing || c->draining) return;
    c->draining = 1;
    system_call(SYS_SHUTDOWN, c->fd, SENDING, 0, 0, 0);
}

static void read_in(connection *c) {
    if (c->draining) c->got = 0;
    word wanted = (word)sizeof c->in - c->got;
    word got = wanted ? system_call(SYS_READ, c->fd, (word)(c->in + c->got), wanted, 0, 0) : ERR_AGAIN;
    if (got == ERR_AGAIN || got == ERR_INTERRUPTED) return;
    if (got <= 0) c->ended = 1;
    else c->got += (i32)got, c->used = ++uses;
    if (c->draining && c->ended) drop(c);
}

/* Answers all that can be answered now; `rest` becomes how long a step has to wait, if that is less. */
static void attend(connection *c, moment *rest) {
    while (c->fd >= 0 && !c->draining && !owes(c)) {
        i32 more = answer_one(c, rest);
        write_out(c);
        if (!more) break;
    }
    if (c->fd >= 0 && c->ended && !owes(c) && !c->is_asked) drop(c);
}

/* A free place, or that of the connection that has been silent for longest. */
static connection *place(void) {
    connection *oldest = connections;
    for (i32 k = 0; k < CONNECTIONS; k++) {
        if (connections[k].fd < 0) return &connections[k];
        if ((i32)(connections[k].used - oldest->used) < 0) oldest = &connections[k];
    }
    drop(oldest);
    return oldest;
}

static void welcome(word listener) {
    word fd = system_call(SYS_ACCEPT4, listener, 0, 0, NONBLOCK | CLOSE_ON_EXEC, 0);
    if (fd < 0) return;
    connection *c = place();
    watched[1 + (c - connections)].revents = 0;
    c->fd = (i32)fd, c->got = c->out_at = c->out_end = 0, c->used = ++uses;
    c->closing = c->ended = c->continued = c->draining = c->is_asked = 0;
}

static void look(word listener, moment rest) {
    watched[0].fd = (i32)listener, watched[0].events = READABLE, watched[0].revents = 0;
    for (i32 k = 0; k < CONNECTIONS; k++) {
        const connection *c = &connections[k];
        watched[1 + k].fd = c->fd, watched[1 + k].revents = 0;
        watched[1 + k].events = owes(c) ? WRITABLE : c->ended || (c->is_asked && !c->draining) ? 0 : READABLE;
    }
    if (await(watched, 1 + CONNECTIONS, rest) < 0)
        for (i32 k = 0; k <= CONNECTIONS; k++) watched[k].revents = 0;
}

/* Every connection that has something; the one looked at first changes, so that none is always last. */
static moment attend_all(void) {
    static i32 first;
    moment rest = FOREVER;
    first = (first + 1) % CONNECTIONS;
    for (i32 k = 0; k < CONNECTIONS; k++) {
        i32 which = (first + k) % CONNECTIONS;
        connection *c = &connections[which];
        short ready = watched[1 + which].revents;
        if (c->fd < 0) continue;
        if (ready && owes(c)) write_out(c);
        else if (ready && !(c->is_asked && !c->draining)) read_in(c);
        else if (ready) drop(c); /* it left while its step waited */
        if (c->fd >= 0) attend(c, &rest);
    }
    return rest;
}

/* What was answered is sent, for a second at most. */
static void say_goodbye(void) {
    moment until = after(now(), GRACE), t;
    for (i32 k = 0; k < CONNECTIONS; k++)
        while (connections[k].fd >= 0 && owes(&connections[k]) && before(t = now(), until)) {
            watch one = {connections[k].fd, WRITABLE, 0};
            moment rest = between(t, until);
            system_call(SYS_PPOLL, (word)&one, 1, (word)&rest, 0, 0);
            write_out(&connections[k]);
        }
}

static i32 serve_http(const char *where) {
    if (!read_address(where)) {
        warn("--listen ", where, ": write unix:PATH, IPV4:PORT or :PORT");
        return 2;
    }
    word listener = open_address();
    if (listener < 0) {
        warn("--listen ", where, ": "), warn("  ", reason(listener), "");
        return 2;
    }
    for (i32 k = 0; k < CONNECTIONS; k++) connections[k].fd = -1;
    tell_address(listener);
    for (moment rest = FOREVER; !stopping; rest = attend_all()) {
        look(listener, rest);
        if (watched[0].revents) welcome(listener);
    }
    say_goodbye();
    if (here.family == FAMILY_UNIX) system_call(SYS_UNLINKAT, AT_CWD, (word)here.local.path, 0, 0, 0);
    return 0;
}
