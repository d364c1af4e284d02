/* An LD_PRELOAD library that writes down every call of a program to its allocator. scripts/record compiles it and
 * runs programs with it; fuzz/trace/record.go reads what it writes.
 *
 * Terms. A record is one call, 40 bytes. A chunk is a piece of a file that one thread fills with records. A file
 * belongs to one process image: a fork or an exec begins another.
 *
 * The file is mapped, not written: storing a record is all there is to do, and the kernel keeps it whatever becomes
 * of the process. So _exit, exec, abort and SIGKILL lose nothing but a call that is being made at that moment, and no
 * thread has a buffer to be flushed. The file is opened anew for each chunk: a descriptor that stayed open would be
 * closed by programs that close all they did not open, and its number given to a file of theirs.
 *
 *     file:  | head, 4096 bytes | chunk of thread 1 | chunk of thread 2 | chunk of thread 1 | ...
 *
 * Order. Records are sorted by their number afterwards. A call that releases a block takes its number before it is
 * made, one that acquires after. Then between the numbers of acquiring and releasing an address it belongs to nobody
 * else, whatever the threads do: sorted, no block is seen handed out while it is live. realloc does both and is two
 * records.
 *
 * Fork. The state is in a page that the kernel empties in a child (MADV_WIPEONFORK), so that a child notices by
 * itself, also where no handler would be called, and a lock that another thread held is open. Chunks are not
 * inherited at all (MADV_DONTFORK). A child made by vfork or posix_spawn shares our memory until it calls exec, and
 * is rightly taken for us.
 *
 * What is not seen: the few blocks of the dynamic linker before it finds us, programs that are linked statically or
 * run with the rights of somebody else, children that are given an environment without LD_PRELOAD, and allocators
 * that programs bring along (python's small objects, unless PYTHONMALLOC=malloc; arenas of compilers). What cannot be
 * written (no directory, no space) is counted in the head as lost.
 *
 * Needs glibc (__libc_malloc and its kin are what is called below, so that no symbol need be looked up in the middle
 * of a first malloc), Linux 4.14, and a 64-bit little-endian machine.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t), __libc_free(void *);

enum call { MALLOC = 1, CALLOC, MEMALIGN, REALLOC_NIL, REALLOC_OUT, REALLOC_IN, FREE };

struct record { uint64_t number_call, thread, addr, first, second; };

struct head {
    char magic[8];
    uint32_t version, forked, pid, parent;
    char reserved[40], exe[64];
    _Atomic uint64_t lost;
};

/* A chunk is whole pages and whole records. */
enum { HEAD_BYTES = 4096, CHUNK_RECORDS = 4096, CHUNK_BYTES = CHUNK_RECORDS * sizeof(struct record) };

_Static_assert(sizeof(struct record) == 40, "record.go reads 40 bytes");
_Static_assert(offsetof(struct head, lost) == 128, "record.go reads the head so");

/* The state of this process, in a page of its own. All zero means that the process is new. */
struct state {
    _Atomic int lock;
    _Atomic uint64_t era;    /* which process this is in a line of forks; set last, when the rest may be used */
    _Atomic uint64_t number; /* of the last record */
    _Atomic uint64_t end;    /* of the file, in bytes */
    struct head *head;       /* mapped; null when there is no file */
};

static struct state *state;
static uint64_t era;        /* of the last process of the line that began: a child goes on counting */
static char path[4096];     /* of this process's file */
static char dir[3072];      /* kept from the start, since programs change their environment */

static __thread struct {
    struct record *chunk; /* null when there is none */
    uint32_t used;
    uint64_t thread, era;
} mine __attribute__((tls_model("initial-exec")));

static void lock(_Atomic int *l) { while (atomic_exchange(l, 1)) syscall(SYS_sched_yield); }
static void unlock(_Atomic int *l) { atomic_store(l, 0); }

/* extend makes the file long enough, with space behind it, so that storing never fails with SIGBUS, and maps it. */
static void *extend(int fd, uint64_t from, size_t bytes) {
    int err = posix_fallocate(fd, from, bytes);
    if (err) return NULL;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, from);
    if (p == MAP_FAILED) return NULL;
    madvise(p, bytes, MADV_DONTFORK);
    return p;
}

/* begin opens a file for this process. It is called with the lock held. */
static void begin(void) {
    uint64_t next = era + 1;
    if (!dir[0]) {
        const char *d = getenv("HEAPFUZZ_RECORD_DIR");
        snprintf(dir, sizeof dir, "%s", d ? d : "");
    }
    int fd = -1;
    for (int n = 0; dir[0] && fd < 0 && n < 10000; n++) { /* exec keeps the pid, and pids come again */
        snprintf(path, sizeof path, "%s/%d.%d.rec", dir, (int)getpid(), n);
        fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
        if (fd < 0 && errno != EEXIST) break;
    }
    struct head *h = fd < 0 ? NULL : extend(fd, 0, HEAD_BYTES);
    if (fd >= 0) close(fd);
    if (h) {
        char exe[4096];
        ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
        exe[n > 0 ? n : 0] = 0;
        const char *base = strrchr(exe, '/');
        snprintf(h->exe, sizeof h->exe, "%.63s", base ? base + 1 : exe);
        memcpy(h->magic, "HFRECORD", 8);
        h->version = 1;
        h->forked = era != 0;
        h->pid = getpid();
        h->parent = getppid();
    }
    state->head = h;
    state->end = HEAD_BYTES;
    era = next;
    atomic_store(&state->era, next);
}

/* ready makes sure that this process has begun. The dynamic linker calls first, before there are threads. */
static int ready(void) {
    if (!state) {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) return 0;
        if (madvise(p, 4096, MADV_WIPEONFORK)) {
            static const char msg[] = "record: this kernel has no MADV_WIPEONFORK, nothing is recorded\n";
            (void)!write(2, msg, sizeof msg - 1);
            atomic_store(&((struct state *)p)->era, 1); /* begun, and without a file */
        }
        state = p;
    }
    if (!atomic_load(&state->era)) {
        lock(&state->lock);
        if (!atomic_load(&state->era)) begin();
        unlock(&state->lock);
    }
    return state->head != NULL;
}

/* renew gives the thread a chunk. */
static int renew(void) {
    if (mine.era != state->era) { /* forked: the chunk is the parent's, and not mapped here */
        mine.chunk = NULL;
        mine.era = state->era;
        mine.thread = syscall(SYS_gettid);
    }
    if (mine.chunk) munmap(mine.chunk, CHUNK_BYTES);
    mine.chunk = NULL;
    mine.used = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return 0;
    mine.chunk = extend(fd, atomic_fetch_add(&state->end, CHUNK_BYTES), CHUNK_BYTES);
    close(fd);
    return mine.chunk != NULL;
}

/* note writes a record down. It calls nothing that allocates, and leaves errno alone. */
static void note(enum call call, void *addr, uint64_t first, uint64_t second) {
    int err = errno;
    if (ready()) {
        uint64_t number = atomic_fetch_add(&state->number, 1) + 1;
        int room = mine.chunk && mine.era == state->era && mine.used < CHUNK_RECORDS;
        if (room || renew()) {
            struct record *r = &mine.chunk[mine.used++];
            r->thread = mine.thread;
            r->addr = (uintptr_t)addr;
            r->first = first;
            r->second = second;
            atomic_store_explicit((_Atomic uint64_t *)&r->number_call, number << 8 | call, memory_order_release);
        } else {
            atomic_fetch_add(&state->head->lost, 1);
        }
    }
    errno = err;
}

void *malloc(size_t size) {
    void *p = __libc_malloc(size);
    note(MALLOC, p, 0, size);
    return p;
}

void *calloc(size_t n, size_t size) {
    void *p = __libc_calloc(n, size);
    note(CALLOC, p, n, size);
    return p;
}

void free(void *p) {
    note(FREE, p, 0, 0);
    __libc_free(p);
}

void *realloc(void *old, size_t size) {
    if (!old) {
        void *p = __libc_realloc(NULL, size);
        note(REALLOC_NIL, p, 0, size);
        return p;
    }
    note(REALLOC_OUT, old, 0, 0);
    void *p = __libc_realloc(old, size);
    note(REALLOC_IN, p, 0, size);
    return p;
}

void *reallocarray(void *old, size_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(old, bytes);
}

void *memalign(size_t align, size_t size) {
    void *p = __libc_memalign(align, size);
    note(MEMALIGN, p, align, size);
    return p;
}

void *aligned_alloc(size_t align, size_t size) { return memalign(align, size); }

int posix_memalign(void **out, size_t align, size_t size) {
    if (align % sizeof(void *) || align == 0 || align & (align - 1)) return EINVAL;
    int err = errno;
    void *p = memalign(align, size);
    errno = err;
    if (!p) return ENOMEM;
    *out = p;
    return 0;
}

void *valloc(size_t size) { return memalign(sysconf(_SC_PAGESIZE), size); }

void *pvalloc(size_t size) {
    size_t page = sysconf(_SC_PAGESIZE);
    if (size > SIZE_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    return memalign(page, (size + page - 1) & ~(page - 1));
}
