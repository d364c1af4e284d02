package inspect

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/encoding"
	"gonum.org/v1/gonum/graph/encoding/dot"
	"gonum.org/v1/gonum/graph/flow"
	"gonum.org/v1/gonum/graph/layout"

	"heapfuzz/impl/object"
)

// Graph is what roots reach: node 0 stands for all roots, and the others are objects, numbered from 1 in the order in
// which a breadth-first search meets them.
type Graph struct {
	h       *object.Heap
	roots   []Root
	objects []object.Ref // of node i, at i-1
	number  map[object.Ref]int64
	g       *digraph
}

// Reach searches the heap from the roots.
func Reach(h *object.Heap, roots []Root) *Graph {
	g := &Graph{h: h, roots: roots, objects: search(h, roots, nil), number: map[object.Ref]int64{}}
	g.g = newDigraph(len(g.objects)+1, func(id int64) graph.Node { return node{g, id} })
	for i, o := range g.objects {
		g.number[o] = int64(i + 1)
	}
	for _, r := range roots {
		if r.Object != 0 {
			g.g.connect(0, g.number[r.Object])
		}
	}
	for i, o := range g.objects {
		h.Referents(o, func(to object.Ref) { g.g.connect(int64(i+1), g.number[to]) })
	}
	return g
}

// Objects is the number of objects.
func (g *Graph) Objects() int { return len(g.objects) }

// Name names an object by its type and number; what roots do not reach has no number.
func (g *Graph) Name(o object.Ref) string {
	if n := g.number[o]; n != 0 {
		return fmt.Sprintf("%s %d", g.h.TypeOf(o).Name, n)
	}
	return g.h.TypeOf(o).Name + " ?"
}

// Step is one reference of a path: an object, reached through field Field of the object before it, or by a root.
type Step struct {
	Object object.Ref
	Root   string // of the first step
	Field  int    // of the others, from 0
}

// Path returns a shortest path from a root to an object, the first one in the order of roots and fields; nil when no
// root reaches it.
func (g *Graph) Path(to object.Ref) []Step {
	if g.number[to] == 0 {
		return nil
	}
	from := make(map[object.Ref]Step, len(g.objects)) // how it was met first; Object is what refers to it
	for _, r := range g.roots {
		if _, ok := from[r.Object]; !ok && r.Object != 0 {
			from[r.Object] = Step{Root: r.Name}
		}
	}
	for _, o := range g.objects { // in the order of a breadth-first search, so the first way is a shortest one
		field := 0
		g.h.Referents(o, func(c object.Ref) {
			if _, ok := from[c]; !ok {
				from[c] = Step{Object: o, Field: field}
			}
			field++
		})
	}
	var path []Step
	for o := to; o != 0; {
		s := from[o]
		path = append(path, Step{o, s.Root, s.Field})
		o = s.Object
	}
	slices.Reverse(path)
	return path
}

// PathText writes a path as a line: "cache -> dict 1 [3] -> list 4".
func (g *Graph) PathText(path []Step) string {
	var b strings.Builder
	for i, s := range path {
		if i == 0 {
			b.WriteString(s.Root)
		} else {
			fmt.Fprintf(&b, " [%d]", s.Field)
		}
		b.WriteString(" -> " + g.Name(s.Object))
	}
	return b.String()
}

// Held is an object with what it holds.
type Held struct {
	Object   object.Ref
	Bytes    int64 // its own
	Retained int64 // that would die with it
	Objects  int   // that would, itself among them
}

// Retained tells of each object what it retains, by the dominators of the graph (Lengauer and Tarjan): the most first,
// then in the order of their numbers.
func (g *Graph) Retained() []Held {
	tree := flow.Dominators(g.g.Node(0), g.g)
	held := make([]Held, len(g.objects))
	for i, o := range g.objects {
		b := int64(g.h.Bytes(o))
		held[i] = Held{o, b, b, 1}
	}
	for _, n := range byDepth(tree) {
		above := tree.DominatorOf(n)
		if above == nil || above.ID() == 0 {
			continue
		}
		a, b := &held[above.ID()-1], &held[n-1]
		a.Retained += b.Retained
		a.Objects += b.Objects
	}
	slices.SortStableFunc(held, func(a, b Held) int { return -cmp.Compare(a.Retained, b.Retained) })
	return held
}

// byDepth returns the nodes of the tree below its root, the deepest first.
func byDepth(tree flow.DominatorTree) []int64 {
	var order []int64
	level := tree.DominatedBy(0)
	for len(level) > 0 {
		var next []graph.Node
		for _, n := range level {
			order = append(order, n.ID())
			next = append(next, tree.DominatedBy(n.ID())...)
		}
		level = next
	}
	slices.Reverse(order)
	return order
}

// node is a node in the shape of gonum's.
type node struct {
	g  *Graph
	id int64
}

func (n node) ID() int64 { return n.id }

// DOTID is the name of the node.
func (n node) DOTID() string {
	if n.id == 0 {
		return `"roots"`
	}
	return fmt.Sprintf("%q", n.g.Name(n.g.objects[n.id-1]))
}

// Attributes are those of Graphviz.
func (n node) Attributes() []encoding.Attribute {
	if n.id == 0 {
		return []encoding.Attribute{{Key: "shape", Value: "point"}}
	}
	o := n.g.objects[n.id-1]
	label := fmt.Sprintf("\"%s\\n%d bytes, %d references\"", n.g.Name(o), n.g.h.Bytes(o), n.g.h.Count(o))
	return []encoding.Attribute{{Key: "shape", Value: "box"}, {Key: "label", Value: label}}
}

// DOT returns the text that Graphviz reads.
func (g *Graph) DOT() ([]byte, error) { return dot.Marshal(g.g, "heap", "", "  ") }

// PictureMax is the number of objects that SVG draws at most: a picture of more is a grey square.
const PictureMax = 200

// SVG draws the graph, laid out by springs (Eades 1984) from a seed that is always the same.
func (g *Graph) SVG(w io.Writer) error {
	if len(g.objects) > PictureMax {
		return fmt.Errorf("inspect: %d objects, and a picture has room for %d; DOT has no limit",
			len(g.objects), PictureMax)
	}
	springs := layout.EadesR2{Updates: 60, Repulsion: 1, Rate: 0.1, Theta: 0.2, Src: rand.NewPCG(1, 1)}
	o := layout.NewOptimizerR2(g.g, springs.Update)
	for o.Update() {
	}
	p := picture{}
	p.place(g, o)
	return svg.Execute(w, p)
}

// picture is what the template draws.
type picture struct {
	Width, Height int
	Nodes         []drawnNode
	Edges         []drawnEdge
}

type drawnNode struct {
	X, Y        int
	Name, Title string
	Root        bool
}

type drawnEdge struct{ X1, Y1, X2, Y2 int }

// place scales the layout to a picture with room for the names.
func (p *picture) place(g *Graph, o layout.OptimizerR2) {
	const margin = 70
	side := 240 + 60*len(g.objects)
	if side > 1600 {
		side = 1600
	}
	var lowX, lowY, highX, highY float64
	for i := range len(g.objects) + 1 {
		c := o.Coord2(int64(i))
		lowX, highX, lowY, highY = min(lowX, c.X), max(highX, c.X), min(lowY, c.Y), max(highY, c.Y)
	}
	scale := func(v, low, high float64) int {
		if high == low {
			return side / 2
		}
		return margin + int((v-low)/(high-low)*float64(side-2*margin))
	}
	p.Width, p.Height = side, side
	for i := range len(g.objects) + 1 {
		c := o.Coord2(int64(i))
		n := drawnNode{X: scale(c.X, lowX, highX), Y: scale(c.Y, lowY, highY), Name: "roots", Root: i == 0}
		if i > 0 {
			ref := g.objects[i-1]
			n.Name = g.Name(ref)
			n.Title = fmt.Sprintf("%d bytes, %d references to it", g.h.Bytes(ref), g.h.Count(ref))
		}
		p.Nodes = append(p.Nodes, n)
	}
	for from, targets := range g.g.out {
		for _, to := range targets {
			a, b := p.Nodes[from], p.Nodes[to.ID()]
			p.Edges = append(p.Edges, drawnEdge{a.X, a.Y, b.X, b.Y})
		}
	}
}

var svg = template.Must(template.New("svg").Parse(`<svg xmlns="http://www.w3.org/2000/svg"
 width="{{.Width}}" height="{{.Height}}" font-family="sans-serif" font-size="12" text-anchor="middle">
<defs><marker id="tip" viewBox="0 0 10 10" refX="22" refY="5" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0L10 5L0 10z" fill="#666"/></marker></defs>
<rect width="100%" height="100%" fill="#fff"/>
{{range .Edges}}<line x1="{{.X1}}" y1="{{.Y1}}" x2="{{.X2}}" y2="{{.Y2}}" stroke="#999" marker-end="url(#tip)"/>
{{end}}{{range .Nodes}}<g><circle cx="{{.X}}" cy="{{.Y}}" r="{{if .Root}}5{{else}}9{{end}}"` +
	` fill="{{if .Root}}#000{{else}}#8cb4e0{{end}}"><title>{{.Title}}</title></circle>` +
	`<text x="{{.X}}" y="{{.Y}}" dy="-13">{{.Name}}</text></g>
{{end}}</svg>
`))
