/*
 * WordPiece: UTF-8 texts to ids, longest match first, as TF-Text's FastWordpieceTokenizer gives
 * them with its own splitting into words. Texts are well-formed UTF-8; Python sees to that.
 */
#include "models.h"

enum { SPACE = 1, ALONE = 2 };       /* classes of characters, as in wordpiece.py */
enum { BEGINS = 1, CONTINUES = 2 };  /* kinds of pieces; others match nothing */
enum { CODES = 0x110000, NONE = -1 };

/* A trie of bytes: edges in a hash table, by node and byte. */
typedef struct {
    u64 key; /* node << 8 | byte, plus one; 0 where there is no edge */
    i32 node;
} Edge;

/* A piece that begins words, in a hash table of these: most words are one. */
typedef struct {
    u32 hash;
    i32 piece; /* plus one; 0 where there is none */
} Whole;

typedef struct {
    Edge *edges;
    u64 mask;
    i32 *ids; /* of the piece that ends at a node */
    i64 nodes;
    Whole *wholes;
    u64 wholes_mask;
    u8 *bytes; /* of the pieces, and where they begin */
    i64 *begins;
    u8 *classes; /* of every code point */
    i32 unknown;
    i64 longest; /* bytes of a word; a longer one is unknown */
} WordPiece;

enum { BEGINNING = 0, CONTINUATION = 1 }; /* the roots */

static u64 slot_of(const WordPiece *self, u64 key) {
    u64 slot = (key * UINT64_C(0x9E3779B97F4A7C15)) >> 20;
    for (;; slot++) {
        const Edge *edge = &self->edges[slot & self->mask];
        if (edge->key == key || !edge->key) return slot & self->mask;
    }
}

static inline i32 child(const WordPiece *self, i32 node, u8 byte) {
    const Edge *edge = &self->edges[slot_of(self, ((u64)node << 8 | byte) + 1)];
    return edge->key ? edge->node : NONE;
}

static inline u32 hash_of(const u8 *word, i64 size) {
    u64 hash = (u64)size * UINT64_C(0xC2B2AE3D27D4EB4F), part;
    for (; size >= 8; word += 8, size -= 8) {
        memcpy(&part, word, 8);
        hash = (hash ^ part) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    for (part = 0; size; size--) part = part << 8 | *word++;
    hash = (hash ^ part) * UINT64_C(0x9E3779B97F4A7C15);
    return (u32)(hash >> 32);
}

/* Return the piece that is all of a word, or NONE. */
static inline i32 whole(const WordPiece *self, const u8 *word, i64 size) {
    u32 hash = hash_of(word, size);
    for (u64 slot = hash;; slot++) {
        const Whole *at = &self->wholes[slot & self->wholes_mask];
        if (!at->piece) return NONE;
        if (at->hash != hash) continue;
        const u8 *piece = self->bytes + self->begins[at->piece - 1];
        const u8 *end = self->bytes + self->begins[at->piece];
        if (end - piece == size && !memcmp(piece, word, (size_t)size)) return at->piece - 1;
    }
}

void moddefense_wordpiece_free(WordPiece *self) {
    if (!self) return;
    free(self->wholes);
    free(self->bytes);
    free(self->begins);
    free(self->edges);
    free(self->ids);
    free(self->classes);
    free(self);
}

/*
 * Compile `count` pieces, which lie in `bytes` between `begins`, without the mark of continuations.
 * Return NULL where there is no memory.
 */
WordPiece *moddefense_wordpiece_new(const u8 *bytes, const i64 *begins, const u8 *kinds, i64 count,
                                    const u8 *classes, i32 unknown, i64 longest) {
    WordPiece *self = calloc(1, sizeof *self);
    u64 room = 64, wholes = 64;
    i64 most = 2 + begins[count];
    if (!self) return NULL;
    while (wholes < 2 * (u64)count) wholes *= 2;
    self->wholes_mask = wholes - 1;
    self->wholes = calloc(wholes, sizeof *self->wholes);
    self->bytes = malloc((size_t)begins[count] + 1);
    self->begins = malloc(((size_t)count + 1) * sizeof *self->begins);
    while (room < 2 * (u64)most) room *= 2;
    self->mask = room - 1;
    self->edges = calloc(room, sizeof *self->edges);
    self->ids = malloc((size_t)most * sizeof *self->ids);
    self->classes = malloc(CODES);
    if (!self->edges || !self->ids || !self->classes || !self->wholes || !self->bytes ||
        !self->begins) {
        moddefense_wordpiece_free(self);
        return NULL;
    }
    memcpy(self->bytes, bytes, (size_t)begins[count]);
    memcpy(self->begins, begins, ((size_t)count + 1) * sizeof *self->begins);
    memcpy(self->classes, classes, CODES);
    self->unknown = unknown;
    self->longest = longest;
    self->nodes = 2;
    self->ids[BEGINNING] = self->ids[CONTINUATION] = NONE;
    for (i64 piece = 0; piece < count; piece++) {
        if (kinds[piece] != BEGINS && kinds[piece] != CONTINUES) continue;
        i32 node = kinds[piece] == BEGINS ? BEGINNING : CONTINUATION;
        for (i64 place = begins[piece]; place < begins[piece + 1]; place++) {
            u64 key = ((u64)node << 8 | bytes[place]) + 1;
            Edge *edge = &self->edges[slot_of(self, key)];
            if (!edge->key) {
                edge->key = key;
                edge->node = (i32)self->nodes;
                self->ids[self->nodes++] = NONE;
            }
            node = edge->node;
        }
        if (node <= CONTINUATION) continue;
        self->ids[node] = (i32)piece;
        if (kinds[piece] != BEGINS) continue;
        u32 hash = hash_of(bytes + begins[piece], begins[piece + 1] - begins[piece]);
        u64 slot = hash;
        while (self->wholes[slot & self->wholes_mask].piece) slot++;
        self->wholes[slot & self->wholes_mask] = (Whole){hash, (i32)piece + 1};
    }
    return self;
}

/* Return the class of the character at `place` and set its number of bytes. */
static inline u8 class_at(const WordPiece *self, const u8 *text, i64 left, i64 *size) {
    u32 code = text[0];
    if (code < 0x80) {
        *size = 1;
        return self->classes[code];
    }
    i64 count = code >= 0xF0 ? 4 : code >= 0xE0 ? 3 : 2;
    if (count > left) count = left;
    code &= 0xFFu >> (count + 1);
    for (i64 next = 1; next < count; next++) code = code << 6 | (text[next] & 0x3F);
    *size = count;
    return code < CODES ? self->classes[code] : ALONE;
}

/* Write the ids of one word and return their number. */
static i64 cut(const WordPiece *self, const u8 *word, i64 size, i32 *ids) {
    i64 count = 0, place = 0;
    if (size > self->longest) {
        ids[0] = self->unknown;
        return 1;
    }
    if ((ids[0] = whole(self, word, size)) != NONE) return 1;
    while (place < size) {
        i32 node = place ? CONTINUATION : BEGINNING, found = NONE;
        i64 end = place;
        for (i64 next = place; next < size;) {
            node = child(self, node, word[next++]);
            if (node == NONE) break;
            if (self->ids[node] != NONE) {
                found = self->ids[node];
                end = next;
            }
        }
        if (found == NONE) {
            ids[0] = self->unknown;
            return 1;
        }
        ids[count++] = found;
        place = end;
    }
    return count;
}

/*
 * Write the ids of texts, which lie in `bytes` between `begins`, and how many each has; return how
 * many there are. There is room for as many ids as bytes. With `opening`, the first piece of a word
 * of several gets the id that stands there.
 */
i64 moddefense_wordpiece(const WordPiece *self, const u8 *bytes, const i64 *begins, i64 texts,
                         const i32 *opening, i32 *ids, i64 *lengths) {
    const u8 *classes = self->classes;
    i64 total = 0;
    for (i64 text = 0; text < texts; text++) {
        i64 place = begins[text], end = begins[text + 1], before = total;
        while (place < end) {
            i64 size, word = place;
            u8 class = class_at(self, bytes + place, end - place, &size);
            place += size;
            if (class == SPACE) continue;
            while (class != ALONE && place < end) {
                u8 byte = bytes[place];
                if (byte < 0x80 ? classes[byte] : class_at(self, bytes + place, end - place, &size))
                    break;
                place += byte < 0x80 ? 1 : size;
            }
            i64 count = cut(self, bytes + word, place - word, ids + total);
            if (opening && count > 1) ids[total] = opening[ids[total]];
            total += count;
        }
        lengths[text] = total - before;
    }
    return total;
}

/* Note the texts in which `least` bytes in a row, at least one, may be of letters. */
void moddefense_runs(const u8 *bytes, const i64 *begins, i64 texts, i64 least, u8 *found) {
    for (i64 text = 0; text < texts; text++) {
        i64 since = begins[text];
        found[text] = 0;
        while (since + least <= begins[text + 1]) {
            i64 place = since + least; /* backwards: most runs end long before */
            while (place > since) {
                u8 byte = bytes[place - 1];
                if (byte < 0x80 && (u8)((byte | 32) - 'a') >= 26) break;
                place--;
            }
            if (place == since) {
                found[text] = 1;
                break;
            }
            since = place;
        }
    }
}
