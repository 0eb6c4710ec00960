/* Bundles: an archive (cpio, newc) of `settings` and the files of an image below `root/`. The name
   of a bundle is its SHA-256. It is unpacked into memory before each start. */
enum { MOST_WORDS = 64, BUNDLE_NAME = 7 + 64 + 5, LONGEST_PATH = 1024 };

static struct {
    i32 user, group, port; /* TCP port of HTTP; 0 for lines */
    char state[128];       /* folder of the image for the agents' state */
    char identity[20];     /* 16 hexadecimal digits: whose state the program accepts */
    char *run[MOST_WORDS], *health[MOST_WORDS], *environment[MOST_WORDS];
    char rows[8192];
} settings;

static struct { word fd, at, filled; u8 block[1 << 16]; } reader;

/* Read exactly n bytes, to nowhere if `to` is 0; 1 if they are there. */
static i32 take(u8 *to, word n) {
    while (n > 0) {
        if (reader.at == reader.filled) {
            reader.at = 0, reader.filled = read_bytes(reader.fd, reader.block, sizeof reader.block);
            if (reader.filled <= 0) return reader.filled = 0;
        }
        word part = reader.filled - reader.at < n ? reader.filled - reader.at : n;
        if (to) memcpy(to, reader.block + reader.at, (__SIZE_TYPE__)part), to += part;
        reader.at += part, n -= part;
    }
    return 1;
}

typedef struct { u32 mode, user, group, size; char path[LONGEST_PATH]; } member;

static u32 hex_field(const u8 *head, i32 index) {
    u32 value = 0;
    for (i32 i = 0; i < 8; i++) {
        u8 c = head[6 + index * 8 + i];
        value = value << 4 | ((c <= '9' ? c - '0' : (c | 32) - 'a' + 10) & 15u);
    }
    return value;
}

/* Read the head of the next member; 1 if there is one, 0 at the end, -1 for a broken archive. */
static i32 next_member(member *m) {
    u8 head[110];
    if (!take(head, sizeof head) || memcmp(head, "070701", 6)) return -1;
    m->mode = hex_field(head, 1), m->user = hex_field(head, 2), m->group = hex_field(head, 3);
    m->size = hex_field(head, 6);
    u32 n = hex_field(head, 11);
    if (n < 2 || n > LONGEST_PATH || !take((u8 *)m->path, n) || m->path[n - 1]) return -1;
    if (!take(0, -(word)(110 + n) & 3)) return -1;
    return !same(m->path, "TRAILER!!!");
}

static i32 skip_padding(const member *m) { return take(0, -(word)m->size & 3); }

/* Write the content of a member to a file; 1 if all of it was written. */
static i32 unpack_content(const member *m, word fd) {
    for (word left = (word)m->size; left > 0;) {
        word part = left < (word)sizeof piece ? left : (word)sizeof piece;
        if (!take(piece, part) || write_bytes(fd, piece, part)) return 0;
        left -= part;
    }
    return 1;
}

static i32 leads_outside(const char *path) {
    for (const char *p = path; *p; p++)
        if ((p == path || p[-1] == '/') && p[0] == '.' && p[1] == '.' && (!p[2] || p[2] == '/')) return 1;
    return 0;
}

/* Unpack a member below a folder; 1 if that succeeded. */
static i32 unpack_member(const member *m, const char *folder) {
    enum { KIND = 0170000, FOLDER = 0040000, LINK = 0120000, FILE = 0100000 };
    static char path[LONGEST_PATH + 64], target[LONGEST_PATH];
    text t = {path, 0, sizeof path};
    if (!begins(m->path, "root/") || leads_outside(m->path)) return 0;
    add(&t, folder), add(&t, m->path + 4);
    if ((m->mode & KIND) == FOLDER) {
        if (make_folder(path, 0700)) return 0;
    } else if ((m->mode & KIND) == LINK) {
        if (m->size >= LONGEST_PATH || !take((u8 *)target, (word)m->size)) return 0;
        target[m->size] = 0;
        if (system_call(SYS_SYMLINKAT, (word)target, AT_CWD, (word)path, 0, 0)) return 0;
        return skip_padding(m);
    } else if ((m->mode & KIND) == FILE) {
        word fd = open_file(path, FOR_WRITING | CREATE | TRUNCATE, 0600);
        if (fd < 0) return 0;
        i32 whole = unpack_content(m, fd);
        close_file(fd);
        if (!whole) return 0;
    } else
        return 0;
    system_call(SYS_FCHOWNAT, AT_CWD, (word)path, (word)m->user, (word)m->group, 0);
    system_call(SYS_FCHMODAT, AT_CWD, (word)path, m->mode & 07777, 0, 0);
    return skip_padding(m);
}

static void add_word(char **list, char *value) {
    i32 n = 0;
    while (list[n]) n++;
    if (n + 1 < MOST_WORDS) list[n] = value, list[n + 1] = 0;
}

/* Parse the rows of `settings`; 1 if they say what to run. */
static i32 parse_settings(void) {
    char *at = settings.rows;
    settings.run[0] = settings.health[0] = settings.environment[0] = 0;
    settings.user = settings.group = 65534, settings.port = 0, settings.state[0] = settings.identity[0] = 0;
    if (!begins(at, "bgbundle 1\n")) return 0;
    while (*at) {
        char *value = at, *row = at;
        while (*at && *at != '\n') at++;
        if (*at) *at++ = 0;
        while (*value && *value != ' ') value++;
        if (*value) *value++ = 0;
        if (same(row, "user")) settings.user = (i32)number(value);
        else if (same(row, "group")) settings.group = (i32)number(value);
        else if (same(row, "port")) settings.port = (i32)number(value);
        else if (same(row, "state")) set_text(settings.state, sizeof settings.state, value);
        else if (same(row, "identity")) set_text(settings.identity, sizeof settings.identity, value);
        else if (same(row, "run")) add_word(settings.run, value);
        else if (same(row, "health")) add_word(settings.health, value);
        else if (same(row, "env")) add_word(settings.environment, value);
    }
    return settings.run[0] && settings.user > 0;
}

/* Unpack a bundle below a folder, or read only its settings if that is 0; 1 if it is whole. */
static i32 unpack_bundle(const char *path, const char *folder) {
    static member m;
    i32 found = -1, usable = 0;
    reader.fd = open_file(path, FOR_READING, 0), reader.at = reader.filled = 0;
    if (reader.fd < 0) return 0;
    if (next_member(&m) == 1 && same(m.path, "settings") && m.size < sizeof settings.rows) {
        usable = take((u8 *)settings.rows, (word)m.size) && skip_padding(&m);
        settings.rows[m.size] = 0;
        usable = usable && parse_settings();
    }
    while (usable && folder && (found = next_member(&m)) == 1) usable = unpack_member(&m, folder);
    close_file(reader.fd);
    return usable && (!folder || !found);
}

static i32 is_digest(const char *s, word n) {
    for (word i = 0; i < n; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f'))) return 0;
    return n == 64;
}

/* The path of a bundle in `slots` or `incoming`. */
static const char *bundle_path(char path[128], const char *folder, const char *bundle) {
    text t = {path, 0, 128};
    add(&t, folder), add(&t, "/sha256-"), add(&t, bundle), add(&t, ".cpio");
    return path;
}

/* The digest in the name of a bundle; 0 for another name. */
static i32 digest_in_name(const char *name, char bundle[65]) {
    if (!begins(name, "sha256-") || length(name) != BUNDLE_NAME || !ends(name, ".cpio")) return 0;
    memcpy(bundle, name + 7, 64), bundle[64] = 0;
    return is_digest(bundle, 64);
}

static i32 bundle_is_whole(const char *folder, const char *bundle) {
    char path[128], hex[65];
    return *bundle && !hash_file(bundle_path(path, folder, bundle), hex) && same(hex, bundle);
}
