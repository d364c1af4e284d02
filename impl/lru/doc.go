// Package lru is CPython's functools.lru_cache in arena memory: a dict of package dict, and a ring of links in the
// order of use. Ordered is the same by an ordered dict alone, as people write it.
//
//	c, err := lru.New(lru.Config{Max: 128})
//	v, err := c.Call(lru.Of(dict.Int(7)), func() (dict.Word, error) { return dict.Int(49), nil })
//	fmt.Println(c.Info()) // {0 1 1 128 true}
//
// The facts are those of Modules/_functoolsmodule.c; real interpreters said whether they are right
// (scripts/golden-lru).
//
// # Terms
//
// A call has arguments, which make a key: one argument that is an int or a str is its own key from 3.7 on; of all
// others the key is a tuple of the arguments, and behind a mark of the names and values of keywords in the order of the
// call. A typed cache appends the type of every argument. A link has a key, the hash of it, and the result of the call.
// A hit is a call whose key is in the dict, and a miss any other.
//
//	dict                      ring, in the order of use
//	 key 1 ----------------------> +--------+     +--------+
//	 key 2 ------------.      .->  | link 1 | <-> | link 2 | <-.
//	                   |      |    +--------+     +--------+   |
//	                   '------|----------------------^         |
//	                          |          +------+              |
//	                          '--------> | root | <------------'
//	                            oldest   +------+   newest
//
// # Operations
//
// A call looks its key up. A hit makes its link the newest. A miss computes, and looks the key up again: the
// computation may have called the cache, and then what it stored stays (bpo-35780), but in a cache without bound what
// was computed last. If there is room the new key gets a new link. In a full cache the oldest link leaves the ring, and
// its key the dict, and the link is used again for the new key; the old key and result are let go of last, as that may
// run anything. A computation that fails is a miss, and nothing is stored (up to 3.6 it is no miss either).
//
// The hash of a key is asked for once in a call. A comparison may be anybody's code, which may use the cache.
//
// A size of 0 stores nothing and has only misses; so has a negative one from 3.7 on. In 3.6 a negative one holds one
// entry. Without a bound there is no ring: the dict has the results.
//
// # What is not as in C
//
// 3.6 does not look a key up again, so that two links may have one key and the cache is over-full; here it does. The
// words of a dict that stand for links have the tag of numbers, so that the dict counts no references to them: a link
// has one owner, the dict, and whoever has taken it out of it; who is about to evict it holds it besides.
//
// A comparison may take the key of a link out of the dict that is being evicted, and then fail. In C the link is in the
// ring again after that, and of no key; here it is gone. In C a cache in whose comparisons others fill the room up is
// over-full from then on; here it evicts more, and if that fails it forgets what was stored last.
//
// # What always holds
//
// Between two calls, checked by CheckInvariants under these names:
//
//  1. lru/ring: from the root the ring comes back to the root, and back the same way.
//  2. lru/links: there are as many links as entries of the dict, each is in the dict under its key, and its hash is the
//     key's.
//  3. lru/room: there are not more entries than the bound says.
//  4. lru/blocks: of a memory of its own the cache, its dict and its keys have every live block, and no other.
//  5. lru/empty: a cache that stores nothing has an empty dict and an empty ring, and one without bound an empty ring.
//  6. lru/keys: what is to be a tuple is one, and the dict and the ring hold every tuple once each.
//
// And what holds of the dict (package dict).
package lru
