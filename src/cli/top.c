/* top.c: a table of routes that is drawn anew every moment. SPDX-License-Identifier: MIT */
#include "cli/top.h"

#include "base/number.h"
#include "cli/admin_call.h"
#include "cli/rates.h"
#include "net/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum { INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = 3600 * 1000, PLAIN_WIDTH = 100, NAME_MIN = 12 };

struct top {
    struct admin_call call;
    int64_t interval_ms;
    enum rate_order order;
    bool once;
    bool total;
    bool is_paused;
    json_t *before, *now;
    int64_t before_ms, now_ms;
    struct termios usual; /* how the terminal was */
    int signals;          /* a signalfd */
};

/* ---- readings -------------------------------------------------------------------------------- */

static enum err read_now(struct top *top, struct fault *fault)
{
    struct buf answer;
    json_error_t error;

    buf_init(&answer, ADMIN_CALL_ANSWER_MAX, NULL);
    enum err err = admin_call_send(&top->call, "GET", "/v1/routes", BYTES(""), &answer, fault);
    json_t *root =
        err == ERR_OK ? json_loadb((const char *)answer.data, answer.size, 0, &error) : NULL;

    buf_fini(&answer);
    if (err == ERR_OK && !json_is_array(json_object_get(root, "routes")))
        err = fault_say(fault, ERR_PEER_BROKEN, "this is no Larder's admin door");
    if (err != ERR_OK) {
        json_decref(root);
        return err;
    }
    json_decref(top->before);
    top->before = top->now;
    top->before_ms = top->now_ms;
    top->now = root;
    top->now_ms = clock_now_ns() / 1000000;
    return ERR_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void add_scaled(struct buf *out, double value, unsigned step, const char *const *units)
{
    while (value >= step && units[1] != NULL) {
        value /= step;
        units++;
    }
    buf_printf(out,
               value >= 100 || (value == (double)(long long)value && units[0][0] == '\0')
                   ? " %6.0f%-2s"
                   : " %6.1f%-2s",
               value, units[0]);
}

static void add_number(struct buf *out, double value)
{
    static const char *const units[] = {"", "k", "M", "G", NULL};

    add_scaled(out, value, 1000, units);
}

static void add_bytes(struct buf *out, double value)
{
    static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", NULL};

    add_scaled(out, value, 1024, units);
}

static void add_time(struct buf *out, double us)
{
    if (us < 1000)
        buf_printf(out, " %6.0fus", us);
    else if (us < 1e6)
        buf_printf(out, us < 1e5 ? " %6.1fms" : " %6.0fms", us / 1e3);
    else
        buf_printf(out, us < 1e8 ? " %6.1fs " : " %6.0fs ", us / 1e6);
}

static void add_row(struct buf *out, const struct rate *rate, int name_width)
{
    buf_printf(out, "%-*.*s", name_width, name_width, rate->name);
    add_number(out, rate->requests);
    if (rate->hit_ratio < 0)
        buf_add_text(out, "      - ");
    else
        buf_printf(out, " %6.1f%%", rate->hit_ratio * 100);
    add_time(out, (double)rate->p50_us);
    add_time(out, (double)rate->p99_us);
    add_time(out, rate->saved_s * 1e6);
    add_bytes(out, rate->sent_bytes);
    add_number(out, rate->errors);
    buf_add_text(out, "\n");
}

enum { FIGURES_WIDTH = 6 * 9 + 8 };

static int name_width_of(const struct rates *rates, int width)
{
    int longest = NAME_MIN;

    for (size_t i = 0; i < rates->count; i++) {
        if ((int)strlen(rates->rows[i].name) > longest)
            longest = (int)strlen(rates->rows[i].name);
    }
    if (longest > width - FIGURES_WIDTH - 1)
        longest = width - FIGURES_WIDTH - 1;
    return longest < NAME_MIN ? NAME_MIN : longest;
}

/* `height` lines at the most. False: what was read is no list of routes. */
static bool write_table(const struct top *top, int width, size_t height, struct buf *out)
{
    double seconds = (double)(top->now_ms - top->before_ms) / 1000;
    struct rates rates;

    if (top->total || top->before == NULL)
        seconds = (double)json_integer_value(json_object_get(top->now, "up_ms")) / 1000;
    if (!rates_read(top->total ? NULL : top->before, top->now, seconds, &rates))
        return false;
    rates_sort(&rates, top->order);
    int name_width = name_width_of(&rates, width);

    buf_printf(out, "%-*s%8s%9s%8s%9s%10s%8s%9s\n", name_width, "ROUTE", "REQ/S", "HIT", "P50",
               "P99", "SAVED/S", "OUT/S", "5XX/S");
    for (size_t i = 0; i < rates.count && i + 2 < height; i++)
        add_row(out, &rates.rows[i], name_width);
    if (rates.count != 1)
        add_row(out, &rates.all, name_width);
    rates_free(&rates);
    return true;
}

/* ---- the screen ------------------------------------------------------------------------------ */

static bool screen_begin(struct top *top)
{
    sigset_t set;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
        tcgetattr(STDIN_FILENO, &top->usual) != 0)
        return false;
    struct termios raw = top->usual;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    top->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    (void)printf("\033[?1049h\033[?25l");
    return true;
}

static void screen_end(struct top *top)
{
    (void)printf("\033[?25h\033[?1049l");
    (void)fflush(stdout);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &top->usual);
    (void)close(top->signals);
}

/* Each line is cleared behind its text, so that nothing flickers. */
static void draw(const struct top *top)
{
    struct winsize window = {.ws_row = 24, .ws_col = 80};
    char interval[NUMBER_TEXT_SIZE];
    struct buf out;

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
    size_t height = window.ws_row < 6 ? 6 : window.ws_row;

    buf_init(&out, 1 << 20, NULL);
    number_duration_text(top->interval_ms, interval);
    buf_printf(&out, "larder top: %s%s%s, by %s. q quits, s sorts, p pauses\n\n",
               top->total ? "since the start" : "every ", top->total ? "" : interval,
               top->is_paused ? " (paused)" : "", rate_order_name(top->order));
    (void)write_table(top, window.ws_col, height - 3, &out);
    (void)printf("\033[H");
    for (struct bytes rest = buf_bytes(&out); rest.size > 0;) {
        struct bytes line = bytes_cut(&rest, '\n');

        (void)printf("%.*s\033[K\n", BYTES_ARG(line));
    }
    (void)printf("\033[J");
    (void)fflush(stdout);
    buf_fini(&out);
}

/* False: it is over. */
static bool take_key(struct top *top, char key)
{
    if (key == 's')
        top->order = (enum rate_order)((top->order + 1) % RATE_ORDERS);
    else if (key == 'p')
        top->is_paused = !top->is_paused;
    return key != 'q' && key != 4;
}

/* Waits for keys until it is time to read again. False: it is over. */
static bool wait_for_keys(struct top *top, int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = until_ms - clock_now_ns() / 1000000;
        struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                   {.fd = top->signals, .events = POLLIN}};
        struct signalfd_siginfo info;
        char key = 0;

        if (left_ms <= 0 && !top->is_paused)
            return true;
        int ready = poll(watched, 2, top->is_paused ? -1 : (int)left_ms);

        if (ready < 0 && errno != EINTR)
            return false;
        if (watched[1].revents != 0 && read(top->signals, &info, sizeof info) > 0 &&
            info.ssi_signo != SIGWINCH)
            return false;
        if (watched[0].revents != 0 && (read(STDIN_FILENO, &key, 1) <= 0 || !take_key(top, key)))
            return false;
        if (ready > 0)
            draw(top);
    }
}

static enum err live(struct top *top, struct fault *fault)
{
    enum err err = ERR_OK;

    do {
        draw(top);
        if (!wait_for_keys(top, top->now_ms + top->interval_ms))
            break;
        err = read_now(top, fault);
    } while (err == ERR_OK);
    return err;
}

/* ---- without a screen ------------------------------------------------------------------------ */

static void sleep_ms(int64_t ms)
{
    (void)poll(NULL, 0, (int)ms);
}

static enum err print(const struct top *top, struct fault *fault)
{
    struct buf out;

    buf_init(&out, 1 << 20, NULL);
    bool is_well = write_table(top, PLAIN_WIDTH, SIZE_MAX, &out);

    (void)fwrite(out.data == NULL ? "" : (const char *)out.data, 1, out.size, stdout);
    (void)fflush(stdout);
    buf_fini(&out);
    return is_well ? ERR_OK : fault_say(fault, ERR_PEER_BROKEN, "this is no Larder's admin door");
}

/* One table after the other, or only one. */
static enum err plain(struct top *top, struct fault *fault)
{
    if (top->total)
        return print(top, fault);
    do {
        sleep_ms(top->interval_ms);
        TRY(read_now(top, fault));
        TRY(print(top, fault));
    } while (!top->once);
    return ERR_OK;
}

static enum err run(struct top *top, struct fault *fault)
{
    TRY(read_now(top, fault));
    if (top->once || !screen_begin(top))
        return plain(top, fault);
    enum err err = live(top, fault);

    screen_end(top);
    return err;
}

/* ---- flags ----------------------------------------------------------------------------------- */

static enum err take_order(struct top *top, const char *value, struct fault *fault)
{
    for (unsigned i = 0; i < RATE_ORDERS; i++) {
        if (strcmp(value, rate_order_name((enum rate_order)i)) == 0) {
            top->order = (enum rate_order)i;
            return ERR_OK;
        }
    }
    return fault_say(fault, ERR_SYNTAX,
                     "--sort: \"%s\" is none of requests, hits, p99, saved, bytes, errors and name",
                     value);
}

static enum err take(struct top *top, const struct flag *flag, const char *value,
                     struct fault *fault)
{
    if (flag == NULL)
        return value == NULL ? ERR_OK
                             : fault_say(fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
    top->once |= flag_is(flag, "once");
    top->total |= flag_is(flag, "total");
    if (flag_is(flag, "sort"))
        return take_order(top, value, fault);
    if (flag_is(flag, "interval") &&
        (number_duration(bytes_of_text(value), &top->interval_ms) != ERR_OK ||
         top->interval_ms < INTERVAL_MIN_MS || top->interval_ms > INTERVAL_MAX_MS))
        return fault_say(fault, ERR_RANGE, "--interval: \"%s\" is no time from 100ms to 1h", value);
    return ERR_OK;
}

static int top_main(const struct command *self, int argc, char **argv)
{
    struct top top = {.interval_ms = 2000, .order = RATES_BY_REQUESTS};
    struct fault fault = {.line = 0};
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct flags flags;
    enum err err = ERR_OK;

    admin_call_init(&top.call);
    flags_init(&flags, self, argc, argv);
    do {
        err = flags_next(&flags, &flag, &value, &fault);
        if (err == ERR_OK && !admin_call_take(&top.call, flag, value))
            err = take(&top, flag, value, &fault);
    } while (err == ERR_OK && (flag != NULL || value != NULL));
    int status = EXIT_DONE;

    if (err != ERR_OK)
        status = command_misused(self, &fault);
    else if (run(&top, &fault) != ERR_OK)
        status = command_failed(self, &fault);
    json_decref(top.before);
    json_decref(top.now);
    admin_call_fini(&top.call);
    return status;
}

static const struct flag top_flags[] = {
    {"once", '1', NULL, "Print one table and end: for scripts."},
    {"total", 0, NULL, "What was done since the start, not since the last table."},
    {"interval", 'i', "TIME", "How long between two tables. 2s"},
    {"sort", 's', "COLUMN", "requests, hits, p99, saved, bytes, errors or name. requests"},
    ADMIN_CALL_FLAGS,
};

const struct command top_command = {
    .name = "top",
    .usage = "[--once] [--total] [FLAGS]",
    .text = "Shows what each route of a running Larder does: rate, hits, times, origin time saved.",
    .flags = top_flags,
    .flags_count = sizeof top_flags / sizeof top_flags[0],
    .examples = "  larder top\n"
                "  larder top --once --total --sort saved\n"
                "\nOn a terminal the table is drawn anew until q; s sorts by the next column, p "
                "pauses. HIT is\nthe share of requests that caused no fetch; SAVED/S the time that "
                "origins did not have to spend\neach second: hits times what a fetch takes.\n",
    .run = top_main,
};
