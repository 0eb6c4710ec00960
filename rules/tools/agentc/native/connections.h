/* The server: many connections, one request at a time, nothing allocated. A connection has a buffer from the first byte of
   a request to the last byte of its answer; one that finds no buffer waits. None is closed between these two, unless its
   time is up. */
enum { CONNECTIONS = 128, BUFFERS = 16, STEPS_WAITING = BUFFERS - 4 };
static connection connections[CONNECTIONS];
static buffer buffers[BUFFERS];
static watch watched[1 + CONNECTIONS];
static i32 places;       /* connections beyond these were never used */
static i32 crowded;      /* somebody waits to be accepted and there is no place */
static i32 steps_waiting;

static i32 owes(const connection *c) { return c->has && c->has->out_at < c->has->out_end; }

static i32 take_buffer(connection *c) {
    for (i32 k = 0; k < BUFFERS && !c->has; k++)
        if (!buffers[k].taken) {
            c->has = &buffers[k];
            c->has->taken = 1, c->has->got = c->has->out_at = c->has->out_end = 0;
            memset(&c->has->body, 0, sizeof c->has->body);
        }
    return c->has != 0;
}

static void give_buffer_back(connection *c) {
    if (c->has) c->has->taken = 0;
    c->has = 0;
}

static void drop(connection *c) {
    count.lost += (u64)owes(c);
    steps_waiting -= c->is_asked;
    give_buffer_back(c);
    system_call(SYS_CLOSE, c->fd, 0, 0, 0, 0);
    c->fd = -1, c->is_asked = 0;
}

/* A step waits for its tick; everything else is answered at once. */
static i32 must_wait(connection *c, moment *rest) {
    if (!PACED || !is_target(c->has->in, "/step") || !is_method(c->has->in, "POST")) return 0;
    moment mine;
    if (is_time(&mine)) return 0;
    if (before(mine, *rest)) *rest = mine;
    return 1;
}

static void ask_to_go_on(connection *c) {
    static const char GO_ON[] = "HTTP/1.1 100 Continue\r\n\r\n";
    c->continued = 1;
    memcpy(c->has->out, GO_ON, sizeof GO_ON - 1);
    c->has->out_at = 0, c->has->out_end = sizeof GO_ON - 1;
}

/* One empty line before a request is nothing: some clients send it behind a body. */
static void skip_empty_line(connection *c) {
    buffer *b = c->has;
    if (c->skipped || b->got < 2 || b->in[0] != '\r' || b->in[1] != '\n') return;
    c->skipped = 1, b->got -= 2;
    memmove(b->in, b->in + 2, (__SIZE_TYPE__)b->got);
}

/* INCOMPLETE, WHOLE, or the status of a refusal; `size` becomes that of the body. */
static i32 read_request(connection *c, i32 *size) {
    buffer *b = c->has;
    skip_empty_line(c);
    i32 found = read_head(b->in, b->got);
    if (found != WHOLE) return found;
    if (asked_for.chunked) {
        found = take_chunks(&b->body, b->in, asked_for.head, &b->got);
        *size = b->body.size;
    } else {
        *size = asked_for.size;
        if (b->got < asked_for.head + *size) found = INCOMPLETE;
    }
    if (found == INCOMPLETE && asked_for.expects && !c->continued) ask_to_go_on(c);
    return found;
}

/* The request is done with; behind it the next one may stand. */
static void forget(connection *c, i32 all) {
    buffer *b = c->has;
    b->got -= all;
    memmove(b->in, b->in + all, (__SIZE_TYPE__)b->got);
    memset(&b->body, 0, sizeof b->body);
    steps_waiting -= c->is_asked;
    c->is_asked = c->continued = c->skipped = 0, c->does = IDLE;
}

/* Where somebody waits to be accepted, a connection that has sent no further request is closed after its answer, which
   says so. */
static i32 may_be_last(const connection *c, i32 all) {
    if (!crowded || c->has->got > all) return 0;
    crowded = 0;
    return 1;
}

/* Answer the first request that waits, if it is whole; 1 when another may follow. */
static i32 answer_one(connection *c, moment *rest) {
    i32 size = 0, found = read_request(c, &size);
    if (found == INCOMPLETE) return 0;
    if (found != WHOLE) {
        c->closing = 1;
        refuse_http(c, found, 0);
        return 0;
    }
    if (!c->is_asked) c->asked = clock_now;
    if (must_wait(c, rest)) {
        if (c->is_asked) return 0;
        if (steps_waiting < STEPS_WAITING) {
            steps_waiting++, c->is_asked = 1;
            return 0;
        }
        c->closing |= asked_for.close;
        refuse_http(c, 503, 0);
    } else {
        c->closing |= asked_for.close | may_be_last(c, asked_for.head + size);
        answer_whole(c, size);
    }
    forget(c, asked_for.head + size);
    return !c->closing;
}

/* Writes what it can. After the last answer the peer may still be sending: it is read to its end, or its answer is lost. */
static void write_out(connection *c) {
    enum { BOTH_NOT_READING = 1 };
    while (owes(c)) {
        buffer *b = c->has;
        word done = system_call(SYS_WRITE, c->fd, (word)(b->out + b->out_at), b->out_end - b->out_at, 0, 0);
        if (done == ERR_INTERRUPTED) continue;
        if (done == ERR_AGAIN) return;
        if (done <= 0) {
            drop(c);
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
        to = c->has->in + c->has->got, wanted = (word)sizeof c->has->in - c->has->got;
    }
    word got = wanted ? system_call(SYS_READ, c->fd, (word)to, wanted, 0, 0) : ERR_AGAIN;
    if (got == ERR_AGAIN || got == ERR_INTERRUPTED) return;
    if (got <= 0) c->ended = 1;
    else if (!c->draining) c->has->got += (i32)got;
    if (c->draining && c->ended) drop(c);
}

/* What it does now, and since when. */
static void note(connection *c) {
    i32 does = c->draining ? DRAINING : owes(c) ? SENDING : c->is_asked ? WAITING : c->has && c->has->got ? RECEIVING : IDLE;
    if (does == IDLE || does == DRAINING) give_buffer_back(c);
    if (does != c->does) c->does = (u8)does, c->since = clock_now;
}

/* Answers all that can be answered now; `rest` becomes how long a step has to wait, if that is less. */
static void attend(connection *c, moment *rest) {
    while (c->fd >= 0 && c->has && c->has->got && !c->draining && !owes(c)) {
        i32 more = answer_one(c, rest);
        write_out(c);
        if (!more) break;
    }
    if (c->fd >= 0 && c->ended && !owes(c) && !c->is_asked) drop(c);
    if (c->fd >= 0) note(c);
}

/* The time is up of who does not send its request, does not read its answer, or does not close. */
static void hurry(connection *c, moment *rest) {
    static const moment limits[] = {{0, 0}, {RECEIVE_SECONDS, 0}, {0, 0}, {SEND_SECONDS, 0}, {DRAIN_SECONDS, 0}};
    if (!limits[c->does].seconds) return;
    moment until = after(c->since, limits[c->does]);
    if (before(clock_now, until)) {
        moment mine = between(clock_now, until);
        if (before(mine, *rest)) *rest = mine;
    } else if (c->does == RECEIVING) {
        memset(&asked_for, 0, sizeof asked_for);
        c->closing = 1;
        refuse_http(c, 408, 0);
        write_out(c);
        if (c->fd >= 0) note(c);
    } else
        drop(c);
}

/* A free place, or that of the connection that has been idle, or not closed by its peer, for longest, a second at least;
   else 0. */
static connection *place(void) {
    connection *oldest = 0;
    for (i32 k = 0; k < CONNECTIONS; k++) {
        connection *c = &connections[k];
        if (c->fd < 0) {
            if (k >= places) places = k + 1;
            return c;
        }
        if ((c->does == IDLE || c->does == DRAINING) && (!oldest || before(c->since, oldest->since))) oldest = c;
    }
    if (!oldest || before(clock_now, after(oldest->since, GRACE))) return 0;
    watch one = {oldest->fd, READABLE, 0};
    moment limit = AT_ONCE;
    if (system_call(SYS_PPOLL, (word)&one, 1, (word)&limit, 0, 0)) return 0; /* its request is here: it is not idle */
    drop(oldest);
    return oldest;
}

/* Takes in who waits, if there is a place: 1 when somebody else may wait. */
static i32 welcome(word listener) {
    enum { WENT_AWAY = -103 };
    connection *c = place();
    word fd = c ? system_call(SYS_ACCEPT4, listener, 0, 0, NONBLOCK | CLOSE_ON_EXEC, 0) : ERR_AGAIN;
    crowded = !c || (fd < 0 && fd != ERR_AGAIN && fd != ERR_INTERRUPTED && fd != WENT_AWAY); /* too many files, too */
    if (!c || fd < 0) return 0;
    memset(c, 0, sizeof *c);
    c->fd = (i32)fd, c->since = clock_now;
    watched[1 + (c - connections)].revents = READABLE;
    return 1;
}

static short wanted_of(const connection *c, i32 has_room) {
    if (owes(c)) return WRITABLE;
    if (c->draining) return READABLE;
    return c->ended || c->is_asked || (!c->has && !has_room) ? 0 : READABLE;
}

/* Waits for something to happen. While it is crowded, every second time only for the connections, and not for long. */
static void look(word listener, moment rest) {
    static const moment A_WHILE = {0, 100000000};
    static i32 paused;
    i32 has_room = 0;
    for (i32 k = 0; k < BUFFERS; k++) has_room |= !buffers[k].taken;
    paused = crowded && !paused;
    if (paused && before(A_WHILE, rest)) rest = A_WHILE;
    watched[0].fd = paused ? -1 : (i32)listener, watched[0].events = READABLE, watched[0].revents = 0;
    for (i32 k = 0; k < places; k++) {
        const connection *c = &connections[k];
        watched[1 + k].fd = c->fd, watched[1 + k].revents = 0, watched[1 + k].events = c->fd < 0 ? 0 : wanted_of(c, has_room);
    }
    if (await(watched, 1 + places, rest) < 0)
        for (i32 k = 0; k <= places; k++) watched[k].revents = 0;
    if (!paused && !watched[0].revents) crowded = 0;
    clock_now = now();
}

/* Every connection that has something; the one looked at first changes, so that none is always last. */
static moment attend_all(void) {
    enum { FAILED = 8, HUNG_UP = 16 };
    static i32 first;
    moment rest = FOREVER;
    first = first + 1 < places ? first + 1 : 0;
    for (i32 k = 0; k < places; k++) {
        i32 which = first + k < places ? first + k : first + k - places;
        connection *c = &connections[which];
        short ready = watched[1 + which].revents;
        if (c->fd < 0) continue;
        if (ready && owes(c)) write_out(c);
        else if (ready && c->is_asked) drop(c); /* it left while its step waited */
        else if (ready && (c->draining || take_buffer(c))) read_in(c);
        else if (ready & (FAILED | HUNG_UP)) drop(c);
        if (c->fd >= 0 && (ready || c->is_asked)) attend(c, &rest);
        if (c->fd >= 0) hurry(c, &rest);
    }
    return rest;
}

/* What was answered is sent, for a second at most; steps that wait are refused. 1 when all was sent. */
static i32 say_goodbye(void) {
    moment until = after(now(), GRACE), t;
    i32 all_sent = 1, size;
    for (i32 k = 0; k < places; k++) {
        connection *c = &connections[k];
        if (c->fd >= 0 && c->is_asked && read_request(c, &size) == WHOLE) {
            c->closing = 1;
            refuse_http(c, 503, 0);
        }
        while (c->fd >= 0 && owes(c) && before(t = now(), until)) {
            watch one = {c->fd, WRITABLE, 0};
            moment rest = between(t, until);
            system_call(SYS_PPOLL, (word)&one, 1, (word)&rest, 0, 0);
            write_out(c);
        }
        all_sent &= c->fd < 0 || !owes(c);
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
    tell_address(listener);
    for (moment rest = FOREVER; !stopping; rest = attend_all()) {
        look(listener, rest);
        for (i32 k = watched[0].revents ? CONNECTIONS : 0; k > 0 && welcome(listener);) k--;
    }
    i32 all_sent = say_goodbye();
    if (!all_sent) warn("the last answers are not all sent: a client did not read for a second", "", "");
    if (here.family == FAMILY_UNIX) system_call(SYS_UNLINKAT, AT_CWD, (word)here.local.path, 0, 0, 0);
    return !all_sent;
}
