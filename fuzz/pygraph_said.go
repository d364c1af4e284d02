package fuzz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"heapfuzz/impl/gc"
	"heapfuzz/impl/object"
)

// pySaid compares what a collector says with what it does. In worlds of any variant but 0 each collection has other
// flags of gc.set_debug. With DebugStats a line is due for the collection, for the generations and, from 3.7 on, for
// what is frozen, and at the end one with the numbers that are returned; with the others one for each object that was
// found.
type pySaid struct {
	g       gcHeap
	release string
	flags   gc.Flag // that are set now, without SaveAll
	saves   bool    // and that
	turn    uint64  // of the flags; 0: there are none any more
	left    int     // collections that still say something
	wrong   error   // what went wrong first between two checks

	due     []string     // lines that come before all others
	found   []object.Ref // named as collectable, and as uncollectable
	held    []object.Ref
	asked   object.Ref // whose address the next line has
	keeps   int        // of held, those that OnKeep was called for
	takes   int        // objects of which it was said that they are taken
	calls   int        // of the program's code that are not over
	ran     bool       // code of the program may have changed what was found, or what is found waits for its death
	done    string
	seconds float64
}

// pySaidFlags are the flags that are set in turn. In 2.7 objects need one of their own.
var pySaidFlags = [...]gc.Flag{
	gc.DebugStats | gc.DebugCollectable | gc.DebugUncollectable | gc.DebugObjects, gc.DebugStats | gc.DebugInstances,
	gc.DebugCollectable | gc.DebugUncollectable | gc.DebugObjects, gc.DebugStats | gc.DebugObjects,
	gc.DebugUncollectable | gc.DebugObjects, gc.DebugCollectable | gc.DebugObjects, gc.DebugStats | gc.Leak&^gc.SaveAll,
}

// listenTo compares from here on.
func listenTo(g gcHeap, variant uint64) *pySaid {
	s := &pySaid{g: g, release: g.h.Profile().Name, turn: variant, left: saidMax}
	g.c.OnMessage = s.message
	g.c.Address = func(o object.Ref) string {
		s.asked = o
		return address(o)
	}
	g.c.Clock = func() float64 { s.seconds += 0.25; return s.seconds }
	s.next()
	return s
}

// saidMax bounds the collections of a program that say something: each counts all objects, twice.
const saidMax = 256

// next sets the flags of the collection that is next.
func (s *pySaid) next() {
	if s.left--; s.left < 0 {
		s.turn, s.flags = 0, 0
	}
	if s.turn != 0 {
		s.flags = pySaidFlags[s.turn%uint64(len(pySaidFlags))]
		s.turn++
	}
	s.set()
}

func (s *pySaid) set() {
	flags := s.flags
	if s.saves {
		flags |= gc.SaveAll
	}
	s.g.c.SetDebug(flags)
	if s.g.c.Debug() != flags {
		s.fail("the flags are not those that were set")
	}
}

// old tells that this is 2.7, and frozen that what is frozen is counted: from 3.7 on.
func (s *pySaid) old() bool    { return s.release == "2.7" }
func (s *pySaid) frozen() bool { return !s.old() && s.release != "3.6" && s.release != "old8" }

func (s *pySaid) fail(format string, args ...any) {
	if s.wrong == nil {
		s.wrong = fmt.Errorf("gc/said: "+format, args...)
	}
}

// starts says what is due in a collection that starts.
func (s *pySaid) starts(generation int) {
	s.due, s.found, s.held, s.keeps, s.takes = s.due[:0], s.found[:0], s.held[:0], 0, 0
	s.ran, s.done = s.calls > 0, ""
	if s.flags&gc.DebugStats == 0 {
		return
	}
	each := "gc: objects in each generation:"
	for n := range gc.Generations {
		members := 0
		if err := s.g.c.Objects(n, func(object.Ref) { members++ }); err != nil {
			panic(err) // there is such a generation
		}
		each += fmt.Sprintf(" %d", members)
	}
	s.due = append(s.due, fmt.Sprintf("gc: collecting generation %d...", generation), each)
	if s.frozen() {
		s.due = append(s.due, fmt.Sprintf("gc: objects in permanent generation: %d", s.g.c.FreezeCount()))
	}
}

// message compares one line.
func (s *pySaid) message(line string) {
	word, object := "", strings.TrimSuffix(line, ">")
	if len(object) < len(line) {
		_, object, _ = strings.Cut(object, "gc: ")
		word, object, _ = strings.Cut(object, " <")
	}
	switch {
	case len(s.due) > 0 && line == s.due[0]:
		s.due = s.due[1:]
	case len(s.due) > 0 || s.done != "":
		s.fail("%q, where %q is due", line, s.due)
	case word == "collectable" && s.flags&gc.DebugCollectable != 0:
		s.found = append(s.found, s.named(object))
	case word == "uncollectable" && s.flags&gc.DebugUncollectable != 0:
		s.held = append(s.held, s.named(object))
	case word != "" || s.flags&gc.DebugStats == 0:
		s.fail("%q, which nobody asked for", line)
	default:
		s.done = line
	}
}

// named is the object that a line names, by its type and its address, for which the collector has just asked.
func (s *pySaid) named(text string) object.Ref {
	o := s.asked
	if s.asked = 0; o == 0 || !s.g.h.IsTracked(o) || text != s.g.h.TypeOf(o).Name+" "+address(o) {
		s.fail("%q is no object that is followed", text)
	}
	return o
}

func address(o object.Ref) string { return strconv.FormatUint(uint64(o), 10) }

// names tells whether objects are named in a collection.
func (s *pySaid) names(flag gc.Flag) bool {
	return s.flags&flag != 0 && (!s.old() || s.flags&gc.DebugObjects != 0)
}

// code runs code of the program.
func (s *pySaid) code(run func(object.Ref), o object.Ref) {
	s.ran = true
	s.calls++
	run(o)
	s.calls--
}

// takesOne and keepsOne compare what a collection takes, and keeps, with what it named.
func (s *pySaid) takesOne(o object.Ref) {
	if s.takes++; s.names(gc.DebugCollectable) && s.takes <= pyPaceMax && !slices.Contains(s.found, o) {
		s.fail("an object is taken that was not named as collectable")
	}
}

func (s *pySaid) keepsOne(o object.Ref) {
	if s.keeps++; s.names(gc.DebugUncollectable) && (s.keeps > len(s.held) || s.held[s.keeps-1] != o) {
		s.fail("an object is kept that was not named as uncollectable")
	}
}

// stops compares what was said with the numbers of a collection that is over.
func (s *pySaid) stops(p gc.Phase) {
	want := ""
	if s.flags&gc.DebugStats != 0 {
		want = "gc: done"
		if quiet := s.old() || s.release == "3.6" || s.release == "3.7" || s.release == "old8"; !quiet ||
			p.Collected+p.Uncollectable > 0 {
			want += fmt.Sprintf(", %d unreachable, %d uncollectable", p.Collected+p.Uncollectable, p.Uncollectable)
		}
		if want += ", 0.2500s elapsed"; s.old() {
			want += "."
		}
	}
	switch {
	case s.done != want || len(s.due) > 0:
		s.fail("%q at the end of a collection, and should be %q", s.done, want)
	case s.names(gc.DebugCollectable) && !s.ran && len(s.found) != s.takes,
		!s.names(gc.DebugCollectable) && len(s.found) > 0:
		s.fail("%d are named as collectable, and %d are taken", len(s.found), s.takes)
	case s.names(gc.DebugUncollectable) && len(s.held) != s.keeps, !s.names(gc.DebugUncollectable) && len(s.held) > 0:
		s.fail("%d are named as uncollectable, and %d are kept", len(s.held), s.keeps)
	case s.turn != 0 && p.Generation == gc.Generations-1 && p.Uncollectable == 0 && !s.ran && !s.saves:
		s.untracked()
	}
	s.next()
}

// untracked tells of tuples that are still followed after a full collection, though they hold nothing that could be.
func (s *pySaid) untracked() {
	err := s.g.c.Objects(gc.Generations-1, func(o object.Ref) {
		if s.g.h.Kind(o) != object.KindTuple {
			return
		}
		plain := true
		s.g.h.Referents(o, func(x object.Ref) { plain = plain && !s.g.h.IsGC(x) })
		if plain {
			s.fail("a tuple that holds only atoms is followed")
		}
	})
	if err != nil {
		panic(err) // there is such a generation
	}
}
