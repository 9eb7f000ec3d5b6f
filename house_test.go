// Package buildrelay_test holds the rules of the house that no linter knows.
package buildrelay_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// waiter is what the comment at a go statement has to say: who waits for it.
var waiter = regexp.MustCompile(`(?i)\bwait`)

// A goroutine that nobody waits for outlives its test and its server. So each go
// statement has a comment, on its line or right above, that says who waits.
// errgroup's Go and sync.WaitGroup's Go say it themselves.
func TestEveryGoStatementNamesItsWaiter(t *testing.T) {
	for _, path := range sources(t, ".go") {
		for _, place := range unwaited(t, path, nil) {
			t.Errorf("%s: say in a comment right above who waits for this goroutine", place)
		}
	}
}

func TestAGoStatementWithoutAWaiterIsFound(t *testing.T) {
	const source = `package p

func f() {
	go f() // f's caller waits
	// Close waits for it.
	go f()
	// It runs.
	go f()

	go f()
}
`
	got := unwaited(t, "p.go", source)
	if len(got) != 2 || got[0].Line != 8 || got[1].Line != 10 {
		t.Errorf("found %v, want lines 8 and 10", got)
	}
}

// unwaited is where the go statements without a word about their waiter stand.
// source is as parser.ParseFile takes it.
func unwaited(t *testing.T, path string, source any) []token.Position {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[int]bool) // lines where, or right above which, a waiter is named
	for _, comment := range file.Comments {
		if waiter.MatchString(comment.Text()) {
			line := files.Position(comment.End()).Line
			told[line], told[line+1] = true, true
		}
	}
	var places []token.Position
	ast.Inspect(file, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok && !told[files.Position(g.Pos()).Line] {
			places = append(places, files.Position(g.Pos()))
		}
		return true
	})
	return places
}

// The linter holds the length of Go files; this holds it for the page and scripts.
func TestFilesHoldOneConcern(t *testing.T) {
	const most = 400
	for _, path := range sources(t, ".ts", ".css", ".mjs", ".sh") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(content, []byte("\n")); lines > most {
			t.Errorf("%s has %d lines; more than %d are two concerns", path, lines, most)
		}
	}
}

// sources lists the project's own files with one of the extensions.
func sources(t *testing.T, extensions ...string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "node_modules" || name == "dist" || name == "bin" || name == ".git"):
			return fs.SkipDir
		case !entry.IsDir() && hasExtension(name, extensions):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("no file with an extension of %v", extensions)
	}
	return paths
}

func hasExtension(name string, extensions []string) bool {
	for _, extension := range extensions {
		if strings.HasSuffix(name, extension) {
			return true
		}
	}
	return false
}
