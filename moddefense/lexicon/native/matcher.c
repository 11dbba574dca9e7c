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

typedef struct {
    Walk_u8 walk;
    Search_u8 search;
    Walk_u32 wide_walk;
    Search_u32 wide_search;
} Tools;

/* Return the version of what Python and C say to each other. */
i32 moddefense_version(void) { return VERSION; }

/* Search one text, which begins at `first`; as `search`. */
static int search_one(const Automaton *a, const u32 *classes, Texts *texts, i64 first, i64 size,
                      bool wide, Tools *tools, Rows *rows) {
    if (!wide) {
        Text_u8 text = {texts->plain + first, size, classes, a};
        return search_u8(&text, &tools->walk, &tools->search, texts, first, rows);
    }
    for (i64 place = first; place < first + size; place++)
        if (texts->plain[place] < 128) texts->wide[place] = texts->plain[place];
    Text_u32 text = {texts->wide + first, size, classes, a};
    return search_u32(&text, &tools->wide_walk, &tools->wide_search, texts, first, rows);
}

/*
 * Search `count` texts, given as `moddefense_read` takes them, from text number `from` on; `status`
 * gets how they went. Returns the number of the text for which there was no room, else `count`; -1
 * when there is no memory. Where `rows` has characters that `images` lacks, nothing was searched.
 */
i64 moddefense_search(const Automaton *a, const u32 *classes, const u32 *images, const u8 *given,
                      i64 bytes, const i64 *begins, i64 from, i64 count, Rows *rows, u8 *status) {
    if (!count) return 0;
    Texts texts = {0};
    Tools *tools = malloc(sizeof *tools);
    u32 *known = calloc((size_t)a->patterns + 1, sizeof *known);
    bool made = tools && known && moddefense_read(&texts, classes, images, given, bytes, begins,
                                                  count, status, rows);
    if (made) {
        tools->walk.known = tools->wide_walk.known = known;
        tools->walk.round = 0;
        tools->wide_walk.round = 1u << 31; /* the rounds of both are different numbers */
    }
    if (made && !rows->strange) made = moddefense_mark(a, &texts);
    for (; made && !rows->strange && from < count; from++) {
        if (status[from] & ODD) continue;
        i64 first = begins[from] - begins[0] + from, size = begins[from + 1] - begins[from];
        i64 found = rows->count, asked = rows->asked;
        rows->text = (i32)from;
        int went = search_one(a, classes, &texts, first, size, status[from] & WIDE, tools, rows);
        if (went == 1) continue;
        rows->count = found;
        rows->asked = asked;
        if (!went) break;
        status[from] |= LOST;
    }
    free(tools);
    free(known);
    moddefense_drop(&texts);
    return made ? from : -1;
}

static bool before(const Row *one, const Row *other) {
    if (one->start != other->start) return one->start < other->start;
    if (one->end != other->end) return one->end < other->end;
    return one->index < other->index;
}

/*
 * Of the hits in each text keep block terms that no allow term contains and that are not inside
 * another hit of the same term, in order of start, end and index; a row with bits -1 is none. Hits
 * of the allow terms that `told` marks are kept too. `bounds` gets where the rows of each text begin
 * and end. Returns how many rows are left, or -1 when there is no memory.
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
