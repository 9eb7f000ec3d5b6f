package auth

import (
	"slices"
	"strings"
)

// Origins are those of the pages that may connect, as browsers send them: scheme, host
// and, if it is not the scheme's own, port. "https://*.example.com" stands for all hosts
// below example.com, "*" for any origin, as nil does.
type Origins []string

// Allow says whether a page of this origin may connect. Clients that are no browsers send
// none, "": they may.
func (o Origins) Allow(origin string) bool {
	if o == nil || origin == "" {
		return true
	}
	return slices.ContainsFunc(o, func(allowed string) bool { return matchesOrigin(allowed, strings.ToLower(origin)) })
}

func matchesOrigin(allowed, origin string) bool {
	if allowed == "*" {
		return true
	}
	before, after, wild := strings.Cut(strings.ToLower(allowed), "*")
	if !wild {
		return before == origin
	}
	host, ok := strings.CutPrefix(origin, before)
	host, end := strings.CutSuffix(host, after)
	return ok && end && host != "" && !strings.ContainsAny(host, "/:@")
}
