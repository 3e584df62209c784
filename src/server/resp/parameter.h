/* parameter.h: CONFIG: Redis' parameters and their values.
 * SPDX-License-Identifier: MIT
 *
 * Clients and monitoring ask for parameters by Redis' names. Those that mean something here act;
 * the others are kept, so that what was set is what is read. What Larder does not do (persistence,
 * replication, keyspace notifications) cannot be switched on: that is an error, never silence.
 */
#ifndef LARDER_SERVER_RESP_PARAMETER_H
#define LARDER_SERVER_RESP_PARAMETER_H

#include "server/resp/shared.h"

struct parameters;

struct parameters *parameters_new(struct resp *resp);
void parameters_free(struct parameters **owner);

#endif
