package trace

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// Stats are the numbers of a trace. The first group follows from the program alone and is recounted whenever one is
// read; the second is of the recording, which the program does not show.
type Stats struct {
	Ops        int
	Allocs     int // operations that make a block; a realloc makes none
	Frees      int
	Reallocs   int
	PeakBlocks int
	PeakBytes  uint64 // as asked for
	LiveBlocks int    // at the end
	LiveBytes  uint64

	Threads   int // that did something, at least 1
	NilFrees  int // free(NULL), dropped
	Refused   int // requests that returned nil, dropped
	Unmatched int // frees and reallocs of blocks that were not seen made: dropped, or an alloc
	Overlaid  int // blocks whose free was not seen, freed when their address was handed out again
	Lost      int // calls that the recorder could not write down, by its own count
	Torn      int // lines dropped at the end
}

// counter is one number of a head, "# peak-bytes: 1096". A recounted one must be right in a file, or left out.
type counter struct {
	key     string
	recount bool
	get     func(*Stats) uint64
	set     func(*Stats, uint64)
}

func count(key string, recount bool, field func(*Stats) *int) counter {
	return counter{key, recount,
		func(s *Stats) uint64 { return uint64(*field(s)) }, func(s *Stats, v uint64) { *field(s) = int(v) }}
}

func volume(key string, field func(*Stats) *uint64) counter {
	return counter{key, true,
		func(s *Stats) uint64 { return *field(s) }, func(s *Stats, v uint64) { *field(s) = v }}
}

// counters are the numbers in the order of the head.
var counters = []counter{
	count("threads", false, func(s *Stats) *int { return &s.Threads }),
	count("ops", true, func(s *Stats) *int { return &s.Ops }),
	count("allocs", true, func(s *Stats) *int { return &s.Allocs }),
	count("frees", true, func(s *Stats) *int { return &s.Frees }),
	count("reallocs", true, func(s *Stats) *int { return &s.Reallocs }),
	count("peak-blocks", true, func(s *Stats) *int { return &s.PeakBlocks }),
	volume("peak-bytes", func(s *Stats) *uint64 { return &s.PeakBytes }),
	count("live-blocks", true, func(s *Stats) *int { return &s.LiveBlocks }),
	volume("live-bytes", func(s *Stats) *uint64 { return &s.LiveBytes }),
	count("nil-frees", false, func(s *Stats) *int { return &s.NilFrees }),
	count("refused", false, func(s *Stats) *int { return &s.Refused }),
	count("unmatched", false, func(s *Stats) *int { return &s.Unmatched }),
	count("overlaid", false, func(s *Stats) *int { return &s.Overlaid }),
	count("lost", false, func(s *Stats) *int { return &s.Lost }),
	count("torn", false, func(s *Stats) *int { return &s.Torn }),
}

func counterOf(key string) *counter {
	for i := range counters {
		if counters[i].key == key {
			return &counters[i]
		}
	}
	return nil
}

// Columns are the titles of Row.
var Columns = []string{"trace", "format", "ops", "allocs", "peak live", "blocks", "threads"}

// Row shows a trace as one row of a table for people.
func (t *Trace) Row() []string {
	s := t.Stats
	return []string{t.Name, t.Format, strconv.Itoa(s.Ops), strconv.Itoa(s.Allocs), Bytes(s.PeakBytes),
		strconv.Itoa(s.PeakBlocks), strconv.Itoa(s.Threads)}
}

// Summary writes a table of traces with a line of sums.
func Summary(w io.Writer, traces ...*Trace) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(row []string) {
		for _, cell := range row {
			fmt.Fprintf(tw, "%s\t", cell)
		}
		fmt.Fprintln(tw)
	}
	line(Columns)
	var ops, allocs int
	for _, t := range traces {
		line(t.Row())
		ops += t.Stats.Ops
		allocs += t.Stats.Allocs
	}
	line([]string{strconv.Itoa(len(traces)) + " traces", "", strconv.Itoa(ops), strconv.Itoa(allocs), "", "", ""})
	return tw.Flush()
}

// Bytes prints a number of bytes for people: 512 B, 1.5 KiB, 12 MiB.
func Bytes(n uint64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1024, 0
	for ; v >= 1024 && unit < 3; unit++ {
		v /= 1024
	}
	digits := 0
	if v < 10 {
		digits = 1
	}
	return fmt.Sprintf("%.*f %ciB", digits, v, "KMGT"[unit])
}
