/* The promises of server/admin/exposition.h. SPDX-License-Identifier: MIT */
#include "server/admin/exposition.h"
#include "t.h"

static bool is(struct buf *buf, const char *text)
{
    bool is_equal = bytes_equal(buf_bytes(buf), bytes_of_text(text));

    buf_fini(buf);
    return is_equal;
}

TEST(a_family_begins_with_its_help_and_type)
{
    struct buf buf;

    buf_init(&buf, 4096, NULL);
    exposition_begin(&buf, "larder_hits_total", "counter", "Back\\slash and\nline.");
    exposition_count(&buf, "larder_hits_total", "", NULL, 7);
    CHECK(is(&buf, "# HELP larder_hits_total Back\\\\slash and\\nline.\n"
                   "# TYPE larder_hits_total counter\nlarder_hits_total 7\n"));
}

TEST(label_values_are_escaped_and_absent_labels_left_out)
{
    const struct exposition_label both[2] = {{"a", BYTES_INIT("x\"y\\z\n")},
                                             {"b", BYTES_INIT("1")}};
    const struct exposition_label second[2] = {{NULL, {NULL, 0}}, {"b", BYTES_INIT("1")}};
    const struct exposition_label none[2] = {{NULL, {NULL, 0}}};
    struct buf buf;

    buf_init(&buf, 4096, NULL);
    exposition_count(&buf, "m", "_bucket", both, 1);
    exposition_number(&buf, "m", "_sum", second, 0.5);
    exposition_count(&buf, "m", "_count", none, 2);
    CHECK(is(&buf, "m_bucket{a=\"x\\\"y\\\\z\\n\",b=\"1\"} 1\nm_sum{b=\"1\"} 0.5\nm_count 2\n"));
}
