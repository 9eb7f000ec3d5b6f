package chaos

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"buildrelay/relay/relaytest/faults"
)

// Soak is a long run in which clients come and go, with a fault each minute, of those that
// leave the nodes' processes alone.
type Soak struct {
	Act  Act
	Size Size
	Seed uint64
	// Warm is how long clients come and go before anything is measured: until all that is kept
	// for a while, and all that grows to a bound, is as large as it gets.
	Warm time.Duration
	Last time.Duration
	// Expiry is how long Redis has to forget what expires.
	Expiry time.Duration
}

// Kept is what the nodes and Redis had before anybody came, meanwhile, and when all had gone.
type Kept struct {
	Outcome
	Before, Meanwhile, After []*Samples // of each node
	KeysBefore, KeysAfter    int64
	Lasting                  []string // keys that never expire, and are no logs and none of the rolls' own
}

// Do does it. Clients stay for 12 s on average.
func (s Soak) Do(t *testing.T) Kept {
	t.Helper()
	run := Run{Act: s.gentle(), Size: s.Size, Seed: s.Seed}
	w, k := &World{size: s.Size}, Kept{}
	plan := run.plan(w)
	for i := range plan.Readers {
		plan.Readers[i].Every = 20 * second
	}
	plan.Before = func(world *faults.World) {
		w.World = world
		k.Before = w.sampleAll(nil)
		k.KeysBefore = w.keys()
	}
	plan.Nemesis = func(*faults.World) { k.Meanwhile = s.churn(w, run.Act) }
	late := startLag()
	k.Outcome = Outcome{Result: faults.Run(t, plan), Lag: late.end()}
	w.awaitQuiet(k.Before)
	k.Lasting = w.lasting(s.Size)
	k.KeysAfter = w.awaitExpiry(s.Size, k.KeysBefore, s.Expiry)
	k.After = w.sampleAll(nil)
	return k
}

// gentle is the act without the faults that end nodes, and without those that last long.
func (s Soak) gentle() Act {
	a := s.Act
	a.Faults = nil
	for _, f := range s.Act.Faults {
		if !f.Ends {
			a.Faults = append(a.Faults, f)
		}
	}
	return a
}

// churn does a fault every minute and, once all is warm, samples every 5 s.
func (s Soak) churn(w *World, a Act) (samples []*Samples) {
	all := newSchedule(a.Faults, s.Seed)
	warm := time.Now().Add(s.Warm)
	for minute := time.Now(); time.Now().Before(warm.Add(s.Last)); {
		if time.Now().After(minute) {
			f := all.next()
			w.T.Logf("%s", f.Name)
			f.do(w)
			minute = minute.Add(time.Minute)
		}
		w.Wait(5*second, 5*second)
		if time.Now().After(warm) {
			samples = w.sampleAll(samples)
		}
	}
	return samples
}

// sampleAll measures every node.
func (w *World) sampleAll(samples []*Samples) []*Samples {
	w.T.Helper()
	for i, node := range w.Relays {
		if i == len(samples) {
			samples = append(samples, &Samples{})
		}
		if err := samples[i].take(node); err != nil {
			w.T.Fatal(err)
		}
	}
	return samples
}

// awaitQuiet waits until the nodes have noticed that everybody has gone, and have dropped what they
// keep for a minute, or two minutes.
func (w *World) awaitQuiet(before []*Samples) {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		quiet := true
		for i, now := range w.sampleAll(nil) {
			quiet = quiet && len(now.more(before[i])) == 0
		}
		if quiet {
			return
		}
		w.Wait(second, second)
	}
}

func (w *World) keys() int64 {
	w.T.Helper()
	n, err := w.Client().DBSize(w.T.Context()).Result()
	if err != nil {
		w.T.Fatalf("counting keys: %v", err)
	}
	return n
}

// lasting finds keys that nothing will remove, but for those of the logs.
func (w *World) lasting(size Size) (keys []string) {
	w.T.Helper()
	logs := make(map[string]bool)
	for _, key := range logKeys(size) {
		logs[key] = true
	}
	ctx, client := w.T.Context(), w.Client()
	for all := client.Scan(ctx, 0, "*", 1000).Iterator(); all.Next(ctx); {
		left, err := client.TTL(ctx, all.Val()).Result()
		if err == nil && left == -1 && !logs[all.Val()] && !strings.Contains(all.Val(), rolls) {
			keys = append(keys, all.Val())
		}
	}
	return keys
}

// awaitExpiry deletes the logs and waits until there are no more keys than there were, but for
// those of the rolls, or until the time is over.
func (w *World) awaitExpiry(size Size, before int64, most time.Duration) (left int64) {
	w.T.Helper()
	ctx := w.T.Context()
	for _, key := range logKeys(size) {
		if err := w.Client().Del(ctx, key).Err(); err != nil {
			w.T.Fatalf("deleting a log: %v", err)
		}
	}
	for deadline := time.Now().Add(most); ; w.Wait(second, second) {
		if left = w.keys(); left <= before+rollsKeys || time.Now().After(deadline) {
			return left
		}
	}
}

// rolls is in the keys of the rolls. How far their partitions have come is kept for ever, in
// some keys of each: not all of them are there before the first client, and then no more.
const (
	rolls     = ":{~roster:"
	rollsKeys = 64
)

func logKeys(size Size) (keys []string) {
	for _, channel := range size.channelNames() {
		key := faults.LogKey(channel)
		keys = append(keys, key, key+":meta")
	}
	return keys
}

// more is what a node has more of than it had before.
func (s *Samples) more(before *Samples) (more []string) {
	for m, most := range map[Measure]float64{Goroutines: 10, Descriptors: 5, Heap: mostHeap} {
		if n := s.last(m) - before.last(m); n > most {
			more = append(more, fmt.Sprintf("%.1f %s more", n, m))
		}
	}
	return more
}

// mostHeap is how many MiB a node may go on to hold: what it needs the first time, such as
// buffers of its connections to Redis.
const mostHeap = 2

// Wrong is what was not given back.
func (k Kept) Wrong() (wrong []string) {
	for i, now := range k.After {
		for _, more := range now.more(k.Before[i]) {
			wrong = append(wrong, fmt.Sprintf("node %d has %s when all have gone", i, more))
		}
		meanwhile := k.Meanwhile[i]
		if first, last := meanwhile.Quarters(Heap); last > 1.1*first {
			wrong = append(wrong, fmt.Sprintf("the heap of node %d has grown from %.1f to %.1f MiB", i, first, last))
		}
		// Labels are from fixed lists, and each is there once it was needed.
		if first, last := meanwhile.Quarters(Series); last > first+10 {
			wrong = append(wrong, fmt.Sprintf("node %d had %.0f series of /metrics and has %.0f", i, first, last))
		}
	}
	if k.KeysAfter > k.KeysBefore+rollsKeys {
		wrong = append(wrong, fmt.Sprintf("Redis had %d keys and has %d", k.KeysBefore, k.KeysAfter))
	}
	if len(k.Lasting) > 0 {
		wrong = append(wrong, fmt.Sprintf("%d keys never expire: %.500s", len(k.Lasting), strings.Join(k.Lasting, " ")))
	}
	return wrong
}

// WriteTable writes what each node had, with the growth in an hour over the last half.
func (k Kept) WriteTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "node\tmeasure\tbefore\tfirst quarter\tlast quarter\tgrowth an hour\tall gone")
	for i := range k.Meanwhile {
		for _, m := range measures() {
			first, last := k.Meanwhile[i].Quarters(m)
			fmt.Fprintf(table, "%d\t%s\t%.1f\t%.1f\t%.1f\t%+.2f\t%.1f\n", i, m, k.Before[i].last(m), first, last,
				k.Meanwhile[i].Slope(m), k.After[i].last(m))
		}
	}
	fmt.Fprintf(table, "Redis\tkeys\t%d\t\t\t\t%d\n", k.KeysBefore, k.KeysAfter)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}
