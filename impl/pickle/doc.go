// Package pickle writes a graph of objects as a stream of bytes and reads it again, as pickle does it in protocol 4.
//
//	s, err := pickle.Dump(h, o, pickle.Memo)
//	p, err := pickle.Load(h, s.Bytes(), types)     // types finds a type by its name
//	s.Close()
//
// A stream is a program for a machine with a stack: "an empty list", "the number 1", "append". Load is that machine.
// The opcodes, their order and the moments at which something is memoised are those of Modules/_pickle.c (3.4 to 3.13),
// but for frames, which are left out, so Python reads the streams of all but instances, whose classes it does not have.
//
// # With a memo and without
//
// Dump with a memo enters each list, tuple, dict, set, string and instance into a table when it is written first, and
// writes its number when it meets it again. So what is shared is written once and is shared again when it is read, and
// a cycle has an end. The table costs memory while Dump works: it is PyMemoTable, of entries of 16 bytes, 8 of them at
// first, that grows to more than four times its entries when two thirds are used (twice, above 50,000), and the old one
// lives until the new one is filled. Flat dumps without one (Pickler.fast): what is shared is written each time, and
// is several objects when it is read; a cycle is a CycleError.
//
// Table and output are blocks of the heap's allocator, so Peak is measured by the allocator itself. There is no limit
// to how deep a graph is: what is the C stack there is a slice of frames here, which Peak does not count.
//
// # What always holds
//
//  1. pickle/memo: an object has one number, from 0 on without a gap, and is held by the memo until Close.
//  2. pickle/whole: Load of what Dump wrote with a memo makes a graph of the same shape.
//  3. pickle/even: after Close, or after an error, all blocks and references that were taken are given back. Load takes
//     apart what it made up to there, so not even a cycle is left.
package pickle
