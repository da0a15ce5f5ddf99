/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest is /local/domain/0/backend/console/DOMID/NUMBER/NAME. */
#define KEY_PATH_MAX 128
/* A domain that writes all the time is not waited for. */
#define KEY_TRIES 5

static bool is_dom0s(struct xs_handle *xs, xs_transaction_t t,
		     const char *path)
{
	unsigned int num;
	struct xs_permissions *perms;
	bool r;

	perms = xs_get_permissions(xs, t, path, &num);
	r = perms && num && perms[0].id == 0;
	free(perms);
	return r;
}

char *key_read(struct xs_handle *xs, const char *dir, const char *name,
	       bool *foreign_r)
{
	char path[KEY_PATH_MAX];
	xs_transaction_t t;
	char *value;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	t = xs_transaction_start(xs);
	if (t == XBT_NULL)
		return NULL;
	value = xs_read(xs, t, path, NULL);
	if (value && !is_dom0s(xs, t, path)) {
		free(value);
		value = NULL;
		*foreign_r = true;
	}
	xs_transaction_end(xs, t, true);
	return value;
}

int key_number(struct xs_handle *xs, const char *dir, const char *name)
{
	char path[KEY_PATH_MAX];
	char *value, *end;
	long number = -1;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	value = xs_read(xs, XBT_NULL, path, NULL);
	if (value) {
		errno = 0;
		number = strtol(value, &end, 10);
		if (errno || end == value || *end || number < 0 ||
		    number > INT_MAX)
			number = -1;
		free(value);
	}
	return number;
}

bool key_write(struct xs_handle *xs, const char *dir, const char *name,
	       const char *value)
{
	char path[KEY_PATH_MAX];
	unsigned int i;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (i = 0; i < KEY_TRIES; i++) {
		xs_transaction_t t = xs_transaction_start(xs);
		bool ok;

		if (t == XBT_NULL)
			return false;
		ok = is_dom0s(xs, t, path) &&
			xs_write(xs, t, path, value, strlen(value));
		if (xs_transaction_end(xs, t, !ok))
			return ok;
		if (errno != EAGAIN)
			break;
	}
	return false;
}
