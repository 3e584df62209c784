/* reload.c: from one edition to the next, in steps over all workers. SPDX-License-Identifier: MIT
 */
#include "cli/reload.h"

#include "base/mem.h"
#include "base/must.h"
#include "cli/keyring.h"
#include "cli/notify.h"
#include "cli/reload_report.h"
#include "cli/server.h"
#include "net/clock.h"

enum stage { STAGE_NONE, STAGE_PREPARE, STAGE_TAKE, STAGE_UNDO };
enum { FAREWELL_TURNS = 3 /* until connections of an origin that ended are gone */ };

/* A worker's part of a step. */
struct step {
    struct reload *reload;
    struct server_worker *worker;
    struct loop_task there; /* to the worker */
    struct loop_task back;  /* to the main loop */
    enum err err;
    struct fault fault;
};

/* The end of an edition's use on a worker. */
struct farewell {
    struct server_worker *worker;
    struct edition *past, *next;
    unsigned turns;
    struct loop_task task;
};

struct reload {
    struct server *server;
    enum stage stage;
    struct edition *next;
    struct step *steps; /* one a worker */
    unsigned waits_for; /* workers that have not said how this step went */
    bool has_failed;
    bool again; /* somebody asked meanwhile */
    struct reload_report report;
    struct reload_counts counts;

    /* the admin door */
    bool is_answering;
    bool wants_answer;
    atomic_bool is_asked;
    struct loop_task asked;    /* to the main loop */
    struct loop_task answer;   /* to worker 0 */
    struct loop_task answered; /* and back */
};

static void run_stage(struct reload *reload, enum stage stage);

/* ---- the end --------------------------------------------------------------------------------- */

static void answer(struct loop_task *task)
{
    struct reload *reload = list_owner(task, struct reload, answer);
    struct server *server = reload->server;

    if (server->admin != NULL)
        admin_ordered(server->admin, ADMIN_RELOAD, reload->has_failed ? 400 : 200,
                      buf_bytes(&reload->report.json));
    loop_post(server->loop, &reload->answered);
}

static void answered(struct loop_task *task)
{
    struct reload *reload = list_owner(task, struct reload, answered);

    reload->is_answering = false;
    if (reload->again)
        reload_start(reload, "POST /v1/reload");
}

/* Successful or not: nothing is under way any more. */
static void end(struct reload *reload)
{
    struct server *server = reload->server;

    reload->stage = STAGE_NONE;
    reload->next = NULL;
    atomic_store(&reload->counts.editions, editions_count(server->editions));
    if (reload->has_failed)
        atomic_fetch_add(&reload->counts.failed, 1);
    else
        atomic_store(&reload->counts.success_ms, clock_wall_ms());
    if (!reload->has_failed)
        atomic_fetch_add(&reload->counts.done, 1);
    bool is_draining = atomic_load(&server->is_draining);

    if (!is_draining)
        (void)notify_say("READY=1\nSTATUS=%s",
                         reload->has_failed ? "the configuration that was read last is wrong: the "
                                              "one before it goes on"
                                            : "serving");
    if (server->is_drain_due)
        server_drain(server, server->drain_idle_ms);
    if (reload->again && !is_draining) {
        reload_start(reload, "asked once more");
        return;
    }
    if (!reload->wants_answer)
        return;
    reload->wants_answer = false;
    reload->is_answering = true;
    loop_post(server->workers[0].loop, &reload->answer);
}

/* Before any worker heard of it. */
static void refuse(struct reload *reload)
{
    reload->has_failed = true;
    reload_report_faults(&reload->report, &reload->server->log, &reload->next->setup.config);
    edition_drop(&reload->server->editions, reload->next);
    end(reload);
}

/* ---- a worker prepares ----------------------------------------------------------------------- */

static enum err prepare(struct server_worker *worker, struct edition *next, struct fault *fault)
{
    struct edition *before = worker->server->edition;
    struct origin **origins = next->origins[worker->number];
    size_t j = 0;

    if (worker->gateway == NULL)
        return ERR_OK;
    for (size_t i = 0; i < edition_origins(next); i++) {
        if (edition_carried(next, before, i, &j))
            origins[i] = before->origins[worker->number][j];
        else
            origin_new(worker->loop, next->fleets[i], cache_account(worker->server->cache),
                       &origins[i]);
    }
    return server_worker_open(worker, next, fault);
}

/* Ends the origins of `edition` that are not also `other`'s. */
static void end_origins(struct server_worker *worker, struct edition *edition,
                        struct edition *other, bool other_is_newer)
{
    struct origin **origins = edition->origins[worker->number];

    for (size_t i = 0; i < edition_origins(edition); i++) {
        bool is_shared = false;
        size_t count = other_is_newer ? edition_origins(other) : 0;

        for (size_t j = 0; j < count; j++)
            is_shared |= other->origins[worker->number][j] == origins[i];
        if (!other_is_newer)
            is_shared = edition->births[i] != edition;
        if (!is_shared && origins[i] != NULL)
            origin_free(&origins[i]);
    }
}

/* ---- a worker takes it ----------------------------------------------------------------------- */

static void gone(struct loop_task *task)
{
    struct farewell *farewell = list_owner(task, struct farewell, task);
    struct server *server = farewell->worker->server;
    struct edition *past = farewell->past;

    mem_free(&farewell);
    edition_drop(&server->editions, past);
    atomic_store(&server->reload->counts.editions, editions_count(server->editions));
}

/* What ends with an origin is told in the same turn, behind what was posted before it. */
static void turn_once_more(struct loop_task *task)
{
    struct farewell *farewell = list_owner(task, struct farewell, task);
    struct server_worker *worker = farewell->worker;

    if (++farewell->turns < FAREWELL_TURNS) {
        loop_post(worker->loop, task);
        return;
    }
    task->run = gone;
    loop_post(worker->server->loop, task);
}

/* No request of this worker uses the old edition any more. */
static void leave(void *context)
{
    struct farewell *farewell = context;

    end_origins(farewell->worker, farewell->past, farewell->next, true);
    farewell->task.run = turn_once_more;
    loop_post(farewell->worker->loop, &farewell->task);
}

static void take(struct server_worker *worker, struct edition *next)
{
    struct server *server = worker->server;
    struct farewell *farewell = mem_new(1, sizeof *farewell);

    /* Worker 0 comes first: its `server->edition` is the new one when the others are here. */
    farewell->worker = worker;
    farewell->past = worker->edition;
    farewell->next = next;
    worker->edition = next;
    if (worker->number == 0)
        server_take(server, next);
    if (worker->gateway == NULL) {
        leave(farewell);
        return;
    }
    gateway_change(worker->gateway, &(const struct site_change){
                                        .site = next->site,
                                        .origins = next->origins[worker->number],
                                        .left = leave,
                                        .context = farewell,
                                    });
    server_worker_move(worker);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void there(struct loop_task *task)
{
    struct step *step = list_owner(task, struct step, there);
    struct reload *reload = step->reload;

    step->err = ERR_OK;
    step->fault = (struct fault){.line = 0};
    if (reload->stage == STAGE_PREPARE)
        step->err = prepare(step->worker, reload->next, &step->fault);
    else if (reload->stage == STAGE_TAKE)
        take(step->worker, reload->next);
    else if (step->worker->gateway != NULL)
        end_origins(step->worker, reload->next, NULL, false);
    if (reload->stage == STAGE_UNDO)
        server_worker_stay(step->worker);
    loop_post(reload->server->loop, &step->back);
}

static void finish_taking(struct reload *reload)
{
    struct server *server = reload->server;

    server_apply(server);
    atomic_store(&reload->counts.hash, reload->next->hash);
    reload_report_done(&reload->report, &server->log, reload->next->hash);
    log_say(&server->log, LOG_INFO, "cli", "the configuration was read anew: %zu change%s",
            reload->report.changes, reload->report.changes == 1 ? "" : "s");
    end(reload);
}

/* All workers are done with the stage. */
static void stage_is_done(struct reload *reload)
{
    struct server *server = reload->server;

    if (reload->stage == STAGE_PREPARE) {
        run_stage(reload, reload->has_failed ? STAGE_UNDO : STAGE_TAKE);
    } else if (reload->stage == STAGE_TAKE) {
        finish_taking(reload);
    } else {
        reload->next->uses = 1;
        edition_drop(&server->editions, reload->next);
        end(reload);
    }
}

static void back(struct loop_task *task)
{
    struct step *step = list_owner(task, struct step, back);
    struct reload *reload = step->reload;
    struct server *server = reload->server;

    if (step->err != ERR_OK && !reload->has_failed) {
        reload->has_failed = true;
        reload_report_fault(&reload->report, &server->log, &step->fault);
    }
    if (--reload->waits_for == 0) {
        stage_is_done(reload);
        return;
    }
    if (step->worker->number != 0)
        return;
    for (unsigned i = 1; i < server->workers_count; i++)
        loop_post(server->workers[i].loop, &reload->steps[i].there);
}

/* Worker 0 first, the others when it is done. */
static void run_stage(struct reload *reload, enum stage stage)
{
    reload->stage = stage;
    reload->waits_for = reload->server->workers_count;
    loop_post(reload->server->workers[0].loop, &reload->steps[0].there);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static enum err read_certificates(struct server *server, const struct config *config,
                                  struct fault *fault)
{
    if (server->tls != NULL && config->certificates.count > 0)
        return keyring_reload(config, server->tls, fault);
    if (!keyring_is_wanted(config))
        return ERR_OK;
    struct tls *tls = NULL;

    TRY(keyring_new(config, &tls, fault));
    atomic_store(&server->tls, tls);
    return ERR_OK;
}

/* Everything that can fail without a worker. */
static enum err make_edition(struct reload *reload, struct fault *fault)
{
    struct server *server = reload->server;
    struct edition *next = NULL;
    enum err err = edition_read(&server->source, &reload->next, fault);

    next = reload->next;
    next->next = server->editions;
    server->editions = next;
    if (err != ERR_OK)
        return err;
    /* First, since it may leave doors as they were. */
    TRY(reload_report_compare(&reload->report, server->edition, next, fault));
    TRY(edition_compile(next, &server->accounts, fault));
    TRY(server_check_files(server, next, fault));
    edition_plan_origins(next, server->edition, server->workers_count);
    next->uses += server->workers_count - 1; /* one use a worker */
    if (next->site != NULL) {
        site_set_cache(next->site, server->cache);
        site_set_tallies(next->site, server->tallies);
        if (server->edition->site != NULL)
            site_follow(next->site, server->edition->site);
    }
    TRY(edition_muster(next, server->edition, &server->log, fault));
    next->probe = probe_new(server->workers[0].loop, next->fleets, edition_fleets(next));
    /* Last, since it is not undone: certificates are used when they can be read. */
    return read_certificates(server, &next->setup.config, fault);
}

/* Not everything that can be wrong was noted while reading. */
static void note_first(struct reload *reload, enum err err, const struct fault *fault)
{
    struct config *config = &reload->next->setup.config;

    if (config->fault_count == 0)
        (void)config_note(config, err, fault);
}

/* Whether this is the time for it, whatever the file says. */
static enum err check_moment(const struct reload *reload, struct fault *fault)
{
    const struct server *server = reload->server;

    if (atomic_load(&server->is_draining))
        return fault_say(fault, ERR_STOPPING, "this process is ending: nothing is read anew");
    if (server->source.file == NULL)
        return fault_say(fault, ERR_SYNTAX,
                         "there is no file to read anew: this server was started without -c FILE");
    if (editions_count(server->editions) >= EDITIONS_MAX)
        return fault_say(fault, ERR_FULL,
                         "requests under way still have %d configurations before this one: try "
                         "again when some of them have ended, or upgrade",
                         EDITIONS_MAX - 1);
    return ERR_OK;
}

void reload_start(struct reload *reload, const char *who)
{
    struct server *server = reload->server;
    struct fault fault = {.line = 0};

    if (reload->stage != STAGE_NONE || reload->is_answering) {
        reload->again = true;
        return;
    }
    reload->again = false;
    reload->has_failed = false;
    reload_report_clear(&reload->report);
    if (check_moment(reload, &fault) != ERR_OK) {
        log_say(&server->log, LOG_WARNING, "cli", "%s: %s", who, fault.text);
        reload->has_failed = true;
        reload_report_fault(&reload->report, NULL, &fault);
        end(reload);
        return;
    }
    log_say(&server->log, LOG_INFO, "cli", "%s: reading %s anew", who, server->source.file);
    (void)notify_say("RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reading the configuration anew",
                     (unsigned long long)(clock_now_ns() / 1000));
    enum err err = make_edition(reload, &fault);

    if (err == ERR_OK) {
        run_stage(reload, STAGE_PREPARE);
        return;
    }
    note_first(reload, err, &fault);
    reload->next->uses = 1;
    refuse(reload);
}

static void asked(struct loop_task *task)
{
    struct reload *reload = list_owner(task, struct reload, asked);

    atomic_store(&reload->is_asked, false);
    reload->wants_answer = true;
    reload_start(reload, "POST /v1/reload");
}

void reload_ask(struct reload *reload)
{
    if (!atomic_exchange(&reload->is_asked, true))
        loop_post(reload->server->loop, &reload->asked);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct reload *reload_new(struct server *server)
{
    struct reload *reload = mem_new(1, sizeof *reload);

    reload->server = server;
    reload->steps = mem_new(server->workers_count, sizeof *reload->steps);
    for (unsigned i = 0; i < server->workers_count; i++) {
        struct step *step = &reload->steps[i];

        step->reload = reload;
        step->worker = &server->workers[i];
        step->there.run = there;
        step->back.run = back;
    }
    reload->asked.run = asked;
    reload->answer.run = answer;
    reload->answered.run = answered;
    reload_report_init(&reload->report);
    atomic_store(&reload->counts.success_ms, clock_wall_ms());
    atomic_store(&reload->counts.hash, server->edition->hash);
    atomic_store(&reload->counts.editions, 1);
    return reload;
}

void reload_free(struct reload **owner)
{
    struct reload *reload = *owner;

    if (reload == NULL)
        return;
    reload_report_fini(&reload->report);
    mem_free(&reload->steps);
    mem_free(owner);
}

bool reload_is_under_way(const struct reload *reload)
{
    return reload->stage != STAGE_NONE;
}

const struct reload_counts *reload_counts(const struct reload *reload)
{
    return &reload->counts;
}
