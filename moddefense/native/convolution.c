/* A convolution over looked-up embeddings, then maximum and mean: pooling._Conv. */
#include "models.h"

enum { AHEAD = 4 }; /* tokens that are fetched before they are needed */

/*
 * Write for each text the maximum and then the mean of its rectified features. `tables` is
 * [vocabulary, reach, channels]: what a token adds at each offset, the middle one with the bias.
 * `scratch` has room for `channels`. Return the place of an id that is not in the vocabulary, else
 * -1; nothing is read or written out of bounds then either.
 */
WIDE i64 moddefense_convolve(const i32 *ids, const i64 *lengths, i64 texts, const float *tables,
                             i64 vocabulary, i64 reach, i64 channels, float *scratch,
                             float *pooled) {
    const i64 side = reach / 2, block = reach * channels;
    i64 first = 0;
    for (i64 text = 0; text < texts; text++) {
        const i32 *own = ids + first;
        const i64 length = lengths[text];
        float *restrict top = pooled + text * 2 * channels, *restrict sum = top + channels;
        float *restrict feature = scratch;
        for (i64 place = 0; place < length; place++)
            if (own[place] < 0 || own[place] >= vocabulary) return first + place;
        for (i64 channel = 0; channel < 2 * channels; channel++) top[channel] = 0;
        for (i64 place = 0; place < length; place++) {
            if (place + AHEAD < length) { /* the tables are larger than the caches */
                const float *coming = tables + own[place + AHEAD] * block;
                for (i64 line = 0; line < block; line += 16) __builtin_prefetch(coming + line);
            }
            const float *row = tables + own[place] * block + side * channels;
            if (reach == 3 && place > 0 && place + 1 < length) {
                const float *left = tables + own[place - 1] * block;
                const float *right = tables + own[place + 1] * block + 2 * channels;
                for (i64 channel = 0; channel < channels; channel++) {
                    float value = row[channel] + left[channel] + right[channel];
                    value = value > 0 ? value : 0;
                    top[channel] = value > top[channel] ? value : top[channel];
                    sum[channel] += value;
                }
                continue;
            }
            for (i64 channel = 0; channel < channels; channel++) feature[channel] = row[channel];
            for (i64 tap = 0; tap < reach; tap++) {
                i64 other = place + tap - side;
                if (tap == side || other < 0 || other >= length) continue;
                row = tables + own[other] * block + tap * channels;
                for (i64 channel = 0; channel < channels; channel++)
                    feature[channel] += row[channel];
            }
            for (i64 channel = 0; channel < channels; channel++) {
                float value = feature[channel] > 0 ? feature[channel] : 0;
                top[channel] = value > top[channel] ? value : top[channel];
                sum[channel] += value;
            }
        }
        for (i64 channel = 0; channel < channels && length; channel++)
            sum[channel] /= (float)length;
        first += length;
    }
    return -1;
}
