package mutant

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed embed/switch.go.txt
var switchText string

//go:embed embed/worker.go.txt
var workerText string

// Build compiles the worker that has all mutants of the schema, and returns the path of the program in dir. Nothing is
// written anywhere else: the go command is told of the changed files by an overlay.
func (s *Schema) Build(ctx context.Context, root, dir string) (string, error) {
	replace := map[string]string{}
	put := func(name string, text []byte) error {
		path := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		replace[name] = path
		return os.WriteFile(path, text, 0o600)
	}
	for name, text := range s.Texts {
		if err := put(name, text); err != nil {
			return "", err
		}
	}
	below := func(path, name string) string {
		return filepath.Join(root, strings.TrimPrefix(path, modulePath+"/"), name)
	}
	sites := fmt.Sprintf("\n// Sites is the number of places with a mutant.\nconst Sites = %d\n", max(1, s.Sites))
	if err := put(below(switchPath, "switch.go"), []byte(switchText+sites)); err != nil {
		return "", err
	}
	if err := put(below(workerPath, "main.go"), []byte(workerText)); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "worker")
	// Nobody debugs a worker, and to write what a debugger needs is a third of linking it.
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-overlay", overlay,
		"-o", program, workerPath)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the mutants do not compile: %w\n%s", err, bytes.TrimSpace(out))
	}
	return program, nil
}
