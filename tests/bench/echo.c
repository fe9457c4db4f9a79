/* The upstream of the benchmark: sends back what it gets, on several ports of 127.0.0.1.
 *
 *   echo PORT...      a port with an "h" behind it expects a line of the PROXY protocol first, which is not sent back
 *
 * Prints "ready", and ends when its standard input does. Several may share their ports.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { INPUT, LISTENER, STREAM };

struct connection {
    enum kind kind;
    int fd;
    int header; /* whether the PROXY line is still to come */
    char *rest; /* what the socket could not take */
    size_t rest_size, rest_sent;
};

static char buffer[256 * 1024];
static int poll_fd;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(struct connection *one, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = one};
    if (epoll_ctl(poll_fd, operation, one->fd, &event) < 0) fail("epoll_ctl");
}

static struct connection *add(enum kind kind, int fd, int header) {
    struct connection *one = calloc(1, sizeof *one);
    if (!one) fail("calloc");
    one->kind = kind;
    one->fd = fd;
    one->header = header;
    watch(one, EPOLL_CTL_ADD, EPOLLIN);
    return one;
}

static void listen_on(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_port = htons((unsigned short)atoi(port));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(fd, 4096) < 0) fail("listen");
    add(LISTENER, fd, strchr(port, 'h') != NULL);
}

static void accept_from(struct connection *listener) {
    for (int count = 0; count < 64; count++) {
        int on = 1, fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        add(STREAM, fd, listener->header);
    }
}

static void end(struct connection *one) {
    close(one->fd);
    free(one->rest);
    free(one);
}

static void send_back(struct connection *one, const char *data, size_t size) {
    ssize_t sent = send(one->fd, data, size, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) {
            end(one);
            return;
        }
        sent = 0;
    }
    if ((size_t)sent < size) {
        one->rest_size = size - (size_t)sent;
        one->rest_sent = 0;
        one->rest = malloc(one->rest_size);
        if (!one->rest) fail("malloc");
        memcpy(one->rest, data + sent, one->rest_size);
        watch(one, EPOLL_CTL_MOD, EPOLLOUT);
    }
}

static void readable(struct connection *one) {
    char *data = buffer;
    ssize_t size = recv(one->fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
        end(one);
        return;
    }
    if (one->header) {
        char *newline = memchr(buffer, '\n', (size_t)size);
        if (!newline) return;
        one->header = 0;
        size -= newline + 1 - buffer;
        data = newline + 1;
    }
    if (size) send_back(one, data, (size_t)size);
}

static void writable(struct connection *one) {
    ssize_t sent = send(one->fd, one->rest + one->rest_sent, one->rest_size - one->rest_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
        end(one);
        return;
    }
    one->rest_sent += (size_t)sent;
    if (one->rest_sent < one->rest_size) return;
    free(one->rest);
    one->rest = NULL;
    watch(one, EPOLL_CTL_MOD, EPOLLIN);
}

int main(int count, char **words) {
    struct rlimit limit;
    struct epoll_event events[256];
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    add(INPUT, 0, 0);
    for (int word = 1; word < count; word++) listen_on(words[word]);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(poll_fd, events, 256, -1);
        for (int number = 0; number < ready; number++) {
            struct connection *one = events[number].data.ptr;
            if (one->kind == INPUT) return 0;
            if (one->kind == LISTENER) accept_from(one);
            else if (one->rest) writable(one);
            else readable(one);
        }
    }
}
