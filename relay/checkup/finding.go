// Package checkup judges what was found out about an installation: facts in, findings out. It
// looks at nothing itself; package visit beside it does what browsers do.
package checkup

import "fmt"

// Grade says how a finding is to be taken.
type Grade string

// The grades.
const (
	Good Grade = "ok"
	Note Grade = "note" // works, and is good to know
	Fail Grade = "fail" // does not work, or is not safe
)

// Finding is one thing that was found out.
type Finding struct {
	// Name is what it is about, such as "tls.expiry". Programs go by it.
	Name  string `json:"name"`
	Grade Grade  `json:"grade"`
	// Text says what is, in one line. It holds no secret.
	Text string `json:"text"`
	// Do says what to do about it; "" where there is nothing to do.
	Do string `json:"do,omitempty"`
}

// OK is a finding that all is well.
func OK(name, format string, values ...any) Finding {
	return Finding{Name: name, Grade: Good, Text: fmt.Sprintf(format, values...)}
}

// Noted is something that is good to know, and what may be done.
func Noted(name, do, format string, values ...any) Finding {
	return Finding{Name: name, Grade: Note, Text: fmt.Sprintf(format, values...), Do: do}
}

// Failed is something that is wrong, and what is to be done.
func Failed(name, do, format string, values ...any) Finding {
	return Finding{Name: name, Grade: Fail, Text: fmt.Sprintf(format, values...), Do: do}
}
