/* A WordPiece vocabulary compiled: what vocabulary.c makes and wordpiece.c reads. */
#ifndef MODDEFENSE_WORDPIECE_H
#define MODDEFENSE_WORDPIECE_H

#include "models.h"

enum { SPACE = 1, ALONE = 2, FOREIGN = 4 }; /* classes of characters; 0: of a word */
enum { BEGINS = 1, CONTINUES = 2 };         /* kinds of pieces; others match nothing */
enum { CODES = 0x110000, NONE = -1 };
enum { BEGINNING = 0, CONTINUATION = 1 }; /* the roots of the trie */
enum { LETTERS = 26, SHORT = 8 };         /* bytes of a word that is looked up at once */

/* A node of a trie of bytes: its children by a to z lie side by side. */
typedef struct {
    u32 letters; /* which of these there are */
    i32 first;
    i32 id; /* of the piece that ends here */
} Node;

/* A child by another byte, in a hash table. */
typedef struct {
    u64 key; /* node << 8 | byte, plus one; 0 where there is none */
    i32 node;
} Edge;

/* A piece that begins words, in a hash table of these: most words are one. */
typedef struct {
    u64 key; /* the bytes of a short one, else a hash of them */
    u32 size;
    i32 piece; /* plus one; 0 where there is none */
} Whole;

typedef struct {
    Node *nodes;
    Edge *edges;
    u64 edges_mask;
    Whole *wholes;
    u64 wholes_mask;
    u8 *bytes; /* of the pieces, and where they begin */
    i64 *begins;
    u8 *classes;          /* of every code point */
    u8 byte_classes[256]; /* of every byte; FOREIGN for parts of characters beyond ASCII */
    i32 singles[128];     /* what an ASCII character alone becomes */
    i32 unknown;
    i64 longest; /* bytes of a word; a longer one is unknown */
} WordPiece;

static inline u64 mixed(u64 key) {
    key *= UINT64_C(0x9E3779B97F4A7C15);
    return key ^ key >> 32;
}

/* Return the bytes of a word as a number; of a long one, a hash. */
static inline u64 key_of(const u8 *word, i64 size) {
    u64 key = 0, part;
    for (; size > SHORT; word += SHORT, size -= SHORT) {
        memcpy(&part, word, SHORT);
        key = mixed(key ^ part);
    }
    part = 0;
    memcpy(&part, word, (size_t)size);
    return key ^ part;
}

static inline u64 edge_slot(const Edge *edges, u64 mask, u64 key) {
    u64 slot = mixed(key) >> 8;
    while (edges[slot & mask].key && edges[slot & mask].key != key) slot++;
    return slot & mask;
}

static inline u64 edge_key(i64 node, u8 byte) { return ((u64)node << 8 | byte) + 1; }

/* Return the child of a node, or NONE. */
static inline i32 child(const WordPiece *self, i32 node, u8 byte) {
    u32 letter = (u32)byte - 'a';
    if (letter < LETTERS) {
        const Node *at = self->nodes + node;
        if (!(at->letters >> letter & 1)) return NONE;
        return at->first + __builtin_popcount(at->letters & ((1u << letter) - 1));
    }
    const Edge *edge = self->edges + edge_slot(self->edges, self->edges_mask, edge_key(node, byte));
    return edge->key ? edge->node : NONE;
}

/* Return the piece that is all of a word, whose key is known, or NONE. */
static inline i32 whole(const WordPiece *self, const u8 *word, i64 size, u64 key) {
    for (u64 slot = mixed(key) >> 8;; slot++) {
        const Whole *at = self->wholes + (slot & self->wholes_mask);
        if (!at->piece) return NONE;
        if (at->key != key || at->size != size) continue;
        if (size <= SHORT ||
            !memcmp(self->bytes + self->begins[at->piece - 1], word, (size_t)size))
            return at->piece - 1;
    }
}

#endif
