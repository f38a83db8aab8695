/* Asking libexif for one tag; see exif.h. */
#include "media/exif.h"

#include <libexif/exif-data.h>
#include <limits.h>

int exif_orientation(struct span segment)
{
    int orientation = 1;
    if (segment.n == 0 || segment.n > UINT_MAX) {
        return orientation;
    }
    ExifData *data = exif_data_new_from_data((const unsigned char *)segment.p, (unsigned)segment.n);
    if (!data) {
        return orientation;
    }
    /* Of the picture itself: IFD 1 is the thumbnail's. */
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2) {
        int value = exif_get_short(entry->data, exif_data_get_byte_order(data));
        orientation = value >= 1 && value <= 8 ? value : 1;
    }
    exif_data_unref(data);
    return orientation;
}
