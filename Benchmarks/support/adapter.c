/* A TCP forwarder on loopback that can say CONNECT first, so that load tools that know no proxy reach leo.
 *
 *   adapter PORT             forwards what it accepts to 127.0.0.1:PORT
 *   adapter PORT HOST:PORT   the same after a CONNECT to HOST:PORT
 *
 * Prints the port it listens on and runs until it is killed or its parent ends. One thread and one epoll set; both
 * sides of a comparison stand behind the same program, so that they see the same load.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { buffer_bytes = 64 * 1024, event_count = 64 };

/* One socket of a pair, and the bytes read from it that the other one has not taken yet. */
struct side {
    int fd;
    int is_finished;
    struct side *other;
    size_t begin, end;
    char bytes[buffer_bytes];
};

static int poller;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* A side waits for bytes while its buffer is empty, and for room while the other's is not. */
static void watch(struct side *side, int operation) {
    struct epoll_event event = {.data.ptr = side};
    if (side->begin == side->end && !side->is_finished) event.events |= EPOLLIN;
    if (side->other->begin < side->other->end) event.events |= EPOLLOUT;
    if (epoll_ctl(poller, operation, side->fd, &event) != 0) fail("epoll_ctl");
}

static int flush(struct side *from) {
    while (from->begin < from->end) {
        ssize_t count = write(from->other->fd, from->bytes + from->begin, from->end - from->begin);
        if (count < 0) return errno == EAGAIN ? 0 : -1;
        from->begin += count;
    }
    from->begin = from->end = 0;
    if (from->is_finished) shutdown(from->other->fd, SHUT_WR);
    return 0;
}

/* Reads once and writes at once. Waits are changed only where something is left. */
static int pump(struct side *from) {
    ssize_t count = read(from->fd, from->bytes, buffer_bytes);
    if (count < 0) return errno == EAGAIN ? 0 : -1;
    from->is_finished = count == 0;
    from->end = count;
    if (flush(from) != 0) return -1;
    if (from->begin < from->end || from->is_finished) {
        watch(from, EPOLL_CTL_MOD);
        watch(from->other, EPOLL_CTL_MOD);
    }
    return from->is_finished && from->other->is_finished ? -1 : 0;
}

static int handle(struct side *side, unsigned events) {
    if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN)) return -1;
    if (events & EPOLLOUT) {
        if (flush(side->other) != 0) return -1;
        watch(side, EPOLL_CTL_MOD);
        watch(side->other, EPOLL_CTL_MOD);
    }
    return events & EPOLLIN ? pump(side) : 0;
}

/* The client speaks first in TLS, so nothing can follow the answer to a CONNECT: reading it bytewise is exact. */
static int say_connect(int fd, const char *authority) {
    char text[512];
    int length = snprintf(text, sizeof text, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", authority, authority);
    if (length >= (int)sizeof text || write(fd, text, length) != length) return -1;
    int matched = 0;
    for (length = 0; matched < 4 && length < (int)sizeof text && read(fd, text + length, 1) == 1; length++) {
        char expected = matched % 2 ? '\n' : '\r';
        matched = text[length] == expected ? matched + 1 : text[length] == '\r';
    }
    return matched == 4 && strncmp(text, "HTTP/1.1 200", 12) == 0 ? 0 : -1;
}

static struct side *make_side(int fd) {
    struct side *side = malloc(sizeof *side);
    if (!side) fail("malloc");
    side->fd = fd;
    side->is_finished = 0;
    side->begin = side->end = 0;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return side;
}

static void accept_client(int listener, int port, const char *authority) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) return;
    int target = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(port);
    if (target < 0 || connect(target, (struct sockaddr *)&address, sizeof address) != 0 ||
        (authority && say_connect(target, authority) != 0)) {
        perror("the target does not answer");
        if (target >= 0) close(target);
        close(client);
        return;
    }
    struct side *left = make_side(client), *right = make_side(target);
    left->other = right;
    right->other = left;
    watch(left, EPOLL_CTL_ADD);
    watch(right, EPOLL_CTL_ADD);
}

/* Closes both sides, and takes them out of the events still to be handled. */
static void end(struct side *side, struct epoll_event *events, int count) {
    for (int index = 0; index < count; index++)
        if (events[index].data.ptr == side || events[index].data.ptr == side->other) events[index].data.ptr = &poller;
    close(side->fd);
    close(side->other->fd);
    free(side->other);
    free(side);
}

int main(int count, char **arguments) {
    if (count != 2 && count != 3) {
        fprintf(stderr, "usage: adapter PORT [HOST:PORT]\n");
        return 64;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        fail("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    poller = epoll_create1(0);
    struct epoll_event events[event_count], event = {.events = EPOLLIN};
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll");
    for (;;) {
        int ready = epoll_wait(poller, events, event_count, -1);
        for (int index = 0; index < ready; index++) {
            void *subject = events[index].data.ptr;
            if (subject == &poller) continue;
            if (!subject)
                accept_client(listener, atoi(arguments[1]), count == 3 ? arguments[2] : NULL);
            else if (handle(subject, events[index].events) != 0)
                end(subject, events + index + 1, ready - index - 1);
        }
    }
}
