package chaos

import (
	"fmt"
	"time"

	"buildrelay/relay/relaytest/faults"
)

// Size is how much a run carries.
type Size struct {
	Nodes, Clients, Channels int
	Entries                  int // that are written in a second, on average, without bursts
	// Kinds are what the channels are by turns, as the beginnings of their names say; nil are
	// those of a whole run.
	Kinds []string
}

// channelNames are those of builds. Most are long logs of which a stock client gets the end.
func (s Size) channelNames() []string {
	kinds := s.Kinds
	if kinds == nil {
		kinds = []string{"last", "all", "last", "none", "last", "encrypted-all", "last", "last"}
	}
	names := make([]string, s.Channels)
	for i := range names {
		names[i] = fmt.Sprintf("private-%s-%d", kinds[i%len(kinds)], i)
	}
	return names
}

// isLong says that the log of the i-th channel may become long.
func isLong(i int) bool { return i%2 == 0 }

// writers are one build for each channel, each by another way: mostly ordinary ones, and
// a tenth that says four times as much.
func (s Size) writers() (writers []faults.Writer) {
	const ordinary, heavy = 10, 40 // parts of the load
	whole := 0
	part := func(i int) int {
		switch {
		case i%10 == 0:
			return heavy
		case isLong(i):
			return ordinary
		default:
			return ordinary / 2 // everybody who reloads gets all of it
		}
	}
	for i := range s.Channels {
		whole += part(i)
	}
	for i, channel := range s.channelNames() {
		by, calls := []string{"evalsha", "fcall", "http"}[i%3], 1.0
		if by == "http" {
			calls = 2.5 // lines in a call
		}
		rate := float64(s.Entries*part(i)) / float64(whole)
		load := faults.Load{Every: time.Duration(calls / rate * float64(second)), Filler: 1000}
		if isLong(i) {
			load.Filler, load.Burst, load.BurstEvery = 1200, 375, time.Duration(10*s.Channels)*second
		}
		writers = append(writers, faults.Writer{By: by, Channel: channel, Load: load})
	}
	return writers
}

// kinds are the clients' shares, of twenty.
func kinds() []faults.Reader {
	stock := faults.Reader{Name: "stock"}
	resuming := faults.Reader{Name: "resuming", Resumes: true, Rewind: 50}
	over := func(r faults.Reader, carrier faults.Carrier, name string) faults.Reader {
		r.Over, r.Name = carrier, r.Name+" "+name
		return r
	}
	slow := func(r faults.Reader) faults.Reader {
		r.Slow, r.Name = 20*time.Millisecond, "slow "+r.Name
		return r
	}
	often := func(r faults.Reader, every time.Duration) faults.Reader {
		r.Every, r.Name = every, r.Name+" that comes and goes"
		return r
	}
	fromStart := faults.Reader{Name: "resuming from the start", Resumes: true}
	stream := func(r faults.Reader) faults.Reader { return over(r, faults.Streaming, "over a stream") }
	polls := func(r faults.Reader) faults.Reader { return over(r, faults.Polling, "that polls") }
	return []faults.Reader{
		stock, resuming, stock, stream(resuming), resuming, often(resuming, 20*second), polls(stock), stock, slow(resuming), resuming,
		stream(stock), often(stock, 30*second), resuming, polls(resuming), stock, slow(stock), fromStart, resuming, often(stream(resuming), 30*second), stock,
	}
}

// readers are the clients. Every fifth has five channels.
func (s Size) readers() []faults.Reader {
	all, channels := kinds(), s.channelNames()
	readers := make([]faults.Reader, s.Clients)
	for i := range readers {
		r := all[i%len(all)]
		r.Name = fmt.Sprintf("client %d, %s", i, r.Name)
		n := 1
		if i%5 == 4 {
			n = min(5, len(channels))
		}
		for k := range n {
			// All kinds come to all channels.
			r.Channels = append(r.Channels, channels[(i+i/len(all)+7*k)%len(channels)])
		}
		readers[i] = r
	}
	return readers
}
