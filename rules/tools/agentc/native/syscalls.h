/* Entry point and system calls of Linux on x86-64, aarch64, arm (EABI) and riscv64; no C library.
   WebAssembly imports system_call from its host, with the numbers of x86-64.
   HOSTED: a fuzzer brings its own system_call and the C library's memory functions. */
typedef long word;

#if defined(HOSTED) || defined(__x86_64__) || defined(__wasm__)
enum { SYS_READ = 0, SYS_WRITE = 1, SYS_CLOSE = 3, SYS_SIGACTION = 13, SYS_SOCKET = 41, SYS_CONNECT = 42,
       SYS_SHUTDOWN = 48, SYS_BIND = 49, SYS_LISTEN = 50, SYS_GETSOCKNAME = 51, SYS_SETSOCKOPT = 54, SYS_FLOCK = 73,
       SYS_FSYNC = 74, SYS_CLOCK = 228, SYS_EXIT = 231, SYS_OPENAT = 257, SYS_UNLINKAT = 263, SYS_PPOLL = 271,
       SYS_ACCEPT4 = 288, SYS_RENAMEAT2 = 316, SYS_STATFS = 137 };
#elif defined(__arm__)
enum { SYS_READ = 3, SYS_WRITE = 4, SYS_CLOSE = 6, SYS_SIGACTION = 174, SYS_SOCKET = 281, SYS_CONNECT = 283,
       SYS_SHUTDOWN = 293, SYS_BIND = 282, SYS_LISTEN = 284, SYS_GETSOCKNAME = 286, SYS_SETSOCKOPT = 294, SYS_FLOCK = 143,
       SYS_FSYNC = 118, SYS_CLOCK = 263, SYS_EXIT = 248, SYS_OPENAT = 322, SYS_UNLINKAT = 328, SYS_PPOLL = 336,
       SYS_ACCEPT4 = 366, SYS_RENAMEAT2 = 382, SYS_STATFS = 266 };
#else
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_CLOSE = 57, SYS_SIGACTION = 134, SYS_SOCKET = 198, SYS_CONNECT = 203,
       SYS_SHUTDOWN = 210, SYS_BIND = 200, SYS_LISTEN = 201, SYS_GETSOCKNAME = 204, SYS_SETSOCKOPT = 208, SYS_FLOCK = 32,
       SYS_FSYNC = 82, SYS_CLOCK = 113, SYS_EXIT = 94, SYS_OPENAT = 56, SYS_UNLINKAT = 35, SYS_PPOLL = 73,
       SYS_ACCEPT4 = 242, SYS_RENAMEAT2 = 276, SYS_STATFS = 43 };
#endif

#if defined(HOSTED)
#include <string.h>
static word system_call(word n, word a, word b, word c, word d, word e);
#elif defined(__x86_64__)
__asm__(".text\n.globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call enter\n"
        ".globl leave_signal\nleave_signal:\n mov $15, %eax\n syscall\n");
static word system_call(word n, word a, word b, word c, word d, word e) {
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return n;
}
#elif defined(__aarch64__)
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
#elif defined(__wasm__)
__attribute__((import_module("host"), import_name("system_call"))) extern word system_call(word n, word a, word b,
                                                                                           word c, word d, word e);
#else
#error "no start-up code for this processor"
#endif

#if !defined(HOSTED)
/* The compiler may call these four functions with any flags. */
typedef u64 __attribute__((may_alias)) chunk;
void *memset(void *to, int value, __SIZE_TYPE__ n) {
    for (__SIZE_TYPE__ i = 0; i < n; i++) ((volatile u8 *)to)[i] = (u8)value;
    return to;
}
void *memcpy(void *restrict to, const void *restrict from, __SIZE_TYPE__ n) {
    __SIZE_TYPE__ i = 0;
    if (!(((__SIZE_TYPE__)to | (__SIZE_TYPE__)from) & 7))
        for (; i + 8 <= n; i += 8) *(volatile chunk *)((u8 *)to + i) = *(const chunk *)((const u8 *)from + i);
    for (; i < n; i++) ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
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
#endif
