/* Compile a WordPiece vocabulary into a trie and a table of whole words. */
#include "wordpiece.h"

void moddefense_wordpiece_free(WordPiece *self) {
    if (!self) return;
    free(self->nodes);
    free(self->edges);
    free(self->wholes);
    free(self->bytes);
    free(self->begins);
    free(self->classes);
    free(self);
}

/* The trie while it grows: a node is numbered as it is met. */
typedef struct {
    Edge *edges;
    u64 mask;
    i32 *ids, *parents;
    u8 *bytes; /* by which a node is reached from its parent */
    i64 nodes;
} Growing;

static void grow(Growing *trie, i32 root, const u8 *bytes, i64 size, i32 piece) {
    i32 node = root;
    for (i64 place = 0; place < size; place++) {
        u64 key = edge_key(node, bytes[place]);
        Edge *edge = trie->edges + edge_slot(trie->edges, trie->mask, key);
        if (!edge->key) {
            i32 fresh = (i32)trie->nodes++;
            *edge = (Edge){key, fresh};
            trie->ids[fresh] = NONE;
            trie->parents[fresh] = node;
            trie->bytes[fresh] = bytes[place];
        }
        node = edge->node;
    }
    if (node != root) trie->ids[node] = piece;
}

static u64 room_for(i64 count) {
    u64 room = 64;
    while (room < 2 * (u64)count) room *= 2;
    return room;
}

/* Number the nodes anew, so that children by letters lie side by side; whether there was memory. */
static bool settle(WordPiece *self, const Growing *trie) {
    i64 others = 0, next = 2;
    i32 *number = malloc((size_t)trie->nodes * sizeof *number);
    Node *nodes = self->nodes = calloc((size_t)trie->nodes, sizeof *nodes);
    Node *old = calloc((size_t)trie->nodes, sizeof *old);
    bool done = number && nodes && old;
    for (i64 node = 2; done && node < trie->nodes; node++) {
        u32 letter = (u32)trie->bytes[node] - 'a';
        if (letter < LETTERS) old[trie->parents[node]].letters |= 1u << letter;
        else others++;
    }
    self->edges_mask = room_for(others) - 1;
    self->edges = calloc(self->edges_mask + 1, sizeof *self->edges);
    done = done && self->edges;
    for (i64 node = 0; done && node < trie->nodes; node++) {
        old[node].first = (i32)next;
        next += __builtin_popcount(old[node].letters);
    }
    for (i64 node = 0; done && node < trie->nodes; node++) { /* parents come before children */
        u32 letter = (u32)trie->bytes[node] - 'a';
        const Node *parent = old + trie->parents[node];
        if (node < 2) number[node] = (i32)node;
        else if (letter < LETTERS)
            number[node] =
                parent->first + __builtin_popcount(parent->letters & ((1u << letter) - 1));
        else number[node] = (i32)next++;
        old[node].id = trie->ids[node];
        nodes[number[node]] = old[node];
        if (node < 2 || letter < LETTERS) continue;
        u64 key = edge_key(number[trie->parents[node]], trie->bytes[node]);
        self->edges[edge_slot(self->edges, self->edges_mask, key)] = (Edge){key, number[node]};
    }
    free(number);
    free(old);
    return done;
}

static bool build(WordPiece *self, const u8 *kinds, i64 count) {
    const u8 *bytes = self->bytes;
    const i64 *begins = self->begins;
    i64 most = 2 + begins[count];
    Growing trie = {.mask = room_for(most) - 1, .nodes = 2};
    trie.edges = calloc(trie.mask + 1, sizeof *trie.edges);
    trie.ids = malloc((size_t)most * sizeof *trie.ids);
    trie.parents = calloc((size_t)most, sizeof *trie.parents);
    trie.bytes = calloc((size_t)most, 1);
    self->wholes_mask = room_for(count) - 1;
    self->wholes = calloc(self->wholes_mask + 1, sizeof *self->wholes);
    bool done = trie.edges && trie.ids && trie.parents && trie.bytes && self->wholes;
    if (done) trie.ids[BEGINNING] = trie.ids[CONTINUATION] = NONE;
    for (i64 piece = 0; done && piece < count; piece++) {
        if (kinds[piece] != BEGINS && kinds[piece] != CONTINUES) continue;
        i32 root = kinds[piece] == BEGINS ? BEGINNING : CONTINUATION;
        const u8 *own = bytes + begins[piece];
        i64 size = begins[piece + 1] - begins[piece];
        grow(&trie, root, own, size, (i32)piece);
        if (root != BEGINNING || !size) continue;
        u64 key = key_of(own, size), slot = mixed(key) >> 8;
        while (self->wholes[slot & self->wholes_mask].piece) slot++;
        self->wholes[slot & self->wholes_mask] = (Whole){key, (u32)size, (i32)piece + 1};
    }
    done = done && settle(self, &trie);
    free(trie.edges);
    free(trie.ids);
    free(trie.parents);
    free(trie.bytes);
    return done;
}

/*
 * Compile `count` pieces, which lie in `bytes` between `begins`, without the mark of continuations.
 * Return NULL where there is no memory.
 */
WordPiece *moddefense_wordpiece_new(const u8 *bytes, const i64 *begins, const u8 *kinds, i64 count,
                                    const u8 *classes, i32 unknown, i64 longest) {
    WordPiece *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    self->bytes = malloc((size_t)begins[count] + 1);
    self->begins = malloc(((size_t)count + 1) * sizeof *self->begins);
    self->classes = malloc(CODES);
    if (!self->bytes || !self->begins || !self->classes) goto failed;
    memcpy(self->bytes, bytes, (size_t)begins[count]);
    memcpy(self->begins, begins, ((size_t)count + 1) * sizeof *self->begins);
    memcpy(self->classes, classes, CODES);
    self->unknown = unknown;
    self->longest = longest;
    if (!build(self, kinds, count)) goto failed;
    for (int code = 0; code < 256; code++) {
        u8 byte = (u8)code;
        self->byte_classes[code] = code < 128 ? classes[code] : FOREIGN;
        if (code >= 128) continue;
        i32 piece = whole(self, &byte, 1, key_of(&byte, 1));
        self->singles[code] = piece == NONE ? unknown : piece;
    }
    return self;
failed:
    moddefense_wordpiece_free(self);
    return NULL;
}
