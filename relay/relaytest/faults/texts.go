package faults

import "sync"

// texts keeps one copy of what many readers are shown: the history of a long run would
// not fit otherwise. It is safe for concurrent use.
type texts struct {
	mu  sync.Mutex
	all map[string]string
}

func newTexts() *texts { return &texts{all: make(map[string]string)} }

// one is the same text, always the same copy.
func (t *texts) one(text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, found := t.all[text]; found {
		return known
	}
	t.all[text] = text
	return text
}
