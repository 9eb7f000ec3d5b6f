package trail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"buildrelay/relay/audit"
	"buildrelay/relay/wholefile"
)

// mostHeads is how much of a file of heads is read.
const mostHeads = 1 << 20

// heads is the file of the newest signed heads, one JSON object a line: first that of the
// node's chain, then what the file had before of other chains, from when the node had another
// name. A head of the node's chain that is farther than the chain itself stays there as well:
// it shows that somebody cut off the chain's end, which the node must not cover up by going
// on. The writer's.
type heads struct {
	path, chain string
	key         audit.Key
	log         *slog.Logger

	head   audit.Head
	dirty  bool   // head is not in the file
	others []byte // lines
	read   bool   // others
}

func newHeads(c Config) *heads {
	return &heads{path: c.Heads, chain: c.Chain, key: c.Key, log: c.Log}
}

// newest says which head is the newest. Where the chain ends no farther than it did, somebody
// cut off its end while the node was running: the head from before stays in the file. A Store
// that left out all that it was handed returns the same one, or none.
func (h *heads) newest(head audit.Head) {
	if head.Seq == 0 || head.Seq == h.head.Seq && bytes.Equal(head.MAC, h.head.MAC) {
		return
	}
	if head.Seq <= h.head.Seq {
		h.stay(h.head, head.Seq)
	}
	h.head, h.dirty = head, true
}

// stay keeps a head in the file that is farther than the chain, whose end has a number.
func (h *heads) stay(head audit.Head, end int64) {
	h.log.Error("the audit trail ends before its newest signed head", "chain", h.chain, "seq", end, "signed", head.Seq)
	if line, err := json.Marshal(head); err == nil { // it cannot fail
		h.others = append(append(h.others, line...), '\n')
	}
}

// write writes the file, if there is something new to write.
func (h *heads) write() error {
	if !h.dirty {
		return nil
	}
	if err := h.readOthers(); err != nil {
		return fmt.Errorf("reading the file of heads: %w", err)
	}
	line, err := json.Marshal(h.head)
	if err != nil {
		return fmt.Errorf("writing down a head: %w", err)
	}
	if err := wholefile.Replace(h.path, append(append(line, '\n'), h.others...)); err != nil {
		return fmt.Errorf("writing the file of heads: %w", err)
	}
	h.dirty = false
	return nil
}

// readOthers reads, once, what stays in the file.
func (h *heads) readOthers() error {
	if h.read {
		return nil
	}
	file, err := os.Open(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		h.read = true
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostHeads))
	if err != nil {
		return err
	}
	first := true
	for line := range bytes.Lines(text) {
		h.readLine(bytes.TrimSpace(line), first)
		first = false
	}
	h.read = true
	return nil
}

// readLine keeps a line of the file, unless it is none that the node wrote, or only says
// where its chain once was.
func (h *heads) readLine(line []byte, first bool) {
	var old audit.Head
	if json.Unmarshal(line, &old) != nil || h.key.CheckHead(old) != nil {
		return
	}
	if first && old.Chain == h.chain {
		if old.Seq > h.head.Seq {
			h.stay(old, h.head.Seq)
		}
		return
	}
	h.others = append(append(h.others, line...), '\n')
}
