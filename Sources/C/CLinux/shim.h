#pragma once
// What Swift's Glibc module leaves out: epoll, eventfd, signalfd, and whatever glibc hides behind _GNU_SOURCE.
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int pipe2(int[2], int);
extern ssize_t splice(int, long *, int, long *, size_t, unsigned);

#define LEO_SPLICE_F_MOVE 1
#define LEO_SPLICE_F_NONBLOCK 2

/// Keeps this many bytes at the end of the heap that are free instead of giving them back, and takes blocks of more than
/// `mapped` bytes from the kernel one by one (mallopt(3)).
static inline void leo_keep_free_memory(int kept, int mapped) {
    mallopt(M_TRIM_THRESHOLD, kept);
    mallopt(M_MMAP_THRESHOLD, mapped);
}

// Of linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h, both.
#define LEO_SO_ORIGINAL_DST 80

// struct ucred of unix(7), which hides behind _GNU_SOURCE.
struct leo_ucred {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/// How many processors the calling process may run on (sched_getaffinity(2), which hides behind _GNU_SOURCE macros).
static inline int leo_affinity_count(void) {
    extern int sched_getaffinity(int, size_t, void *);
    unsigned char set[1024];
    for (size_t i = 0; i < sizeof set; i++) set[i] = 0;
    if (sched_getaffinity(0, sizeof set, set) < 0) return 1;
    int count = 0;
    for (size_t i = 0; i < sizeof set; i++) count += __builtin_popcount(set[i]);
    return count;
}

/// prctl(2) and pthread_setname_np(3), which are variadic or hide behind _GNU_SOURCE.
static inline void leo_forbid_dump(void) { (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
static inline void leo_name_thread(const char *name) { (void)prctl(PR_SET_NAME, name, 0, 0, 0); }

// Of linux/netlink.h and asm-generic/socket.h, the latter since Linux 6.5.
#define LEO_AF_NETLINK 16
#define LEO_NETLINK_SOCK_DIAG 4
#define LEO_SO_PEERPIDFD 77

/// The control group, in the unified hierarchy, of the process behind a pidfd: PIDFD_GET_INFO of linux/pidfd.h, since
/// Linux 6.13 (ioctl(2) is variadic). 0 for none.
static inline uint64_t leo_pidfd_control_group(int pidfd) {
    struct {
        uint64_t mask;
        uint64_t cgroupid;
        uint32_t rest[12];
    } info = {.mask = 1u << 2};
    if (ioctl(pidfd, _IOWR(0xFF, 11, info), &info) < 0 || !(info.mask & 1u << 2)) return 0;
    return info.cgroupid;
}
