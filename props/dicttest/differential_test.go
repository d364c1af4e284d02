package dicttest

import (
	"strings"
	"testing"

	"heapfuzz/model/dict"
	"heapfuzz/props"
)

// bloated takes up more once it has had three entries, or tells its entries from the end.
type bloated struct {
	*dict.Reference
	sizes  bool
	lifo   bool
	bigger uint64
}

func (b *bloated) Set(key, value uint64) bool {
	ok := b.Reference.Set(key, value)
	if b.sizes && b.Len() == 3 {
		b.bigger = 8
	}
	return ok
}

func (b *bloated) Size() uint64 { return b.Reference.Size() + b.bigger }

func (b *bloated) Iterate() dict.Iterator {
	if b.lifo {
		return b.Reference.Reversed()
	}
	return b.Reference.Iterate()
}

func (b *bloated) Offers(part string) bool {
	return part == "size" || part == "iter" || part == "compare"
}

// TestDifferentialTwins sees sizes and orders that differ though nothing visible does, between twins and no others.
func TestDifferentialTwins(t *testing.T) {
	subject := func(name, twin string, sizes, lifo bool) *props.Subject {
		c := dict.ReferenceContract
		c.Order, c.Twin = dict.Any, twin
		return Subject(name, c, func(World) (Store, error) {
			store := dict.NewReferenceStore()
			return Each(func(n int) Dict {
				return &bloated{Reference: store.New(n).(*dict.Reference), sizes: sizes, lifo: lifo}
			}), nil
		})
	}
	p := Lang.MustParse("p0 = new capacity=7\nset p0 key=1 value=1\nset p0 key=2 value=2\nset p0 key=3 value=3\n" +
		"arm p0 act=6 key=1\niter p0 i=0\nnext p0 i=0")
	for _, c := range []struct {
		twin        string
		sizes, lifo bool
		want        string
	}{
		{"a", false, false, ""},
		{"a", true, false, "size p0: one answers 48 0 \"\", two answers 56 0 \"\""},
		{"a", false, true, "next p0 i=0: one answers 1 1 \"\", two answers 3 3 \"\""},
		{"b", true, true, ""},
		{"", true, true, ""},
	} {
		s := subject("one", "a", false, false)
		refuted, err := Differential(subject("two", c.twin, c.sizes, c.lifo)).Check(s, &props.Runner{}, p)
		switch {
		case err != nil:
			t.Error(err)
		case c.want == "" && refuted != nil:
			t.Errorf("%+v: %v", c, refuted.Violation)
		case c.want != "" && (refuted == nil || !strings.Contains(refuted.Violation.Error(), c.want)):
			t.Errorf("%+v: %+v", c, refuted)
		}
	}
}
