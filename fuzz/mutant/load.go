package mutant

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// modulePath is the path of this module, and switchPath that of the switch, which is in overlay builds only.
const (
	modulePath = "heapfuzz"
	mutantPath = modulePath + "/fuzz/mutant"
	switchPath = mutantPath + "/mu"
	workerPath = mutantPath + "/worker"
)

// loadMode is what a Source needs, and what its identity in the cache is made of.
const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
	packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedModule

// Load type-checks packages of the module at root, which are named from there: "impl/pool".
func Load(root string, paths []string) ([]*Source, error) {
	var patterns []string
	for _, p := range paths {
		patterns = append(patterns, "./"+p)
	}
	cfg := &packages.Config{Mode: loadMode &^ packages.NeedDeps, Dir: root}
	list, err := packages.Load(cfg, patterns...)
	if err != nil {
		return nil, err
	}
	var sources []*Source
	for _, p := range list {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("%s: %w", p.PkgPath, p.Errors[0])
		}
		src := &Source{Path: strings.TrimPrefix(p.PkgPath, modulePath+"/"), Fset: p.Fset, Types: p.Types,
			Info: p.TypesInfo}
		for i, f := range p.Syntax {
			text, err := os.ReadFile(p.CompiledGoFiles[i])
			if err != nil {
				return nil, err
			}
			src.Files = append(src.Files, File{Name: p.CompiledGoFiles[i], Text: text, Syntax: f})
		}
		sources = append(sources, src)
	}
	if len(sources) == 0 {
		return nil, errors.New("no package to mutate")
	}
	return sources, nil
}

// Root is the folder of the module's go.mod, looked for from the working folder upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+modulePath+"\n") {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("the sources are wanted: run it in a checkout of " + modulePath)
		}
		dir = filepath.Dir(dir)
	}
}
