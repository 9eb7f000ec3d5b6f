package main_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// What is appended by a backend that masks nothing is shown with stars, and the log is complete
// all the same.
func showsNothingThatWasRegistered(t *testing.T, browser *browser) {
	server := relaytest.StartRedis(t)
	env := masked(t)
	relay := relaytest.StartRelayTLS(t, browser.certs, with(server, env))
	w := logWorld{world{relay, server}, env["RELAY_LOG_RULES"]}
	w.mask(t, "", token)
	var secret part
	secret.line("the token is "+token, "the token is ***")
	secret.line("as base64 "+base64.StdEncoding.EncodeToString([]byte(token)), "as base64 ***Q==") // what another value could end with, too
	secret.line("in colours "+token[:5]+"\x1b[31m"+token[5:]+"\x1b[0m.", "in colours ***.")
	secret.line("key AKIAIOSFODNN7EXAMPLE", "key AKIA***")
	script := newScriptedBuild(t, same("it begins"), secret, same("it ends"))
	b := browser.startBeside(t, w, script.dir, script.command()...)
	p := browser.open(t, b, "/#/builds/1")
	p.shows(`[data-line="1"] .text`, "it begins")
	script.goOn()
	p.shows(`[data-line="2"] .text`, "the token is ***")
	script.goOn()
	p.sees(`.build-page[data-status=passed][data-complete=true]`)
	p.expectLog(script.shown())
	if html := evaluate[string](p, `document.documentElement.outerHTML`); strings.Contains(html, token[:9]) {
		t.Error("the page has the token")
	}
	later := browser.open(t, b, "/#/builds/1") // who has all from the log
	later.sees(`.build-page[data-status=passed][data-complete=true]`)
	later.expectLog(script.shown())
	expectNoSecret(t, "the page", []byte(evaluate[string](later, `document.documentElement.outerHTML`)))
}
