/* zipf.c: rejection-inversion. SPDX-License-Identifier: MIT */
#include "bench/zipf.h"

#include "base/must.h"

#include <math.h>

/* log(1 + x) / x and (e^x - 1) / x, which are 1 at 0. */
static double log1p_over(double x)
{
    return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

static double expm1_over(double x)
{
    return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

/* H(x), an integral of 1 / x^s, and its inverse. */
static double integral(double exponent, double x)
{
    double l = log(x);

    return expm1_over((1 - exponent) * l) * l;
}

static double inverse(double exponent, double y)
{
    double t = y * (1 - exponent);

    return exp(log1p_over(t < -1 ? -1 : t) * y);
}

static double density(double exponent, double x)
{
    return exp(-exponent * log(x));
}

void zipf_init(struct zipf *zipf, uint64_t count, double exponent)
{
    must(count >= 1);
    must(count <= ZIPF_COUNT_MAX);
    must(exponent >= 0 && exponent <= ZIPF_EXPONENT_MAX);
    *zipf = (struct zipf){.count = count, .exponent = exponent};
    if (exponent == 0)
        return;
    zipf->low = integral(exponent, 1.5) - 1;
    zipf->high = integral(exponent, (double)count + 0.5);
    zipf->sure = 2 - inverse(exponent, integral(exponent, 2.5) - density(exponent, 2));
}

/* Without bias and, but for one draw in 2^64 / count, without a division (Lemire, 2019). */
static uint64_t draw_alike(uint64_t count, struct random *random)
{
    unsigned __int128 wide = (unsigned __int128)random_next(random) * count;

    if ((uint64_t)wide < count) {
        uint64_t unfair = -count % count;

        while ((uint64_t)wide < unfair)
            wide = (unsigned __int128)random_next(random) * count;
    }
    return (uint64_t)(wide >> 64);
}

uint64_t zipf_draw(const struct zipf *zipf, struct random *random)
{
    if (zipf->exponent == 0 || zipf->count == 1)
        return draw_alike(zipf->count, random);
    for (;;) {
        double u = zipf->high + random_unit(random) * (zipf->low - zipf->high);
        double x = inverse(zipf->exponent, u);
        double k = floor(x + 0.5);

        if (k < 1)
            k = 1;
        if (k > (double)zipf->count)
            k = (double)zipf->count;
        if (k - x <= zipf->sure ||
            u >= integral(zipf->exponent, k + 0.5) - density(zipf->exponent, k))
            return (uint64_t)k - 1;
    }
}
