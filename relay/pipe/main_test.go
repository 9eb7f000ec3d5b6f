package pipe

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"testing"

	"go.uber.org/goleak"
)

// helperVariable makes this test binary a program that runs a build: some things
// need a session of their own to be seen.
const helperVariable = "PIPE_TEST_RUN"

func TestMain(m *testing.M) {
	if script, ok := os.LookupEnv(helperVariable); ok {
		helper(script)
	}
	// What toxiproxy leaves behind when a link is cut is not ours.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}

// helper runs a script as a program would that passes signals on.
func helper(script string) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt)
	exit, err := Run(context.Background(), Config{
		AppID: "app", Channel: "c", Publisher: new(fakePublisher), Command: shell(script),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(exit.Code)
}
