/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* uid=UID; of QEMU's options those that say what is so anyway. */
static bool option_parse(struct output *output, const char *option)
{
	unsigned long uid;
	char *end;

	if (!strcmp(option, "server=on") || !strcmp(option, "wait=off"))
		return true;
	if (strncmp(option, "uid=", 4))
		return false;
	errno = 0;
	uid = strtoul(option + 4, &end, 10);
	/* The last one means "none" to chown(). */
	if (errno || end == option + 4 || *end || uid >= (uid_t)-1)
		return false;
	output->uid = uid;
	return true;
}

static bool unix_parse(struct output *output)
{
	char *option = strchr(output->path, ',');

	while (option) {
		char *next;

		*option++ = '\0';
		next = strchr(option, ',');
		if (next)
			*next = '\0';
		if (!option_parse(output, option))
			return false;
		option = next;
	}
	return strlen(output->path) <
		sizeof(((struct sockaddr_un *)0)->sun_path);
}

bool output_parse(struct output *output, const char *text)
{
	static const struct {
		const char *prefix;
		enum output_kind kind;
	} kinds[] = {
		{ "file:", OUTPUT_FILE },
		{ "pipe:", OUTPUT_PIPE },
		{ "unix:", OUTPUT_UNIX },
	};
	unsigned int i;

	memset(output, 0, sizeof(*output));
	if (!strcmp(text, "pty"))
		return true;
	output->kind = OUTPUT_NULL;
	if (!strcmp(text, "null"))
		return true;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(text, kinds[i].prefix, len))
			continue;
		text += len;
		if (text[0] != '/' || strlen(text) >= sizeof(output->path))
			return false;
		output->kind = kinds[i].kind;
		strcpy(output->path, text);
		return output->kind != OUTPUT_UNIX || unix_parse(output);
	}
	return false;
}

/* A socket that somebody left there goes, anything else stays. */
static bool unix_bind(int fd, const struct output *output)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int r;

	strcpy(addr.sun_path, output->path);
	if (!lstat(output->path, &st) && S_ISSOCK(st.st_mode))
		unlink(output->path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (r)
		return false;
	return !chown(output->path, output->uid, -1) && !listen(fd, 1);
}

int output_open(const struct output *output)
{
	int fd = -1;

	switch (output->kind) {
	case OUTPUT_FILE:
		fd = open(output->path, O_WRONLY | O_CREAT | O_APPEND |
			  O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
		break;
	case OUTPUT_PIPE:
		fd = open(output->path, O_RDONLY | O_NONBLOCK | O_NOCTTY |
			  O_CLOEXEC);
		break;
	case OUTPUT_UNIX:
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (fd >= 0 && (fcntl(fd, F_SETFD, FD_CLOEXEC) ||
				fcntl(fd, F_SETFL, O_NONBLOCK) ||
				!unix_bind(fd, output))) {
			int saved = errno;

			close(fd);
			fd = -1;
			errno = saved;
		}
		break;
	default:
		errno = EINVAL;
		break;
	}
	return fd;
}

int output_accept(int listen_fd)
{
	int fd = accept(listen_fd, NULL, NULL);

	if (fd >= 0 && (fcntl(fd, F_SETFD, FD_CLOEXEC) ||
			fcntl(fd, F_SETFL, O_NONBLOCK))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void output_remove(const struct output *output)
{
	if (output->kind == OUTPUT_UNIX)
		unlink(output->path);
}
