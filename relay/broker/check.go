package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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

// Finding is one thing that [Broker.Check] found out.
type Finding struct {
	Grade Grade
	Text  string
}

// Check finds out whether Redis is what the relay needs, and whether the user may do
// what a node of this app and what a backend needs. It tries what it asks about, with
// names of its own, which it removes. What only logs need is [Bad] where there are rules
// for logs, else a [Note].
func (b *Broker) Check(ctx context.Context, appID string) []Finding {
	info, err := b.info(ctx)
	if err != nil && !redisconn.IsReply(err, "NOPERM") {
		return []Finding{{Bad, "Redis cannot be asked: " + err.Error()}}
	}
	var found []Finding
	if err != nil {
		found = append(found, Finding{Note, "the user may not ask INFO, so that neither version, eviction nor persistence can be told"})
	} else {
		found = append(found, checkVersion(info), b.checkEviction(info), checkPersistence(info))
	}
	return append(found, b.checkFunction(ctx), b.checkNode(ctx, appID), b.checkBackend(ctx, appID))
}

// info asks Redis about itself.
func (b *Broker) info(ctx context.Context) (map[string]string, error) {
	client, err := b.pool.Of(ctx, "")
	if err != nil {
		return nil, err
	}
	text, err := client.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[name] = value
	}
	return info, nil
}

const leastVersion = 7

func checkVersion(info map[string]string) Finding {
	version := info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < leastVersion {
		return Finding{Bad, fmt.Sprintf("Redis is of version %q: it must be %d or later", version, leastVersion)}
	}
	return Finding{Good, "Redis " + version}
}

// evicts says what Redis drops when it is full, empty where it drops nothing.
func evicts(info map[string]string) string {
	if policy := info["maxmemory_policy"]; policy != "noeviction" && info["maxmemory"] != "0" {
		return policy
	}
	return ""
}

// logGrade is the grade of what only logs need.
func (b *Broker) logGrade() Grade {
	if b.config.LogRule == nil {
		return Note
	}
	return Bad
}

func (b *Broker) checkEviction(info map[string]string) Finding {
	switch {
	case info["maxmemory_policy"] == "":
		return Finding{Note, "Redis does not tell its maxmemory-policy: it must be noeviction"}
	case evicts(info) != "":
		return Finding{b.logGrade(), "maxmemory-policy is " + evicts(info) + ": " + evictionCost}
	case info["maxmemory"] == "0":
		return Finding{Good, "maxmemory is not set, so that no log is evicted"}
	default:
		return Finding{Good, "maxmemory-policy is noeviction: when Redis is full, appends are refused and logs stay whole"}
	}
}

// warnOfEviction says, where that can be found out, that Redis drops logs.
func (b *Broker) warnOfEviction(ctx context.Context) {
	info, err := b.info(ctx)
	if err != nil {
		return // who may not ask can let 'buildrelay redis check' ask
	}
	if policy := evicts(info); policy != "" {
		b.log.Warn("Redis does not keep the logs whole: "+evictionCost, "maxmemory_policy", policy)
	}
}

const evictionCost = "a full Redis drops whole logs, and their readers are told gaps; set it to noeviction"

func checkPersistence(info map[string]string) Finding {
	if info["aof_enabled"] == "1" {
		return Finding{Good, "appendonly is on: logs outlast a restart of Redis"}
	}
	return Finding{Note, "appendonly is off: a restart of Redis loses the logs since its last snapshot, or all, and readers are told gaps"}
}

func (b *Broker) checkFunction(ctx context.Context) Finding {
	var libraries []redis.Library
	client, err := b.pool.Of(ctx, "")
	if err == nil {
		libraries, err = client.FunctionList(ctx, redis.FunctionListQuery{LibraryNamePattern: libraryName, WithCode: true}).Result()
	}
	switch {
	case redisconn.IsReply(err, "NOPERM"):
		return Finding{Note, "the user may not ask FUNCTION LIST, so that nothing can be told about the function " + functionName}
	case err != nil:
		return Finding{Note, "Redis knows no functions, so that backends must append by EVALSHA: " + err.Error()}
	case len(libraries) == 0:
		return Finding{Note, "the function " + functionName + " is not installed ('buildrelay redis install' does so): backends must append by EVALSHA"}
	case libraries[0].Code != AppendLibrary():
		return Finding{Bad, "the function " + functionName + " is of another version than this program ('buildrelay redis install' replaces it)"}
	default:
		return Finding{Good, "the function " + functionName + " is installed, and of this version"}
	}
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

func (b *Broker) checkNode(ctx context.Context, appID string) Finding {
	p := b.newProbe(appID)
	if err := missing(ctx, []right{{"hear a channel", p.hear}}); err != nil {
		return Finding{Bad, "the user may not do what a node needs: " + oneLine(err)}
	}
	err := missing(ctx, []right{
		{"load scripts", p.load},
		{"append events", p.appendBatch},
		{"read a log", p.read},
		{"tell that it watches", p.watch},
		{"keep and read the last event of a cache channel", p.cache},
		{"publish an event with an id once", p.once},
		{"remove what the check wrote", p.remove},
	})
	if err != nil {
		return Finding{b.logGrade(), "the user may not do what a node needs for log and cache channels, which docs/OPERATIONS.md lists: " + oneLine(err)}
	}
	return Finding{Good, "the user may do what a node needs"}
}

func (b *Broker) checkBackend(ctx context.Context, appID string) Finding {
	p := b.newProbe(appID)
	defer func() { _ = p.remove(ctx) }()
	if err := missing(ctx, []right{{"publish", p.publish}}); err != nil {
		return Finding{Note, "the user may not do what a backend needs: " + oneLine(err)}
	}
	byFunction := missing(ctx, []right{{"append by FCALL", p.call}})
	byScript := missing(ctx, []right{{"append by EVAL or EVALSHA", p.append}})
	switch {
	case byFunction == nil:
		return Finding{Good, "the user may do what a backend needs, and append by FCALL"}
	case byScript == nil:
		return Finding{Good, "the user may do what a backend needs, and append by EVALSHA"}
	default:
		return Finding{Note, "a backend with this user can publish, but not append, for which docs/PROTOCOL.md lists the rights: " + oneLine(errors.Join(byFunction, byScript))}
	}
}

// oneLine is an error of several lines in one.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
