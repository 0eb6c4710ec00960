/* SHA-256 (FIPS 180-4). */
typedef struct { u32 h[8]; u8 block[64]; u64 size; } sha256;

static const u32 SHA256_K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static u32 turn_right(u32 x, i32 n) { return x >> n | x << (32 - n); }

static void sha256_begin(sha256 *s) {
    static const u32 first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
                                 0x5be0cd19};
    memcpy(s->h, first, sizeof first), s->size = 0;
}

static void sha256_block(sha256 *s, const u8 *p) {
    u32 w[64], v[8];
    for (i32 i = 0; i < 16; i++)
        w[i] = (u32)p[4 * i] << 24 | (u32)p[4 * i + 1] << 16 | (u32)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (i32 i = 16; i < 64; i++) {
        u32 a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (turn_right(a, 7) ^ turn_right(a, 18) ^ a >> 3) +
               (turn_right(b, 17) ^ turn_right(b, 19) ^ b >> 10);
    }
    memcpy(v, s->h, sizeof v);
    for (i32 i = 0; i < 64; i++) {
        u32 a = v[0], e = v[4];
        u32 one = v[7] + (turn_right(e, 6) ^ turn_right(e, 11) ^ turn_right(e, 25)) + ((e & v[5]) ^ (~e & v[6])) +
                  SHA256_K[i] + w[i];
        u32 two = (turn_right(a, 2) ^ turn_right(a, 13) ^ turn_right(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[0] = one + two, v[4] += one;
    }
    for (i32 i = 0; i < 8; i++) s->h[i] += v[i];
}

static void sha256_add(sha256 *s, const u8 *from, word n) {
    word filled = (word)(s->size & 63);
    s->size += (u64)n;
    for (; n > 0; filled = 0) {
        word part = n < 64 - filled ? n : 64 - filled;
        memcpy(s->block + filled, from, (__SIZE_TYPE__)part);
        from += part, n -= part;
        if (filled + part == 64) sha256_block(s, s->block);
    }
}

/* Write the digest as 64 hexadecimal digits and a 0. */
static void sha256_end(sha256 *s, char hex[65]) {
    u64 bits = s->size * 8;
    u8 end[8], digest[32], one = 0x80, zero = 0;
    text t = {hex, 0, 65};
    for (i32 i = 0; i < 8; i++) end[i] = (u8)(bits >> (56 - 8 * i));
    sha256_add(s, &one, 1);
    while ((s->size & 63) != 56) sha256_add(s, &zero, 1);
    sha256_add(s, end, 8);
    for (i32 i = 0; i < 32; i++) digest[i] = (u8)(s->h[i / 4] >> (24 - i % 4 * 8));
    add_hex(&t, digest, 32);
}
