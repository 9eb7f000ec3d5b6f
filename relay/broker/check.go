package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

// Grade says how a finding is to be taken.
type Grade string

// The grades.
const (
	Good Grade = "ok"
	Note Grade = "note" // works, and is good to know
	Bad  Grade = "FAIL" // the relay cannot work, or not keep its promise
)

// Start says what a node does about a finding when it starts.
type Start uint8

// What a node does.
const (
	Quiet Start = iota
	Warns       // it starts, and warns
	Stops       // it does not start
)

// Finding is one thing that [Broker.Check] found out.
type Finding struct {
	Grade Grade
	Text  string
	Start Start
	// About is what it is about, "" where that is no one of them.
	About About
}

// About tells findings apart, for programs.
type About string

// What findings are about.
const (
	AboutKind        About = "kind" // what sort of server it is, and in which role
	AboutVersion     About = "version"
	AboutEviction    About = "eviction"
	AboutPersistence About = "persistence"
	AboutReplicas    About = "replicas"
	AboutRights      About = "rights" // a node's
)

func good(text string) Finding  { return Finding{Grade: Good, Text: text} }
func note(text string) Finding  { return Finding{Grade: Note, Text: text} }
func stops(text string) Finding { return Finding{Grade: Bad, Text: text, Start: Stops} }

func (f Finding) about(what About) Finding {
	f.About = what
	return f
}

// Needs is what a node needs of Redis beside what all do.
type Needs struct {
	// AppID is an app, in whose names it is tried what the user may do.
	AppID string
	// Replicas is the most that a rule for logs asks for.
	Replicas int
}

// Check finds out whether Redis is what the relay needs, and whether the user may do
// what a node and what a backend needs. It tries what it asks about, with names of its own,
// which it removes. What only logs need is [Bad] where there are rules for logs, else a
// [Note].
func (b *Broker) Check(ctx context.Context, needs Needs) []Finding {
	found, err := b.checkServers(ctx, needs)
	if err != nil {
		return []Finding{stops("Redis cannot be asked: " + oneLine(b.config.Redis.Explain(err)))}
	}
	if stopped(found) {
		return found
	}
	for _, check := range []func(context.Context, Needs) ([]Finding, error){b.checkFunctions, b.checkNodes, b.checkBackends} {
		more, err := check(ctx, needs)
		if err != nil {
			more = []Finding{{Grade: Bad, Text: oneLine(err)}}
		}
		found = append(found, more...)
	}
	return found
}

// CheckStart is Check, but for what a node alone needs: a node's user is refused nothing of it, so
// that nothing is left in Redis' ACL LOG. The error says that Redis is away, or not ready yet.
func (b *Broker) CheckStart(ctx context.Context, needs Needs) ([]Finding, error) {
	found, err := b.checkServers(ctx, needs)
	if err != nil || stopped(found) {
		return found, err
	}
	rights, err := b.checkNodes(ctx, needs)
	return append(found, rights...), err
}

func stopped(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Start == Stops })
}

// ofLogs is a finding that is bad for logs.
func (b *Broker) ofLogs(text string) Finding {
	if b.config.LogRule == nil {
		return note(text)
	}
	return Finding{Grade: Bad, Text: text, Start: Warns}
}

func (b *Broker) checkFunctions(ctx context.Context, _ Needs) ([]Finding, error) {
	return b.eachKnown(ctx, func(_ string, client *redis.Client) ([]Finding, error) {
		found := []Finding{checkFunction(ctx, client)}
		if f, bad := checkMaskFunction(ctx, client); bad {
			found = append(found, f)
		}
		return found, nil
	})
}

// eachKnown is eachMaster for the masters that are known.
func (b *Broker) eachKnown(ctx context.Context, check func(address string, client *redis.Client) ([]Finding, error)) ([]Finding, error) {
	m, err := b.config.Redis.Known(ctx)
	if err != nil {
		return nil, err
	}
	return b.eachMaster(m, check)
}

func checkFunction(ctx context.Context, client *redis.Client) Finding {
	libraries, err := client.FunctionList(ctx, redis.FunctionListQuery{LibraryNamePattern: libraryName, WithCode: true}).Result()
	switch {
	case redisconn.IsReply(err, "NOPERM"):
		return note("the user may not ask FUNCTION LIST, so that nothing can be told about the function " + functionName)
	case err != nil:
		return note("Redis knows no functions, so that backends must append by EVALSHA: " + err.Error())
	case len(libraries) == 0:
		return note("the function " + functionName + " is not installed ('buildrelay redis install' does so): backends must append by EVALSHA")
	case libraries[0].Code != AppendLibrary():
		return Finding{Grade: Bad, Text: "the function " + functionName + " is of another version than this program ('buildrelay redis install' replaces it)"}
	default:
		return good("the function " + functionName + " is installed, and of this version")
	}
}

// checkMaskFunction finds fault only where the function is another than this program's: few
// backends need it.
func checkMaskFunction(ctx context.Context, client *redis.Client) (f Finding, bad bool) {
	libraries, err := client.FunctionList(ctx, redis.FunctionListQuery{LibraryNamePattern: maskLibraryName, WithCode: true}).Result()
	if err != nil || len(libraries) == 0 || libraries[0].Code == MaskLibrary() {
		return f, false
	}
	return Finding{Grade: Bad, Text: "the function " + maskFunction + " is of another version than this program ('buildrelay redis install' replaces it)"}, true
}

// right is something that a user needs to be allowed.
type right struct {
	what string
	try  func(context.Context) error
}

// missing tries rights, and returns what fails.
func missing(ctx context.Context, rights []right) error {
	var errs []error
	for _, r := range rights {
		if err := r.try(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.what, err))
		}
	}
	return errors.Join(errs...)
}

func (b *Broker) checkNodes(ctx context.Context, needs Needs) ([]Finding, error) {
	return b.eachProbe(ctx, needs, func(ctx context.Context, p *probe) (Finding, error) {
		f, err := b.checkNode(ctx, p)
		return f.about(AboutRights), err
	})
}

// eachProbe tries something on each master.
func (b *Broker) eachProbe(ctx context.Context, needs Needs, check func(context.Context, *probe) (Finding, error)) ([]Finding, error) {
	return b.eachKnown(ctx, func(address string, _ *redis.Client) ([]Finding, error) {
		p, err := b.newProbe(ctx, needs.AppID, address)
		if err != nil {
			return nil, err
		}
		f, err := check(ctx, p)
		return []Finding{f}, err
	})
}

// checkNode tries what a node does. The error says that Redis does not answer.
func (b *Broker) checkNode(ctx context.Context, p *probe) (Finding, error) {
	switch err := missing(ctx, []right{{"hear a channel", p.hear}}); {
	case err != nil && onlyReplies(err) && !isPassing(err):
		return stops("the user may not do what a node needs: " + oneLine(err)), nil
	case err != nil:
		return Finding{}, err
	}
	err := missing(ctx, []right{
		{"load scripts", p.load},
		{"append events", p.appendBatch},
		{"read a log", p.read},
		{"tell that it watches", p.watch},
		{"keep and read the last event of a cache channel", p.cache},
		{"publish an event with an id once", p.once},
		{"register what is to be masked", p.mask},
		{"tell what is revoked", p.tell},
		{"remove what the check wrote", p.remove},
	})
	if err != nil {
		return b.ofLogs("the user may not do what a node needs for log and cache channels, and to mask, which docs/OPERATIONS.md lists: " + oneLine(err)), nil
	}
	return good("the user may do what a node needs"), nil
}

func (b *Broker) checkBackends(ctx context.Context, needs Needs) ([]Finding, error) {
	return b.eachProbe(ctx, needs, func(ctx context.Context, p *probe) (Finding, error) {
		return checkBackend(ctx, p), nil
	})
}

func checkBackend(ctx context.Context, p *probe) Finding {
	defer func() { _ = p.remove(ctx) }()
	if err := missing(ctx, []right{{"publish", p.publish}}); err != nil {
		return note("the user may not do what a backend needs: " + oneLine(err))
	}
	byFunction := missing(ctx, []right{{"append by FCALL", p.call}})
	byScript := missing(ctx, []right{{"append by EVAL or EVALSHA", p.append}})
	switch {
	case byFunction == nil:
		return good("the user may do what a backend needs, and append by FCALL")
	case byScript == nil:
		return good("the user may do what a backend needs, and append by EVALSHA")
	default:
		return note("a backend with this user can publish, but not append, for which docs/PROTOCOL.md lists the rights: " + oneLine(errors.Join(byFunction, byScript)))
	}
}

// oneLine is an error of several lines in one.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
