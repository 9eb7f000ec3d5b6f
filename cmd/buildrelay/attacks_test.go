package main_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// attacks is how many rows docs/ATTACKS.md has.
const attacks = 118

// Every row is there once, in order, says what becomes of the attack, and names tests that
// exist and run.
func TestEveryAttackIsShownByTests(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	for _, problem := range attackProblems(string(read(t, filepath.Join(root, "docs", "ATTACKS.md"))), attacks, newTestTree(root)) {
		t.Error(problem)
	}
}

func TestATableOfAttacksThatIsWrongIsFound(t *testing.T) {
	t.Parallel()
	table := strings.Join([]string{
		"| 1 | a | b | `cmd/buildrelay` `TestEveryAttackIsShownByTests` |",
		"| 3 | a | b | `cmd/buildrelay` `TestNobodyWroteThis` |",
		"| 4 |  | b | nothing at all |",
		"| 5 | a | b | `auth` `TestTheTimeOfARefusalTellsNothing` |",
		"| 6 | a | b | `auth` `TestTheTimeOfARefusalTellsNothing` (make test-full) |",
		"| 7 | a | b | `relay` `TestScripts/nobody-wrote-this` |",
		"| 8 | a | b | `web/src/rules.test.ts`: “nobody wrote this” |",
		"| 9 | a | b | `nowhere` `TestEveryAttackIsShownByTests` |",
		"| 10 | a | b | `relay/relaytest/trials` `TestHalfOpenClientsAreFreed` |",
		"| 11 | a | b | `relay/relaytest/trials` `TestHalfOpenClientsAreFreed` (make test-full) |",
		"| 12 | a | b | `relay/relaytest/trials` `TestHalfOpenClientsAreFreed` (where the machine allows it) |",
		"| 13 | a | b | `cmd/buildrelay` `TestBrowser/scrolls a long log` |",
		"| 14 | a | b | `cmd/buildrelay` `TestEveryAttackIsShownByTests/scrolls a long log` |",
		"| 15 | a | b | `relay` `TestScripts/reload` |",
		"| 16 | a | b | `web/src/view/segments.test.ts`: “characters that hide or reorder”, “in a sentence” |",
	}, "\n")
	var found []string
	for _, problem := range attackProblems(table, 16, newTestTree(filepath.Join("..", ".."))) {
		row, _, _ := strings.Cut(problem, ":")
		found = append(found, row)
	}
	want := []string{"row 3", "row 3", "row 4", "row 4", "row 5", "row 7", "row 8", "row 9", "row 10", "row 11", "row 14", "row 16", "the table"}
	if !slices.Equal(found, want) {
		t.Errorf("problems are found in %q, want %q", found, want)
	}
}

// attackRow is a line of the table: its number, what is tried, what becomes of it, and the tests.
var attackRow = regexp.MustCompile(`(?m)^\| (\d+) \| (.*?) ?\| (.*?) ?\| (.*?) ?\|$`)

// attackProblems is what is wrong with a table that is to have so many rows.
func attackProblems(table string, rows int, tests *testTree) (problems []string) {
	found := attackRow.FindAllStringSubmatch(table, -1)
	for i, row := range found {
		number, _ := strconv.Atoi(row[1])
		report := func(what string) { problems = append(problems, fmt.Sprintf("row %d: %s", number, what)) }
		if i > 0 && row[1] != next(found[i-1][1]) {
			report("it does not follow the row before it")
		}
		if row[2] == "" || row[3] == "" {
			report("it does not say what is tried, and what becomes of it")
		}
		named := testsOf(row[4])
		if len(named) == 0 {
			report("no test is named")
		}
		for _, test := range named {
			if problem := tests.problem(test); problem != "" {
				report(test.String() + " " + problem)
			}
		}
	}
	if len(found) != rows || found[0][1] != "1" {
		problems = append(problems, fmt.Sprintf("the table: it has %d rows, not %d from 1 on", len(found), rows))
	}
	return problems
}

func next(number string) string {
	n, _ := strconv.Atoi(number)
	return strconv.Itoa(n + 1)
}

// namedTest is a test as a row names it.
type namedTest struct {
	place string // a folder with a package, or a file of the page's tests
	name  string // of a function, or the text of the page's test
	part  string // of the function's tests; "" is all of it
	mark  string // where alone it runs; "" is everywhere
}

func (n namedTest) String() string { return n.place + " " + n.name }

// testsOf are the tests in a cell: a place, and behind it its tests.
func testsOf(cell string) (tests []namedTest) {
	place := ""
	for _, word := range regexp.MustCompile("`[^`]+`|“[^”]+”|\\("+onlyFull+"\\)|\\("+ifAllowed+"\\)").FindAllString(cell, -1) {
		text := strings.Trim(word, "`“”")
		isFunction := strings.HasPrefix(text, "Test") || strings.HasPrefix(text, "Fuzz")
		switch {
		case strings.HasPrefix(word, "(") && len(tests) > 0:
			tests[len(tests)-1].mark = strings.Trim(word, "()")
		case strings.HasPrefix(word, "`") && isFunction:
			name, part, _ := strings.Cut(text, "/")
			tests = append(tests, namedTest{place: place, name: name, part: part})
		case strings.HasPrefix(word, "`"):
			place = text
		default:
			tests = append(tests, namedTest{place: place, name: text})
		}
	}
	return tests
}
