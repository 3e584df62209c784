/* check.c: reads a configuration, and says whether it is right. SPDX-License-Identifier: MIT */
#include "cli/check.h"

#include "cli/setup.h"

static int check_main(const struct command *self, int argc, char **argv)
{
    struct setup_wishes wishes = {.count = 0};
    struct fault fault = {.line = 0};
    struct setup setup;
    struct flags flags;
    const struct flag *flag = NULL;
    const char *value = NULL;

    setup_init(&setup);
    flags_init(&flags, self, argc, argv);
    do {
        if (flags_next(&flags, &flag, &value, &fault) != ERR_OK) {
            setup_fini(&setup);
            return command_misused(self, &fault);
        }
        if (flag == NULL && value != NULL) {
            if (setup.file != NULL) {
                setup_fini(&setup);
                return command_surplus(self, value);
            }
            setup.file = value;
        }
        (void)setup_take(&setup, &wishes, flag, value);
    } while (flag != NULL || value != NULL);
    if (setup.file == NULL)
        setup.file = "larder.yaml";
    enum err err = setup_read(&setup, &wishes, &fault);
    int status = EXIT_DONE;

    if (err != ERR_OK)
        status = command_failed(self, &fault);
    else
        (void)printf("%s is right: %zu origin%s, %zu route%s\n", setup.file,
                     setup.config.origins.count, setup.config.origins.count == 1 ? "" : "s",
                     setup.config.routes.count, setup.config.routes.count == 1 ? "" : "s");
    setup_fini(&setup);
    return status;
}

static const struct flag check_flags[] = {SETUP_FLAG_FILE};

const struct command check_command = {
    .name = "check",
    .usage = "[-c FILE]",
    .text = "Says whether a configuration is right, and if not, what is wrong and where.",
    .flags = check_flags,
    .flags_count = sizeof check_flags / sizeof check_flags[0],
    .examples = "  larder check -c larder.yaml\n",
    .run = check_main,
};
