// Package slab is a bitmap allocator: a second, plain design for the harness to compare with. It keeps no word of its
// own in the memory that it hands out. What is free and what is not is written in bitmaps beside it, so an
// overflowing block damages only other blocks, and every wrong Free is recognised before anything changes.
//
//	a, err := slab.New(slab.Config{})
//	p := a.Alloc(100) // a block of 112 bytes
//	a.Free(p)
//	a.Free(p)         // panics with &slab.MisuseError{Kind: slab.DoubleFree}; the allocator is as it was
//
// # Terms
//
//   - A block is what Alloc returns. Its size is that of its class, which is the least that holds the request.
//   - A slab is one mapping from the operating system, aligned to Config.SlabBytes, whose blocks all have one size.
//     Block i begins at base + i*size; there is no header.
//   - A size class is a block size: multiples of 16 up to 128, then four to a doubling (at most a fifth of a block is
//     lost), up to an eighth of a slab.
//   - A large block is greater than every class. It is a slab with one block, mapped for it and unmapped with it.
//     That is the only thing special about it: the same bitmap, with one bit, tells whether it is free.
//   - The directory finds the slab of an address. It is a hash table from granule (address / SlabBytes) to slab. Only a
//     mapping's first granule is in it: a block of a class ends in the granule where its slab begins, and a large block
//     begins where its mapping does.
//
// # Picture
//
//	directory            slab (in Go memory)                         mapping (from the OS)
//	granule -> slab      +---------------------------------------+   +---------+---------+---------+--
//	  7f31      o------> | base o--------------------------------+-> | block 0 | block 1 | block 2 | ...
//	  7f32      o        | size 112  capacity 585  used 2        |   +---------+---------+---------+--
//	  ...                | summary  1 1 1 ... 1 0 0             |
//	                     |          | '-> words with a free bit  |    room[6] -> slab <-> slab   (some blocks free)
//	                     | free[0]  0 0 1 1 1 ... 1              |    spare   -> slab -> slab    (all blocks free)
//	                     | free[1]  1 1 1 1 1 ... 1              |    full slabs are on no list
//	                     +---------------------------------------+
//
// The smallest block is 16 bytes and a word has 64 bits. A summary of one word stands for 64 words, those for 4096
// blocks, and those for 65536 bytes: this is why a slab has 64 KiB and no more. Finding a free block is two
// trailing-zero counts.
//
// # Operations
//
// Alloc takes the first free block, by address, of the first slab on the room list of its class; a slab without a
// free bit leaves the list. When the list is empty, a spare slab is given to the class, and when there is none, a new
// one is mapped.
//
// Free looks for the slab in the directory and for the block by a multiplication (see reciprocal). A full slab goes
// to the front of the room list. A slab whose last block was freed leaves its class, but only if the class has
// another slab with room: otherwise a program that holds one block at a time would reformat a slab at every turn. It
// becomes a spare, or is unmapped when there are Config.Spares of them.
//
// Realloc keeps the block while it fits and is at least half used. It moves otherwise; a block that should shrink and
// cannot move for lack of memory stays as it is, so shrinking never fails.
//
// # What must always be true
//
// CheckInvariants recounts all of it from the bitmaps and trusts no counter. The names are those of its errors.
//
//  1. slab/aligned: every mapping begins at a multiple of SlabBytes and has a whole number of pages.
//  2. slab/overlap: no two mappings share a byte.
//  3. slab/directory: the directory finds every slab by its first granule, and has no other entry.
//  4. slab/class: size, capacity and reciprocal of a slab are those of its class.
//  5. slab/tail: no bit beyond the capacity is free.
//  6. slab/summary: a bit of the summary is set if and only if its word has a free bit.
//  7. slab/used: used is the number of blocks that are not free.
//  8. slab/large: a large slab has one block, and it is live.
//  9. slab/room: the room list of a class has exactly its slabs with a free block, spares apart, linked both ways.
//  10. slab/hysteresis: at most one slab of a room list has no live block.
//  11. slab/spare: spares have no live block, are as many as counted, and no more than Config.Spares.
//  12. slab/usage: live blocks, bytes in them and bytes from the operating system are as counted.
package slab
