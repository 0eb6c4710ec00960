/* The service: the program of a slot, as its own user in the root of its image, and its health. */
static const char ROOT[] = "/slot";

static struct {
    i32 slot;            /* that runs, or NO_SLOT */
    word program, check, bridge; /* processes; 0 for none */
    u64 began, next_check, check_began, healthy_since; /* milliseconds; healthy_since 0: not healthy */
    i32 failures, status; /* unsuccessful checks in a row, status of the program that ended */
    i32 ended;
    char complaint[160]; /* why it is not healthy */
} service = {NO_SLOT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}};

static word step_fd = -1; /* where a program without HTTP reads and answers lines */

/* Prepare the root of a slot in memory; 1 if its bundle is whole. The root becomes read-only. */
static i32 prepare_root(i32 slot) {
    static char path[256], state[80];
    char bundle[128];
    text t = {path, 0, sizeof path}, s = {state, 0, sizeof state};
    word flags = MOUNT_NO_SETUID | MOUNT_NO_DEVICES;
    while (!system_call(SYS_UMOUNT2, (word)ROOT, 2, 0, 0, 0)) {}
    make_folder(ROOT, 0755);
    if (mount("slot", ROOT, "tmpfs", flags, "mode=0755,size=90%")) return 0;
    if (!unpack_bundle(bundle_path(bundle, SLOTS, record.bundle[slot]), ROOT)) return 0;
    add(&t, ROOT), add(&t, settings.state), add(&s, "/data/state/"), add(&s, slot_name(slot));
    make_folder(s.to, 0700);
    system_call(SYS_FCHOWNAT, AT_CWD, (word)s.to, settings.user, settings.group, 0);
    if (settings.state[0] && !mount(s.to, path, 0, MOUNT_BIND, 0))
        mount(0, path, 0, MOUNT_BIND | MOUNT_AGAIN | flags | MOUNT_NO_PROGRAMS, 0);
    t.used = 0, add(&t, ROOT), add(&t, "/proc"), make_folder(path, 0755);
    mount("proc", path, "proc", flags | MOUNT_NO_PROGRAMS, 0);
    t.used = 0, add(&t, ROOT), add(&t, "/sys"), make_folder(path, 0755);
    mount("sysfs", path, "sysfs", flags | MOUNT_NO_PROGRAMS | MOUNT_READ_ONLY, 0);
    return !mount(0, ROOT, 0, MOUNT_AGAIN | MOUNT_READ_ONLY | flags, "mode=0755,size=90%");
}

/* In a child: give up all rights and become a program of the slot. */
_Noreturn static void become(char *const *words, word in, word out_fd) {
    enum { NO_NEW_RIGHTS = 38 };
    i32 confined = !system_call(SYS_CHROOT, (word)ROOT, 0, 0, 0, 0) && !system_call(SYS_CHDIR, (word)"/", 0, 0, 0, 0) &&
                   !system_call(SYS_SETGROUPS, 0, 0, 0, 0, 0) && !system_call(SYS_SETGID, settings.group, 0, 0, 0, 0) &&
                   !system_call(SYS_SETUID, settings.user, 0, 0, 0, 0) &&
                   !system_call(SYS_PRCTL, NO_NEW_RIGHTS, 1, 0, 0, 0);
    catch_signal(SIGNAL_PIPE, 0);
    system_call(SYS_SETSID, 0, 0, 0, 0, 0);
    if (in >= 0) system_call(SYS_DUP3, in, 0, 0, 0, 0);
    if (out_fd >= 0) system_call(SYS_DUP3, out_fd, 1, 0, 0, 0);
    if (confined) system_call(SYS_EXECVE, (word)words[0], (word)words, (word)settings.environment, 0, 0);
    exit_program(127);
}

static void start_program(void) {
    word nowhere = open_file("/dev/null", FOR_BOTH, 0), lines = settings.port ? nowhere : step_fd;
    service.ended = service.failures = 0, service.healthy_since = 0, service.check = service.bridge = 0;
    service.began = clock_ms(), service.next_check = service.began + 200;
    set_text(service.complaint, sizeof service.complaint, "it has not been checked");
    service.program = fork_process();
    if (!service.program) become(settings.run, lines, lines >= 0 ? lines : nowhere);
    if (settings.port && step_fd >= 0) {
        service.bridge = fork_process();
        if (!service.bridge) system_call(SYS_SETUID, settings.user, 0, 0, 0, 0), bridge_steps(step_fd, settings.port);
    }
    if (nowhere >= 0) close_file(nowhere);
}

static void start_check(void) {
    service.check_began = clock_ms(), service.check = fork_process();
    if (service.check) return;
    word body, end, nowhere = open_file("/dev/null", FOR_BOTH, 0);
    if (settings.port && http_call(settings.port, "GET /healthz", 0, 0, &body, &end) != 200) exit_program(99);
    if (!settings.health[0]) exit_program(0);
    become(settings.health, nowhere, nowhere);
}

/* Describe the end of a process. */
static void add_end(text *t, i32 status) {
    i32 signal = status & 127;
    add(t, signal ? " was ended by signal " : " ended with ");
    add_count(t, (u64)(signal ? signal : status >> 8 & 255));
    if (signal == 4) add(t, " (illegal instruction)");
    if (signal == 11) add(t, " (memory that is not its own)");
    if (!signal && status >> 8 == 127) add(t, " (it cannot be started)");
}

static void note_check(i32 status) {
    text t = {service.complaint, 0, sizeof service.complaint};
    service.check = 0, service.next_check = clock_ms() + (record.trial == NO_SLOT && service.healthy_since ? 5000 : 300);
    if (!status) {
        service.failures = 0;
        if (!service.healthy_since) service.healthy_since = clock_ms();
        return;
    }
    service.failures++, service.healthy_since = 0, t.to[0] = 0;
    if ((status & 127) == SIGNAL_KILL) add(&t, "the health check did not end within 10 s");
    else if (status >> 8 == 99) add(&t, "GET /healthz was not answered with 200");
    else add(&t, settings.health[0]), add(&t, settings.health[1] ? " " : ""),
        add(&t, settings.health[1] ? settings.health[1] : ""), add_end(&t, status);
}

/* Collect processes that ended. */
static void reap(void) {
    enum { NOT_WAITING = 1 };
    i32 status = 0;
    for (;;) {
        word process = system_call(SYS_WAIT4, -1, (word)&status, NOT_WAITING, 0, 0);
        if (process <= 0) return;
        if (process == service.program) service.program = 0, service.ended = 1, service.status = status;
        else if (process == service.bridge) service.bridge = 0;
        else if (process == service.check) note_check(status);
    }
}

static void kill_process(word process, i32 signal) {
    if (process > 0) system_call(SYS_KILL, process, signal, 0, 0, 0);
}

/* End a health check that takes too long; its end is a failure. */
static void limit_check(void) {
    if (service.check > 0 && clock_ms() - service.check_began > 10000) kill_process(service.check, SIGNAL_KILL);
}

/* Stop the program: SIGTERM, and SIGKILL after ten seconds. */
static void stop_program(void) {
    u64 until = clock_ms() + 10000;
    kill_process(service.bridge, SIGNAL_KILL), kill_process(service.check, SIGNAL_KILL);
    i32 was_running = service.program > 0;
    kill_process(service.program, SIGNAL_TERM);
    for (i32 killed = 0; service.program > 0; sleep_ms(10)) {
        reap();
        if (!killed && clock_ms() > until) kill_process(service.program, SIGNAL_KILL), killed = 1;
    }
    while (service.bridge > 0 || service.check > 0) reap(), sleep_ms(5);
    static char line[120];
    text t = {line, 0, sizeof line};
    if (was_running) add(&t, "the program"), add_end(&t, service.status), say("stopped: ", line, "");
    service.slot = NO_SLOT, service.healthy_since = 0;
}

static void say_slot(i32 slot) {
    static char line[100];
    text t = {line, 0, sizeof line};
    add(&t, slot_name(slot)), add(&t, " sha256:"), add(&t, record.bundle[slot]);
    say(slot == record.trial ? "trying slot " : "starting slot ", line, "");
}

/* Start the program of a slot; what does not start is found by its health. */
static void start_slot(i32 slot) {
    stop_program();
    service.slot = slot, service.ended = 0;
    if (slot == NO_SLOT) return say("no slot has a whole bundle; waiting for an update", "", "");
    say_slot(slot);
    if (prepare_root(slot)) return start_program();
    service.program = 0, service.ended = 1, service.status = 126 << 8;
}
