// Package pickle writes a graph of objects as a stream of bytes and reads it again, as pickle does it in protocol 4.
//
//	s, err := pickle.Dump(h, o, pickle.Memo)
//	p, err := pickle.Load(h, s.Bytes(), types)     // types finds a type by its name
//	s.Close()
//
// A stream is a program for a machine with a stack: "an empty list", "the number 1", "append". Load is that machine.
// The opcodes, their order and the moments at which something is memoised are those of Modules/_pickle.c (3.4 to 3.13),
// but for frames, which are left out. So Python reads the streams, those of instances too if a module heapfuzz has
// their classes, and writes the same; and what is loaded is as large as there and shared in the same way. Real
// interpreters said whether that is right (corpus/value/golden).
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
// # What is written of an instance
//
//	the names of the module and of the class, each a string with a number, STACK_GLOBAL     the class, once
//	(), NEWOBJ                                                                              the object
//	{names: values}, or None and such a dict of slots in a tuple; BUILD                     the state
//
// Up to 3.10 the state is the dict of the instance; otherwise Dump makes it, and the memo holds it to the end, as the
// memo there does. All attributes are in it, since an instance has all of them from the start, and one without any has
// no state. Names are interned strings, so they are shared among instances, and with what else is interned.
//
// # What is read in another way than a program makes it
//
// A list is given its items by one assignment of a slice for each batch, and has room for what that takes. An empty
// frozenset is a new one even where there is only one otherwise (up to 3.9), and so is a single byte from 3.8 on. The
// names in the dict of an instance are interned.
//
// Load reads what the interpreters read of these opcodes, in protocols up to 4, but for this: a class is no object here
// and good for instances alone, SETITEM wants a dict, where a list would do there, and an attribute has to be one that
// the type has. What else is spoilt is refused as it is there, with the place.
//
// # What always holds
//
//  1. pickle/memo: an object has one number, from 0 on without a gap, and is held by the memo until Close.
//  2. pickle/whole: Load of what Dump wrote with a memo makes a graph of the same shape.
//  3. pickle/even: after Close, or after an error, all blocks and references that were taken are given back. Load takes
//     apart what it made up to there, so not even a cycle is left. Only interned names stay where they stay for ever
//     (object.Profile.InternForever).
package pickle
