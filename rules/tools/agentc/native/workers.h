/* Workers: processes that step agents of the same tick side by side.
   A worker is a copy of this program (clone without CLONE_VM), so each has its own scratch memory
   of an agent's code. They share SHARED variables only: states, observations, results. Each agent
   has a fixed worker and reads nothing that another agent of its level writes. So the bits do not
   depend on the number of workers. Level by level, this process asks the workers that have agents
   there, steps its own agents, and waits for all. It alone reads, answers, and writes the state. */
#if defined(__x86_64__)
enum { SYS_MMAP = 9, SYS_GETPID = 39, SYS_CLONE = 56, SYS_WAIT4 = 61, SYS_KILL = 62, SYS_GETPPID = 110, SYS_PRCTL = 157,
       SYS_FUTEX = 202 };
#elif defined(__arm__)
enum { SYS_MMAP = 192, SYS_GETPID = 20, SYS_CLONE = 120, SYS_WAIT4 = 114, SYS_KILL = 37, SYS_GETPPID = 64, SYS_PRCTL = 172,
       SYS_FUTEX = 240 };
#else
enum { SYS_MMAP = 222, SYS_GETPID = 172, SYS_CLONE = 220, SYS_WAIT4 = 260, SYS_KILL = 129, SYS_GETPPID = 173,
       SYS_PRCTL = 167, SYS_FUTEX = 98 };
#endif
enum { SIGNAL_KILL = 9, SIGNAL_CHILD = 17, READ_OR_WRITE = 3, FIXED_SHARED_ANONYMOUS = 0x31 };
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, DEATH_SIGNAL = 1, DO_NOT_WAIT = 1 };

typedef struct { u32 asked, done, rest_of_line[14]; } mailbox; /* turns of one worker; a cache line */
typedef struct { mailbox of[WORKERS]; i32 copy, level, count; } post;
static volatile word worker_pids[WORKERS]; /* 0: none */
static volatile i32 has_lost_worker; /* 1: a worker was killed */
static u64 wanted_workers = WORKERS; /* --workers */
static i32 can_work(void) { return wanted_workers >= 1 && wanted_workers <= WORKERS; }

/* All that workers share, in whole pages of the largest size. */
typedef struct {
    post mail;
    __typeof__(coalitions) states;
    __typeof__(observation) seen;
    __typeof__(delayed_values) delayed;
    __typeof__(vfe) variational;
    __typeof__(efe) expected;
#if MONITOR
    __typeof__(monitors) tests;
    __typeof__(alarmed) raised;
#endif
} __attribute__((aligned(1 << 16))) shared_memory;
static shared_memory shared;
static post *const mail = &shared.mail;

/* Map zeroed pages over `shared` that later processes share; returns 0 or an error. */
static i32 map_shared(void) {
    word error;
#if defined(__x86_64__)
    register word r10 __asm__("r10") = FIXED_SHARED_ANONYMOUS;
    register word r8 __asm__("r8") = -1;
    register word r9 __asm__("r9") = 0;
    error = SYS_MMAP;
    __asm__ volatile("syscall" : "+a"(error) : "D"(&shared), "S"(sizeof shared), "d"(READ_OR_WRITE), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register word x8 __asm__("x8") = SYS_MMAP;
    register word x0 __asm__("x0") = (word)&shared;
    register word x1 __asm__("x1") = sizeof shared;
    register word x2 __asm__("x2") = READ_OR_WRITE;
    register word x3 __asm__("x3") = FIXED_SHARED_ANONYMOUS;
    register word x4 __asm__("x4") = -1;
    register word x5 __asm__("x5") = 0;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    error = x0;
#elif defined(__arm__)
    register word r7 __asm__("r7") = SYS_MMAP;
    register word r0 __asm__("r0") = (word)&shared;
    register word r1 __asm__("r1") = sizeof shared;
    register word r2 __asm__("r2") = READ_OR_WRITE;
    register word r3 __asm__("r3") = FIXED_SHARED_ANONYMOUS;
    register word r4 __asm__("r4") = -1;
    register word r5 __asm__("r5") = 0;
    __asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
    error = r0;
#else
    register word a7 __asm__("a7") = SYS_MMAP;
    register word a0 __asm__("a0") = (word)&shared;
    register word a1 __asm__("a1") = sizeof shared;
    register word a2 __asm__("a2") = READ_OR_WRITE;
    register word a3 __asm__("a3") = FIXED_SHARED_ANONYMOUS;
    register word a4 __asm__("a4") = -1;
    register word a5 __asm__("a5") = 0;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
    error = a0;
#endif
    return error == (word)&shared ? 0 : (i32)error;
}

/* Place the shared variables, at the start of the program; returns 0 or an error. */
static i32 share_variables(void) {
    shared_coalitions = &shared.states, shared_observation = &shared.seen;
    shared_delayed_values = &shared.delayed, shared_vfe = &shared.variational, shared_efe = &shared.expected;
#if MONITOR
    shared_monitors = &shared.tests, shared_alarmed = &shared.raised;
#endif
    i32 error = map_shared();
    mail->count = 1;
    return error;
}

static word futex(u32 *at, i32 operation, u32 value, const moment *limit) {
    return system_call(SYS_FUTEX, (word)at, operation, (word)value, (word)limit, 0);
}

/* Share k of a level has the instances share[first] .. share[last - 1]; worker w takes the shares
   w, w + count.. */
static i32 has_share(i32 level, i32 w) {
    for (i32 k = level * WORKERS + w; k < (level + 1) * WORKERS; k += mail->count)
        if (share_ends[k] < share_ends[k + 1]) return 1;
    return 0;
}

static void step_shares(i32 level, i32 w, i32 copy_) {
    for (i32 k = level * WORKERS + w; k < (level + 1) * WORKERS; k += mail->count)
        for (i32 at = share_ends[k]; at < share_ends[k + 1]; at++) step_one(&coalitions[copy_], share[at], copy_);
}

_Noreturn static void work(i32 w, word parent) {
    mailbox *mine = &mail->of[w];
    u32 turn = 0;
    /* a signal to the whole group ends the parent, which ends its workers */
    catch_signal(SIGNAL_TERM, (void (*)(i32))1);
    catch_signal(SIGNAL_INT, (void (*)(i32))1);
    system_call(SYS_PRCTL, DEATH_SIGNAL, SIGNAL_KILL, 0, 0, 0);
    if (system_call(SYS_GETPPID, 0, 0, 0, 0, 0) != parent) exit_program(0);
    /* so that a reader of the answers sees their end */
    for (i32 fd = 0; fd < 2; fd++) system_call(SYS_CLOSE, fd, 0, 0, 0, 0);
    for (;;) {
        u32 asked;
        while ((asked = __atomic_load_n(&mine->asked, __ATOMIC_ACQUIRE)) == turn) futex(&mine->asked, FUTEX_WAIT, turn, 0);
        turn = asked;
        step_shares(mail->level, w, mail->copy);
        __atomic_store_n(&mine->done, turn, __ATOMIC_RELEASE);
        futex(&mine->done, FUTEX_WAKE, 1, 0);
    }
}

/* Collect processes that ended: workers, and whatever process 1 of a container is left with. A
   killed worker ends the program as a stop signal does, also between two steps. */
static void on_child(i32 signal) {
    word pid;
    while ((pid = system_call(SYS_WAIT4, -1, 0, DO_NOT_WAIT, 0, 0)) > 0)
        for (i32 w = 1; w < WORKERS; w++)
            if (worker_pids[w] == pid) worker_pids[w] = 0, has_lost_worker = 1, on_stop(signal);
}

/* Start `count_` - 1 workers besides this process, or fewer if the system refuses. */
static void start_workers(i32 count_) {
    word parent = system_call(SYS_GETPID, 0, 0, 0, 0, 0);
    i32 w = 1;
    catch_signal(SIGNAL_CHILD, on_child); /* also where the parent process ignores it */
    for (; w < count_; w++) {
        word pid = system_call(SYS_CLONE, SIGNAL_CHILD, 0, 0, 0, 0);
        if (!pid) work(w, parent);
        if (pid < 0) {
            const char *why = pid == ERR_AGAIN ? "the limit of processes is reached" : reason(pid);
            warn("a worker cannot be started: ", why, "; fewer step the agents");
            break;
        }
        worker_pids[w] = pid;
    }
    mail->count = w;
}

static void end_workers(void) {
    catch_signal(SIGNAL_CHILD, 0);
    for (i32 w = 1; w < mail->count; w++) {
        word pid = worker_pids[w];
        if (pid <= 0) continue;
        system_call(SYS_KILL, pid, SIGNAL_KILL, 0, 0, 0);
        while (system_call(SYS_WAIT4, pid, 0, 0, 0, 0) == ERR_INTERRUPTED) {}
    }
    mail->count = 1;
}

/* Whether a worker was killed. The end of one that had no number yet is not known from its signal. */
static i32 is_lost(i32 w) {
    word pid = worker_pids[w];
    if (!has_lost_worker && system_call(SYS_WAIT4, pid, 0, DO_NOT_WAIT, 0, 0)) worker_pids[w] = 0, has_lost_worker = stopping = 1;
    return has_lost_worker;
}

static i32 report_io_errors(i32 code);

/* Wait for a worker. If one was killed, half a step is in memory: end without writing the state. */
static void await(i32 w) {
    static const moment LIMIT = {0, 100000000}; /* for a signal just before the wait */
    mailbox *its = &mail->of[w];
    u32 done;
    while ((done = __atomic_load_n(&its->done, __ATOMIC_ACQUIRE)) != its->asked) {
        word slept = futex(&its->done, FUTEX_WAIT, done, &LIMIT);
        if ((slept != ERR_TIMED_OUT && slept != ERR_INTERRUPTED) || !is_lost(w)) continue;
        warn("a worker was killed in a step; the state does not have this step", "", "");
        exit_program(report_io_errors(70));
    }
}

/* Step all instances, in place of the loop of step_all. */
static void step_side_by_side(i32 copy_) {
    mail->copy = copy_;
    for (i32 level = 0; level < LEVELS; level++) {
        mail->level = level;
        for (i32 w = 1; w < mail->count; w++)
            if (has_share(level, w)) {
                mailbox *its = &mail->of[w];
                __atomic_store_n(&its->asked, its->asked + 1, __ATOMIC_RELEASE);
                futex(&its->asked, FUTEX_WAKE, 1, 0);
            }
        step_shares(level, 0, copy_);
        for (i32 w = 1; w < mail->count; w++)
            if (has_share(level, w)) await(w);
    }
#if MONITOR
    for (i32 k = 0; k < INSTANCES; k++)
        if (alarmed[order[k]]) alarmed[order[k]] = 0, log_alarm(order[k], copy_);
#endif
}
