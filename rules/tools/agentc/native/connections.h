/* The server: many connections, one request at a time, no allocation. A connection owns a buffer
   from the first byte of a request to the last byte of its reply; without a free buffer it waits.
   In between it is closed only after a time limit. */
enum { CONNECTIONS = 128, BUFFERS = 16, STEPS_WAITING = BUFFERS - 4 };
static connection connections[CONNECTIONS];
static buffer buffers[BUFFERS];
static poll_item poll_items[1 + CONNECTIONS];
static i32 places;       /* connections beyond this index were never used */
static i32 is_full;      /* a client waits to be accepted and no slot is free */
static i32 steps_waiting;

static i32 has_output(const connection *c) { return c->buf && c->buf->out_at < c->buf->out_end; }

static i32 take_buffer(connection *c) {
    for (i32 k = 0; k < BUFFERS && !c->buf; k++)
        if (!buffers[k].taken) {
            c->buf = &buffers[k];
            c->buf->taken = 1, c->buf->got = c->buf->out_at = c->buf->out_end = 0;
            memset(&c->buf->body, 0, sizeof c->buf->body);
        }
    return c->buf != 0;
}

static void release_buffer(connection *c) {
    if (c->buf) c->buf->taken = 0;
    c->buf = 0;
}

static void close_connection(connection *c) {
    count.lost += (u64)has_output(c);
    steps_waiting -= c->waits;
    release_buffer(c);
    system_call(SYS_CLOSE, c->fd, 0, 0, 0, 0);
    c->fd = -1, c->waits = 0;
}

/* A step waits for its tick; other requests get a reply at once. */
static i32 must_wait(connection *c, moment *rest) {
    if (!PACED || !is_target(c->buf->in, "/step") || !is_method(c->buf->in, "POST")) return 0;
    moment mine;
    if (is_time(&mine)) return 0;
    if (before(mine, *rest)) *rest = mine;
    return 1;
}

static void send_continue(connection *c) {
    static const char GO_ON[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->continued = 1;
    memcpy(c->buf->out, GO_ON, sizeof GO_ON - 1);
    c->buf->out_at = 0, c->buf->out_end = sizeof GO_ON - 1;
}

/* Skip one empty line before a request: some clients send it after a body. */
static void skip_empty_line(connection *c) {
    buffer *b = c->buf;
    if (c->skipped || b->got < 2 || b->in[0] != '\r' || b->in[1] != '\n') return;
    c->skipped = 1, b->got -= 2;
    memmove(b->in, b->in + 2, (__SIZE_TYPE__)b->got);
}

/* INCOMPLETE, WHOLE, or the status of a refusal; `size` is set to that of the body. */
static i32 read_request(connection *c, i32 *size) {
    buffer *b = c->buf;
    skip_empty_line(c);
    i32 found = read_head(b->in, b->got);
    if (found != WHOLE) return found;
    if (asked_for.chunked) {
        found = decode_chunks(&b->body, b->in, asked_for.head, &b->got);
        *size = b->body.size;
    } else {
        *size = asked_for.size;
        if (b->got < asked_for.head + *size) found = INCOMPLETE;
    }
    if (found == INCOMPLETE && asked_for.expects && !c->continued) send_continue(c);
    return found;
}

/* Remove the finished request; the next one may follow it. */
static void finish_request(connection *c, i32 all) {
    buffer *b = c->buf;
    b->got -= all;
    memmove(b->in, b->in + all, (__SIZE_TYPE__)b->got);
    memset(&b->body, 0, sizeof b->body);
    steps_waiting -= c->waits;
    c->waits = c->continued = c->skipped = 0, c->phase = IDLE;
}

/* If a client waits to be accepted, close a connection without a further request after its reply,
   which announces it. */
static i32 closes_after(const connection *c, i32 all) {
    if (!is_full || c->buf->got > all) return 0;
    is_full = 0;
    return 1;
}

/* Reply to the first request if it is complete; 1 if another may follow. */
static i32 answer_one(connection *c, moment *rest) {
    i32 size = 0, found = read_request(c, &size);
    if (found == INCOMPLETE) return 0;
    if (found != WHOLE) {
        c->closing = 1;
        reject_http(c, found, 0);
        return 0;
    }
    if (!c->waits) c->received = clock_now;
    if (must_wait(c, rest)) {
        if (c->waits) return 0;
        if (steps_waiting < STEPS_WAITING) {
            steps_waiting++, c->waits = 1;
            return 0;
        }
        c->closing |= asked_for.close;
        reject_http(c, 503, 0);
    } else {
        c->closing |= asked_for.close | closes_after(c, asked_for.head + size);
        answer_whole(c, size);
    }
    finish_request(c, asked_for.head + size);
    return !c->closing;
}

/* Write as much as possible. After the last reply the peer's data is read to its end, because
   closing earlier would lose the reply. */
static void write_out(connection *c) {
    enum { BOTH_NOT_READING = 1 };
    while (has_output(c)) {
        buffer *b = c->buf;
        word done = system_call(SYS_WRITE, c->fd, (word)(b->out + b->out_at), b->out_end - b->out_at, 0, 0);
        if (done == ERR_INTERRUPTED) continue;
        if (done == ERR_AGAIN) return;
        if (done <= 0) {
            close_connection(c);
            return;
        }
        b->out_at += (i32)done, c->since = clock_now;
    }
    if (!c->closing || c->draining) return;
    c->draining = 1;
    system_call(SYS_SHUTDOWN, c->fd, BOTH_NOT_READING, 0, 0, 0);
}

static void read_in(connection *c) {
    static u8 nowhere[1024];
    u8 *to = nowhere;
    word wanted = sizeof nowhere;
    if (!c->draining) {
        to = c->buf->in + c->buf->got, wanted = (word)sizeof c->buf->in - c->buf->got;
    }
    word got = wanted ? system_call(SYS_READ, c->fd, (word)to, wanted, 0, 0) : ERR_AGAIN;
    if (got == ERR_AGAIN || got == ERR_INTERRUPTED) return;
    if (got <= 0) c->ended = 1;
    else if (!c->draining) c->buf->got += (i32)got;
    if (c->draining && c->ended) close_connection(c);
}

/* Update the phase and its start. */
static void update_phase(connection *c) {
    i32 does = c->draining ? DRAINING : has_output(c) ? SENDING : c->waits ? WAITING : c->buf && c->buf->got ? RECEIVING : IDLE;
    if (does == IDLE || does == DRAINING) release_buffer(c);
    if (does != c->phase) c->phase = (u8)does, c->since = clock_now;
}

/* Reply to all complete requests; `rest` is set to the waiting time of a step if it is shorter. */
static void serve_connection(connection *c, moment *rest) {
    while (c->fd >= 0 && c->buf && c->buf->got && !c->draining && !has_output(c)) {
        i32 more = answer_one(c, rest);
        write_out(c);
        if (!more) break;
    }
    if (c->fd >= 0 && c->ended && !has_output(c) && !c->waits) close_connection(c);
    if (c->fd >= 0) update_phase(c);
}

/* Close a connection after its time limit: an incomplete request, an unread reply, or a missing
   close. */
static void enforce_limits(connection *c, moment *rest) {
    static const moment limits[] = {{0, 0}, {RECEIVE_SECONDS, 0}, {0, 0}, {SEND_SECONDS, 0}, {DRAIN_SECONDS, 0}};
    if (!limits[c->phase].seconds) return;
    moment until = after(c->since, limits[c->phase]);
    if (before(clock_now, until)) {
        moment mine = between(clock_now, until);
        if (before(mine, *rest)) *rest = mine;
    } else if (c->phase == RECEIVING) {
        memset(&asked_for, 0, sizeof asked_for);
        c->closing = 1;
        reject_http(c, 408, 0);
        write_out(c);
        if (c->fd >= 0) update_phase(c);
    } else
        close_connection(c);
}

/* Find a free slot, or close the connection that has been idle or draining for longest, at least
   one second; otherwise 0. */
static connection *free_slot(void) {
    connection *oldest = 0;
    for (i32 k = 0; k < CONNECTIONS; k++) {
        connection *c = &connections[k];
        if (c->fd < 0) {
            if (k >= places) places = k + 1;
            return c;
        }
        if ((c->phase == IDLE || c->phase == DRAINING) && (!oldest || before(c->since, oldest->since))) oldest = c;
    }
    if (!oldest || before(clock_now, after(oldest->since, GRACE))) return 0;
    poll_item one = {oldest->fd, READABLE, 0};
    moment limit = NO_WAIT;
    if (system_call(SYS_PPOLL, (word)&one, 1, (word)&limit, 0, 0)) return 0; /* its request has arrived */
    close_connection(oldest);
    return oldest;
}

/* Accept one client if a slot is free: 1 if another may wait. */
static i32 accept_one(word listener) {
    enum { WENT_AWAY = -103 };
    connection *c = free_slot();
    word fd = c ? system_call(SYS_ACCEPT4, listener, 0, 0, NONBLOCK | CLOSE_ON_EXEC, 0) : ERR_AGAIN;
    is_full = !c || (fd < 0 && fd != ERR_AGAIN && fd != ERR_INTERRUPTED && fd != WENT_AWAY); /* also for too many open files */
    if (!c || fd < 0) return 0;
    memset(c, 0, sizeof *c);
    c->fd = (i32)fd, c->since = clock_now;
    poll_items[1 + (c - connections)].revents = READABLE;
    return 1;
}

static short wanted_of(const connection *c, i32 has_room) {
    if (has_output(c)) return WRITABLE;
    if (c->draining) return READABLE;
    return c->ended || c->waits || (!c->buf && !has_room) ? 0 : READABLE;
}

/* Wait for events. While no slot is free, every second wait ignores the listener and is short. */
static void wait_for_events(word listener, moment rest) {
    static const moment A_WHILE = {0, 100000000};
    static i32 paused;
    i32 has_room = 0;
    for (i32 k = 0; k < BUFFERS; k++) has_room |= !buffers[k].taken;
    paused = is_full && !paused;
    if (paused && before(A_WHILE, rest)) rest = A_WHILE;
    poll_items[0].fd = paused ? -1 : (i32)listener, poll_items[0].events = READABLE, poll_items[0].revents = 0;
    for (i32 k = 0; k < places; k++) {
        const connection *c = &connections[k];
        poll_items[1 + k].fd = c->fd, poll_items[1 + k].revents = 0, poll_items[1 + k].events = c->fd < 0 ? 0 : wanted_of(c, has_room);
    }
    if (poll_for(poll_items, 1 + places, rest) < 0)
        for (i32 k = 0; k <= places; k++) poll_items[k].revents = 0;
    if (!paused && !poll_items[0].revents) is_full = 0;
    clock_now = now();
}

/* Serve every ready connection. The first index rotates, so that none is always last. */
static moment serve_all(void) {
    enum { FAILED = 8, HUNG_UP = 16 };
    static i32 first;
    moment rest = FOREVER;
    first = first + 1 < places ? first + 1 : 0;
    for (i32 k = 0; k < places; k++) {
        i32 which = first + k < places ? first + k : first + k - places;
        connection *c = &connections[which];
        short ready = poll_items[1 + which].revents;
        if (c->fd < 0) continue;
        if (ready && has_output(c)) write_out(c);
        else if (ready && c->waits) close_connection(c); /* the client left while its step waited */
        else if (ready && (c->draining || take_buffer(c))) read_in(c);
        else if (ready & (FAILED | HUNG_UP)) close_connection(c);
        if (c->fd >= 0 && (ready || c->waits)) serve_connection(c, &rest);
        if (c->fd >= 0) enforce_limits(c, &rest);
    }
    return rest;
}

/* Send replies for one second at most; refuse waiting steps. 1 if all were sent. */
static i32 drain_all(void) {
    moment until = after(now(), GRACE), t;
    i32 all_sent = 1, size;
    for (i32 k = 0; k < places; k++) {
        connection *c = &connections[k];
        if (c->fd >= 0 && c->waits && read_request(c, &size) == WHOLE) {
            c->closing = 1;
            reject_http(c, 503, 0);
        }
        while (c->fd >= 0 && has_output(c) && before(t = now(), until)) {
            poll_item one = {c->fd, WRITABLE, 0};
            moment rest = between(t, until);
            system_call(SYS_PPOLL, (word)&one, 1, (word)&rest, 0, 0);
            write_out(c);
        }
        all_sent &= c->fd < 0 || !has_output(c);
    }
    return all_sent;
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
    print_address(listener);
    for (moment rest = FOREVER; !stopping; rest = serve_all()) {
        wait_for_events(listener, rest);
        for (i32 k = poll_items[0].revents ? CONNECTIONS : 0; k > 0 && accept_one(listener);) k--;
    }
    i32 all_sent = drain_all();
    if (!all_sent) warn("the last answers are not all sent: a client did not read for a second", "", "");
    if (here.family == FAMILY_UNIX) system_call(SYS_UNLINKAT, AT_CWD, (word)here.local.path, 0, 0, 0);
    return !all_sent;
}
