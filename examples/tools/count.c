/* Lines, words and bytes of standard input, as `wc` counts them in the C locale; `--selftest` counts a known text.
   It needs no C library: three system calls are all it makes. */

#if defined __x86_64__
enum { READ = 0, WRITE = 1, EXIT = 60 };
__asm__(".globl _start\n_start: mov %rsp, %rdi\nand $-16, %rsp\ncall start\n");
static long call(long number, long a, const void *b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
#elif defined __aarch64__
enum { READ = 63, WRITE = 64, EXIT = 93 };
__asm__(".globl _start\n_start: mov x0, sp\nbl start\n");
static long call(long number, long a, const void *b, long c) {
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x2 __asm__("x2") = c;
    register const void *x1 __asm__("x1") = b;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#endif

struct counts { long lines, words, bytes; int inside; };

static void take(struct counts *found, const char *text, long size) {
    for (long at = 0; at < size; at++) {
        int space = text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r');
        found->lines += text[at] == '\n';
        found->words += !space && !found->inside;
        found->inside = !space;
    }
    found->bytes += size;
}

static void put(long number, char after) {
    char digits[24];
    int at = sizeof digits;
    digits[--at] = after;
    do digits[--at] = (char)('0' + number % 10); while (number /= 10);
    call(WRITE, 1, digits + at, (long)sizeof digits - at);
}

static int selftest(void) {
    static const char text[] = "two words\nand three more\n";
    struct counts found = {0, 0, 0, 0};
    take(&found, text, sizeof text - 1);
    return !(found.lines == 2 && found.words == 5 && found.bytes == 25);
}

static int count(void) {
    static char text[1 << 16];
    struct counts found = {0, 0, 0, 0};
    long size;
    while ((size = call(READ, 0, text, sizeof text)) > 0) take(&found, text, size);
    put(found.lines, ' ');
    put(found.words, ' ');
    put(found.bytes, '\n');
    return size < 0;
}

__attribute__((noreturn, used)) void start(const long *stack) {
    call(EXIT, stack[0] > 1 ? selftest() : count(), 0, 0);
    __builtin_unreachable();
}
