/* Steps over UTF-8. */
#ifndef CONF_UTF8_H
#define CONF_UTF8_H

#include <stddef.h>

/* Bytes of the character at text, at most size; 0: not UTF-8 (overlong, surrogate, cut off, beyond U+10FFFF). */
static inline size_t utf8_step(const char *text, size_t size)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t step = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    if (step == 0 || step > size)
        return 0;
    for (size_t i = 1; i < step; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return step;
}

#endif
