package redisconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// slots is how many hash slots a Redis Cluster has.
const slots = 16384

// Map says which master has a key. It does not change.
type Map struct {
	masters []string // sorted
	servers []string // masters and replicas
	// of is the master of each slot, as an index of masters; nil where there is one.
	of []uint16
}

// single is the map of one master.
func single(address string) *Map { return &Map{masters: []string{address}} }

// Masters returns the addresses of all masters, sorted. The caller may not change it.
func (m *Map) Masters() []string { return m.masters }

// Of returns the address of the master that has the key.
func (m *Map) Of(key string) string { return m.masters[m.index(key)] }

// index is the place of the key's master among the masters.
func (m *Map) index(key string) int {
	if m.of == nil {
		return 0
	}
	return int(m.of[slot(key)])
}

// Equal says whether both have the same masters for all keys. Either may be nil.
func (m *Map) Equal(o *Map) bool {
	if m == nil || o == nil {
		return m == o
	}
	return slices.Equal(m.masters, o.masters) && slices.Equal(m.of, o.of)
}

// cluster is a Redis Cluster; each of its servers knows who has which slots.
type cluster struct{ options *redis.Options }

func (c cluster) to() *redis.Options { return c.options }
func (c cluster) also() bool         { return true }

// ask asks CLUSTER SLOTS.
func (c cluster) ask(ctx context.Context, client *redis.Client, address string) (*Map, int64, error) {
	ranges, err := client.ClusterSlots(ctx).Result() //nolint:staticcheck // CLUSTER SHARDS names those that have failed, too
	if err != nil {
		return nil, 0, fmt.Errorf("asking %s which servers the Cluster has: %w", address, err)
	}
	m, err := newMap(ranges, address)
	if err != nil {
		return nil, 0, fmt.Errorf("asking %s which servers the Cluster has: %w", address, err)
	}
	return m, 0, nil
}

// newMap makes a map of what a server answered. A server that does not know its own host
// leaves it empty; it is the one that was asked. For a slot that nobody has any master will
// do: it answers that the Cluster is down.
func newMap(ranges []redis.ClusterSlot, asked string) (*Map, error) {
	m := &Map{of: make([]uint16, slots)}
	masters := make([]string, slots)
	for _, r := range ranges {
		if r.Start < 0 || r.End >= slots || len(r.Nodes) == 0 {
			return nil, errors.New("an answer from Redis that was not expected")
		}
		for i, node := range r.Nodes {
			address := addressOf(node.Addr, asked)
			m.servers = append(m.servers, address)
			if i == 0 {
				m.masters = append(m.masters, address)
				for n := r.Start; n <= r.End; n++ {
					masters[n] = address
				}
			}
		}
	}
	m.masters, m.servers = sorted(m.masters), sorted(m.servers)
	if len(m.masters) == 0 {
		return nil, errors.New("no server has any slot")
	}
	for n, address := range masters {
		if at, served := slices.BinarySearch(m.masters, address); served {
			m.of[n] = uint16(at) //nolint:gosec // there are fewer masters than slots
		}
	}
	return m, nil
}

func addressOf(said, asked string) string {
	host, port, err := net.SplitHostPort(said)
	if err != nil || host != "" {
		return said
	}
	host, _, _ = net.SplitHostPort(asked)
	return net.JoinHostPort(host, port)
}

func sorted(addresses []string) []string {
	slices.Sort(addresses)
	return slices.Compact(addresses)
}

// slot returns a key's hash slot, by what is in its first pair of braces, if there is
// something (Redis Cluster specification).
func slot(key string) uint16 {
	if _, after, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(after, "}"); ok && tag != "" {
			key = tag
		}
	}
	return crc16(key) % slots
}

// crc16 is CRC-16/XMODEM.
func crc16(text string) (sum uint16) {
	for i := range len(text) {
		sum ^= uint16(text[i]) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}
