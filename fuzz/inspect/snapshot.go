package inspect

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"heapfuzz/impl/object"
)

// Root is an object that the program holds.
type Root struct {
	Name   string
	Object object.Ref
}

// Line is what there is of one type.
type Line struct {
	Type    string
	Objects int
	Bytes   int64
}

// Lines are sorted by bytes, the most first, and then by type. In a difference both numbers may be negative, and the
// order is that of the bytes without their sign.
type Lines []Line

// Take counts what roots reach and what is listed besides, each object once.
func Take(h *object.Heap, roots []Root, listed ...object.Ref) Lines {
	byType := map[string]*Line{}
	for _, o := range search(h, roots, listed) {
		name := h.TypeOf(o).Name
		l := byType[name]
		if l == nil {
			l = &Line{Type: name}
			byType[name] = l
		}
		l.Objects++
		l.Bytes += int64(h.Bytes(o))
	}
	lines := make(Lines, 0, len(byType))
	for _, l := range byType {
		lines = append(lines, *l)
	}
	lines.sort()
	return lines
}

func (l Lines) sort() {
	abs := func(n int64) int64 { return max(n, -n) }
	slices.SortFunc(l, func(a, b Line) int {
		return cmp.Or(-cmp.Compare(abs(a.Bytes), abs(b.Bytes)), cmp.Compare(a.Type, b.Type))
	})
}

func (l Lines) of(name string) Line {
	if i := slices.IndexFunc(l, func(x Line) bool { return x.Type == name }); i >= 0 {
		return l[i]
	}
	return Line{Type: name}
}

// Diff is what changed since an earlier snapshot. Types that did not change are left out.
func (l Lines) Diff(earlier Lines) Lines {
	var d Lines
	add := func(name string) {
		was, is := earlier.of(name), l.of(name)
		if was != is {
			d = append(d, Line{name, is.Objects - was.Objects, is.Bytes - was.Bytes})
		}
	}
	for _, x := range l {
		add(x.Type)
	}
	for _, x := range earlier {
		if l.of(x.Type).Objects == 0 {
			add(x.Type)
		}
	}
	d.sort()
	return d
}

// Write prints a table.
func (l Lines) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "objects\tbytes\t  type")
	for _, x := range l {
		fmt.Fprintf(t, "%d\t%d\t  %s\n", x.Objects, x.Bytes, x.Type)
	}
	return t.Flush()
}

// Growth remembers the most objects of each type that there ever were: what passes that again and again leaks.
type Growth struct{ peak map[string]int }

// Next returns the types of which there are more than in any snapshot before, with the number of objects and the bytes
// in all; Objects is how many more they are than there were.
func (g *Growth) Next(now Lines) Lines {
	if g.peak == nil {
		g.peak = map[string]int{}
	}
	var grown Lines
	for _, x := range now {
		if more := x.Objects - g.peak[x.Type]; more > 0 {
			g.peak[x.Type] = x.Objects
			grown = append(grown, Line{x.Type, more, x.Bytes})
		}
	}
	return grown
}

// search returns the objects that roots and then the listed ones reach, breadth first.
func search(h *object.Heap, roots []Root, listed []object.Ref) []object.Ref {
	seen := map[object.Ref]bool{}
	var found []object.Ref
	visit := func(o object.Ref) {
		if o != 0 && !seen[o] {
			seen[o] = true
			found = append(found, o)
		}
	}
	at := 0
	flood := func() {
		for ; at < len(found); at++ {
			h.Referents(found[at], visit)
		}
	}
	for _, r := range roots {
		visit(r.Object)
	}
	flood()
	for _, o := range listed {
		visit(o)
	}
	flood()
	return found
}
