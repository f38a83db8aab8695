/*
 * hiredis's asynchronous context on libuv.
 *
 * What hiredis 0.14 does, and what is made of it here:
 * - It frees its context by itself when reading, writing or connecting fails, in the middle of
 *   redisAsyncHandleRead/Write. The `cleanup` hook is the one place it always passes: there the
 *   context is forgotten and the handles are closed. The owner hears of it after hiredis has
 *   returned, so nobody's code runs while hiredis takes itself apart.
 * - While freeing it runs every callback with a NULL reply. Those are ignored: the owner keeps its
 *   own list of what waits.
 * - Freeing the context is safe inside a reply callback, but not inside the connect or disconnect
 *   ones. Those are not used, and adapter_close() within hiredis waits until it has returned.
 * - libuv reports a socket's error condition (a refused connect) as a failed poll, and stops the
 *   poll. The error is still on the socket, so hiredis is told to read and finds it there. Should
 *   it find none, the poll is started again.
 * - It asks for a write event at each command. While nothing is in the way of writing, a task at
 *   the end of the loop's turn stands for it, and spares two changes of the poll set and a turn of
 *   the loop per batch of commands.
 */
#include "bus/adapter.h"

#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/fds.h"

struct adapter {
    uv_poll_t poll;
    struct loop *loop;
    struct loop_task flush;     /* queued while commands wait for the end of the turn */
    redisAsyncContext *context; /* NULL once hiredis has freed it */
    const struct adapter_handlers *handlers;
    void *owner;
    int events;      /* that are polled for */
    bool in_hiredis; /* redisAsyncHandleRead/Write is on the stack */
    bool writing;    /* redisAsyncHandleWrite is */
    bool closing;    /* the owner has closed it or was told that it is lost */
    char reason[128];
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void poll_for(struct adapter *adapter, int events)
{
    if (adapter->events != events) {
        adapter->events = events;
        if (events) {
            uv_poll_start(&adapter->poll, events, on_poll);
        } else {
            uv_poll_stop(&adapter->poll);
        }
    }
}

/* After hiredis has returned: finishes what could not be done while it ran. */
static void settle(struct adapter *adapter)
{
    adapter->in_hiredis = false;
    if (adapter->closing) {
        if (adapter->context) {
            redisAsyncFree(adapter->context);
        }
    } else if (!adapter->context) {
        adapter->closing = true;
        adapter->handlers->lost(adapter->owner, adapter, adapter->reason);
    }
}

static void let_write(struct adapter *adapter)
{
    adapter->in_hiredis = true;
    adapter->writing = true;
    redisAsyncHandleWrite(adapter->context);
    adapter->writing = false;
    settle(adapter);
}

static void let_read(struct adapter *adapter)
{
    adapter->in_hiredis = true;
    redisAsyncHandleRead(adapter->context);
    settle(adapter);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct adapter *adapter = poll->data;
    if (status < 0) {
        let_read(adapter);
        if (adapter->context) {
            int again = adapter->events;
            adapter->events = 0;
            poll_for(adapter, again);
        }
        return;
    }
    if (events & UV_READABLE) {
        let_read(adapter);
    }
    if (events & UV_WRITABLE && adapter->context) {
        let_write(adapter);
    }
}

static void on_flush(void *arg)
{
    let_write(arg);
}

/* The hooks that hiredis calls. */

static void add_read(void *data)
{
    struct adapter *adapter = data;
    poll_for(adapter, adapter->events | UV_READABLE);
}

static void del_read(void *data)
{
    struct adapter *adapter = data;
    poll_for(adapter, adapter->events & ~UV_READABLE);
}

static void add_write(void *data)
{
    struct adapter *adapter = data;
    if (adapter->writing) { /* the socket took only a part */
        poll_for(adapter, adapter->events | UV_WRITABLE);
    } else if (!(adapter->events & UV_WRITABLE)) {
        loop_at_turn_end(adapter->loop, &adapter->flush);
    }
}

static void del_write(void *data)
{
    struct adapter *adapter = data;
    poll_for(adapter, adapter->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
    struct adapter *adapter = handle->data;
    const struct adapter_handlers *handlers = adapter->handlers;
    void *owner = adapter->owner;
    free(adapter);
    handlers->closed(owner);
}

/* hiredis is about to close the socket and free the context. */
static void cleanup(void *data)
{
    struct adapter *adapter = data;
    redisAsyncContext *context = adapter->context;
    snprintf(adapter->reason, sizeof adapter->reason, "%s",
             context->err && context->errstr ? context->errstr : "closed");
    adapter->context = NULL;
    fds_disown(context->c.fd);
    loop_cancel(adapter->loop, &adapter->flush);
    uv_close((uv_handle_t *)&adapter->poll, on_closed);
}

static void on_reply(redisAsyncContext *context, void *reply, void *call)
{
    struct adapter *adapter = context->data;
    if (reply && !adapter->closing) {
        adapter->handlers->reply(adapter->owner, reply, call);
    }
}

/* Hands the socket to libuv and the hooks to hiredis. */
static int attach(struct adapter *adapter, struct loop *loop)
{
    redisAsyncContext *context = adapter->context;
    int error = uv_poll_init(loop_uv(loop), &adapter->poll, context->c.fd);
    if (error) {
        return error;
    }
    adapter->loop = loop;
    adapter->flush = (struct loop_task){.fn = on_flush, .arg = adapter};
    adapter->poll.data = adapter;
    context->data = adapter;
    context->ev.data = adapter;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
    poll_for(adapter, UV_WRITABLE); /* until it is connected */
    return 0;
}

struct adapter *adapter_open(struct loop *loop, const char *ip, uint16_t port,
                             const struct adapter_handlers *handlers, void *owner, char *error,
                             size_t error_cap)
{
    struct adapter *adapter = calloc(1, sizeof *adapter);
    redisAsyncContext *context = adapter ? redisAsyncConnect(ip, port) : NULL;
    if (!context) {
        snprintf(error, error_cap, "out of memory");
        goto fail_adapter;
    }
    if (context->err) {
        snprintf(error, error_cap, "%s", context->errstr);
        goto fail_context;
    }
    int fd = context->c.fd;
    fds_own(fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    redisEnableKeepAlive(&context->c); /* TCP_NODELAY was set by hiredis */
    adapter->context = context;
    adapter->handlers = handlers;
    adapter->owner = owner;
    int status = attach(adapter, loop);
    if (status) {
        snprintf(error, error_cap, "%s", uv_strerror(status));
        fds_disown(fd);
        goto fail_context;
    }
    return adapter;

fail_context:
    redisAsyncFree(context);
fail_adapter:
    free(adapter);
    return NULL;
}

int adapter_send(struct adapter *adapter, const struct buf *command, void *call)
{
    if (adapter->closing || !adapter->context) {
        return -1;
    }
    int status =
        redisAsyncFormattedCommand(adapter->context, on_reply, call, command->data, command->len);
    return status == REDIS_OK ? 0 : -1;
}

void adapter_close(struct adapter *adapter)
{
    if (!adapter || adapter->closing) {
        return;
    }
    adapter->closing = true;
    if (adapter->context && !adapter->in_hiredis) {
        redisAsyncFree(adapter->context);
    }
}
