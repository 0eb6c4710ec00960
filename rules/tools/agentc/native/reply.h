/* Connections, their shared buffers, and the head of a reply. */
typedef struct {
    i32 got;              /* bytes in `in` */
    i32 out_at, out_end;  /* unwritten part of `out` */
    chunks body;
    u8 taken;
    u8 in[HEAD + BODY + SPARE], out[RESERVE + ANSWER];
} buffer;

/* Phase of a connection. IDLE ones may be closed for new clients; the others have a time limit,
   except WAITING for a tick. */
enum { IDLE, RECEIVING, WAITING, SENDING, DRAINING };

typedef struct {
    i32 fd;
    u8 closing, ended, continued, draining, skipped, waits, phase;
    moment since; /* start of the phase, or of the last write */
    moment received; /* arrival of the complete request */
    buffer *buf;  /* 0 without a request in progress */
} connection;

#define RECEIVE_SECONDS 10 /* limit for a complete request, from its first byte */
#define SEND_SECONDS 10    /* limit for a client to read part of its reply */
#define DRAIN_SECONDS 10   /* limit for a client to close after its last reply */

static const char *status_text(i32 status) {
    switch (status) {
    case 200: return "OK";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Bad Request";
    }
}

static void put_two(u32 value) {
    const char digits[2] = {(char)('0' + value / 10), (char)('0' + value % 10)};
    put_bytes(digits, 2);
}

static moment clock_now; /* start of this round of the server */

/* "Date: Sun, 29 Nov 2026 07:45:11 GMT"; omitted if the clock is not set (RFC 9110, 6.6.1). */
static void write_date(void) {
    enum { CLOCK_REALTIME = 0, SET_AFTER = 1577836800, DAY = 86400, ERA = 146097 };
    moment t = {0, 0};
    system_call(SYS_CLOCK, CLOCK_REALTIME, (word)&t, 0, 0, 0);
    u32 seconds = (u32)t.seconds, days = seconds / DAY, rest = seconds % DAY;
    if (seconds < SET_AFTER) return;
    u32 shifted = days + 719468, of_era = shifted % ERA; /* years begin in March, eras have 400 years */
    u32 years = (of_era - of_era / 1460 + of_era / 36524 - of_era / (ERA - 1)) / 365;
    u32 of_year = of_era - (365 * years + years / 4 - years / 100), month = (5 * of_year + 2) / 153;
    put("Date: "), put_bytes("ThuFriSatSunMonTueWed" + days % 7 * 3, 3), put(", ");
    put_two(of_year - (153 * month + 2) / 5 + 1), put(" "), put_bytes("MarAprMayJunJulAugSepOctNovDecJanFeb" + month * 3, 3);
    put(" "), put_int((i32)(years + shifted / ERA * 400 + (month > 9))), put(" ");
    put_two(rest / 3600), put(":"), put_two(rest / 60 % 60), put(":"), put_two(rest % 60), put(" GMT\r\n");
}

/* Format the date once a second. */
static void put_date(void) {
    static u8 date[40];
    static word size, second = -1;
    if (clock_now.seconds != second) {
        u8 *to = out.to;
        word room_ = out.size, used = out.used;
        redirect_output(date, sizeof date), write_date();
        size = out.used, second = clock_now.seconds;
        redirect_output(to, room_), out.used = used;
    }
    put_bytes(date, size);
}

/* Begin a reply's body after the space for its head. */
static void begin(connection *c) { redirect_output(c->buf->out + RESERVE, ANSWER); }

/* Write the head before the body that was put since `begin`. */
static void finish(connection *c, i32 status, const char *kind, const char *allowed) {
    static u8 head[RESERVE];
    buffer *b = c->buf;
    word size = out.used;
    if (out.lost) status = 500, size = 0;
    redirect_output(head, sizeof head);
    put("HTTP/1.1 "), put_int(status), put(" "), put(status_text(status)), put("\r\n"), put_date();
    if (size) put("Content-Type: "), put(kind), put("\r\n");
    put("Content-Length: "), put_int((i32)size), put("\r\n");
    if (allowed) put("Allow: "), put(allowed), put("\r\n");
    if (status == 503) put("Retry-After: 1\r\n");
    if (c->closing) put("Connection: close\r\n");
    else if (asked_for.keep) put("Connection: keep-alive\r\n");
    put("\r\n");
    b->out_at = RESERVE - (i32)out.used, b->out_end = RESERVE + (is_method(b->in, "HEAD") ? 0 : (i32)size);
    memcpy(b->out + b->out_at, head, (__SIZE_TYPE__)out.used);
}
