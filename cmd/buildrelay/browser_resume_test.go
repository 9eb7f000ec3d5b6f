package main_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"buildrelay/relay/relaytest"
)

// realBuild is a build that prints a real log, where the collection is at hand, up to
// its middle and then the rest. It has colours and nothing else.
func realBuild(t *testing.T, name string) *scriptedBuild {
	t.Helper()
	_, content, found := collectedLog(t, name)
	if !found {
		return newScriptedBuild(t, numberedPart(1, 500, same("the middle")), numberedPart(502, 1000, same("the end")))
	}
	half := len(content)/2 + strings.Index(content[len(content)/2:], "\n") + 1
	return newScriptedBuild(t, coloured(content[:half]), coloured(content[half:]))
}

// coloured is a part with no other escape sequences than those for colours.
func coloured(raw string) part {
	plain := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(raw, "")
	return part{raw, strings.Split(strings.TrimSuffix(plain, "\n"), "\n")}
}

// expectComplete waits until the page shows the build as passed and proven to be
// complete, and compares what it was given, byte for byte.
func (p *page) expectComplete(script *scriptedBuild) {
	p.t.Helper()
	p.sees(`.build-page[data-status=passed][data-complete=true]`)
	p.shows(`.proof[data-proof=complete]`, "Complete")
	p.expectDownload(script.raw())
}

// expectWhole is expectComplete, and reads all that is shown.
func (p *page) expectWhole(script *scriptedBuild) {
	p.t.Helper()
	p.expectComplete(script)
	p.tall()
	p.expectLog(script.shown())
}

// Whoever comes to a build in its middle sees it from its first line; so does whoever
// comes again, and in several tabs.
func showsAWholeLogToWhoeverComes(t *testing.T, browser *browser) {
	script := realBuild(t, "14-cargo.log")
	b := browser.startDemo(t, script.dir, script.command()...)
	early := browser.open(t, b, "/#/builds/1")
	early.hasLines(len(script.parts[0].shown))
	late := browser.open(t, b, "/#/builds/1")
	again := browser.open(t, b, "/#/builds/1")
	for _, p := range []*page{late, again} {
		p.hasLines(len(script.parts[0].shown))
	}
	again.do("reloading", chromedp.Reload())
	again.hasLines(len(script.parts[0].shown))
	script.goOn()
	for _, p := range []*page{early, late, again} {
		p.expectComplete(script)
	}
	late.do("reloading", chromedp.Reload())
	late.expectWhole(script)
}

// hasLines waits until the page has read as many lines.
func (p *page) hasLines(n int) {
	p.t.Helper()
	p.until(`document.querySelector('.log-size')?.textContent.replace(/\D/g, '') === '` + strconv.Itoa(n) + `'`)
}

// The network goes away and comes back: long enough that the connection is found dead,
// and for a minute in the full tests. Redis has the log sealed, which is nothing to the page.
func showsAWholeLogThoughTheNetworkWasAway(t *testing.T, browser *browser) {
	script := realBuild(t, "17-go-test.github-actions.log")
	b := browser.startSealedDemo(t, script.dir, script.command()...)
	p := browser.open(t, b, "/#/builds/1")
	p.expected = aboutConnections
	p.hasLines(len(script.parts[0].shown))
	evaluate[bool](p, recordConnection)
	p.network(false)
	script.goOn()
	b.passed(1)
	p.until(`window.connections.includes('offline')`)
	if relaytest.Full() {
		for range 3 {
			evaluate[bool](p, `new Promise((over) => setTimeout(() => over(true), 20_000))`)
		}
	}
	p.network(true)
	p.expectWhole(script)
	p.sees(`[data-connection=live]`)
	p.sees(`.proof[title*="It is sealed"]`)
}

// network takes the network away from the page, or gives it back.
func (p *page) network(there bool) {
	p.t.Helper()
	var rules []*network.Conditions
	if !there {
		rules = append(rules, &network.Conditions{Offline: true, DownloadThroughput: -1, UploadThroughput: -1})
	}
	_, err := chromedp.Call(p.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: rules})
	p.check("changing the network", err)
	state := network.OverrideNetworkStateParams{Offline: !there, DownloadThroughput: -1, UploadThroughput: -1}
	_, err = chromedp.Call(p.ctx, network.OverrideNetworkState, state)
	p.check("changing the network", err)
}
