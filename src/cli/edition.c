/* edition.c: reading, comparing origins, letting go. SPDX-License-Identifier: MIT */
#include "cli/edition.h"

#include "base/mem.h"
#include "base/must.h"
#include "cli/check.h"
#include "cli/compare.h"

enum err edition_read(const struct edition_source *source, struct edition **ret_edition,
                      struct fault *fault)
{
    struct edition *edition = mem_new(1, sizeof *edition);

    setup_init(&edition->setup);
    edition->uses = 1;
    edition->setup.file = source->file;
    edition->setup.origin = source->origin;
    *ret_edition = edition;
    TRY(setup_read(&edition->setup, &source->overrides, fault));
    enum err err = check_listeners(&edition->setup.config, fault);

    if (err != ERR_OK) {
        (void)config_note(&edition->setup.config, err, fault);
        return err;
    }
    edition->hash = compare_hash(&edition->setup.config);
    return ERR_OK;
}

enum err edition_compile(struct edition *edition, struct site_accounts *accounts,
                         struct fault *fault)
{
    if (!setup_has_gateway(&edition->setup.config))
        return ERR_OK;
    return setup_site(&edition->setup, accounts, &edition->site, fault);
}

bool edition_carried(const struct edition *edition, const struct edition *before, size_t i,
                     size_t *ret_before)
{
    if (before == NULL || before->origins == NULL || edition->births[i] == edition)
        return false;
    for (size_t j = 0; j < edition_origins(before); j++) {
        if (strcmp(config_origin(&before->setup.config, j)->name,
                   config_origin(&edition->setup.config, i)->name) != 0)
            continue;
        *ret_before = j;
        return true;
    }
    return false;
}

static struct edition *birth_of(struct edition *edition, struct edition *before, size_t i)
{
    const struct config *config = &edition->setup.config;

    for (size_t j = 0; before != NULL && j < edition_origins(before); j++) {
        if (compare_is_same(&before->setup.config, j, config, i, "origins"))
            return before->births[j];
    }
    return edition;
}

void edition_plan_origins(struct edition *edition, struct edition *before, unsigned workers)
{
    size_t count = edition_origins(edition);

    edition->workers = workers;
    edition->is_known_down = mem_new(count + 1, sizeof *edition->is_known_down);
    edition->births = mem_new(count + 1, sizeof(struct edition *));
    edition->origins = mem_new(workers, sizeof(struct origin **));
    for (unsigned i = 0; i < workers; i++)
        edition->origins[i] = mem_new(count + 1, sizeof(struct origin *));
    for (size_t i = 0; i < count; i++) {
        edition->births[i] = birth_of(edition, before, i);
        if (edition->births[i] != edition)
            edition->births[i]->uses++;
    }
}

enum err edition_muster(struct edition *edition, const struct edition *before,
                        const struct log *log, struct fault *fault)
{
    if (!setup_has_gateway(&edition->setup.config))
        return ERR_OK;
    edition->fleets = mem_new(edition_origins(edition) + 1, sizeof(struct fleet *));
    for (size_t i = 0; i < edition_origins(edition); i++) {
        const struct config_origin *origin = config_origin(&edition->setup.config, i);
        struct fault why = {.line = 0};
        size_t j = 0;

        if (edition_carried(edition, before, i, &j)) {
            edition->fleets[i] = before->fleets[j];
            continue;
        }
        enum err err = fleet_new(origin->name, &origin->settings, log, &edition->fleets[i], &why);

        if (err == ERR_OK)
            continue;
        if (origin->line > 0)
            fault_at(fault, origin->file, origin->line, 0);
        return fault_say(fault, err, "origins.%s: %s", origin->name, why.text);
    }
    return ERR_OK;
}

static void end(struct edition *edition)
{
    probe_free(&edition->probe);
    for (size_t i = 0; i < edition_fleets(edition); i++) {
        if (edition->births[i] == edition)
            fleet_free(&edition->fleets[i]);
    }
    mem_free(&edition->fleets);
    for (unsigned i = 0; i < edition->workers; i++)
        mem_free(&edition->origins[i]);
    mem_free(&edition->origins);
    mem_free(&edition->births);
    mem_free(&edition->is_known_down);
    if (edition->site != NULL)
        site_free(&edition->site);
    setup_fini(&edition->setup);
    mem_free(&edition);
}

static void leave_list(struct edition **list, const struct edition *edition)
{
    for (struct edition **at = list; *at != NULL; at = &(*at)->next) {
        if (*at != edition)
            continue;
        *at = edition->next;
        return;
    }
}

void edition_drop(struct edition **list, struct edition *edition)
{
    must(edition->uses > 0);
    if (--edition->uses > 0)
        return;
    leave_list(list, edition);
    for (size_t i = 0; edition->births != NULL && i < edition_origins(edition); i++) {
        if (edition->births[i] != edition)
            edition_drop(list, edition->births[i]);
    }
    end(edition);
}

unsigned editions_count(const struct edition *list)
{
    unsigned count = 0;

    for (const struct edition *edition = list; edition != NULL; edition = edition->next)
        count++;
    return count;
}

void editions_free(struct edition **list)
{
    while (*list != NULL) {
        struct edition *edition = *list;

        *list = edition->next;
        end(edition);
    }
}
