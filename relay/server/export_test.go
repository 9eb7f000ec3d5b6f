package server

// MemoryOf and FindMemory are for tests of how memory is measured.
func MemoryOf(limit int64) *Memory { return &Memory{limit: limit} }

func FindMemory(root string) *Memory { return findMemory(root, false) }
