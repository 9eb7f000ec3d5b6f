package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"iter"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// The marks in the table of tests that are not run everywhere.
const (
	onlyFull  = "make test-full"
	ifAllowed = "where the machine allows it"
)

// testSupport is where packages stand that tests are made of.
const testSupport = "relay/relaytest"

// testPackage is what the tests of a package are made of.
type testPackage struct {
	functions map[string][]testFunction // methods have a dot before their name, whatever they are of
	tables    map[string]ast.Node       // variables of the package
}

type testFunction struct {
	declaration *ast.FuncDecl
	file        *ast.File
}

// testsIn reads the tests of a package, and all of it where that is there for tests.
func (tree *testTree) testsIn(folder string) (*testPackage, error) {
	if p, ok := tree.read[folder]; ok {
		return p, nil
	}
	pattern := "*_test.go"
	if strings.HasPrefix(folder, testSupport) {
		pattern = "*.go"
	}
	files, err := filepath.Glob(filepath.Join(tree.root, folder, pattern))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("is of no package")
	}
	p := &testPackage{functions: make(map[string][]testFunction), tables: make(map[string]ast.Node)}
	for _, file := range files {
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		p.add(parsed)
	}
	tree.read[folder] = p
	return p, nil
}

func (p *testPackage) add(file *ast.File) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil {
				name = "." + name
			}
			p.functions[name] = append(p.functions[name], testFunction{d, file})
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range v.Names {
						p.tables[name.Name] = v
					}
				}
			}
		}
	}
}

// skips is the mark of a test that may skip itself, by what it calls too; "" if it may not. A
// method is looked for by its name alone, so that one too many may be found, never one too few.
func (tree *testTree) skips(folder, name string) (mark string) {
	marks := make(map[string]bool)
	tree.addMarks(folder, name, marks, make(map[string]bool))
	switch {
	case marks[onlyFull]:
		return onlyFull
	case marks[ifAllowed]:
		return ifAllowed
	}
	return ""
}

// addMarks adds those of a function and of all it calls, but for what was seen.
func (tree *testTree) addMarks(folder, name string, marks, seen map[string]bool) {
	p, err := tree.testsIn(folder)
	if err != nil || seen[folder+" "+name] {
		return
	}
	seen[folder+" "+name] = true
	for _, f := range p.functions[name] {
		marks[markOf(f.declaration)] = true
		imported := importsOf(f.file)
		for call := range callsIn(f.declaration) {
			for in, called := range callees(call, folder, imported) {
				tree.addMarks(in, called, marks, seen)
			}
		}
	}
}

// markOf is the mark of what skips tests itself: it asks whether all are to be run, or not.
func markOf(function *ast.FuncDecl) string {
	called := namesCalled(function)
	switch {
	case !called[".Skip"] && !called[".Skipf"] && !called[".SkipNow"]:
		return ""
	case called["Full"] || called[".Full"]:
		return onlyFull
	}
	return ifAllowed
}

func namesCalled(in ast.Node) map[string]bool {
	names := make(map[string]bool)
	for call := range callsIn(in) {
		switch f := call.Fun.(type) {
		case *ast.Ident:
			names[f.Name] = true
		case *ast.SelectorExpr:
			names["."+f.Sel.Name] = true
		}
	}
	return names
}

func callsIn(in ast.Node) iter.Seq[*ast.CallExpr] {
	return func(yield func(*ast.CallExpr) bool) {
		for node := range ast.Preorder(in) {
			if call, ok := node.(*ast.CallExpr); ok && !yield(call) {
				return
			}
		}
	}
}

// callees are the functions that a call may be of, by their folder, among those of tests.
func callees(call *ast.CallExpr, folder string, imported map[string]string) map[string]string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return map[string]string{folder: f.Name}
	case *ast.SelectorExpr:
		if of, ok := f.X.(*ast.Ident); ok && imported[of.Name] != "" {
			return map[string]string{imported[of.Name]: f.Sel.Name}
		}
		all := map[string]string{folder: "." + f.Sel.Name}
		for _, in := range imported {
			all[in] = "." + f.Sel.Name
		}
		return all
	}
	return nil
}

// importsOf are the folders of what a file imports that is there for tests, by name.
func importsOf(file *ast.File) map[string]string {
	imported := make(map[string]string)
	for _, spec := range file.Imports {
		from, err := strconv.Unquote(spec.Path.Value)
		folder, ours := strings.CutPrefix(from, "buildrelay/")
		if err != nil || !ours || !strings.HasPrefix(folder, testSupport) {
			continue
		}
		name := path.Base(folder)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imported[name] = folder
	}
	return imported
}
