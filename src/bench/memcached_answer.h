/* memcached_answer.h: the answers of memcached's text protocol to get and set, told as RESP
 * replies. SPDX-License-Identifier: MIT
 *
 *   VALUE key flags 5\r\nhello\r\nEND\r\n    '$' of 5 bytes
 *   END\r\n                                  '$', nil
 *   STORED\r\n                               '+'
 *   SERVER_ERROR out of memory...\r\n        '-', as ERROR, CLIENT_ERROR and NOT_STORED
 *
 * So whoever judges answers knows one set of kinds. Limits: those of resp_answer.
 */
#ifndef LARDER_BENCH_MEMCACHED_ANSWER_H
#define LARDER_BENCH_MEMCACHED_ANSWER_H

#include "bench/resp_answer.h"

/* As resp_answer_next, on an answer that resp_answer_init has begun. ERR_SYNTAX: it is none of the
 * answers above. */
enum err memcached_answer_next(struct resp_answer *answer, struct bytes input, size_t *ret_used);

#endif
