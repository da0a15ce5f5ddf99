/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kinds of output, for output.c alone.
 */
#ifndef XENQMP_OUTPUTS_H
#define XENQMP_OUTPUTS_H

#include "output.h"

extern const struct output_ops out_pty_ops, out_unix_ops;

/* NULL with errno. */
struct output *out_pty_open(const struct settings *settings,
                            struct output_host *host);
struct output *out_unix_open(const struct settings *settings,
                             struct output_host *host);
struct output *out_file_open(const struct settings *settings,
                             struct output_host *host);
struct output *out_save_open(const struct settings *settings,
                             struct output_host *host);
struct output *out_pipe_open(const struct settings *settings,
                             struct output_host *host);

const char *out_pty_path(const struct output *output);
bool out_unix_attached(const struct output *output);
void out_unix_ask_again(struct output *output);
void out_unix_attach(struct output *output, int fd);
enum output_answer out_save_begin(struct output *output,
                                  const struct save_client *client,
                                  bool again, const char **why_r);
enum output_answer out_save_sync(struct output *output,
                                 const struct save_client *client,
                                 size_t pending, struct save_sum *sum_r,
                                 const char **why_r);
void out_save_gone(struct output *output, uint64_t peer);

#endif
