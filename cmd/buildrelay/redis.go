package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
)

const redisUsage = `Usage:

	buildrelay redis install                      make Redis know the functions that append to logs, and
	                                              register what is to be masked
	buildrelay redis script [-masks] [-function]  print the script that appends, or with -masks the one that
	                                              registers, or the function's library
	buildrelay redis check                        find out whether Redis is what the relay needs

install and check ask the Redis of RELAY_REDIS_URL. check uses names that begin with
RELAY_REDIS_PREFIX and RELAY_APP_ID, and ends with exit code 1 where the relay could not
work, or not keep its promise that no log is incomplete in silence.
`

// errCheck says that the check found, and told, what makes the relay fail.
var errCheck = errors.New("Redis is not as the relay needs it")

// runRedis is 'buildrelay redis'.
func runRedis(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, redisUsage)
		return errUsage
	}
	command, args := args[0], args[1:]
	flags := flag.NewFlagSet("buildrelay redis "+command, flag.ContinueOnError)
	switch command {
	case "script":
		function := flags.Bool("function", false, "print the library of the function, for FUNCTION LOAD")
		ofMasks := flags.Bool("masks", false, "print what registers what is to be masked")
		if err := parse(flags, args); err != nil {
			return err
		}
		return printScript(os.Stdout, os.Stderr, printed{*ofMasks, *function})
	case "install", "check":
		if err := parse(flags, args); err != nil {
			return err
		}
		return askRedis(ctx, command)
	case "help", "-h", "--help":
		fmt.Print(redisUsage)
		return nil
	default:
		fmt.Fprintf(os.Stderr, "buildrelay redis: there is no command %q\n\n%s", command, redisUsage)
		return errUsage
	}
}

// printed says what is printed: the script or the function that appends, or that registers what
// is to be masked.
type printed struct{ masks, function bool }

func (p printed) text() string {
	switch p {
	case printed{}:
		return broker.AppendScript()
	case printed{function: true}:
		return broker.AppendLibrary()
	case printed{masks: true}:
		return broker.MaskScript()
	default:
		return broker.MaskLibrary()
	}
}

// printScript prints the bare text, so that it can be handed on, and the SHA-1 of a script beside.
func printScript(out, beside io.Writer, what printed) error {
	text := what.text()
	if _, err := fmt.Fprint(out, text); err != nil || what.function {
		return err
	}
	_, err := fmt.Fprintf(beside, "\nsha1 %s\n", redisconn.NewScript(text).SHA)
	return err
}

func askRedis(ctx context.Context, command string) error {
	c, _, err := loadWithSoketi(os.Environ())
	if err == nil {
		err = c.loadKeys(ctx)
	}
	if err == nil {
		err = c.checkRedis()
	}
	if err != nil {
		return err
	}
	if c.AppsFile == "" && c.AppID == "" {
		c.AppID = "check"
	}
	all, app, err := c.backendApps()
	if err != nil {
		return err
	}
	servers, err := redisServers(c)
	if err != nil {
		return err
	}
	defer servers.Close()
	b := newBroker(c, servers, all, metrics.New(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if command == "check" {
		return checkRedis(ctx, c, servers, b, all, app.ID)
	}
	if err := b.InstallFunctions(ctx); err != nil {
		return err
	}
	fmt.Println("installed: FCALL buildrelay_append 1", c.RedisPrefix+":{APP:CHANNEL} EVENT DATA [EVENT_ID [OPTIONS]]")
	fmt.Println("installed: FCALL buildrelay_mask 1", c.RedisPrefix+":{APP}:masks CHANNEL UNTIL SEALED")
	return nil
}

// checkRedis prints what is found out about Redis.
func checkRedis(ctx context.Context, c Config, servers *redisconn.Servers, b *broker.Broker, all apps, appID string) error {
	r := newRoster(c, servers, all, metrics.New(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	found := append(b.Check(ctx, broker.Needs{AppID: appID, Replicas: all.replicas}), checkTransport(servers)...)
	if why := reasons(found); why == nil {
		found = append(found, checkRoster(ctx, r))
	}
	return printFindings(os.Stdout, found)
}

// checkTransport tells whether others on the network may read along.
func checkTransport(servers *redisconn.Servers) []broker.Finding {
	addresses := servers.Exposed()
	if len(addresses) == 0 {
		return nil
	}
	return []broker.Finding{{
		Grade: broker.Note,
		Text:  "Redis is reached without TLS at " + strings.Join(addresses, ", ") + ": everybody on the network can read along (rediss instead of redis in RELAY_REDIS_URL)",
	}}
}

func printFindings(out io.Writer, findings []broker.Finding) error {
	var failed error
	for _, f := range findings {
		if f.Grade == broker.Bad {
			failed = errCheck
		}
		if _, err := fmt.Fprintf(out, "%-4s  %s\n", f.Grade, f.Text); err != nil {
			return err
		}
	}
	return failed
}
