package trail

import (
	"maps"
	"net/netip"
	"sync"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

const (
	// sampleSpan is the time in which the first singly refusals of a kind are kept one by one.
	sampleSpan = time.Minute
	singly     = 10
	// mostKinds is how many kinds are told apart, mostOthers how many of all other addresses.
	mostKinds  = 1_000
	mostOthers = 100
	// others stands for the addresses of which there were too many.
	others = "others"
)

// kind is what refusals have in common that are counted together.
type kind struct {
	action, reason, address string
}

// tally counts refusals of a kind since a time.
type tally struct {
	since time.Time
	n     int
	last  audit.Record // the last of those that are counted together
}

// sampler keeps what others bring about as often as they like from filling the trail.
type sampler struct {
	metrics *metrics.Metrics

	mu      sync.Mutex
	kinds   map[kind]*tally
	strange map[kind]*tally // of addresses of which there were too many
}

func newSampler(m *metrics.Metrics) *sampler {
	return &sampler{metrics: m, kinds: make(map[kind]*tally), strange: make(map[kind]*tally)}
}

// take counts a refusal and says whether it is to be noted by itself; its payload is made to
// say so.
func (s *sampler) take(r *audit.Record, reason, address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tally(kind{r.Action, reason, network(address)}, r.OccurredAt)
	t.n++
	if t.n <= singly {
		r.Payload = times(r.Payload, 1)
		return true
	}
	t.last = *r
	s.metrics.AuditSampled.Inc()
	return false
}

// tally returns that of a kind, or where there are too many, that of all other addresses.
func (s *sampler) tally(k kind, now time.Time) *tally {
	if t, there := s.kinds[k]; there {
		return t
	}
	if len(s.kinds) < mostKinds {
		t := &tally{since: now}
		s.kinds[k] = t
		return t
	}
	k.address = others
	if _, there := s.strange[k]; !there && len(s.strange) >= mostOthers {
		k.reason = others
	}
	t, there := s.strange[k]
	if !there {
		t = &tally{since: now}
		s.strange[k] = t
	}
	return t
}

// sweep returns a record for each kind whose time is over, if some of it were not noted. With
// end the time of all is over.
func (s *sampler) sweep(now time.Time, end bool) (records []audit.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tallies := range []map[kind]*tally{s.kinds, s.strange} {
		for k, t := range tallies {
			if !end && now.Sub(t.since) < sampleSpan {
				continue
			}
			delete(tallies, k)
			if t.n > singly {
				records = append(records, summary(k, t))
			}
		}
	}
	return records
}

// summary is a record for those of a tally that were not noted: the last of them, with their
// number.
func summary(k kind, t *tally) audit.Record {
	r := t.last
	r.Payload = times(r.Payload, t.n-singly)
	if k.address != others {
		return r
	}
	r.Metadata = maps.Clone(r.Metadata)
	if r.Metadata == nil {
		r.Metadata = make(map[string]string)
	}
	r.Metadata["ip"] = others
	if payload, ok := r.Payload.(audit.ConnectionRefuse); ok {
		payload.IP = others
		r.Payload = payload
	}
	return r
}

// times makes a payload say for how many refusals it stands, where it can.
func times(payload any, n int) any {
	if counted, ok := payload.(interface{ Times(n int) any }); ok {
		return counted.Times(n)
	}
	return payload
}

// network is what of an address refusals are told apart by: an IPv6 client may have as many
// addresses as it likes in its /64.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return audit.Clean(address)
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}
