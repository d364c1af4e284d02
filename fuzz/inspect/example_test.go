package inspect_test

import (
	"fmt"
	"os"
	"strings"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/inspect"
	"heapfuzz/impl/object"
	"heapfuzz/props"
	"heapfuzz/props/graphtest"
)

// look runs a program of the corpus on a target and calls see after each operation.
func look(file, target string, see func(at int, h *object.Heap, roots []inspect.Root, followed []object.Ref) error) {
	r, err := props.ReadRepro(graphtest.Lang.Spec, "../../corpus/graph/seed/"+file)
	if err != nil {
		fmt.Println(err)
		return
	}
	t, err := fuzz.Lookup(target)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := fuzz.Look(t, r.Program, see); err != nil {
		fmt.Println(err)
	}
}

// The first kind of leak: a container that lives long holds what nobody uses any more. What grows again and again says
// which type leaks, the shortest path from a root says why, and what is retained says how much.
func Example_container() {
	var growth inspect.Growth
	look("seed-leak-container.txt", "gc-3.11", func(at int, h *object.Heap, roots []inspect.Root,
		_ []object.Ref) error {
		now := inspect.Take(h, roots)
		for _, l := range growth.Next(now) {
			if at > 1 {
				fmt.Printf("operation %d: %d more of %s\n", at, l.Objects, l.Type)
			}
		}
		if at != 10 { // all are made
			return nil
		}
		g := inspect.Reach(h, roots)
		for _, held := range g.Retained()[:2] {
			fmt.Printf("%s has %d bytes and retains %d\n", g.Name(held.Object), held.Bytes, held.Retained)
			fmt.Println(g.PathText(g.Path(held.Object)))
		}
		var picture strings.Builder
		err := g.SVG(&picture)
		fmt.Println(strings.Count(picture.String(), "<circle"), "circles,",
			strings.Count(picture.String(), "<line"), "lines")
		return err
	})
	// Output:
	// operation 4: 1 more of instance2
	// operation 7: 1 more of instance2
	// dict 1 has 224 bytes and retains 608
	// p0 -> dict 1
	// instance2 2 has 96 bytes and retains 96
	// p0 -> dict 1 [0] -> instance2 2
	// 8 circles, 7 lines
}

// The second kind: a cycle with a finalizer of the old kind, which a collection finds and does not take. No root of the
// program reaches it, so it is the difference between what the collector follows and what roots reach.
func Example_cycle() {
	look("seed-leak-legacy-cycle.txt", "gc-2.7", func(at int, h *object.Heap, roots []inspect.Root,
		followed []object.Ref) error {
		if at != 7 { // the first collection is over
			return nil
		}
		leaked := inspect.Take(h, roots, followed...).Diff(inspect.Take(h, roots))
		if err := leaked.Write(os.Stdout); err != nil {
			return err
		}
		var garbage []inspect.Root
		for _, o := range followed {
			if h.HasLegacyFinalizer(o) {
				garbage = append(garbage, inspect.Root{Name: "gc.garbage", Object: o})
			}
		}
		g := inspect.Reach(h, garbage)
		for _, o := range followed {
			fmt.Println(g.PathText(g.Path(o)))
		}
		dot, err := g.DOT()
		fmt.Println(strings.Count(string(dot), "->"), "edges")
		return err
	})
	// Output:
	// objects  bytes  type
	//         1     96  list
	//         1     80  slotted2
	// gc.garbage -> slotted2 1
	// gc.garbage -> slotted2 1 [0] -> list 2
	// 3 edges
}
