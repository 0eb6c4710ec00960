/* Entry point and system calls of Linux on x86-64, aarch64, arm (EABI) and riscv64; no C library. */
typedef long word;

#if defined(__x86_64__)
enum { SYS_READ = 0, SYS_WRITE = 1, SYS_SIGACTION = 13, SYS_EXIT = 231, SYS_PPOLL = 271,
       SYS_CLOCK = 228, SYS_SLEEP = 230 };
__asm__(".text\n.globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call enter\n"
        ".globl leave_signal\nleave_signal:\n mov $15, %eax\n syscall\n");
static word system_call(word n, word a, word b, word c, word d, word e) {
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return n;
}
#elif defined(__aarch64__)
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_SIGACTION = 134, SYS_EXIT = 94, SYS_PPOLL = 73,
       SYS_CLOCK = 113, SYS_SLEEP = 115 };
__asm__(".text\n.globl _start\n_start:\n mov x29, #0\n mov x30, #0\n mov x0, sp\n and sp, x0, #-16\n b enter\n");
static word system_call(word n, word a, word b, word c, word d, word e) {
    register word x8 __asm__("x8") = n;
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    register word x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
#elif defined(__arm__)
enum { SYS_READ = 3, SYS_WRITE = 4, SYS_SIGACTION = 174, SYS_EXIT = 248, SYS_PPOLL = 336,
       SYS_CLOCK = 263, SYS_SLEEP = 265 };
__asm__(".text\n.arm\n.globl _start\n_start:\n mov r11, #0\n mov lr, #0\n mov r0, sp\n and r1, r0, #-16\n mov sp, r1\n"
        " blx enter\n");
static word system_call(word n, word a, word b, word c, word d, word e) {
    register word r7 __asm__("r7") = n;
    register word r0 __asm__("r0") = a;
    register word r1 __asm__("r1") = b;
    register word r2 __asm__("r2") = c;
    register word r3 __asm__("r3") = d;
    register word r4 __asm__("r4") = e;
    __asm__ volatile("svc #0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4) : "memory");
    return r0;
}
#elif defined(__riscv) && __riscv_xlen == 64
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_SIGACTION = 134, SYS_EXIT = 94, SYS_PPOLL = 73,
       SYS_CLOCK = 113, SYS_SLEEP = 115 };
__asm__(".text\n.globl _start\n_start:\n mv a0, sp\n andi sp, sp, -16\n tail enter\n");
static word system_call(word n, word a, word b, word c, word d, word e) {
    register word a7 __asm__("a7") = n;
    register word a0 __asm__("a0") = a;
    register word a1 __asm__("a1") = b;
    register word a2 __asm__("a2") = c;
    register word a3 __asm__("a3") = d;
    register word a4 __asm__("a4") = e;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}
#else
#error "no start-up code for this processor"
#endif

enum { ERR_INTERRUPTED = -4, ERR_AGAIN = -11 };
enum { SIGNAL_INT = 2, SIGNAL_PIPE = 13, SIGNAL_TERM = 15 };

_Noreturn static void leave(i32 code) {
    for (;;) system_call(SYS_EXIT, code, 0, 0, 0, 0);
}

/* The compiler may call these four for copies and zeroes, whatever the flags. */
void *memset(void *to, int value, __SIZE_TYPE__ n) {
    for (__SIZE_TYPE__ i = 0; i < n; i++) ((volatile u8 *)to)[i] = (u8)value;
    return to;
}
void *memcpy(void *restrict to, const void *restrict from, __SIZE_TYPE__ n) {
    for (__SIZE_TYPE__ i = 0; i < n; i++) ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
    return to;
}
void *memmove(void *to, const void *from, __SIZE_TYPE__ n) {
    if ((u8 *)to <= (const u8 *)from) return memcpy(to, from, n);
    for (__SIZE_TYPE__ i = n; i > 0; i--) ((volatile u8 *)to)[i - 1] = ((const u8 *)from)[i - 1];
    return to;
}
int memcmp(const void *a, const void *b, __SIZE_TYPE__ n) {
    for (__SIZE_TYPE__ i = 0; i < n; i++)
        if (((const volatile u8 *)a)[i] != ((const u8 *)b)[i]) return ((const u8 *)a)[i] < ((const u8 *)b)[i] ? -1 : 1;
    return 0;
}
#if defined(__arm__)
void __aeabi_memcpy(void *to, const void *from, __SIZE_TYPE__ n) { memcpy(to, from, n); }
void __aeabi_memcpy4(void *to, const void *from, __SIZE_TYPE__ n) { memcpy(to, from, n); }
void __aeabi_memcpy8(void *to, const void *from, __SIZE_TYPE__ n) { memcpy(to, from, n); }
void __aeabi_memclr(void *to, __SIZE_TYPE__ n) { memset(to, 0, n); }
void __aeabi_memclr4(void *to, __SIZE_TYPE__ n) { memset(to, 0, n); }
void __aeabi_memclr8(void *to, __SIZE_TYPE__ n) { memset(to, 0, n); }
void __aeabi_memset(void *to, __SIZE_TYPE__ n, int value) { memset(to, value, n); }
#endif

/* A read or a write that would block (stdin shared with a non-blocking program) waits here. */
static void wait_for(i32 fd, short events) {
    struct { i32 fd; short events, revents; } one = {fd, events, 0};
    system_call(SYS_PPOLL, (word)&one, 1, 0, 0, 0);
}

/* Bytes read, 0 at the end; a broken input counts as its end. */
static word read_some(u8 *to, word n) {
    for (;;) {
        word got = system_call(SYS_READ, 0, (word)to, n, 0, 0);
        if (got == ERR_AGAIN) wait_for(0, 1);
        else if (got != ERR_INTERRUPTED) return got < 0 ? 0 : got;
    }
}

/* Writes everything; a reader that went away ends the program without a word. */
static void write_all(i32 fd, const u8 *from, word n) {
    while (n > 0) {
        word done = system_call(SYS_WRITE, fd, (word)from, n, 0, 0);
        if (done == ERR_AGAIN) wait_for(fd, 4);
        else if (done < 0 && done != ERR_INTERRUPTED) leave(0);
        else if (done > 0) from += done, n -= done;
    }
}

static void on_stop(i32 signal) {
    (void)signal;
    leave(0);
}

#if defined(__x86_64__)
extern void leave_signal(void);
#endif

/* As process 1 of a container no signal has a default action: without this `docker stop` waits ten seconds. */
static void catch_signal(i32 signal, void (*handler)(i32)) {
    struct { void *handler; unsigned long flags;
#if !defined(__riscv)
             void *restorer;
#endif
             u8 mask[8]; } action = {0};
    action.handler = (void *)handler;
#if defined(__x86_64__)
    action.flags = 0x04000000ul;
    action.restorer = (void *)leave_signal;
#endif
    system_call(SYS_SIGACTION, signal, (word)&action, 0, 8, 0);
}

static void catch_signals(void) {
    catch_signal(SIGNAL_TERM, on_stop);
    catch_signal(SIGNAL_INT, on_stop);
    catch_signal(SIGNAL_PIPE, (void (*)(i32))1); /* ignored: the write itself then reports it */
}

/* Ticks begin at least TICK_SECONDS + TICK_NANOSECONDS apart; a late one does not make the next ones hurry. */
static void pace(void) {
    static struct { word seconds, nanoseconds; } due, now;
    enum { CLOCK_MONOTONIC = 1, ABSOLUTE = 1 };
    system_call(SYS_CLOCK, CLOCK_MONOTONIC, (word)&now, 0, 0, 0);
    if (now.seconds < due.seconds || (now.seconds == due.seconds && now.nanoseconds < due.nanoseconds)) {
        while (system_call(SYS_SLEEP, CLOCK_MONOTONIC, ABSOLUTE, (word)&due, 0, 0) == ERR_INTERRUPTED) {}
        now = due;
    }
    due.seconds = now.seconds + TICK_SECONDS;
    due.nanoseconds = now.nanoseconds + TICK_NANOSECONDS;
    if (due.nanoseconds >= 1000000000) due.seconds++, due.nanoseconds -= 1000000000;
}
