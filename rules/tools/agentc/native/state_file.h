/* State file: `--state FILE` is read at the start and replaced atomically, so a power failure
   leaves the old or the new one. Little-endian, equal on every processor.

   "bgstate1": header, states, checksum. "bgstate2" has the monitor between states and checksum: its identity (of its limits
   and tables), its size, its bytes. Every program reads both; a monitor of another identity starts afresh. */
enum { FOR_READING = 0, FOR_WRITING = 1, CREATE = 0100, TRUNCATE = 01000, PATH = 1024 };
enum { LOCK_ALONE = 2, LOCK_OR_FAIL = 4 };

static struct { u8 magic[8]; u64 identity, size, steps; } header;
static const u8 MAGIC[8] = "bgstate1", MAGIC_2[8] = "bgstate2";
static struct { u64 identity, size; } monitor_header;
static const char *state_path;
static char beside[PATH], folder[PATH];
static word folder_fd;
static u64 every = 1, unsaved; /* steps between two writes, steps since the last one */
static i32 saved = 1;          /* 1 if the last write succeeded */

/* 64-bit FNV-1a: a change of one byte always changes it. */
static u64 mix(u64 hash, const void *from, word n) {
    for (word i = 0; i < n; i++) hash = (hash ^ ((const u8 *)from)[i]) * 0x100000001b3ull;
    return hash;
}

static const u64 FRESH = 0xcbf29ce484222325ull;

static u64 checksum(void) {
    u64 sum = mix(mix(FRESH, &header, sizeof header), coalitions, sizeof coalitions);
#if MONITOR
    sum = mix(mix(sum, &monitor_header, sizeof monitor_header), monitors, sizeof monitors);
#endif
    return sum;
}

static word open_file(const char *path, i32 flags) {
    return system_call(SYS_OPENAT, AT_CWD, (word)path, flags | CLOSE_ON_EXEC, 0600, 0);
}

/* Returns 0 or an error. */
static word write_file(word fd, const void *from, word n) {
    while (n > 0) {
        word done = system_call(SYS_WRITE, fd, (word)from, n, 0, 0);
        if (done == ERR_INTERRUPTED) continue;
        if (done <= 0) return done ? done : ERR_FULL;
        from = (const u8 *)from + done, n -= done;
    }
    return 0;
}

static word read_file(word fd, void *to, word n) {
    word all = 0;
    while (all < n) {
        word got = system_call(SYS_READ, fd, (word)to + all, n - all, 0, 0);
        if (got == ERR_INTERRUPTED) continue;
        if (got <= 0) return got < 0 ? got : all;
        all += got;
    }
    return all;
}

static word write_beside(void) {
    word fd = open_file(beside, FOR_WRITING | CREATE | TRUNCATE);
    if (fd < 0) return fd;
    u64 sum = checksum();
    word error = write_file(fd, &header, sizeof header);
    if (!error) error = write_file(fd, coalitions, sizeof coalitions);
#if MONITOR
    if (!error) error = write_file(fd, &monitor_header, sizeof monitor_header);
    if (!error) error = write_file(fd, monitors, sizeof monitors);
#endif
    if (!error) error = write_file(fd, &sum, sizeof sum);
    if (!error) error = system_call(SYS_FSYNC, fd, 0, 0, 0, 0);
    word closed = system_call(SYS_CLOSE, fd, 0, 0, 0, 0);
    return error ? error : closed;
}

/* Write a file beside it, have it on the disk, rename, have the name on the disk. */
static void save(void) {
    memcpy(header.magic, MONITOR ? MAGIC_2 : MAGIC, sizeof MAGIC);
#if MONITOR
    monitor_header.identity = MONITOR_IDENTITY, monitor_header.size = sizeof monitors;
#endif
    header.identity = IDENTITY, header.size = sizeof coalitions, header.steps = count.steps;
    word error = write_beside();
    if (!error) error = system_call(SYS_RENAMEAT2, AT_CWD, (word)beside, AT_CWD, (word)state_path, 0);
    if (!error) error = system_call(SYS_FSYNC, folder_fd, 0, 0, 0, 0);
    if (error) {
        if (saved) warn("the state is not written: ", state_path, ": "), warn("  ", reason(error), "");
        count.not_stored++;
    } else
        count.stored++, unsaved = 0;
    saved = !error;
}

/* After a step or a reset, before the last byte of its reply is written. */
static void note_change(void) {
    unsaved++;
    if (state_path && every && unsaved >= every) save();
}

/* Save at the end; returns 1 if the disk lacks the last reply's state. */
static i32 save_at_end(void) {
    if (state_path && (unsaved || !saved)) save();
    return !saved;
}

static i32 join(char *to, const char *path, word n, const char *suffix) {
    if (n + length(suffix) >= PATH) return 0;
    memcpy(to, path, (__SIZE_TYPE__)n);
    memcpy(to + n, suffix, (__SIZE_TYPE__)length(suffix) + 1);
    return 1;
}

static i32 reject_state(const char *why) {
    warn("--state ", state_path, ": "), warn("  ", why, "");
    return 0;
}

static i32 in_range(const i32 *values, const i32 *limits, i32 n, i32 least) {
    for (i32 i = 0; i < n; i++)
        if (values[i] < least || values[i] >= limits[i]) return 0;
    return 1;
}

/* Actions index tables, so values of a forged file are checked. */
static i32 possible(const coalition *w) {
    for (i32 i = 0; i < INSTANCES; i++)
        if (w->started[i] > 1 ||
            !in_range(w->action + instances[i].first_control, agent_of(i)->num_controls, agent_of(i)->controls, 0)) return 0;
    return 1;
}

/* Read the monitor of a file and add it to the checksum; 0 if it is cut off. One of other tables is skipped. */
static i32 read_monitor(word fd, u64 *sum) {
    if (read_file(fd, &monitor_header, sizeof monitor_header) != sizeof monitor_header) return 0;
    *sum = mix(*sum, &monitor_header, sizeof monitor_header);
#if MONITOR
    if (monitor_header.identity == MONITOR_IDENTITY && monitor_header.size == sizeof monitors) {
        if (read_file(fd, monitors, sizeof monitors) != sizeof monitors) return 0;
        *sum = mix(*sum, monitors, sizeof monitors);
        for (i32 c = 0; c < COPIES; c++)
            if (!monitor_is_possible(&monitors[c])) return 0;
        return 1;
    }
#endif
    for (u64 rest = monitor_header.size; rest;) {
        u8 skipped[256];
        word n = rest < sizeof skipped ? (word)rest : (word)sizeof skipped;
        if (read_file(fd, skipped, n) != n) return 0;
        *sum = mix(*sum, skipped, n);
        rest -= (u64)n;
    }
    return 1;
}

static i32 read_contents(word fd) {
    u64 sum, written = 0;
    u8 more;
    if (read_file(fd, coalitions, sizeof coalitions) != sizeof coalitions) return 0;
    sum = mix(mix(FRESH, &header, sizeof header), coalitions, sizeof coalitions);
    if (!memcmp(header.magic, MAGIC_2, sizeof MAGIC) && !read_monitor(fd, &sum)) return 0;
    if (read_file(fd, &written, sizeof written) != sizeof written || read_file(fd, &more, 1) != 0 || sum != written) return 0;
    for (i32 c = 0; c < COPIES; c++)
        if (!possible(&coalitions[c])) return 0;
    return 1;
}

static i32 read_state(word fd) {
    word got = read_file(fd, &header, sizeof header);
    if (got < 0) return reject_state(reason(got));
    if (got != sizeof header || (memcmp(header.magic, MAGIC, sizeof MAGIC) && memcmp(header.magic, MAGIC_2, sizeof MAGIC)))
        return reject_state("this is no state of such a program; move it away to start afresh");
    if (header.identity != IDENTITY || header.size != sizeof coalitions)
        return reject_state("this is the state of other agents (a model, a name or a number of replicas changed); move it away "
                            "to start afresh");
    if (!read_contents(fd)) return reject_state("the file is damaged; move it away to start afresh");
    count.steps = header.steps;
    return 1;
}

/* Lock until the program ends: two programs must not write one state. */
static i32 lock(void) {
    word fd = open_file(beside, FOR_WRITING | CREATE);
    if (fd < 0) return reject_state(reason(fd));
    return !system_call(SYS_FLOCK, fd, LOCK_ALONE | LOCK_OR_FAIL, 0, 0, 0) ? 1 : reject_state("another program uses it");
}

/* Read the state if it exists, and write it once, so that errors appear at the start. */
static i32 open_state(const char *path) {
    word n = length(path), slash = n;
    state_path = path;
    while (slash > 0 && path[slash - 1] != '/') slash--;
    if (!n || slash == n) return reject_state("a file is wanted");
    if (!join(beside, path, n, ".lock") || !join(folder, path, slash, slash ? "" : "."))
        return reject_state("the path is too long");
    folder_fd = open_file(folder, FOR_READING);
    if (folder_fd < 0) return reject_state(reason(folder_fd));
    if (!lock()) return 0;
    join(beside, path, n, ".new");
    word fd = open_file(path, FOR_READING);
    if (fd < 0 && fd != -2) return reject_state(reason(fd));
    if (fd >= 0) {
        if (!read_state(fd)) return 0;
        system_call(SYS_CLOSE, fd, 0, 0, 0, 0);
    }
    save();
    return saved;
}
