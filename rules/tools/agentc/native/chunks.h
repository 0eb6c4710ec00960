/* Decoder of a chunked body (RFC 9112, 7.1), in place and incremental; extensions and trailers are
   dropped. */
enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER, CHUNKS_READ };
enum { FRAMING = HEAD + 8 * BODY }; /* bytes besides the body; a chunk of one byte has five of them */

typedef struct {
    u8 state, has_return;
    i32 left, digits, framing; /* bytes left of this chunk; characters of this line or size; bytes besides the body */
    i32 size;                  /* size of the decoded body */
} chunks;

static i32 hex_digit(u8 c) {
    c = small(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* End a line: WHOLE or 400. */
static i32 end_chunk_line(chunks *c) {
    i32 digits = c->digits;
    c->digits = 0;
    if (c->state == CHUNK_TRAILER) c->state = digits ? CHUNK_TRAILER : CHUNKS_READ;
    else if (c->state == CHUNK_END) c->state = CHUNK_SIZE;
    else if (!digits) return 400;
    else c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
    return WHOLE;
}

/* Decode one byte outside of chunk data: WHOLE, or the status of an error. */
static i32 decode_framing(chunks *c, u8 byte) {
    if (++c->framing > FRAMING) return 413;
    if (c->has_return) {
        c->has_return = 0;
        return byte == '\n' ? end_chunk_line(c) : 400;
    }
    if (byte == '\r') {
        c->has_return = 1;
        return WHOLE;
    }
    if ((byte < ' ' && byte != '\t') || byte == 127 || c->state == CHUNK_END) return 400;
    if (c->state == CHUNK_TRAILER) c->digits = 1;
    if (c->state != CHUNK_SIZE) return WHOLE;
    i32 digit = hex_digit(byte);
    if (digit >= 0) {
        c->digits = 1, c->left = c->left * 16 + digit;
        return c->left > BODY - c->size ? 413 : WHOLE;
    }
    c->state = CHUNK_EXTENSION;
    return c->digits && is_one_of(byte, "; \t") ? WHOLE : 400;
}

/* Decode the bytes after the head (`got` bytes with it): INCOMPLETE, WHOLE (the rest belongs to the
   next request), or the status of an error. The decoded body follows the head. */
static i32 decode_chunks(chunks *c, u8 *in_, i32 head, i32 *got) {
    i32 from = head + c->size, found = WHOLE;
    while (from < *got && found == WHOLE && c->state != CHUNKS_READ)
        if (c->state == CHUNK_DATA) {
            i32 n = *got - from < c->left ? *got - from : c->left;
            memmove(in_ + head + c->size, in_ + from, (__SIZE_TYPE__)n);
            from += n, c->size += n, c->left -= n;
            if (!c->left) c->state = CHUNK_END;
        } else
            found = decode_framing(c, in_[from++]);
    if (found != WHOLE) return found;
    memmove(in_ + head + c->size, in_ + from, (__SIZE_TYPE__)(*got - from));
    *got -= from - head - c->size;
    return c->state == CHUNKS_READ ? WHOLE : INCOMPLETE;
}
