package faults

import "time"

// Carrier is what a reader connects over.
type Carrier uint8

// The carriers.
const (
	WebSocket Carrier = iota
	Streaming
	Polling
)

// Reader is a client that reads some of a plan's channels.
type Reader struct {
	Name string // says what it does
	// Channels are those that it reads, over one connection.
	Channels []string
	Over     Carrier
	// Resumes says that it asks for what follows its position; a stock client takes
	// what the channel's rule replays.
	Resumes bool
	// Rewind is how many entries it asks for at first; 0 means all. For one that
	// resumes.
	Rewind int64
	// Every is the longest that it stays connected; 0 means for ever.
	Every time.Duration
	// Slow is how long it takes for each KiB.
	Slow time.Duration
}

// on is the reader for other channels.
func (r Reader) on(channels ...string) Reader {
	r.Channels = channels
	return r
}

// defaultReaders are those of a plan that names none: some of every kind for each channel,
// and one who reads all.
func (p Plan) defaultReaders() (readers []Reader) {
	for _, channel := range p.Channels {
		for _, kind := range readerKinds() {
			readers = append(readers, kind.on(channel))
		}
		for i := range p.Crawlers {
			readers = append(readers, crawlers()[i%2].on(channel))
		}
	}
	all := Reader{Name: "resuming all", Resumes: true, Every: time.Second}
	return append(readers, all.on(p.Channels...))
}

func readerKinds() []Reader {
	const often = 2 * time.Second
	return []Reader{
		{Name: "stock"},
		{Name: "stock that reloads", Every: often},
		{Name: "slow stock", Slow: 20 * time.Millisecond},
		{Name: "resuming", Resumes: true},
		{Name: "resuming after 5", Resumes: true, Rewind: 5},
		{Name: "resuming that reconnects", Resumes: true, Every: often},
		{Name: "slow resuming", Resumes: true, Slow: 20 * time.Millisecond},
		{Name: "slow resuming that reconnects", Resumes: true, Slow: 20 * time.Millisecond, Every: 2 * often},
	}
}

func crawlers() []Reader {
	return []Reader{
		{Name: "crawling stock", Slow: time.Second},
		{Name: "crawling resuming", Resumes: true, Slow: time.Second},
	}
}
