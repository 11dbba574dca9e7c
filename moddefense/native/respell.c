/* Misspelt and disguised words as known ones: respelling.py, which explains it, in C. */
#include "models.h"

enum { LONGEST = 24, SHORTEST = 4, NEAREST = 3, CLEAR = 6, COMMON = 4096, RESTS = 20, STRANGE = 3, WAYS = 64 };
enum { LETTER = 1, DIGIT = 2, SIGN = 4, OTHER = 8, CONTROL = 16 };
enum { CENT = 0xa2, POUND = 0xa3, YEN = 0xa5, SECTION = 0xa7, EURO = 0xac }; /* glyphs */

/* The kinds of bytes; of what lies beyond ASCII, signs of money are looked at more closely. */
static const u8 KINDS[256] = {
    ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER, [0 ... 8] = CONTROL, [14 ... 31] = CONTROL, [127] = CONTROL, ['0' ... '9'] = DIGIT, ['@'] = SIGN, ['$'] = SIGN, ['!'] = SIGN,
    ['|'] = SIGN,           ['+'] = SIGN,          ['_'] = OTHER, [0x80 ... 0xff] = OTHER,
};

typedef struct {
    u32 *hashes; /* their higher half, which tells 2^32 words apart; 0: empty */
    i32 *values;
    u64 mask;
} Table;

typedef struct {
    i32 word, next;
    u64 hash;
} Entry;

typedef struct {
    Table known;
    u8 *bytes; /* of the known words, in the order of their frequency */
    i64 *begins;
    i32 *heads; /* of the chains of what is left of words without one letter */
    Entry *entries;
    u64 mask;
    u8 *rests; /* a bit for each hash that has a chain, by its highest bits */
    u64 common[COMMON]; /* hashes of the most frequent words, by their lowest bits */
} Respeller;

#define BASE 0x9e3779b97f4a7c15u /* words are hashed as numbers of this base */
#define HASH_NEXT(hash, byte) ((hash) * BASE + (byte))

static u64 hash_end(u64 hash) {
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

static u64 hash_of(const u8 *word, i64 size) {
    u64 hash = 0;
    for (i64 at = 0; at < size; at++) hash = HASH_NEXT(hash, word[at]);
    return hash_end(hash);
}

/* The hashes of a word of up to LONGEST letters as it is, first, and without each of its letters. */
static void hashes_of(const u8 *word, i64 size, u64 *hashes) {
    u64 before[LONGEST + 1], power = 1;
    before[0] = 0;
    for (i64 at = 0; at < size; at++) before[at + 1] = HASH_NEXT(before[at], word[at]);
    hashes[0] = hash_end(before[size]);
    for (i64 at = size; at-- > 0; power *= BASE)
        hashes[at + 1] = hash_end(before[size] + (before[at] - before[at + 1]) * power);
}

static i32 table_find(const Table *table, u64 hash) {
    u32 high = (u32)(hash >> 32) | 1;
    for (u64 at = hash & table->mask; table->hashes[at]; at = (at + 1) & table->mask)
        if (table->hashes[at] == high) return table->values ? table->values[at] : 0;
    return -1;
}

static void table_free(Table *table) {
    free(table->hashes);
    free(table->values);
}

/* Fill a table with words; of the same word, the first counts. Whether there was memory. */
static int table_fill(Table *table, const u8 *bytes, const i64 *begins, i64 count, int valued) {
    table->mask = 16;
    while (table->mask * 2 < (u64)count * 3) table->mask *= 2;
    table->mask--;
    table->hashes = calloc(table->mask + 1, sizeof *table->hashes);
    table->values = valued ? malloc((table->mask + 1) * sizeof *table->values) : NULL;
    if (!table->hashes || (valued && !table->values)) return 0;
    for (i64 word = 0; word < count; word++) {
        u64 hash = hash_of(bytes + begins[word], begins[word + 1] - begins[word]);
        u64 at = hash & table->mask;
        u32 high = (u32)(hash >> 32) | 1;
        while (table->hashes[at] && table->hashes[at] != high) at = (at + 1) & table->mask;
        if (table->hashes[at]) continue;
        table->hashes[at] = high;
        if (valued) table->values[at] = (i32)word;
    }
    return 1;
}

void moddefense_words_free(Table *words) {
    if (!words) return;
    table_free(words);
    free(words);
}

/* Words that are right as they are. NULL when there is no memory. */
Table *moddefense_words_new(const u8 *bytes, const i64 *begins, i64 count) {
    Table *words = calloc(1, sizeof *words);
    if (words && !table_fill(words, bytes, begins, count, 0)) {
        moddefense_words_free(words);
        return NULL;
    }
    return words;
}

void moddefense_respeller_free(Respeller *r) {
    if (!r) return;
    table_free(&r->known);
    free(r->bytes);
    free(r->begins);
    free(r->heads);
    free(r->entries);
    free(r->rests);
    free(r);
}

static void enter(Respeller *r, i64 word, u64 hash, i32 *made) {
    Entry *entry = r->entries + *made;
    *entry = (Entry){(i32)word, r->heads[hash & r->mask], hash};
    r->heads[hash & r->mask] = (*made)++;
    r->rests[hash >> (64 - RESTS + 3)] |= (u8)(1 << (hash >> (64 - RESTS) & 7));
}

/* Known words, most frequent first. NULL when there is no memory. */
Respeller *moddefense_respeller_new(const u8 *bytes, const i64 *begins, i64 count) {
    Respeller *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    i64 letters = begins[count], entries = letters + count + 1;
    r->mask = 16;
    while (r->mask < (u64)entries) r->mask *= 2;
    r->heads = malloc(r->mask * sizeof *r->heads);
    r->entries = malloc((size_t)entries * sizeof *r->entries);
    r->bytes = malloc((size_t)letters + 1);
    r->begins = malloc(((size_t)count + 1) * sizeof *r->begins);
    r->rests = calloc((size_t)1 << (RESTS - 3), 1);
    if (!r->rests || !r->heads || !r->entries || !r->bytes || !r->begins ||
        !table_fill(&r->known, bytes, begins, count, 1)) {
        moddefense_respeller_free(r);
        return NULL;
    }
    memcpy(r->bytes, bytes, (size_t)letters);
    memcpy(r->begins, begins, ((size_t)count + 1) * sizeof *begins);
    memset(r->heads, 0xff, r->mask * sizeof *r->heads);
    r->mask--;
    i32 made = 0;
    for (i64 word = 0; word < count; word++) {
        const u8 *text = bytes + begins[word];
        i64 size = begins[word + 1] - begins[word];
        u64 hashes[LONGEST + 1];
        if (size > LONGEST) continue;
        hashes_of(text, size, hashes);
        if (!r->common[hashes[0] % COMMON])
            r->common[hashes[0] % COMMON] = hashes[0];
        if (size < NEAREST) continue;
        enter(r, word, hashes[0], &made);
        for (i64 without = 0; without < size; without++)
            if (!without || text[without] != text[without - 1])
                enter(r, word, hashes[without + 1], &made);
    }
    return r;
}

/* Whether one letter more, less or other, or two neighbours swapped, make one word the other. */
static int is_near(const u8 *one, i64 first, const u8 *two, i64 second) {
    i64 at = 0, shorter = first < second ? first : second;
    if (first - second > 1 || second - first > 1) return 0;
    while (at < shorter && one[at] == two[at]) at++;
    if (first > second) return !memcmp(one + at + 1, two + at, (size_t)(second - at));
    if (first < second) return !memcmp(one + at, two + at + 1, (size_t)(first - at));
    if (at >= first - 1) return 1;
    if (!memcmp(one + at + 1, two + at + 1, (size_t)(first - at - 1))) return 1;
    return one[at] == two[at + 1] && one[at + 1] == two[at] &&
           !memcmp(one + at + 2, two + at + 2, (size_t)(first - at - 2));
}

/* Return the likeliest known word that is near `word`, or -1. */
static i32 nearest(const Respeller *r, const u8 *word, i64 size) {
    i64 best = -1, cost = 0;
    u64 hashes[LONGEST + 1];
    hashes_of(word, size, hashes);
    for (i64 which = 0; which <= size; which++) {
        u64 hash = hashes[which];
        if (!(r->rests[hash >> (64 - RESTS + 3)] >> (hash >> (64 - RESTS) & 7) & 1)) continue;
        for (i32 at = r->heads[hash & r->mask]; at >= 0; at = r->entries[at].next) {
            const Entry *entry = r->entries + at;
            if (entry->hash != hash) continue;
            const u8 *other = r->bytes + r->begins[entry->word];
            i64 length = r->begins[entry->word + 1] - r->begins[entry->word];
            if (!is_near(word, size, other, length)) continue;
            i64 found = (i64)(entry->word + 1) * (other[0] == word[0] ? 1 : STRANGE);
            if (best < 0 || found < cost || (found == cost && entry->word < best)) {
                best = entry->word;
                cost = found;
            }
        }
    }
    return (i32)best;
}

static const char *readings(u8 glyph) {
    switch (glyph) {
    case '@': case '4': return "a";
    case '8': return "b";
    case CENT: return "c";
    case '3': case EURO: return "e";
    case '6': return "g";
    case '9': return "gq";
    case '1': case '!': case '|': return "il";
    case POUND: return "l";
    case '0': return "o";
    case '5': case '$': case SECTION: return "s";
    case '7': case '+': return "t";
    case YEN: return "y";
    case '2': return "z";
    }
    return "";
}

/* Write the characters of a token as glyphs, a byte each; 0 where one is of no use, or too many. */
static i64 glyphs_of(const u8 *token, i64 size, u8 *glyphs) {
    i64 count = 0;
    for (i64 at = 0; at < size; at++) {
        u8 glyph = token[at];
        if (count == LONGEST) return 0;
        if (KINDS[glyph] == OTHER) {
            i64 rest = size - at;
            if (rest > 2 && glyph == 0xe2 && token[at + 1] == 0x82 && token[at + 2] == 0xac) {
                glyph = EURO;
                at += 2;
            } else if (rest > 1 && glyph == 0xc2) {
                glyph = token[++at];
                if (glyph != CENT && glyph != POUND && glyph != YEN && glyph != SECTION) return 0;
            } else return 0;
        }
        glyphs[count++] = KINDS[glyph] == LETTER ? glyph | 32 : glyph;
    }
    return count;
}

/* Write what the first reading of each glyph spells. */
static void first_reading(const u8 *glyphs, i64 size, u8 *word) {
    for (i64 at = 0; at < size; at++)
        word[at] = KINDS[glyphs[at]] == LETTER ? glyphs[at] : (u8)readings(glyphs[at])[0];
}

/* Return the most frequent known word that glyphs spell, or -1. */
static i32 decoded(const Respeller *r, const u8 *glyphs, i64 size) {
    i64 ways = 1, best = -1;
    u8 word[LONGEST];
    for (i64 at = 0; at < size; at++)
        if (KINDS[glyphs[at]] != LETTER) ways *= (i64)strlen(readings(glyphs[at]));
    if (ways > WAYS) return -1;
    for (i64 way = 0; way < ways; way++) {
        i64 rest = way;
        first_reading(glyphs, size, word);
        for (i64 at = 0; at < size; at++)
            if (KINDS[glyphs[at]] != LETTER && readings(glyphs[at])[1]) {
                word[at] = (u8)readings(glyphs[at])[rest & 1];
                rest >>= 1;
            }
        i64 found = table_find(&r->known, hash_of(word, size));
        if (found >= 0 && (best < 0 || found < best)) best = found;
    }
    return (i32)best;
}

/* Whether signs may stand for letters: not in numbers, ordinals and names of models. */
static int may_decode(const u8 *glyphs, i64 size) {
    i64 letters = 0, digits = 0, head = 0, tail = 0;
    for (i64 at = 0; at < size; at++) {
        letters += KINDS[glyphs[at]] == LETTER;
        digits += KINDS[glyphs[at]] == DIGIT;
    }
    while (head < size && KINDS[glyphs[head]] == DIGIT) head++;
    while (tail < size && KINDS[glyphs[size - 1 - tail]] == DIGIT) tail++;
    if (size < 3 || !letters) return 0;
    return letters + digits < size || (tail != digits && !(head == digits && letters < 3));
}

static int is_technical(u8 byte) {
    return byte == '/' || byte == '=' || byte == '#' || byte == '&' || byte == '%' ||
           byte == '\\' || byte == ':' || byte == '~';
}

/* Whether a sign ends sentences as well. */
static int is_stop(u8 byte) { return byte == '!' || byte == '|' || byte == '+'; }

/* Return what to read for a token with digits or signs, or -1; `end` may move back. */
static i32 unmasked(const Respeller *r, const Table *words, const u8 *bytes, i64 start, i64 *end) {
    i64 core = *end, high = *end;
    u8 glyphs[LONGEST], word[LONGEST];
    while (core > start && is_stop(bytes[core - 1])) core--;
    for (i64 until = core; until <= high; until = until < high ? high : high + 1) {
        i64 size = glyphs_of(bytes + start, until - start, glyphs);
        if (!size || !may_decode(glyphs, size)) continue;
        i32 found = decoded(r, glyphs, size);
        if (found < 0 && size >= CLEAR) { /* misspelt as well */
            first_reading(glyphs, size, word);
            if (table_find(words, hash_of(word, size)) < 0) found = nearest(r, word, size);
        }
        if (found < 0) continue;
        *end = until;
        return found;
    }
    return -1;
}

/* Write what is read for a word of letters alone; -1: nothing else. */
static i32 corrected(const Respeller *r, const Table *words, const u8 *bytes, i64 size, u64 hash) {
    u8 word[LONGEST];
    if (size < SHORTEST || size > LONGEST) return -1;
    if (r->common[hash % COMMON] == hash) return -1;
    if (table_find(&r->known, hash) >= 0 || table_find(words, hash) >= 0) return -1;
    for (i64 at = 0; at < size; at++) word[at] = bytes[at] | 32;
    return nearest(r, word, size);
}

/*
 * Respell `texts` texts of UTF-8, folded but for capitals of ASCII. Those that change are written
 * to `out`, one behind the other, at `outs`, and their numbers to `changed`; returns how many they
 * are. `out` must have room for twice the bytes of all texts. With `plain`, texts with control
 * characters, which folding drops, are left alone and noted as -1 - number.
 */
i64 moddefense_respell(const Respeller *r, const Table *words, const u8 *bytes, const i64 *begins,
                       i64 texts, i32 plain, u8 *out, i64 *outs, i64 *changed) {
    i64 made = 0, count = 0;
    outs[0] = 0;
    for (i64 text = 0; text < texts; text++) {
        i64 place = begins[text], until = begins[text + 1], from = place, before = made;
        int seen = 0;
        while (place < until) {
            u8 kind = KINDS[bytes[place]];
            if (!kind || kind == CONTROL) {
                seen |= kind;
                place++;
                continue;
            }
            i64 start = place;
            u64 hash = 0;
            for (; place < until && KINDS[bytes[place]] == LETTER; place++)
                hash = HASH_NEXT(hash, bytes[place] | 32);
            i64 end = place;
            while (place < until && is_stop(bytes[place])) place++;
            i32 word = -1;
            if (place == until || !(KINDS[bytes[place]] & ~CONTROL)) {
                word = corrected(r, words, bytes + start, end - start, hash_end(hash));
            } else {
                int kinds = end > start ? LETTER : 0;
                for (place = end; place < until && KINDS[bytes[place]] & ~CONTROL; place++)
                    kinds |= KINDS[bytes[place]];
                end = place;
                if (!(kinds & LETTER)) continue;
                if (start > begins[text] && is_technical(bytes[start - 1])) continue;
                if (end < until && is_technical(bytes[end])) continue;
                word = unmasked(r, words, bytes, start, &end);
            }
            if (word < 0) continue;
            i64 length = r->begins[word + 1] - r->begins[word];
            memcpy(out + made, bytes + from, (size_t)(start - from));
            made += start - from;
            memcpy(out + made, r->bytes + r->begins[word], (size_t)length);
            made += length;
            from = end;
        }
        if (seen && plain) {
            made = before;
            changed[count++] = -1 - text;
            outs[count] = made;
            continue;
        }
        if (from == begins[text] && made == before) continue;
        memcpy(out + made, bytes + from, (size_t)(until - from));
        made += until - from;
        changed[count++] = text;
        outs[count] = made;
    }
    return count;
}
