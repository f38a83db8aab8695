/* Wall and monotonic time. Callable from every thread. */
#ifndef LECTERN_BASE_CLOCK_H
#define LECTERN_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void); /* milliseconds since 1970 */
int64_t clock_mono_ms(void); /* milliseconds on a clock that never jumps */
int64_t clock_mono_ns(void);

#endif
