/* Terms made into two tries: of those that begin a word, and of those that may begin inside one. */
#include "matcher.h"

/* By these a node knows its children at once; they come first in COMMON order. */
static const char COMMON[] = "abcdefghijklmnopqrstuvwxyz 0123456789'-.@$!&*+_#%:;,/()=\"?<>|~";

typedef struct {
    u32 low, high; /* terms, in their order, that begin with the letters up to here */
    u32 depth;     /* how many letters that is */
} Range;

static u32 letter_at(const Automaton *a, u32 owner, u32 depth) {
    const Term *term = a->terms + owner;
    return depth < term->size ? a->pool[term->text + depth] : 0;
}

static u32 rank(const Automaton *a, u32 letter) {
    u32 code = letter < 128 ? a->codes[letter] : UNCOMMON;
    return code < UNCOMMON ? code : UNCOMMON + letter;
}

/* Give `node` its children, the first of them at `made`; return where the next one goes. */
static u32 branch(Automaton *a, Range *ranges, u32 node, u32 made) {
    Node *here = a->trie + node;
    u32 low = ranges[node].low, high = ranges[node].high, depth = ranges[node].depth;
    Rest *rest = a->rest + node;
    rest->ends = low;
    while (low < high && a->terms[a->owners[low]].size == depth) low++;
    rest->ending = low - rest->ends;
    if (rest->ending) here->letter |= ENDS;
    here->first = made;
    while (low < high) {
        u32 letter = letter_at(a, a->owners[low], depth), from = low;
        while (low < high && letter_at(a, a->owners[low], depth) == letter) low++;
        u32 place = made++;
        /* ranges are sorted by code point: move the child to where its rank puts it */
        while (place > here->first && rank(a, a->trie[place - 1].letter) > rank(a, letter)) {
            a->trie[place] = a->trie[place - 1];
            ranges[place] = ranges[place - 1];
            place--;
        }
        a->trie[place] = (Node){.letter = letter};
        a->rest[made - 1] = (Rest){0};
        ranges[place] = (Range){from, low, depth + 1};
        u32 code = letter < 128 ? a->codes[letter] : UNCOMMON;
        if (code < UNCOMMON) here->mask |= (u64)1 << code;
        else {
            here->letter |= OTHERS;
            rest->others++;
        }
    }
    return made;
}

static void note_starts(Automaton *a, const u32 *classes) {
    for (u32 root = 0; root < 2; root++)
        for (u32 letter = 0; letter < 128; letter++) {
            if (child(a, root, letter)) a->starts[letter] |= (u8)(1 << root);
            for (u32 place = 0; place < a->readings; place++) {
                const Reading *leet = a->leet + place;
                if (leet->glyph != letter || classes[letter] & LEADS_NOT) continue;
                if (child(a, root, leet->first) || (leet->second && child(a, root, leet->second)))
                    a->starts[letter] |= (u8)(1 << root);
            }
        }
}

/* Return where letters of a to z, numbered from 0, lead; 0 where no term begins so. */
static u32 led(const Automaton *a, u32 root, const u32 *letters, u32 count) {
    u32 node = root;
    for (u32 at = 0; at < count; at++) {
        if (at && a->trie[node].letter & ENDS)
            for (u32 which = 0; which < a->rest[node].ending; which++)
                if (!(a->terms[a->owners[a->rest[node].ends + which]].flags & RIGHT)) return WALK;
        if (!(node = child(a, node, 'a' + letters[at]))) return 0;
    }
    return node;
}

static void note_beginnings(Automaton *a) {
    for (u32 root = 0; root < 2; root++)
        for (u32 place = 0; place < THIRDS; place++) {
            u32 letters[3] = {place / SECONDS, place / 26 % 26, place % 26};
            a->thirds[root][place] = led(a, root, letters, 3);
            if (!letters[2]) a->seconds[root][place / 26] = led(a, root, letters, 2);
        }
}

void moddefense_free(Automaton *a) {
    if (!a) return;
    free(a->leet);
    free(a->terms);
    free(a->pool);
    free(a->runs);
    free(a->trie);
    free(a->rest);
    free(a->owners);
    moddefense_drop_slips(a);
    free(a->scan.words.cells);
    free(a->scan.nexts.cells);
    free(a->scan.beginnings.cells);
    free(a);
}

static void *copied(const void *source, size_t count, size_t size) {
    void *copy = malloc((count + 1) * size);
    if (copy && count) memcpy(copy, source, count * size);
    return copy;
}

/*
 * Compile terms: `patterns` of them, and after these the words of phrases (`terms` in all). `pool`
 * are the letters of the patterns, in which words have their part. `order` are the patterns sorted
 * by code points, those that begin a word before the `inside` ones. Returns NULL when there is no
 * memory.
 */
Automaton *moddefense_compile(const Term *terms, u32 patterns, u32 count, const u32 *pool,
                              u32 letters, const u32 *order, u32 inside, const Reading *leet,
                              u32 readings, const u32 *classes) {
    Automaton *a = calloc(1, sizeof *a);
    Range *ranges = malloc(((size_t)letters + 2) * sizeof *ranges);
    u32 *stack = malloc(((size_t)letters + 2) * sizeof *stack);
    if (a) {
        a->terms = copied(terms, count, sizeof *terms);
        a->pool = copied(pool, letters, sizeof *pool);
        a->runs = copied(pool, letters, sizeof *pool);
        a->owners = copied(order, patterns, sizeof *order);
        a->leet = copied(leet, readings, sizeof *leet);
        a->trie = malloc(((size_t)letters + 2) * sizeof *a->trie);
        a->rest = malloc(((size_t)letters + 2) * sizeof *a->rest);
    }
    if (!a || !ranges || !stack || !a->terms || !a->pool || !a->runs || !a->owners || !a->leet ||
        !a->trie || !a->rest) {
        free(ranges);
        free(stack);
        moddefense_free(a);
        return NULL;
    }
    a->patterns = patterns;
    a->inside = inside;
    a->readings = readings;
    memset(a->codes, UNCOMMON, sizeof a->codes);
    for (u32 place = 0; COMMON[place]; place++) a->codes[(u8)COMMON[place]] = (u8)place;
    for (u32 index = 0; index < patterns; index++) {
        const Term *term = a->terms + index;
        u32 *runs = a->runs + term->text;
        if (term->size > a->longest) a->longest = term->size;
        for (u32 place = term->size; place-- > 0;)
            runs[place] = place + 1 < term->size &&
                                  a->pool[term->text + place] == a->pool[term->text + place + 1]
                              ? runs[place + 1] + 1
                              : 1;
        if (!(term->flags & LEFT) && runs[0] > a->head) a->head = runs[0];
    }
    a->trie[0] = a->trie[1] = (Node){0};
    a->rest[0] = a->rest[1] = (Rest){0};
    ranges[0] = (Range){0, patterns - inside, 0};
    ranges[1] = (Range){patterns - inside, patterns, 0};
    u32 made = 2, waiting = 2;
    stack[0] = 1;
    stack[1] = 0;
    while (waiting) { /* depth first: what is read one after the other lies so */
        u32 first = made;
        made = branch(a, ranges, stack[--waiting], made);
        for (u32 node = made; node-- > first;) stack[waiting++] = node;
    }
    a->nodes = made;
    free(ranges);
    free(stack);
    note_starts(a, classes);
    note_beginnings(a);
    if (!moddefense_prepare(a, classes) || !moddefense_note_slips(a)) {
        moddefense_free(a);
        return NULL;
    }
    return a;
}
