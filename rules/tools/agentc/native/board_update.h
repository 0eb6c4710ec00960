/* Updates: bundles arrive in `incoming`, are verified, and replace the slot that is not active. */
static boot_record record;

static const char SLOTS[] = "slots", INCOMING[] = "incoming";

static const char *state_path(char path[64], i32 slot, const char *name) {
    text t = {path, 0, 64};
    add(&t, "state/"), add(&t, slot_name(slot)), add(&t, name);
    return path;
}

static i32 is_in_a_slot(const char *bundle) { return same(bundle, record.bundle[0]) || same(bundle, record.bundle[1]); }

static void remove_below(const char *folder, const char *name) {
    static char path[512];
    text t = {path, 0, sizeof path};
    add(&t, folder), add(&t, "/"), add(&t, name);
    remove_file(path);
}

static void remove_unused(const char *name) {
    char bundle[65];
    if (!digest_in_name(name, bundle) || !is_in_a_slot(bundle)) remove_below(SLOTS, name);
}

static void remove_part(const char *name) {
    if (ends(name, ".part")) remove_below(INCOMING, name);
}

/* Move the bundles of the record to `slots`, and remove all others there. Repeating it is safe. */
static void arrange_bundles(void) {
    char from[128], to[128];
    for (i32 slot = 0; slot < 2; slot++) {
        const char *bundle = record.bundle[slot];
        if (*bundle && exists(bundle_path(from, INCOMING, bundle))) rename_file(from, bundle_path(to, SLOTS, bundle));
    }
    list_folder(SLOTS, remove_unused);
    sync_folder(SLOTS), sync_folder(INCOMING);
}

static void adopt_bundle(const char *name) {
    char bundle[65];
    if (!record.bundle[0][0] && digest_in_name(name, bundle) && bundle_is_whole(SLOTS, bundle))
        set_text(record.bundle[0], 65, bundle);
}

/* Read the record. A new board has none, and its only bundle becomes slot a. */
static void load_record(void) {
    static char line[RECORD_SIZE];
    word n = read_text(RECORD, line, sizeof line);
    if (n > 0 && parse_record(line, &record)) return;
    memset(&record, 0, sizeof record);
    record.trial = NO_SLOT;
    set_text(record.state, sizeof record.state, "none");
    list_folder(SLOTS, adopt_bundle);
    if (n != ERR_MISSING) set_text(record.reason, sizeof record.reason, "the boot record was damaged");
}

/* Choose a slot whose bundle is whole, or NO_SLOT. */
static i32 choose_whole_slot(void) {
    for (;;) {
        i32 slot = choose_slot(&record), other = !slot;
        if (bundle_is_whole(SLOTS, record.bundle[slot])) return slot;
        if (slot == record.trial) {
            roll_back(&record, "its bundle is damaged");
            continue;
        }
        if (!bundle_is_whole(SLOTS, record.bundle[other])) return NO_SLOT;
        record.active = other, record.bundle[slot][0] = 0;
        set_text(record.reason, sizeof record.reason, "the bundle of the active slot was damaged");
        return other;
    }
}

/* Bring the partition to a state between two updates, and return the slot to start. What a start
   changes is durable when this returns. */
static i32 settle(void) {
    static boot_record before;
    make_folder(SLOTS, 0755), make_folder(INCOMING, 0755), make_folder("state", 0755);
    load_record();
    list_folder(INCOMING, remove_part);
    arrange_bundles();
    memcpy(&before, &record, sizeof before);
    i32 slot = choose_whole_slot();
    if (memcmp(&before, &record, sizeof before) || !exists(RECORD)) {
        if (!write_record(&record)) return NO_SLOT;
        arrange_bundles();
    }
    return slot;
}

/* Give the state of the active slot to another one whose program accepts it: "kept". Other agents
   start over: "new". Without a state: "none". */
static const char *carry_state(i32 slot) {
    static const char *const names[] = {"/state", "/state.new", "/state.lock"};
    char from[64], to[64], identity[17];
    u8 head[16], turned[8];
    text t = {identity, 0, sizeof identity};
    for (i32 i = 0; i < 3; i++) remove_file(state_path(to, slot, names[i]));
    make_folder(state_path(to, slot, ""), 0700);
    word fd = open_file(state_path(from, record.active, "/state"), FOR_READING, 0);
    if (fd < 0) return "none";
    word n = read_bytes(fd, head, sizeof head);
    close_file(fd);
    for (i32 i = 0; i < 8; i++) turned[i] = head[15 - i];
    add_hex(&t, turned, 8);
    if (n != sizeof head || !same(identity, settings.identity)) return "new";
    if (copy_file(from, state_path(to, slot, "/state"), settings.user)) return "new";
    sync_folder(state_path(to, slot, ""));
    return "kept";
}

/* Free the slot that is not active, for two bundles are all that a board needs room for. */
static void make_room(void) {
    if (record.trial != NO_SLOT || !record.bundle[!record.active][0]) return;
    record.bundle[!record.active][0] = 0;
    if (write_record(&record)) arrange_bundles();
}

static char arrived[65]; /* a verified bundle in `incoming` */

static void refuse_update(const char *name, const char *why) {
    text t = {record.reason, 0, sizeof record.reason};
    remove_below(INCOMING, name);
    record.reason[0] = 0, add(&t, "an update was refused: "), add(&t, why);
    write_record(&record);
    say(record.reason, "", "");
}

static void look_at_incoming(const char *name) {
    char bundle[65], path[128];
    if (arrived[0] || record.trial != NO_SLOT) return;
    if (ends(name, ".part")) return make_room();
    if (!digest_in_name(name, bundle)) return;
    if (same(bundle, record.bundle[record.active])) remove_below(INCOMING, name), say("already active: ", name, "");
    else if (!bundle_is_whole(INCOMING, bundle)) refuse_update(name, "its content is not what its name says");
    else if (!unpack_bundle(bundle_path(path, INCOMING, bundle), 0)) refuse_update(name, "it is not a bundle for this board");
    else set_text(arrived, 65, bundle);
}

/* Begin the trial of the bundle that has arrived, with no program running; 1 if it is durable. */
static i32 begin_update(void) {
    static boot_record before;
    char path[128];
    memcpy(&before, &record, sizeof before);
    i32 usable = unpack_bundle(bundle_path(path, INCOMING, arrived), 0);
    if (usable) begin_trial(&record, arrived, carry_state(!record.active));
    if (usable && !write_record(&record)) memcpy(&record, &before, sizeof before), usable = 0;
    if (usable) arrange_bundles();
    else remove_file(path), say("the update could not be begun: ", arrived, "");
    arrived[0] = 0;
    return usable;
}
