/* An allocator that is right, and wrong in one way for each macro, as a canary of the same name is. The tests link the programs of
 * heapfuzz show -c with it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* In front of each block stands its size. Freed blocks are on one list, the last first. */
struct head {
	size_t bytes;
	struct head *next;
};

static _Alignas(4096) unsigned char room[1 << 20];
static size_t top;
static struct head *freed;

static struct head *head_of(void *p) { return (struct head *)p - 1; }

static void *carve(size_t align, size_t bytes) {
	uintptr_t at = ((uintptr_t)room + top + sizeof(struct head) + align - 1) / align * align;
	size_t end = at + bytes - (uintptr_t)room;
	if (bytes > sizeof room || end > sizeof room) return NULL;
	head_of((void *)at)->bytes = bytes;
#ifdef POP_TWICE
	static int carved;
	if (++carved != 2) /* the second is handed out again */
#endif
		top = end;
	return memset((void *)at, 0xCD, bytes);
}

void *bad_malloc(size_t size) {
	if (size > sizeof room) return NULL;
	size_t bytes = (size + 16) / 16 * 16;
	for (struct head **h = &freed; *h; h = &(*h)->next)
		if ((*h)->bytes == bytes) {
			struct head *found = *h;
			*h = found->next;
			return found + 1;
		}
	return carve(16, bytes);
}

void bad_free(void *p) {
	if (!p) return;
	struct head *h = head_of(p);
#ifdef LINK_IN_NEXT
	memset((unsigned char *)p + h->bytes + sizeof *h, 0, 8);
#endif
	h->next = freed;
	freed = h;
}

void *bad_calloc(size_t n, size_t size) {
#ifndef CALLOC_OVERFLOW
	if (size && n > SIZE_MAX / size) return NULL;
#endif
	void *p = bad_malloc(n * size);
#ifdef CALLOC_DIRTY
	if (n * size > 128) return p;
#endif
	return p ? memset(p, 0, n * size) : NULL;
}

void *bad_realloc(void *p, size_t size) {
	void *q = bad_malloc(size);
	if (!p || !q) return q;
	size_t keep = head_of(p)->bytes < size ? head_of(p)->bytes : size;
#ifdef REALLOC_LAST_BYTE
	keep -= keep > 0;
#endif
	memcpy(q, p, keep);
	bad_free(p);
	return q;
}

void *bad_aligned(size_t align, size_t size) {
#ifdef ALIGNED_FORGETS
	if (align > 64) align = 16;
#endif
	return size > sizeof room ? NULL : carve(align < 16 ? 16 : align, (size + 16) / 16 * 16);
}
