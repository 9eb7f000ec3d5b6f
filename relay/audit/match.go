package audit

import "strings"

// Matches says whether the filter wants the record.
func (f Filter) Matches(e Entry) bool {
	switch {
	case !f.Since.IsZero() && e.OccurredAt.Before(f.Since), !f.Until.IsZero() && !e.OccurredAt.Before(f.Until):
		return false
	case f.Actor != "" && e.Actor != f.Actor, f.Target != "" && e.Target != f.Target:
		return false
	}
	beginning, some := strings.CutSuffix(f.Action, "*")
	if some {
		return strings.HasPrefix(e.Action, beginning)
	}
	return f.Action == "" || e.Action == f.Action
}
