/* replay.c: feeds every file of a corpus to a fuzz target once, for builds without libFuzzer.
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return 0;
    size_t size = fread(data, 1, sizeof data, file);

    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    return 1;
}

int main(int argc, char **argv)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        struct dirent *entry = NULL;

        while (folder != NULL && (entry = readdir(folder)) != NULL) {
            char path[PATH_MAX];

            (void)snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] != '.')
                count += replay(path);
        }
        if (folder != NULL)
            (void)closedir(folder);
    }
    if (count == 0)
        (void)fprintf(stderr, "no corpus in %s\n", argc > 1 ? argv[1] : "(no folder given)");
    (void)printf("%d passed, %d failed\n", count, count == 0);
    return count == 0;
}
