/* A client of HTTP/1.1 on the loopback interface, for health checks and for the step device. */
static u8 http_answer[1 << 16];

/* Bring up the loopback interface. */
static void raise_loopback(void) {
    enum { INTERNET = 2, DATAGRAM = 2, SET_FLAGS = 0x8914, UP = 1 };
    struct { char name[16]; short flags; u8 rest[22]; } request = {"lo", UP, {0}};
    word fd = system_call(SYS_SOCKET, INTERNET, DATAGRAM, 0, 0, 0);
    if (fd < 0) return;
    system_call(SYS_IOCTL, fd, SET_FLAGS, (word)&request, 0, 0);
    close_file(fd);
}

/* Send a request and read the answer; its status, or 0 for none. `body` is where its body begins. */
static i32 http_call(i32 port, const char *head, const u8 *content, word n, word *body, word *end) {
    enum { INTERNET = 2, STREAM = 1 };
    struct { u16 family; u8 port[2], address[4], rest[8]; } where = {INTERNET, {(u8)(port >> 8), (u8)port}, {127, 0, 0, 1}, {0}};
    static char request[256];
    text t = {request, 0, sizeof request};
    add(&t, head), add(&t, " HTTP/1.1\r\nHost: board\r\nConnection: close\r\nContent-Length: ");
    add_count(&t, (u64)n), add(&t, "\r\n\r\n");
    word fd = system_call(SYS_SOCKET, INTERNET, STREAM, 0, 0, 0);
    if (fd < 0) return 0;
    *end = 0;
    if (!system_call(SYS_CONNECT, fd, (word)&where, sizeof where, 0, 0) && !write_bytes(fd, request, t.used) &&
        !write_bytes(fd, content, n))
        *end = read_bytes(fd, http_answer, sizeof http_answer - 1);
    close_file(fd);
    if (*end < 12) return 0;
    http_answer[*end] = 0;
    for (*body = 4; *body < *end && memcmp(http_answer + *body - 4, "\r\n\r\n", 4); ++*body) {}
    return (i32)number((const char *)http_answer + 9);
}

/* Answer each line of the step device with the answer of POST /step, on one line. */
_Noreturn static void bridge_steps(word fd, i32 port) {
    static u8 line[1 << 16];
    word used = 0, body = 0, end = 0;
    for (;;) {
        word got = system_call(SYS_READ, fd, (word)line + used, 1, 0, 0);
        if (got <= 0) sleep_ms(50);
        else if (line[used] != '\n' && used + 1 < (word)sizeof line) used++;
        else {
            if (!http_call(port, "POST /step", line, used, &body, &end))
                write_bytes(fd, "{\"error\":\"the program does not answer\"}\n", 40);
            else {
                while (end > body && http_answer[end - 1] == '\n') end--;
                http_answer[end++] = '\n';
                write_bytes(fd, http_answer + body, end - body);
            }
            used = 0;
        }
    }
}
