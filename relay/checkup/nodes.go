package checkup

import (
	"fmt"
	"slices"
	"strings"
)

// Node is a node that answered a roll call.
type Node struct {
	Name, Version string
	// Forwarder is an address that sent X-Forwarded-For to the node, is none of RELAY_TRUSTED_PROXIES
	// and not public; "" where there was none.
	Forwarder string
}

// Nodes judges whether all nodes hear Redis, are alike, and know the proxies before them. Redis has
// leases of so many; site says that clients reach one. Of what nobody answered nothing is told.
func Nodes(answered []Node, leases int, site bool) []Finding {
	found := []Finding{hearing(answered, leases, site)}
	if len(answered) == 0 {
		return found
	}
	return append(found, versions(answered), proxies(answered))
}

func hearing(answered []Node, leases int, site bool) Finding {
	const name = "nodes"
	switch {
	case len(answered) == 0 && leases == 0 && site:
		return Failed(name, "check with the node's own environment: RELAY_REDIS_URL and RELAY_REDIS_PREFIX are to be the same",
			"the relay answers, and no node is known to this Redis: it is another one than the relay's")
	case len(answered) == 0 && leases == 0:
		return Noted(name, "start a node", "no node is there")
	case len(answered) < leases:
		return Failed(name, "look at /readyz and the logs of the others; one that was killed is counted for 20 s",
			"%d nodes are there, and %d of them heard a call over Redis: %s", leases, len(answered), namesOf(answered))
	default:
		return OK(name, "all nodes hear each other over Redis: %s", namesOf(answered))
	}
}

func namesOf(nodes []Node) string {
	if len(nodes) == 0 {
		return "none"
	}
	var all []string
	for _, n := range nodes {
		all = append(all, fmt.Sprintf("%q", n.Name))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func versions(answered []Node) Finding {
	const name = "nodes.version"
	var all []string
	for _, n := range answered {
		all = append(all, n.Version)
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > 1 {
		return Noted(name, "bring all to one version", "nodes are of different versions: %q", all)
	}
	return OK(name, "nodes are of one version")
}

// proxies judges whether nodes know the proxies before them.
func proxies(answered []Node) Finding {
	const name = "proxies"
	for _, n := range answered {
		if n.Forwarder != "" {
			return Noted(name, "if it is a proxy of yours, name it in RELAY_TRUSTED_PROXIES: until then all its clients count as one address",
				"%s sent X-Forwarded-For to node %q, and is none of RELAY_TRUSTED_PROXIES", n.Forwarder, n.Name)
		}
	}
	return OK(name, "nobody in a private network sent X-Forwarded-For but RELAY_TRUSTED_PROXIES")
}
