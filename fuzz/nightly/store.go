package nightly

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"heapfuzz/fuzz"
	"heapfuzz/props"
)

// Store is the folder in which a night finds what those before it left.
type Store struct {
	Dir    string
	Corpus string // of the project: findings go to Corpus/LANGUAGE/found

	lock *os.File
}

// Open makes the folder if need be, waits for nobody, and fails when another night works on it.
func Open(dir, corpus string) (*Store, error) {
	s := At(dir, corpus)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s: another night works here: %w", dir, err)
	}
	s.lock = lock
	return s, s.sweep()
}

// At is the store of a night that another process has opened.
func At(dir, corpus string) *Store { return &Store{Dir: dir, Corpus: corpus} }

// Close lets others in.
func (s *Store) Close() error { return s.lock.Close() }

// Forget gives a night up that is not over: the next one is another.
func (s *Store) Forget() error {
	var state State
	if err := readJSON(s.path("state.json"), &state); err != nil || state.Night == 0 {
		return err
	}
	state.Night, state.Results = state.Night+1, nil
	return s.writeJSON(s.path("state.json"), &state)
}

// othersAge is from which age on a file in found that is not whole is nobody's any more: a finding is written at once.
const othersAge = time.Minute

// sweep removes what those left behind who were killed at writing, in the store and in found.
func (s *Store) sweep() error {
	halves, err := filepath.Glob(filepath.Join(s.found("*"), props.BesidePrefix+"*"))
	if err != nil {
		return err
	}
	for _, half := range halves {
		if st, err := os.Stat(half); err == nil && time.Since(st.ModTime()) > othersAge {
			if err := os.Remove(half); err != nil {
				return err
			}
		}
	}
	return filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), props.BesidePrefix) {
			err = os.Remove(path)
		}
		return err
	})
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.Dir}, parts...)...)
}

// found is the folder of a language's findings.
func (s *Store) found(language string) string { return filepath.Join(s.Corpus, language, "found") }

// write makes a file of the store appear whole, or not at all.
func (s *Store) write(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return props.WriteWhole(path, data)
}

func (s *Store) writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return s.write(path, append(text, '\n'))
}

// readJSON leaves v as it is when there is no such file.
func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Status is what came of a step.
type Status string

const (
	OK      Status = "ok"
	Finding Status = "finding"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Result is what a step gave. Of slices that stand in it, those of one step alone are set.
type Result struct {
	Step     string             `json:"step"`
	Status   Status             `json:"status"`
	Reason   string             `json:"reason,omitempty"`
	Warnings []string           `json:"warnings,omitempty"`
	Exit     int                `json:"exit,omitempty"` // of a failed step: what a night leaves with; 0: ExitFailed
	Seconds  float64            `json:"seconds"`
	Controls []Control          `json:"controls,omitempty"`
	Targets  []Hunted           `json:"targets,omitempty"`
	Found    []Found            `json:"found,omitempty"`
	Figures  map[string]float64 `json:"figures,omitempty"`
	Meters   []Metered          `json:"meters,omitempty"`
}

// Control is the hunt of a canary.
type Control struct {
	Language, Canary, Rule string
	Saw                    string   // the rule that was broken; "" when none was
	Missed                 []string `json:",omitempty"` // canaries that an engine had before, and did not find
	Seconds                float64  // until the step was over
	Right                  bool
}

// Found is a finding: of this night, or of one before that was looked at again.
type Found struct {
	Language, Target, Property, Rule string
	File, Command                    string
	Program                          string
	Picture                          string // the report
	Verdict                          string // new, again, fixed, target gone, not told, flaky; of a canary also other
	Why                              string // of all but the first two
}

// State is where a night is.
type State struct {
	Seed    uint64   `json:"seed"`
	Night   int      `json:"night"` // from 1
	Results []Result `json:"results"`
}

// Line is a night in the history.
type Line struct {
	Night    int                `json:"night"`
	When     string             `json:"when"`
	Revision string             `json:"revision,omitempty"`
	Exit     int                `json:"exit"`
	New      int                `json:"new"`
	Targets  map[string]Counted `json:"targets,omitempty"`
	Corpus   map[string]int     `json:"corpus,omitempty"`
}

// Counted is what the history keeps of a target.
type Counted struct {
	Taken  int     `json:"taken"` // transitions, of which there are Named
	Named  int     `json:"named"`
	OpsSec float64 `json:"opsSec"`
}

// History returns the nights of before, in their order.
func (s *Store) History() (lines []Line, err error) {
	text, err := os.ReadFile(s.path("history.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var l Line
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("%s: %w", s.path("history.jsonl"), err)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// remember adds a night to the history, in the place of one with its number.
func (s *Store) remember(l Line) error {
	lines, err := s.History()
	if err != nil {
		return err
	}
	if n := len(lines); n > 0 && lines[n-1].Night == l.Night {
		lines = lines[:n-1]
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, line := range append(lines, l) {
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return s.write(s.path("history.jsonl"), b.Bytes())
}

// known returns the paths of the reproducers in found by what they show, see key. One that is mended stays in found, so
// that a defect may be of a known key and new.
func (s *Store) known(l fuzz.Language) (map[string][]string, error) {
	files, err := filepath.Glob(filepath.Join(s.found(l.Name), "*.txt"))
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		shown := key(props.ReproHead(data))
		all[shown] = append(all[shown], file)
	}
	return all, nil
}

// key is what two reproducers of one defect have in common.
func key(r props.Repro) string { return r.Target + " " + r.Property + " " + r.Rule }
