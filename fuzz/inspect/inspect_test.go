package inspect

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"heapfuzz/impl/object"
)

// family makes
//
//	root "cache" -> a -> b -> d -> e
//	                a -> c -> d
//	root "other" -> f -> e
//
// all lists of so many fields; a is object 1 and f object 2.
func family(t *testing.T) (h *object.Heap, roots []Root, at map[string]object.Ref) {
	t.Helper()
	h, err := object.New(object.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	at = map[string]object.Ref{}
	for _, name := range strings.Split("abcdef", "") {
		at[name] = h.NewList(2)
	}
	for i, e := range []string{"ab", "ac", "bd", "cd", "de", "fe"} {
		h.SetItem(at[e[:1]], i%2, at[e[1:]])
	}
	for _, name := range []string{"b", "c", "d", "e"} {
		h.Decref(at[name])
	}
	return h, []Root{{"cache", at["a"]}, {"other", at["f"]}}, at
}

// TestPath looks for the shortest way to every object.
func TestPath(t *testing.T) {
	h, roots, at := family(t)
	g := Reach(h, roots)
	for name, want := range map[string]string{
		"a": "cache -> list 1",
		"d": "cache -> list 1 [0] -> list 3 [0] -> list 6",
		"e": "other -> list 2 [0] -> list 5",
	} {
		if got := g.PathText(g.Path(at[name])); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
	lost := h.NewList(0)
	if g.Path(lost) != nil || g.Name(lost) != "list ?" || g.Objects() != 6 {
		t.Error("what no root reaches has a path")
	}
}

// TestRetained lets every object go in turn: what its retained bytes said is what the heap has less.
func TestRetained(t *testing.T) {
	for _, gone := range []string{"a", "b", "d", "e", "f"} {
		h, roots, at := family(t)
		held := Reach(h, roots).Retained()
		if !slices.IsSortedFunc(held, func(a, b Held) int { return int(b.Retained - a.Retained) }) {
			t.Error("not sorted")
		}
		i := slices.IndexFunc(held, func(x Held) bool { return x.Object == at[gone] })
		live := h.Live()
		_, before, _ := h.Memory().Usage()
		free := h.FreeListBytes()
		switch gone { // all references to it
		case "a", "f":
			h.Decref(at[gone])
		case "b":
			h.SetItem(at["a"], 0, 0)
		case "d":
			h.SetItem(at["b"], 0, 0)
			h.SetItem(at["c"], 1, 0)
		case "e":
			h.SetItem(at["d"], 0, 0)
			h.SetItem(at["f"], 1, 0)
		}
		_, after, _ := h.Memory().Usage()
		after -= uint64(h.FreeListBytes() - free) // a list that died may wait there for the next
		if n := live - h.Live(); n != held[i].Objects || before-after != uint64(held[i].Retained) {
			t.Errorf("%s: %d objects and %d bytes died, not %+v", gone, n, before-after, held[i])
		}
	}
}

// TestSnapshot counts by type, and finds what grew.
func TestSnapshot(t *testing.T) {
	h, roots, at := family(t)
	before := Take(h, roots)
	var growth Growth
	growth.Next(before)
	s := h.NewStr("a string of some length")
	h.SetItem(at["f"], 0, s)
	h.Decref(s)
	h.SetItem(at["a"], 0, 0) // b dies
	h.SetItem(at["a"], 1, 0) // and c, d
	leaked := h.NewTuple(0)
	h.NewTuple(leaked)
	now := Take(h, roots, leaked)
	if before.of("list") != (Line{"list", 6, before[0].Bytes}) || len(before) != 1 {
		t.Errorf("before: %v", before)
	}
	d := now.Diff(before)
	if d[0].Type != "list" || d[0].Objects != -3 || d[0].Bytes != -before[0].Bytes/2 {
		t.Errorf("difference: %v", d)
	}
	if d.of("str") != (Line{"str", 1, int64(h.Bytes(s))}) || d.of("tuple").Objects != 1 {
		t.Errorf("difference: %v", d)
	}
	if again := now.Diff(now); len(again) != 0 {
		t.Errorf("a snapshot differs from itself: %v", again)
	}
	if back := before.Diff(now); back.of("str").Objects != -1 || back.of("list").Objects != 3 {
		t.Errorf("backwards: %v", back)
	}
	grown := growth.Next(now)
	if len(grown) != 2 || len(growth.Next(now)) != 0 {
		t.Errorf("grown: %v", grown)
	}
	var b bytes.Buffer
	err := d.Write(&b)
	if err != nil || !strings.Contains(b.String(), "  list\n") || strings.Count(b.String(), "\n") != 4 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

// TestPicture draws the same text each time, with every name, as XML that can be parsed.
func TestPicture(t *testing.T) {
	var first string
	for range 3 {
		h, roots, _ := family(t)
		g := Reach(h, roots)
		var b bytes.Buffer
		if err := g.SVG(&b); err != nil {
			t.Fatal(err)
		}
		text, err := g.DOT()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), "->") != 8 || !strings.Contains(string(text), `"list 2" -> "list 5"`) {
			t.Errorf("dot:\n%s", text)
		}
		lines, names := strings.Count(b.String(), "<line"), strings.Count(b.String(), ">list ")
		if lines != 8 || names != 6 {
			t.Errorf("%d lines and %d names:\n%s", lines, names, b.String())
		}
		d := xml.NewDecoder(&b)
		all := string(text) + b.String()
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if first == "" {
			first = all
		} else if all != first {
			t.Error("two pictures of one graph differ")
		}
	}
	h, err := object.New(object.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	big := h.NewList(PictureMax)
	for i := range PictureMax {
		h.SetItem(big, i, h.NewList(0))
	}
	if err := Reach(h, []Root{{"big", big}}).SVG(io.Discard); err == nil {
		t.Error("a grey square was drawn")
	}
}
