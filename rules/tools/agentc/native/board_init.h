/* boardinit: process 1 of a board that has no other user space than the image of its coalition.
   Options follow `--` on the command line of the kernel. */
static const char BOARD_HELP[] =
    "boardinit data=DEVICE [step=DEVICE] [control=DEVICE] [trial=SECONDS] [wait=SECONDS]   as process 1\n"
    "boardinit decide FOLDER   the slot that a board with this data partition would start; the start is counted\n"
    "  data      an ext4 partition; new: slots/sha256-DIGEST.cpio, a bundle\n"
    "  step      lines for the program, such as /dev/ttyS1\n"
    "  control   lines for boardinit: status, poweroff, reboot, receive DIGEST BYTES\n"
    "  trial     an update is good after so many seconds of health (10)\n"
    "  wait      and is undone when it is not good after so many (60)\n";

static struct { const char *data, *step, *control; u64 trial, wait; } options = {0, 0, 0, 10, 60};
static word control_fd = -1;
static i32 ending; /* 0, or the reboot command to end with */
enum { END_POWER_OFF = 0x4321fedc, END_RESTART = 0x1234567 };

static void load_module(const char *name) {
    static char path[256];
    text t = {path, 0, sizeof path};
    add(&t, "/modules/"), add(&t, name);
    word fd = open_file(path, FOR_READING, 0);
    word error = fd < 0 ? fd : system_call(SYS_FINIT_MODULE, fd, (word)"", 0, 0, 0);
    if (error && error != ERR_EXISTS) say("module ", name, " is not loaded");
    if (fd >= 0) close_file(fd);
}

/* Load the modules that /modules/order lists, one a line. */
static void load_modules(void) {
    static char order[4096];
    if (read_text("/modules/order", order, sizeof order) <= 0) return;
    for (char *at = order; *at;) {
        char *name = at;
        while (*at && *at != '\n') at++;
        if (*at) *at++ = 0;
        if (*name) load_module(name);
    }
}

static word open_device(const char *path) {
    word fd = -1;
    for (i32 turn = 0; path && fd < 0 && turn < 100; turn++) {
        fd = open_file(path, FOR_BOTH | NOT_BLOCKING, 0);
        if (fd < 0) sleep_ms(50);
    }
    if (path && fd < 0) say("there is no ", path, "");
    return fd;
}

/* Set a terminal to pass every byte as it is; other devices do so already. */
static void make_raw(word fd) {
    enum { GET = 0x5401, SET = 0x5402, BITS_8 = 060, RECEIVER = 0200, NO_MODEM = 04000, SPEED = 010017 };
    struct { u32 in, out, control, local; u8 line, special[19]; } t = {0};
    if (fd < 0 || system_call(SYS_IOCTL, fd, GET, (word)&t, 0, 0)) return;
    t.in = t.out = t.local = 0, t.control = (t.control & SPEED) | BITS_8 | RECEIVER | NO_MODEM;
    t.special[6] = 1, t.special[5] = 0;
    system_call(SYS_IOCTL, fd, SET, (word)&t, 0, 0);
}

static i32 mount_data(void) {
    for (i32 turn = 0; turn < 200; turn++) {
        word flags = MOUNT_NO_SETUID | MOUNT_NO_DEVICES | MOUNT_NO_PROGRAMS | MOUNT_NO_ACCESS_TIMES;
        if (!mount(options.data, "/data", "ext4", flags, "")) return 1;
        sleep_ms(50);
    }
    return 0;
}

static void reply_status(void) {
    static char line[800];
    char path[64];
    u64 steps[4] = {0};
    text t = {line, 0, sizeof line};
    i32 slot = service.slot;
    word fd = slot == NO_SLOT ? -1 : open_file(state_path(path, slot, "/state"), FOR_READING, 0);
    if (fd >= 0) read_bytes(fd, steps, sizeof steps), close_file(fd);
    add(&t, "{\"slot\":\""), add(&t, slot_name(slot)), add(&t, "\",\"bundle\":\"");
    add(&t, slot == NO_SLOT ? "" : record.bundle[slot]), add(&t, "\",\"trial\":");
    add(&t, record.trial == NO_SLOT ? "false" : "true"), add(&t, ",\"healthy\":");
    add(&t, service.healthy_since ? "true" : "false"), add(&t, ",\"steps\":"), add_count(&t, steps[3]);
    add(&t, ",\"state\":\""), add(&t, record.state), add(&t, "\",\"reason\":\""), add(&t, record.reason);
    add(&t, "\"}\n");
    write_bytes(control_fd, line, t.used);
}

/* receive DIGEST BYTES: the bytes of a bundle follow on the same device. */
static void receive(const char *words) {
    char part[128], whole[128], bundle[65];
    text t = {part, 0, sizeof part};
    if (length(words) < 66 || !is_digest(words, 64)) return say("not a digest: ", words, "");
    memcpy(bundle, words, 64), bundle[64] = 0;
    word left = (word)number(words + 65), error;
    make_room();
    add(&t, INCOMING), add(&t, "/arriving.part");
    word fd = open_file(part, FOR_WRITING | CREATE | TRUNCATE, 0600);
    error = fd < 0 ? fd : 0;
    while (left > 0 && !stopping) { /* after an error too, or the rest would be read as commands */
        poll_item one = {(i32)control_fd, READABLE, 0};
        moment limit = {30, 0};
        if (poll_for(&one, 1, limit) <= 0) break;
        word n = system_call(SYS_READ, control_fd, (word)piece, left < (word)sizeof piece ? left : (word)sizeof piece, 0, 0);
        if (n > 0) error = error ? error : write_bytes(fd, piece, n), left -= n;
        else if (n != ERR_AGAIN) sleep_ms(20);
    }
    if (!error) error = sync_file(fd);
    if (fd >= 0) close_file(fd);
    if (error || left) {
        remove_file(part);
        return say("the update was not received: ", error ? reason(error) : "its bytes stopped", "");
    }
    rename_file(part, bundle_path(whole, INCOMING, bundle)), sync_folder(INCOMING);
    say("received ", bundle, "");
}

static void obey(const char *line) {
    if (same(line, "status")) reply_status();
    else if (same(line, "poweroff")) ending = END_POWER_OFF;
    else if (same(line, "reboot")) ending = END_RESTART;
    else if (begins(line, "receive ")) receive(line + 8);
    else say("unknown: ", line, "");
}

/* Wait for a line of the control device; obey it when it is whole. */
static void listen_for(i32 ms) {
    static char line[256];
    static word used;
    poll_item one = {(i32)control_fd, READABLE, 0};
    moment limit = {0, ms * 1000000};
    if (control_fd < 0 || poll_for(&one, 1, limit) <= 0 || !(one.revents & READABLE)) {
        if (one.revents) sleep_ms(ms);
        return;
    }
    for (char c; !ending && system_call(SYS_READ, control_fd, (word)&c, 1, 0, 0) == 1;) {
        if (c != '\n' && used + 1 < (word)sizeof line) line[used++] = c;
        else line[used] = 0, used = 0, obey(line);
    }
}

/* Undo the update, and return to the slot that was good. */
static void undo(const char *why) {
    roll_back(&record, why);
    write_record(&record);
    say("rolled back: ", record.reason, "");
    start_slot(settle());
}

/* Decide about an update by the health of its program. */
static void judge_trial(void) {
    static char why[200];
    text t = {why, 0, sizeof why};
    u64 age = clock_ms() - service.began;
    why[0] = 0;
    if (service.ended) add(&t, "the program"), add_end(&t, service.status), undo(why);
    else if (service.healthy_since && clock_ms() - service.healthy_since >= options.trial * 1000) {
        commit_trial(&record);
        if (write_record(&record)) say("committed slot ", slot_name(service.slot), "");
    } else if (age > options.wait * 1000 && !service.healthy_since)
        add(&t, "it was not healthy after "), add_count(&t, options.wait), add(&t, " s: "), add(&t, service.complaint), undo(why);
}

/* Keep the program of a good slot running: start it again a second after it ended, or when it is
   not healthy three times in a row. */
static void tend_program(void) {
    static char line[120];
    text t = {line, 0, sizeof line};
    i32 over = service.ended && clock_ms() - service.began > 1000;
    if (service.slot == NO_SLOT || (!over && service.failures < 3)) return;
    if (over) add(&t, "it"), add_end(&t, service.status);
    say("restarting the program: ", over ? line : service.complaint, "");
    start_slot(settle());
}

static void turn(i32 *announced) {
    reap(), limit_check();
    if (service.program > 0 && !service.check && clock_ms() >= service.next_check) start_check();
    if (service.slot != NO_SLOT && service.slot == record.trial) judge_trial();
    else tend_program();
    if (service.healthy_since && *announced != service.slot) say("healthy: slot ", slot_name(*announced = service.slot), "");
    if (!service.healthy_since) *announced = NO_SLOT;
    list_folder(INCOMING, look_at_incoming);
    if (arrived[0]) {
        say("installing ", arrived, "");
        stop_program();
        begin_update();
        start_slot(settle());
    }
    listen_for(100);
}

_Noreturn static void end_board(void) {
    stop_program();
    system_call(SYS_CHDIR, (word)"/", 0, 0, 0, 0);
    while (!system_call(SYS_UMOUNT2, (word)ROOT, 2, 0, 0, 0)) {}
    system_call(SYS_SYNC, 0, 0, 0, 0, 0);
    if (system_call(SYS_UMOUNT2, (word)"/data", 0, 0, 0, 0)) mount(0, "/data", 0, MOUNT_AGAIN | MOUNT_READ_ONLY, 0);
    say("the board ends", "", "");
    system_call(SYS_REBOOT, 0xfee1dead, 672274793, ending ? ending : END_POWER_OFF, 0, 0);
    for (;;) sleep_ms(1000);
}

_Noreturn static void run_board(void) {
    i32 announced = NO_SLOT;
    make_folder("/dev", 0755), make_folder("/data", 0755);
    mount("dev", "/dev", "devtmpfs", MOUNT_NO_SETUID, "");
    load_modules();
    raise_loopback();
    if (!options.data || !mount_data() || system_call(SYS_CHDIR, (word)"/data", 0, 0, 0, 0)) {
        say("there is no data partition: ", options.data ? options.data : "data=DEVICE is missing", "");
        end_board();
    }
    step_fd = open_device(options.step), control_fd = open_device(options.control);
    make_raw(step_fd), make_raw(control_fd);
    start_slot(settle());
    if (record.reason[0]) say("last roll-back: ", record.reason, "");
    while (!stopping && !ending) turn(&announced);
    end_board();
}

static i32 decide(const char *folder) {
    if (system_call(SYS_CHDIR, (word)folder, 0, 0, 0, 0)) return say("there is no ", folder, ""), 2;
    i32 slot = settle();
    if (slot == NO_SLOT) say("no slot has a whole bundle", "", "");
    else say_slot(slot);
    if (record.reason[0]) say("last roll-back: ", record.reason, "");
    return slot == NO_SLOT;
}

static void read_option(const char *word_) {
    if (begins(word_, "data=")) options.data = word_ + 5;
    else if (begins(word_, "step=")) options.step = word_ + 5;
    else if (begins(word_, "control=")) options.control = word_ + 8;
    else if (begins(word_, "trial=")) options.trial = number(word_ + 6);
    else if (begins(word_, "wait=")) options.wait = number(word_ + 5);
}

_Noreturn __attribute__((used)) void enter(word *stack) {
    word n = stack[0];
    char **words = (char **)(stack + 1), **environment = words + n + 1;
    catch_signals();
    if (system_call(SYS_GETPID, 0, 0, 0, 0, 0) == 1) {
        for (word i = 1; i < n; i++) read_option(words[i]);
        for (; *environment; environment++) read_option(*environment);
        run_board();
    }
    if (n == 3 && same(words[1], "decide")) exit_program(decide(words[2]));
    say(BOARD_HELP, "", "");
    exit_program(2);
}
