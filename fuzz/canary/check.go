package canary

import (
	"fmt"
	"math/bits"

	"heapfuzz/impl/page"
)

// CheckInvariants recounts a toy from its pages and the free lists in them. What must hold, by the names of its errors:
//
//   - toy/runs: a run's tail follows its head, and no tail is without one.
//   - toy/virgin: pages that were never handed out are unused.
//   - toy/list: a page's free list has every block that is not live, once, and nothing else.
//   - toy/room: the room of a class is its pages with a free block, each once.
//   - toy/usage: the live blocks and the bytes in them are as counted.
func (h *toy) CheckInvariants() error {
	blocks, bytes := len(h.huge), uintptr(0)
	for _, n := range h.huge {
		bytes += n
	}
	inRoom := map[*pageOf]int{}
	for class, room := range h.room {
		for _, g := range room {
			if g == nil || int(g.class) != class || g.kind != small || g.list == 0 {
				return fmt.Errorf("toy/room: class %d has a page that is not of it, or full", class)
			}
			inRoom[g]++
		}
	}
	for _, c := range h.chunks {
		n, size, err := c.check(inRoom)
		if err != nil {
			return err
		}
		blocks, bytes = blocks+n, bytes+size
	}
	if h.blocks != uint64(blocks) || h.bytes != uint64(bytes) {
		return fmt.Errorf("toy/usage: counted %d blocks and %d bytes, there are %d and %d",
			h.blocks, h.bytes, blocks, bytes)
	}
	return nil
}

// check recounts a chunk and returns the live blocks in it and their bytes.
func (c *chunk) check(inRoom map[*pageOf]int) (blocks int, bytes uintptr, err error) {
	for i := 0; i < chunkPages; i++ {
		g := &c.pages[i]
		switch {
		case g.kind != unused && i >= c.virgin:
			return 0, 0, fmt.Errorf("toy/virgin: page %d is used", i)
		case g.kind == tail:
			return 0, 0, fmt.Errorf("toy/runs: page %d is a tail without a head", i)
		case g.kind == head:
			for j := i + 1; j < i+g.run; j++ {
				if j >= chunkPages || c.pages[j].kind != tail {
					return 0, 0, fmt.Errorf("toy/runs: page %d is no tail of the run at %d", j, i)
				}
			}
			blocks, bytes, i = blocks+1, bytes+uintptr(g.run)*pageBytes, i+g.run-1
		case g.kind == small:
			if err := g.check(inRoom[g]); err != nil {
				return 0, 0, err
			}
			n := bits.OnesCount64(g.live)
			blocks, bytes = blocks+n, bytes+uintptr(n)*classes[g.class]
		}
	}
	return blocks, bytes, nil
}

// check recounts a page of small blocks that is so many times in a room.
func (g *pageOf) check(inRoom int) error {
	size, free := classes[g.class], 0
	for at := g.list; at != 0; at = page.Load(at) {
		switch {
		case at-g.base >= pageBytes || (at-g.base)%size != 0:
			return fmt.Errorf("toy/list: offset %d, where no block of %d bytes begins", int64(at-g.base), size)
		case g.live>>g.index(at)&1 == 1:
			return fmt.Errorf("toy/list: the free block at offset %d is live", at-g.base)
		case free == int(pageBytes/size):
			return fmt.Errorf("toy/list: more than %d blocks", free)
		}
		free++
	}
	if want := int(pageBytes/size) - bits.OnesCount64(g.live); free != want {
		return fmt.Errorf("toy/list: %d blocks where %d are free", free, want)
	}
	if (inRoom == 1) != (g.list != 0) || inRoom > 1 {
		return fmt.Errorf("toy/room: a page with %d free blocks is %d times in it", free, inRoom)
	}
	return nil
}
