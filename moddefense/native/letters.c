/* The linear model over n-grams of the letters within words: letters.LetterModel.log_odds. */
#include "models.h"

static const u64 FIRST = UINT64_C(0x9E3779B97F4A7C15), SECOND = UINT64_C(0xC2B2AE3D27D4EB4F);
enum { LONGEST = 5, BOUND = 0 };

typedef struct {
    const float *weights;
    u64 buckets;
    u64 hashes[LONGEST]; /* of the last 1, 2, ... letters of the word so far */
    i64 letters, count;
    double sum;
} Word;

static inline double weight(const Word *word, u64 key) {
    u64 mixed = ((key ^ (key >> 29)) * SECOND) >> 32, buckets = word->buckets;
    return word->weights[buckets & (buckets - 1) ? mixed % buckets : mixed & (buckets - 1)];
}

static inline void add(Word *word, u64 letter) {
    i64 most = word->letters < LONGEST ? word->letters : LONGEST - 1;
    for (i64 size = most; size > 0; size--) {
        word->hashes[size] = (word->hashes[size - 1] + letter + 1) * FIRST;
        word->sum += weight(word, word->hashes[size]);
    }
    word->hashes[0] = (letter + 1) * FIRST;
    word->count += most;
    word->letters++;
}

/* Whether the key is new to the table, a power of two slots with 0 for empty; it is then in it. */
static inline int is_new(u64 *seen, u64 slots, u64 key) {
    key += !key;
    u64 slot = ((key ^ (key >> 29)) * SECOND) >> 32;
    for (;; slot++) {
        slot &= slots - 1;
        if (seen[slot] == key) return 0;
        if (!seen[slot]) {
            seen[slot] = key;
            return 1;
        }
    }
}

/*
 * Write, for each text, the sum of the weights of its different words' n-grams, and their number.
 * Ids are spelt by codes[begins[id]] up to begins[id + 1]; alone_sums and alone_counts are of words
 * that are one id. `seen` has room for twice the ids of the longest text, a power of two. Return the
 * place of an id that is not in the vocabulary, else -1.
 */
i64 moddefense_letters(const i32 *ids, const i64 *lengths, i64 texts, const i32 *codes,
                       const i64 *begins, const u8 *continues, i64 vocabulary,
                       const double *alone_sums, const i64 *alone_counts, const float *weights,
                       i64 buckets, u64 *seen, double *sums, i64 *counts) {
    i64 first = 0;
    for (i64 text = 0; text < texts; text++) {
        const i32 *own = ids + first;
        const i64 length = lengths[text];
        for (i64 place = 0; place < length; place++)
            if (own[place] < 0 || own[place] >= vocabulary) return first + place;
        u64 slots = 2;
        while (slots < 2 * (u64)length) slots *= 2;
        memset(seen, 0, slots * sizeof *seen);
        double sum = 0;
        i64 count = 0;
        for (i64 begin = 0, end; begin < length; begin = end) {
            u64 key = (u64)own[begin] + 1, power = 1;
            for (end = begin + 1; end < length && continues[own[end]]; end++)
                key += ((u64)own[end] + 1) * (power *= SECOND);
            if (!is_new(seen, slots, key)) continue;
            if (end == begin + 1) {
                sum += alone_sums[own[begin]];
                count += alone_counts[own[begin]];
                continue;
            }
            Word word = {.weights = weights, .buckets = (u64)buckets};
            add(&word, BOUND);
            for (i64 place = begin; place < end; place++)
                for (i64 at = begins[own[place]]; at < begins[own[place] + 1]; at++)
                    add(&word, (u64)codes[at]);
            add(&word, BOUND);
            sum += word.sum;
            count += word.count;
        }
        sums[text] = sum;
        counts[text] = count;
        first += length;
    }
    return -1;
}
