/* The process: signals that ask it to end, waits that they interrupt, the clock, whole reads and writes, warnings. */
enum { ERR_EXISTS = -17, ERR_INTERRUPTED = -4, ERR_AGAIN = -11 };
enum { SIGNAL_INT = 2, SIGNAL_PIPE = 13, SIGNAL_TERM = 15 };
enum { READABLE = 1, WRITABLE = 4 };
enum { AT_CWD = -100, CLOSE_ON_EXEC = 02000000 };

typedef struct { word seconds, nanoseconds; } moment;
typedef struct { i32 fd; short events, revents; } watch;

static const moment FOREVER = {1000000, 0}, AT_ONCE, GRACE = {1, 0};
static volatile i32 stopping; /* finish the step, write the state, end */
static volatile moment patience;

_Noreturn static void leave(i32 code) {
    for (;;) system_call(SYS_EXIT, code, 0, 0, 0, 0);
}

static word length(const char *s) {
    word n = 0;
    while (s[n]) n++;
    return n;
}

/* A signal between setting `patience` and sleeping finds the sleep's limit in memory and takes it away. */
static void on_stop(i32 signal) {
    (void)signal;
    stopping = 1;
    patience.seconds = patience.nanoseconds = 0;
}

/* ppoll: how many of the list are ready, 0 after the limit; once `stopping` it does not sleep. */
static word await(watch *list, word count, moment limit) {
    patience.seconds = limit.seconds, patience.nanoseconds = limit.nanoseconds;
    if (stopping) patience.seconds = patience.nanoseconds = 0;
    return system_call(SYS_PPOLL, (word)list, count, (word)&patience, 0, 0);
}

#if defined(__x86_64__) && !defined(HOSTED)
extern void leave_signal(void);
#endif

/* As process 1 of a container no signal has a default action: without this `docker stop` waits ten seconds. */
static void catch_signal(i32 signal, void (*handler)(i32)) {
    struct { void *handler; unsigned long flags;
#if !defined(__riscv)
             void *restorer;
#endif
             u8 mask[8]; } action = {0};
    action.handler = (void *)handler;
#if defined(__x86_64__) && !defined(HOSTED)
    action.flags = 0x04000000ul;
    action.restorer = (void *)leave_signal;
#endif
    system_call(SYS_SIGACTION, signal, (word)&action, 0, 8, 0);
}

static void catch_signals(void) {
    catch_signal(SIGNAL_TERM, on_stop);
    catch_signal(SIGNAL_INT, on_stop);
    catch_signal(SIGNAL_PIPE, (void (*)(i32))1); /* ignored: the write itself then reports it */
}

static moment now(void) {
    enum { CLOCK_MONOTONIC = 1 };
    moment t = {0, 0};
    system_call(SYS_CLOCK, CLOCK_MONOTONIC, (word)&t, 0, 0, 0);
    return t;
}

static i32 before(moment a, moment b) {
    return a.seconds < b.seconds || (a.seconds == b.seconds && a.nanoseconds < b.nanoseconds);
}

/* later - earlier, where it is. */
static moment between(moment earlier, moment later) {
    moment d = {later.seconds - earlier.seconds, later.nanoseconds - earlier.nanoseconds};
    if (d.nanoseconds < 0) d.seconds--, d.nanoseconds += 1000000000;
    return d;
}

static moment after(moment t, moment span) {
    moment sum = {t.seconds + span.seconds, t.nanoseconds + span.nanoseconds};
    if (sum.nanoseconds >= 1000000000) sum.seconds++, sum.nanoseconds -= 1000000000;
    return sum;
}

static u64 nanoseconds(moment span) { return (u64)span.seconds * 1000000000u + (u64)span.nanoseconds; }

/* Bytes read, 0 at the end; a broken input counts as its end, and so does being told to stop. */
static word read_some(u8 *to, word n) {
    for (;;) {
        watch one = {0, READABLE, 0};
        await(&one, 1, FOREVER);
        if (stopping) return 0;
        word got = one.revents ? system_call(SYS_READ, 0, (word)to, n, 0, 0) : ERR_AGAIN;
        if (got != ERR_AGAIN && got != ERR_INTERRUPTED) return got < 0 ? 0 : got;
    }
}

/* Writes everything, else 0: to a reader that went away, or that did not read for a second after a signal. */
static i32 write_all(i32 fd, const u8 *from, word n) {
    while (n > 0) {
        watch one = {fd, WRITABLE, 0};
        if (await(&one, 1, FOREVER) <= 0) {
            moment grace = GRACE; /* a second signal ends it */
            if (!stopping) continue;
            if (system_call(SYS_PPOLL, (word)&one, 1, (word)&grace, 0, 0) <= 0) return 0;
        }
        word done = system_call(SYS_WRITE, fd, (word)from, n, 0, 0);
        if (done > 0) from += done, n -= done;
        else if (done != ERR_AGAIN && done != ERR_INTERRUPTED) return 0;
    }
    return 1;
}

/* A line for the log: three parts, any of them empty. */
static void warn(const char *first, const char *second, const char *third) {
    const char *parts[] = {first, second, third, "\n"};
    for (i32 i = 0; i < 4; i++) write_all(2, (const u8 *)parts[i], length(parts[i]));
}

/* The common errors of Linux in words. */
static const char *reason(word error) {
    switch (-error) {
    case 2: return "no such file or folder";
    case 5: return "the device reports an input or output error";
    case 13: case 1: return "permission denied";
    case 16: return "it is in use (mount a folder, not the file)";
    case 20: return "a part of the path is no folder";
    case 21: return "it is a folder";
    case 28: return "no space left";
    case 30: return "the file system is read-only";
    case 36: return "the name is too long";
    case 97: return "this kernel does not have that kind of address";
    case 98: return "the address is in use";
    case 99: return "no such address on this machine";
    default: return "the system refuses";
    }
}
