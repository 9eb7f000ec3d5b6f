package main_test

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// testTree looks for tests in the project. It reads each package once.
type testTree struct {
	root string
	read map[string]*testPackage // by folder
}

func newTestTree(root string) *testTree {
	return &testTree{root: root, read: make(map[string]*testPackage)}
}

// problem is why a test shows nothing, "" if it does.
func (tree *testTree) problem(n namedTest) string {
	if strings.HasSuffix(n.place, ".test.ts") {
		return tree.problemOfPage(n)
	}
	p, err := tree.testsIn(n.place)
	if err != nil {
		return err.Error()
	}
	if len(p.functions[n.name]) != 1 {
		return "does not exist"
	}
	if n.part != "" && !tree.hasPart(p, n) {
		return "has no part " + n.part
	}
	if mark := tree.skips(n.place, n.name); mark != n.mark {
		return fmt.Sprintf("may skip itself (%s); the table says (%s)", mark, n.mark)
	}
	return ""
}

// hasPart says whether a test has a part: a text of its own or of a table that it uses, a text
// for which its file runs a part, or a text script where it reads those.
func (tree *testTree) hasPart(p *testPackage, n namedTest) bool {
	test := p.functions[n.name][0]
	if texts(test.declaration)[n.part] || runs(test.file)[n.part] {
		return true
	}
	found := false
	ast.Inspect(test.declaration, func(node ast.Node) bool {
		if name, ok := node.(*ast.Ident); ok && p.tables[name.Name] != nil {
			found = found || texts(p.tables[name.Name])[n.part]
		}
		return !found
	})
	_, err := os.Stat(filepath.Join(tree.root, n.place, "testdata", n.part+".txt"))
	return found || err == nil && texts(test.declaration)["testdata/*.txt"]
}

// texts are the strings that stand somewhere.
func texts(in ast.Node) map[string]bool {
	found := make(map[string]bool)
	ast.Inspect(in, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				found[text] = true
			}
		}
		return true
	})
	return found
}

// runs are the strings for which parts are run in a file.
func runs(in *ast.File) map[string]bool {
	found := make(map[string]bool)
	for call := range callsIn(in) {
		if selector, ok := call.Fun.(*ast.SelectorExpr); ok && selector.Sel.Name == "Run" && len(call.Args) == 2 {
			for text := range texts(call.Args[0]) {
				found[text] = true
			}
		}
	}
	return found
}

// problemOfPage is problem of a test of the page, which is named by its text, or by that of the
// tests it stands among.
func (tree *testTree) problemOfPage(n namedTest) string {
	source, err := os.ReadFile(filepath.Join(tree.root, n.place))
	if err != nil {
		return "is in no file"
	}
	quoted := "['`\"]" + regexp.QuoteMeta(n.name) + "['`\"],"
	switch {
	case !regexp.MustCompile(`(?m)(\b(test|describe)\(|\)\()\s*` + quoted + `|^\s*` + quoted + `$`).Match(source):
		return "does not exist"
	case regexp.MustCompile(`\b(test|describe)\.(skip|todo|only|fails|runIf)`).Match(source):
		return "stands in a file of which not all is run"
	}
	return ""
}
