package main_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"buildrelay/relay/relaytest"
)

// The page in a real browser, over https: what a person sees who types 'make run'.
// Chromium takes seconds to start, so there is one, with a tab for each test.
func TestBrowser(t *testing.T) {
	b := startBrowser(t)
	for name, test := range map[string]func(*testing.T, *browser){
		"shows builds as they happen":                        showsBuildsAsTheyHappen,
		"shows a complete log though the relay is restarted": showsACompleteLogThoughTheRelayIsRestarted,
		"shows a whole log to whoever comes":                 showsAWholeLogToWhoeverComes,
		"shows a whole log though the network was away":      showsAWholeLogThoughTheNetworkWasAway,
		"shows a gap that no line can imitate":               showsAGapThatNoLineCanImitate,
		"shows a whole log though Redis lost it":             showsAWholeLogThoughRedisLostIt,
		"shows an npm log":                                   showsAnNpmLog,
		"shows a docker log":                                 showsADockerLog,
		"scrolls a long log":                                 scrollsALongLog,
		"shows hostile output as text":                       showsHostileOutputAsText,
		"shows who watches, on whatever node":                showsWhoWatches,
		"falls back to streaming":                            fallsBackToStreaming,
		"falls back to polling":                              fallsBackToPolling,
		"falls back when upgrades are refused":               fallsBackWhenUpgradesAreRefused,
		"falls back when upgrades are not answered":          fallsBackWhenUpgradesAreNotAnswered,
		"goes back to WebSockets":                            goesBackToWebSockets,
		"shows a whole log through a proxy that cuts":        showsAWholeLogThroughAProxyThatCuts,
		"subscribes though a message is lost":                subscribesThoughAMessageIsLost,
		"asks nobody but us":                                 nothingLeavesTheHouse,
		"signs for pages that may ask":                       signsForPagesThatMayAsk,
		"shows nothing that was registered":                  showsNothingThatWasRegistered,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b)
		})
	}
}

// browser is a Chromium that accepts one certificate more than others do: the one
// in the folder where `buildrelay demo` looks for its own.
type browser struct {
	ctx   context.Context
	cache string // for XDG_CACHE_HOME
	certs *relaytest.Certs
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	b := &browser{cache: t.TempDir()}
	b.makeCertificate(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findChromium(t)),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		// It would ask its maker about the page's fields, which no page can help.
		chromedp.Flag("disable-features", "site-per-process,Translate,BlinkGenPropertyTrees,AutofillServerCommunication"),
		chromedp.Flag("ignore-certificate-errors-spki-list", keyHash(t, b.certs.CertFile)),
	)
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, closeAll := chromedp.NewContext(ctx)
	t.Cleanup(closeAll)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	b.ctx = ctx
	return b
}

// another is a browser of somebody else: it shares the process, and knows nothing of what
// the first has stored.
func (b *browser) another(t *testing.T) *browser {
	t.Helper()
	ctx, closeAll := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(closeAll)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening another browser: %v", err)
	}
	return &browser{ctx: ctx, cache: b.cache, certs: b.certs}
}

// findChromium looks for the names that .ci/setup looks for.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("Chromium is not installed: run .ci/setup chromium")
	return ""
}

// makeCertificate makes the certificate that demo would make at its first start.
func (b *browser) makeCertificate(t *testing.T) {
	t.Helper()
	dir := filepath.Join(b.cache, "buildrelay")
	if said, err := exec.Command(relaytest.Build(t), "cert", "--dir", dir).CombinedOutput(); err != nil {
		t.Fatalf("making a certificate: %v\n%s", err, said)
	}
	b.certs = &relaytest.Certs{
		CAFile:   filepath.Join(dir, "ca.pem"),
		CertFile: filepath.Join(dir, "cert.pem"),
		KeyFile:  filepath.Join(dir, "key.pem"),
		Pool:     x509.NewCertPool(),
	}
	b.certs.Pool.AppendCertsFromPEM(read(t, b.certs.CAFile))
}

// keyHash names a certificate's key as Chromium wants it: the SHA-256 of its
// SubjectPublicKeyInfo, in base64 (RFC 7469, 2.4).
func keyHash(t *testing.T, file string) string {
	t.Helper()
	block, _ := pem.Decode(read(t, file))
	if block == nil {
		t.Fatalf("%s holds no certificate", file)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatalf("reading %s: %v", file, err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
