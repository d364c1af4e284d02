package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"heapfuzz/fuzz"
	"heapfuzz/fuzz/inspect"
	"heapfuzz/impl/object"
)

// errSeen ends the run of a program behind the operation that is shown.
var errSeen = errors.New("seen")

// graphTo draws who refers to whom behind operation at of a program, -1 for the last: as SVG, or as the text that
// Graphviz reads where there are too many objects for a picture. What no root reaches, and the collector follows, is
// counted on the standard error.
func graphTo(c *cobra.Command, path, target, out string, at int) error {
	l, s, err := open(path, target)
	if err != nil {
		return err
	}
	t, err := lookup(s.Target)
	if err != nil {
		return err
	}
	last := len(l.Program.Ops) - 1
	if at < -1 || at > last {
		return fmt.Errorf("-at %d: %s has operations 0 to %d", at, path, last)
	}
	if at == -1 {
		at = last
	}
	w := c.OutOrStdout()
	if out != "" {
		f, err := os.Create(out)
		if err != nil {
			return err
		}
		defer f.Close()
		w = f
	}
	err = fuzz.Look(t, l.Program, func(i int, h *object.Heap, roots []inspect.Root, followed []object.Ref) error {
		if i != at {
			return nil
		}
		g, lost := inspect.Reach(h, roots), 0
		for _, o := range followed {
			if g.Path(o) == nil {
				lost++
			}
		}
		if lost > 0 {
			fmt.Fprintf(c.ErrOrStderr(), "heapfuzz: %s that the collector follows, and no root reaches\n",
				count(lost, "object"))
		}
		if g.Objects() <= inspect.PictureMax {
			if err := g.SVG(w); err != nil {
				return err
			}
			return errSeen
		}
		text, err := g.DOT()
		if err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		return errSeen
	})
	if errors.Is(err, errSeen) {
		return nil
	}
	return err
}
