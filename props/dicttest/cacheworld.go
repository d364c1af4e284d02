package dicttest

import (
	"strconv"

	"heapfuzz/model"
	"heapfuzz/model/dict"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// CacheWorld is the small configuration that a program's first line gives. Capacity is that of the cache: in the
// ordinary world ordinaryCapacity.
type CacheWorld struct {
	Capacity int
	Hash     uint64 // how keys are hashed; see World.Hasher
}

// Hasher returns the hash function of the world, as World.Hasher does.
func (w CacheWorld) Hasher() func(key uint64) uint64 { return hasher(w.Hash) }

// CacheOpener makes a fresh cache in a world.
type CacheOpener func(CacheWorld) (Cache, error)

// ordinaryCapacity is small, so that a cache is full soon, and no power of two.
const ordinaryCapacity = 5

// The numbers of a program's world: which sign the capacity has.
const (
	above uint64 = iota
	zero
	below
	signs
)

// cacheWorldOf reads the world of a program. A capacity whose meaning is not promised is not asked for.
func cacheWorldOf(w [prog.ArgsMax]uint64, c *dict.CacheContract) CacheWorld {
	n := int(w[0])
	if n == 0 {
		n = ordinaryCapacity
	}
	world := CacheWorld{Capacity: n, Hash: w[1]}
	switch w[2] % signs {
	case zero:
		world.Capacity = 0
	case below:
		world.Capacity = -n
	}
	if _, _, ok := c.Folds(world.Capacity); !ok {
		world.Capacity = n
	}
	return world
}

// CacheSubject returns what the engine needs to know to test the caches that open makes, which promise contract.
func CacheSubject(name string, contract CacheContract, open CacheOpener) *props.Subject {
	s := &props.Subject{
		Target:     name,
		Spec:       CacheLang.Spec,
		Epilogue:   cacheEpilogue,
		Properties: cacheProperties(&contract),
		Open: func(w [prog.ArgsMax]uint64) (props.Target, props.Judge, error) {
			world := cacheWorldOf(w, &contract)
			cache, err := open(world)
			if err != nil {
				return nil, nil, err
			}
			d := newCacheDriver(cache, contract)
			return d, cacheJudge{dict.NewCacheModel(contract, world.Capacity, d.evicter != nil)}, nil
		},
		Transitions: func(t props.Target, visit func(string, uint64)) {
			t.(*cacheDriver).transitions(visit)
		},
		Picture: func(t props.Target, _ prog.Op) string { return t.(*cacheDriver).picture() },
	}
	if contract.Unsteady {
		s.Repeats = unsteadyRepeats
	}
	var has *[cacheNeeds]bool // found out once, on the ordinary world
	s.Allows = func(k prog.Kind) bool {
		if has == nil {
			has = &[cacheNeeds]bool{}
			if c, err := open(CacheWorld{Capacity: ordinaryCapacity}); err == nil {
				d := newCacheDriver(c, contract)
				*has = d.has
				d.Close()
			}
		}
		return has[CacheLang.Rows[k].Needs]
	}
	return s
}

// cacheProperties returns every property of caches with a contract. There are no slots to rename.
func cacheProperties(c *dict.CacheContract) []props.Property {
	if c.Unsteady {
		return []props.Property{props.Conforms}
	}
	return []props.Property{props.Conforms, props.Deterministic}
}

var cacheEpilogue = []prog.Op{
	{Kind: CacheLang.Kind("settle")},
	{Kind: CacheLang.Kind("verify")},
	{Kind: CacheLang.Kind("keys")},
	{Kind: CacheLang.Kind("info")},
	{Kind: CacheLang.Kind("check")},
	{Kind: CacheLang.Kind("heldatlast")},
	{Kind: CacheLang.Kind("clear")},
	{Kind: CacheLang.Kind("put"), Args: [3]uint64{1, 1}},
	{Kind: CacheLang.Kind("verify")},
	{Kind: CacheLang.Kind("check")},
	{Kind: CacheLang.Kind("heldatlast")},
}

// cacheJudge is the model with the language's way to ask it.
type cacheJudge struct{ m *dict.CacheModel }

func (j cacheJudge) Step(op prog.Op, out prog.Outcome) *model.Violation {
	return CacheLang.Step(j.m, op, out)
}

func (d *cacheDriver) picture() string {
	text := "length " + strconv.Itoa(d.Len()) + ":"
	if d.keyer != nil {
		d.keyer.Keys(func(key uint64) { text += " " + strconv.FormatUint(key, 10) })
	}
	return text
}
