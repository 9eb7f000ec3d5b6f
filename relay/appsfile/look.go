package appsfile

import (
	"maps"
	"slices"

	"buildrelay/relay/recheck"
	"buildrelay/relay/wholefile"
)

// mostSecret is more than a file with a secret needs.
const mostSecret = 64 << 10

// look is what the files held at one time.
type look struct {
	apps    file
	secrets map[string]file // by path
}

// file is what a file held, or why it could not be read.
type file struct {
	text []byte
	err  error
}

// digest tells looks apart.
func (l *look) digest() recheck.Digest {
	parts := l.apps.parts()
	for _, path := range slices.Sorted(maps.Keys(l.secrets)) {
		parts = append(append(parts, []byte(path)), l.secrets[path].parts()...)
	}
	return recheck.DigestOf(parts...)
}

func (f file) parts() [][]byte {
	var failed string
	if f.err != nil {
		failed = f.err.Error()
	}
	return [][]byte{[]byte(failed), f.text}
}

// readFile reads a file of at most so many bytes. That it cannot be read is a content, too.
func readFile(path string, most int64) file {
	text, err := wholefile.Read(path, most)
	return file{text, err}
}
