package metrics_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// Whoever could choose a label could make as many series as he likes.
func TestNothingThatAClientSendsBecomesALabel(t *testing.T) {
	const hostile = "h0stile"
	redis := relaytest.StartRedis(t)
	relay := relaytest.StartRelay(t, map[string]string{"RELAY_REDIS_URL": redis.URL(), "RELAY_APP_CLIENT_EVENTS": "true"})
	for _, path := range []string{"/app/" + hostile, "/app/" + relaytest.Key + "?protocol=" + hostile} {
		c := relaytest.DialWS(t, "ws://"+relay.Address+path, relaytest.WSOptions{Header: http.Header{"Origin": {hostile}}})
		c.Await("pusher:error")
	}
	c := relaytest.DialWS(t, "ws://"+relay.Address+"/app/"+relaytest.Key, relaytest.WSOptions{})
	c.Established()
	for _, message := range []string{
		`{"event":"` + hostile + `"}`,
		`{"event":"client-` + hostile + `","channel":"private-` + hostile + `","data":"x"}`,
		`{"event":"pusher:subscribe","data":{"channel":"private-` + hostile + `","auth":"` + hostile + `:x"}}`,
		`{"event":"pusher:subscribe","data":{"channel":"` + hostile + `!"}}`,
	} {
		c.Send(message)
		c.Await("pusher:error")
	}
	c.Send(`{"event":"pusher:subscribe","data":{"channel":"` + hostile + `"}}`)
	c.Await("pusher_internal:subscription_succeeded")
	for _, path := range []string{"/" + hostile, "/apps/" + hostile + "/events", "/apps/3/" + hostile, "/apps/3/channels/" + hostile + "?auth_key=" + hostile} {
		for _, method := range []string{http.MethodGet, http.MethodPost, "H0STILE"} {
			relay.Do(method, path, "")
		}
	}
	_, told := relay.AskMetrics("/metrics")
	for _, want := range []string{`buildrelay_connections_refused_total{code="4001"} 1`, `buildrelay_client_messages_total{app="3"} 5`, `route="none"`} {
		if !strings.Contains(told, want) {
			t.Errorf("%s is not counted", want)
		}
	}
	if found := regexp.MustCompile(`(?i).*`+hostile+`.*`).FindAllString(told, -1); found != nil {
		t.Errorf("a client chose these: %q", found)
	}
}

func TestBothListenersSayWhetherTheNodeIsReadyAndWhyNot(t *testing.T) {
	redis := relaytest.StartRedis(t)
	relay := relaytest.StartRelay(t, map[string]string{"RELAY_REDIS_URL": redis.URL()})
	listeners := []func(path string) string{
		func(path string) string { _, said := relay.Do(http.MethodGet, path, ""); return said },
		func(path string) string { _, said := relay.AskMetrics(path); return said },
	}
	for _, ask := range listeners {
		for _, path := range []string{"/healthz", "/readyz"} {
			if got := ask(path); got != "ok\n" {
				t.Errorf("%s says %q", path, got)
			}
		}
	}
	relay.ExpectMetric(`buildrelay_ready{part="redis"}`, "is 1", func(n float64) bool { return n == 1 })
	redis.Kill()
	relay.ExpectMetric(`buildrelay_ready{part="redis"}`, "is 0", func(n float64) bool { return n == 0 })
	for _, ask := range listeners {
		if got := ask("/readyz"); !strings.Contains(got, "Redis") {
			t.Errorf("/readyz says %q", got)
		}
		if got := ask("/healthz"); got != "ok\n" {
			t.Errorf("/healthz says %q", got)
		}
	}
}
