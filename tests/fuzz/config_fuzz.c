/* config_fuzz.c: whatever a configuration says, it is read or refused with a sentence and a place.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "cli/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault fault = {.line = 0};
    struct config config;

    config_init(&config);
    enum err err = config_read(&config, "larder.yaml", bytes_of(data, size), &fault);

    if (err != ERR_OK)
        must(fault.text[0] != '\0');
    for (size_t i = 0; i < config.routes.count; i++)
        must(config_route(&config, i)->name[0] != '\0');
    config_fini(&config);
    return 0;
}
