/*
 * Where in a text a term could begin: all other places need no walk.
 *
 * Most of a text are words of small letters with white space or a plain stop after them. Such a
 * word can only be read as it is, with runs of a letter made one or not. So its letters, runs made
 * one, must be those of a term or of the first word of a phrase that goes on as the text does;
 * before anything else, they must at least begin a term. Sets of hashes tell, and err only towards
 * looking. What `walk` reads, this must let through.
 */
#include "matcher.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BESIDE = 3 };        /* letters of the next word that are hashed, as far as no two are alike */
enum { GOES_ON = 1 << 16 }; /* beside a word: the sign that a term has after its letters */
enum { KEPT = 16 };         /* letters of a word that are hashed */

typedef struct {
    u64 low, high;
} Word;

INLINE u64 hashed(Word word) {
    u64 hash = word.low * 0x9e3779b97f4a7c15u;
    hash ^= (word.high + 0x632be59bd9b4e019u) * 0xc2b2ae3d27d4eb4fu;
    return hash ^ hash >> 29;
}

INLINE u64 beside(u64 hash, u32 next) {
    hash = (hash + next) * 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

INLINE u64 bits_of(u64 hash) {
    return (u64)1 << (hash & 63) | (u64)1 << (hash >> 6 & 63);
}

INLINE bool has(const Set *set, u64 hash) {
    u64 bits = bits_of(hash);
    return (set->cells[hash >> 12 & set->mask] & bits) == bits;
}

static void put(Set *set, u64 hash) { set->cells[hash >> 12 & set->mask] |= bits_of(hash); }

/* Make room in a set for `count` hashes. Whether there was memory. */
static bool make(Set *set, u64 count) {
    u64 cells = 64;
    while (cells * 8 < count) cells *= 2; /* 8 bits each, and many are the same */
    set->mask = cells - 1;
    return (set->cells = calloc(cells, sizeof *set->cells)) != NULL;
}

INLINE bool is_small(u32 letter) { return letter - 'a' < 26; }

/* Return the first letters of `count` from `from` on, with runs made one. */
static Word squeezed(const u8 *from, i64 count) {
    u8 kept[KEPT] = {0};
    u32 size = 0;
    for (i64 at = 0; at < count && size < KEPT; at++)
        if (!size || kept[size - 1] != from[at]) kept[size++] = from[at];
    return (Word){eight(kept), eight(kept + 8)};
}

/* Leave out the letter at `place`. */
INLINE Word without(Word word, u32 place) {
    u64 keep = ((u64)1 << 8 * (place & 7)) - 1;
    u64 moved = word.high << 56 | word.low >> 8;
    if (place < 8) {
        word.low = (word.low & keep) | (moved & ~keep);
        word.high >>= 8;
    } else word.high = (word.high & keep) | (word.high >> 8 & ~keep);
    return word;
}

static void note_first_word(Scan *scan, const Automaton *a, const Term *term) {
    const u32 *text = a->pool + term->text;
    u8 letters[KEPT] = {0};
    u32 size = 0, at = 0;
    for (; at < term->size && is_small(text[at]); at++) {
        if (size == KEPT || (size && letters[size - 1] == text[at])) continue;
        letters[size++] = (u8)text[at];
        put(&scan->beginnings, hashed(squeezed(letters, size)));
    }
    if (!at) return; /* begins with a sign */
    u64 hash = hashed(squeezed(letters, size));
    u32 first = letters[0] - 'a';
    if (at == term->size) {
        if (term->flags & RIGHT) put(&scan->words, hash);
        else if (size > 1) scan->open[first] |= (u32)1 << (letters[1] - 'a') | (u32)1 << first;
        else scan->open[first] = ~0u;
    } else if (text[at] != ' ') {
        put(&scan->nexts, beside(hash, GOES_ON | (text[at] < 128 ? text[at] : 128)));
    } else {
        u32 next = 0;
        for (u32 count = 0; count <= BESIDE; count++) {
            put(&scan->nexts, beside(hash, next));
            if (++at == term->size && !(term->flags & RIGHT)) put(&scan->words, hash);
            if (at >= term->size || !is_small(text[at])) break;
            next = next << 5 | (text[at] - 'a' + 1);
        }
    }
}

/* Note letters that begin a term inside a word. */
static void note_inside(Scan *scan, const Automaton *a, const Term *term) {
    const u32 *text = a->pool + term->text;
    u8 letters[3] = {0};
    u32 size = 0;
    for (u32 at = 0; at < term->size && size < 3 && is_small(text[at]); at++)
        if (!size || letters[size - 1] != text[at]) letters[size++] = (u8)text[at];
    if (!size) return;
    u32 first = letters[0] - 'a';
    scan->pairs[first] |= letters[1] ? (u32)1 << (letters[1] - 'a') : ~0u;
    if (!letters[1]) scan->threes = THREES + 1;
    for (u32 known = 0; known < scan->threes && known < THREES; known++)
        if (scan->three[known][0][0] == letters[0] && scan->three[known][1][0] == letters[1] &&
            scan->three[known][2][0] == letters[2])
            return;
    if (scan->threes >= THREES) scan->threes = THREES + 1;
    else {
        for (u32 at = 0; at < 3; at++) scan->three[scan->threes][at] = (Bytes){0} + letters[at];
        scan->threes++;
    }
}

/* Return the letters that `glyph` can be read as, and itself; how many they are. */
static u32 readings(const Automaton *a, u32 glyph, u32 *found) {
    u32 count = 0;
    found[count++] = glyph;
    for (u32 place = 0; place < a->readings; place++)
        if (a->leet[place].glyph == glyph) {
            found[count++] = a->leet[place].first;
            if (a->leet[place].second) found[count++] = a->leet[place].second;
        }
    return count;
}

/* Whether a term that ends at `node` may end inside a word. */
static bool is_open(const Automaton *a, u32 node) {
    const Rest *rest = a->rest + node;
    for (u32 which = 0; which < rest->ending; which++)
        if (!(a->terms[a->owners[rest->ends + which]].flags & RIGHT)) return true;
    return false;
}

/* Note by which signs a term may begin, and what may come after them. */
static void note_leads(Scan *scan, const Automaton *a, const u32 *classes) {
    u32 ones[4], twos[4], node;
    for (u32 one = 0; one < 128; one++) {
        if (is_small(one) || !(a->starts[one] & 1)) continue;
        u32 first = readings(a, one, ones);
        for (u32 two = 0; two < 128; two++) {
            bool leads = !(classes[two] & (ALNUM | SPACE));
            u32 second = readings(a, two, twos);
            for (u32 place = 0; place < first * second; place++) {
                u32 letter = ones[place / second], next = twos[place % second];
                if (!(node = child(a, 0, letter))) continue;
                if (classes[two] & SPACE) leads = leads || a->rest[node].ending, next = ' ';
                leads = leads || letter == next || is_open(a, node) || child(a, node, next);
            }
            scan->lead[one][two >> 6] |= (u64)leads << (two & 63);
        }
    }
}

/* Prepare the scan for the terms of `a`. Whether there was memory. */
bool moddefense_prepare(Automaton *a, const u32 *classes) {
    Scan *scan = &a->scan;
    u64 letters = 0;
    for (u32 which = 0; which < a->patterns; which++) letters += a->terms[which].size;
    if (!make(&scan->words, a->patterns) || !make(&scan->nexts, 4 * (u64)a->patterns) ||
        !make(&scan->beginnings, letters))
        return false;
    for (u32 which = 0; which < a->patterns; which++) {
        const Term *term = a->terms + which;
        if (term->flags & LEFT) note_first_word(scan, a, term);
        else note_inside(scan, a, term);
    }
    note_leads(scan, a, classes);
    for (u8 first = 0; first < 26; first++)
        if (scan->pairs[first]) scan->first[scan->firsts++] = (Bytes){0} + (u8)('a' + first);
    for (u8 glyph = 0; glyph < 128; glyph++) {
        u32 kind = classes[glyph], leet = kind & LEETS && !(kind & TRAILS_NOT);
        if (is_small(glyph)) continue;
        if (a->starts[glyph] & 1 && kind & DIGIT) scan->digit = (Bytes){0} - 1;
        else if (a->starts[glyph] & 1) scan->outer[scan->outers++] = (Bytes){0} + glyph;
        if (a->starts[glyph] & 2) scan->inner[scan->inners++] = (Bytes){0} + glyph;
        if (kind & (ALNUM | CONTROL)) continue;
        if (kind & SPACE) scan->after[glyph] = BLANK;
        else if (!(kind & (LEETS | HIDES | STOPS | JOINS | SPLITS)) && glyph != '<')
            scan->after[glyph] = SHUT;
        else if (!leet && glyph != '*') scan->after[glyph] = CALM;
    }
    return true;
}

typedef struct {
    u64 small, alnum, twin, outer, inner, maybe; /* a bit for each of 64 characters */
} Kinds;

/* Return a bit for each byte. */
INLINE u64 gathered(const Bytes *flags) {
    u64 bits = 0;
#ifdef __SSE2__
    __m128i halves[2];
    memcpy(halves, flags, sizeof halves);
    for (u32 half = 0; half < 2; half++)
        bits |= (u64)(u32)_mm_movemask_epi8(halves[half]) << 16 * half;
#else
    const u64 high = 0x8080808080808080u, move = 0x0002040810204081u;
    u64 parts[4];
    memcpy(parts, flags, sizeof parts);
    for (u32 part = 0; part < 4; part++) bits |= ((parts[part] & high) * move >> 56) << 8 * part;
#endif
    return bits;
}

/* Say what 64 characters are; two more must be there. */
INLINE Kinds kinds(const Scan *scan, const u8 *at) {
    Kinds found = {0};
    for (u32 shift = 0; shift < 64; shift += ACROSS) {
        Bytes one, two, three;
        memcpy(&one, at + shift, sizeof one);
        memcpy(&two, at + shift + 1, sizeof two);
        memcpy(&three, at + shift + 2, sizeof three);
        Bytes small = (Bytes)((one - 'a') < 26), digit = (Bytes)((one - '0') < 10);
        Bytes outer = (Bytes)(one > 127) | (digit & scan->digit), inner = (Bytes)(one > 127);
        Bytes alnum = small | digit, twin = (Bytes)(one == two);
        Bytes lone = (Bytes)((two - 'a') >= 26) | twin, maybe = {0};
        Bytes open = ((Bytes)((three - 'a') >= 26) & (Bytes)(three != ' ')) | (Bytes)(three == two);
        for (u32 which = 0; which < scan->outers; which++)
            outer |= (Bytes)(one == scan->outer[which]);
        for (u32 which = 0; which < scan->inners; which++)
            inner |= (Bytes)(one == scan->inner[which]);
        for (u32 which = 0; which < scan->firsts; which++)
            maybe |= (Bytes)(one == scan->first[which]);
        if (scan->threes <= THREES) maybe &= lone;
        for (u32 which = 0; which < scan->threes && scan->threes <= THREES; which++) {
            const Bytes *wanted = scan->three[which];
            inner |= (Bytes)(one == wanted[0]) & (Bytes)(two == wanted[1]) &
                     ((Bytes)(three == wanted[2]) | open | (Bytes)(wanted[2] == 0));
        }
        found.small |= gathered(&small) << shift;
        found.alnum |= gathered(&alnum) << shift;
        found.twin |= gathered(&twin) << shift;
        found.outer |= gathered(&outer) << shift;
        found.inner |= gathered(&inner) << shift;
        found.maybe |= gathered(&maybe) << shift;
    }
    return found;
}

/* Whether a term may begin inside a word with the letter at `at`. */
static bool may_be_inside(const Automaton *a, const u8 *at) {
    const Scan *scan = &a->scan;
    u8 first = *at++, second;
    bool twins = *at == first;
    for (u32 more = 0; *at == first; at++)
        if (++more > 64) return true; /* a run of any length, looked at from each of its letters */
    for (u32 blanks = 0; scan->after[*at] & BLANK; at++)
        if (++blanks > 12) return true;
    u32 seconds = scan->pairs[first - 'a'];
    if (!is_small(second = *at) || second == first || seconds == ~0u) return true;
    if (!(seconds >> (second - 'a') & 1)) return false;
    return twins || !is_small(*++at) || *at == second ||
           a->thirds[1][((first - 'a') * 26 + second - 'a') * 26 + *at - 'a'];
}

INLINE u64 window(const u64 *bits, i64 place) {
    u32 shift = place & 63;
    bits += place >> 6;
    return shift ? bits[0] >> shift | bits[1] << (64 - shift) : bits[0];
}

/* Whether letters set apart can go on at `next` after `letter`. */
INLINE bool goes_on(const Automaton *a, u8 letter, const u8 *next) {
    if (!is_small(next[0]) || next[0] == letter) return true;
    if (is_small(next[1]) && next[1] != next[0]) return false;
    return a->seconds[0][(letter - 'a') * 26 + next[0] - 'a'];
}

/* Whether a term may begin with the word of `size` letters at `at`; `twins` are like the next. */
INLINE bool may_begin(const Automaton *a, const u8 *at, u32 size, u64 twins) {
    const Scan *scan = &a->scan;
    u32 low = size < 8 ? size : 8, high = size < KEPT ? size : KEPT;
    Word word = {masked(eight(at), low), masked(eight(at + high - low), low)};
    word.high = size > 8 ? word.high >> 8 * (KEPT - high) : 0;
    if (twins && size > KEPT) word = squeezed(at, size);
    else
        for (u32 left = 0; twins; twins &= twins - 1)
            word = without(word, (u32)__builtin_ctzll(twins) - left++);
    u64 hash = hashed(word);
    u32 first = *at - 'a', second = (u32)(word.low >> 8 & 255), beyond;
    bool look = scan->open[first] >> (second ? second - 'a' : first) & 1;
    const u8 *next = at + size;
    u32 after = scan->after[*next];
    if (!second && after & (BLANK | SHUT)) { /* the first of a row of letters? */
        u32 skipped = 0, signs = 0;
        for (; scan->after[*next] & (BLANK | SHUT) && skipped < 12; next++, skipped++)
            signs += skipped && scan->after[*next] & SHUT;
        look |= skipped == 12 || signs || goes_on(a, *at, next);
        next = at + size;
    }
    if (after & BLANK) {
        do next++;
        while (*next == ' ');
        u32 one = next[0] - 'a', two = next[1] - 'a', three = next[2] - 'a';
        if (one >= 26) beyond = 0;
        else if (two >= 26 || two == one) beyond = one + 1;
        else if (three >= 26 || three == two) beyond = (one + 1) << 5 | (two + 1);
        else beyond = (one + 1) << 10 | (two + 1) << 5 | (three + 1);
    } else {
        beyond = GOES_ON | *next;
        if (after & CALM && second) {
            u8 sign = *next;
            for (u32 signs = 0; *next == sign && signs < 12; signs++) next++;
            after |= scan->after[*next] & BLANK;
        }
        if (!(after & (BLANK | SHUT))) return look | has(&scan->beginnings, hash);
    }
    return look | has(&scan->words, hash) | has(&scan->nexts, beside(hash, beyond));
}

/* Whether a term may begin with the sign at `at`, read as a letter or as what it is. */
static bool may_lead(const Automaton *a, const u8 *at) {
    const Scan *scan = &a->scan;
    u8 sign = *at, next = at[1];
    if (sign > 127 || next > 127 || next == sign) return true;
    if (scan->after[next] & BLANK && !(scan->lead[sign][' ' >> 6] >> (' ' & 63) & 1)) {
        for (u32 blanks = 0; scan->after[*++at] & BLANK;)
            if (++blanks > 12) return true;
        if (!is_small(*at)) return true;
        next = *at;
    }
    return scan->lead[sign][next >> 6] >> (next & 63) & 1;
}

/* Note a word that is one slip away from a term. Whether there was memory. */
static bool note_slip(Texts *texts, i64 place, u32 size, u32 index) {
    if (texts->slips == texts->room) {
        i64 room = texts->room ? 2 * texts->room : 64;
        Slipped *more = realloc(texts->slipped, (size_t)room * sizeof *more);
        if (!more) return false;
        texts->slipped = more;
        texts->room = room;
    }
    texts->slipped[texts->slips++] = (Slipped){place, size, index};
    return true;
}

/* Mark where a term may begin in texts. Whether there was memory. */
NEWER bool moddefense_mark(const Automaton *a, Texts *texts) {
    const Scan *scan = &a->scan;
    const u8 *text = texts->plain;
    u64 *marks = texts->marks, *small = marks + texts->words, *twin = small + texts->words;
    i64 blocks = (texts->size + 63) / 64;
    u64 before = 0; /* whether a letter or digit is before the block */
    for (i64 block = 0; block < blocks; block++) {
        Kinds found = kinds(scan, text + 64 * block);
        u64 begins = ~(found.alnum << 1 | before);
        before = found.alnum >> 63;
        small[block] = found.small;
        twin[block] = found.twin;
        marks[block] = found.inner;
        for (u64 outer = found.outer & begins; outer; outer &= outer - 1) {
            u32 bit = (u32)__builtin_ctzll(outer);
            marks[block] |= (u64)may_lead(a, text + 64 * block + bit) << bit;
        }
        for (u64 maybe = found.maybe; maybe; maybe &= maybe - 1) {
            u32 bit = (u32)__builtin_ctzll(maybe);
            marks[block] |= (u64)may_be_inside(a, text + 64 * block + bit) << bit;
        }
        small[block + 1] = twin[block + 1] = 0;
    }
    small[blocks] = small[blocks + 1] = twin[blocks] = twin[blocks + 1] = 0;
    before = 0;
    u32 frames[33]; /* bits and sizes of words that are framed as slips are */
    for (i64 block = 0; block < blocks; block++) {
        u32 framed = 0;
        for (u64 begins = small[block] & ~(small[block] << 1 | before); begins;
             begins &= begins - 1) {
            u32 bit = (u32)__builtin_ctzll(begins);
            i64 place = 64 * block + bit;
            u64 others = ~window(small, place);
            u32 letters = others ? (u32)__builtin_ctzll(others) : 64;
            u64 twins = window(twin, place) & (((u64)1 << (letters - 1)) - 1);
            bool look = letters == 64 || may_begin(a, text + place, letters, twins);
            marks[block] |= (u64)look << bit;
            frames[framed] = bit << 8 | letters;
            framed += is_framed(&a->slips, text + place, letters); /* without a branch */
        }
        for (u32 which = 0; which < framed; which++) {
            i64 place = 64 * block + (frames[which] >> 8), index;
            u32 letters = frames[which] & 255;
            if (!may_slip(a, text + place, letters)) continue;
            if ((index = moddefense_slip(a, text + place, letters)) < 0) continue;
            if (!note_slip(texts, place, letters, (u32)index)) return false;
        }
        before = small[block] >> 63;
    }
    return true;
}
