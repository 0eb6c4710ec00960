/* Replay of records [reset, observation.., executed..] from stdin on one agent, as `--replay` of a
   program does: proves that the objects of a library compute the build host's bits. Linux on Arm,
   Thumb only, no C library. */
__asm__(".text\n.syntax unified\n.thumb\n.globl _start\n.type _start,%function\n_start:\n mov r0, sp\n movs r1, #15\n"
        " bics r0, r1\n mov sp, r0\n bl enter\n");

static i32 system_call(i32 n, i32 a, i32 b, i32 c) {
    register i32 r7 __asm__("r7") = n;
    register i32 r0 __asm__("r0") = a;
    register i32 r1 __asm__("r1") = b;
    register i32 r2 __asm__("r2") = c;
    __asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2) : "memory");
    return r0;
}

enum { SYS_EXIT = 1, SYS_READ = 3, SYS_WRITE = 4, MOST = 4096 };
extern const agent AGENT;

static void write_all(const void *from, i32 n) {
    for (i32 done = 0; done < n;) {
        i32 wrote = system_call(SYS_WRITE, 1, (i32)((const u8 *)from + done), n - done);
        if (wrote <= 0) system_call(SYS_EXIT, 3, 0, 0);
        done += wrote;
    }
}

void enter(void) {
    static i32 record[MOST], action[MOST];
    i32 size = 4 * (1 + AGENT.modalities + AGENT.controls);
    if (size > (i32)sizeof record) system_call(SYS_EXIT, 4, 0, 0);
    for (AGENT.reset();;) {
        i32 got = 0;
        while (got < size) {
            i32 more = system_call(SYS_READ, 0, (i32)((u8 *)record + got), size - got);
            if (more <= 0) system_call(SYS_EXIT, got ? 2 : 0, 0, 0);
            got += more;
        }
        if (record[0]) AGENT.reset();
        i32 policy = AGENT.step(record + 1, action);
        for (i32 s = 0; s < AGENT.states; s++) {
            f32 q = (f32)AGENT.qs[s];
            write_all(&q, 4);
        }
        write_all(AGENT.q_pi, 4 * AGENT.policies);
        write_all(action, 4 * AGENT.controls);
        write_all(&policy, 4);
        AGENT.advance(record + 1 + AGENT.modalities);
    }
}
