/* One HTTP/1.1 request out of the bytes of a connection: strict, and bounded by HEAD and BODY (RFC 9112). */
enum { HEAD = 4096, RESERVE = 256 };
enum { INCOMPLETE = 0, WHOLE = 1 }; /* else the status of a refusal */

typedef struct {
    i32 fd, got;          /* bytes that wait in `in` */
    i32 out_at, out_end;  /* what of `out` is still to be written */
    u32 used;             /* when it last received something, for who goes first when all places are taken */
    u8 closing, ended, continued, draining;
    moment asked;         /* when its request was whole */
    u8 is_asked;
    u8 in[HEAD + BODY], out[RESERVE + ANSWER];
} connection;

static struct {
    i32 method, method_size, target, target_size, head; /* places in the bytes; size of the head */
    i32 size;                                           /* of the body */
    u8 has_size, has_host, close, keep, expects, old;
} asked_for;

static i32 is_token(u8 c) {
    if ((c | 32) >= 'a' && (c | 32) <= 'z') return 1;
    if (c >= '0' && c <= '9') return 1;
    for (const char *s = "!#$%&'*+-.^_`|~"; *s; s++)
        if (c == (u8)*s) return 1;
    return 0;
}

static i32 same_text(const u8 *bytes, i32 n, const char *wanted, i32 any_case) {
    if (length(wanted) != n) return 0;
    for (i32 i = 0; i < n; i++) {
        u8 c = bytes[i];
        if (any_case && c >= 'A' && c <= 'Z') c |= 32;
        if (c != (u8)wanted[i]) return 0;
    }
    return 1;
}

/* Size of the head with its empty line, 0 while that is missing. */
static i32 head_size(const u8 *in_, i32 n) {
    for (i32 i = 3; i < n && i < HEAD; i++)
        if (in_[i] == '\n' && in_[i - 1] == '\r' && in_[i - 2] == '\n' && in_[i - 3] == '\r') return i + 1;
    return 0;
}

static i32 read_size(const u8 *value, i32 n) {
    i32 size = 0;
    if (asked_for.has_size || n < 1 || n > 9) return 400;
    for (i32 i = 0; i < n; i++) {
        if (value[i] < '0' || value[i] > '9') return 400;
        size = size * 10 + (value[i] - '0');
    }
    asked_for.has_size = 1, asked_for.size = size;
    return WHOLE;
}

static i32 read_header(const u8 *name, i32 name_size, const u8 *value, i32 n) {
    if (same_text(name, name_size, "content-length", 1)) return read_size(value, n);
    if (same_text(name, name_size, "transfer-encoding", 1)) return 501;
    if (same_text(name, name_size, "host", 1)) {
        if (asked_for.has_host++) return 400;
    } else if (same_text(name, name_size, "connection", 1)) {
        if (same_text(value, n, "close", 1)) asked_for.close = 1;
        else if (same_text(value, n, "keep-alive", 1)) asked_for.keep = 1;
    } else if (same_text(name, name_size, "expect", 1)) {
        if (!same_text(value, n, "100-continue", 1)) return 417;
        asked_for.expects = 1;
    }
    return WHOLE;
}

/* "POST /step HTTP/1.1", one blank between the words; gives its end. */
static i32 read_first_line(const u8 *in_, i32 end_) {
    i32 i = 0;
    while (i < end_ && is_token(in_[i])) i++;
    asked_for.method = 0, asked_for.method_size = i;
    if (!i || i >= end_ || in_[i] != ' ') return 400;
    asked_for.target = ++i;
    while (i < end_ && in_[i] > ' ' && in_[i] < 127) i++;
    asked_for.target_size = i - asked_for.target;
    if (!asked_for.target_size || i >= end_ || in_[i] != ' ') return 400;
    i++;
    if (same_text(in_ + i, end_ - i, "HTTP/1.0", 0)) asked_for.old = 1;
    else if (!same_text(in_ + i, end_ - i, "HTTP/1.1", 0)) return end_ - i == 8 && in_[i] == 'H' ? 505 : 400;
    return WHOLE;
}

/* "Name: value" without its line's end: a name without blanks, a value of printable ASCII. */
static i32 read_line_of_head(const u8 *at_, i32 n) {
    i32 colon = 0, first, last = n;
    while (colon < n && is_token(at_[colon])) colon++;
    if (!colon || colon >= n || at_[colon] != ':') return 400;
    for (i32 i = colon + 1; i < n; i++)
        if ((at_[i] < ' ' && at_[i] != '\t') || at_[i] > 126) return 400;
    for (first = colon + 1; first < n && (at_[first] == ' ' || at_[first] == '\t');) first++;
    while (last > first && (at_[last - 1] == ' ' || at_[last - 1] == '\t')) last--;
    return read_header(at_, colon, at_ + first, last - first);
}

/* INCOMPLETE, WHOLE, or the status of what is wrong with the head. */
static i32 read_head(const u8 *in_, i32 n) {
    memset(&asked_for, 0, sizeof asked_for);
    asked_for.head = head_size(in_, n);
    if (!asked_for.head) return n >= HEAD ? 431 : INCOMPLETE;
    for (i32 at_ = 0, end_; at_ < asked_for.head - 2; at_ = end_ + 2) {
        for (end_ = at_; in_[end_] != '\r' && in_[end_] != '\n';) end_++;
        if (in_[end_] != '\r' || in_[end_ + 1] != '\n') return 400;
        i32 found = at_ ? read_line_of_head(in_ + at_, end_ - at_) : read_first_line(in_, end_);
        if (found != WHOLE) return found;
    }
    asked_for.close |= asked_for.old && !asked_for.keep;
    if (!asked_for.has_host && !asked_for.old) return 400;
    return asked_for.size > BODY ? 413 : WHOLE;
}

static i32 is_method(const u8 *in_, const char *wanted) {
    return same_text(in_ + asked_for.method, asked_for.method_size, wanted, 0);
}

static i32 is_target(const u8 *in_, const char *wanted) {
    return same_text(in_ + asked_for.target, asked_for.target_size, wanted, 0);
}

static const char *status_text(i32 status) {
    switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Bad Request";
    }
}

static void gather(u8 *to, word size) {
    out.to = to, out.used = 0, out.size = size, out.kept = 1, out.lost = 0;
}

/* Begin an answer's body; it stands behind room for the head. */
static void begin(connection *c) { gather(c->out + RESERVE, ANSWER); }

/* The head, written before the body that was put since `begin`. */
static void finish(connection *c, i32 status, const char *kind, i32 bodiless) {
    static u8 head[RESERVE];
    word size = out.used;
    if (out.lost) status = 500, size = 0;
    gather(head, sizeof head);
    put("HTTP/1.1 "), put_int(status), put(" "), put(status_text(status)), put("\r\nContent-Type: "), put(kind);
    put("\r\nContent-Length: "), put_int((i32)size), put("\r\n");
    if (status == 405) put("Allow: "), put(is_target(c->in, "/step") ? "POST\r\n" : "GET, HEAD\r\n");
    if (c->closing) put("Connection: close\r\n");
    put("\r\n");
    c->out_at = RESERVE - (i32)out.used, c->out_end = RESERVE + (bodiless ? 0 : (i32)size);
    memcpy(c->out + c->out_at, head, (__SIZE_TYPE__)out.used);
}
