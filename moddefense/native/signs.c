/* Signs that texts hide what they say: obfuscation.py, which explains them, in C. */
#include "models.h"

enum { JOINING = 1, MASKING = 2, DIGITS = 4, SPACING = 8, REPETITION = 16 };
enum { LETTER = 'a', DIGIT = '1', MASK = '*', BLANK = ' ', OTHER = '.' };
enum { CHUNK = 200, JOINED = 30, APART = 4, REPEATED = 5 };

typedef struct {
    const u8 *at; /* in lower case */
    i64 size;
} Text;

static const u8 KINDS[256] = {
    [0 ... '"'] = BLANK,  ['#' ... '%'] = MASK,   ['&' ... ')'] = BLANK, ['*'] = MASK,
    ['+' ... '/'] = BLANK, ['0' ... '9'] = DIGIT,  [':' ... '?'] = BLANK, ['@'] = MASK,
    ['A' ... '`'] = BLANK, ['a' ... 'z'] = LETTER, ['{' ... 127] = BLANK, [128 ... 255] = OTHER,
};

static inline u8 kind_of(u8 byte) { return KINDS[byte]; }

static inline bool is_space(u8 byte) { return byte == ' ' || byte == '\n'; }

/* Whether the word around `place` is an address, an anchor, an entity or the like. */
static bool is_technical(const Text *text, i64 place) {
    i64 low = place > CHUNK ? place - CHUNK : 0, from = place, to = place;
    while (from > low && !is_space(text->at[from - 1])) from--;
    while (to < text->size && to < place + CHUNK && !is_space(text->at[to])) to++;
    bool called = false; /* a @ before */
    if (text->at[from] == '#') return true;
    for (i64 at = from; at < to; at++) {
        u8 byte = text->at[at];
        if (byte == '/' || byte == '_' || byte == '=' || byte == ':') return true;
        if (byte == '&' && at + 1 < to && text->at[at + 1] == '#') return true;
        if (byte == 'w' && at + 4 <= to && !memcmp(text->at + at, "www.", 4)) return true;
        if (byte == '.' && called) return true;
        called |= byte == '@';
    }
    return false;
}

/* Whether a letter stands before the signs that end at `place`, of digits two at most. */
static bool is_inside(const Text *text, i64 place, u8 kind) {
    i64 at = place;
    while (at && at > place - CHUNK && kind_of(text->at[at - 1]) == kind) at--;
    if (!at || at <= place - CHUNK || kind_of(text->at[at - 1]) != LETTER) return false;
    return kind == MASK || place - at < 2;
}

static u8 signs_of(const Text *text) {
    i64 letters = 0, same = 0, apart = 0, resume = 0, last = -2; /* the last single letter */
    u8 found = 0, before = BLANK, previous = 0;
    for (i64 at = 0; at < text->size; at++) {
        u8 byte = text->at[at], kind = kind_of(byte);
        same = byte == previous ? same + 1 : 1;
        if (kind == LETTER) {
            letters++;
            if (same == REPEATED) found |= REPETITION;
            if (letters >= JOINED && at - JOINED + 1 >= resume && !(found & JOINING)) {
                if (!is_technical(text, at - JOINED + 1)) found |= JOINING;
                resume = at - JOINED + 1 + CHUNK;
            }
            if ((before == MASK && !(found & MASKING)) || (before == DIGIT && !(found & DIGITS)))
                if (is_inside(text, at - 1, before) && !is_technical(text, at - 1))
                    found |= before == MASK ? MASKING : DIGITS;
            if (letters > 1 || before == OTHER) goto next;
            u8 after = at + 1 < text->size ? kind_of(text->at[at + 1]) : BLANK;
            if (after != LETTER && after != OTHER) {
                apart = last == at - 2 ? apart + 1 : 1;
                last = at;
                if (apart == APART) found |= SPACING;
            }
        } else letters = 0;
    next:
        before = kind;
        previous = byte;
    }
    return found;
}

/* Lower the case of ASCII. */
WIDE static void lower(u8 *buffer, i64 size) {
    for (i64 at = 0; at < size; at++)
        buffer[at] = (u8)(buffer[at] + ((u8)(buffer[at] - 'A') < 26 ? 32 : 0));
}

/*
 * Find the signs of `count` texts in UTF-8, each with a zero after it, folded but for the case of
 * ASCII, which is lowered in place.
 */
void moddefense_signs(u8 *buffer, i64 size, i64 count, u8 *found) {
    const u8 *at = buffer, *end = buffer + size;
    lower(buffer, size);
    for (i64 text = 0; text < count && at < end; text++) {
        const u8 *stop = memchr(at, 0, (size_t)(end - at));
        found[text] = signs_of(&(Text){at, (stop ? stop : end) - at});
        at = (stop ? stop : end) + 1;
    }
}
