package checkup

import (
	"fmt"
	"strings"
	"time"
)

const (
	// leastSecret is how long a secret is to be, in characters: Pusher's have as many.
	leastSecret = 20
	// oldSecret is the age from which a secret is told to be old.
	oldSecret = 90 * 24 * time.Hour
)

// Secret is a secret, without what it is.
type Secret struct {
	// What says which it is, such as "key 278d of app ci".
	What string
	// Length is in characters. Known says that it stands in manuals.
	Length int
	Known  bool
}

// Secrets judges how hard it is to guess secrets.
func Secrets(all []Secret) Finding {
	const name, do = "secrets", "set one of your own, by openssl rand -hex 20"
	var weak []string
	for _, s := range all {
		switch {
		case s.Known:
			weak = append(weak, s.What+" is one that everybody knows")
		case s.Length < leastSecret:
			weak = append(weak, fmt.Sprintf("%s has fewer than %d characters", s.What, leastSecret)) // how many would help to guess it
		}
	}
	if len(weak) > 0 {
		return Failed(name, do, "%s", strings.Join(weak, "; "))
	}
	return OK(name, "none of %d secrets is short or known", len(all))
}

// SecretFile is a file with a secret, and when it was last written.
type SecretFile struct {
	Setting string
	Written time.Time
}

// Ages judges how old secrets are, as far as files tell.
func Ages(files []SecretFile, now time.Time) Finding {
	const name = "secrets.age"
	var old []string
	for _, f := range files {
		if age := now.Sub(f.Written); age > oldSecret {
			old = append(old, fmt.Sprintf("%s (%s)", f.Setting, days(age)))
		}
	}
	if len(old) > 0 {
		return Noted(name, "give each a new one: docs/OPERATIONS.md says how", "not changed for more than 90 days: the file of %s", strings.Join(old, ", "))
	}
	return OK(name, "no file with a secret is older than 90 days")
}
