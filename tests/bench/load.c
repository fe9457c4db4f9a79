/* The clients of the benchmark, as one process.
 *
 *   load PORT WORK CONNECTIONS SIZE SECONDS GAP TLS MEDIA
 *
 * WORK is  echo   every connection sends SIZE bytes, waits until all of them have come back, and begins again (GAP
 *                 milliseconds later);
 *          churn  connect, one echo, close, and again, CONNECTIONS at a time;
 *          hold   connections that do nothing; at the end each of them proves by an echo that it still lives;
 *          stall  send for ever and never read.
 * Each connection sends what an app sends first, "WA" and a version, or for MEDIA the shortest ClientHello, and compares
 * its first echo byte for byte.
 * Prints "ready" once every connection has had its first echo; begins the work with the first byte on its standard
 * input; prints the result as JSON; ends with the second byte or the end of the input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Without FEWEST echoes there is no figure, unless that takes PATIENCE seconds longer. */
enum { FEWEST = 50, PATIENCE = 30, AT_ONCE = 128, MOST_LATENCIES = 4 * 1000 * 1000, LARGEST = 1024 * 1024 };
enum state { CLOSED, CONNECTING, HANDSHAKE, TALKING, RESTING };
enum work { ECHO, CHURN, HOLD, STALL };

struct connection {
    enum state state;
    int fd, proven;
    SSL *tls;
    size_t sent, got;
    double began, again;
};

static struct connection *all;
static int poll_fd, port, count, use_tls, media, resting, running, ending, busy;
static enum work work;
static size_t size;
static double gap;
static unsigned long opened, echoes, bytes, errors, stalled_bytes;
static unsigned *latencies;
static unsigned long latency_count;
static char *message, *expected, buffer[LARGEST];
static SSL_CTX *context;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void finish(struct connection *one) {
    if (one->tls) {
        SSL_shutdown(one->tls);
        SSL_free(one->tls);
        one->tls = NULL;
    }
    if (one->fd >= 0) close(one->fd);
    one->fd = -1;
    one->state = CLOSED;
}

static void broken(struct connection *one) {
    errors++;
    busy--;
    finish(one);
}

static void begin(struct connection *one) {
    /* Each takes an address of its own range, so that the ports of one address cannot run out. */
    static unsigned turn;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002 + turn++ % 200)};
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = one};
    int on = 1;
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (one->fd < 0) fail("socket");
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(one->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(one->fd, (struct sockaddr *)&here, sizeof here) < 0) fail("bind");
    one->state = CONNECTING;
    one->sent = one->got = 0;
    one->proven = 0;
    one->began = now();
    opened++;
    if (connect(one->fd, (struct sockaddr *)&there, sizeof there) < 0 && errno != EINPROGRESS) {
        broken(one);
        return;
    }
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, one->fd, &event) < 0) fail("epoll_ctl");
}

/* Bytes moved; 0 when it has to wait; -1 when the connection is over. */
static ssize_t put(struct connection *one, const char *data, size_t length) {
    if (one->tls) {
        int done = SSL_write(one->tls, data, (int)length);
        int why = done > 0 ? 0 : SSL_get_error(one->tls, done);
        return done > 0 ? done : why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    ssize_t done = send(one->fd, data, length, MSG_NOSIGNAL);
    return done >= 0 ? done : errno == EAGAIN ? 0 : -1;
}

static ssize_t take(struct connection *one) {
    if (one->tls) {
        int done = SSL_read(one->tls, buffer, sizeof buffer);
        int why = done > 0 ? 0 : SSL_get_error(one->tls, done);
        return done > 0 ? done : why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    ssize_t done = recv(one->fd, buffer, sizeof buffer, 0);
    return done > 0 ? done : done < 0 && errno == EAGAIN ? 0 : -1;
}

static int say(struct connection *one) {
    while (one->sent < size) {
        ssize_t done = put(one, message + one->sent, size - one->sent);
        if (done < 0) {
            broken(one);
            return 0;
        }
        if (!done) break;
        one->sent += (size_t)done;
        if (work == STALL) {
            stalled_bytes += (unsigned long)done;
            if (one->sent == size) one->sent = 0;
        }
    }
    return 1;
}

static void next_message(struct connection *one) {
    one->sent = one->got = 0;
    one->began = now();
    one->state = TALKING;
    say(one);
}

static void echoed(struct connection *one) {
    double time = now();
    int first = !one->proven;
    one->proven = 1;
    if (running) {
        echoes++;
        bytes += size;
        if (latency_count < MOST_LATENCIES) latencies[latency_count++] = (unsigned)((time - one->began) * 1e6);
    }
    if (ending) {
        one->state = RESTING;
        one->again = 1e18;
        busy--;
    } else if (work == CHURN && running) {
        finish(one);
        begin(one);
    } else if (first || !running) {
        one->state = RESTING;
        resting++;
    } else if (gap > 0) {
        one->state = RESTING;
        one->again = time + gap;
    } else {
        next_message(one);
    }
}

static void hear(struct connection *one) {
    for (;;) {
        ssize_t done = take(one);
        if (done < 0) {
            broken(one);
            return;
        }
        if (!done) return;
        if (!one->proven && one->got + (size_t)done <= size && memcmp(buffer, expected + one->got, (size_t)done)) {
            fprintf(stderr, "an echo differs from what was sent\n");
            exit(1);
        }
        one->got += (size_t)done;
        int drained = !one->tls && (size_t)done < sizeof buffer;
        if (one->got >= size) {
            echoed(one);
            if (one->state == CLOSED || one->state == CONNECTING) return;
        }
        if (drained) return;
    }
}

static void event(struct connection *one, unsigned what) {
    if (one->state == CLOSED) return;
    if (one->state == CONNECTING) {
        int error = 0;
        socklen_t length = sizeof error;
        if (!(what & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
        getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error) {
            broken(one);
            return;
        }
        one->state = use_tls ? HANDSHAKE : TALKING;
        if (use_tls) {
            one->tls = SSL_new(context);
            SSL_set_fd(one->tls, one->fd);
        }
    }
    if (one->state == HANDSHAKE) {
        int done = SSL_connect(one->tls);
        if (done <= 0) {
            int why = SSL_get_error(one->tls, done);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) broken(one);
            return;
        }
        one->state = TALKING;
    }
    if (one->state == TALKING && (one->sent < size) && !say(one)) return;
    if (work != STALL && what & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) hear(one);
}

/* One turn of the loop; how long it may wait is in milliseconds. */
static void turn(int wait) {
    struct epoll_event events[512];
    int ready = epoll_wait(poll_fd, events, 512, wait);
    for (int number = 0; number < ready; number++) event(events[number].data.ptr, events[number].events);
}

static int larger(const void *first, const void *second) {
    unsigned a = *(const unsigned *)first, b = *(const unsigned *)second;
    return a < b ? -1 : a > b;
}

static double percentile(double part) {
    return latency_count ? latencies[(unsigned long)(part * (double)(latency_count - 1))] / 1e6 : 0;
}

static double own_cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void await_input(void) {
    char byte;
    if (read(0, &byte, 1) < 0) fail("read");
}

/* Open everything, with at most AT_ONCE connections under way, until all have had an echo. */
static void open_all(void) {
    int next = 0;
    double patience = now() + 60;
    while (resting + (int)errors < count && now() < patience) {
        while (next < count && next - resting - (int)errors < AT_ONCE) begin(&all[next++]);
        turn(100);
    }
}

/* Fill every connection until nothing more is taken for half a second. */
static void stall_all(void) {
    unsigned long before;
    for (int number = 0; number < count; number++) begin(&all[number]);
    do {
        before = stalled_bytes;
        double until = now() + 0.5;
        while (now() < until) turn(50);
    } while (stalled_bytes > before && stalled_bytes < 1024ul * 1024 * 1024);
}

static void run(double seconds) {
    double until = now() + seconds;
    running = 1;
    ending = work == HOLD;
    busy = 0;
    for (int number = 0; number < count; number++) {
        struct connection *one = &all[number];
        if (one->state != RESTING) continue;
        busy++;
        if (work == CHURN) {
            finish(one);
            begin(one);
        } else if (gap > 0) {
            one->again = now() + gap * number / count;
        } else if (work != STALL) {
            next_message(one);
        }
    }
    while (!ending || (busy > 0 && now() < until + PATIENCE)) {
        turn(gap > 0 ? 1 : 50);
        double time = now();
        for (int number = 0; gap > 0 && number < count; number++) {
            struct connection *one = &all[number];
            if (one->state != RESTING || one->again > time) continue;
            if (time < until) next_message(one);
            else busy--, one->again = 1e18;
        }
        /* What is under way is waited for: the relay has worked for it, and it counts. */
        if (time >= until && (echoes >= FEWEST || work == STALL || time >= until + PATIENCE)) ending = 1;
        if (work == STALL && ending) return;
    }
    running = 0;
}

static void prepare(void) {
    struct rlimit limit;
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    all = calloc((size_t)count, sizeof *all);
    message = malloc(size);
    latencies = malloc(MOST_LATENCIES * sizeof *latencies);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!all || !message || !latencies || poll_fd < 0) fail("prepare");
    for (int number = 0; number < count; number++) all[number].fd = -1;
    for (size_t at = 0; at < size; at++) message[at] = (char)(at * 7 + at / 251);
    if (media) memcpy(message, "\x16\x03\x01\0\x04\x01\0\0\0", 9);
    else memcpy(message, "WA\x06\x03", 4);
    expected = message;
    /* One cipher for everybody: the relays are compared, not the ciphers that they prefer. */
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

int main(int words, char **word) {
    static const char *names[] = {"echo", "churn", "hold", "stall"};
    if (words != 9) return 2;
    port = atoi(word[1]);
    for (int number = 0; number < 4; number++)
        if (!strcmp(word[2], names[number])) work = (enum work)number;
    count = atoi(word[3]);
    size = (size_t)atol(word[4]);
    gap = atof(word[6]) / 1000;
    use_tls = atoi(word[7]);
    media = atoi(word[8]);
    if (count < 1 || size < 9 || size > LARGEST) return 2;
    prepare();
    if (work == STALL) stall_all();
    else open_all();
    printf("ready\n");
    fflush(stdout);
    await_input();
    unsigned long refused = errors, opened_before = opened;
    double began = now(), cpu = own_cpu();
    run(atof(word[5]));
    double seconds = now() - began;
    cpu = own_cpu() - cpu;
    qsort(latencies, latency_count, sizeof *latencies, larger);
    printf("{\"echoes\": %lu, \"bytes\": %lu, \"opened\": %lu, \"errors\": %lu, \"refused\": %lu, \"seconds\": %.6f, "
           "\"cpu\": %.6f, \"median\": %.6f, \"p99\": %.6f, \"stalled\": %lu}\n",
           echoes, bytes, opened - opened_before, errors - refused, refused, seconds, cpu, percentile(0.5),
           percentile(0.99), stalled_bytes);
    fflush(stdout);
    await_input();
    return 0;
}
