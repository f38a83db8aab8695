/* Decimal numbers; see number.h. */
#include "base/number.h"

#include "base/ascii.h"

bool number_read(struct span text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (text.n == 0 || (text.n > 1 && text.p[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (!ascii_is_digit(text.p[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.p[i] - '0'), &value)) {
            return false;
        }
    }
    if (value < min || value > max) {
        return false;
    }
    *out = value;
    return true;
}

bool number_read_u32(struct span text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value;
    if (!number_read(text, min, max, &value)) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}
