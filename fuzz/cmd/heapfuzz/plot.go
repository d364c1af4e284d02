package main

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// A plot is drawn from a run of its own, in which questions for memory stand among the operations of the program. What
// is asked depends on the language:
//
//	heap    usage       bytes in live blocks, and those that the target has from the operating system; live blocks
//	graph   usage       bytes of live objects; objects
//	        footprint   bytes from the operating system
//	dict    usage       bytes in use by all dicts
//	        size, len   of each of the first dicts: its bytes; its entries
//	cache   len         entries
//
// Bytes are in the upper panel, numbers in the lower one; a panel that has no line is left out.

const (
	samplesMax    = 1000 // moments at which questions are asked
	plotDicts     = 6    // dicts that have lines of their own
	plotWidth     = 8 * vg.Inch
	plotPanel     = 3 * vg.Inch
	plotLineWidth = 1.2 // points
)

// curve is what one question told over the operations.
type curve struct {
	name   string
	number bool // of things, not of bytes
	hue    int  // its place in lineColors
	points plotter.XYs
}

// measure is a question, and how its answer is read.
type measure struct {
	op    prog.Op
	reads []reading
}

type reading struct {
	name   string
	number bool
	hue    int
	read   func(prog.Outcome) uint64
}

func addr(o prog.Outcome) uint64  { return o.Addr }
func size(o prog.Outcome) uint64  { return o.Size }
func value(o prog.Outcome) uint64 { return o.Value }

// measures are the questions that the language of a program has.
func measures(language string, spec *prog.Spec, p prog.Program) []measure {
	ask := func(name string, slot uint64, reads ...reading) measure {
		kind, ok := spec.Lookup(name)
		if !ok {
			panic("heapfuzz: " + language + " has no operation " + name)
		}
		return measure{prog.Op{Kind: kind, Args: [prog.ArgsMax]uint64{slot}}, reads}
	}
	switch language {
	case "heap":
		return []measure{ask("usage", 0, reading{"live bytes", false, 0, size}, reading{"footprint", false, 1, addr},
			reading{"live blocks", true, 2, value})}
	case "graph":
		return []measure{
			ask("usage", 0, reading{"live bytes", false, 0, size}, reading{"live objects", true, 2, addr}),
			ask("footprint", 0, reading{"footprint", false, 1, addr}),
		}
	case "cache":
		length := func(o prog.Outcome) uint64 { return o.Size - 1 }
		return []measure{ask("len", 0, reading{"entries", true, 0, length})}
	}
	ms := []measure{ask("usage", 0, reading{"all dicts", false, plotDicts, addr})}
	for i, slot := range firstSlots(spec, p) {
		ms = append(ms, ask("size", uint64(slot), reading{fmt.Sprintf("p%d", slot), false, i, addr}),
			ask("len", uint64(slot), reading{fmt.Sprintf("entries of p%d", slot), true, i, value}))
	}
	return ms
}

// firstSlots are the slots that a program defines first.
func firstSlots(spec *prog.Spec, p prog.Program) (slots []prog.Slot) {
	for _, op := range p.Ops {
		if spec.Rows[op.Kind].Role == prog.Make && len(slots) < plotDicts && !slices.Contains(slots, op.Def) {
			slots = append(slots, op.Def)
		}
	}
	return slots
}

// asked returns a program with all questions behind every so many operations, and for each operation of it its place in
// the program and which question it is, -1 if it is the program's own.
func asked(p prog.Program, ms []measure) (q prog.Program, places, questions []int) {
	every := max(1, (len(p.Ops)+samplesMax-1)/samplesMax)
	q.World = p.World
	for i := 0; i <= len(p.Ops); i++ {
		if i%every == 0 || i == len(p.Ops) {
			for j, m := range ms {
				q.Ops, places, questions = append(q.Ops, m.op), append(places, i), append(questions, j)
			}
		}
		if i < len(p.Ops) {
			q.Ops, places, questions = append(q.Ops, p.Ops[i]), append(places, i), append(questions, -1)
		}
	}
	return q, places, questions
}

// curves runs a program and returns what was told, and the violation that ended the run, if one did. A line of which
// nothing was told is left out.
func curves(ctx context.Context, s *props.Subject, p prog.Program, hang time.Duration) ([]curve, *running, error) {
	ms := measures(languageOf(s).Name, s.Spec, p)
	q, places, questions := asked(p, ms)
	run, err := perform(ctx, s, q, hang)
	if err != nil {
		return nil, nil, err
	}
	var cs []curve
	at := make([]int, len(ms)) // where the curves of each question begin
	for j, m := range ms {
		at[j] = len(cs)
		for _, r := range m.reads {
			cs = append(cs, curve{name: r.name, number: r.number, hue: r.hue})
		}
	}
	for i, out := range run.Trace[:min(len(run.Trace), len(q.Ops))] {
		j := questions[i]
		if j < 0 || out.Status != prog.OK {
			continue
		}
		for k, r := range ms[j].reads {
			c := &cs[at[j]+k]
			c.points = append(c.points, plotter.XY{X: float64(places[i]), Y: float64(r.read(out))})
		}
	}
	cs = slices.DeleteFunc(cs, func(c curve) bool { return len(c.points) == 0 })
	return cs, run, nil
}

// showPlot draws memory over the operations of a program as SVG.
func showPlot(ctx context.Context, w, stderr io.Writer, path, target string, hang time.Duration) error {
	l, s, err := open(path, target)
	if err != nil {
		return err
	}
	cs, run, err := curves(ctx, s, l.Program, hang)
	switch {
	case err != nil:
		return err
	case len(cs) == 0:
		return fmt.Errorf("%s: %s tells nothing of its memory", path, s.Target)
	case run.Violation != nil:
		fmt.Fprintf(stderr, "heapfuzz: the run ends where it breaks %s\n", oneLine(run.Violation.Error()))
	}
	return drawCurves(w, s.Target, len(l.Program.Ops), cs)
}

// plotTo draws into a file, or to standard output.
func plotTo(c *cobra.Command, path, target, out string, asPlot bool, hang time.Duration) error {
	if !asPlot {
		return fmt.Errorf("-o is for -plot")
	}
	var b bytes.Buffer
	if err := showPlot(c.Context(), &b, c.ErrOrStderr(), path, target, hang); err != nil {
		return err
	}
	if out != "" {
		return os.WriteFile(out, b.Bytes(), 0o644)
	}
	_, err := c.OutOrStdout().Write(b.Bytes())
	return err
}

// drawCurves writes the panels that have curves, one below the other, with one axis of operations.
func drawCurves(w io.Writer, title string, ops int, cs []curve) error {
	var panels [][]*plot.Plot
	for _, number := range []bool{false, true} {
		p := plot.New()
		p.Y.Label.Text, p.Y.Min, p.X.Min, p.X.Max = "bytes", 0, 0, float64(max(ops, 1))
		if number {
			p.Y.Label.Text = "number"
		}
		p.X.Tick.Marker, p.Y.Tick.Marker = wholeTicks{}, wholeTicks{}
		p.Legend.Top, p.Legend.Left = true, true
		p.Add(plotter.NewGrid())
		n, highest := 0, 0.0
		for _, c := range cs {
			if c.number != number {
				continue
			}
			line, err := plotter.NewLine(c.points)
			if err != nil {
				return err
			}
			line.StepStyle = plotter.PostStep
			line.Color, line.Width = lineColors[c.hue], vg.Points(plotLineWidth)
			p.Add(line)
			p.Legend.Add(c.name, line)
			n++
			for _, point := range c.points {
				highest = max(highest, point.Y)
			}
		}
		if n > 0 {
			p.Y.Max = max(1, highest*1.05)
			panels = append(panels, []*plot.Plot{p})
		}
	}
	panels[0][0].Title.Text = title
	panels[len(panels)-1][0].X.Label.Text = "operations"
	canvas := vgsvg.New(plotWidth, vg.Length(len(panels))*plotPanel)
	dc := draw.New(canvas)
	tiles := draw.Tiles{Rows: len(panels), Cols: 1, PadY: vg.Points(8), PadRight: vg.Points(8)}
	for i, row := range plot.Align(panels, tiles, dc) {
		panels[i][0].Draw(row[0])
	}
	_, err := canvas.WriteTo(w)
	return err
}

// wholeTicks are the marks of an axis of whole numbers.
type wholeTicks struct{}

// Ticks makes the marks between two values.
func (wholeTicks) Ticks(least, most float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(least, most)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = strconv.FormatFloat(ticks[i].Value, 'f', -1, 64)
		}
	}
	return slices.DeleteFunc(ticks, func(t plot.Tick) bool { return t.Value != math.Trunc(t.Value) })
}

// lineColors can be told apart by those who see few colours (the palette of Okabe and Ito).
var lineColors = [plotDicts + 1]color.Color{
	color.RGBA{0x00, 0x72, 0xB2, 0xFF}, color.RGBA{0xD5, 0x5E, 0x00, 0xFF}, color.RGBA{0x00, 0x9E, 0x73, 0xFF},
	color.RGBA{0xCC, 0x79, 0xA7, 0xFF}, color.RGBA{0xE6, 0x9F, 0x00, 0xFF}, color.RGBA{0x56, 0xB4, 0xE9, 0xFF},
	color.RGBA{0x00, 0x00, 0x00, 0xFF},
}
