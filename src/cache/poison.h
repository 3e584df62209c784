/* poison.h: as base/poison.h, by its old name. SPDX-License-Identifier: MIT */
#ifndef LARDER_CACHE_POISON_H
#define LARDER_CACHE_POISON_H

#include "base/poison.h"

#endif
