package checkup

import "fmt"

const (
	// filesEach is how many open files there are to be for each connection, so that nothing else
	// runs out of them, and manyFiles are enough in any case.
	filesEach, manyFiles = 4, 1 << 20
	// someFiles are enough where nothing bounds connections but they.
	someFiles = 16 << 10
	// leastFree is the percentage of a disk that is to be free.
	leastFree = 10
)

// Process is what a node's process may have, and is.
type Process struct {
	// Files is how many open files it may have; 0: no end is known.
	Files int64
	// Connections is the most of them, 0 where files are the only end.
	Connections int64
	// Memory is what it may have, in bytes, 0 where no end is known; Feeds is what of it the events
	// may take that slow readers have yet to read.
	Memory, Feeds int64
	// User is its number. Writable says that it may write to its root folder.
	User     int
	Writable bool
}

// Judge judges a process: limits.files, limits.memory, process.user and process.root.
func (p Process) Judge() []Finding {
	return []Finding{p.files(), p.memory(), p.user(), p.root()}
}

func (p Process) files() Finding {
	const name = "limits.files"
	more := fmt.Sprintf("raise the limit of open files (LimitNOFILE, ulimit -n) to %d, or set RELAY_MAX_CONNECTIONS lower", max(p.Connections*filesEach, someFiles))
	switch {
	case p.Files > 0 && p.Connections > p.Files/8*7:
		return Failed(name, more, "%d files may be open, which is too few for RELAY_MAX_CONNECTIONS=%d", p.Files, p.Connections)
	case p.Files == 0 || p.Files >= manyFiles:
		return OK(name, "as many files may be open as are ever needed")
	case p.Connections > 0 && p.Files < p.Connections*filesEach:
		return Noted(name, more, "%d files may be open, which is less than four for each of RELAY_MAX_CONNECTIONS=%d", p.Files, p.Connections)
	case p.Connections == 0 && p.Files < someFiles:
		return Noted(name, more, "%d files may be open, and about as many clients may be connected", p.Files*7/8)
	default:
		return OK(name, "%d files may be open", p.Files)
	}
}

func (p Process) memory() Finding {
	const name = "limits.memory"
	switch {
	case p.Memory == 0:
		return Noted(name, "set GOMEMLIMIT, or a limit of the container", "no end of memory is known, so that nobody is refused before it comes")
	case p.Feeds > p.Memory/2:
		return Failed(name, "set RELAY_FEED_MEMORY lower, or give more memory", "RELAY_FEED_MEMORY is %d MiB, more than half of the %d MiB that the process may have", p.Feeds>>20, p.Memory>>20)
	default:
		return OK(name, "the process may have %d MiB, and events that wait %d MiB of them", p.Memory>>20, p.Feeds>>20)
	}
}

func (p Process) user() Finding {
	const name = "process.user"
	if p.User == 0 {
		return Noted(name, "run it as another user, as the image and deploy/buildrelay.service do", "the process is root, and needs not be")
	}
	return OK(name, "the process is user %d", p.User)
}

func (p Process) root() Finding {
	const name = "process.root"
	if p.Writable {
		return Noted(name, "make all but RELAY_DATA_DIR read-only (readOnlyRootFilesystem, ProtectSystem=strict)", "the process can write to its root folder")
	}
	return OK(name, "the process cannot write to its root folder")
}

// Disk judges how much is free of the disk that a folder is on; name is that of the finding.
func Disk(name, folder string, free, size uint64) Finding {
	if size == 0 {
		return OK(name, "the disk of %s has no size", folder)
	}
	percent := free * 100 / size
	if percent < leastFree {
		return Failed(name, "make room, or keep records for a shorter time (RELAY_AUDIT_KEEP)", "only %d%% of the disk of %s is free", percent, folder)
	}
	return OK(name, "%d%% of the disk of %s is free", percent, folder)
}
