/* What the parts of the compiled matcher share: character classes, terms, the trie. */
#ifndef MODDEFENSE_MATCHER_H
#define MODDEFENSE_MATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

enum { VERSION = 10 }; /* as in compiled.py: raised with every change to what both sides share */

/* Classes of characters; Python fills the table, so that both sides agree on what Unicode says. */
enum {
    WORD = 1,         /* a letter, a digit or a mark: patterns.is_word */
    ALNUM = 2,        /* str.isalnum */
    ALPHA = 4,        /* str.isalpha */
    DIGIT = 8,        /* str.isdigit */
    SPACE = 16,       /* str.isspace */
    LOOSE = 32,       /* of a script without space between words */
    MARK = 64,        /* category M */
    HIDES = 128,      /* can hide a letter */
    LEETS = 256,      /* stands for a letter in leet */
    STICKY = 512,     /* between word characters a letter, not a stop */
    SPLITS = 1024,    /* up to three of these can split a word: emoji and other signs */
    LEADS_NOT = 2048, /* no leet at the start of a term */
    TRAILS_NOT = 4096,
    JOINS = 8192,  /* between the words of a phrase */
    STOPS = 16384, /* one of these can split a word */
    CALM_BEFORE = 1 << 15, /* beside a hit that needs no look at what is around */
    CALM_AFTER = 1 << 16,
    CONTROL = 1 << 17 /* ASCII that folding drops */
};

/* What a term or a word of a phrase may be read through, and how it is anchored. */
enum {
    LEFT = 1,
    RIGHT = 2,
    REPETITION = 4,
    LEET = 8,
    SEPARATORS = 16,
    MASKING = 32,
    ALLOW = 64,
    WEIGHTY = 128, /* a word by which an evasion of its phrase is known */
    RESPELT = 256, /* an alias: another letter in the place of one that looks like it */
    PARTED = 512,  /* an alias: in two parts */
    SPELT = 1024,  /* words one slip away are read as it */
    EVASIVE = REPETITION | LEET | SEPARATORS | MASKING
};

/* The bits of a hit: patterns.LEVELS in order. */
enum { THROUGH_LEET = 1, THROUGH_REPETITION = 2, THROUGH_SEPARATORS = 4, THROUGH_MASKING = 8, THROUGH_SPELLING = 16 };

/* What is known of the way down to a node. */
enum {
    JUST = 1,     /* after a gap, or at the start of a word */
    TIGHT = 2,    /* two letters of this word are next to each other */
    FULL = 4,     /* a gap that is possible only if all letters are apart */
    GAPPED = 8,   /* some letters of this word are apart */
    SURPLUS = 16, /* a run is longer than in the term */
    MASKED = 32,
    VOWEL = 64,  /* masked by something other than stars, which is possible once */
    LEETED = 128,
    APART = 256, /* a word before this one had letters apart, or was joined to this one */
    SIGNED = 512, /* a symbol was read as a letter of this word: none can be in a gap */
    PASSED = 1024 /* a gap in this word has such a symbol: none can be read as a letter */
};


enum { SECONDS = 26 * 26, THIRDS = 26 * 26 * 26 };
#define WALK 0xffffffffu /* a term may end before these letters do: walk down from the root */
enum { UNCOMMON = 64 };  /* the code of characters that have none */
enum { BUDGET = 400 };   /* steps of one alignment, as in reader.py */
enum { STEPS = 20000, DEPTH = 300, PROPOSED = 8192 }; /* bounds of one walk */
enum { SPARE = 1 << 20 }; /* steps beyond these that the walks of one text may take together */
enum { WINDOW = 300 };   /* characters to either side that are looked at for a URL */
enum { ASK = 32 };       /* a bit of a hit: context.free must look at it */
/* A text: not to be folded here; too ambiguous; has characters beyond ASCII, folded too. */
enum { ODD = 1, LOST = 2, FOREIGN = 4, WIDE = 8 };
enum { STRANGE = 256 };
enum { UNSTEADY = 0xffffffff };          /* the image of a character that does not fold by itself */

typedef struct {
    i32 text, start, end, index, bits;
} Row;

typedef struct {
    Row *row;
    i32 *asks; /* the rows that context.free must look at */
    i64 count, asked, room, strange;
    i32 text;
    u32 stranger[STRANGE]; /* characters of which it is not known what they fold to */
} Rows;

/* A word in a text that is one slip away from a term. */
typedef struct {
    i64 place;
    u32 size, index;
} Slipped;

/* Texts made ready, joined by line ends. */
typedef struct {
    u8 *plain;   /* folded; 128 stands for all that is not ASCII */
    u32 *wide;   /* what that is; the rest of a text is put there when it is searched */
    u64 *marks;  /* a bit a character: a term may begin there; and room for the scan */
    i64 size, words;
    Slipped *slipped;
    i64 slips, seen, room; /* of these: how many, how many are behind, how many there is room for */
} Texts;

/* Leet: a glyph and what it stands for; the second is 0 where there is one reading only. */
typedef struct {
    u32 glyph, first, second;
} Reading;

typedef struct {
    u32 text;   /* where its letters begin in the pool */
    u32 size;   /* how many they are */
    u32 count;  /* of letters and digits among them */
    u32 flags;
    u32 words;  /* the first of its words, where it is a phrase */
    u32 parts;  /* how many words; 0 when it is no phrase */
} Term;

typedef struct {
    u64 mask;   /* which of the common characters lead on */
    u32 first;  /* first child; the common ones come first, in the order of their codes */
    u32 letter; /* by which it is reached, and ENDS and OTHERS */
} Node;

#define ENDS 0x80000000u   /* terms end here */
#define OTHERS 0x40000000u /* there are children by characters that are not common */
#define LETTER 0x1fffffu

/* What is seldom asked of a node. */
typedef struct {
    u32 ends;   /* first of the terms that end here, in `owners` */
    u32 ending; /* how many do */
    u32 others; /* children by characters that are not common, sorted */
} Rest;

/* Code for newer processors, too, chosen when it runs. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && !defined(__clang__) && \
    __GNUC__ >= 12
#define NEWER __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define NEWER
#endif
#define INLINE static inline __attribute__((always_inline))

enum { ACROSS = 32 }; /* bytes that are looked at together */
typedef u8 Bytes __attribute__((vector_size(ACROSS), aligned(16)));

/* Hashes, of which some may seem to be there that are not. */
typedef struct {
    u64 *cells, mask;
} Set;

enum { THREES = 48, PADDING = 128 };
/* What ends a word after it: white space, a sign before white space, any other sign. */
enum { BLANK = 1, CALM = 2, SHUT = 4 };

enum { SPELT_LEAST = 7, REPLACED = 9, SLIPPED = 24 }; /* letters, as in slips.py */

/* A term without one letter, or whole. */
typedef struct {
    u64 hash;
    u32 next, term;
} Slip;

/* A bit for each hash, of which some may seem to be there that are not. */
typedef struct {
    u64 *cells, mask;
} Bits;

/* The terms that are SPELT, without one letter each. */
typedef struct {
    u32 *chains;
    Slip *entries;
    u32 made;          /* entries */
    u32 sizes[26][26]; /* by first and last letters of terms, how long a word may be: a bit each */
    Bits rests;        /* words without one letter */
    Bits halves;       /* the first and last letters of words that may be slips */
    u64 *known;        /* hashes of words that seem to be slips, but are listed or usual; 0: none */
    u64 mask, knowns, known_mask;
} Slips;

/* By what the scan knows where a term may begin. */
typedef struct {
    Set words;      /* terms of one word, letters alone */
    Set nexts;      /* first words of terms, with what may come after them */
    Set beginnings; /* of first words */
    u32 open[26];   /* second letters of terms that may end inside a word, by their first letters */
    u32 pairs[26];  /* and of terms that may begin inside a word */
    u32 threes, firsts, outers, inners;
    Bytes three[THREES][3];        /* letters that such terms begin with; the last may be any: 0 */
    Bytes first[26];               /* the first of them */
    Bytes outer[128], inner[128];  /* signs that may begin a word, or a term inside one */
    Bytes digit;                   /* ones where any digit may begin a word */
    u64 lead[128][2];              /* the signs that may follow a sign that begins a word */
    u8 after[256];                 /* what a sign says of the word before it */
} Scan;

typedef struct {
    u32 patterns, nodes, readings;
    u32 longest; /* of the terms */
    u32 head;    /* longest run of one letter that begins a term which may stand inside a word */
    u32 inside;  /* how many such terms there are */
    Reading *leet;
    Term *terms; /* patterns, then words of phrases */
    u32 *pool;   /* letters of all patterns */
    u32 *runs;   /* how often the letter goes on from each place */
    Node *trie;  /* node 0: terms that begin a word; node 1: the others */
    Rest *rest;  /* of the nodes */
    u32 *owners;
    u8 starts[128]; /* which of the two tries has a child for a character, leet read */
    u8 codes[128];  /* of the common characters; UNCOMMON for all others */
    u32 seconds[2][SECONDS]; /* the nodes that two letters of a to z lead to */
    u32 thirds[2][THIRDS];   /* and three */
    Scan scan;
    Slips slips;
} Automaton;

bool moddefense_prepare(Automaton *a, const u32 *classes);
bool moddefense_mark(const Automaton *a, Texts *texts);
bool moddefense_note_slips(Automaton *a);

INLINE u64 eight(const u8 *from) {
    u64 letters;
    memcpy(&letters, from, 8);
    return letters;
}

INLINE u64 masked(u64 letters, u32 count) { /* at least one, at most eight */
    return letters & ~(u64)0 >> (64 - 8 * count);
}

INLINE bool has_bit(const Bits *bits, u64 hash) {
    return bits->cells[hash >> 6 & bits->mask] >> (hash & 63) & 1;
}

static inline void put_bit(Bits *bits, u64 hash) {
    bits->cells[hash >> 6 & bits->mask] |= (u64)1 << (hash & 63);
}

/* How many letters at the start of a word, or as many at its end, one slip leaves as they are. */
INLINE u32 half_of(u32 size) { return size < 8 ? 3 : size < 17 ? (size - 1) / 2 : 8; }

/* Hash `half` letters, the letter at the other end of their word, and its size. */
INLINE u64 half_hash(const u8 *from, u32 half, u8 other, u32 size) {
    u64 hash = masked(eight(from), half) + (u64)(other << 5 | size) * 0xc2b2ae3d27d4eb4fu;
    return hash * 0x9e3779b97f4a7c15u >> 32;
}

/* Whether a word of `size` small letters begins, ends and is as long as slips of a term are. */
INLINE bool is_framed(const Slips *slips, const u8 *word, u32 size) {
    u32 sizes = slips->sizes[word[0] - 'a'][word[size - 1] - 'a'];
    return sizes >> (size & 31) & (size <= SLIPPED);
}

/* Whether such a word may be one slip away from a term; eight more letters must be there. */
INLINE bool may_slip(const Automaton *a, const u8 *word, u32 size) {
    const Slips *slips = &a->slips;
    u8 first = word[0], last = word[size - 1];
    u32 half = half_of(size);
    if (!is_framed(slips, word, size)) return false;
    return has_bit(&slips->halves, half_hash(word, half, last, size)) |
           has_bit(&slips->halves, half_hash(word + size - half, half, first, size));
}

i64 moddefense_slip(const Automaton *a, const u8 *word, u32 size);
void moddefense_drop_slips(Automaton *a);
bool moddefense_read(Texts *texts, const u32 *classes, const u32 *images, const u8 *given,
                     i64 bytes, const i64 *begins, i64 count, u8 *status, Rows *rows);
void moddefense_drop(Texts *texts);

/* Whether up to three of this sign can split a word. */
static inline bool is_run(u32 glyph) { return glyph == '_' || glyph == '*' || glyph == '~'; }

/* Return the child of `node` by `letter`, or 0. */
static inline u32 child(const Automaton *a, u32 node, u32 letter) {
    const Node *here = a->trie + node;
    u32 code = letter < 128 ? a->codes[letter] : UNCOMMON;
    if (code < UNCOMMON) {
        u64 bit = (u64)1 << code;
        if (!(here->mask & bit)) return 0;
        return here->first + (u32)__builtin_popcountll(here->mask & (bit - 1));
    }
    if (!(here->letter & OTHERS)) return 0;
    u32 low = here->first + (u32)__builtin_popcountll(here->mask);
    u32 high = low + a->rest[node].others;
    while (low < high) {
        u32 middle = low + (high - low) / 2, there = a->trie[middle].letter & LETTER;
        if (there == letter) return middle;
        if (there < letter) low = middle + 1;
        else high = middle;
    }
    return 0;
}

static inline u32 children(const Automaton *a, u32 node) {
    return (u32)__builtin_popcountll(a->trie[node].mask) + a->rest[node].others;
}

static inline bool is_leaf(const Node *node) { return !node->mask && !(node->letter & OTHERS); }

#endif
