package graphtest

import (
	"heapfuzz/model/graph"
	"heapfuzz/props/prog"
)

// This file has the operations of the parts that few heaps have.

func (d *driver) push(op prog.Op) prog.Outcome {
	id := d.object(op)
	if !d.grows(d.known[id]) {
		return prog.Outcome{Status: prog.Skip}
	}
	if !d.append(id, d.slots[op.Args[1]]) {
		return prog.Outcome{Status: prog.NoMem}
	}
	return prog.Outcome{}
}

func (d *driver) append(id, target graph.ID) bool {
	if !d.grower.Append(id, target) {
		return false
	}
	d.seen[grown]++
	of := d.known[id]
	of.fields++
	d.known[id] = of
	return true
}

func (d *driver) pop(op prog.Op) prog.Outcome {
	id := d.object(op)
	of := d.known[id]
	if !d.grows(of) || of.fields == 0 {
		return prog.Outcome{Status: prog.Skip}
	}
	of.fields--
	d.known[id] = of
	d.seen[popped]++
	d.grower.Pop(id)
	return prog.Outcome{}
}

func (d *driver) copy(op prog.Op) prog.Outcome {
	return d.copied(op, d.copier.Copy(d.object(op)), false)
}

// deepcopy copies what reaches few enough objects. Otherwise programs could double what there is with every operation.
func (d *driver) deepcopy(op prog.Op) prog.Outcome {
	if _, _, whole := graph.Walk(d.object(op), d.fieldsOf); !whole {
		return d.alias(op)
	}
	d.copying = true
	id := d.copier.DeepCopy(d.object(op))
	d.copying = false
	return d.copied(op, id, true)
}

// copied walks over an object and its copy side by side, and tells what the fields of the copy refer to.
func (d *driver) copied(op prog.Op, copied graph.ID, deep bool) prog.Outcome {
	if copied == 0 {
		return prog.Outcome{Status: prog.NoMem}
	}
	if deep {
		d.seen[copiedDeep]++
	} else {
		d.seen[copiedFlat]++
	}
	type pair struct{ of, is graph.ID }
	queue := []pair{{d.object(op), copied}}
	met := map[graph.ID]bool{d.object(op): true}
	for i := 0; i < len(queue); i++ {
		p := queue[i]
		if p.of == p.is {
			continue
		}
		of := d.known[p.of]
		d.known[p.is] = info{kind: of.kind, fields: of.fields}
		for i := range of.fields {
			from, to := d.Field(p.of, i), d.Field(p.is, i)
			d.tell(graph.Listed, uint64(to))
			if deep && from != 0 && to != 0 && !met[from] {
				met[from] = true
				queue = append(queue, pair{from, to})
			}
		}
	}
	return d.hold(op.Def, copied)
}

func (d *driver) setLegacy(op prog.Op) prog.Outcome      { return d.setOld(op, graph.Idle) }
func (d *driver) setLegacySaves(op prog.Op) prog.Outcome { return d.setOld(op, graph.Rescue) }

func (d *driver) setOld(op prog.Op, first graph.Script) prog.Outcome {
	id := d.object(op)
	of := d.known[id]
	if of.weak || of.final || d.contract.Bare[of.kind%graph.Kinds] {
		return prog.Outcome{Status: prog.Skip}
	}
	of.final, d.hoards = true, true
	d.known[id] = of
	script := first
	d.legacy.SetLegacyFinalizer(id, func(id graph.ID) {
		s := script
		script = graph.Idle
		d.run(s, id)
	})
	return prog.Outcome{}
}

func (d *driver) saveAll(op prog.Op) prog.Outcome {
	d.hoards = true
	d.hoarder.SaveAll(op.Args[0] != 0)
	return prog.Outcome{}
}

func (d *driver) recover(op prog.Op) prog.Outcome {
	if d.kept == 0 {
		return d.alias(op)
	}
	return d.found(op, d.hoarder.Garbage()[0])
}

func (d *driver) dropGarbage(prog.Op) prog.Outcome {
	n := len(d.hoarder.Garbage())
	d.kept = 0
	d.hoarder.DropGarbage()
	return prog.Outcome{Addr: uint64(n)}
}

// list answers with objects, in the order in which the heap tells them.
func (d *driver) list(ids []graph.ID) prog.Outcome {
	for _, id := range ids {
		d.tell(graph.Listed, uint64(id))
	}
	return prog.Outcome{}
}

func (d *driver) objects(op prog.Op) prog.Outcome {
	return d.list(d.census.Objects(min(int(op.Args[0]), d.contract.Full()+1) - 1))
}

func (d *driver) referents(op prog.Op) prog.Outcome { return d.list(d.relater.Referents(d.object(op))) }

// walksMax is how often a program may ask what refers to an object, from its beginning or from a drain on, as a heap
// has to look at all there are: some programs have thousands, of hundreds of fields each, and do little but ask.
const walksMax = 128

func (d *driver) referrers(op prog.Op) prog.Outcome {
	if d.walks++; d.walks > walksMax {
		return prog.Outcome{Status: prog.Skip}
	}
	return d.list(d.relater.Referrers(d.object(op)))
}

// tracked asks whether the collector follows the object, and one of those that it refers to.
func (d *driver) tracked(op prog.Op) prog.Outcome {
	id := d.object(op)
	out := prog.Outcome{Addr: bit(d.tracker.Tracked(id))}
	for i := range d.known[id].fields {
		if f := d.Field(id, i); f != 0 && d.tracker.Tracked(f) {
			out.Size = 1
		}
	}
	return out
}

func (d *driver) isFinalized(op prog.Op) prog.Outcome {
	return prog.Outcome{Addr: bit(d.graduate.Finalized(d.object(op)))}
}

// pace tells what decides when collections start by themselves.
func (d *driver) pace() {
	if d.has[needPace] {
		for _, n := range d.pacer.Pace().Numbers() {
			d.tell(graph.Paced, uint64(n))
		}
	}
}

func (d *driver) askPace(prog.Op) prog.Outcome { d.pace(); return prog.Outcome{} }

// beyond is a generation that there is not: below all for odd numbers, and above all for even ones.
func (d *driver) beyond(op prog.Op) prog.Outcome {
	n := int(op.Args[0])
	if n%2 != 0 {
		return prog.Outcome{Addr: bit(d.refuser.Refuses(-1 - n/2))}
	}
	return prog.Outcome{Addr: bit(d.refuser.Refuses(d.contract.Full() + 1 + n/2))}
}

func (d *driver) immortalize(op prog.Op) prog.Outcome {
	d.immortal.Immortalize(d.object(op))
	return prog.Outcome{}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (d *driver) size(op prog.Op) prog.Outcome {
	return prog.Outcome{Addr: uint64(d.sizer.Size(d.object(op)))}
}

func (d *driver) freezeCount(prog.Op) prog.Outcome {
	return prog.Outcome{Addr: uint64(d.frosted.FreezeCount())}
}
