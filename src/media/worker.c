/* Lock the door, then look at the file; see worker.h. */
#include "media/worker.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/budget.h"
#include "media/render.h"
#include "media/sandbox.h"

#define BESIDES (128u << 20) /* mappings besides the budget: the binary, libraries, both results */

static bool write_all(const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, p, len);
        if (n <= 0) {
            return false;
        }
        p += n;
        len -= (size_t)n;
    }
    return true;
}

/* Descriptor 0 as memory, without reading it yet. */
static bool map_input(struct span *file)
{
    struct stat info;
    if (fstat(STDIN_FILENO, &info) || info.st_size <= 0) {
        return false;
    }
    file->n = (size_t)info.st_size;
    file->p = mmap(NULL, file->n, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
    return file->p != MAP_FAILED;
}

static bool lock_in(size_t memory, unsigned cpu_s, pid_t parent, struct span *file)
{
    /* The input is mapped before the limit on mappings, which is about what decoding takes. */
    return map_input(file) && sandbox_limit(memory + file->n + BESIDES, cpu_s, parent) &&
           sandbox_lock();
}

static bool answer(const struct worker_answer *head, const struct rendering *rendering)
{
    return write_all(head, sizeof *head) &&
           write_all(rendering->image.bytes.data, head->image.bytes) &&
           write_all(rendering->thumb.bytes.data, head->thumb.bytes);
}

int worker_main(int argc, char **argv)
{
    struct worker_answer head = {.magic = WORKER_MAGIC, .result = WORKER_UNSAFE};
    struct rendering rendering = {0};
    struct span file;
    size_t memory = argc > 2 ? strtoul(argv[2], NULL, 10) << 20 : 0;
    unsigned cpu_s = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    pid_t parent = argc > 4 ? (pid_t)strtol(argv[4], NULL, 10) : 0;
    budget_set(memory);
    if (memory > 0 && cpu_s > 0 && parent > 0 && lock_in(memory, cpu_s, parent, &file)) {
        head.result = render_image(file, &rendering);
    }
    if (head.result == RENDER_OK) {
        const struct picture *image = &rendering.image, *thumb = &rendering.thumb;
        head.image.width = image->width;
        head.image.height = image->height;
        head.image.bytes = (uint32_t)image->bytes.len;
        head.image.png = image->png;
        head.thumb.width = thumb->width;
        head.thumb.height = thumb->height;
        head.thumb.bytes = (uint32_t)thumb->bytes.len;
        head.thumb.png = thumb->png;
    }
    int status = answer(&head, &rendering) ? 0 : 1;
    render_finish(&rendering);
    return status;
}
