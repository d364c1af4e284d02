package mutant

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"heapfuzz/fuzz/recorded"
	"heapfuzz/props"
)

// Limits bound what one worker may take. The zero value has the defaults.
type Limits struct {
	Ops    uint64        // operations that a mutant is tried with: OpsDefault
	CPU    time.Duration // CPU time of a hunt, all its stages together: CPUDefault
	Hang   time.Duration // CPU time of a program above that of all before it: HangDefault
	Memory int64         // bytes that may be resident: MemoryDefault
}

const (
	OpsDefault    = 2_000_000
	CPUDefault    = 20 * time.Second
	HangDefault   = 5 * time.Second
	MemoryDefault = 1 << 30
)

func (l Limits) filled() Limits {
	if l.Ops == 0 {
		l.Ops = OpsDefault
	}
	if l.CPU == 0 {
		l.CPU = CPUDefault
	}
	if l.Hang == 0 {
		l.Hang = HangDefault
	}
	if l.Memory == 0 {
		l.Memory = MemoryDefault
	}
	return l
}

// wallFactor is how many times the CPU time a worker may take by the clock: machines are shared.
const wallFactor = 20

// lab starts workers.
type lab struct {
	program string // the worker
	dir     string // for files of progress
	limits  Limits
	brief   bool // nothing is minimized, and no rule switched off; hunts go in rounds
}

// death is how a worker ended before it was done.
type death struct {
	cause    string
	stage    stage
	ops      uint64 // answered before the program under way: how far that came depends on the clock
	programs uint64
	at       int // the number of the target
	phase    int
}

// do starts a worker with a mutant ("" for none, "watch" to watch all sites) and reads its answers.
func (l *lab) do(ctx context.Context, mutant string, j job, number int) ([]answer, *death, error) {
	j.HangMS, j.MemoryMB, j.CPU = l.limits.Hang.Milliseconds(), l.limits.Memory>>20, int64(l.limits.CPU.Seconds())
	if j.Watch { // every site takes its long way
		j.HangMS, j.CPU = 10*j.HangMS, 10*j.CPU
	}
	j.Progress = filepath.Join(l.dir, fmt.Sprintf("progress%d", number))
	if err := os.WriteFile(j.Progress, make([]byte, progressBytes), 0o600); err != nil {
		return nil, nil, err
	}
	arg, err := json.Marshal(j)
	if err != nil {
		return nil, nil, err
	}
	wall := wallFactor * (l.limits.CPU + l.limits.Hang)
	limited, cancel := context.WithTimeout(ctx, wall)
	defer cancel()
	cmd := exec.CommandContext(limited, l.program, string(arg))
	cmd.Env = append(os.Environ(), mutantVariable+"="+mutant, "GOTRACEBACK=none", "GOMAXPROCS=2")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	died := start(cmd)
	if died == nil {
		died = cmd.Wait()
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	var answers []answer
	lines := bufio.NewScanner(&stdout)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return nil, nil, fmt.Errorf("a worker says %q: %w", lines.Text(), err)
		}
		answers = append(answers, a)
	}
	if died == nil {
		return answers, nil, nil
	}
	var exit *exec.ExitError
	if !errors.As(died, &exit) {
		return nil, nil, died
	}
	if said := stderr.String(); strings.HasPrefix(said, "worker:") {
		return nil, nil, errors.New(strings.TrimSpace(said))
	}
	d, err := autopsy(j.Progress)
	d.cause = causeCrash
	switch code := exit.ExitCode(); {
	case code == exitHang || limited.Err() != nil:
		d.cause = causeHang
	case code == exitMemory:
		d.cause = causeMemory
	}
	return answers, d, err
}

// autopsy reads how far a worker came.
func autopsy(path string) (*death, error) {
	text, err := os.ReadFile(path)
	if err == nil && len(text) < progressBytes {
		err = errors.New("a worker's progress is too short")
	}
	if err != nil {
		return &death{}, err
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(text[8*i:]) }
	return &death{ops: word(0), programs: word(1), at: int(word(2)), phase: int(word(3)), stage: stage(word(4))}, nil
}

// kill is what a death in a hunt is: the rule that a target keeps answering is broken, or a recording is not answered.
func (d *death) kill(targets, recordings []string) Kill {
	k := Kill{Rule: props.Alive.Name, Cause: d.cause, Property: props.Conforms.Name, Ops: d.ops,
		Programs: int(d.programs), Length: -1, Beside: d.stage == stageBeside}
	if d.stage == stageRecordings {
		k.Rule, k.Property, targets = recorded.Answers.Name, recorded.Property, recordings
	}
	if d.at < len(targets) {
		k.Target = targets[d.at]
	}
	return k
}

// Trial is what came of trying a mutant, or a canary.
type Trial struct {
	Kill    Kill // by all rules
	Without Kill // by the others, with the rule that killed switched off
	Reached bool // the place of the mutant was reached
	Late    bool // the time of a hunt was over before all was tried: by another clock more may be found
}

// try hunts one mutant, or a canary when mutant is "", minimizes what it finds, and hunts again without the rule.
func (l *lab) try(ctx context.Context, mutant string, targets []string, seed uint64, number int) (Trial, error) {
	return l.hunt(ctx, mutant, job{Targets: targets, Seed: seed}, number)
}

// hunt is try for a job that says more.
func (l *lab) hunt(ctx context.Context, mutant string, j job, number int) (Trial, error) {
	j.Budget, j.Shrink, j.Subtract, j.Rounds = l.limits.Ops, !l.brief, !l.brief, l.brief
	var t Trial
	for range 3 { // as many phases as a worker can die in
		answers, d, err := l.do(ctx, mutant, j, number)
		if err != nil {
			return t, err
		}
		for _, a := range answers {
			t.take(a)
		}
		if d == nil {
			return t, nil
		}
		switch {
		case d.phase == phaseHunt && j.Off == "":
			t.Kill, t.Reached = d.kill(j.Targets, j.Recordings), true
			return t, nil // nothing can be switched off that would keep the process alive
		case d.phase == phaseShrink:
			j.Shrink = false
		default:
			// A death that was to be ignored is no other rule.
			if k := d.kill(j.Targets, j.Recordings); k.Rule != t.Kill.Rule {
				t.Without = k
			}
			return t, nil
		}
	}
	return t, nil
}

func (t *Trial) take(a answer) {
	switch a.Phase {
	case phaseHunt:
		t.Kill, t.Reached, t.Late = a.Kill, a.Reached, a.Late
	case phaseShrink:
		t.Kill.Length = a.Kill.Length
	case phaseSubtract:
		t.Without, t.Late = a.Kill, t.Late || a.Late
	}
}
