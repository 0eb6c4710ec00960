/* The process: stop signals, interruptible waits, clock, whole reads and writes, warnings. */
enum { ERR_INTERRUPTED = -4, ERR_AGAIN = -11, ERR_FULL = -28, ERR_TIMED_OUT = -110 };
enum { SIGNAL_INT = 2, SIGNAL_PIPE = 13, SIGNAL_TERM = 15, SIGNAL_FILE_SIZE = 25 };
enum { READABLE = 1, WRITABLE = 4, INVALID = 32 };
enum { AT_CWD = -100, CLOSE_ON_EXEC = 02000000, PATH_ONLY = 010000000 };

typedef struct { word seconds, nanoseconds; } moment;
typedef struct { i32 fd; short events, revents; } poll_item;

static const moment FOREVER = {1000000, 0}, NO_WAIT, GRACE = {1, 0};
static volatile i32 stopping; /* set by a signal: finish the step, write the state, end */
static volatile moment poll_limit;
static word input_error, output_error; /* errors of stdin and stdout; 0 for none */

_Noreturn static void exit_program(i32 code) {
    for (;;) system_call(SYS_EXIT, code, 0, 0, 0, 0);
}

static word length(const char *s) {
    word n = 0;
    while (s[n]) n++;
    return n;
}

/* A signal between setting `poll_limit` and sleeping clears the limit in memory, so the sleep
   returns at once. */
static void on_stop(i32 signal) {
    (void)signal;
    stopping = 1;
    poll_limit.seconds = poll_limit.nanoseconds = 0;
}

/* ppoll: number of ready items, 0 after the limit; does not sleep once `stopping` is set. */
static word poll_for(poll_item *list, word count, moment limit) {
    poll_limit.seconds = limit.seconds, poll_limit.nanoseconds = limit.nanoseconds;
    if (stopping) poll_limit.seconds = poll_limit.nanoseconds = 0;
    return system_call(SYS_PPOLL, (word)list, count, (word)&poll_limit, 0, 0);
}

#if defined(__x86_64__) && !defined(HOSTED)
extern void leave_signal(void);
#endif

/* Process 1 of a container has no default signal actions: without handlers `docker stop` waits ten
   seconds. */
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
    catch_signal(SIGNAL_PIPE, (void (*)(i32))1); /* ignored: the write itself reports the error */
    catch_signal(SIGNAL_FILE_SIZE, (void (*)(i32))1);
}

/* Reserve closed descriptors of stdin, stdout and stderr: otherwise the next opened file would get
   such a number and receive replies. The placeholder cannot be read or written. */
__attribute__((unused)) static void reserve_descriptors(void) {
    for (i32 fd = 0; fd < 3; fd++) {
        poll_item one = {fd, 0, 0};
        moment limit = NO_WAIT;
        system_call(SYS_PPOLL, (word)&one, 1, (word)&limit, 0, 0);
        if (one.revents & INVALID) system_call(SYS_OPENAT, AT_CWD, (word)"/", PATH_ONLY, 0, 0);
    }
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

/* later - earlier, for later >= earlier. */
static moment between(moment delayed_values, moment later) {
    moment d = {later.seconds - delayed_values.seconds, later.nanoseconds - delayed_values.nanoseconds};
    if (d.nanoseconds < 0) d.seconds--, d.nanoseconds += 1000000000;
    return d;
}

static moment after(moment t, moment span) {
    moment sum = {t.seconds + span.seconds, t.nanoseconds + span.nanoseconds};
    if (sum.nanoseconds >= 1000000000) sum.seconds++, sum.nanoseconds -= 1000000000;
    return sum;
}

static u64 nanoseconds(moment span) { return (u64)span.seconds * 1000000000u + (u64)span.nanoseconds; }

/* Read bytes; 0 at the end of input, after a signal, or after an error (then `input_error` is
   set). */
static word read_some(u8 *to, word n) {
    for (;;) {
        poll_item one = {0, READABLE, 0};
        word ready = poll_for(&one, 1, FOREVER);
        if (stopping) return 0;
        if (!ready || ready == ERR_INTERRUPTED) continue;
        word got = system_call(SYS_READ, 0, (word)to, n, 0, 0);
        if (got == ERR_AGAIN || got == ERR_INTERRUPTED) continue;
        if (got >= 0) return got;
        input_error = got;
        return 0;
    }
}

/* Write all bytes and return their number; `error` is set if some are missing. After a signal a
   reader has one second. */
static word write_all(i32 fd, const u8 *from, word n, word *error) {
    word written = 0;
    while (written < n) {
        poll_item one = {fd, WRITABLE, 0};
        word ready = poll_for(&one, 1, FOREVER);
        if (!ready || ready == ERR_INTERRUPTED) {
            moment grace = GRACE; /* a second signal ends it */
            if (!stopping) continue;
            if (system_call(SYS_PPOLL, (word)&one, 1, (word)&grace, 0, 0) <= 0) {
                *error = ERR_TIMED_OUT;
                break;
            }
        }
        word done = system_call(SYS_WRITE, fd, (word)(from + written), n - written, 0, 0);
        if (done > 0) written += done;
        else if (done != ERR_AGAIN && done != ERR_INTERRUPTED) {
            *error = done ? done : ERR_FULL;
            break;
        }
    }
    return written;
}

/* Write a log line of three parts, which may be empty. */
static void warn(const char *first, const char *second, const char *third) {
    const char *parts[] = {first, second, third, "\n"};
    word ignored = 0;
    for (i32 i = 0; i < 4; i++) write_all(2, (const u8 *)parts[i], length(parts[i]), &ignored);
}

/* Describe common Linux errors. */
static const char *reason(word error) {
    switch (-error) {
    case 2: return "no such file or folder";
    case 5: return "the device reports an input or output error";
    case 9: return "it is closed";
    case 13: case 1: return "permission denied";
    case 16: return "it is in use (mount a folder, not the file)";
    case 20: return "a part of the path is no folder";
    case 21: return "it is a folder";
    case 23: case 24: return "too many files are open";
    case 27: return "the file would be larger than the limit of this process or file system";
    case 28: return "no space left";
    case 30: return "the file system is read-only";
    case 32: return "its reader is gone";
    case 36: return "the name is too long";
    case 97: return "this kernel does not have that kind of address";
    case 98: return "the address is in use";
    case 99: return "no such address on this machine";
    case 110: return "its reader did not read for a second";
    case 122: return "the quota is used up";
    default: return "the system refuses";
    }
}
