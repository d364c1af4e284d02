package valuetest

import (
	"math/big"
	"slices"

	"heapfuzz/model"
	"heapfuzz/model/value"
	"heapfuzz/props/prog"
)

// slotCount is how many objects a program holds itself.
const slotCount = 40

var (
	slots  = &prog.Domain{Name: "slot", Near: 7, Max: slotCount - 1, IsSlot: true}
	atoms  = &prog.Domain{Name: "atom", Near: emptyFrom + empties - 1, Max: emptyFrom + empties - 1}
	texts  = &prog.Domain{Name: "text", Near: 47, Max: 47}
	ways   = &prog.Domain{Name: "way", Near: uint64(value.Ways) - 1, Max: uint64(value.Ways) - 1}
	counts = &prog.Domain{Name: "count", Near: 9, Max: 255, Edges: []uint64{0, 1, 2, 3, 5, 8, 9, 15, 16, 17, 20, 21, 33,
		60}}
	indices = &prog.Domain{Name: "index", Near: 9, Max: 255}
	numbers = &prog.Domain{Name: "number", Near: 300, Max: 4095, Edges: []uint64{1<<30 - 5, 1<<60 - 5, floatsFrom}}
	fills   = &prog.Domain{Name: "numbers", Near: 40, Max: 600, Edges: []uint64{4, 5, 8, 9, 19, 21, 76, 77, 300, 307}}
	kinds   = &prog.Domain{Name: "kind", Near: 1, Max: 1}
	nths    = &prog.Domain{Name: "nth", Near: 4, Max: 64}
	flags   = &prog.Domain{Name: "flag", Near: 1, Max: 1}
	limits  = &prog.Domain{Name: "limit", Near: 40, Max: 4095}
	places  = &prog.Domain{Name: "place", Near: 40, Max: 4095}
	bytes   = &prog.Domain{Name: "byte", Near: 511, Max: 511, Edges: []uint64{'.', '0', '1', 'h', 'N', '(', 't', 'u',
		'a'}}
	variant = &prog.Domain{Name: "number", Near: 3, Max: 255}
)

// Numbers of atoms go up to emptyFrom; what there is no atom for is one of the first again, until it is there. Behind
// them are the empty containers. They are so many that a program without make, which generated ones often
// are, has some.
const (
	emptyFrom = 140
	empties   = 60
)

// empty is the way of the empty container that a number is.
func empty(op prog.Op) (value.Way, bool) {
	n := op.Args[0]
	return [...]value.Way{value.ListOf, value.SetOf, value.DictOf}[n%3], n >= emptyFrom
}

// atom is the atom that it is otherwise.
func atom(op prog.Op) value.Atom { return value.Atoms[op.Args[0]%uint64(len(value.Atoms))] }

func arg(name string, d *prog.Domain) prog.Arg { return prog.Arg{Name: name, Domain: d} }

func args(a ...prog.Arg) []prog.Arg { return a }

var world = args(arg("limit", limits), arg("variant", variant))

var slotP, slotQ, slotR = arg("p", slots), arg("q", slots), arg("r", slots)

type (
	state     = *value.Model
	violation = *model.Violation
)

// view is what is known of slots: by the driver, who asks the store, and by the model.
type view interface {
	Live(s uint64) bool
	Kind(s uint64) value.Kind
	Len(s uint64) int
	Key(s uint64) bool
	Few(s uint64, n int) bool
	Unfolds(s uint64, n int) bool
}

// A place tells whether the object of a live slot is what an operation wants at an argument, when those before it are
// chosen.
type place func(v view, op prog.Op, s uint64) bool

// verb is how an operation is asked and judged. at says what is wanted of the slots that it reads, in their order.
//
// A program that names a list where a set is wanted would do nothing most of the time. So a slot stands for the first
// one from it on, and around, that has what is wanted; without any the operation is skipped.
type verb struct {
	need  need
	at    []place
	fits  func(v view, op prog.Op) bool // nil: always
	ask   func(d *driver, op prog.Op) answer
	judge func(m state, op prog.Op, a answer, told *reader) violation
}

// choose puts the slots that are meant in the place of those that are named, and tells whether there are such.
func (v *verb) choose(w view, args []prog.Arg, op *prog.Op) bool {
	n := 0
	for i, a := range args {
		if !a.Domain.IsSlot {
			continue
		}
		found := false
		for k := range uint64(slotCount + len(furniture)) {
			s := (op.Args[i] + k) % uint64(slotCount+len(furniture))
			if w.Live(s) && (n >= len(v.at) || v.at[n](w, *op, s)) {
				op.Args[i], found = s, true
				break
			}
		}
		if !found {
			return false
		}
		n++
	}
	return v.fits == nil || v.fits(w, *op)
}

// of wants an object of one of these kinds.
func of(kinds ...value.Kind) place {
	return func(v view, _ prog.Op, s uint64) bool { return slices.Contains(kinds, v.Kind(s)) }
}

// some wants one that has items besides.
func some(kinds ...value.Kind) place {
	return func(v view, _ prog.Op, s uint64) bool { return slices.Contains(kinds, v.Kind(s)) && v.Len(s) > 0 }
}

// few wants one that has not too many.
func few(kinds ...value.Kind) place {
	return func(v view, _ prog.Op, s uint64) bool {
		return slices.Contains(kinds, v.Kind(s)) && v.Len(s) < extendMax
	}
}

// small wants what does not lead to too many others: copies of copies are soon more than there is room for.
func small(v view, _ prog.Op, s uint64) bool { return v.Few(s, smallMax) }

// streamable wants what is written in a stream of no great length.
func streamable(v view, op prog.Op, s uint64) bool {
	if op.Args[1] == 1 {
		return v.Unfolds(s, streamMax)
	}
	return v.Few(s, streamMax)
}

func isKey(v view, _ prog.Op, s uint64) bool { return v.Key(s) }

// named wants the slot that is named.
func named(_ view, op prog.Op, s uint64) bool { return op.Args[0] == s }

// item wants what can be added to the list, set or dict of the first slot.
func item(v view, op prog.Op, s uint64) bool { return v.Kind(op.Args[0]) == value.List || v.Key(s) }

// alike wants what has items for the list, set or dict of the first slot.
func alike(v view, op prog.Op, s uint64) bool {
	p, q := v.Kind(op.Args[0]), v.Kind(s)
	return p == q && v.Len(s) < extendMax || p == value.Set && q == value.Frozenset ||
		p == value.List && q == value.Tuple
}

// index is the place of an item that an argument says, of those that there are.
func index(v view, op prog.Op) int { return int(op.Args[1]) % v.Len(op.Args[0]) }

// text is the string that an operation names.
func text(op prog.Op) value.Atom {
	return value.Strings[op.Args[0]%uint64(len(value.Strings))]
}

func yes(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// filling is a number that fill adds: an int, or a float that is the value of none.
func filling(n uint64) value.Atom {
	if n >= floatsFrom && n < 2*floatsFrom {
		v := float64(n) + 0.5
		return value.Atom{Kind: value.Float, Text: value.FloatText(v), Num: complex(v, 0)}
	}
	return value.NewInt(new(big.Int).SetUint64(n))
}

// floatsFrom and as many more are what fill adds floats for.
const floatsFrom = 1 << 20

// pick returns the slots of the items that a container is made of: those that are live from a slot on, over and over.
// Where a key is due those are left out that cannot be one.
func pick(v view, op prog.Op) (from []uint64, ok bool) {
	w := value.Way(op.Args[0])
	n := w.Takes(int(op.Args[2]))
	var all, keys []uint64
	for i := range uint64(slotCount + len(furniture)) {
		s := (op.Args[1] + i) % uint64(slotCount+len(furniture))
		if !v.Live(s) {
			continue
		}
		all = append(all, s)
		if w.Key(0) && v.Key(s) {
			keys = append(keys, s)
		}
	}
	for i := range n {
		some := all
		if w.Key(i) {
			some = keys
		}
		if len(some) == 0 {
			return nil, false
		}
		from = append(from, some[i%len(some)])
	}
	return from, true
}

// Lang is the language of values. A row is one operation, whole. Visible is what is found and what kind an object has;
// hidden is which object it is.
//
// Whatever an operation reads or makes is told whole with the answer, so that what is wrong is seen at once.
var Lang = prog.NewLang("value", slots, world, rows).With(motifs...)

var (
	lists  = []place{of(value.List)}
	groups = of(value.List, value.Set, value.Dict)
	keyed  = []place{of(value.Set, value.Dict), isKey}
	inDict = []place{of(value.Dict), isKey}
)

var rows = []prog.Row[state, *driver]{
	act(prog.Info{Name: "new", Role: prog.Make, Weight: 40, Args: args(arg("n", atoms)),
		Doc: "makes an atom, or an empty list, set or dict"},
		verb{
			ask: func(d *driver, op prog.Op) answer {
				if w, ok := empty(op); ok {
					return made(d.Make(w, nil))
				}
				return made(d.Atom(atom(op)))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				if w, ok := empty(op); ok {
					return m.Make(uint64(op.Def), w, nil, a.made)
				}
				return m.Atom(uint64(op.Def), atom(op), a.made)
			}}),
	act(prog.Info{Name: "make", Role: prog.Make, Weight: 40, Args: args(arg("way", ways), slotQ, arg("count", counts)),
		Doc: "makes a container of what is in the slots from q on"},
		verb{fits: func(v view, op prog.Op) bool { _, ok := pick(v, op); return ok },
			ask: func(d *driver, op prog.Op) answer {
				from, _ := pick(d, op)
				var items []value.ID
				for _, s := range from {
					items = append(items, d.slots[s])
				}
				return made(d.Make(value.Way(op.Args[0]), items))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				from, _ := pick(m, op)
				return m.Make(uint64(op.Def), value.Way(op.Args[0]), from, a.made)
			}}),
	act(prog.Info{Name: "share", Role: prog.Make, Weight: 3, Args: args(slotQ), Doc: "makes another name of an object"},
		verb{ask: func(d *driver, op prog.Op) answer {
			d.Share(d.slots[op.Args[0]])
			return made(d.slots[op.Args[0]])
		},
			judge: func(m state, op prog.Op, _ answer, _ *reader) violation {
				m.Share(uint64(op.Def), op.Args[0])
				return nil
			}}),
	act(prog.Info{Name: "free", Role: prog.Kill, Weight: 20, Args: args(slotP), Doc: "lets an object go"},
		verb{at: []place{named}, ask: (*driver).free,
			judge: func(m state, op prog.Op, _ answer, _ *reader) violation { m.Free(op.Args[0]); return nil }}),
	act(prog.Info{Name: "intern", Role: prog.Make, Weight: 4, Args: args(arg("text", texts), arg("constant", flags)),
		Doc: "makes a string of which there is one, by itself or as a constant of code"},
		verb{
			ask: func(d *driver, op prog.Op) answer {
				o := d.Intern(text(op).Text, op.Args[1] == 1)
				a := made(o)
				if o != 0 {
					d.Look(o, &d.t)
					a.other = value.ID(yes(d.t.Interned))
				}
				return a
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.Intern(uint64(op.Def), text(op), op.Args[1] == 1, a.made, a.other == 1)
			}}),
	act(prog.Info{Name: "add", Role: prog.Use, Weight: 20, Args: args(slotP, slotQ, slotR),
		Doc: "adds q to a list or a set, or stores r in a dict under q"},
		verb{
			at: []place{few(value.List, value.Set, value.Dict), item},
			ask: func(d *driver, op prog.Op) answer {
				p, q := d.slots[op.Args[0]], d.slots[op.Args[1]]
				switch d.Kind(op.Args[0]) {
				case value.List:
					return done(d.Push(p, q))
				case value.Set:
					return done(d.Add(p, q))
				}
				return done(d.DictSet(p, q, d.slots[op.Args[2]]))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				switch k := m.Kind(op.Args[0]); {
				case a.refused:
				case k == value.List:
					m.Insert(op.Args[0], m.Len(op.Args[0]), op.Args[1])
				case k == value.Set:
					m.Add(op.Args[0], op.Args[1])
				default:
					m.DictSet(op.Args[0], op.Args[1], op.Args[2])
				}
				return nil
			}}),
	act(prog.Info{Name: "delete", Role: prog.Use, Weight: 12, Args: args(slotP, slotQ),
		Doc: "takes a key out of a set or a dict"},
		verb{
			at: keyed,
			ask: func(d *driver, op prog.Op) answer {
				p, q := d.slots[op.Args[0]], d.slots[op.Args[1]]
				if d.Kind(op.Args[0]) == value.Set {
					return found(0, d.Discard(p, q))
				}
				return found(0, d.DictDelete(p, q))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.Take(op.Args[0], op.Args[1], a.value == 1)
			}}),
	act(prog.Info{Name: "has", Role: prog.Use, Weight: 6, Args: args(slotP, slotQ),
		Doc: "looks for a key in a set, a frozenset or a dict"},
		verb{
			at: []place{of(value.Set, value.Frozenset, value.Dict), isKey},
			ask: func(d *driver, op prog.Op) answer {
				p, q := d.slots[op.Args[0]], d.slots[op.Args[1]]
				if d.Kind(op.Args[0]) == value.Dict {
					return d.let(found(d.DictGet(p, q)))
				}
				return found(0, d.Has(p, q))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				if m.Kind(op.Args[0]) == value.Dict {
					return m.DictGet(op.Args[0], op.Args[1], a.made, a.value == 1)
				}
				return m.Has(op.Args[0], op.Args[1], a.value == 1)
			}}),
	act(prog.Info{Name: "update", Role: prog.Use, Weight: 8, Args: args(slotP, slotQ),
		Doc: "adds all that another has to a list, a set or a dict"},
		verb{
			at: []place{few(value.List, value.Set, value.Dict), alike},
			ask: func(d *driver, op prog.Op) answer {
				p, q := d.slots[op.Args[0]], d.slots[op.Args[1]]
				if d.Kind(op.Args[0]) == value.List {
					d.Look(q, &d.t)
					return done(d.Extend(p, slices.Clone(d.t.Items)))
				}
				return done(d.Update(p, q))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				if m.Kind(op.Args[0]) != value.List {
					m.Update(op.Args[0], op.Args[1])
				} else if !a.refused {
					m.Extend(op.Args[0], op.Args[1])
				}
				return nil
			}}),
	act(prog.Info{Name: "insert", Role: prog.Use, Weight: 5, Args: args(slotP, slotQ, arg("at", indices)),
		Doc: "puts q into the list p, in front of an item or at the end"},
		verb{at: lists,
			ask: func(d *driver, op prog.Op) answer {
				return done(d.Insert(d.slots[op.Args[0]], int(op.Args[2]), d.slots[op.Args[1]]))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				if !a.refused {
					m.Insert(op.Args[0], int(op.Args[2]), op.Args[1])
				}
				return nil
			}}),
	act(prog.Info{Name: "pop", Role: prog.Make, Weight: 6, Args: args(slotQ), Doc: "takes the last item off a list"},
		verb{at: []place{some(value.List)},
			ask: func(d *driver, op prog.Op) answer { return answer{made: d.Pop(d.slots[op.Args[0]])} },
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.Pop(uint64(op.Def), op.Args[0], a.made)
			}}),
	act(prog.Info{Name: "slice", Role: prog.Use, Weight: 5, Args: args(slotP, arg("from", indices),
		arg("count", counts)),
		Doc: "takes items out of the list p"},
		verb{at: lists,
			ask: func(d *driver, op prog.Op) answer {
				i, j := bounds(d, op)
				d.DeleteSlice(d.slots[op.Args[0]], i, j)
				return answer{}
			},
			judge: func(m state, op prog.Op, _ answer, _ *reader) violation {
				i, j := bounds(m, op)
				m.DeleteSlice(op.Args[0], i, j)
				return nil
			}}),
	act(prog.Info{Name: "get", Role: prog.Make, Weight: 6, Args: args(slotQ, arg("at", indices)),
		Doc: "gets an item of a list or a tuple, or what a small container refers to"},
		verb{at: []place{some(value.List, value.Tuple, value.Slice, value.Function, value.Cell, value.Method,
			value.Slots)},
			ask: func(d *driver, op prog.Op) answer {
				return answer{made: d.Get(d.slots[op.Args[0]], index(d, op))}
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.Get(uint64(op.Def), op.Args[0], index(m, op), a.made)
			}}),
	act(prog.Info{Name: "put", Role: prog.Use, Weight: 5, Args: args(slotP, arg("at", indices), slotQ),
		Doc: "replaces an item of a list, or what a cell refers to"},
		verb{at: []place{some(value.List, value.Cell, value.Slots)},
			ask: func(d *driver, op prog.Op) answer {
				d.Put(d.slots[op.Args[0]], index(d, op), d.slots[op.Args[2]])
				return answer{}
			},
			judge: func(m state, op prog.Op, _ answer, _ *reader) violation {
				m.Put(op.Args[0], index(m, op), op.Args[2])
				return nil
			}}),
	act(prog.Info{Name: "fill", Role: prog.Use, Weight: 6, Args: args(slotP, arg("from", numbers), arg("count", fills)),
		Doc: "adds so many numbers to a list, a set or a dict, where each is its own value"},
		verb{at: []place{few(value.List, value.Set, value.Dict)},
			ask: (*driver).fill, judge: judgeFill}),
	act(prog.Info{Name: "clear", Role: prog.Use, Weight: 3, Args: args(slotP), Doc: "empties a list, a set or a dict"},
		verb{at: []place{groups},
			ask: func(d *driver, op prog.Op) answer { d.Clear(d.slots[op.Args[0]]); return answer{} },
			judge: func(m state, op prog.Op, _ answer, _ *reader) violation {
				m.Clear(op.Args[0])
				return nil
			}}),
	act(prog.Info{Name: "from", Role: prog.Make, Weight: 6, Args: args(slotQ, arg("frozen", kinds)),
		Doc: "makes a set or a frozenset of one, or a dict of one"},
		verb{at: []place{of(value.Set, value.Frozenset, value.Dict)},
			ask: func(d *driver, op prog.Op) answer {
				return made(d.From(d.slots[op.Args[0]], fromKind(d, op)))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.From(uint64(op.Def), op.Args[0], fromKind(m, op), a.made)
			}}),
	act(prog.Info{Name: "dictpop", Role: prog.Use, Weight: 3, Args: args(slotP, slotQ),
		Doc: "takes q out of the dict p and gets its value"},
		verb{at: inDict,
			ask: func(d *driver, op prog.Op) answer {
				return d.let(found(d.DictPop(d.slots[op.Args[0]], d.slots[op.Args[1]])))
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.DictPop(op.Args[0], op.Args[1], a.made, a.value == 1)
			}}),
	act(prog.Info{Name: "popitem", Role: prog.Use, Weight: 2, Args: args(slotP),
		Doc: "takes the last entry out of the dict p"},
		verb{at: inDict[:1],
			ask: func(d *driver, op prog.Op) answer {
				key, v, ok := d.DictPopItem(d.slots[op.Args[0]])
				a := found(key, ok)
				a.other = v
				return d.let(a)
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.DictPopItem(op.Args[0], a.made, a.other, a.value == 1)
			}}),
	act(prog.Info{Name: "setdefault", Role: prog.Use, Weight: 3, Args: args(slotP, slotQ, slotR),
		Doc: "gets what is stored in the dict p under q, where r is stored if nothing was"},
		verb{at: inDict,
			ask: func(d *driver, op prog.Op) answer {
				o, ok := d.DictSetDefault(d.slots[op.Args[0]], d.slots[op.Args[1]], d.slots[op.Args[2]])
				return d.let(answer{made: o, refused: !ok})
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				if a.refused {
					return nil
				}
				return m.DictSetDefault(op.Args[0], op.Args[1], op.Args[2], a.made)
			}}),
	act(prog.Info{Name: "copy", Role: prog.Make, Weight: 12, Args: args(slotQ), Doc: "copies an object"},
		copies(false)),
	act(prog.Info{Name: "deepcopy", Role: prog.Make, Weight: 12, Args: args(slotQ),
		Doc: "copies an object and what it refers to"}, copies(true)),
	act(prog.Info{Name: "copies", Role: prog.Make, Weight: 4, Args: args(slotQ, slotR),
		Doc: "copies two objects and what they refer to with one memo, and lets the second copy go"}, copiesBoth),
	act(prog.Info{Name: "weak", Role: prog.Make, Weight: 6, Args: args(slotQ, arg("calls", flags)),
		Doc: "makes a weak reference, which may call back, to a set, a function or a method; nothing else takes one"},
		verb{need: needWeak,
			ask: func(d *driver, op prog.Op) answer {
				o := d.Store.(value.Weaker).NewWeak(d.slots[op.Args[0]], op.Args[1] == 1)
				return answer{made: o, refused: o == 0 && value.Weakable(d.Kind(op.Args[0]))}
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.NewWeak(uint64(op.Def), op.Args[0], op.Args[1] == 1, a.made)
			}}),
	act(prog.Info{Name: "deref", Role: prog.Make, Weight: 3, Args: args(slotQ),
		Doc: "gets what a weak reference refers to"},
		verb{at: []place{of(value.Weak)},
			ask: func(d *driver, op prog.Op) answer {
				d.Look(d.slots[op.Args[0]], &d.t)
				o := d.t.Refers
				d.Share(o)
				return answer{made: o}
			},
			judge: func(m state, op prog.Op, a answer, _ *reader) violation {
				return m.Deref(uint64(op.Def), op.Args[0], a.made)
			}}),
	act(prog.Info{Name: "verify", Weight: 3, Doc: "looks at all objects that slots lead to"},
		verb{ask: (*driver).verify,
			judge: func(m state, _ prog.Op, _ answer, told *reader) violation { return m.Verified(told.all()) }}),
	act(prog.Info{Name: "collect", Role: prog.Set, Weight: 2, Doc: "has the store unmake what nothing leads to"},
		verb{need: needCollect, ask: func(d *driver,
			_ prog.Op) answer {
			d.Store.(value.Collector).Collect()
			return answer{}
		},
			judge: func(m state, _ prog.Op, _ answer, _ *reader) violation {
				m.Collect()
				m.Trim()
				return nil
			}}),
	act(prog.Info{Name: "trim", Role: prog.Set, Weight: 1, Doc: "has the store give back what it need not keep"},
		verb{need: needTrim, ask: func(d *driver, _ prog.Op) answer { d.Store.(value.Trimmer).Trim(); return answer{} },
			judge: func(m state, _ prog.Op, _ answer, _ *reader) violation { m.Trim(); return nil }}),
	checkRow,
	act(prog.Info{Name: "usage", Weight: 4, Doc: "asks what is in use"},
		verb{need: needUsage, ask: (*driver).usage,
			judge: func(m state, _ prog.Op, _ answer, told *reader) violation {
				if v := m.Usage(told.number(), told.number(), told.number()); v != nil {
					return v
				}
				if v := m.Waiting(told.number(), told.number()); v != nil || told.number() == 0 {
					return v
				}
				return m.Opened(told.number())
			}}),
	act(prog.Info{Name: "oom", Role: prog.Set, Fault: true, Weight: 4, Args: args(arg("nth", nths),
		arg("forever", flags)),
		Doc: "makes the nth request for memory fail, or all from it on"},
		verb{need: needOOM, ask: func(d *driver, op prog.Op) answer {
			d.Store.(value.Injector).InjectOOM(int(op.Args[0]), op.Args[1] == 1)
			return answer{}
		},
			judge: func(m state, op prog.Op, _ answer, _ *reader) violation {
				m.Armed = op.Args[0] != 0
				return nil
			}}),
	act(prog.Info{Name: "drain", Role: prog.KillAll, Weight: 1, Doc: "lets all objects go"},
		verb{ask: (*driver).drain,
			judge: func(m state, _ prog.Op, _ answer, _ *reader) violation { m.Drain(); return nil }}),
	act(prog.Info{Name: "pickle", Role: prog.Make, Weight: 25, Args: args(slotQ, arg("flat", flags)),
		Doc: "writes an object and what it refers to as a stream of bytes, with a memo or flat, and reads it again"},
		verb{need: needPickle, at: []place{streamable}, ask: (*driver).pickle,
			judge: func(m state, op prog.Op, a answer, told *reader) violation {
				before, flat := told.all(), op.Args[1] == 1
				if a.made == 0 {
					return m.Unpickled(op.Args[0], flat, value.CopyError(a.value), before)
				}
				s := value.Stream{Entries: int(told.number()), Table: told.number(), Peak: told.number(),
					Bytes: told.bytes()}
				return m.Pickle(uint64(op.Def), op.Args[0], flat, a.made, s, before, told.all())
			}}),
	act(prog.Info{Name: "spoil", Role: prog.Use, Weight: 6, Args: args(slotP, arg("at", places), arg("byte", bytes)),
		Doc: "writes an object as a stream, puts a byte into that, or above 255 cuts it off, and reads it again"},
		verb{need: needSpoil,
			at: []place{func(v view, _ prog.Op, s uint64) bool { return v.Unfolds(s, streamMax) }},
			ask: func(d *driver, op prog.Op) answer {
				d.walk(d.slots[op.Args[0]])
				read, why := d.Store.(value.Spoiler).Spoil(d.slots[op.Args[0]], int(op.Args[1]), int(op.Args[2]))
				return answer{refused: why == value.NoMemory, value: uint64(why)<<1 | yes(read)}
			},
			judge: func(m state, op prog.Op, a answer, told *reader) violation {
				return m.Spoilt(op.Args[0], int(op.Args[1]), int(op.Args[2]), a.value&1 == 1,
					value.CopyError(a.value>>1), told.all())
			}}),
}

// extendMax is how many items a container may have to get more at once, or a program would do nothing else.
const extendMax = 400

// smallMax is how many objects a deep copy may copy.
const smallMax = 600

// streamMax is how many objects may be written, so that a list can have more than a batch of items.
const streamMax = 1200

// bounds are the items that slice takes out.
func bounds(v view, op prog.Op) (i, j int) {
	n := v.Len(op.Args[0])
	i = int(op.Args[1]) % (n + 1)
	return i, min(i+int(op.Args[2]), n)
}

// fromKind is the kind of what from makes.
func fromKind(v view, op prog.Op) value.Kind {
	switch {
	case v.Kind(op.Args[0]) == value.Dict:
		return value.Dict
	case op.Args[1] == 1:
		return value.Frozenset
	}
	return value.Set
}

func judgeFill(m state, op prog.Op, _ answer, told *reader) violation {
	n := told.number()
	for i := range n {
		if v := m.Fill(op.Args[0], filling(op.Args[1]+i), value.ID(told.number())); v != nil {
			return v
		}
	}
	return nil
}

var copiesBoth = verb{
	need: needTwin, at: []place{small, small},
	ask: func(d *driver, op prog.Op) answer {
		x, y, entries, why := d.Store.(value.Twin).CopyBoth(d.slots[op.Args[0]], d.slots[op.Args[1]])
		a := answer{made: x, other: y, refused: why == value.NoMemory, value: uint64(why)}
		if x != 0 {
			d.number(uint64(entries))
			d.walk(x, y)
			d.Free(y)
		}
		return a
	},
	judge: func(m state, op prog.Op, a answer, told *reader) violation {
		if a.made == 0 {
			return m.Uncopied(op.Args[1], true, op.Args[0])
		}
		entries := int(told.number())
		return m.CopyBoth(uint64(op.Def), op.Args[0], op.Args[1], a.made, a.other, entries, told.all())
	},
}

func copies(deep bool) verb {
	return verb{
		at: []place{func(v view, op prog.Op, s uint64) bool { return !deep || small(v, op, s) }},
		ask: func(d *driver, op prog.Op) answer {
			o, why := d.Copy(d.slots[op.Args[0]], deep)
			a := answer{made: o, refused: why == value.NoMemory, value: uint64(why)}
			if deep && o != 0 {
				d.walk(o)
			}
			return a
		},
		judge: func(m state, op prog.Op, a answer, told *reader) violation {
			switch {
			case a.made == 0 && !a.refused:
				return m.Uncopied(op.Args[0], deep)
			case a.made == 0:
				return nil
			case deep:
				return m.DeepCopy(uint64(op.Def), op.Args[0], a.made, told.all())
			}
			return m.Copy(uint64(op.Def), op.Args[0], a.made)
		}}
}
