/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What query-qmp-schema says of a server's commands
 * (docs/devel/qapi-code-gen of QEMU, "Client JSON Protocol introspection").
 * The server is not trusted: only names of letters, digits, _ and - are
 * ever handed on.
 */
#ifndef XENQMP_XL_SCHEMA_H
#define XENQMP_XL_SCHEMA_H

#include <stdbool.h>

#include "libxl/qmp/message.h"

/* Zero-initialised: knows nothing, which is legal. */
struct schema {
    /* private */
    char *text;
    struct qmp_message message;
};

/* From what the command returned, JSON. False: it is of no use. */
bool schema_init(struct schema *schema, const char *json);
/* Idempotent. */
void schema_dispose(struct schema *schema);

/* A name; an object or a list of them is written with dots. */
typedef void schema_fn(const char *name, bool is_object, void *user);

void schema_commands(const struct schema *schema, schema_fn *fn, void *user);

/* The members of the command's arguments, or of what lies at path in them
 * ("file.locking"; ""). line is what has been typed: a member like
 * driver=qcow2 decides which more there are. */
void schema_members(const struct schema *schema, const char *command,
                    const char *path, const char *line, schema_fn *fn,
                    void *user);

/* The values that the member at path can have, if they have names. */
void schema_values(const struct schema *schema, const char *command,
                   const char *path, const char *line, schema_fn *fn,
                   void *user);

#endif
