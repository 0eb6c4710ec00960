/* Buffered output, line input, and numbers as text. */
static u8 out_buffer[4096];
static struct { u8 *to; word used, size; i32 kept, lost; } out = {out_buffer, 0, sizeof out_buffer, 0, 0};

static u64 lost_lines; /* lines that were not written because of `output_error` */
static i32 discards;   /* --measure: full buffers are dropped */

/* After an error write nothing, and read no further request. */
static void flush(void) {
    if (out.kept) return;
    if (discards) {
        out.used = 0;
        return;
    }
    word done = output_error ? 0 : write_all(1, out.to, out.used, &output_error);
    for (; done < out.used; done++) lost_lines += out.to[done] == '\n';
    if (output_error) stopping = 1;
    out.used = 0;
}

/* Redirect later output to the buffer `to`. */
static void redirect_output(u8 *to, word size) {
    out.to = to, out.used = 0, out.size = size, out.kept = 1, out.lost = 0;
}

/* A redirected buffer is sized for its content; the output buffer is flushed when full. */
static void put_bytes(const void *from, word n) {
    for (word i = 0; i < n; i++) {
        if (out.used == out.size) {
            if (out.kept) {
                out.lost = 1;
                return;
            }
            flush();
        }
        out.to[out.used++] = ((const u8 *)from)[i];
    }
}

static void put(const char *s) { put_bytes(s, length(s)); }

static void put_int(i32 value) {
    char digits[12];
    i32 n = 0;
    u32 rest = value < 0 ? 0u - (u32)value : (u32)value;
    do digits[n++] = (char)('0' + rest % 10), rest /= 10;
    while (rest);
    if (value < 0) digits[n++] = '-';
    while (n > 0) put_bytes(&digits[--n], 1);
}

/* No division: 32-bit processors lack the instruction. */
static void put_u64(u64 value) {
    static const u64 tens[] = {
        10000000000000000000ull, 1000000000000000000ull, 100000000000000000ull, 10000000000000000ull, 1000000000000000ull,
        100000000000000ull, 10000000000000ull, 1000000000000ull, 100000000000ull, 10000000000ull, 1000000000ull,
        100000000ull, 10000000ull, 1000000ull, 100000ull, 10000ull, 1000ull, 100ull, 10ull, 1ull};
    i32 begun = 0;
    for (i32 k = 0; k < 20; k++) {
        char digit = '0';
        while (value >= tens[k]) value -= tens[k], digit++;
        if (begun |= digit > '0' || k == 19) put_bytes(&digit, 1);
    }
}

static void put_hex(u64 value) {
    for (i32 shift = 60; shift >= 0; shift -= 4) put_bytes(&"0123456789abcdef"[(value >> shift) & 15], 1);
}

/* Digits of 0 < value < 1e38: value = digits * 10^exponent, 10^8 <= digits < 10^9. */
static u32 decimal(f64 value, i32 *exponent) {
    i32 e = 0;
    while (value >= 1e9) value /= 10.0, e++;
    while (value < 1e-8) value *= 1e16, e -= 16;
    while (value < 1e8) value *= 10.0, e--;
    u32 digits = (u32)(value + 0.5);
    if (digits >= 1000000000u) digits /= 10, e++;
    *exponent = e;
    return digits;
}

/* Nine significant digits, which identify every f32; null if not finite. */
static void put_f32(f32 x) {
    f64 value = x < 0.0f ? -(f64)x : (f64)x;
    i32 e = 0, n = 9;
    char text[9];
    if (!(value < 1e38)) {
        put("null");
        return;
    }
    if (x < 0.0f) put("-");
    if (value < 1e-37) {
        put("0");
        return;
    }
    u32 digits = decimal(value, &e);
    for (i32 i = 8; i >= 0; i--) text[i] = (char)('0' + digits % 10), digits /= 10;
    while (n > 1 && text[n - 1] == '0') n--;
    i32 point = e + 9; /* the value is 0.text * 10^point */
    if (point > 0 && point <= 9) {
        put_bytes(text, n < point ? n : point);
        for (i32 i = n; i < point; i++) put("0");
        if (n > point) put("."), put_bytes(text + point, n - point);
    } else if (point <= 0 && point > -5) {
        put("0.");
        for (i32 i = point; i < 0; i++) put("0");
        put_bytes(text, n);
    } else {
        put_bytes(text, 1);
        if (n > 1) put("."), put_bytes(text + 1, n - 1);
        put("e"), put_int(point - 1);
    }
}

/* One input line without its newline; longer lines are skipped and reported. */
enum { LINE_END = -1, LINE_LONG = -2 };
#define SHOWN(n) #n
#define AS_TEXT(n) SHOWN(n)
static u8 line[LINE], in[4096];
static word in_at, in_end;
static const u8 *text = line; /* text of the request */

static i32 next_byte(void) {
    if (in_at == in_end) {
        flush(); /* flush only before waiting: a burst of lines costs few writes */
        in_at = 0;
        in_end = read_some(in, sizeof in);
        if (in_end <= 0) {
            in_end = 0;
            return -1;
        }
    }
    return in[in_at++];
}

/* Length of the line, LINE_END after the last one, LINE_LONG if it is too long. */
static i32 read_line(void) {
    i32 n = 0, c = next_byte();
    if (c < 0) return LINE_END;
    for (; c >= 0 && c != '\n'; c = next_byte())
        if (n < LINE) line[n++] = (u8)c;
        else n = LINE + 1;
    return n > LINE ? LINE_LONG : n;
}
