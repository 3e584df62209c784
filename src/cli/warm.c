/* warm.c: flags, a bar, a summary. SPDX-License-Identifier: MIT */
#include "cli/warm.h"

#include "base/mem.h"
#include "base/number.h"
#include "cli/setup.h"
#include "cli/warmth.h"
#include "net/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SITEMAP_MAX = 64 << 20,
    SITEMAPS_MAX = 1000, /* of one index */
    INPUT_MAX = 1 << 30, /* of standard input */
    BAR_WIDTH = 24,
    LINE_MS = 5000
};

enum source { SOURCE_NONE, SOURCE_URLS, SOURCE_SITEMAP, SOURCE_LOG };

struct warm {
    struct setup setup; /* for -c: where the gateway listens */
    struct warmth_plan plan;
    struct http_field headers[WARMTH_HEADERS_MAX];
    enum source source;
    const char *text; /* the file or URL */
    const char *host;
    uint64_t most; /* URLs; 0: all */
    struct errands errands;
    bool has_bar;
    int64_t begun_ms, told_ms;
};

/* ---- what to ask for ------------------------------------------------------------------------- */

typedef void read_fn(struct errands *errands, struct bytes text, struct bytes host);

static enum err read_input(struct warm *warm, read_fn *read_text, struct fault *fault)
{
    struct buf text;
    ssize_t size = 0;

    buf_init(&text, INPUT_MAX, NULL);
    do {
        uint8_t *room = buf_room(&text, 65536);

        size = room == NULL ? 0 : read(STDIN_FILENO, room, 65536);
        if (size > 0)
            buf_grew(&text, (size_t)size);
    } while (size > 0);
    enum err err = buf_failed(&text);

    if (err == ERR_OK)
        read_text(&warm->errands, buf_bytes(&text), bytes_of_text(warm->host));
    buf_fini(&text);
    return err == ERR_OK ? ERR_OK : fault_say(fault, ERR_TOO_BIG, "standard input has no end");
}

/* Logs are large: the file is looked at where it lies. */
static enum err read_file(struct warm *warm, read_fn *read_text, struct fault *fault)
{
    struct stat info;

    if (strcmp(warm->text, "-") == 0)
        return read_input(warm, read_text, fault);
    int fd = open(warm->text, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0) {
        int why = errno;

        if (fd >= 0)
            (void)close(fd);
        return fault_say(fault, ERR_DISK, "%s cannot be read: %s", warm->text, strerror(why));
    }
    size_t size = (size_t)info.st_size;
    void *memory = size == 0 ? NULL : mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

    (void)close(fd);
    if (memory == MAP_FAILED)
        return fault_say(fault, ERR_DISK, "%s cannot be read: %s", warm->text, strerror(errno));
    if (memory == NULL)
        return ERR_OK;
    read_text(&warm->errands, bytes_of(memory, size), bytes_of_text(warm->host));
    (void)munmap(memory, size);
    return ERR_OK;
}

static bool is_url(const char *text)
{
    return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

static enum err fetch_sitemap(struct warm *warm, const char *url, struct errands *into,
                              bool *ret_is_index, struct fault *fault)
{
    struct buf text;

    buf_init(&text, SITEMAP_MAX, NULL);
    enum err err = warmth_fetch(&warm->plan, url, &text, fault);

    if (err == ERR_OK)
        *ret_is_index = errands_read_sitemap(into, buf_bytes(&text));
    buf_fini(&text);
    return err;
}

/* One level of indexes, as sitemaps have it. */
static enum err read_sitemap(struct warm *warm, struct fault *fault)
{
    struct errands first;
    bool is_index = false;

    if (!is_url(warm->text))
        return fault_say(fault, ERR_SYNTAX, "--sitemap: \"%s\" is no URL; write http://host/path",
                         warm->text);
    errands_init(&first);
    enum err err = fetch_sitemap(warm, warm->text, &first, &is_index, fault);

    if (err != ERR_OK || !is_index) {
        warm->errands = first;
        return err;
    }
    for (size_t i = 0; i < first.count && i < SITEMAPS_MAX && err == ERR_OK; i++)
        err = fetch_sitemap(warm, first.items[i].url, &warm->errands, &is_index, fault);
    errands_fini(&first);
    return err;
}

static enum err gather(struct warm *warm, struct fault *fault)
{
    enum err err = warm->source == SOURCE_URLS  ? read_file(warm, errands_read_list, fault)
                   : warm->source == SOURCE_LOG ? read_file(warm, errands_read_log, fault)
                                                : read_sitemap(warm, fault);

    TRY(err);
    errands_sort(&warm->errands);
    if (warm->errands.count == 0)
        return fault_say(fault, ERR_MISS, "%s names no URL%s", warm->text,
                         warm->errands.left_out > 0 && warm->host[0] == '\0'
                             ? " with a host; --host HOST tells whose paths they are"
                             : "");
    return ERR_OK;
}

/* ---- how it goes ----------------------------------------------------------------------------- */

static void tell(void *context, const struct warmth_counts *counts)
{
    struct warm *warm = context;
    int64_t now_ms = clock_now_ns() / 1000000;
    uint64_t all = warm->errands.count;
    double seconds = (double)(now_ms - warm->begun_ms) / 1000;
    char bar[BAR_WIDTH + 1];
    bool is_end = counts->done == all;

    if (!warm->has_bar && !is_end && now_ms - warm->told_ms < LINE_MS)
        return;
    warm->told_ms = now_ms;
    if (!warm->has_bar && is_end)
        return; /* the summary says it */
    for (uint64_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = all == 0 || i * all < counts->done * BAR_WIDTH ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "%s[%s] %llu/%llu  %.0f/s  %llu stored, %llu hits, %llu failed%s",
                  warm->has_bar ? "\r" : "", bar, (unsigned long long)counts->done,
                  (unsigned long long)all, seconds > 0 ? (double)counts->done / seconds : 0,
                  (unsigned long long)counts->stored, (unsigned long long)counts->hits,
                  (unsigned long long)counts->failed, warm->has_bar ? "\033[K" : "\n");
    if (warm->has_bar && is_end)
        (void)fprintf(stderr, "\n");
    (void)fflush(stderr);
}

static void print_summary(const struct warm *warm, const struct warmth_counts *counts)
{
    char size[NUMBER_TEXT_SIZE], took[NUMBER_TEXT_SIZE];

    number_size_text(counts->bytes, size);
    number_duration_text(clock_now_ns() / 1000000 - warm->begun_ms, took);
    (void)printf("fetched %llu, %s in %s\n", (unsigned long long)counts->done, size, took);
    (void)printf("  %-10s %llu\n", "stored", (unsigned long long)counts->stored);
    (void)printf("  %-10s %llu (were there already)\n", "hits", (unsigned long long)counts->hits);
    (void)printf("  %-10s %llu\n", "not stored", (unsigned long long)counts->passed);
    (void)printf("  %-10s %llu\n", "failed", (unsigned long long)counts->failed);
    if (warm->errands.left_out > 0)
        (void)printf("  %-10s %llu lines that name nothing to GET\n", "left out",
                     (unsigned long long)warm->errands.left_out);
    for (size_t i = 0; i < counts->reason_count; i++)
        (void)printf("%s  %8llu  %s\n", i == 0 ? "not stored, or failed, because of\n" : "",
                     (unsigned long long)counts->reasons[i].count, counts->reasons[i].text);
}

static int run(const struct command *self, struct warm *warm)
{
    struct fault fault = {.line = 0};
    struct warmth_counts *counts = mem_new(1, sizeof *counts);
    enum err err = gather(warm, &fault);

    if (err == ERR_OK && warm->most > 0 && warm->errands.count > warm->most) {
        for (size_t i = warm->most; i < warm->errands.count; i++) {
            char *url = (char *)(uintptr_t)warm->errands.items[i].url;

            mem_free(&url);
        }
        warm->errands.count = warm->most;
    }
    warm->has_bar = isatty(STDERR_FILENO) == 1;
    warm->begun_ms = warm->told_ms = clock_now_ns() / 1000000;
    if (err == ERR_OK)
        err = warmth_run(&warm->plan, &warm->errands, tell, warm, counts, &fault);
    if (err == ERR_OK)
        print_summary(warm, counts);
    bool is_well = err == ERR_OK && counts->failed == 0;

    mem_free(&counts);
    if (err != ERR_OK)
        return command_failed(self, &fault);
    return is_well ? EXIT_DONE : EXIT_FAILED;
}

/* ---- flags ----------------------------------------------------------------------------------- */

static enum err take_source(struct warm *warm, enum source source, const char *text,
                            struct fault *fault)
{
    if (warm->source != SOURCE_NONE)
        return fault_say(fault, ERR_SYNTAX, "--urls, --sitemap and --log exclude each other");
    warm->source = source;
    warm->text = text;
    return ERR_OK;
}

static enum err take_header(struct warm *warm, const char *text, struct fault *fault)
{
    struct bytes rest = bytes_of_text(text);
    struct bytes name = bytes_cut(&rest, ':');

    if (name.size == strlen(text))
        return fault_say(fault, ERR_SYNTAX, "-H: \"%s\" has no colon: write -H 'Name: value'",
                         text);
    if (warm->plan.header_count == WARMTH_HEADERS_MAX)
        return fault_say(fault, ERR_TOO_BIG, "more than %d headers", WARMTH_HEADERS_MAX);
    warm->headers[warm->plan.header_count++] =
        (struct http_field){.name = name, .value = bytes_trim(rest)};
    return ERR_OK;
}

static enum err take_number(const char *flag, const char *text, uint64_t most, uint64_t *ret_number,
                            struct fault *fault)
{
    if (number_u64(bytes_of_text(text), ret_number) != ERR_OK || *ret_number == 0 ||
        *ret_number > most)
        return fault_say(fault, ERR_RANGE, "--%s: \"%s\" is no number from 1 to %llu", flag, text,
                         (unsigned long long)most);
    return ERR_OK;
}

static enum err take(struct warm *warm, const struct flag *flag, const char *value,
                     struct fault *fault)
{
    uint64_t number = 0;

    if (flag_is(flag, "urls"))
        return take_source(warm, SOURCE_URLS, value, fault);
    if (flag_is(flag, "sitemap"))
        return take_source(warm, SOURCE_SITEMAP, value, fault);
    if (flag_is(flag, "log"))
        return take_source(warm, SOURCE_LOG, value, fault);
    if (flag_is(flag, "header"))
        return take_header(warm, value, fault);
    if (flag_is(flag, "top"))
        return take_number("top", value, ERRANDS_MAX, &warm->most, fault);
    if (flag_is(flag, "concurrency")) {
        TRY(take_number("concurrency", value, WARMTH_CONCURRENCY_MAX, &number, fault));
        warm->plan.concurrency = (unsigned)number;
    } else if (flag_is(flag, "rate")) {
        TRY(take_number("rate", value, 1000000, &number, fault));
        warm->plan.rate = (double)number;
    } else if (flag_is(flag, "host")) {
        warm->host = value;
    } else if (flag_is(flag, "gateway")) {
        warm->plan.gateway = value;
    } else if (flag_is(flag, "server-name")) {
        warm->plan.name = value;
    } else if (flag_is(flag, "insecure")) {
        warm->plan.is_insecure = true;
    } else if (flag_is(flag, "config")) {
        warm->setup.file = value;
    }
    return ERR_OK;
}

/* The gateway's address: said, or as the configuration has it. */
static enum err find_gateway(struct warm *warm, struct fault *fault)
{
    if (warm->source == SOURCE_NONE)
        return fault_say(fault, ERR_SYNTAX,
                         "say what to ask for: --urls FILE, --sitemap URL or --log FILE");
    if (warm->plan.gateway != NULL)
        return ERR_OK;
    if (warm->setup.file != NULL)
        TRY(config_read_file(&warm->setup.config, warm->setup.file, fault));
    warm->plan.gateway = warm->setup.config.listen.http;
    if (setup_is_off(warm->plan.gateway))
        return fault_say(fault, ERR_SYNTAX,
                         "the HTTP door is off; --gateway ADDR:PORT names another one");
    return ERR_OK;
}

static int warm_main(const struct command *self, int argc, char **argv)
{
    struct warm *warm = mem_new(1, sizeof *warm);
    struct fault fault = {.line = 0};
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct flags flags;
    enum err err = ERR_OK;

    setup_init(&warm->setup);
    errands_init(&warm->errands);
    warm->host = "";
    warm->plan.concurrency = 8;
    warm->plan.headers = warm->headers;
    flags_init(&flags, self, argc, argv);
    do {
        err = flags_next(&flags, &flag, &value, &fault);
        if (err == ERR_OK && flag == NULL && value != NULL)
            err = fault_say(&fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
        if (err == ERR_OK && flag != NULL)
            err = take(warm, flag, value, &fault);
    } while (err == ERR_OK && (flag != NULL || value != NULL));
    if (err == ERR_OK)
        err = find_gateway(warm, &fault);
    int status = err == ERR_OK ? run(self, warm) : command_misused(self, &fault);

    errands_fini(&warm->errands);
    setup_fini(&warm->setup);
    mem_free(&warm);
    return status;
}

static const struct flag warm_flags[] = {
    {"urls", 'u', "FILE", "A URL, or a path of --host, a line; - is standard input."},
    {"sitemap", 's', "URL", "What a sitemap lists, or an index of sitemaps; asked for likewise."},
    {"log", 'l', "FILE", "What an access log has (JSON or combined), the most frequent first."},
    {"top", 't', "N", "Only the first N of them."},
    {"host", 0, "HOST", "Whose the paths are that come without a host."},
    {"rate", 'r', "N", "At most N requests a second. As fast as they are answered"},
    {"concurrency", 'j', "N", "So many requests at a time, up to 256. 8"},
    {"header", 'H', "'NAME: VALUE'", "A header field of each request; may be repeated."},
    {"gateway", 'g', "ADDR:PORT",
     "Where the gateway listens; https://ADDR:PORT: through TLS. 127.0.0.1:8080"},
    {"server-name", 0, "NAME", "The name that its certificate must have."},
    {"insecure", 'k', NULL, "Whatever certificate it has."},
    {"config", 'c', "FILE", "Take the gateway's address from this larder.yaml."},
};

const struct command warm_command = {
    .name = "warm",
    .usage = "--urls FILE | --sitemap URL | --log FILE [FLAGS]",
    .text = "Asks a running Larder for many URLs, so that they are stored before they are needed.",
    .flags = warm_flags,
    .flags_count = sizeof warm_flags / sizeof warm_flags[0],
    .examples =
        "  larder warm --urls urls.txt --rate 100\n"
        "  larder warm --sitemap http://shop.example/sitemap.xml\n"
        "  larder warm --log /var/log/larder/access.log --top 10000 -H 'Accept-Encoding: br'\n"
        "\nThe requests go to the gateway, whatever the URLs' hosts resolve to. What clients ask "
        "for through TLS\nis stored apart from what they ask for without: --gateway "
        "https://127.0.0.1:8443 warms that. "
        "Exit status\n1: some failed, that is, had no answer or one with a status of 400 and "
        "above.\n",
    .run = warm_main,
};
