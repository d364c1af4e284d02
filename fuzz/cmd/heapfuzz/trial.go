package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz/campaign"
	"heapfuzz/props"
	"heapfuzz/props/prog"
)

// trial finds out of programs which of them end the process, by having children run them. To start a child costs a
// thousand times what a program does, and most programs are tried in vain, so a child goes on with the next program
// for as long as it lives. What it dies of may then be damage that an earlier one left: only the first program of a
// child is known to be guilty.
type trial struct {
	subject *props.Subject
	alone   bool     // each program has a child of its own
	child   *attempt // that lives; nil: none
}

// crashes runs a program in a child and returns how it dies, nil when it does not.
func (t *trial) crashes(ctx context.Context, p prog.Program) (*props.Refutation, error) {
	if t.child == nil {
		child, err := beginAttempt(ctx, t.subject)
		if err != nil {
			return nil, err
		}
		t.child = child
	}
	more, err := t.child.try(t.subject, p)
	if err != nil || more && !t.alone {
		return nil, err
	}
	heard := &t.child.heard
	if died, err := t.end(); err != nil || more || !died {
		return nil, err
	}
	return refutation(t.subject, p, reason(heard.Bytes())), nil
}

// crashesAlone is crashes in a child that has run nothing before.
func crashesAlone(ctx context.Context, s *props.Subject, p prog.Program) (*props.Refutation, error) {
	t := trial{subject: s, alone: true}
	defer t.end()
	return t.crashes(ctx, p)
}

// end ends the child, and says whether it died.
func (t *trial) end() (died bool, err error) {
	if t.child == nil {
		return false, nil
	}
	died, err = t.child.end()
	t.child = nil
	return died, err
}

// attempt is a child that runs programs, one after another. It is told the path of each in a line of its standard
// input, and answers each that it lives through with a line.
type attempt struct {
	dir     string
	input   *os.File // our end
	answers *bufio.Scanner
	heard   bytes.Buffer // what it says on standard error, whole once ended is closed

	ended chan struct{} // is closed when the child is there no more; what follows is known then
	died  bool
	err   error
}

func beginAttempt(ctx context.Context, s *props.Subject) (*attempt, error) {
	dir, err := os.MkdirTemp("", "heapfuzz-")
	if err != nil {
		return nil, err
	}
	stdin, input, err := os.Pipe()
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	output, stdout := io.Pipe()
	a := &attempt{dir: dir, input: input, answers: bufio.NewScanner(output), ended: make(chan struct{})}
	go func() { // until end
		defer close(a.ended)
		_, a.died, a.err = child(ctx, dir, []string{"attempt", s.Target}, stdin, stdout, &a.heard)
		stdin.Close()
		stdout.Close()
	}()
	return a, nil
}

// try has the child run a program, and says whether it takes more.
func (a *attempt) try(s *props.Subject, p prog.Program) (more bool, err error) {
	path := filepath.Join(a.dir, "program.txt")
	r := props.Repro{Property: props.Conforms.Name, Target: s.Target, Program: p}
	if err := os.WriteFile(path, r.Text(s.Spec), 0o600); err != nil {
		return false, err
	}
	if _, err := fmt.Fprintln(a.input, path); err != nil {
		return false, nil // it is there no more, and end tells why
	}
	return a.answers.Scan() && a.answers.Text() == attemptMore, nil
}

func (a *attempt) end() (died bool, err error) {
	a.input.Close()
	for a.answers.Scan() { // else the child may wait for a reader
	}
	<-a.ended
	os.RemoveAll(a.dir)
	return a.died, a.err
}

// What the child answers to a program: that it takes more, or that it ends, since the program does not return.
const (
	attemptMore = "more"
	attemptLast = "last"
)

// attemptCommand is the child of a trial.
func attemptCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "attempt TARGET",
		Short:  "Run the programs in the files that standard input names; a command whose child died starts it.",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			for paths := bufio.NewScanner(c.InOrStdin()); paths.Scan(); {
				l, s, err := open(paths.Text(), args[0])
				if err != nil {
					return err
				}
				run, err := perform(c.Context(), s, l.Program, campaign.HangDefault)
				switch {
				case err != nil:
					return err
				case run.Violation != nil && run.Violation.Cause == "hang":
					_, err := fmt.Fprintln(c.OutOrStdout(), attemptLast)
					return err
				}
				if _, err := fmt.Fprintln(c.OutOrStdout(), attemptMore); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
