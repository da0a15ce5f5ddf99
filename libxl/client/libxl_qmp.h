/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxlqmp: a client of QMP, the QEMU Machine Protocol, over a socket or
 * over a console.
 *
 * The protocol is QEMU's (docs/interop/qmp-spec); on a console qmp_reset is
 * added, since a console has no connect and no disconnect
 * (docs/qmp-console-protocol.md of xenqmp). The library negotiates by
 * itself. The server is taken to be hostile: what it sends is checked and
 * bounded before anything here uses it.
 *
 * A context is one connection. It may be used by one thread at a time.
 * Either drive it from an event loop (xlqmp_beforepoll, xlqmp_afterpoll),
 * or call the functions marked "blocking", or both in turn.
 *
 * Text is NUL-terminated. Times are milliseconds. No signal is raised or
 * caught: a lost connection is an error like any other.
 */
#ifndef LIBXL_QMP_H
#define LIBXL_QMP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct xentoollog_logger;
typedef struct xlqmp_ctx xlqmp_ctx;

/* What functions return and callbacks are told. */
enum xlqmp_rc {
    XLQMP_OK = 0,
    /* The server answered with an error: error_class and desc are its. */
    XLQMP_ERROR_QMP = -1,
    /* No answer in time. One that comes later is dropped. */
    XLQMP_ERROR_TIMEOUT = -2,
    /* There is no connection, or it was lost. The context is of no use
     * any more. */
    XLQMP_ERROR_LOST = -3,
    /* The server broke the protocol or a limit. On a console the session
     * is reset and the context goes on; else as XLQMP_ERROR_LOST. */
    XLQMP_ERROR_PROTOCOL = -4,
    XLQMP_ERROR_NOMEM = -5,
    /* The caller's mistake: arguments that are no JSON object, a
     * command that is too long. */
    XLQMP_ERROR_INVAL = -6,
    /* A reset came before the answer. */
    XLQMP_ERROR_RESET = -7,
    /* XLQMP_COMMANDS_MAX commands are waiting already. */
    XLQMP_ERROR_BUSY = -8,
    /* The answer is larger than XLQMP_MESSAGE_MAX, or nested too deeply,
     * and was dropped. The context goes on. */
    XLQMP_ERROR_TOO_LARGE = -9,
};

#define XLQMP_COMMANDS_MAX 64
/* Bytes of a command with its arguments, and of a message received. */
#define XLQMP_COMMAND_MAX  (1u << 20)
#define XLQMP_MESSAGE_MAX  (8u << 20)
/* Time-out: none. */
#define XLQMP_NO_LIMIT     (-1)

/* Printable ASCII, whatever the server sent; "" where nothing is known. */
struct xlqmp_error {
    enum xlqmp_rc rc;
    /* With other than XLQMP_ERROR_QMP: the command was sent whole, so the
     * server may have executed it, or may yet. */
    bool maybe_executed;
    char error_class[64];       /* "CommandNotFound", "GenericError"... */
    char desc[1024];            /* one line for people, no line end */
};

/* The name of a code, for logs: "timeout". */
const char *xlqmp_rc_name(enum xlqmp_rc rc);

/*
 * Opening and closing. logger may be NULL and must outlive the context.
 * The session begins with the first xlqmp_afterpoll() or blocking call, but
 * commands can be sent at once: they wait until it is negotiated, and their
 * time-outs run meanwhile. error_r, here and below, may be NULL.
 */

/* address is one of
 *     unix:PATH        a UNIX stream socket
 *     tcp:HOST:PORT    an IPv6 address as HOST stands in brackets
 *     tty:PATH         a terminal that is a console's other end, see
 *                      XLQMP_CONSOLE; a second context on it is refused
 * Blocks up to timeout_ms, and without a limit while HOST is looked up. */
int xlqmp_open(struct xentoollog_logger *logger, const char *address,
               int timeout_ms, xlqmp_ctx **ctx_r,
               struct xlqmp_error *error_r);

/* The QMP socket of a guest (not of its stubdomain), where libxl looks. */
int xlqmp_open_domain(struct xentoollog_logger *logger,
                      uint32_t domid, int timeout_ms,
                      xlqmp_ctx **ctx_r,
                      struct xlqmp_error *error_r);

/* fd is a console, or another line that knows no connections: the session
 * begins with qmp_reset, and what breaks the protocol resets it. A
 * terminal is made raw. */
#define XLQMP_CONSOLE 1u

/* A connected descriptor, readable and writable. It becomes the context's,
 * which makes it non-blocking and closes it; after an error it is still
 * the caller's. */
int xlqmp_open_fd(struct xentoollog_logger *logger, int fd,
                  unsigned int flags, xlqmp_ctx **ctx_r,
                  struct xlqmp_error *error_r);

/* Callbacks of commands that wait are called, with XLQMP_ERROR_LOST. Not
 * from a callback. NULL is legal. */
void xlqmp_close(xlqmp_ctx *ctx);

/* The greeting of this session as the server sent it, one JSON object; NULL
 * until it came, or if there was none (a peer on a console without
 * qmp_reset). Valid until the next call with this context. */
const char *xlqmp_greeting(const xlqmp_ctx *ctx);

/* False once the context is of no use any more. */
bool xlqmp_is_open(const xlqmp_ctx *ctx);

/*
 * Callbacks run from xlqmp_afterpoll(), blocking calls and xlqmp_close()
 * only. They may call everything here but these.
 */

/* Exactly once for each command unless it is cancelled. rc is error->rc;
 * return_json is the value of "return", byte for byte as it came, or NULL
 * if rc isn't XLQMP_OK. Both are valid during the call. */
typedef void xlqmp_reply_fn(xlqmp_ctx *ctx, int rc, const char *return_json,
                            const struct xlqmp_error *error, void *user);

/* Sends a command; arguments is a JSON object or NULL. 0, and a
 * handle that is never 0 (handle_r may be NULL), or an error and fn is
 * not called. What a server drops because it throttles (StratoVirt's
 * OperationThrottled) is sent again after a pause, until its time-out. */
int xlqmp_send(xlqmp_ctx *ctx, const char *command,
               const char *arguments, int timeout_ms,
               xlqmp_reply_fn *fn, void *user,
               uint64_t *handle_r);

/* qmp_reset: a new session. Commands that were sent fail with
 * XLQMP_ERROR_RESET, those that were not are kept for the new session. fn
 * (return_json NULL) is called when that is negotiated. A server without
 * qmp_reset is only asked for qmp_capabilities; late replies and events of
 * the old session are dropped, or can't be told apart, respectively. */
int xlqmp_send_reset(xlqmp_ctx *ctx, int timeout_ms,
                     xlqmp_reply_fn *fn, void *user,
                     uint64_t *handle_r);

/* fn will not be called; a reply is dropped. What was sent is executed all
 * the same. False if there is no such command any more. */
bool xlqmp_cancel(xlqmp_ctx *ctx, uint64_t handle);

/* event is the whole message, as it came. Valid during the call. */
typedef void xlqmp_event_fn(xlqmp_ctx *ctx, const char *name,
                            const char *event, void *user);

/* Calls fn for each event of that name, or for every event if it is NULL,
 * in the order of subscription. */
int xlqmp_event_subscribe(xlqmp_ctx *ctx, const char *name,
                          xlqmp_event_fn *fn, void *user,
                          uint64_t *handle_r);
bool xlqmp_event_unsubscribe(xlqmp_ctx *ctx, uint64_t handle);

/* What to wait for: fills *fd_r (fd -1 if there is nothing, which poll()
 * ignores) and lowers *timeout_upd (-1: none) to when the context wants to
 * be called even without an event. */
void xlqmp_beforepoll(const xlqmp_ctx *ctx, struct pollfd *fd_r,
                      int *timeout_upd);
/* After poll(), with what it put into fd; also if only time has passed. */
void xlqmp_afterpoll(xlqmp_ctx *ctx, const struct pollfd *fd);

/*
 * Blocking. Other commands' callbacks and events are served meanwhile.
 */

/* On XLQMP_OK *return_json_r (may be NULL) is the caller's to free(). */
int xlqmp_command(xlqmp_ctx *ctx, const char *command,
                  const char *arguments, int timeout_ms,
                  char **return_json_r,
                  struct xlqmp_error *error_r);
int xlqmp_reset(xlqmp_ctx *ctx, int timeout_ms,
                struct xlqmp_error *error_r);
/* Until the session is negotiated. */
int xlqmp_wait_ready(xlqmp_ctx *ctx, int timeout_ms,
                     struct xlqmp_error *error_r);
/* One turn: waits at most timeout_ms for something to happen and serves
 * it. XLQMP_OK also if nothing did. */
int xlqmp_process(xlqmp_ctx *ctx, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
