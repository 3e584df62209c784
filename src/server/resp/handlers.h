/* handlers.h: what runs when a command is called: the functions that commands.def names.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_HANDLERS_H
#define LARDER_SERVER_RESP_HANDLERS_H

struct call;
typedef void verb_fn(struct call *call);

verb_fn on_connection_auth;
verb_fn on_connection_hello;
verb_fn on_connection_ping;
verb_fn on_connection_echo;
verb_fn on_connection_quit;
verb_fn on_connection_reset;
verb_fn on_connection_select;

verb_fn on_client_getname;
verb_fn on_client_help;
verb_fn on_client_id;
verb_fn on_client_info;
verb_fn on_client_kill;
verb_fn on_client_list;
verb_fn on_client_no_evict;
verb_fn on_client_pause;
verb_fn on_client_reply;
verb_fn on_client_setinfo;
verb_fn on_client_setname;
verb_fn on_client_unblock;
verb_fn on_client_unpause;

verb_fn on_command_all;
verb_fn on_command_count;
verb_fn on_command_docs;
verb_fn on_command_getkeys;
verb_fn on_command_getkeysandflags;
verb_fn on_command_help;
verb_fn on_command_info;
verb_fn on_command_list;

verb_fn on_config_get;
verb_fn on_config_help;
verb_fn on_config_resetstat;
verb_fn on_config_set;

verb_fn on_keys_dbsize;
verb_fn on_keys_flushall;
verb_fn on_keys_flushdb;

verb_fn on_server_info;

verb_fn on_memory_doctor;
verb_fn on_memory_help;
verb_fn on_memory_stats;
verb_fn on_memory_usage;

verb_fn on_keys_swapdb;

verb_fn on_server_time;

verb_fn on_keys_copy;
verb_fn on_keys_del;
verb_fn on_keys_exists;
verb_fn on_keys_expire;
verb_fn on_keys_expireat;
verb_fn on_keys_expiretime;
verb_fn on_keys_keys;
verb_fn on_keys_move;

verb_fn on_object_encoding;
verb_fn on_object_freq;
verb_fn on_object_help;
verb_fn on_object_idletime;
verb_fn on_object_refcount;

verb_fn on_keys_persist;
verb_fn on_keys_pexpire;
verb_fn on_keys_pexpireat;
verb_fn on_keys_pexpiretime;
verb_fn on_keys_pttl;
verb_fn on_keys_randomkey;
verb_fn on_keys_rename;
verb_fn on_keys_renamenx;
verb_fn on_keys_scan;
verb_fn on_keys_touch;
verb_fn on_keys_ttl;
verb_fn on_keys_type;

verb_fn on_strings_append;
verb_fn on_strings_decr;
verb_fn on_strings_decrby;
verb_fn on_strings_get;
verb_fn on_strings_getdel;
verb_fn on_strings_getex;
verb_fn on_strings_getrange;
verb_fn on_strings_getset;
verb_fn on_strings_incr;
verb_fn on_strings_incrby;
verb_fn on_strings_incrbyfloat;
verb_fn on_strings_mget;
verb_fn on_strings_mset;
verb_fn on_strings_msetnx;
verb_fn on_strings_psetex;
verb_fn on_strings_set;
verb_fn on_strings_setex;
verb_fn on_strings_setnx;
verb_fn on_strings_setrange;
verb_fn on_strings_strlen;

verb_fn on_hashes_hdel;
verb_fn on_hashes_hexists;
verb_fn on_hashes_hget;
verb_fn on_hashes_hgetall;
verb_fn on_hashes_hincrby;
verb_fn on_hashes_hincrbyfloat;
verb_fn on_hashes_hkeys;
verb_fn on_hashes_hlen;
verb_fn on_hashes_hmget;
verb_fn on_hashes_hmset;
verb_fn on_hashes_hrandfield;
verb_fn on_hashes_hscan;
verb_fn on_hashes_hset;
verb_fn on_hashes_hsetnx;
verb_fn on_hashes_hstrlen;
verb_fn on_hashes_hvals;

verb_fn on_lists_lindex;
verb_fn on_lists_linsert;
verb_fn on_lists_llen;
verb_fn on_lists_lmove;
verb_fn on_lists_lmpop;
verb_fn on_lists_lpop;
verb_fn on_lists_lpos;
verb_fn on_lists_lpush;
verb_fn on_lists_lpushx;
verb_fn on_lists_lrange;
verb_fn on_lists_lrem;
verb_fn on_lists_lset;
verb_fn on_lists_ltrim;
verb_fn on_lists_rpop;
verb_fn on_lists_rpoplpush;
verb_fn on_lists_rpush;
verb_fn on_lists_rpushx;

verb_fn on_sets_sadd;
verb_fn on_sets_scard;
verb_fn on_sets_sdiff;
verb_fn on_sets_sdiffstore;
verb_fn on_sets_sinter;
verb_fn on_sets_sintercard;
verb_fn on_sets_sinterstore;
verb_fn on_sets_sismember;
verb_fn on_sets_smembers;
verb_fn on_sets_smismember;
verb_fn on_sets_smove;
verb_fn on_sets_spop;
verb_fn on_sets_srandmember;
verb_fn on_sets_srem;
verb_fn on_sets_sscan;
verb_fn on_sets_sunion;
verb_fn on_sets_sunionstore;

verb_fn on_zsets_zadd;
verb_fn on_zsets_zcard;
verb_fn on_zsets_zcount;
verb_fn on_zsets_zdiff;
verb_fn on_zsets_zdiffstore;
verb_fn on_zsets_zincrby;
verb_fn on_zsets_zinter;
verb_fn on_zsets_zintercard;
verb_fn on_zsets_zinterstore;
verb_fn on_zsets_zlexcount;
verb_fn on_zsets_zmpop;
verb_fn on_zsets_zmscore;
verb_fn on_zsets_zpopmax;
verb_fn on_zsets_zpopmin;
verb_fn on_zsets_zrandmember;
verb_fn on_zsets_zrange;
verb_fn on_zsets_zrangebylex;
verb_fn on_zsets_zrangebyscore;
verb_fn on_zsets_zrangestore;
verb_fn on_zsets_zrank;
verb_fn on_zsets_zrem;
verb_fn on_zsets_zremrangebylex;
verb_fn on_zsets_zremrangebyrank;
verb_fn on_zsets_zremrangebyscore;
verb_fn on_zsets_zrevrange;
verb_fn on_zsets_zrevrangebylex;
verb_fn on_zsets_zrevrangebyscore;
verb_fn on_zsets_zrevrank;
verb_fn on_zsets_zscan;
verb_fn on_zsets_zscore;
verb_fn on_zsets_zunion;
verb_fn on_zsets_zunionstore;

verb_fn on_pubsub_psubscribe;
verb_fn on_pubsub_publish;
verb_fn on_pubsub_channels;
verb_fn on_pubsub_help;
verb_fn on_pubsub_numpat;
verb_fn on_pubsub_numsub;
verb_fn on_pubsub_shardchannels;
verb_fn on_pubsub_shardnumsub;
verb_fn on_pubsub_punsubscribe;
verb_fn on_pubsub_spublish;
verb_fn on_pubsub_ssubscribe;
verb_fn on_pubsub_subscribe;
verb_fn on_pubsub_sunsubscribe;
verb_fn on_pubsub_unsubscribe;

verb_fn on_transaction_discard;
verb_fn on_transaction_exec;
verb_fn on_transaction_multi;
verb_fn on_transaction_unwatch;
verb_fn on_transaction_watch;

verb_fn on_larder_tag;
verb_fn on_larder_purge;
verb_fn on_larder_explain;
verb_fn on_larder_stats;
verb_fn on_larder_get;
verb_fn on_larder_fill;
verb_fn on_larder_absent;
verb_fn on_larder_fail;

#endif
