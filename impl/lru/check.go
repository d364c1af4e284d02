package lru

import (
	"errors"
	"fmt"

	"heapfuzz/impl/dict"
	"heapfuzz/impl/page"
)

func breach(rule, format string, args ...any) error {
	return fmt.Errorf("lru/%s: %s", rule, fmt.Sprintf(format, args...))
}

// CheckInvariants recounts what must hold between two calls, from the bytes of the ring and of the dict.
func (c *Cache) CheckInvariants() error {
	if err := errors.Join(c.space.CheckInvariants(c.d), c.space.CheckSpace()); err != nil {
		return err
	}
	n := 0
	for l := c.root; ; l = l.next() {
		if l.next().prev() != l {
			return breach("ring", "the link behind number %d does not lead back", n)
		}
		if l.next() == c.root {
			break
		}
		if n++; n > c.d.Len() {
			return breach("links", "there are more links than the %d entries of the dict", c.d.Len())
		}
	}
	switch {
	case (c.unbounded || !c.stores()) && n > 0:
		return breach("empty", "%d links in a cache without a ring", n)
	case !c.stores() && c.d.Len() > 0:
		return breach("empty", "%d entries in a cache that stores nothing", c.d.Len())
	case n != c.d.Len() && c.stores() && !c.unbounded:
		return breach("links", "%d links, and %d entries of the dict", n, c.d.Len())
	case n > max(c.max, 1) && !c.unbounded:
		return breach("room", "%d entries where %d may be", n, c.max)
	}
	for l := c.root.next(); l != c.root; l = l.next() {
		if err := c.checkLink(l); err != nil {
			return err
		}
	}
	if err := c.checkKeys(); err != nil || !c.own {
		return err
	}
	return c.checkBlocks()
}

// checkKeys is invariant 6.
func (c *Cache) checkKeys() (err error) {
	refs := 1
	if !c.unbounded {
		refs = 2
	}
	c.space.All(c.d, func(key, _ dict.Word) bool {
		switch {
		case !isTuple(key) && (c.old || c.typed || !key.IsInt() && !key.IsStr()):
			err = breach("keys", "a key is no tuple")
		case isTuple(key) && int(page.Load(tuple(key)+tupleRefs)) != refs:
			err = breach("keys", "a tuple has %d references where %d hold it", page.Load(tuple(key)+tupleRefs), refs)
		}
		return err == nil
	})
	return err
}

// checkLink is invariant 2. It asks no hook: the dict has the very key that the link has.
func (c *Cache) checkLink(l link) error {
	var err error = breach("links", "a link is not in the dict")
	c.space.All(c.d, func(key, value dict.Word) bool {
		if linkOf(value) != l {
			return true
		}
		err = nil
		if key != l.key() {
			err = breach("links", "a link is in the dict under another key")
		}
		return false
	})
	if err != nil {
		return err
	}
	if w := l.key(); w.IsInt() && c.hashOf(w) != l.hash() || isTuple(w) && l.hash() != rememberedHash(w) {
		return breach("links", "a link has another hash than its key")
	}
	if l.refs() != 1 {
		return breach("links", "a link has %d references", l.refs())
	}
	return nil
}

// checkBlocks is invariant 4.
func (c *Cache) checkBlocks() error {
	blocks := map[uintptr]bool{uintptr(c.d): true}
	visit := func(b uintptr) { blocks[b] = true }
	c.space.Blocks(visit)
	c.space.BlocksOf(c.d, visit)
	c.space.All(c.d, func(key, _ dict.Word) bool {
		if isTuple(key) {
			visit(tuple(key))
		}
		return true
	})
	for l := c.root; ; {
		visit(uintptr(l))
		if l = l.next(); l == c.root {
			break
		}
	}
	if n, _, _ := c.mem.Usage(); int(n) != len(blocks) {
		return breach("blocks", "%d blocks are live, and the cache has %d", n, len(blocks))
	}
	return nil
}
