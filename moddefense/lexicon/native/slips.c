/*
 * Words one slip away from a long and severe term: slips.py, which explains it, in C.
 *
 * Nearly all words are sorted out by their halves, of which one slip spares the one or the other. Of
 * the rest, what is left without one letter is looked up by its hash.
 */
#include "matcher.h"

#define BASE 0x9e3779b97f4a7c15u /* words are hashed as numbers of this base */

static u64 mixed(u64 hash) {
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

/* The hashes of a word as it is, first, and without each of its letters. */
static void hashes_of(const u8 *word, u32 size, u64 *hashes) {
    u64 before[SLIPPED + 2], power = 1;
    before[0] = 0;
    for (u32 at = 0; at < size; at++) before[at + 1] = before[at] * BASE + word[at];
    hashes[0] = mixed(before[size]);
    for (u32 at = size; at-- > 0; power *= BASE)
        hashes[at + 1] = mixed(before[size] + (before[at] - before[at + 1]) * power);
}

/* Hash a whole word of at least SPELT_LEAST - 1 letters; never 0. */
INLINE u64 hash_of(const u8 *word, u32 size) {
    u32 part = size < 8 ? size : 8;
    u64 low = masked(eight(word), part), high = masked(eight(word + size - part), part);
    u64 middle = size > 16 ? eight(word + 8) : 0;
    u64 hash = (low + size) * BASE ^ (high + 0x632be59bd9b4e019u) * 0xc2b2ae3d27d4eb4fu;
    return mixed(hash + middle * 0xd6e8feb86659fd93u) | 1;
}

static void letters_of(const Automaton *a, u32 text, u32 size, u8 *letters) {
    for (u32 at = 0; at < size; at++) letters[at] = (u8)a->pool[text + at];
}

static void add(Slips *slips, u64 hash, u32 term) {
    u32 *chain = slips->chains + (hash & slips->mask);
    slips->entries[slips->made] = (Slip){hash, *chain, term};
    *chain = slips->made++;
}

/* Note the halves of a term as those of words that are one letter shorter or longer, or neither. */
static void note_halves(Slips *slips, const u8 *word, u32 size) {
    u8 first = word[0], last = word[size - 1];
    for (u32 near = size - 1; near <= size + 1; near++) {
        u32 half = half_of(near);
        put_bit(&slips->halves, half_hash(word, half, last, near));
        put_bit(&slips->halves, half_hash(word + size - half, half, first, near));
        slips->sizes[first - 'a'][last - 'a'] |= (u32)1 << near;
    }
}

/* Return where the hash of a word that is no slip is in `known`, or would be. */
INLINE u64 *known_at(const Slips *slips, u64 hash) {
    u64 place = hash >> 32 & slips->known_mask;
    while (slips->known[place] && slips->known[place] != hash)
        place = (place + 1) & slips->known_mask;
    return slips->known + place;
}

/* Make room for `room` words that are no slips. Whether there was memory. */
static bool make_known(Slips *slips, u64 room) {
    Slips more = {.known = calloc(room, sizeof(u64)), .known_mask = room - 1};
    if (!more.known) return false;
    for (u64 place = 0; slips->known && place <= slips->known_mask; place++)
        if (slips->known[place]) *known_at(&more, slips->known[place]) = slips->known[place];
    free(slips->known);
    slips->known = more.known;
    slips->known_mask = more.known_mask;
    return true;
}

/* Note that a word is no slip, but for one of a term that `of` leaves out. Whether there was memory. */
static bool know(Automaton *a, const u8 *word, u32 size, const u8 *of) {
    Slips *slips = &a->slips;
    if (size < SPELT_LEAST - 1 || !may_slip(a, word, size)) return true;
    i64 index = of ? moddefense_slip(a, word, size) : -1;
    if (index >= 0 && !of[index]) return true;
    u64 hash = hash_of(word, size), *at = known_at(slips, hash);
    if (*at) return true;
    *at = hash;
    return ++slips->knowns * 4 <= slips->known_mask || make_known(slips, 2 * (slips->known_mask + 1));
}

static bool make_bits(Bits *bits, u64 count) {
    u64 cells = 2048;
    while (cells * 4 < count) cells *= 2; /* 16 bits each */
    bits->mask = cells - 1;
    return (bits->cells = calloc(cells, sizeof *bits->cells)) != NULL;
}

/* Note the terms that are SPELT, and all listed words as none of their slips. Whether there was memory. */
bool moddefense_note_slips(Automaton *a) {
    Slips *slips = &a->slips;
    u64 count = 0, terms = 0, hashes[SLIPPED + 2];
    u8 word[SLIPPED + 8] = {0};
    for (u32 index = 0; index < a->patterns; index++)
        if (a->terms[index].flags & SPELT) count += a->terms[index].size + 1, terms++;
    if (!count) return true;
    for (slips->mask = 64; slips->mask < 2 * count;) slips->mask *= 2;
    slips->chains = calloc(slips->mask--, sizeof *slips->chains);
    slips->entries = malloc((count + 1) * sizeof *slips->entries);
    if (!slips->chains || !slips->entries || !make_bits(&slips->rests, count) ||
        !make_bits(&slips->halves, 24 * terms) || !make_known(slips, 1024))
        return false;
    slips->made = 1; /* 0 ends a chain */
    for (u32 index = 0; index < a->patterns; index++) {
        const Term *term = a->terms + index;
        if (!(term->flags & SPELT)) continue;
        letters_of(a, term->text, term->size, word);
        note_halves(slips, word, term->size);
        hashes_of(word, term->size, hashes);
        for (u32 which = 0; which <= term->size; which++) {
            add(slips, hashes[which], index);
            put_bit(&slips->rests, hashes[which] >> 20);
        }
    }
    for (u32 index = 0; index < a->patterns; index++) {
        const u32 *text = a->pool + a->terms[index].text;
        for (u32 at = 0, from = 0; at <= a->terms[index].size; at++) {
            if (at < a->terms[index].size && text[at] - 'a' < 26) continue;
            if (at - from <= SLIPPED) {
                letters_of(a, a->terms[index].text + from, at - from, word);
                if (!know(a, word, at - from, NULL)) return false;
            }
            from = at + 1;
        }
    }
    return true;
}

/*
 * Note words, each with a line end behind it, that are no slips of the terms that `of` marks: the
 * usual ones of their language. Before any search only. Whether there was memory.
 */
i32 moddefense_know(Automaton *a, const u8 *words, i64 bytes, const u8 *of) {
    u8 word[SLIPPED + 8] = {0};
    for (i64 at = 0, size; at < bytes && a->slips.chains; at += size + 1) {
        for (size = 0; (u32)words[at + size] - 'a' < 26; size++) /* line ends are none */
            if (size < SLIPPED) word[size] = words[at + size];
        if (words[at + size] == '\n' && size <= SLIPPED && !know(a, word, (u32)size, of)) return 0;
        while (words[at + size] != '\n') size++;
    }
    return 1;
}

/* Whether one slip makes a word a term. */
static bool is_near(const u8 *one, u32 first, const u8 *two, u32 second) {
    u32 at = 1, shorter = first < second ? first : second;
    if (one[0] != two[0] || one[first - 1] != two[second - 1]) return false;
    if (first > second + 1 || second > first + 1) return false;
    while (at < shorter && one[at] == two[at]) at++;
    if (first > second) return !memcmp(one + at + 1, two + at, second - at);
    if (first < second) return !memcmp(one + at, two + at + 1, first - at);
    if (at == first) return false; /* no slip */
    if (at + 1 < first && one[at] == two[at + 1] && one[at + 1] == two[at])
        return !memcmp(one + at + 2, two + at + 2, first - at - 2);
    return first >= REPLACED && !memcmp(one + at + 1, two + at + 1, first - at - 1);
}

/* Return the first term that the `size` letters at `word` are one slip away from, or -1. */
i64 moddefense_slip(const Automaton *a, const u8 *word, u32 size) {
    const Slips *slips = &a->slips;
    u64 hashes[SLIPPED + 2];
    u8 letters[SLIPPED + 1];
    i64 best = -1;
    if (*known_at(slips, hash_of(word, size))) return -1;
    hashes_of(word, size, hashes);
    for (u32 which = 0; which <= size; which++) {
        if (!has_bit(&slips->rests, hashes[which] >> 20)) continue;
        for (u32 at = slips->chains[hashes[which] & slips->mask]; at; at = slips->entries[at].next) {
            const Slip *slip = slips->entries + at;
            if (slip->hash != hashes[which]) continue;
            if (best >= 0 && slip->term >= best) continue;
            const Term *term = a->terms + slip->term;
            letters_of(a, term->text, term->size, letters);
            if (is_near(word, size, letters, term->size)) best = slip->term;
        }
    }
    return best;
}

void moddefense_drop_slips(Automaton *a) {
    free(a->slips.chains);
    free(a->slips.entries);
    free(a->slips.known);
    free(a->slips.rests.cells);
    free(a->slips.halves.cells);
}
