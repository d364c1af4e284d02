package pipe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// lineMax bounds a line: what is longer is no answer.
const lineMax = 1 << 16

// wordsMax is how much of what the other side wrote to its standard error is kept.
const wordsMax = 2048

// A process is the other side.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *os.File
	lines *bufio.Reader
	words lastWords
	dead  error // why it is not asked any more
}

// start runs a command and returns it with its first line.
func start(argv []string) (*process, string, error) {
	p := &process{cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Stderr = &p.words
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, "", err
	}
	out, theirs, err := os.Pipe() // of our own, because it has a deadline
	if err != nil {
		return nil, "", err
	}
	p.out, p.cmd.Stdout = out, theirs
	err = p.cmd.Start()
	theirs.Close()
	if err != nil {
		out.Close()
		return nil, "", err
	}
	p.lines = bufio.NewReaderSize(out, lineMax)
	hello, err := p.read()
	if err != nil {
		p.kill()
		return nil, "", err
	}
	return p, hello, nil
}

// write sends a line.
func (p *process) write(line []byte) error {
	if p.dead != nil {
		return p.dead
	}
	if _, err := p.in.Write(line); err != nil {
		return p.end("does not read", err)
	}
	return nil
}

// read returns the next line. One that was begun is kept while it is waited for the rest.
func (p *process) read() (string, error) {
	if p.dead != nil {
		return "", p.dead
	}
	var begun []byte
	for w := (wait{pid: p.cmd.Process.Pid, since: time.Now()}); ; {
		if err := p.out.SetReadDeadline(w.deadline()); err != nil {
			return "", p.end("cannot be waited for", err)
		}
		line, err := p.lines.ReadSlice('\n')
		if err == nil {
			return string(begun) + string(line[:len(line)-1]), nil
		}
		begun = append(begun, line...)
		if !errors.Is(err, os.ErrDeadlineExceeded) || len(begun) > lineMax || w.over() {
			return "", p.failed(err)
		}
	}
}

// failed notes why there is no line.
func (p *process) failed(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return p.end("does not answer", nil)
	case errors.Is(err, bufio.ErrBufferFull):
		return p.end("writes a line without end", nil)
	case errors.Is(err, io.EOF):
		return p.end("died", nil)
	}
	return p.end("cannot be read", err)
}

// end notes why the process is not asked any more, with its last words.
func (p *process) end(what string, cause error) error {
	p.kill()
	text := "the other side " + what
	if cause != nil {
		text += ": " + cause.Error()
	}
	if state := p.cmd.ProcessState; state != nil && what == "died" {
		text += ": " + state.String()
	}
	if words := p.words.String(); words != "" {
		text += ": " + words
	}
	p.dead = errors.New(text)
	return p.dead
}

// kill ends the process and waits for it.
func (p *process) kill() {
	p.in.Close()
	if p.cmd.ProcessState == nil {
		timer := time.AfterFunc(100*time.Millisecond, func() { _ = p.cmd.Process.Kill() })
		_ = p.cmd.Wait()
		timer.Stop()
	}
	p.out.Close()
}

// lastWords keeps the end of what is written to it.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (w *lastWords) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, b...)
	if n := len(w.text) - wordsMax; n > 0 {
		w.text = append(w.text[:0], w.text[n:]...)
	}
	return len(b), nil
}

// String is the last line that is not empty.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(w.text)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// badLine is the error of an answer that is none.
func (p *process) badLine(asked []byte, line string) error {
	if len(line) > 80 {
		line = line[:80] + "..."
	}
	return p.end(fmt.Sprintf("answers %q with %q", strings.TrimSpace(string(asked)), line), nil)
}
