/* larder: where the house is put together. SPDX-License-Identifier: MIT */
#include <stdio.h>

int main(void)
{
    (void)fputs("larder\n", stderr);
    return 2;
}
