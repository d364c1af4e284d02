package recorded

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"heapfuzz/model"
)

// Answers is the rule that a replay may break.
var Answers = &model.Invariant{
	Name: "recorded/answers",
	Doc:  "a stored program is answered as the interpreter answered that the target re-creates",
}

// Property is the name of what a replay tries, as conforms is the name of what a random program does.
const Property = "recorded"

// Causes of a difference that is no other answer.
const (
	causePanic   = "panic"
	causeRecount = "recount"
)

// Family names all that a release answered to programs about one subject: heap, graph, dict, cache or value.
type Family struct{ Subject, Profile string }

// Recording is a program and what one interpreter answered to it.
type Recording struct {
	File    string   // "graph/random-3"
	Profile string   // whose answers these are: "3.8"
	Source  string   // who answered: "cpython 3.8.18"
	Program []string // line by line

	answers string
	dialect *dialect
}

// Name tells a recording from all others: "graph/random-3 3.8".
func (r *Recording) Name() string { return r.File + " " + r.Profile }

// Split takes the name of a recording apart.
func Split(name string) (file, profile string) {
	file, profile, _ = strings.Cut(name, " ")
	return file, profile
}

// FamilyOf is the one that the recording of that name belongs to.
func FamilyOf(name string) Family {
	file, profile := Split(name)
	subject, _, _ := strings.Cut(file, "/")
	return Family{subject, profile}
}

// Drives tells whether the recordings of a file run code of a package, "impl/arena".
func Drives(file, pkg string) bool {
	d := dialectOf(file)
	return d != nil && slices.Contains(d.drives, pkg)
}

// A dialect is a language of stored programs.
type dialect struct {
	prefix string // of the names of its files; the first dialect that fits decides
	glob   string // its files below corpus/
	read   func(name, text string) ([]*Recording, error)
	open   func(profile string) (world, error)
	drives []string // the packages of impl that its world runs
}

// A world answers a program. It panics when the program makes no sense.
type world interface {
	// answer appends to out what a line is answered: whole lines, and as many as it takes.
	answer(out []byte, line string) []byte
	// recount recounts everything.
	recount() error
	// close gives everything up and says what is left.
	close() error
}

// Options say how a recording is replayed. The zero value replays it to the end on its own profile.
type Options struct {
	Profile  string         // the one that answers, where it is to be another
	LinesMax int            // how many lines are replayed; 0: all
	Before   func(line int) // called before each line with its number, from 0; may be nil
}

// recountEvery is after how many lines a replay recounts everything, besides at its end. A recount takes as long as
// some hundreds of lines.
const recountEvery = 4096

// Difference is the first line that is answered otherwise.
type Difference struct {
	Line      int    // from 1; one more than the program has where all was answered, and something is left
	Op        string // the line
	Want, Got string // the first line of the answers that differs
	Cause     string // "" for another answer, "panic", or "recount": a recount fails, or something is left
}

// Violation is the difference as the breach of the rule.
func (d *Difference) Violation() *model.Violation {
	v := Answers.Breach("%v", d)
	v.Cause = d.Cause
	return v
}

// String says it in one line, in which a line of the program that is very long is cut.
func (d *Difference) String() string {
	const most = 400
	op := d.Op
	if len(op) > most {
		op = op[:most] + " ..."
	}
	if d.Cause != "" {
		return fmt.Sprintf("line %d, %q: %s: %s", d.Line, op, d.Cause, d.Got)
	}
	return fmt.Sprintf("line %d, %q: wanted %q, got %q", d.Line, op, d.Want, d.Got)
}

// Replay has our implementation answer the program, and stops at the first difference; nil: there is none.
func (r *Recording) Replay(o Options) (d *Difference) {
	if o.Profile == "" {
		o.Profile = r.Profile
	}
	lines := r.Program
	if o.LinesMax > 0 && o.LinesMax < len(lines) {
		lines = lines[:o.LinesMax]
	}
	p := player{recording: r, before: o.Before}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if e := recover(); e != nil {
			d = p.differs(causePanic, fmt.Sprint(e))
		}
	}()
	w, err := r.dialect.open(o.Profile)
	if err != nil {
		return p.differs(causePanic, err.Error())
	}
	d = p.play(w, lines)
	if err := w.close(); d == nil && err != nil {
		return p.differs(causeRecount, err.Error())
	}
	return d
}

// A player is a replay under way.
type player struct {
	recording *Recording
	before    func(int)
	at        int // the line
	seen      int // bytes of the answers
	out       []byte
}

func (p *player) differs(cause, got string) *Difference {
	d := &Difference{Line: p.at + 1, Op: "the end", Got: got, Cause: cause}
	if p.at < len(p.recording.Program) {
		d.Op = p.recording.Program[p.at]
	}
	return d
}

func (p *player) play(w world, lines []string) *Difference {
	answers := p.recording.answers
	for i, line := range lines {
		if p.at = i; p.before != nil {
			p.before(i)
		}
		p.out = w.answer(p.out[:0], line)
		end := p.seen + len(p.out)
		if end > len(answers) || answers[p.seen:end] != string(p.out) {
			return p.otherwise()
		}
		p.seen = end
		if i%recountEvery == recountEvery-1 {
			if err := w.recount(); err != nil {
				return p.differs(causeRecount, err.Error())
			}
		}
	}
	p.at = len(lines)
	if p.at == len(p.recording.Program) && p.seen < len(answers) {
		p.out = p.out[:0]
		return p.otherwise()
	}
	if err := w.recount(); err != nil {
		return p.differs(causeRecount, err.Error())
	}
	return nil
}

// otherwise finds the first line of the answers that differs from what was answered last.
func (p *player) otherwise() *Difference {
	wanted, got := p.recording.answers[p.seen:], string(p.out)
	for {
		w, restWanted, _ := strings.Cut(wanted, "\n")
		g, restGot, _ := strings.Cut(got, "\n")
		if w != g || got == "" {
			d := p.differs("", g)
			d.Want = w
			return d
		}
		wanted, got = restWanted, restGot
	}
}
