/* Parser of the head of one HTTP/1.1 request, strict and bounded by HEAD (RFC 9110, RFC 9112). */
enum { HEAD = 4096, RESERVE = 256, SPARE = 16 };
enum { INCOMPLETE = 0, WHOLE = 1 }; /* otherwise the status of a refusal */

static struct {
    i32 method, method_size, target, target_size, head; /* positions in the bytes; size of the head */
    i32 size;                                           /* of the body */
    u8 has_size, has_host, close, keep, expects, old, chunked, coded;
} asked_for;

static u8 small(u8 c) { return c >= 'A' && c <= 'Z' ? c | 32 : c; }

static i32 is_one_of(u8 c, const char *these) {
    while (*these && c != (u8)*these) these++;
    return *these != 0;
}

static i32 is_plain(u8 c) { return (small(c) >= 'a' && small(c) <= 'z') || (c >= '0' && c <= '9'); }

static i32 is_token(u8 c) { return is_plain(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); }

static i32 same_text(const u8 *bytes, i32 n, const char *wanted, i32 any_case) {
    if (length(wanted) != n) return 0;
    for (i32 i = 0; i < n; i++)
        if ((any_case ? small(bytes[i]) : bytes[i]) != (u8)wanted[i]) return 0;
    return 1;
}

static i32 begins_with(const u8 *bytes, i32 n, const char *wanted) {
    i32 size = (i32)length(wanted);
    return n >= size && same_text(bytes, size, wanted, 1);
}

/* Next element of a comma-separated list without surrounding blanks; empty ones are skipped. 0 at
   the end. */
static i32 next_element(const u8 *value, i32 n, i32 *at_, i32 *first, i32 *size) {
    while (*at_ < n && is_one_of(value[*at_], ", \t")) ++*at_;
    for (*first = *at_; *at_ < n && value[*at_] != ',';) ++*at_;
    for (*size = *at_ - *first; *size > 0 && is_one_of(value[*first + *size - 1], " \t");) --*size;
    return *size > 0;
}

/* Sizes beyond TOO_LARGE are equivalent: all exceed BODY. */
static i32 read_size(const u8 *value, i32 n) {
    enum { TOO_LARGE = 100000000 };
    i32 size = 0;
    if (asked_for.has_size || n < 1) return 400;
    for (i32 i = 0; i < n; i++) {
        if (value[i] < '0' || value[i] > '9') return 400;
        size = size < TOO_LARGE ? size * 10 + (value[i] - '0') : 2 * TOO_LARGE;
    }
    asked_for.has_size = 1, asked_for.size = size;
    return WHOLE;
}

/* "chunked" is the only supported coding; it must be the last one and occur once. */
static i32 read_codings(const u8 *value, i32 n) {
    i32 at_ = 0, first, size;
    if (asked_for.old || asked_for.chunked) return 400;
    while (next_element(value, n, &at_, &first, &size)) {
        if (asked_for.chunked) return 400;
        if (!same_text(value + first, size, "chunked", 1)) return 501;
        asked_for.chunked = 1;
    }
    return asked_for.chunked ? WHOLE : 400;
}

static void read_connection(const u8 *value, i32 n) {
    for (i32 at_ = 0, first, size; next_element(value, n, &at_, &first, &size);) {
        if (same_text(value + first, size, "close", 1)) asked_for.close = 1;
        if (same_text(value + first, size, "keep-alive", 1)) asked_for.keep = 1;
    }
}

static i32 read_expectations(const u8 *value, i32 n) {
    for (i32 at_ = 0, first, size; !asked_for.old && next_element(value, n, &at_, &first, &size);) {
        if (!same_text(value + first, size, "100-continue", 1)) return 417;
        asked_for.expects = 1;
    }
    return WHOLE;
}

/* A name or an address, and a port, which may be empty. */
static i32 read_host(const u8 *value, i32 n) {
    if (asked_for.has_host++) return 400;
    for (i32 i = 0; i < n; i++)
        if (!is_plain(value[i]) && !is_one_of(value[i], "-._~%!$&'()*+,;=:[]")) return 400;
    return WHOLE;
}

static i32 read_header(const u8 *name, i32 name_size, const u8 *value, i32 n) {
    if (same_text(name, name_size, "content-length", 1)) return read_size(value, n);
    if (same_text(name, name_size, "transfer-encoding", 1)) return read_codings(value, n);
    if (same_text(name, name_size, "host", 1)) return read_host(value, n);
    if (same_text(name, name_size, "expect", 1)) return read_expectations(value, n);
    if (same_text(name, name_size, "connection", 1)) read_connection(value, n);
    if (same_text(name, name_size, "content-encoding", 1)) asked_for.coded |= n && !same_text(value, n, "identity", 1);
    return WHOLE;
}

/* Origin form, absolute form with any authority, or `*`; stores the path without its query. */
static i32 read_target(const u8 *in_, i32 first, i32 end_) {
    i32 scheme = begins_with(in_ + first, end_ - first, "http://") ? 7 : begins_with(in_ + first, end_ - first, "https://") ? 8 : 0;
    i32 from = first + scheme;
    if (scheme) {
        while (from < end_ && in_[from] != '/' && in_[from] != '?') from++;
        if (from == first + scheme) return 400;
    } else if (in_[first] != '/' && !(end_ - first == 1 && in_[first] == '*'))
        return 400;
    for (asked_for.target = from; from < end_ && in_[from] != '?';) from++;
    asked_for.target_size = from - asked_for.target;
    return WHOLE;
}

/* "HTTP/1.0", or 1 with a higher number, which gets a 1.1 reply. */
static i32 read_version(const u8 *at_, i32 n) {
    if (n != 8 || !begins_with(at_, n, "http/") || at_[0] != 'H' || at_[1] != 'T' || at_[2] != 'T' || at_[3] != 'P') return 400;
    if (at_[5] < '0' || at_[5] > '9' || at_[6] != '.' || at_[7] < '0' || at_[7] > '9') return 400;
    asked_for.old = at_[7] == '0';
    return at_[5] == '1' ? WHOLE : 505;
}

/* "POST /step HTTP/1.1" with single blanks; returns its end. */
static i32 read_first_line(const u8 *in_, i32 end_) {
    i32 i = 0, first;
    while (i < end_ && is_token(in_[i])) i++;
    asked_for.method = 0, asked_for.method_size = i;
    if (!i || i >= end_ || in_[i] != ' ') return 400;
    for (first = ++i; i < end_ && in_[i] > ' ' && in_[i] < 127;) i++;
    if (i == first || i >= end_ || in_[i] != ' ') return 400;
    i32 found = read_version(in_ + i + 1, end_ - i - 1);
    return found == WHOLE ? read_target(in_, first, i) : found;
}

/* "Name: value" without its line end: a name without blanks, a value without control characters. */
static i32 read_line_of_head(const u8 *at_, i32 n) {
    i32 colon = 0, first, last = n;
    while (colon < n && is_token(at_[colon])) colon++;
    if (!colon || colon >= n || at_[colon] != ':') return 400;
    for (i32 i = colon + 1; i < n; i++)
        if ((at_[i] < ' ' && at_[i] != '\t') || at_[i] == 127) return 400;
    for (first = colon + 1; first < n && is_one_of(at_[first], " \t");) first++;
    while (last > first && is_one_of(at_[last - 1], " \t")) last--;
    return read_header(at_, colon, at_ + first, last - first);
}

static i32 is_method(const u8 *in_, const char *wanted) {
    return same_text(in_ + asked_for.method, asked_for.method_size, wanted, 0);
}

/* Compare a path; letters may be written as %XX. */
static i32 is_target(const u8 *in_, const char *wanted) {
    const u8 *path = in_ + asked_for.target;
    i32 n = asked_for.target_size, i = 0;
    for (; i < n && *wanted; wanted++) {
        u8 c = path[i++];
        if (c == '%' && i + 2 <= n) {
            for (c = 0; c < 16 && "0123456789abcdef"[c] != (char)small(path[i]);) c++;
            u8 low = 0;
            while (low < 16 && "0123456789abcdef"[low] != (char)small(path[i + 1])) low++;
            if (c > 15 || low > 15) return 0;
            c = (u8)(c << 4 | low), i += 2;
        }
        if (c != (u8)*wanted) return 0;
    }
    return i == n && !*wanted;
}

/* Check the whole head. A body must have one length, or it could be read as two requests. */
static i32 check_head(const u8 *in_) {
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    i32 is_known = 0;
    if (!asked_for.has_host && !asked_for.old) return 400;
    if (asked_for.chunked && asked_for.has_size) return 400;
    for (i32 k = 0; k < (i32)(sizeof known / sizeof known[0]); k++) is_known |= is_method(in_, known[k]);
    if (!is_known) return 501;
    if (is_target(in_, "*") && !is_method(in_, "OPTIONS")) return 400;
    asked_for.keep &= asked_for.old && !asked_for.close;
    asked_for.close |= asked_for.old && !asked_for.keep;
    return asked_for.size > BODY ? 413 : WHOLE;
}

/* INCOMPLETE, WHOLE, or the status of an error, as soon as a line shows it. */
static i32 read_head(const u8 *in_, i32 n) {
    memset(&asked_for, 0, sizeof asked_for);
    for (i32 at_ = 0, end_;; at_ = end_ + 2) {
        for (end_ = at_; end_ < n && end_ < HEAD && in_[end_] != '\n';) end_++;
        if (end_ >= HEAD) return at_ ? 431 : 414;
        if (end_ >= n) return INCOMPLETE;
        if (end_ == at_ || in_[--end_] != '\r') return 400;
        if (end_ == at_ && at_) {
            asked_for.head = end_ + 2;
            return check_head(in_);
        }
        i32 found = at_ ? read_line_of_head(in_ + at_, end_ - at_) : read_first_line(in_, end_);
        if (found != WHOLE) return found;
    }
}
