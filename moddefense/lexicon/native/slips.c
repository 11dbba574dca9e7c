/*
 * Words one slip away from a long and severe term: slips.py, which explains it, in C.
 *
 * Most words are sorted out by their first and last three letters, of which one slip spares the
 * ones or the others. Of the rest, what is left without one letter is looked up by its hash.
 */
#include "matcher.h"

#define BASE 0x9e3779b97f4a7c15u /* words are hashed as numbers of this base */
enum { ENDINGS = 26 * 26 * 26 };

static u32 ending(const u8 *at) {
    return ((u32)(at[0] - 'a') * 26 + (u32)(at[1] - 'a')) * 26 + (u32)(at[2] - 'a');
}

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

static u64 hash_of(const u8 *word, u32 size) {
    u64 hash = 0;
    for (u32 at = 0; at < size; at++) hash = hash * BASE + word[at];
    return mixed(hash);
}

static void letters_of(const Automaton *a, const Term *term, u8 *letters) {
    for (u32 at = 0; at < term->size; at++) letters[at] = (u8)a->pool[term->text + at];
}

static void add(Slips *slips, u64 hash, i64 term, u32 *made) {
    u32 *chain = slips->chains + (hash & slips->mask);
    slips->entries[*made] = (Slip){hash, *chain, term};
    *chain = (*made)++;
}

/* Note the terms that are SPELT. Whether there was memory. */
bool moddefense_note_slips(Automaton *a) {
    Slips *slips = &a->slips;
    u64 count = 0, hashes[SLIPPED + 2];
    u8 word[SLIPPED + 1];
    for (u32 index = 0; index < a->patterns; index++)
        if (a->terms[index].flags & SPELT) count += a->terms[index].size + 1;
    if (!count) return true;
    count += a->patterns;
    for (slips->mask = 64; slips->mask < 2 * count;) slips->mask *= 2;
    slips->chains = calloc(slips->mask--, sizeof *slips->chains);
    slips->entries = malloc((count + 1) * sizeof *slips->entries);
    slips->heads3 = calloc(ENDINGS, sizeof(u32));
    slips->tails3 = calloc(ENDINGS, sizeof(u32));
    if (!slips->chains || !slips->entries || !slips->heads3 || !slips->tails3) return false;
    u32 made = 1; /* 0 ends a chain */
    for (u32 index = 0; index < a->patterns; index++) {
        const Term *term = a->terms + index;
        if (term->size < SPELT_LEAST - 1 || term->size > SLIPPED) continue;
        letters_of(a, term, word);
        u64 whole = hash_of(word, term->size);
        add(slips, whole, -1, &made);
        if (!(term->flags & SPELT)) continue;
        u32 size = term->size;
        slips->sizes[word[0] - 'a'][word[size - 1] - 'a'] |= (u32)7 << (size - 1);
        slips->heads3[ending(word)] |= (u32)1 << (word[size - 1] - 'a');
        slips->tails3[ending(word + size - 3)] |= (u32)1 << (word[0] - 'a');
        hashes_of(word, term->size, hashes);
        for (u32 which = 0; which <= size; which++) {
            add(slips, hashes[which], index, &made);
            slips->rests[hashes[which] >> 53] |= (u64)1 << (hashes[which] >> 47 & 63);
        }
    }
    return true;
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
    if (!(slips->heads3[ending(word)] >> (word[size - 1] - 'a') & 1) &&
        !(slips->tails3[ending(word + size - 3)] >> (word[0] - 'a') & 1))
        return -1;
    hashes_of(word, size, hashes);
    for (u32 which = 0; which <= size; which++) {
        if (!(slips->rests[hashes[which] >> 53] >> (hashes[which] >> 47 & 63) & 1)) continue;
        for (u32 at = slips->chains[hashes[which] & slips->mask]; at; at = slips->entries[at].next) {
            const Slip *slip = slips->entries + at;
            if (slip->hash != hashes[which] || slip->term < 0) continue;
            if (best >= 0 && slip->term >= best) continue;
            letters_of(a, a->terms + slip->term, letters);
            if (is_near(word, size, letters, a->terms[slip->term].size)) best = slip->term;
        }
    }
    if (best < 0) return -1;
    for (u32 at = slips->chains[hashes[0] & slips->mask]; at; at = slips->entries[at].next)
        if (slips->entries[at].hash == hashes[0] && slips->entries[at].term < 0) return -1;
    return best;
}

void moddefense_drop_slips(Automaton *a) {
    free(a->slips.chains);
    free(a->slips.entries);
    free(a->slips.heads3);
    free(a->slips.tails3);
}
