/* date.c: three forms in, one out. SPDX-License-Identifier: MIT */
#include "proto/date.h"

struct moment {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour;
    int minute;
    int second;  /* 60 in a leap second */
    int weekday; /* 0 is Sunday */
};

static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char weekday_names[] = "SunMonTueWedThuFriSat";
static const char *const weekday_endings[] = {"day",   "day", "sday", "nesday",
                                              "rsday", "day", "urday"};

/* Days from 1970-01-01 to a day of the Gregorian calendar, by eras of 400 years that begin with a
 * March, so that the leap day is the last of its year. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

/* The way back. */
static void date_of(int64_t days, struct moment *ret_moment)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;

    ret_moment->day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
    ret_moment->month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    ret_moment->year = (int)(year_of_era + era * 400 + (ret_moment->month <= 2));
}

static int weekday_of(int64_t days)
{
    int64_t weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */

    return (int)(weekday < 0 ? weekday + 7 : weekday);
}

static int days_in(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return lengths[month - 1] + (month == 2 && leap);
}

/* ---- reading: each cuts something off the front of *text, or says no ---------------------- */

static bool cut_text(struct bytes *text, const char *wanted)
{
    struct bytes start = bytes_of_text(wanted);

    if (text->size < start.size || !bytes_equal_nocase(bytes_slice(*text, 0, start.size), start))
        return false;
    *text = bytes_skip(*text, start.size);
    return true;
}

static bool cut_number(struct bytes *text, size_t digits, int *ret_number)
{
    int number = 0;

    if (text->size < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        number = number * 10 + text->data[i] - '0';
    }
    *text = bytes_skip(*text, digits);
    *ret_number = number;
    return true;
}

/* One of the names of three letters in `names`. */
static bool cut_name(struct bytes *text, const char *names, int *ret_index)
{
    size_t at = 0;

    if (text->size < 3)
        return false;
    while (names[at] != '\0' &&
           !bytes_equal_nocase(bytes_slice(*text, 0, 3), bytes_of((const uint8_t *)names + at, 3)))
        at += 3;
    if (names[at] == '\0')
        return false;
    *text = bytes_skip(*text, 3);
    *ret_index = (int)(at / 3);
    return true;
}

static bool cut_month(struct bytes *text, int *ret_month)
{
    int index = 0;

    if (!cut_name(text, month_names, &index))
        return false;
    *ret_month = index + 1;
    return true;
}

static bool cut_time(struct bytes *text, struct moment *moment)
{
    return cut_number(text, 2, &moment->hour) && cut_text(text, ":") &&
           cut_number(text, 2, &moment->minute) && cut_text(text, ":") &&
           cut_number(text, 2, &moment->second);
}

/* ", 06 Nov 1994 08:49:37 GMT" */
static bool cut_fixed(struct bytes *text, struct moment *moment)
{
    return cut_text(text, ", ") && cut_number(text, 2, &moment->day) && cut_text(text, " ") &&
           cut_month(text, &moment->month) && cut_text(text, " ") &&
           cut_number(text, 4, &moment->year) && cut_text(text, " ") && cut_time(text, moment) &&
           cut_text(text, " GMT");
}

/* "day, 06-Nov-94 08:49:37 GMT"; the latest year with these digits that is not more than 50 years
 * ahead. */
static bool cut_old(struct bytes *text, struct moment *moment, int64_t now_s)
{
    struct moment now;
    int digits = 0;

    if (!cut_text(text, weekday_endings[moment->weekday]) || !cut_text(text, ", ") ||
        !cut_number(text, 2, &moment->day) || !cut_text(text, "-") ||
        !cut_month(text, &moment->month) || !cut_text(text, "-") || !cut_number(text, 2, &digits) ||
        !cut_text(text, " ") || !cut_time(text, moment) || !cut_text(text, " GMT"))
        return false;
    date_of(now_s / 86400, &now);
    int latest = now.year + 50;

    moment->year = latest - (latest % 100 - digits + 100) % 100;
    return true;
}

/* " Nov  6 08:49:37 1994" */
static bool cut_asctime(struct bytes *text, struct moment *moment)
{
    if (!cut_text(text, " ") || !cut_month(text, &moment->month) || !cut_text(text, " "))
        return false;
    size_t digits = cut_text(text, " ") ? 1 : 2;

    return cut_number(text, digits, &moment->day) && cut_text(text, " ") &&
           cut_time(text, moment) && cut_text(text, " ") && cut_number(text, 4, &moment->year);
}

enum err date_parse(struct bytes text, int64_t now_s, int64_t *ret_s)
{
    struct moment moment = {0};
    bool read = false;

    if (!cut_name(&text, weekday_names, &moment.weekday))
        return ERR_SYNTAX;
    if (bytes_begin_with(text, BYTES(",")))
        read = cut_fixed(&text, &moment);
    else if (bytes_begin_with(text, BYTES(" ")))
        read = cut_asctime(&text, &moment);
    else
        read = cut_old(&text, &moment, now_s);
    if (!read || text.size > 0 || moment.hour > 23 || moment.minute > 59 || moment.second > 60 ||
        moment.day < 1 || moment.day > days_in(moment.year, moment.month))
        return ERR_SYNTAX;
    int64_t days = days_of(moment.year, moment.month, moment.day);

    if (weekday_of(days) != moment.weekday)
        return ERR_SYNTAX;
    *ret_s = ((days * 24 + moment.hour) * 60 + moment.minute) * 60 + moment.second;
    return ERR_OK;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void put_number(uint8_t *out, size_t digits, int number)
{
    while (digits-- > 0) {
        out[digits] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
}

void date_write(int64_t s, uint8_t ret_text[DATE_SIZE])
{
    static const int64_t first = -62167219200; /* 0000-01-01 00:00:00 */
    static const int64_t last = 253402300799;  /* 9999-12-31 23:59:59 */
    struct moment moment = {0};

    if (s < first || s > last)
        s = s < first ? first : last;
    int64_t days = (s - first) / 86400 + first / 86400;
    int in_day = (int)(s - days * 86400);

    date_of(days, &moment);
    memcpy(ret_text, "Sun, 00 Jan 0000 00:00:00 GMT", DATE_SIZE);
    memcpy(ret_text, weekday_names + (size_t)3 * (size_t)weekday_of(days), 3);
    put_number(ret_text + 5, 2, moment.day);
    memcpy(ret_text + 8, month_names + (size_t)3 * (size_t)(moment.month - 1), 3);
    put_number(ret_text + 12, 4, moment.year);
    put_number(ret_text + 17, 2, in_day / 3600);
    put_number(ret_text + 20, 2, in_day / 60 % 60);
    put_number(ret_text + 23, 2, in_day % 60);
}
