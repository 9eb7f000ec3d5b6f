package demo

import (
	"maps"
	"slices"
	"sync"

	"buildrelay/relay/pipe"
)

const (
	maxBuilds = 50      // that are kept
	maxOutput = 4 << 20 // bytes of output that are kept of each, the newest
)

// store keeps the builds. It is safe for concurrent use.
type store struct {
	ready chan struct{} // holds a token while changed may not be empty

	mu      sync.Mutex
	last    int64
	builds  []*kept // the oldest first
	changed map[int64]bool
}

// kept is a build with its output.
type kept struct {
	build    Build
	line     newestLine
	output   []pipe.Output
	size     int // bytes of output
	finished *pipe.Finished
}

// Log is a build with its output. Of a long one the beginning is not kept: the
// first record's offset says how much is missing.
type Log struct {
	Build  Build         `json:"build"`
	Output []pipe.Output `json:"output"`
	// Finished is the data of the build's last event, nil while it runs.
	Finished *pipe.Finished `json:"finished"`
}

// newStore returns a store that numbers builds from first.
func newStore(first int64) *store {
	return &store{ready: make(chan struct{}, 1), last: first - 1, changed: make(map[int64]bool)}
}

// begin adds the build that describe returns for a new id, and forgets the
// oldest if there are too many.
func (s *store) begin(describe func(id int64) Build) Build {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	b := describe(s.last)
	if len(s.builds) == maxBuilds {
		delete(s.changed, s.builds[0].build.ID)
		s.builds = slices.Delete(s.builds, 0, 1)
	}
	s.builds = append(s.builds, &kept{build: b})
	s.touch(b.ID)
	return b
}

// printed takes in what a build has printed next.
func (s *store) printed(id int64, output []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(id)
	if k == nil {
		return
	}
	if k.line.add(output); k.line.text != k.build.Line {
		k.build.Line = k.line.text
		s.touch(id)
	}
}

// add keeps the next record of a build. stopped says that we stopped it.
func (s *store) add(id int64, r pipe.Record, stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(id)
	if k == nil {
		return
	}
	switch r := r.(type) {
	case pipe.Output:
		k.add(r)
	case pipe.Finished:
		k.finish(r, stopped)
		s.touch(id)
	}
}

// list returns all builds, the newest first.
func (s *store) list() []Build {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Build, 0, len(s.builds))
	for _, k := range slices.Backward(s.builds) {
		list = append(list, k.build)
	}
	return list
}

// log returns a build with its output.
func (s *store) log(id int64) (Log, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.find(id)
	if k == nil {
		return Log{}, false
	}
	output := append([]pipe.Output{}, k.output...) // never nil, which would be null
	return Log{Build: k.build, Output: output, Finished: k.finished}, true
}

// takeChanged returns the builds that changed since it was last called, the
// oldest first.
func (s *store) takeChanged() []Build {
	s.mu.Lock()
	defer s.mu.Unlock()
	var builds []Build
	for _, id := range slices.Sorted(maps.Keys(s.changed)) {
		builds = append(builds, s.find(id).build)
	}
	clear(s.changed)
	return builds
}

// retouch marks builds as changed again, as far as they are still kept.
func (s *store) retouch(builds []Build) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range builds {
		if s.find(b.ID) != nil {
			s.touch(b.ID)
		}
	}
}

// find returns a build, nil if it is not kept. s.mu is held.
func (s *store) find(id int64) *kept {
	for _, k := range s.builds {
		if k.build.ID == id {
			return k
		}
	}
	return nil
}

// touch marks a build as changed. s.mu is held.
func (s *store) touch(id int64) {
	s.changed[id] = true
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// add keeps output, and drops the oldest to make room.
func (k *kept) add(o pipe.Output) {
	k.output = append(k.output, o)
	k.size += len(o.Bytes())
	for k.size > maxOutput && len(k.output) > 1 {
		k.size -= len(k.output[0].Bytes())
		k.output[0] = pipe.Output{}
		k.output = k.output[1:]
	}
}

func (k *kept) finish(f pipe.Finished, stopped bool) {
	k.finished = &f
	k.build.Finished = &f.Time
	k.build.ExitCode = f.ExitCode
	switch {
	case stopped:
		k.build.Status = Canceled
	case f.ExitCode != nil && *f.ExitCode == 0:
		k.build.Status = Passed
	default:
		k.build.Status = Failed
	}
}
