/* measure.c: which benchmark is meant. SPDX-License-Identifier: MIT */
#include "cli/measure.h"

#include "base/guess.h"
#include "bench/aside.h"
#include "bench/bench.h"
#include "bench/cache_bench.h"
#include "bench/engine.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} benches[] = {
    {"http", bench_http_main},     {"resp", bench_resp_main},   {"memcached", bench_memcached_main},
    {"replay", bench_replay_main}, {"cache", bench_cache_main}, {"engine", bench_engine_main},
};

enum { BENCHES = sizeof benches / sizeof benches[0] };

static int measure_main(const struct command *self, int argc, char **argv)
{
    const char *names[BENCHES];
    struct fault fault = {.line = 0};
    const char *word = argc < 1 ? "" : argv[0];
    struct buf buf;

    for (size_t i = 0; i < BENCHES; i++) {
        names[i] = benches[i].name;
        if (strcmp(word, names[i]) == 0)
            return benches[i].run(argc, argv);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        buf_init(&buf, 65536, NULL);
        command_help(self, &buf);
        (void)fwrite(buf.data, 1, buf.size, stdout);
        buf_fini(&buf);
        return EXIT_DONE;
    }
    const char *near = guess(bytes_of_text(word), names, BENCHES);

    if (word[0] == '\0')
        (void)fault_say(&fault, ERR_SYNTAX, "say what to measure: %s", self->usage);
    else
        (void)fault_say(&fault, ERR_SYNTAX, "there is no benchmark \"%s\"%s%s%s", word,
                        near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
                        near == NULL ? "" : "\"?");
    return command_misused(self, &fault);
}

const struct command bench_command = {
    .name = "bench",
    .usage = "http|resp|memcached|replay|cache|engine ...",
    .text = "Measures: servers (http, resp, memcached, replay), eviction policies, the engine.",
    .examples = "  larder bench http --help\n"
                "  larder bench resp --help\n"
                "  larder bench memcached --help\n"
                "  larder bench replay --to redis://127.0.0.1:6379 --trace FILE.ltr.zst\n"
                "  larder bench cache --trace FILE.ltr.zst --policy all\n"
                "  larder bench engine --items 1000000\n",
    .has_own_help = true,
    .run = measure_main,
};
