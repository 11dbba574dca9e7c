/* What the compiled parts of the models share. */
#ifndef MODDEFENSE_MODELS_H
#define MODDEFENSE_MODELS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

enum { VERSION = 6 }; /* as in __init__.py: raised with every change to what both sides share */

/* Code for wide registers, too, chosen when it runs; no flag lets results differ between them. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#endif
