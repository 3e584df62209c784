/* bench.h: the load generator: how fast a server answers, told in a way that can be trusted.
 * SPDX-License-Identifier: MIT
 *
 * `larder bench http`, `... resp` and `... memcached` send requests over many connections, check
 * every answer, and tell how many were answered a second and how long each took. Two mistakes make
 * most such figures worthless, and both are watched here: a client that waits for a slow answer
 * before it sends the next request forgets all the requests that would have waited (so in open loop
 * a latency counts from the moment when the request was due), and a client that is slower than the
 * server measures itself (so the run is called INVALID).
 *
 *   bench  ->  plan       what to send, to whom, how long (the command line)
 *          ->  driver     one thread: its connections (lanes) and its schedule (arrival)
 *               template  -> request bytes, with keys drawn by zipf
 *               http_answer, resp_answer, memcached_answer  <- what came back
 *               tally     counts and histograms, one set a route
 *          ->  verdict    may the figures be believed?
 *          ->  report     as a table or as JSON
 *
 * Exit status: 0 measured, every answer as expected; 1 nothing could be measured, or some answers
 * were wrong; 2 the command line makes no sense; 3 INVALID: the client was the bottleneck.
 */
#ifndef LARDER_BENCH_BENCH_H
#define LARDER_BENCH_BENCH_H

/* `argv[0]` is the subcommand's own name: "http", "resp" or "memcached". Blocks SIGINT and SIGTERM
 * while it runs: either ends the measurement early, and what was measured is told. */
int bench_http_main(int argc, char **argv);
int bench_resp_main(int argc, char **argv);
int bench_memcached_main(int argc, char **argv);

#endif
