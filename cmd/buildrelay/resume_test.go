package main_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	pusher "github.com/pusher/pusher-http-go/v5"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// numberedLog is a log whose entries are lines that say their number.
type numberedLog struct {
	t       *testing.T
	redis   *relaytest.Redis
	channel string
	lines   int
}

// call appends one event, as a backend does that calls the script.
func (l *numberedLog) call(event, data, options string) {
	l.t.Helper()
	key := fmt.Sprintf("buildrelay:{%s:%s}", relaytest.AppID, l.channel)
	reply := l.redis.Client().Eval(l.t.Context(), broker.AppendScript(), []string{key}, event, data, "", options)
	if err := reply.Err(); err != nil {
		l.t.Fatalf("appending %s: %v", event, err)
	}
}

// grow appends lines.
func (l *numberedLog) grow(lines int) {
	l.t.Helper()
	for range lines {
		l.lines++
		l.call("line", strconv.Itoa(l.lines), "")
	}
}

// end closes the log.
func (l *numberedLog) end() {
	l.t.Helper()
	l.call("end", "{}", fmt.Sprintf(`{"final":{"lines":%d,"bytes":null}}`, l.lines))
}

// newLogWorld is a relay for which private channels are log channels.
func newLogWorld(t *testing.T, rule string, options ...relaytest.RedisOption) world {
	t.Helper()
	server := relaytest.StartRedis(t, options...)
	return world{relaytest.StartRelay(t, with(server, map[string]string{"RELAY_LOG_RULES": "private-* " + rule})), server}
}

// logPage is a pusher-js that resumes a log.
type logPage struct {
	*relaytest.PusherJS
	t   *testing.T
	log *numberedLog
}

// read has a page read a log from its start.
func (l *numberedLog) read(version string, w world, options relaytest.PusherJSOptions) logPage {
	l.t.Helper()
	options.Resume = map[string]any{"rewind": map[string]any{"from": "start"}}
	page := logPage{relaytest.StartPusherJS(l.t, version, w.Relay, options), l.t, l}
	page.ExpectState("connected")
	page.Subscribe(l.channel)
	page.ExpectSubscribed(l.channel)
	return page
}

// expectNewest waits until the page is given the newest line.
func (p logPage) expectNewest() {
	p.t.Helper()
	newest := strconv.Itoa(p.log.lines)
	p.Expect("line "+newest, func(s relaytest.Said) bool { return s.Event == "line" && s.Type == "event" && string(s.Data) == newest })
}

// expectLines fails the test if the lines that the page was given are not those from
// one number to the newest, each once and in order.
func (p logPage) expectLines(from int) {
	p.t.Helper()
	var got, want []int
	for _, said := range p.Said() {
		if said.Type != "event" || said.Event != "line" {
			continue
		}
		var line int
		if err := json.Unmarshal(said.Data, &line); err != nil {
			p.t.Fatalf("a line is %s: %v", said.Data, err)
		}
		got = append(got, line)
	}
	for line := from; line <= p.log.lines; line++ {
		want = append(want, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("lines (- wanted, + got):\n%s", diff)
	}
}

// expectComplete closes the log and waits until the page has proven that it has all.
func (p logPage) expectComplete() {
	p.t.Helper()
	p.log.end()
	log := p.ExpectTold("complete")
	if !log.Complete || log.Final == nil || log.Final.Entries != int64(p.log.lines+1) || log.State != "live" {
		p.t.Errorf("the log is %+v, final %+v", log, log.Final)
	}
}

// givesUp says that a version of pusher-js gives up for good at the second connection
// that was cut soon after it was made.
func givesUp(version string) bool { return version < "8" }

// resumeFaults come between a page and its log. Each does something while the page is
// away; rough ones cut its connection.
var resumeFaults = []struct {
	name  string
	rough bool
	do    func(w world, page logPage, meanwhile func())
}{
	{"its connection is cut", true, func(_ world, page logPage, meanwhile func()) {
		page.Cut()
		meanwhile()
	}},
	{"the relay is stopped and started", false, func(w world, _ logPage, meanwhile func()) {
		w.Stop()
		meanwhile()
		w.Restart()
	}},
	{"the relay is killed", true, func(w world, _ logPage, meanwhile func()) {
		w.Kill()
		meanwhile()
		w.Restart()
	}},
	{"the relay's links to Redis are cut", false, func(w world, page logPage, meanwhile func()) {
		for _, kind := range []string{"pubsub", "normal"} {
			if err := w.redis.Client().ClientKillByFilter(page.t.Context(), "TYPE", kind, "SKIPME", "yes").Err(); err != nil {
				page.t.Fatalf("cutting the relay's links: %v", err)
			}
		}
		meanwhile()
	}},
	{"Redis is restarted", false, func(w world, _ logPage, meanwhile func()) {
		w.redis.Restart()
		meanwhile()
	}},
}

func TestResumedPagesSeeEveryLineOnceThroughAllThatHappens(t *testing.T) {
	t.Parallel()
	for _, version := range relaytest.ResumableVersions() {
		t.Run("pusher-js "+version, func(t *testing.T) {
			t.Parallel()
			seeEveryLineOnce(t, version, relaytest.PusherJSOptions{Build: "web"})
		})
	}
	for _, version := range relaytest.EchoVersions() {
		t.Run("laravel-echo "+version, func(t *testing.T) {
			t.Parallel()
			seeEveryLineOnce(t, "8.6.0", relaytest.PusherJSOptions{Build: "web", Echo: version})
		})
	}
}

func seeEveryLineOnce(t *testing.T, version string, options relaytest.PusherJSOptions) {
	w := newLogWorld(t, "replay=none", relaytest.RedisKeeps())
	log := &numberedLog{t: t, redis: w.redis, channel: "private-build-7"}
	log.grow(20)
	page := log.read(version, w, options)
	page.expectNewest()
	cuts := 0
	for _, fault := range resumeFaults {
		if fault.rough {
			if cuts++; cuts > 1 && givesUp(version) {
				continue
			}
		}
		t.Log(fault.name)
		log.grow(20)
		fault.do(w, page, func() { log.grow(20) })
		log.grow(1)
		page.expectNewest()
	}
	page.expectComplete()
	page.expectLines(1)
}

// The builds for Node have another WebSocket beneath them.
func TestResumedPrograms(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, "replay=none")
	for _, version := range relaytest.ResumableVersions() {
		w.run(t, version, func(t *testing.T, w world) {
			log := &numberedLog{t: t, redis: w.redis, channel: "private-build-" + version}
			page := log.read(version, w, relaytest.PusherJSOptions{})
			for cut := 0; cut < 1 || cut < 3 && !givesUp(version); cut++ {
				log.grow(10)
				page.expectNewest()
				page.Cut()
				log.grow(10)
				page.expectNewest()
			}
			page.expectComplete()
			page.expectLines(1)
		})
	}
}

// Nothing has come when the connection is cut: what is published meanwhile is no less
// missed.
func TestResumedPagesKnowWhereTheyAreBeforeAnythingComes(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, "replay=none")
	log := &numberedLog{t: t, redis: w.redis, channel: "private-build-7"}
	log.grow(10)
	page := logPage{relaytest.StartPusherJS(t, "8.6.0", w.Relay, relaytest.PusherJSOptions{Resume: map[string]any{}}), t, log}
	page.ExpectState("connected")
	page.Subscribe(log.channel)
	page.ExpectEvent(log.channel, "relay:position")
	page.Cut()
	log.grow(10)
	page.expectNewest()
	page.expectLines(11)
}

func TestResumedPagesAreToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, "events=30")
	log := &numberedLog{t: t, redis: w.redis, channel: "private-build-7"}
	log.call("line", "0", `{"maxlen":30}`)
	log.grow(9)
	page := log.read("8.6.0", w, relaytest.PusherJSOptions{})
	page.expectNewest()
	page.Disconnect()
	page.ExpectState("disconnected")
	log.grow(100)
	page.Connect()
	gap := page.ExpectTold("gap")
	if len(gap.Gaps) != 1 || gap.Gaps[0].Reason != "trimmed" || gap.Missing == nil || *gap.Missing != 70 || gap.Incomplete != "gap" {
		t.Errorf("the gap is %+v", gap)
	}
	next := page.Expect("the line behind the gap", func(s relaytest.Said) bool { return s.Type == "event" && s.Event == "line" })
	if string(next.Data) != "80" {
		t.Errorf("the line behind the gap is %s, want 80", next.Data)
	}
	page.expectNewest()
	log.end()
	page.ExpectEvent(log.channel, "relay:final")
	for _, said := range page.Said() {
		if said.Told == "complete" {
			t.Errorf("a log with a gap is called complete: %+v", said.Log)
		}
	}
}

// Redis loses the log, and the backend sends the build again.
func TestResumedPagesStartAnewWhenTheLogIsLost(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, "")
	log := &numberedLog{t: t, redis: w.redis, channel: "private-build-7"}
	log.grow(10)
	page := log.read("8.6.0", w, relaytest.PusherJSOptions{})
	page.expectNewest()
	w.redis.Restart()
	if lost := page.ExpectTold("gap"); !lost.Gaps[0].Reset || lost.Missing != nil || lost.Gaps[0].ResumeAt != nil {
		t.Errorf("the gap is %+v", lost)
	}
	log.lines = 0
	log.grow(15)
	page.ExpectTold("reset")
	page.expectNewest()
	page.expectComplete()
}

func TestResumedPagesFollowAnEncryptedLog(t *testing.T) {
	t.Parallel()
	for _, version := range relaytest.ResumableVersions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := newLogWorld(t, "")
			sdk := pusher.Client{
				AppID: relaytest.AppID, Key: relaytest.Key, Secret: relaytest.Secret, Host: w.Address,
				EncryptionMasterKeyBase64: masterKey,
			}
			log := &numberedLog{t: t, redis: w.redis, channel: "private-encrypted-build-7"}
			grow := func(lines int) {
				for range lines {
					log.lines++
					if err := sdk.Trigger(log.channel, "line", log.lines); err != nil {
						t.Fatalf("publishing: %v", err)
					}
				}
			}
			grow(5)
			page := log.read(version, w, relaytest.PusherJSOptions{MasterKey: masterKey})
			page.expectNewest()
			page.Cut()
			grow(5)
			page.expectNewest()
			w.redis.Freeze()
			page.ExpectTold("stale")
			w.redis.Thaw()
			page.ExpectTold("fresh")
			page.expectComplete()
			page.expectLines(1)
		})
	}
}
