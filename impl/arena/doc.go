// Package arena is layer 3: CPython's pymalloc, exactly, for requests of any size.
//
//	a, err := arena.New(arena.Config{Profile: prof})
//	p := a.Alloc(64)
//	a.Free(p)
//	err = a.Close()
//
// "Exactly" means that for each profile the same program gets the same blocks at the same places, the same arenas come
// and go at the same moments and the statistics read the same, line for line. Real libraries of CPython said what is
// right (corpus/heap/golden, scripts/golden); the facts are those of Objects/obmalloc.c of the releases that package
// profile names.
//
// # Terms
//
// A request of 1 to 512 bytes is small: it is served from a pool of its class (package pool). Any other goes to the raw
// allocator, also one for 0 bytes, which it counts as 1 so that every answer is an address of its own. An arena is what
// is asked of the system at once; it is cut into pools. A pool of an arena is virgin (never carved), in use (at least
// one live block) or free (carved, and empty again). The free pools of an arena are its virgin and its empty ones.
//
//	      arena objects (a vector that doubles: 16, 32, ...)
//	      0        1        2        3        4
//	    +--------+--------+--------+--------+--------+--
//	    | addr   | addr   | 0      | addr   | 0      |
//	    | free 2 | free 0 |        | free 7 |        |
//	    +--------+--------+--------+--------+--------+--
//	usable -> 0 ----------------------> 3                    ascending in the number of free pools
//	unused ------------> 2 ------------------> 4             last released first, then by index
//
//	    arena 0   | pool | pool | pool | pool | virgin ... |
//	                 |      |
//	                 |      +- empty, on the arena's list of empty pools
//	                 +- used, on the list of its class
//
// # Operations
//
// Alloc takes a block from the first pool of the class's list. If the list is empty, it takes a free pool from the
// first usable arena, the one with the fewest free pools, so that the others have a chance to become wholly free; an
// empty pool comes before a virgin one. If no arena is usable, it asks for a new one. If there is none to be had, the
// request falls to the raw allocator.
//
// Free finds the pool by clearing low bits and asks whether the address is ours at all (below). A full pool that gets a
// block back goes to the front of its class's list. A pool that becomes empty goes to the front of its arena's free
// pools; then the arena has one free pool more, and
//
//   - wholly free, it is released (if KeepLast and it is the last of the usable list, it stays);
//   - with its first free pool it joins the usable list at the front;
//   - otherwise it slides right until it stands before all that have as many.
//
// Realloc leaves a small block where it is if the new size fits and uses more than 3/4 of it. Otherwise it takes
// the new block before it frees the old one. A raw block stays raw however small it becomes: to adopt it, more would
// have to be copied than it holds (SF 1185883).
//
// # Whose address is it?
//
// Up to 3.9 the pool header says which arena it belongs to, and the arena's base says whether that is true. For a
// foreign address the header is whatever lies there, so every value of it must be harmless. From 3.10 on a radix
// tree over the address says it without reading foreign memory; see addressmap.go.
//
// # What is not as in C
//
// The list of a class ends in 0 on both sides, and a table holds its head. In C it is circular through a table that is
// laid out so that its entries look like pool headers. Here such a table would be a Go object whose address is hidden
// in raw memory, which the rules of package unsafe forbid, and whose pages checkptr refuses. The order of the list is
// the same. Nodes of the address map come from the system directly, not through a C library. The count of live blocks
// is a running one in every profile; it differs from 3.9's sum over pools only after a free that was wrong.
//
// # What always holds
//
// Invariants returns the numbered list, with the name under which CheckInvariants reports each.
package arena
