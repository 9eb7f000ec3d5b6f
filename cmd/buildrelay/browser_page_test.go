package main_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"buildrelay/relay/relaytest"
)

// page is a tab. The test fails if the page throws, logs a warning or an error,
// or breaks its own content policy.
type page struct {
	t     *testing.T
	ctx   context.Context
	close func() // as a person closes a tab
	// expected says that the page may complain about something, such as a
	// connection that the test cut.
	expected func(complaint string) bool

	mu         sync.Mutex
	complaints []string
	requests   map[string]int // by the last part of their path
}

// open opens an address of a backend in a tab.
func (b *browser) open(t *testing.T, backend *ciBackend, path string) *page {
	t.Helper()
	return b.openWith(t, backend, path, "")
}

// openWith is open in a tab that runs a script before those of the page.
func (b *browser) openWith(t *testing.T, backend *ciBackend, path, script string) *page {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	t.Cleanup(closeTab)
	p := &page{t: t, ctx: ctx, close: closeTab, expected: func(string) bool { return false }, requests: map[string]int{}}
	t.Cleanup(p.judge)
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	_, err := chromedp.Call(ctx, cdp.AddScriptToEvaluateOnNewDocument, cdp.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	p.check("preparing a tab", err)
	p.do("opening "+path, chromedp.EmulateViewport(1280, 800), chromedp.Navigate(backend.url+path))
	return p
}

// hear notes what a person would see in red or yellow in the browser's console.
func (p *page) hear(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.note(e.Request.URL)
	case *runtime.EventExceptionThrown:
		p.complain("exception: " + describe(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			p.complain(fmt.Sprintf("console.%s: %s", e.Type, argumentsOf(e)))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.complain(fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	}
}

func describe(d *runtime.ExceptionDetails) string {
	text := fmt.Sprintf("%s at %s:%d:%d", d.Text, d.URL, d.LineNumber+1, d.ColumnNumber+1)
	if d.Exception != nil {
		text += ": " + d.Exception.Description
	}
	return text
}

func argumentsOf(e *runtime.EventConsoleAPICalled) string {
	var arguments []string
	for _, a := range e.Args {
		arguments = append(arguments, string(a.Value)+a.Description)
	}
	return strings.Join(arguments, " ")
}

func (p *page) complain(complaint string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, complaint)
}

// note counts a request.
func (p *page) note(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests[path.Base(u.Path)]++
}

// asked is how often the page has asked for what ends with a name.
func (p *page) asked(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[name]
}

// judge fails the test for what the page complained about unexpectedly.
func (p *page) judge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, complaint := range p.complaints {
		if !p.expected(complaint) {
			p.t.Errorf("the page complained: %s", complaint)
		}
	}
}

// do carries out steps within Patience.
func (p *page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, relaytest.Patience)
	defer cancel()
	p.check(what, chromedp.Do(ctx, steps...))
}

// click clicks the one element that a CSS selector names, as soon as it is to be seen.
func (p *page) click(selector string) {
	p.t.Helper()
	p.do("clicking "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// press types keys, such as "g", wherever the focus is.
func (p *page) press(keys string) {
	p.t.Helper()
	p.do("pressing "+keys, chromedp.KeyEvent(keys))
}

// until waits until a JavaScript expression is true.
func (p *page) until(expression string) {
	p.t.Helper()
	p.untilWithin(relaytest.Patience, expression)
}

// untilWithin is until, for what takes long.
func (p *page) untilWithin(d time.Duration, expression string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(d)))
	p.check("waiting for "+expression, err)
}

// sees waits until an element that a CSS selector names is there.
func (p *page) sees(selector string) {
	p.t.Helper()
	p.until(isThere(selector))
}

// isThere is the expression for an element that a CSS selector names.
func isThere(selector string) string {
	return fmt.Sprintf("document.querySelector(%q) !== null", selector)
}

// shows waits until an element is there and holds a text.
func (p *page) shows(selector, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q)", selector, text))
}

// check ends the test if err is one, and shows what the page shows.
func (p *page) check(what string, err error) {
	p.t.Helper()
	if err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, relaytest.Patience)
	defer cancel()
	shown, failed := chromedp.Run(ctx, chromedp.Evaluate[string](
		`location.href + '\n' + document.querySelector('[data-connection]')?.dataset.connection + '\n' + document.body.innerText`))
	p.t.Fatalf("%s: %v\nthe page shows: %s", what, errors.Join(err, failed), shown)
}

// evaluate is the value of a JavaScript expression, or what its promise comes to.
func evaluate[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, relaytest.Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	p.check("evaluating "+expression, err)
	return value
}
