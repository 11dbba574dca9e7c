/* The linear model over hashed token n-grams: ngrams.NgramModel.log_odds. */
#include "models.h"

static const u64 FIRST = UINT64_C(0x9E3779B97F4A7C15), SECOND = UINT64_C(0xC2B2AE3D27D4EB4F);

static inline double weight(const float *weights, u64 buckets, u64 key) {
    u64 mixed = ((key ^ (key >> 29)) * SECOND) >> 32;
    return weights[buckets & (buckets - 1) ? mixed % buckets : mixed & (buckets - 1)];
}

/* Write the sum of the weights of each text's unigrams and bigrams, in this order. */
void moddefense_ngrams(const i32 *ids, const i64 *lengths, i64 texts, const float *weights,
                       i64 buckets, double *sums) {
    for (i64 text = 0; text < texts; text++) {
        double sum = 0;
        for (i64 place = 0; place < lengths[text]; place++)
            sum += weight(weights, (u64)buckets, (u64)ids[place] * FIRST);
        for (i64 place = 1; place < lengths[text]; place++)
            sum += weight(weights, (u64)buckets,
                          (u64)ids[place - 1] * FIRST + ((u64)ids[place] + 1) * SECOND);
        sums[text] = sum;
        ids += lengths[text];
    }
}

i32 moddefense_models_version(void) { return VERSION; }
