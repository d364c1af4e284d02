// Package swiss is a hash table of another design than CPython's dict, to compare it with: a Swiss table (Abseil's
// flat_hash_map, 2017; Go's map from 1.24 on is one) of numbers, in arena memory, without an order.
//
//	m := swiss.New(mem, nil)
//	ok := m.Set(7, 49) // false: no memory
//	v, ok := m.Get(7)
//
// # Terms
//
// A slot holds a key and its value. Eight slots are a group, in front of which there is a control byte for each: empty,
// deleted (a tombstone), or the low seven bits of the hash of the key, which is live then. The rest of the hash says at
// which group a search begins.
//
//	table                          group, 136 bytes
//	+-------+-------+-------+      +----+----+----+----+----+----+----+----+--------+-----+--------+
//	| group | group | ...   |  ->  | 3f |  . | 07 |  x |  . |  . |  . |  . | k0  v0 | ... | k7  v7 |
//	+-------+-------+-------+      +----+----+----+----+----+----+----+----+--------+-----+--------+
//	2^n groups                       live, empty, live, deleted             slots of 16 bytes
//
// The eight control bytes are one word, and what is asked of them is asked of all at once (SWAR): which are equal to a
// byte, which are empty, which are not live. The first may also name a byte that differs from it in the lowest bit
// behind one that is equal, which costs a comparison of keys and no more.
//
// # Operations
//
// A search goes from group to group, first by one, then by two, by three, and so on, by which it comes to all of them.
// In a group it compares the keys whose byte is that of the hash. A group with an empty slot ends it.
//
// An insertion takes the first slot on the path that is not live. Seven of eight slots may be other than empty. If no
// empty one may be taken and the key needs one, the table is built anew: in place, without its tombstones, if 25 of 32
// of the slots that may be taken are live at most, and else with twice the groups.
//
// A deletion leaves a tombstone only where its group has no empty slot: otherwise no path leads over the group.
//
// To build in place, live slots are marked as to be moved, and tombstones become empty. Then each is put where its key
// is to be: it stays if that is its group; it moves if an empty slot is there; and it changes places with another that
// is to be moved, which is looked at next.
//
// # What always holds
//
// Between two calls, checked by CheckInvariants under these names:
//
//  1. swiss/groups: there are none, or a power of two of them, for which the block has room.
//  2. swiss/control: a control byte is empty, deleted, or that of its key's hash.
//  3. swiss/used: the live slots are as many as counted.
//  4. swiss/room: the slots that are not empty, with those that may still be taken, are seven eighths of all.
//  5. swiss/reach: a search for any live key finds its slot, so that no key is there twice.
package swiss
