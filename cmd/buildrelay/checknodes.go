package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/checkup"
	"buildrelay/relay/checkup/visit"
	"buildrelay/relay/registry"
)

// rollCallTime is how long nodes have to answer.
const rollCallTime = 5 * time.Second

// lookAtNodes finds out whether all nodes hear Redis, and each other.
func (k *checking) lookAtNodes(ctx context.Context) []checkup.Finding {
	leases, err := k.roster.Nodes(ctx)
	if err != nil {
		return []checkup.Finding{checkup.Failed("nodes", "see what is told of Redis", "%v", err)}
	}
	ask, answers, err := k.callNodes(ctx, leases)
	if err != nil {
		return []checkup.Finding{checkup.Failed("nodes", "see what is told of Redis", "%v", k.redis.Explain(err))}
	}
	nodes := make([]checkup.Node, len(answers))
	for i, a := range answers {
		nodes[i] = checkup.Node{Name: a.Node, Version: a.Version, Forwarder: a.Forwarder}
	}
	return append(checkup.Nodes(nodes, leases, k.site != nil), k.nodeURLs(ctx, ask, answers)...)
}

// callNodes asks over Redis which nodes are there, and waits for so many of them. One that answers
// twice is one.
func (k *checking) callNodes(ctx context.Context, leases int) (ask string, answers []rollText, err error) {
	if leases == 0 {
		return "", nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, rollCallTime)
	defer cancel()
	ask = rand.Text()
	heard := make(map[[2]string]bool)
	text, err := json.Marshal(rollText{Ask: ask})
	if err != nil {
		return "", nil, err
	}
	err = k.broker.Ask(ctx, rollCallTopic, string(text), func(text string) bool {
		if said, ok := parseRollText(text); ok && said.Answer == ask && !heard[said.who()] {
			heard[said.who()] = true
			answers = append(answers, said)
		}
		return len(answers) < leases
	})
	slices.SortFunc(answers, func(a, b rollText) int { return cmp.Compare(a.Node+a.URL, b.Node+b.URL) })
	return ask, answers, err
}

// nodeURLs finds out whether nodes can be reached where others send clients on to them. Only what a
// node has signed is asked.
func (k *checking) nodeURLs(ctx context.Context, ask string, answers []rollText) []checkup.Finding {
	const name = "nodes.url"
	if k.config.NodeURL == "" || k.bad["nodes"] || len(answers) == 0 {
		return nil
	}
	roots, err := certPool(k.config.NodeCAFile)
	if err != nil {
		return []checkup.Finding{checkup.Failed(name, readConfig, "RELAY_NODE_CA_FILE: %v", err)}
	}
	cluster := auth.NewCluster(k.config.ClusterSecret)
	secure := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	const do = "make each node reachable for the others at its RELAY_NODE_URL, with the same RELAY_CLUSTER_SECRET and RELAY_NODE_CA_FILE"
	wrong := make([]string, len(answers))
	var asking sync.WaitGroup
	for i, a := range answers {
		asking.Go(func() { wrong[i] = nodeAway(ctx, secure, a, cluster.IsOwner(signedFor(ask), a.URL, a.Signature)) })
	}
	asking.Wait()
	wrong = slices.DeleteFunc(wrong, func(why string) bool { return why == "" })
	if len(wrong) > 0 {
		return []checkup.Finding{checkup.Failed(name, do, "%s", strings.Join(wrong, "; "))}
	}
	return []checkup.Finding{checkup.OK(name, "all nodes can be reached at their RELAY_NODE_URL")}
}

// nodeAway says why a node cannot be reached; "" where it can. signed says that it has the secret of
// the nodes.
func nodeAway(ctx context.Context, secure *tls.Config, a rollText, signed bool) string {
	who := "node " + strconv.Quote(a.Node)
	u, err := registry.ParseURL(a.URL)
	switch {
	case a.URL == "":
		return who + " has no RELAY_NODE_URL"
	case err != nil:
		return who + " has a RELAY_NODE_URL that is none"
	case !signed:
		return who + " has another RELAY_CLUSTER_SECRET"
	}
	trying, cancel := context.WithTimeout(ctx, rollCallTime)
	defer cancel()
	if err := visit.Ready(trying, visit.Relay{URL: &url.URL{Scheme: u.Scheme, Host: u.Host}, TLS: secure}, "/healthz"); err != nil {
		return who + " at " + u.Host + ": " + err.Error()
	}
	return ""
}
