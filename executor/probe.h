/* What is really there: published partitions by their manifests, and RAW files.
 *
 * Request: {"partitions": [{"path": "dwd/dwd_x/dt=2013-01-03", "manifest": false}],
 *           "sources": [{"path": "raw/x", "format": "csv", "first": "2013-01-01", "last": "2013-12-31"},
 *                       {"path": "raw/y", "format": "csv", "date": "2013-01-03", "dates": false}],
 *           "tables": ["dwd.dwd_x"]}
 * Reply:   {"partitions": [{"state": "ok" | "empty" | "missing" | "damaged", "try_id", "version", "fence", "rows",
 *                           "bytes", "fingerprint", "manifest": {...}}],
 *           "sources": [{"exists": true, "folder": "raw/x", "days": [{"date": "2013-01-03", "files": [[name, size, mtime_ns,
 *                        ctime_ns, inode]]}], "strays", "next"},
 *                       {"exists": true, "files": [[path, size, mtime_ns, ctime_ns, inode]], "dates": [...]}],
 *           "tables": [{"qname", "partitions": ["2013-01-03"], "empty": []}], "now_ns": ...}
 * in the order of the request; of the sources at least one, and no more than fit into half a line: ask again for
 * the others. Of a range only dates with files are told, with "folders": true all that have a folder; "marker": "_SUCCESS" has each say
 * whether that file is there ("marked"), and those told too that have nothing else. Where they had no room, "next" is the one to ask from, and "strays"
 * names what is beside their folders and is no date. A manifest that is longer comes without its inputs, or, for who asks with "inputs_from": 0, with the
 * first of them and "inputs_next", from where to ask for more. "missing" has no manifest.json, and "empty" the
 * record of a result without rows instead (executor/store.h); "damaged" has an unreadable one, or a listed
 * file is not there with its size. "manifest": true asks for the whole manifest, "dates": true for the
 * dates of a source's dt= folders; "marker": "_SUCCESS" whether it is beside a source's files, as "marked". "tables" lists the folders that have a manifest ("" of an unpartitioned
 * table), and "empty" those that have the record instead. "fences": true asks for "largest_fence", the largest that
 * a partition's lock keeps where no manifest does. "published": true asks for "published", the names of all tables
 * that the lake has a manifest or such a record of. now_ns is the wall clock before anything was looked
 * at: a file that is hardly older may still be written without a change of its times. */
#ifndef STRATA_EXECUTOR_PROBE_H
#define STRATA_EXECUTOR_PROBE_H

#include "executor/ops.h"

int op_probe(const json_t *req, json_t **ret_reply, struct op_error *ret_error);

/* The published partitions of a table: dates in order, or one "". ERR_IO. */
int probe_partitions(struct arena *arena, const char *qname, const char *const **ret_dates, size_t *ret_n, struct err *err);

/* Of a partition that was built without rows there is no folder, but a record of the try. `text` is what *ret points into. */
bool probe_empty(struct arena *arena, const char *folder, struct buf *text, struct manifest *ret);

#endif
