// Package dict is CPython's dict in arena memory: the compact ordered one of 3.6 to 3.13, and the open table of 2.7.
//
//	s, err := dict.NewSpace(dict.Config{})
//	d := s.New()                               // {}
//	err = s.Set(d, dict.Int(7), dict.Int(49))  // d[7] = 49
//	v, ok, err := s.Get(d, dict.Int(7))
//	s.Free(d)
//
// A dict is what CPython makes of it: the same order, the same sizes at the same moments, the same blocks asked of
// pymalloc, the same comparisons of keys in the same order. A Profile says which release is meant. The facts are those
// of Objects/dictobject.c; real interpreters said whether they are right (corpus/dict/golden, scripts/golden-dict).
//
// The package lies under package object and knows no objects. Keys and values are Words. Numbers and strings are known
// by their tag and hashed and compared here; of all other words Hooks know the hash and what equals what, and are told
// which of them tables hold. A dict itself is the address of its body, 32 bytes that New puts behind a GC head and a
// header, or that somebody else keeps and gives to Init.
//
// # Terms
//
// An entry is a key and its value, with the hash of the key in front, unless all keys are strings, which know their
// hash themselves (3.11). Entries stand in the order in which their keys came. A slot of the index is empty, or the
// number of an entry, or a dummy, where an entry was. Index and entries are one block, the keys object. An entry is
// usable until it is used once, live until its key is deleted, and dead from then on. A table is full when no entry is
// usable, whatever is dead: two thirds of the slots.
//
//	dict              keys                                     entries
//	+---------+       +----------------------------+           +-------+-----+-------+
//	| used  2 |   +-->| refs 1 | 8 slots | general |         0 | hash  | "a" | ...   |
//	| version |   |   | usable 2 | entries used 3  |         1 | hash  |  -  |  -    |  dead
//	| keys   -|---+   +----------------------------+         2 | hash  | "c" | ...   |
//	| values  |       | . 2 . x 0 . . .  (index)   |-------> 3 |       usable        |
//	+---------+       +----------------------------+         4 |                     |
//	                                                           +---------------------+
//
// A slot has 1 byte in a table of up to 128 slots, 2 up to 32768, 4 up to 2^31, and else 8.
//
// A dict is combined if it has keys of its own, or split: then it shares keys with the dicts of the other instances of
// a class, and has only values (split.go). An empty dict may have the shared empty keys, which are one block of the
// space; inserting replaces them.
//
// # Operations
//
// A search starts at the slot hash mod slots. From there it goes to 5i + perturb + 1, where perturb is the hash, five
// bits fewer at each step, so that in the end all bits have had their say and then all slots are visited in turn. It
// ends at the key or at an empty slot, of which there is always one. Two words are the same key if they are the same
// word, or if their hashes are equal and a comparison says so. A comparison may be anybody's code: it may fail, and it
// may change the dict, after which the search starts again.
//
// An insertion takes the next usable entry, and the first slot on the path that is not live. If no entry is usable the
// table is rebuilt before, in order and without what is dead, for three times the live entries (3.6: twice, and half
// the slots). This is the only time at which a dict shrinks: a deletion makes the slot a dummy, because other paths
// lead over it, and the entry dead, because those behind it have their numbers. That is why a dict keeps its size when
// it is emptied by deletions, and gives it up at clear, at the next rebuild, and in a copy (see Copy and Merge for
// when a copy is a clone).
//
// Storing over a value, and every deletion, lets go of the old word last, when the table is consistent: that may kill
// an object whose finalizer uses the same dict.
//
// # What is not as in C
//
// Tables come from the C library's malloc in 2.7, and from pymalloc here. The order of the fields in a keys object is
// another. What is behind the last used entry is not zeroed, as nobody reads it. Where CPython is broken it is not
// imitated: a key that a comparison stores while an equal one is looked for is found, and not stored twice; without
// memory to grow, 2.7 does not take the last empty slot, on which searches end; from 3.11 on a comparison that clears
// a dict of other keys than strings, while one is inserted, lets the key be written to a table without hashes
// (gh-140551); up to 3.10 an update goes on in the freed table of its source if a finalizer rebuilt it with as many
// entries; and an iterator that goes backward may read behind the entries of a table that became shorter.
//
// # What always holds
//
// Between two calls, checked by CheckInvariants under these names:
//
//  1. dict/keys: slots are a power of two of at least 8 (or the keys are the shared empty ones), slots and entries have
//     the bytes that this number and the kind of keys ask for, and the block has room for them.
//  2. dict/room: used and usable entries are together not more than two thirds of the slots. They are fewer only after
//     popitem, or in the shared keys of 3.11 and later.
//  3. dict/index: each live entry has exactly one slot, and no slot leads anywhere else.
//  4. dict/used: the dict counts its live entries, which of a split dict are the values that are there.
//  5. dict/dummies: live slots, dummies and usable entries are together not more than two thirds of the slots. Shared
//     keys have no dummy. (2.7: live slots and dummies are counted exactly.)
//  6. dict/empty-slot: at least one slot is empty.
//  7. dict/reach: a search for the key of any live entry ends at that entry.
//  8. dict/hash: the hash of an entry is that of its key, and never -1.
//  9. dict/unique: no key is there twice.
//  10. dict/kind: a table of strings holds nothing else, and a dict has shared keys if and only if it has values.
//  11. dict/value, dict/order: what is live has a value and what is dead has none; the order list of a split dict has
//     each value that is there once, and without a list those that are there are the first ones.
//  12. dict/refs: combined keys have one reference, and nobody writes to the shared empty keys.
//  13. dict/free: what waits for reuse is a table of 8 slots of the right kind, or a dict, and waits once (CheckSpace).
package dict
