package demo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// commands is what is built in turn: something long, something with much to
// read, something quiet. -a and -count=1 leave nothing to the cache, else there
// would be nothing to see from the second time on; and it is little enough for a
// laptop that does other things as well.
func commands() [][]string {
	return [][]string{
		{"go", "build", "-a", "-v", "./protocol"},
		{"go", "test", "-count=1", "-v", "./protocol", "./auth"},
		{"go", "vet", "./..."},
	}
}

// Project builds this project, whose source is in dir or above it, one core a
// build. It reports false if the source, or Go, is not at hand. environ is our
// own environment.
func Project(dir string, environ []string) (Source, bool) {
	root, found := projectRoot(dir)
	if _, err := exec.LookPath("go"); err != nil || !found {
		return nil, false
	}
	env := append(append([]string(nil), environ...), "GOMAXPROCS=1")
	all := commands()
	return func(n int64) Job {
		return Job{Command: all[(n-1)%int64(len(all))], Dir: root, Env: env}
	}, true
}

// projectRoot returns the directory of this project's go.mod, dir or one above.
func projectRoot(dir string) (root string, found bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			first, _, _ := strings.Cut(string(mod), "\n")
			return dir, strings.TrimSpace(first) == "module buildrelay"
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}
