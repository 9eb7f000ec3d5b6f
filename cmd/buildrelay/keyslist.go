package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"buildrelay/relay/seal"
)

// keysList is 'buildrelay keys list'.
func keysList(ctx context.Context, c Config, out io.Writer) error {
	file, err := c.openKeys(ctx)
	if err != nil {
		return err
	}
	n := c.needed(ctx)
	for _, unseen := range []error{n.unseenSecrets, n.unseenEntries} {
		if unseen != nil {
			fmt.Fprintln(os.Stderr, "buildrelay: what is marked with ? is not known:", unseen)
		}
	}
	return n.print(out, file.Keys().Current())
}

// print prints a line for each key, the oldest first.
func (n *needed) print(to io.Writer, set *seal.Keyset) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tUSE\tENTRIES\tSECRETS")
	for _, id := range set.IDs() {
		use := "opens"
		if id == set.Seals() {
			use = "seals"
		}
		fmt.Fprintf(table, "%v\t%s\t%s\t%s\n", id, use, counted(n.entries[id], n.unseenEntries), counted(n.secrets[id], n.unseenSecrets))
	}
	return table.Flush()
}

// counted is a number, or at least that.
func counted(n int, unseen error) string {
	text := strconv.Itoa(n)
	if unseen != nil {
		text += "?"
	}
	return text
}
