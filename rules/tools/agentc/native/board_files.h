/* Files of the data partition. Paths are relative to its root, which is the working folder. */
enum { FOR_READING = 0, FOR_WRITING = 1, FOR_BOTH = 2, CREATE = 0100, TRUNCATE = 01000, NOT_BLOCKING = 04000 };

static u8 piece[1 << 16];

static word open_file(const char *path, i32 flags, i32 mode) {
    return system_call(SYS_OPENAT, AT_CWD, (word)path, flags | CLOSE_ON_EXEC, mode, 0);
}

static void close_file(word fd) { system_call(SYS_CLOSE, fd, 0, 0, 0, 0); }

static void remove_file(const char *path) { system_call(SYS_UNLINKAT, AT_CWD, (word)path, 0, 0, 0); }

static word rename_file(const char *from, const char *to) {
    return system_call(SYS_RENAMEAT2, AT_CWD, (word)from, AT_CWD, (word)to, 0);
}

static word sync_file(word fd) { return system_call(SYS_FSYNC, fd, 0, 0, 0, 0); }

/* Make the names in a folder durable. */
static word sync_folder(const char *path) {
    word fd = open_file(path, FOR_READING, 0);
    if (fd < 0) return fd;
    word error = sync_file(fd);
    close_file(fd);
    return error;
}

/* Number of bytes that were read, or an error. */
static word read_bytes(word fd, void *to, word n) {
    word all = 0;
    while (all < n) {
        word got = system_call(SYS_READ, fd, (word)to + all, n - all, 0, 0);
        if (got == ERR_INTERRUPTED) continue;
        if (got <= 0) return got < 0 ? got : all;
        all += got;
    }
    return all;
}

/* 0 or an error. */
static word write_bytes(word fd, const void *from, word n) {
    while (n > 0) {
        word done = system_call(SYS_WRITE, fd, (word)from, n, 0, 0);
        if (done == ERR_INTERRUPTED) continue;
        if (done <= 0) return done ? done : ERR_FULL;
        from = (const u8 *)from + done, n -= done;
    }
    return 0;
}

/* Read a file as text that ends with 0; its bytes or an error. A longer file is cut. */
static word read_text(const char *path, char *to, word size) {
    word fd = open_file(path, FOR_READING, 0);
    if (fd < 0) return fd;
    word n = read_bytes(fd, to, size - 1);
    close_file(fd);
    to[n < 0 ? 0 : n] = 0;
    return n;
}

static i32 exists(const char *path) {
    word fd = open_file(path, PATH_ONLY, 0);
    if (fd >= 0) close_file(fd);
    return fd >= 0;
}

/* Replace a file: after a power cut there is the old or the new content. */
static word replace_file(const char *path, const char *beside, const char *folder, const text *content) {
    word fd = open_file(beside, FOR_WRITING | CREATE | TRUNCATE, 0644);
    if (fd < 0) return fd;
    word error = write_bytes(fd, content->to, content->used);
    if (!error) error = sync_file(fd);
    close_file(fd);
    if (!error) error = rename_file(beside, path);
    return error ? error : sync_folder(folder);
}

/* Copy a file durably for an owner; its folder is not synced. */
static word copy_file(const char *from, const char *to, i32 owner) {
    word source = open_file(from, FOR_READING, 0), error = 0, n = 0;
    if (source < 0) return source;
    word target = open_file(to, FOR_WRITING | CREATE | TRUNCATE, 0600);
    if (target >= 0) {
        while (!error && (n = read_bytes(source, piece, sizeof piece)) > 0) error = write_bytes(target, piece, n);
        if (!error) error = n;
        if (!error) error = system_call(SYS_FCHOWNAT, AT_CWD, (word)to, owner, owner, 0);
        if (!error) error = sync_file(target);
        close_file(target);
    }
    close_file(source);
    return target < 0 ? target : error;
}

/* Call `each` with the names of a folder, except those that begin with a dot. */
static void list_folder(const char *path, void (*each)(const char *)) {
    static u8 entries[4096] __attribute__((aligned(8)));
    word fd = open_file(path, FOR_READING, 0), n;
    if (fd < 0) return;
    while ((n = system_call(SYS_GETDENTS64, fd, (word)entries, sizeof entries, 0, 0)) > 0)
        for (word at = 0; at < n; at += entries[at + 16] | entries[at + 17] << 8)
            if (entries[at + 19] != '.') each((const char *)entries + at + 19);
    close_file(fd);
}

/* Hash a file; 0 or an error. */
static word hash_file(const char *path, char hex[65]) {
    word fd = open_file(path, FOR_READING, 0), n;
    sha256 s;
    if (fd < 0) return fd;
    sha256_begin(&s);
    while ((n = read_bytes(fd, piece, sizeof piece)) > 0) sha256_add(&s, piece, n);
    close_file(fd);
    sha256_end(&s, hex);
    return n;
}
