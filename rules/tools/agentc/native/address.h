/* Listen address: `unix:PATH`, `IPV4:PORT` or `:PORT` (every address of this machine). */
enum { FAMILY_UNIX = 1, FAMILY_INET = 2, STREAM = 1, NONBLOCK = 04000, UNIX_PATH = 108 };

typedef union {
    unsigned short family;
    struct { unsigned short family; u8 port[2], address[4], zero[8]; } inet;
    struct { unsigned short family; char path[UNIX_PATH]; } local;
} address;

static address here;
static word here_size;

/* Parse decimal digits up to `limit`; returns the rest of the text, or 0. */
static const char *read_number(const char *s, i32 limit, i32 *value) {
    const char *first = s;
    for (*value = 0; *s >= '0' && *s <= '9' && s - first < 5; s++) *value = *value * 10 + (*s - '0');
    return s == first || *value > limit ? 0 : s;
}

static i32 read_inet(const char *s) {
    i32 value = 0;
    for (i32 k = 0; *s != ':' && k < 4; k++) {
        if (k && *s++ != '.') return 0;
        if (!(s = read_number(s, 255, &value))) return 0;
        here.inet.address[k] = (u8)value;
        if (k < 3 && *s == ':') return 0;
    }
    if (*s++ != ':' || !(s = read_number(s, 65535, &value)) || *s) return 0;
    here.inet.family = FAMILY_INET;
    here.inet.port[0] = (u8)(value >> 8), here.inet.port[1] = (u8)value;
    here_size = sizeof here.inet;
    return 1;
}

static i32 starts_with(const char *s, const char *start) {
    while (*start)
        if (*s++ != *start++) return 0;
    return 1;
}

static i32 read_address(const char *s) {
    if (!starts_with(s, "unix:")) return read_inet(s);
    word n = length(s + 5);
    if (n < 1 || n >= UNIX_PATH) return 0;
    here.local.family = FAMILY_UNIX;
    memcpy(here.local.path, s + 5, (__SIZE_TYPE__)n + 1);
    here_size = 2 + n + 1;
    return 1;
}

/* Remove the socket file of a killed program, on which no process accepts connections. */
static void remove_stale(void) {
    word fd = system_call(SYS_SOCKET, FAMILY_UNIX, STREAM | CLOSE_ON_EXEC, 0, 0, 0);
    if (fd < 0) return;
    enum { REFUSED = -111 };
    if (system_call(SYS_CONNECT, fd, (word)&here, here_size, 0, 0) == REFUSED)
        system_call(SYS_UNLINKAT, AT_CWD, (word)here.local.path, 0, 0, 0);
    system_call(SYS_CLOSE, fd, 0, 0, 0, 0);
}

/* Returns the socket or an error. */
static word open_address(void) {
    enum { SOCKET_LEVEL = 1, REUSE = 2, BACKLOG = 1024, IN_USE = -98 };
    i32 yes = 1;
    word fd = system_call(SYS_SOCKET, here.family, STREAM | NONBLOCK | CLOSE_ON_EXEC, 0, 0, 0);
    if (fd < 0) return fd;
    if (here.family == FAMILY_INET) system_call(SYS_SETSOCKOPT, fd, SOCKET_LEVEL, REUSE, (word)&yes, sizeof yes);
    word error = system_call(SYS_BIND, fd, (word)&here, here_size, 0, 0);
    if (error == IN_USE && here.family == FAMILY_UNIX) {
        remove_stale();
        error = system_call(SYS_BIND, fd, (word)&here, here_size, 0, 0);
    }
    if (!error) error = system_call(SYS_LISTEN, fd, BACKLOG, 0, 0, 0);
    return error ? error : fd;
}

static char *write_number(char *to, i32 value) {
    if (value > 9) to = write_number(to, value / 10);
    *to = (char)('0' + value % 10);
    return to + 1;
}

/* Print the address; the kernel chooses the port if 0 was requested. */
static void print_address(word fd) {
    char shown[32], *end_ = shown;
    u32 size = sizeof here;
    if (here.family == FAMILY_UNIX) {
        warn("listening on unix:", here.local.path, "");
        return;
    }
    system_call(SYS_GETSOCKNAME, fd, (word)&here, (word)&size, 0, 0);
    for (i32 k = 0; k < 4; k++) end_ = write_number(end_, here.inet.address[k]), *end_++ = k < 3 ? '.' : ':';
    *write_number(end_, here.inet.port[0] << 8 | here.inet.port[1]) = 0;
    warn("listening on ", shown, "");
}
