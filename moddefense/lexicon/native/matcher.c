/*
 * The matcher's search, compiled: terms in many texts. `walk.inc` proposes places, `align.inc`
 * decides. Both are compiled for texts of one byte and of four bytes a character.
 *
 * Nothing here is global, and nothing is written but to the memory that the caller gives.
 */
#include "matcher.h"

/* Return the first marked place from `place` on, or `until`. */
static i64 marked(const u64 *marks, i64 place, i64 until) {
    if (place >= until) return until;
    i64 word = place >> 6;
    u64 bits = marks[word] & ~(u64)0 << (place & 63);
    while (!bits) {
        if (++word << 6 >= until) return until;
        bits = marks[word];
    }
    place = (word << 6) + __builtin_ctzll(bits);
    return place < until ? place : until;
}

/* Fold ASCII, as far as lowering the case is enough; note the texts where it is not. */
static void simplify_u8(const u32 *classes, const u8 *given, u8 *plain, const i64 *begins,
                        i64 texts, u8 *status) {
    i64 size = begins[texts] + texts - 1;
    u8 odd = 0;
    for (i64 place = 0; place < size; place++) {
        u8 byte = given[place];
        plain[place] = (u8)(byte + ((u8)(byte - 'A') < 26 ? 32 : 0));
        odd |= (u8)((byte < 32) & (byte != '\n')) | (byte == 127);
    }
    if (!odd) return;
    for (i64 text = 0; text < texts; text++)
        for (i64 place = begins[text] + text; place < begins[text + 1] + text; place++)
            if (classes[plain[place]] & CONTROL) status[text] = ODD;
}

/* Take all but ASCII as one, for the scan. */
static void simplify_u32(const u32 *classes, const u32 *given, u8 *plain, const i64 *begins,
                         i64 texts, u8 *status) {
    (void)status;
    for (i64 place = 0; place < begins[texts] + texts - 1; place++)
        plain[place] = given[place] < 128 && !(classes[given[place]] & CONTROL) ? (u8)given[place] : 128;
}

static const u8 *source_u8(const u8 *given, const u8 *plain) {
    (void)given;
    return plain;
}

static const u32 *source_u32(const u32 *given, const u8 *plain) {
    (void)plain;
    return given;
}

#define GLUED(name, suffix) name##_##suffix
#define GLUE(name, suffix) GLUED(name, suffix)
#define NAME(name) GLUE(name, CHAR)

#define CHAR u8
#include "text.inc"
#include "align.inc"
#include "walk.inc"
#include "search.inc"
#undef CLASS
#undef CHAR

#define CHAR u32
#include "text.inc"
#include "align.inc"
#include "walk.inc"
#include "search.inc"
#undef CLASS
#undef CHAR

/* Return the version of what Python and C say to each other. */
i32 moddefense_version(void) { return VERSION; }

/*
 * Fold in place the texts whose characters all fold by themselves; note the others. `images` has
 * for a character what it folds to, plus one, or UNSTEADY. Where it has nothing yet, nothing is
 * folded: `unknown` gets such characters, and their number is returned.
 */
i64 moddefense_fold(const u32 *images, u32 *buffer, const i64 *begins, i64 texts, u8 *status,
                    u32 *unknown, i64 room) {
    i64 count = 0;
    for (i64 place = 0; place < begins[texts] + texts - 1 && count < room; place++)
        if (!images[buffer[place]]) unknown[count++] = buffer[place];
    if (count) return count;
    for (i64 text = 0; text < texts; text++) {
        i64 since = begins[text] + text, until = begins[text + 1] + text;
        for (i64 place = since; place < until && !status[text]; place++)
            if (images[buffer[place]] == UNSTEADY) status[text] = ODD;
        for (i64 place = since; place < until && !status[text]; place++)
            buffer[place] = images[buffer[place]] - 1;
    }
    return 0;
}

static bool before(const Row *one, const Row *other) {
    if (one->start != other->start) return one->start < other->start;
    if (one->end != other->end) return one->end < other->end;
    return one->index < other->index;
}

/*
 * Of the hits in each text keep block terms that no allow term contains and that are not inside
 * another hit of the same term, in order of start, end and index; a row with bits -1 is none. Hits
 * of the allow terms that `told` marks are kept too. `bounds` gets where the rows of each text begin and end. Returns how many rows are left, or -1
 * when there is no memory.
 */
i64 moddefense_settle(const Automaton *a, Row *rows, i64 count, const u8 *told, i32 *bounds) {
    i64 kept = 0, until;
    i32 *reach = malloc((size_t)a->patterns * sizeof *reach + 1);
    if (!reach) return -1;
    memset(reach, 0xff, (size_t)a->patterns * sizeof *reach);
    for (i64 from = 0; from < count; from = until) {
        i32 text = rows[from].text, allowed = -1;
        i64 first = kept;
        for (until = from; until < count && rows[until].text == text; until++) {
            /* the rows come in order of their start: `allowed` is as far as allow terms reach */
            for (i64 at = until; at < count && rows[at].text == text &&
                                 rows[at].start == rows[until].start;
                 at++) {
                bool allow = a->terms[rows[at].index].flags & ALLOW;
                if (allow && rows[at].bits >= 0 && rows[at].end > allowed) allowed = rows[at].end;
            }
            Row row = rows[until];
            bool allow = a->terms[row.index].flags & ALLOW;
            if (row.bits < 0 || (allow ? !told[row.index] : row.end <= allowed)) continue;
            if (row.end <= reach[row.index]) continue;
            reach[row.index] = row.end;
            i64 place = kept++;
            while (place > first && before(&row, rows + place - 1)) {
                rows[place] = rows[place - 1];
                place--;
            }
            rows[place] = row;
        }
        for (i64 at = first; at < kept; at++) reach[rows[at].index] = -1;
        bounds[2 * text] = (i32)first;
        bounds[2 * text + 1] = (i32)kept;
    }
    free(reach);
    return kept;
}
