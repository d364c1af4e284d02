package dictcanary

import "heapfuzz/model/dict"

// liveStore makes references whose iterations go on while they change, with a defect around them.
type liveStore struct {
	*dict.ReferenceStore
	bug Bug
}

func (s liveStore) New(capacity int) dict.Dict {
	d := s.ReferenceStore.New(capacity)
	if d == nil {
		return nil
	}
	return &live{d.(*dict.Reference), s.bug}
}

// live is a dict with little but walks and steps.
type live struct {
	r   *dict.Reference
	bug Bug
}

func (d *live) Get(key uint64) (value uint64, ok bool) { return d.r.Get(key) }
func (d *live) Set(key, value uint64) bool             { return d.r.Set(key, value) }
func (d *live) Delete(key uint64) bool                 { return d.r.Delete(key) }
func (d *live) Len() int                               { return d.r.Len() }
func (d *live) Clear()                                 { d.r.Clear() }
func (d *live) Free()                                  { d.r.Free() }
func (d *live) Iterate() dict.Iterator                 { return d.r.Iterate() }
func (d *live) Pop(key uint64) (value uint64, ok bool) { return d.r.Pop(key) }
func (d *live) PopFirst() (key, value uint64, ok bool) { return d.r.PopFirst() }
func (d *live) Reserve(int) bool                       { return true }

// Range walks over a copy of the entries where the defect says so: then it tells what was deleted meanwhile.
func (d *live) Range(f func(key, value uint64) bool) {
	if d.bug != WalkOfCopy && d.bug != WalkSkipsAdded {
		d.r.Range(f)
		return
	}
	type entry struct{ key, value uint64 }
	var all []entry
	d.r.Range(func(key, value uint64) bool { all = append(all, entry{key, value}); return true })
	length := d.r.Len()
	for _, e := range all {
		if d.bug == WalkSkipsAdded && d.r.Len() > length {
			return
		}
		if _, ok := d.r.Get(e.key); !ok && d.bug == WalkSkipsAdded {
			continue
		}
		if !f(e.key, e.value) {
			return
		}
	}
}
