package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const keysUsage = `Usage:

	buildrelay keys create            make RELAY_KEYS_FILE with a first key, or add one that only opens
	buildrelay keys rotate            let the newest key seal; a new one, where it does already
	buildrelay keys list              list the keys, and how much is sealed with each
	buildrelay keys retire [-force] ID
	                                  remove a key that nothing is sealed with any more
	buildrelay keys seal              seal a secret that is given on standard input

The keys seal the entries of logs (RELAY_APP_SEAL, or 'seal' in the apps file), and secrets in
settings and in the apps file. Where there are several nodes: create, give the file to all,
rotate, and give it to all again; retire when all seal with the new key. list and retire look
into the apps file, the settings and the Redis that RELAY_… variables name.
`

// runKeys is 'buildrelay keys'.
func runKeys(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, keysUsage)
		return errUsage
	}
	command, args := args[0], args[1:]
	run, known := map[string]func(context.Context, Config, io.Writer) error{
		"create": keysCreate, "rotate": keysRotate, "list": keysList, "seal": keysSeal,
	}[command]
	switch {
	case command == "help" || command == "-h" || command == "--help":
		fmt.Print(keysUsage)
		return nil
	case command == "retire":
		return keysRetire(ctx, args, os.Stdout)
	case !known:
		fmt.Fprintf(os.Stderr, "buildrelay keys: there is no command %q\n\n%s", command, keysUsage)
		return errUsage
	}
	if err := parse(flag.NewFlagSet("buildrelay keys "+command, flag.ContinueOnError), args); err != nil {
		return err
	}
	c, err := keysConfig()
	if err != nil {
		return err
	}
	return run(ctx, c, os.Stdout)
}

// keysConfig are the settings of who deals with keys. Secrets among them may be sealed.
func keysConfig() (Config, error) {
	c, _, err := loadWithSoketi(os.Environ())
	if err == nil && c.KeysFile == "" {
		err = errors.New("RELAY_KEYS_FILE is not set: it says where the keys are, or are to be")
	}
	return c, err
}
