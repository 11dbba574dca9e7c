/*
 * WordPiece: UTF-8 texts to ids, longest match first, as TF-Text's FastWordpieceTokenizer gives
 * them with its own splitting into words. Texts are well-formed UTF-8; Python sees to that.
 */
#include "wordpiece.h"

enum { MARGIN = 16 }; /* bytes that may be read behind a text */

/* A text as it is cut, and the class of each of its bytes; behind it lie spaces. */
typedef struct {
    u8 *bytes, *classes;
    i64 size, room;
} Work;

/* Whether folding drops a control character. */
static inline bool dropped(u8 byte) {
    return (byte < 32 && (u8)(byte - 9) >= 5) || byte == 127;
}

/*
 * Take a text over; whether there was memory. With `fold`, one of ASCII alone is folded: in lower
 * case, and without control characters.
 */
static bool take(Work *work, const WordPiece *self, const u8 *text, i64 size, bool fold) {
    if (work->room < size + MARGIN) {
        free(work->bytes);
        work->room = 2 * (size + MARGIN);
        work->bytes = malloc(2 * (size_t)work->room);
        if (!work->bytes) return false;
        work->classes = work->bytes + work->room;
    }
    u8 *to = work->bytes, any = 0, control = 0;
    for (i64 place = 0; fold && place < size; place++) any |= text[place];
    if (fold && any < 0x80) {
        for (i64 place = 0; place < size; place++) {
            u8 byte = text[place];
            to[place] = (u8)(byte + ((u8)(byte - 'A') < 26 ? 32 : 0));
            control |= dropped(byte);
        }
        i64 kept = control ? 0 : size;
        for (i64 place = 0; control && place < size; place++) {
            u8 byte = to[place];
            if (!dropped(byte)) to[kept++] = byte;
        }
        size = kept;
    } else {
        memcpy(to, text, (size_t)size);
    }
    for (i64 place = 0; place < size; place++) work->classes[place] = self->byte_classes[to[place]];
    memset(to + size, ' ', MARGIN);
    memset(work->classes + size, SPACE, MARGIN);
    work->size = size;
    return true;
}

/* Return how many of the bytes from `place` on are of a word: there is an end to it. */
static inline i64 plain(const Work *work, i64 place) {
    const u8 *class = work->classes + place;
    i64 size = 0;
    u64 eight;
    for (;; size += 8) {
        memcpy(&eight, class + size, 8);
        if (eight) break;
    }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return size + (__builtin_ctzll(eight) >> 3);
#else
    return size + (__builtin_clzll(eight) >> 3);
#endif
}

/* Return the class of the character at `place` and set its number of bytes. */
static inline u8 class_at(const WordPiece *self, const u8 *text, i64 left, i64 *size) {
    u32 code = text[0];
    if (code < 0x80) {
        *size = 1;
        return self->classes[code];
    }
    i64 count = code >= 0xF0 ? 4 : code >= 0xE0 ? 3 : 2;
    if (count > left) count = left;
    code &= 0xFFu >> (count + 1);
    for (i64 next = 1; next < count; next++) code = code << 6 | (text[next] & 0x3F);
    *size = count;
    return code < CODES ? self->classes[code] : ALONE;
}

/* Write the ids of one word and return their number. */
static i64 cut(const WordPiece *self, const u8 *word, i64 size, i32 *ids) {
    i64 count = 0, place = 0;
    if (size > self->longest) {
        ids[0] = self->unknown;
        return 1;
    }
    if ((ids[0] = whole(self, word, size, key_of(word, size))) != NONE) return 1;
    while (place < size) {
        i32 node = place ? CONTINUATION : BEGINNING, found = NONE;
        i64 end = place;
        for (i64 next = place; next < size;) {
            node = child(self, node, word[next++]);
            if (node == NONE) break;
            if (self->nodes[node].id != NONE) {
                found = self->nodes[node].id;
                end = next;
            }
        }
        if (found == NONE) {
            ids[0] = self->unknown;
            return 1;
        }
        ids[count++] = found;
        place = end;
    }
    return count;
}

/* Write the ids of the word at `*place`, which is moved behind it; return their number. */
static i64 next_word(const WordPiece *self, const Work *work, i64 *place, i32 *ids) {
    const u8 *word = work->bytes + *place;
    u8 class = work->classes[*place];
    if (!class) {
        i64 size = plain(work, *place);
        if (work->classes[*place + size] != FOREIGN) {
            *place += size;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            if (size <= SHORT) { /* its key in one step */
                u64 key;
                memcpy(&key, word, SHORT);
                key &= ~UINT64_C(0) >> (64 - 8 * size);
                if ((ids[0] = whole(self, word, size, key)) != NONE) return 1;
            }
#endif
            return cut(self, word, size, ids);
        }
    } else if (class == ALONE) {
        *place += 1;
        ids[0] = self->singles[*word];
        return 1;
    }
    i64 end = *place, size;
    class = class_at(self, work->bytes + end, work->size - end, &size);
    end += size;
    if (class == SPACE) {
        *place = end;
        return 0;
    }
    while (class != ALONE && end < work->size) {
        if (class_at(self, work->bytes + end, work->size - end, &size)) break;
        end += size;
    }
    size = end - *place;
    *place = end;
    return cut(self, word, size, ids);
}

/*
 * Write the ids of texts, which lie in `bytes` between `begins`, and how many each has; return how
 * many there are, or -1 where there is no memory. There is room for as many ids as bytes. With
 * `opening`, the first piece of a word of several gets the id that stands there. With `fold`, texts
 * of ASCII alone are folded first.
 */
i64 moddefense_wordpiece(const WordPiece *self, const u8 *bytes, const i64 *begins, i64 texts,
                         const i32 *opening, i32 fold, i32 *ids, i64 *lengths) {
    Work work = {0};
    i64 total = 0;
    for (i64 text = 0; text < texts; text++) {
        i64 before = total, place = 0;
        if (!take(&work, self, bytes + begins[text], begins[text + 1] - begins[text], fold)) {
            total = -1;
            break;
        }
        while (place < work.size) {
            if (work.classes[place] == SPACE) {
                place++;
                continue;
            }
            i64 count = next_word(self, &work, &place, ids + total);
            if (opening && count > 1) ids[total] = opening[ids[total]];
            total += count;
        }
        lengths[text] = total - before;
    }
    free(work.bytes);
    return total;
}

/*
 * Note the texts in which `least` bytes in a row, at least one, may be of letters. Control
 * characters, which folding drops, count as letters.
 */
void moddefense_runs(const u8 *bytes, const i64 *begins, i64 texts, i64 least, u8 *found) {
    for (i64 text = 0; text < texts; text++) {
        i64 since = begins[text];
        found[text] = 0;
        while (since + least <= begins[text + 1]) {
            i64 place = since + least; /* backwards: most runs end long before */
            while (place > since) {
                u8 byte = bytes[place - 1];
                if (byte < 0x80 && (u8)((byte | 32) - 'a') >= 26 && !dropped(byte)) break;
                place--;
            }
            if (place == since) {
                found[text] = 1;
                break;
            }
            since = place;
        }
    }
}
