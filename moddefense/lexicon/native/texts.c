/* Texts as they are given, made ready for the search: decoded and folded, a byte a character. */
#include "matcher.h"

void moddefense_drop(Texts *texts) {
    free(texts->plain);
    free(texts->wide);
    free(texts->marks);
    free(texts->slipped);
}

/* Return the code point at `at`, which moves on. */
static u32 decoded(const u8 **at) {
    const u8 *from = *at;
    u32 more = from[0] < 0xe0 ? 1 : from[0] < 0xf0 ? 2 : 3;
    u32 code = from[0] & (0x3f >> more);
    for (u32 place = 1; place <= more; place++) code = code << 6 | (from[place] & 0x3f);
    *at += more + 1;
    return code;
}

/* Copy ASCII in lower case, some bytes at a time; return how many. `odd` tells of controls. */
INLINE i64 lowered(const u8 *given, i64 bytes, u8 *plain, Bytes *odd) {
    i64 place = 0;
    for (; bytes - place >= ACROSS; place += ACROSS) {
        u64 parts[4];
        Bytes some;
        memcpy(parts, given + place, ACROSS);
        if ((parts[0] | parts[1] | parts[2] | parts[3]) & 0x8080808080808080u) break;
        memcpy(&some, parts, ACROSS);
        *odd |= ((Bytes)(some < 32) & (Bytes)(some != '\n')) | (Bytes)(some == 127);
        some += (Bytes)((some - 'A') < 26) & 32;
        memcpy(plain + place, &some, ACROSS);
    }
    return place;
}

/* Put what a character beyond ASCII folds to at `place`. */
static void put(Texts *texts, const u32 *images, u32 code, i64 place, u8 *status, Rows *rows) {
    texts->plain[place] = 128;
    *status |= FOREIGN;
    if (images) {
        u32 image = images[code];
        if (!image && rows->strange < STRANGE) rows->stranger[rows->strange++] = code;
        if (!image || image == UNSTEADY) {
            *status |= ODD;
            return;
        }
        code = image - 1;
    }
    if (code < 128 && images) texts->plain[place] = (u8)code;
    if (code >= 128 || !images) {
        texts->wide[place] = code;
        *status |= WIDE;
    }
}

/*
 * Decode `count` texts, joined by line ends, from `bytes` bytes of UTF-8, and fold those whose
 * characters fold by themselves; `status` notes the others as ODD. `images` has for a character what
 * it folds to, plus one, or UNSTEADY, or 0 where that is not known yet: such characters are returned
 * in `rows`. Without images the texts are folded already. `begins` are where texts begin, line ends
 * left out. Whether there was memory.
 */
NEWER bool moddefense_read(Texts *texts, const u32 *classes, const u32 *images, const u8 *given,
                     i64 bytes, const i64 *begins, i64 count, u8 *status, Rows *rows) {
    i64 size = texts->size = begins[count] - begins[0] + count, place = 0, text = 0;
    const u8 *at = given, *end = given + bytes;
    Bytes odd = {0};
    texts->plain = malloc((size_t)size + PADDING);
    texts->wide = malloc((size_t)size * sizeof *texts->wide);
    texts->words = size / 64 + 4;
    texts->marks = malloc((size_t)texts->words * 3 * sizeof *texts->marks);
    if (!texts->plain || !texts->wide || !texts->marks) return false;
    memset(texts->plain + size - 1, '\n', PADDING + 1);
    while (at < end) {
        i64 copied = images ? lowered(at, end - at, texts->plain + place, &odd) : 0;
        place += copied;
        at += copied;
        for (u32 more = 0; more < ACROSS && at < end; more++, place++) {
            u8 byte = *at;
            if (byte < 128 && (images || !(classes[byte] & CONTROL))) {
                odd[0] |= (byte < 32 && byte != '\n') || byte == 127;
                texts->plain[place] = (u8)(byte + ((u8)(byte - 'A') < 26 && images ? 32 : 0));
                at++;
                continue;
            }
            while (begins[text + 1] - begins[0] + text <= place) text++;
            u32 code = byte < 128 ? *at++ : decoded(&at);
            put(texts, byte < 128 ? NULL : images, code, place, status + text, rows);
        }
    }
    bool any = false;
    for (u32 which = 0; which < ACROSS; which++) any = any || odd[which];
    for (text = 0; any && images && text < count; text++)
        for (place = begins[text] - begins[0] + text; place < begins[text + 1] - begins[0] + text;
             place++)
            if (texts->plain[place] < 128 && classes[texts->plain[place]] & CONTROL)
                status[text] |= ODD;
    return true;
}
