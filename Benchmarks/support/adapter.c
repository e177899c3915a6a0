// Relays TCP connections, one thread, so that a load generator that knows no proxy can use one.
//
//   adapter LISTEN_PORT TARGET_PORT [HOST:PORT]
//
// With HOST:PORT a CONNECT for it is sent first and its answer swallowed. Without, bytes are relayed from the beginning:
// put in front of the other server it makes both see the same pattern of load. Loopback only.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct side {
    int fd;
    struct side *other;
    int closed;
};

static char buffer[1 << 16];

static int address(struct sockaddr_in *to, int port) {
    memset(to, 0, sizeof *to);
    to->sin_family = AF_INET;
    to->sin_port = htons((unsigned short)port);
    to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof *to;
}

static int write_all(int fd, const char *bytes, ssize_t count) {
    while (count > 0) {
        ssize_t written = send(fd, bytes, (size_t)count, MSG_NOSIGNAL);
        if (written <= 0) return -1;
        bytes += written;
        count -= written;
    }
    return 0;
}

static int dial(int port, const char *target) {
    struct sockaddr_in to;
    int one = 1, length = address(&to, port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, (socklen_t)length) < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!target) return fd;
    int count = snprintf(buffer, sizeof buffer, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target);
    if (write_all(fd, buffer, count) < 0) return -1;
    // The client speaks first after the answer, so nothing but the answer can come.
    for (ssize_t got = 0; got < (ssize_t)sizeof buffer;) {
        ssize_t more = read(fd, buffer + got, sizeof buffer - (size_t)got);
        if (more <= 0) return -1;
        got += more;
        if (memmem(buffer, (size_t)got, "\r\n\r\n", 4)) return memcmp(buffer + 9, "200", 3) ? -1 : fd;
    }
    return -1;
}

int main(int count, char **words) {
    if (count < 3) return 64;
    struct sockaddr_in here;
    int one = 1, length = address(&here, atoi(words[1]));
    int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&here, (socklen_t)length) < 0 || listen(listener, 4096) < 0) return 2;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct side *from = events[i].data.ptr;
            if (!from) {
                int client = accept(listener, NULL, NULL);
                if (client < 0) continue;
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                int server = dial(atoi(words[2]), count > 3 ? words[3] : NULL);
                if (server < 0) {
                    close(client);
                    continue;
                }
                struct side *pair = calloc(2, sizeof *pair);
                pair[0] = (struct side){client, &pair[1], 0};
                pair[1] = (struct side){server, &pair[0], 0};
                for (int k = 0; k < 2; k++) {
                    event = (struct epoll_event){.events = EPOLLIN, .data.ptr = &pair[k]};
                    epoll_ctl(poll, EPOLL_CTL_ADD, pair[k].fd, &event);
                }
                continue;
            }
            if (from->closed) continue;
            ssize_t got = read(from->fd, buffer, sizeof buffer);
            if (got > 0 && write_all(from->other->fd, buffer, got) == 0) continue;
            // Either end ends both; the pair itself stays, which a benchmark can afford.
            struct side *sides[2] = {from, from->other};
            for (int k = 0; k < 2; k++) {
                sides[k]->closed = 1;
                close(sides[k]->fd);
            }
        }
    }
}
