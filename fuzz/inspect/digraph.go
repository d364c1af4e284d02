package inspect

import (
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
)

// digraph is a directed graph in gonum's shape whose nodes and edges are always walked in the same order, which that of
// gonum's own does not promise.
type digraph struct {
	nodes   []graph.Node // node i has the ID i
	out, in [][]graph.Node
	targets []map[int64]bool
}

func newDigraph(n int, node func(id int64) graph.Node) *digraph {
	d := &digraph{
		nodes: make([]graph.Node, n), out: make([][]graph.Node, n), in: make([][]graph.Node, n),
		targets: make([]map[int64]bool, n),
	}
	for i := range d.nodes {
		d.nodes[i] = node(int64(i))
	}
	return d
}

// connect adds an edge, once. One from a node to itself is left out: paths, dominators and pictures need none.
func (d *digraph) connect(from, to int64) {
	if from == to || d.targets[from][to] {
		return
	}
	if d.targets[from] == nil {
		d.targets[from] = map[int64]bool{}
	}
	d.targets[from][to] = true
	d.out[from] = append(d.out[from], d.nodes[to])
	d.in[to] = append(d.in[to], d.nodes[from])
}

func (d *digraph) Node(id int64) graph.Node {
	if id < 0 || id >= int64(len(d.nodes)) {
		return nil
	}
	return d.nodes[id]
}

func (d *digraph) Nodes() graph.Nodes            { return iterator.NewOrderedNodes(slices.Clone(d.nodes)) }
func (d *digraph) From(id int64) graph.Nodes     { return iterator.NewOrderedNodes(d.out[id]) }
func (d *digraph) To(id int64) graph.Nodes       { return iterator.NewOrderedNodes(d.in[id]) }
func (d *digraph) HasEdgeFromTo(u, v int64) bool { return d.targets[u][v] }

func (d *digraph) HasEdgeBetween(x, y int64) bool {
	return d.HasEdgeFromTo(x, y) || d.HasEdgeFromTo(y, x)
}

func (d *digraph) Edge(u, v int64) graph.Edge {
	if !d.HasEdgeFromTo(u, v) {
		return nil
	}
	return edge{d.nodes[u], d.nodes[v]}
}

type edge struct{ from, to graph.Node }

func (e edge) From() graph.Node         { return e.from }
func (e edge) To() graph.Node           { return e.to }
func (e edge) ReversedEdge() graph.Edge { return edge{e.to, e.from} }
