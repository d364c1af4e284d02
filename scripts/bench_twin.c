/* bench_twin: the workloads of impl/bench_test.go on the allocator of a C library.
 *
 *   bench_twin LIBRARY NAME [-n N] [-rounds R] [-op OP]
 *
 * For every workload it prints a line "impl=NAME/op=OP/size=SIZE NS ns/pair". A library with PyObject_Malloc is taken
 * for a libpython and named after Py_GetVersion: pymalloc-3.11. Up to 3.11 its allocator works before the interpreter
 * is started; from 3.12 on it does not, and the twin refuses. Any other is asked for malloc and free.
 *
 * The library is opened with RTLD_DEEPBIND, so that what it calls by its public name is its own and not glibc's. The
 * twin's own arrays come from mmap, to leave the allocator alone. What the workloads are is said in bench_test.go. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef void *(*alloc_fn)(size_t);
typedef void (*free_fn)(void *);

static alloc_fn alloc;
static free_fn release;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_twin: %s: %s\n", what, why);
    exit(1);
}

static void *array(size_t bytes)
{
    void *p = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        die("mmap", "no memory");
    memset(p, 0, bytes);
    return p;
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* sizes, permutation and places are those of bench_test.go. */
static uint32_t *sizes(size_t n)
{
    uint64_t r = 1;
    uint32_t *s = array(n * sizeof *s);
    for (size_t i = 0; i < n; i++)
        s[i] = 1 + splitmix64(&r) % 512;
    return s;
}

static uint32_t *permutation(size_t n)
{
    uint64_t r = 2;
    uint32_t *s = array(n * sizeof *s);
    for (size_t i = 0; i < n; i++)
        s[i] = i;
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = splitmix64(&r) % (i + 1);
        uint32_t t = s[i];
        s[i] = s[j];
        s[j] = t;
    }
    return s;
}

static uint32_t *places(size_t n, size_t most)
{
    uint64_t r = 3;
    uint32_t *s = array(n * sizeof *s);
    for (size_t i = 0; i < n; i++)
        s[i] = splitmix64(&r) % most;
    return s;
}

/* The checksum that bench_test.go compares with as well. */
static void check_sequences(void)
{
    uint32_t *all[3] = {sizes(1000), permutation(1000), places(1000, 100)};
    uint64_t sum = 0;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 1000; i++)
            sum = sum * 31 + all[k][i];
    if (sum != UINT64_C(1284082054362500208))
        die("sequences", "they are not those of impl/bench_test.go");
}

static void *touched(void *p)
{
    if (p == NULL)
        die("allocation", "no memory");
    *(volatile char *)p = 1;
    return p;
}

static void round_pair(size_t n, const uint32_t *size)
{
    for (size_t i = 0; i < n; i++)
        release(touched(alloc(size[i])));
}

static void round_order(size_t n, void **live, const uint32_t *size)
{
    for (size_t i = 0; i < n; i++)
        live[i] = touched(alloc(size[i]));
    for (size_t i = 0; i < n; i++) {
        release(live[i]);
        live[i] = NULL;
    }
}

static void round_shuffle(size_t n, void **live, const uint32_t *slot)
{
    for (size_t i = 0; i < n; i++)
        live[i] = touched(alloc(32));
    for (size_t i = 0; i < n; i++) {
        release(live[slot[i]]);
        live[slot[i]] = NULL;
    }
}

static void round_churn(size_t n, void **live, const uint32_t *size, const uint32_t *slot)
{
    for (size_t i = 0; i < n; i++) {
        release(live[slot[i]]);
        live[slot[i]] = touched(alloc(size[i]));
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* prepared is the sizes of a workload. */
static uint32_t *prepared(const char *op, size_t n)
{
    uint32_t *s = sizes(n);
    if (*op == 'p')
        for (size_t i = 0; i < n; i++)
            s[i] = 64;
    return s;
}

static void measure(const char *name, const char *op, const char *size, size_t n, int rounds)
{
    size_t filled = *op == 'p' ? 1 : *op == 'c' ? n / 10 : 0; /* blocks that live before the clock runs */
    void **live = array(n * sizeof *live);
    uint32_t *s = prepared(op, n), *slot = *op == 's' ? permutation(n) : places(n, n / 10);
    double start = 0;

    for (size_t i = 0; i < filled; i++)
        live[i] = touched(alloc(s[i]));
    for (int i = 0; i <= rounds; i++) { /* the first is not counted */
        if (i == 1)
            start = now();
        switch (*op) {
        case 'p': round_pair(n, s); break;
        case 'o': round_order(n, live, s); break;
        case 's': round_shuffle(n, live, slot); break;
        case 'c': round_churn(n, live, s, slot); break;
        }
    }
    printf("impl=%s/op=%s/size=%s %.2f ns/pair\n", name, op, size, (now() - start) / rounds / n);
    fflush(stdout);
    for (size_t i = 0; i < filled; i++)
        release(live[i]);
}

/* open_library finds alloc and release in the library and names it, into name if it is a libpython. */
static void open_library(const char *path, char *name, size_t bytes)
{
    void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (lib == NULL)
        die("dlopen", dlerror());
    const char *(*version)(void) = (const char *(*)(void))dlsym(lib, "Py_GetVersion");
    int major, minor;
    if (version == NULL) {
        alloc = (alloc_fn)dlsym(lib, "malloc");
        release = (free_fn)dlsym(lib, "free");
    } else if (sscanf(version(), "%d.%d", &major, &minor) == 2 && major == 3 && minor >= 6 && minor <= 11) {
        alloc = (alloc_fn)dlsym(lib, "PyObject_Malloc");
        release = (free_fn)dlsym(lib, "PyObject_Free");
        snprintf(name, bytes, "pymalloc-%d.%d", major, minor);
    } else {
        die(path, "only 3.6 to 3.11 allocate before the interpreter is started");
    }
    if (alloc == NULL || release == NULL)
        die(path, "there is no malloc and free in it");
}

int main(int argc, char **argv)
{
    static const char *ops[][2] = {{"pair", "64"}, {"order", "1..512"}, {"shuffle", "32"}, {"churn", "1..512"}};
    const char *only = "";
    char name[64] = "";
    size_t n = 1000000;
    int rounds = 3;

    if (argc < 3)
        die("usage", "bench_twin LIBRARY NAME [-n N] [-rounds R] [-op OP]");
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "-n") == 0)
            n = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "-rounds") == 0)
            rounds = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "-op") == 0)
            only = argv[i + 1];
        else
            die(argv[i], "no such option");
    }
    if (n < 10 || rounds < 1)
        die("usage", "N is at least 10 and R at least 1");
    check_sequences();
    snprintf(name, sizeof name, "%s", argv[2]);
    open_library(argv[1], name, sizeof name);
    for (int i = 0; i < 4; i++)
        if (*only == 0 || strcmp(only, ops[i][0]) == 0)
            measure(name, ops[i][0], ops[i][1], n, rounds);
    return 0;
}
