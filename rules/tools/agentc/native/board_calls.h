/* Further system calls of a process 1, for 64-bit processors. */
#if defined(__x86_64__)
enum { SYS_LSEEK = 8, SYS_IOCTL = 16, SYS_GETPID = 39, SYS_CLONE = 56, SYS_EXECVE = 59, SYS_WAIT4 = 61, SYS_KILL = 62,
       SYS_CHDIR = 80, SYS_SETUID = 105, SYS_SETGID = 106, SYS_SETSID = 112, SYS_SETGROUPS = 116, SYS_PRCTL = 157,
       SYS_CHROOT = 161, SYS_SYNC = 162, SYS_MOUNT = 165, SYS_UMOUNT2 = 166, SYS_REBOOT = 169, SYS_GETDENTS64 = 217,
       SYS_MKDIRAT = 258, SYS_FCHOWNAT = 260, SYS_SYMLINKAT = 266, SYS_LINKAT = 265, SYS_FCHMODAT = 268,
       SYS_DUP3 = 292, SYS_FINIT_MODULE = 313 };
#elif defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
enum { SYS_LSEEK = 62, SYS_IOCTL = 29, SYS_GETPID = 172, SYS_CLONE = 220, SYS_EXECVE = 221, SYS_WAIT4 = 260,
       SYS_KILL = 129, SYS_CHDIR = 49, SYS_SETUID = 146, SYS_SETGID = 144, SYS_SETSID = 157, SYS_SETGROUPS = 159,
       SYS_PRCTL = 167, SYS_CHROOT = 51, SYS_SYNC = 81, SYS_MOUNT = 40, SYS_UMOUNT2 = 39, SYS_REBOOT = 142,
       SYS_GETDENTS64 = 61, SYS_MKDIRAT = 34, SYS_FCHOWNAT = 54, SYS_SYMLINKAT = 36, SYS_LINKAT = 37,
       SYS_FCHMODAT = 53, SYS_DUP3 = 24, SYS_FINIT_MODULE = 273 };
#else
#error "no numbers of system calls for this processor"
#endif

enum { ERR_MISSING = -2, ERR_EXISTS = -17, ERR_CHILD = -10 };
enum { SIGNAL_KILL = 9, SIGNAL_CHILD = 17 };
enum { MOUNT_READ_ONLY = 1, MOUNT_NO_SETUID = 2, MOUNT_NO_DEVICES = 4, MOUNT_NO_PROGRAMS = 8, MOUNT_AGAIN = 32,
       MOUNT_NO_ACCESS_TIMES = 1024, MOUNT_BIND = 4096 };

static word make_folder(const char *path, i32 mode) {
    word error = system_call(SYS_MKDIRAT, AT_CWD, (word)path, mode, 0, 0);
    return error == ERR_EXISTS ? 0 : error;
}

static word mount(const char *what, const char *where, const char *kind, word flags, const char *options) {
    return system_call(SYS_MOUNT, (word)what, (word)where, (word)kind, flags, (word)options);
}

static word fork_process(void) { return system_call(SYS_CLONE, SIGNAL_CHILD, 0, 0, 0, 0); }

static void sleep_ms(word ms) {
    moment limit = {ms / 1000, ms % 1000 * 1000000};
    system_call(SYS_PPOLL, 0, 0, (word)&limit, 0, 0);
}

/* Milliseconds of the monotonic clock. */
static u64 clock_ms(void) {
    moment t = now();
    return (u64)t.seconds * 1000u + (u64)t.nanoseconds / 1000000u;
}

/* Text of bounded size; what does not fit is left out. */
typedef struct { char *to; word used, size; } text;

static void add_bytes(text *t, const char *from, word n) {
    for (word i = 0; i < n && t->used + 1 < t->size; i++) t->to[t->used++] = from[i];
    t->to[t->used] = 0;
}

static void add(text *t, const char *s) { add_bytes(t, s, length(s)); }

static void add_count(text *t, u64 value) {
    char digits[20];
    i32 n = 20;
    do digits[--n] = (char)('0' + value % 10), value /= 10;
    while (value);
    add_bytes(t, digits + n, 20 - n);
}

static void add_hex(text *t, const u8 *from, word n) {
    for (word i = 0; i < n; i++) {
        char two[2] = {"0123456789abcdef"[from[i] >> 4], "0123456789abcdef"[from[i] & 15]};
        add_bytes(t, two, 2);
    }
}

static i32 same(const char *a, const char *b) { return length(a) == length(b) && !memcmp(a, b, (__SIZE_TYPE__)length(a)); }

static i32 begins(const char *s, const char *with) {
    word n = length(with);
    return length(s) >= n && !memcmp(s, with, (__SIZE_TYPE__)n);
}

static i32 ends(const char *s, const char *with) {
    word n = length(s), m = length(with);
    return n >= m && !memcmp(s + n - m, with, (__SIZE_TYPE__)m);
}

/* The number at the start of a text; 0 without digits. */
static u64 number(const char *s) {
    u64 value = 0;
    while (*s >= '0' && *s <= '9' && value < 1ull << 40) value = value * 10 + (u64)(*s++ - '0');
    return value;
}

/* Print a line on the console. */
static void say(const char *first, const char *second, const char *third) {
    static char line[600];
    text t = {line, 0, sizeof line};
    word ignored = 0;
    add(&t, "boardinit: "), add(&t, first), add(&t, second), add(&t, third), add(&t, "\n");
    write_all(2, (const u8 *)line, t.used, &ignored);
}
