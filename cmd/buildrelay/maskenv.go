package main

import (
	"errors"
	"fmt"
	"strings"

	"buildrelay/relay/mask"
)

// maskedValues is what 'pipe --mask-env' masks: the values of the named variables, and
// tokens that are known by their form; nil where no variable is named. A variable that
// is empty has nothing to mask: CI systems set secrets so for builds that may not
// have them. A name that is not set may be a value, given by mistake: the error does
// not tell it.
func maskedValues(names, environ []string) (*mask.Set, error) {
	if len(names) == 0 {
		return nil, nil //nolint:nilnil // nothing to mask is no error
	}
	values := make(map[string]string)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}
	var secrets, from []string
	var problems []error
	for i, name := range names {
		switch value, ok := values[name]; {
		case !ok:
			problems = append(problems, fmt.Errorf("--mask-env: name %d of %d is not set; it takes names of variables, not their values", i+1, len(names)))
		case value != "":
			secrets, from = append(secrets, value), append(from, name)
		}
	}
	set, refused := mask.NewSet(secrets, mask.Shapes())
	for _, r := range refused {
		problems = append(problems, fmt.Errorf("--mask-env: the value of %s cannot be masked: %s", from[r.Index], r.Reason))
	}
	return set, errors.Join(problems...)
}

// addMasked takes what one --mask-env is given: names, with commas between them.
func (f *pipeFlags) addMasked(names string) error {
	if strings.Trim(names, ", ") == "" {
		return errors.New("it needs the name of a variable, such as DEPLOY_TOKEN")
	}
	for name := range strings.SplitSeq(names, ",") {
		f.maskEnv = append(f.maskEnv, strings.TrimSpace(name))
	}
	return nil
}
