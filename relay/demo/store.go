package demo

import (
	"maps"
	"slices"
	"sync"

	"buildrelay/relay/pipe"
)

const maxBuilds = 50 // that are kept

// store keeps the list of builds. What they print is in their logs. It is safe for
// concurrent use.
type store struct {
	ready chan struct{} // holds a token while changed may not be empty

	mu      sync.Mutex
	last    int64
	builds  []*kept // the oldest first
	changed map[int64]bool
}

// kept is a build that is in the list.
type kept struct {
	build Build
	line  newestLine
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

// finished takes in how a build has ended, and when, in ms since the epoch. stopped
// says that we stopped it.
func (s *store) finished(id int64, exit pipe.Exit, stopped bool, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.find(id); k != nil {
		k.build.finish(exit, stopped, at)
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

func (b *Build) finish(exit pipe.Exit, stopped bool, at int64) {
	b.Finished = &at
	if exit.Signal == "" {
		b.ExitCode = &exit.Code
	}
	switch {
	case stopped:
		b.Status = Canceled
	case exit.Code == 0:
		b.Status = Passed
	default:
		b.Status = Failed
	}
}
