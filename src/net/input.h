/* input.h: bytes that came and are not consumed yet: in the loop's scratch, or kept.
 * SPDX-License-Identifier: MIT
 *
 * Bytes are read into a scratch buffer that all connections of a loop share, and usually used up
 * there. A rest is kept: a small one is copied in front of the next read, a large one grows where
 * it lies, so that a large message is not copied again for each packet of it.
 *
 * Memory: kept bytes are charged to the account. Threads: the loop's own.
 */
#ifndef LARDER_NET_INPUT_H
#define LARDER_NET_INPUT_H

#include "base/account.h"
#include "base/bytes.h"

struct input {
    struct bytes unread; /* in the scratch during the owner's call, in `kept` otherwise */
    uint8_t *kept;
    size_t capacity;
    struct account *account;
};

struct input_room {
    uint8_t *at;
    size_t size;
};

void input_init(struct input *input, struct account *account);
void input_fini(struct input *input);

/* Where to read to, so that at most `max` bytes are unread then (more than now). `ret_room->at` is
 * NULL: no memory. */
struct input_room input_room(struct input *input, uint8_t *scratch, size_t scratch_size,
                             size_t max);

/* `count` > 0 bytes were read into that room. */
void input_arrived(struct input *input, struct input_room room, size_t count);

/* The owner's call is over: what is left leaves the scratch. False: no memory; it is dropped. */
bool input_keep(struct input *input);

#endif
