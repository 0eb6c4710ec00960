/* --doctor: facts of this machine beside the board of the export, as the JSON of a gate. The image has
   the board's names and power mode in /board, lines of a key and a value. */
enum { PASSED, NOT_CHECKED, FAILED };
enum { CLOCK_REALTIME = 0, MOST_TEXT = 65536 };
static const u64 EARLIEST = 1767225600; /* 2026-01-01: no such program is older */
static const char *const VERDICTS[] = {"passed", "not checked", "failed"};

typedef struct { const u8 *at; i32 size; } span;

/* The check that is being made, and the last one's remains: put_check clears it. */
static struct { span seen, wanted, more; u64 measured, limit; i32 has_numbers, from_files; } item;

static const char *root = "";
static i32 worst_verdict, checks;

static void put_span(span s) { put("\""), put_escaped(s.at, s.size), put("\""); }

static void put_text(const char *key, const char *value) { put(",\""), put(key), put("\":\""), put(value), put("\""); }

static void put_value(const char *key, span text_, u64 number) {
    put(",\""), put(key), put("\":");
    if (text_.size) put_span(text_);
    else put_u64(number);
}

/* `unit` may be empty; `why` and `fix` are put unless it passed. */
static void put_check(const char *name, const char *how, const char *unit, i32 verdict, const char *why, const char *fix) {
    put(checks++ ? ",{\"" : "{\"");
    if (verdict) put("fix\":\""), put(fix), put("\",\"");
    put("how\":\""), put(how), put("\"");
    if (item.wanted.size || item.limit) put_value("limit", item.wanted, item.limit);
    if (item.seen.size || item.has_numbers) put_value("measured", item.seen, item.measured);
    put_text("name", name), put_text("on", item.from_files ? "files below --root" : "this machine");
    if (*unit) put_text("unit", unit);
    put_text("verdict", VERDICTS[verdict]);
    if (verdict) put(",\"why\":\""), put(why), put_escaped(item.more.at, item.more.size), put("\"");
    put("}");
    if (verdict > worst_verdict) worst_verdict = verdict;
    memset(&item, 0, sizeof item);
}

static i32 read_below(const char *path, u8 *to, i32 size) {
    char full[PATH];
    item.from_files = *root != 0;
    return join(full, root, length(root), path) ? read_fact(full, to, size) : 0;
}

/* The value of the next line that begins with `key` and a blank or tab; `at` is moved behind it. */
static i32 next_value(span text_, const char *key, i32 *at, span *value) {
    i32 n = (i32)length(key);
    while (*at < text_.size) {
        const u8 *from = text_.at + *at;
        i32 size = 0;
        while (*at + size < text_.size && from[size] && from[size] != '\n') size++;
        *at += size + 1;
        if (size > n && (from[n] == ' ' || from[n] == '\t') && !memcmp(from, key, (__SIZE_TYPE__)n)) {
            value->at = from + n + 1, value->size = size - n - 1;
            return 1;
        }
    }
    return 0;
}

static i32 contains(span where, const void *what, i32 n) {
    for (i32 i = 0; i + n <= where.size; i++)
        if (!memcmp(where.at + i, what, (__SIZE_TYPE__)n)) return 1;
    return 0;
}

/* Names are whole entries of the device tree, modules are parts of one. */
static i32 is_board(span board, span names) {
    span value;
    for (i32 at = 0; next_value(board, "module", &at, &value);)
        if (contains(names, value.at, value.size)) return 1;
    for (i32 at = 0; next_value(board, "name", &at, &value);)
        for (i32 from = 0, i = 0; i <= names.size; i++)
            if (i == names.size || !names.at[i]) {
                if (i - from == value.size && !memcmp(names.at + from, value.at, (__SIZE_TYPE__)value.size)) return 1;
                from = i + 1;
            }
    return 0;
}

static const char TREE[] = "/proc/device-tree/compatible", BASE[] = "/sys/firmware/devicetree/base/compatible";

static void check_board(span board) {
    u8 names[1024], model[256];
    static const char how[] = "names in the device tree";
    span tree = {names, 0}, value;
    i32 at = 0, from = 0;
    if (!next_value(board, "name", &at, &value) && !next_value(board, "module", &from, &value)) return; /* any machine */
    at = 0;
    next_value(board, "profile", &at, &item.wanted);
    tree.size = read_below(TREE, names, sizeof names);
    if (!tree.size) tree.size = read_below(BASE, names, sizeof names);
    item.seen.at = model, item.seen.size = read_below("/proc/device-tree/model", model, sizeof model);
    if (!tree.size)
        put_check("board", how, "", NOT_CHECKED, "no device tree can be read",
                  "run it with docker run --security-opt systempaths=unconfined, or outside of a container");
    else put_check("board", how, "", is_board(board, tree) ? PASSED : FAILED, "the device tree has another board",
                   "deploy the export for this board; buildgraph hardware detects its profile");
}

static void check_core(void) {
    enum { KINDS = sizeof instructions / sizeof *instructions };
    u8 missing[16 * KINDS];
    u64 bits[3] = {0, 0, 0};
    item.more.at = missing, item.limit = KINDS, item.has_numbers = 1;
    read_capabilities(bits);
    for (i32 k = 0; k < KINDS; k++) {
        if (bits[instructions[k].from] >> instructions[k].bit & 1) {
            item.measured++;
            continue;
        }
        i32 n = (i32)length(instructions[k].name);
        missing[item.more.size++] = ' ';
        memcpy(missing + item.more.size, instructions[k].name, (__SIZE_TYPE__)n);
        item.more.size += n;
    }
    put_check("core", "processor and compiled program", "instruction sets", item.more.size ? FAILED : PASSED,
              "the processor lacks", "deploy the export for this board, or set its cpu");
}

static i32 number_of(span text_, u64 *value) {
    i32 k = 0;
    for (*value = 0; k < text_.size && text_.at[k] >= '0' && text_.at[k] <= '9'; k++)
        *value = *value * 10 + (u64)(text_.at[k] - '0');
    return k;
}

/* The name of a mode: the line `< POWER_MODEL ID=1 NAME=15W >` of nvpmodel.conf. */
static i32 mode_name(span conf, u64 mode, span *name) {
    for (i32 i = 0; i + 12 < conf.size; i++) {
        span rest = {conf.at + i, conf.size - i};
        u64 id = ~0ull;
        if (memcmp(rest.at, "POWER_MODEL ", 12)) continue;
        name->size = 0;
        for (i32 k = 12; k + 5 < rest.size && rest.at[k] != '\n' && rest.at[k] != '>'; k++) {
            span value = {rest.at + k + 3, rest.size - k - 3};
            if (!memcmp(rest.at + k, "ID=", 3)) number_of(value, &id);
            if (memcmp(rest.at + k, "NAME=", 5)) continue;
            name->at = rest.at + k + 5;
            while (k + 5 + name->size < rest.size && name->at[name->size] > ' ' && name->at[name->size] != '>') name->size++;
        }
        if (id == mode && name->size) return 1;
    }
    return 0;
}

static void check_power(span board) {
    u8 status[256], conf[MOST_TEXT];
    static const char name[] = "power mode", how[] = "status and configuration of nvpmodel";
    span text_ = {status, 0}, models = {conf, 0};
    i32 at = 0;
    u64 mode = 0;
    if (!next_value(board, "power_mode", &at, &item.wanted)) return;
    text_.size = read_below("/var/lib/nvpmodel/status", status, sizeof status);
    models.size = read_below("/etc/nvpmodel.conf", conf, sizeof conf);
    while (text_.size > 6 && memcmp(text_.at, "pmode:", 6)) text_.at++, text_.size--;
    text_.at += 6, text_.size -= 6;
    if (text_.size < 1 || !number_of(text_, &mode) || !mode_name(models, mode, &item.seen)) {
        put_check(name, how, "", NOT_CHECKED, "nvpmodel's files cannot be read",
                  "mount /etc/nvpmodel.conf and /var/lib/nvpmodel into the container, read-only");
        return;
    }
    i32 same = item.seen.size == item.wanted.size && !memcmp(item.seen.at, item.wanted.at, (__SIZE_TYPE__)item.seen.size);
    put_check(name, how, "", same ? PASSED : FAILED, "another power mode is on", "select the mode with nvpmodel -m");
}

/* Bytes that the kernel has, of the line `MemTotal:       7802880 kB`; 0 if no file says so. */
static u64 whole_memory(void) {
    u8 text_[512];
    span all = {text_, read_below("/proc/meminfo", text_, sizeof text_)}, value;
    i32 at = 0;
    u64 kib = 0;
    if (!next_value(all, "MemTotal:", &at, &value)) return 0;
    while (value.size && value.at[0] == ' ') value.at++, value.size--;
    number_of(value, &kib);
    return kib << 10;
}

/* 1 or 0 if the kernel can or cannot limit memory, -1 if no file says so. */
static i32 has_controller(i32 *is_v2) {
    u8 text_[2048];
    span all = {text_, read_below("/sys/fs/cgroup/cgroup.controllers", text_, sizeof text_)}, row;
    i32 at = 0;
    *is_v2 = all.size > 0;
    if (*is_v2) return contains(all, "memory", 6);
    all.size = read_below("/proc/cgroups", text_, sizeof text_);
    if (!next_value(all, "memory", &at, &row)) return all.size ? 0 : -1;
    return row.at[row.size - 1] == '1';
}

/* The limit of this process's group; 0 if it has none, -1 if no file says so. */
static long long memory_limit(i32 is_v2) {
    u8 text_[512];
    char part[PATH], path[PATH];
    span group = {text_, 0};
    u64 bytes = 0;
    i32 n = read_below(is_v2 ? "/sys/fs/cgroup/memory.max" : "/sys/fs/cgroup/memory/memory.limit_in_bytes", text_, sizeof text_);
    if (!n && is_v2) { /* outside of a container: the group's own folder, `0::/system.slice/agent.service` */
        group.size = read_below("/proc/self/cgroup", text_, sizeof text_ - 1);
        if (group.size < 4 || memcmp(group.at, "0::", 3)) return -1;
        text_[group.size] = 0;
        if (!join(part, "/sys/fs/cgroup", 14, (const char *)text_ + 3)) return -1;
        if (!join(path, part, length(part), "/memory.max")) return -1;
        n = read_below(path, text_, sizeof text_);
    }
    group.size = n;
    if (!n) return -1;
    if (!number_of(group, &bytes) || bytes >> 60) return 0; /* `max`, or the greatest number of version 1 */
    return (long long)bytes;
}

static void check_memory(void) {
    i32 is_v2, has = has_controller(&is_v2), verdict = NOT_CHECKED;
    const char *why = "no file of cgroups can be read", *fix = "mount /proc and /sys/fs/cgroup";
    item.limit = whole_memory();
    if (!has) {
        verdict = FAILED, why = "the kernel has no memory controller, so no limit is enforced";
        fix = "add cgroup_enable=memory to the kernel's command line (/boot/firmware/cmdline.txt) and reboot";
    } else if (has > 0) {
        long long bytes = memory_limit(is_v2);
        why = "no limit is set", fix = "start the container with --memory";
        if (bytes > 0) {
            item.measured = (u64)bytes, item.has_numbers = 1;
            verdict = item.limit && item.measured > item.limit ? FAILED : PASSED, why = "the limit is above the memory of this machine";
        }
    }
    put_check("memory limit", "cgroup of this process", "bytes", verdict, why, fix);
}

/* Bytes that the file system of `folder` has free for this user; -1 without it, -2 if it is read-only. */
static long long free_bytes(const char *path) {
#if defined(__arm__)
    struct { u32 type, size; u64 blocks, free, available, files, free_files; u32 id[2], name, fragment, flags, spare[4]; } fs;
    word error = system_call(SYS_STATFS, (word)path, sizeof fs, (word)&fs, 0, 0);
#else
    struct { word type, size; u64 blocks, free, available, files, free_files; u32 id[2]; word name, fragment, flags, rest[4]; } fs;
    word error = system_call(SYS_STATFS, (word)path, (word)&fs, 0, 0, 0);
#endif
    if (error) return -1;
    if (fs.flags & 1) return -2;
    return (long long)(fs.available * (u64)fs.size);
}

/* A state is written beside the old one, so both must fit. */
static void check_space(const char *state) {
    char place[PATH] = "/data";
    word slash = state ? length(state) : 0;
    while (slash > 0 && state[slash - 1] != '/') slash--;
    if (state && !join(place, state, slash, slash ? "" : ".")) return;
    long long n = free_bytes(place);
    if (n < 0 && !state) return; /* no volume at /data: no state is kept */
    item.limit = 2 * (sizeof header + sizeof coalitions + 8), item.measured = n < 0 ? 0 : (u64)n, item.has_numbers = 1;
    put_check("free space", "file system of the state, for two of its files", "bytes",
              item.measured < item.limit ? FAILED : PASSED,
              n == -1 ? "there is no such folder" : n == -2 ? "the file system is read-only" : "there is no room for the state",
              "mount a volume with free space where the state is");
}

static void check_clock(void) {
    moment t = {0, 0}, begun = now();
    word error = system_call(SYS_CLOCK, CLOCK_REALTIME, (word)&t, 0, 0, 0);
    i32 back = before(now(), begun);
    item.measured = error ? 0 : (u64)t.seconds, item.limit = EARLIEST, item.has_numbers = 1;
    put_check("clock", "time of day, at least the start of 2026", "seconds since 1970",
              item.measured < EARLIEST || back ? FAILED : PASSED, back ? "the monotonic clock went back" : "the clock was not set",
              "set the clock: start an NTP client before the agent, or fit a battery to the clock");
}

static i32 doctor(word n, char **words) {
    u8 text_[2048];
    const char *state = 0, *path = "/board";
    span board = {text_, 0}, profile = {0, 0};
    i32 at = 0;
    for (word k = 0; k < n; k += 2)
        if (k + 1 == n) return usage();
        else if (equal(words[k], "--root")) root = words[k + 1];
        else if (equal(words[k], "--state")) state = words[k + 1];
        else if (equal(words[k], "--board")) path = words[k + 1];
        else return usage();
    board.size = read_fact(path, text_, sizeof text_);
    put("{\"checks\":[");
    if (board.size) check_board(board);
    else put_check("board", "names in /board", "", NOT_CHECKED, "the image does not say for which board it is",
                   "give --board FILE");
    check_core(), check_power(board), check_memory(), check_space(state), check_clock();
    put("],\"gate\":\"doctor\"");
    if (next_value(board, "profile", &at, &profile)) put(",\"profile\":"), put_span(profile);
    put(",\"program\":\""), put_sha256("/proc/self/exe"), put("\",\"schema\":1,\"verdict\":\"");
    put(VERDICTS[worst_verdict]), put("\"}\n");
    return worst_verdict == FAILED ? 1 : worst_verdict == NOT_CHECKED ? 3 : 0;
}
